//! Scripts: what happens to a system, step by step, in a text that also says what came of it.
//!
//! A scenario of a textbook, or the one interleaving in a million that shows a bug, as lines of
//!
//! ```text
//! system raft                    first of all: what runs
//! mutant vote-not-persisted      with which known bug in
//! nodes 3                        servers that belong to the cluster (clients 2, spare 0, option NAME=VALUE)
//!
//! fire n1 election               a timer runs out, wherever it stands
//! deliver n1 n2 [NAME] [COUNT]   the oldest message from n1 to n2 (of this name) arrives; COUNT of them, or `all`
//! flush [n1 n2 …]                messages among these (or all) arrive, oldest first, until there are none
//! drop n1 n2 [NAME]              all messages from n1 to n2 (of this name) are lost; `*` stands for any node
//! again n1 n2 NAME [BACK]        what n2 got last from n1 under this name (or so many before that) arrives again
//! invoke c1@n2 put k0 5          a client is told to do something, and asks this server first
//! hold n1 · sync n1 [COUNT]      the disk of n1 does not finish writing · does; only the next COUNT writes
//! crash n1 · start n1            what was not on disk is lost
//! wait 200ms [n1 …]              the clocks of these (or all) nodes go on
//! ```
//!
//! and, indented below each, what the nodes noted, what arrived and what clients were told. Comments begin
//! with `#`. At the end stands what the system's promise and its invariants say to it all.

mod play;

pub use play::{Played, play};

use crate::node::{Cluster, Mutant, NodeId, System};
use crate::sim::LONGEST;

/// A script, read.
#[derive(Clone)]
pub struct Script {
    pub system: &'static dyn System,
    pub mutant: Option<&'static Mutant>,
    pub cluster: Cluster,
    pub options: Vec<(String, String)>,
    pub lines: Vec<Line>,
}

/// A line of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A comment, an empty line, or one of the head: kept as it is.
    Text(String),
    Do {
        text: String,
        command: Command,
    },
}

/// Something that happens. No node stands for any.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Fire { node: NodeId, at: Option<NodeId>, timer: String },
    Deliver { from: NodeId, to: NodeId, name: Option<String>, count: usize },
    Flush(Vec<NodeId>),
    Drop { from: Option<NodeId>, to: Option<NodeId>, name: Option<String> },
    Again { from: NodeId, to: NodeId, name: String, back: usize },
    Invoke { client: NodeId, at: Option<NodeId>, function: String, key: Option<String>, input: serde_json::Value },
    Hold(NodeId),
    Sync { node: NodeId, count: usize },
    Crash(NodeId),
    Start(NodeId),
    Wait { ns: u64, nodes: Vec<NodeId> },
}

impl Script {
    /// Reads a script. What is indented is left out: it is what came of it before.
    ///
    /// # Errors
    /// The number of a line, and what is wrong with it.
    pub fn read(text: &str, system: impl Fn(&str) -> Option<&'static dyn System>) -> Result<Self, String> {
        let mut head = Head::default();
        let mut lines = Vec::new();
        let mut waited = 0u64;
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with("    ")) {
            let wrong = |message: String| format!("line {}: {message}", at + 1);
            let words: Vec<&str> = line.split_whitespace().collect();
            if words == ["judge"] {
                continue;
            }
            let comment = words.first().is_none_or(|word| word.starts_with('#'));
            if comment || head.take(&words, &system).map_err(wrong)? {
                lines.push(Line::Text(line.to_owned()));
                continue;
            }
            let command = command(&words, head.cluster()).map_err(wrong)?;
            if let Command::Wait { ns, .. } = command {
                waited = waited.saturating_add(ns);
                if waited > LONGEST {
                    return Err(wrong("the script waits for longer than a hundred days".to_owned()));
                }
            }
            lines.push(Line::Do { text: line.to_owned(), command });
        }
        let cluster = head.cluster();
        let system = head.system.ok_or("there is no line `system ID`")?;
        let mutant = head.mutant.map(|id| super::files::mutant_of(system, &id)).transpose()?;
        for (name, value) in &head.options {
            system.about().check_option(name, value)?;
        }
        Ok(Self { system, mutant, cluster, options: head.options, lines })
    }
}

struct Head {
    system: Option<&'static dyn System>,
    mutant: Option<String>,
    options: Vec<(String, String)>,
    nodes: u16,
    clients: u16,
    spare: u16,
}

impl Default for Head {
    fn default() -> Self {
        Self { system: None, mutant: None, options: Vec::new(), nodes: 3, clients: 2, spare: 0 }
    }
}

impl Head {
    fn cluster(&self) -> Cluster {
        Cluster { members: self.nodes, servers: self.nodes + self.spare, clients: self.clients }
    }

