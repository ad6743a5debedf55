//! Reading `truth.json` back: the nodes of a run, its faults, and when its operations were really called and returned.

use crate::outcome::FaultWindow;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// What is needed of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Servers and clients, by name.
    pub nodes: Vec<String>,
    /// When faults acted, in true time.
    pub windows: Vec<FaultWindow>,
    /// By the id of an operation's span: when it was called and when it returned, in true time.
    pub operations: BTreeMap<String, (i64, Option<i64>)>,
}

#[derive(Deserialize)]
struct File<'a> {
    nodes: Vec<String>,
    faults: Vec<Window>,
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Window {
    kind: String,
    nodes: Vec<String>,
    start_ns: i64,
    end_ns: Option<i64>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    span_id: Cow<'a, str>,
    time_ns: i64,
}

/// Reads the file.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read(path: &Path) -> Result<Truth, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse(&text)
}

fn parse(text: &str) -> Result<Truth, String> {
    let file: File<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut truth = Truth { nodes: file.nodes, ..Truth::default() };
    truth.windows.extend(file.faults.into_iter().map(|Window { kind, nodes, start_ns, end_ns }| FaultWindow {
        kind,
        nodes,
        start_ns,
        end_ns,
    }));
    for event in file.events {
        match &*event.kind {
            "invoke" => drop(truth.operations.insert(event.span_id.into_owned(), (event.time_ns, None))),
            "complete" => {
                if let Some((_, end)) = truth.operations.get_mut(&*event.span_id) {
                    *end = Some(event.time_ns);
                }
            }
            _ => {}
        }
    }
    Ok(truth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = r#"{"system":"raft","nodes":["n1","c1"],"faults":[{"kind":"crash","nodes":["n1"],"start_ns":5,"end_ns":9,
            "activations":1}],"events":[{"id":1,"kind":"invoke","time_ns":3,"span_id":"0a","vector":{}},
            {"id":2,"kind":"complete","time_ns":7,"span_id":"0a"},{"id":3,"kind":"invoke","time_ns":8,"span_id":"0b"}]}"#;
        let truth = parse(text).unwrap();
        let window = FaultWindow { kind: "crash".into(), nodes: vec!["n1".into()], start_ns: 5, end_ns: Some(9) };
        assert_eq!((truth.nodes, truth.windows), (vec!["n1".to_owned(), "c1".to_owned()], vec![window]));
        let times = [("0a".to_owned(), (3, Some(7))), ("0b".to_owned(), (8, None))];
        assert_eq!(truth.operations, BTreeMap::from(times));
        assert!(parse("{\"nodes\": 3}").unwrap_err().contains("line 1"));
    }
}
