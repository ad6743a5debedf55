//! Every entry of the registries is complete, and its example is what it says.

use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use causet_checkers::{Query, QueryError, check, models, properties};

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Int(number.as_i64().expect("examples have integers")),
        serde_json::Value::String(text) => Value::str(text),
        serde_json::Value::Array(items) => Value::list(items.iter().map(value)),
        serde_json::Value::Object(pairs) => Value::map(pairs.iter().map(|(key, item)| (Value::str(key), value(item)))),
    }
}

fn read(jsonl: &str) -> History {
    let mut builder = HistoryBuilder::new();
    for line in jsonl.lines() {
        let json: serde_json::Value = serde_json::from_str(line).expect("examples are JSON lines");
        let field = |name: &str| json.get(name).map(value).unwrap_or_default();
        assert_eq!(field("status"), Value::str("ok"), "this test reads no other");
        let complete = Complete {
            process: json["process"].as_str().expect("a process"),
            function: json["f"].as_str().expect("a function"),
            key: field("key"),
            input: field("input"),
            call: json["call"].as_i64().expect("a call"),
            ret: json["return"].as_i64(),
            completion: Completion::Ok(field("output")),
        };
        builder.operation(complete).expect("a well-formed operation");
    }
    builder.finish()
}

#[test]
fn every_model_has_an_example_that_is_judged_as_it_says() {
    for entry in models::all() {
        let history = read(entry.example.history);
        let outcome = check(&history, &Query { model: Some(entry.id), ..Query::default() }).expect(entry.id);
        assert_eq!(outcome.verdict.id(), entry.example.verdict, "{}: {:?}", entry.id, outcome.verdict);
        assert!(history.functions().iter().all(|f| entry.functions.iter().any(|doc| doc.name == f)), "{}", entry.id);
        assert!(entry.documentation.len() > 60 && !entry.summary.is_empty(), "{}", entry.id);
        match check(&history, &Query::default()) {
            Ok(outcome) => assert_eq!(models::find(outcome.model).unwrap().family, entry.family),
            Err(QueryError::AmbiguousModel { candidates, .. }) => assert!(candidates.contains(&entry.id)),
            Err(other) => panic!("{}: {other}", entry.id),
        }
    }
}

#[test]
fn ids_are_distinct() {
    let mut ids: Vec<&str> = models::all().iter().map(|entry| entry.id).collect();
    ids.extend(properties::all().iter().map(|entry| entry.id));
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
}

#[test]
fn questions_that_make_no_sense_are_told_what_would() {
    let history = read(models::find("register").unwrap().example.history);
    let ask = |query: Query<'_>| check(&history, &query).unwrap_err().to_string();
    assert!(ask(Query { model: Some("regster"), ..Query::default() }).contains("cas-register"));
    assert!(ask(Query { property: "linear", ..Query::default() }).contains("linearizable"));
    let options = [("initail".to_string(), Value::Int(0))];
    let message = ask(Query { model: Some("register"), options: &options, ..Query::default() });
    assert_eq!(message, "model `register` has no option `initail`; it has initial");
    let options = [("initial".to_string(), Value::str("x"))];
    let message = ask(Query { model: Some("counter"), options: &options, ..Query::default() });
    assert_eq!(message, "option `initial` of model `counter` must be an integer");
}

#[test]
fn what_a_model_does_not_know_is_unknown_and_named() {
    let history = read(r#"{"process":"a","f":"cas","input":3,"output":true,"call":0,"return":1,"status":"ok"}"#);
    let outcome = check(&history, &Query { model: Some("cas-register"), ..Query::default() }).unwrap();
    let causet_checkers::verdict::Verdict::Unknown(cause) = outcome.verdict else { panic!("{:?}", outcome.verdict) };
    assert_eq!(cause.kind.id(), "unsupported");
    assert!(cause.detail.contains("operation 0, `cas`") && cause.detail.contains("[old, new]"), "{}", cause.detail);
}