    /// Takes a line of the head; whether it was one.
    fn take(&mut self, words: &[&str], find: impl Fn(&str) -> Option<&'static dyn System>) -> Result<bool, String> {
        let number = |text: &str| match text.parse::<u16>() {
            Ok(number) if number <= 64 => Ok(number),
            _ => Err(format!("expected a number up to 64, found `{text}`")),
        };
        match *words {
            ["system", id] => self.system = Some(find(id).ok_or_else(|| format!("there is no system `{id}`"))?),
            ["mutant", id] => self.mutant = Some(id.to_owned()),
            ["nodes", count] => self.nodes = number(count)?.max(1),
            ["clients", count] => self.clients = number(count)?,
            ["spare", count] => self.spare = number(count)?,
            ["option", option] => {
                let (name, value) = option.split_once('=').ok_or("expected option NAME=VALUE")?;
                self.options.push((name.to_owned(), value.to_owned()));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn command(words: &[&str], cluster: Cluster) -> Result<Command, String> {
    let node = |name: &str| cluster.find(name).ok_or_else(|| format!("there is no node `{name}`"));
    let any = |name: &str| if name == "*" { Ok(None) } else { node(name).map(Some) };
    let nodes = |names: &[&str]| names.iter().map(|name| node(name)).collect::<Result<Vec<_>, _>>();
    let at = |name: &str| match name.split_once('@') {
        Some((name, at)) => Ok::<_, String>((node(name)?, Some(node(at)?))),
        None => Ok((node(name)?, None)),
    };
    let count = |text: &str| if text == "all" { Some(usize::MAX) } else { text.parse().ok() };
    Ok(match *words {
        ["fire", who, timer] => {
            let (node, at) = at(who)?;
            Command::Fire { node, at, timer: timer.to_owned() }
        }
        ["deliver", from, to, ref rest @ ..] => {
            let (name, times) = match *rest {
                [] => (None, 1),
                [one] => count(one).map_or((Some(one), 1), |times| (None, times)),
                [name, times] => (Some(name), count(times).ok_or_else(|| format!("`{times}` is not a number"))?),
                _ => return Err("expected deliver FROM TO [NAME] [COUNT]".to_owned()),
            };
            Command::Deliver { from: node(from)?, to: node(to)?, name: name.map(str::to_owned), count: times }
        }
        ["flush", ref names @ ..] => Command::Flush(nodes(names)?),
        ["drop", from, to, ref rest @ ..] if rest.len() < 2 => {
            Command::Drop { from: any(from)?, to: any(to)?, name: rest.first().map(|name| (*name).to_owned()) }
        }
        ["again", from, to, name, ref rest @ ..] if rest.len() < 2 => {
            let back = rest.first().map_or(Some(0), |text| text.parse().ok()).ok_or("expected a number")?;
            Command::Again { from: node(from)?, to: node(to)?, name: name.to_owned(), back }
        }
        ["invoke", who, function, ref rest @ ..] => {
            let (client, at) = at(who)?;
            let (key, input) = match *rest {
                [] => (None, None),
                [key] => (Some(key), None),
                [key, input] => (Some(key), Some(input)),
                _ => return Err("expected invoke CLIENT FUNCTION [KEY] [INPUT], INPUT without spaces".to_owned()),
            };
            let key = key.filter(|key| *key != "-").map(str::to_owned);
            let input = input.map_or(Ok(serde_json::Value::Null), serde_json::from_str);
            let input = input.map_err(|error| format!("the input is not JSON: {error}"))?;
            check_servers(function, &input, cluster)?;
            Command::Invoke { client, at, function: function.to_owned(), key, input }
        }
        ["hold", name] => Command::Hold(node(name)?),
        ["sync", name] => Command::Sync { node: node(name)?, count: usize::MAX },
        ["sync", name, times] => {
            let count = count(times).ok_or_else(|| format!("`{times}` is not a number"))?;
            Command::Sync { node: node(name)?, count }
        }
        ["crash", name] => Command::Crash(node(name)?),
        ["start", name] => Command::Start(node(name)?),
        ["wait", time, ref names @ ..] => {
            let ms = time.strip_suffix("ms").and_then(|number| number.parse::<u64>().ok());
            let ns = ms.and_then(|ms| ms.checked_mul(1_000_000)).ok_or("expected a time such as 200ms")?;
            Command::Wait { ns, nodes: nodes(names)? }
        }
        _ => return Err(format!("`{}` is no command", words.join(" "))),
    })
}

/// An administrator can name only servers that there are, spare ones included; they are numbered from 0.
fn check_servers(function: &str, input: &serde_json::Value, cluster: Cluster) -> Result<(), String> {
    let named = match (function, input) {
        ("members", serde_json::Value::Array(servers)) => &servers[..],
        ("members", _) => return Err("expected invoke CLIENT members - [SERVER,…]".to_owned()),
        ("transfer", server) => std::slice::from_ref(server),
        _ => return Ok(()),
    };
    let there = |server: &serde_json::Value| server.as_u64().is_some_and(|number| number < cluster.servers.into());
    match named.iter().find(|server| !there(server)) {
        Some(server) => Err(format!("there is no server {server}: they are numbered 0 to {}", cluster.servers - 1)),
        None => Ok(()),
    }
}
