//! `causal-jsonl`: the causal order, an event per line. Only written.

use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{EventName, OrderedEvent};
use serde_json::{Map, json};
use std::io::{self, Write};

/// The format.
pub struct CausalJsonl;

impl Format for CausalJsonl {
    fn entry(&self) -> Entry {
        Entry {
            id: "causal-jsonl",
            summary: "the causal order of traces: events with vector and Lamport clocks as JSON lines (written only)",
            documentation: include_str!("docs/causal-jsonl.md"),
            example: "causet convert testdata/exact/restart.jsonl --to causal-jsonl",
        }
    }

    fn recognises(&self, _head: &[u8]) -> bool {
        false
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        super::refuse("causal-jsonl", source, into)
    }

    fn writes(&self) -> Writes {
        Writes::Order
    }

    fn write_order<'a>(
        &self,
        rows: &mut dyn Iterator<Item = OrderedEvent<'a>>,
        to: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        for row in rows {
            let event = match row.name {
                EventName::Number(number) => json!(number),
                EventName::Text(text) => json!(text),
            };
            let vector: Map<_, _> = row.vector.into_iter().map(|(lane, seq)| (lane.to_owned(), json!(seq))).collect();
            let mut line = json!({
                "event": event, "node": row.node, "incarnation": row.incarnation, "seq": row.seq,
                "vector": vector, "lamport": row.lamport,
            });
            if !row.complete {
                line["complete"] = json!(false);
            }
            serde_json::to_writer(&mut *to, &line)?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }
}
