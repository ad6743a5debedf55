//! `dot`: the causal graph for Graphviz. Only written.

use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::Drawing;
use std::io::{self, Write};

/// The format.
pub struct Dot;

impl Format for Dot {
    fn entry(&self) -> Entry {
        Entry {
            id: "dot",
            summary: "the causal graph of traces for Graphviz: events, certain and assumed edges (written only)",
            documentation: include_str!("docs/dot.md"),
            example: "causet convert testdata/exact/restart.jsonl --to dot",
        }
    }

    fn recognises(&self, _head: &[u8]) -> bool {
        false
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        super::refuse("dot", source, into)
    }

    fn writes(&self) -> Writes {
        Writes::Graph
    }

    fn write_graph(&self, graph: &Drawing, to: &mut (dyn Write + Send)) -> io::Result<()> {
        writeln!(to, "digraph causal {{\n  rankdir=LR;\n  node [shape=box, fontsize=10];\n  edge [fontsize=8];")?;
        let mut by_lane = vec![Vec::new(); graph.lanes.len()];
        for (at, vertex) in graph.vertices.iter().enumerate() {
            match vertex {
                Some((lane, label)) => by_lane[*lane as usize].push((at, label)),
                None => writeln!(to, "  e{at} [shape=point];")?,
            }
        }
        for (lane, events) in by_lane.iter().enumerate().filter(|(_, events)| !events.is_empty()) {
            writeln!(to, "  subgraph cluster_{lane} {{\n    label={};", quoted(&graph.lanes[lane]))?;
            for (at, label) in events {
                writeln!(to, "    e{at} [label={}];", quoted(label))?;
            }
            writeln!(to, "  }}")?;
        }
        for edge in &graph.edges {
            let style = if edge.certain { "" } else { ", style=dashed" };
            writeln!(to, "  e{} -> e{} [label={}{style}];", edge.from, edge.to, quoted(edge.kind))?;
        }
        writeln!(to, "}}")
    }
}

/// A quoted string of the DOT language: only quotes and backslashes mean something in it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_leave_their_quotes() {
        assert_eq!(quoted("a\"; b\\"), r#""a\"; b\\""#);
        assert_eq!(quoted("a\nb\0"), "\"a\\nb\u{fffd}\"");
    }
}
