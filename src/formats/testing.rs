//! Reading and writing by name, and what holds for every format that can't hold all of a trace.

use super::{OTLP_SAMPLE, Reading, Source, by_id, recognise};
use crate::store::SpanStore;

pub(super) fn read(format: &str, bytes: impl Into<Vec<u8>>) -> Reading {
    let mut reading = Reading::default();
    by_id(format).unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
    reading
}

fn write(format: &str, store: &SpanStore) -> String {
    let mut bytes = Vec::new();
    by_id(format).unwrap().write_spans(store, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_a_format_can_hold_survives() {
    for (id, otlp) in [
        ("jaeger-json", include_str!("../../testdata/jaeger/holds.otlp.jsonl")),
        ("zipkin-json", include_str!("../../testdata/zipkin/holds.otlp.jsonl")),
    ] {
        let written = write(id, &read("otlp-json", otlp).spans.finish());
        assert_eq!(recognise(written.as_bytes()).unwrap().entry().id, id);
        let back = read(id, written);
        assert_eq!(back.skipped, Default::default());
        assert_eq!(write("otlp-json", &back.spans.finish()), otlp);
    }
}

#[test]
fn what_a_format_cannot_hold_is_lost_once() {
    for id in ["jaeger-json", "zipkin-json"] {
        let store = read("otlp-json", OTLP_SAMPLE).spans.finish();
        let once = read(id, write(id, &store)).spans.finish();
        let twice = read(id, write(id, &once)).spans.finish();
        assert_eq!((once.len(), write("otlp-json", &once)), (store.len(), write("otlp-json", &twice)), "{id}");
    }
}
