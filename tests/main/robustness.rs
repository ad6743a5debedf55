//! Damaged, cut, deep, long and enormous inputs: nothing panics, hangs, or is lost without a word.

use causet::causal::{CausalGraph, ExactOrder, critical_path, disagreements, overview};
use causet::formats::{self, Format, Reading, Source, by_id};
use causet::store::{NewSpan, StoreBuilder};
use std::fs;

fn read(format: &dyn Format, bytes: impl Into<Vec<u8>>) -> Reading {
    let mut reading = Reading::default();
    format.read(&mut Source::memory(bytes), &mut reading).unwrap();
    reading
}

/// A small file in each format that has spans.
fn samples() -> Vec<(&'static dyn Format, Vec<u8>)> {
    let json = fs::read("testdata/otlp/sample.jsonl").unwrap();
    let store = read(by_id("otlp-json").unwrap(), json).spans.finish();
    let writers = formats::ALL.iter().filter(|format| format.writes() == formats::Writes::Spans);
    writers
        .map(|format| {
            let mut bytes = Vec::new();
            format.write_spans(&store, &mut bytes).unwrap();
            (*format, bytes)
        })
        .collect()
}

#[test]
fn cut_files_are_read_up_to_the_cut_and_say_so() {
    for (format, bytes) in samples() {
        let step = (bytes.len() / 300).max(1);
        for cut in (1..bytes.len() - 1).step_by(step) {
            let reading = read(format, &bytes[..cut]);
            let whole = reading.spans.len() == 4;
            assert!(!reading.skipped.is_empty() || whole, "{} cut at {cut} of {}", format.entry().id, bytes.len());
        }
    }
}

#[test]
fn damaged_exact_events_never_panic_and_have_an_order() {
    let bytes = fs::read("testdata/exact/restart.jsonl").unwrap();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        // A digit that is another one is where it hurts most.
        bytes[at] = if bytes[at].is_ascii_digit() { b'0' + (bytes[at] + 3) % 10 } else { b'"' };
        let store = read(by_id("otlp-json").unwrap(), bytes).spans.finish();
        let Some(order) = ExactOrder::new(&store) else { continue };
        assert!(order.rows(&store).count() == order.len() && order.unknown_pairs().unknown <= order.unknown_pairs().of);
        disagreements(&order, &store);
    }
}

#[test]
fn damaged_bytes_never_panic_and_what_was_read_can_be_analyzed() {
    for (format, bytes) in samples() {
        let step = (bytes.len() / 400).max(1);
        for at in (0..bytes.len()).step_by(step) {
            for damage in [0u8, b'"', 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = damage;
                let store = read(format, bytes).spans.finish();
                let graph = CausalGraph::new(&store);
                overview(&store, &graph);
            }
        }
    }
}

#[test]
fn a_damaged_line_costs_that_line() {
    let line = |id: u32| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id:032x}","spanId":"{id:016x}"}}]}}]}}]}}"#
        )
    };
    let good: Vec<String> = (1..=9).map(line).collect();
    let damaged = [
        &good[4][..good[4].len() - 7],                       // cut
        &good[4].replace("spanId\":", "spanId\""),           // a syntax error
        "\u{1}\u{2}garbage",                                 // no JSON at all
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{},"#, // cut between elements: the next line must not be swallowed
    ]
    .map(str::to_owned);
    for damaged in damaged {
        let mut lines = good.clone();
        lines[4] = damaged.clone();
        let text = lines.join("\n");
        let reading = read(by_id("otlp-json").unwrap(), text.clone());
        assert_eq!(reading.spans.len(), 8, "{damaged}");
        assert!(!reading.skipped.is_empty(), "{damaged}");
        let first = &reading.skipped.first()[0].position;
        assert!(first.starts_with("line 5, byte ") || first.starts_with("line 4, byte "), "{first}");
    }
}

#[test]
fn pretty_printed_documents_in_a_row_survive_damage_in_one() {
    let document = |id: u32| {
        let text = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id:032x}","spanId":"{id:016x}"}}]}}]}}]}}"#
        );
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&text).unwrap()).unwrap()
    };
    let whole = [document(1), document(2), document(3)];
    let format = by_id("otlp-json").unwrap();
    assert_eq!(read(format, whole.join("\n")).spans.len(), 3);
    let damaged = whole[1].replacen('[', "(", 1);
    let reading = read(format, [&whole[0], &damaged, &whole[2]].map(String::as_str).join("\n"));
    assert_eq!((reading.spans.len(), reading.skipped.total()), (2, 1));
}

#[test]
fn a_damaged_frame_costs_that_frame() {
    let message = &samples().into_iter().find(|(format, _)| format.entry().id == "otlp-proto").unwrap().1;
    let frame = |body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], body].concat();
    for junk in [&[0xff; 50][..], b"some text where a message should be"] {
        let frames = [frame(message), frame(message), frame(junk), frame(message)].concat();
        let format = formats::recognise(&frames).unwrap();
        assert_eq!(format.entry().id, "otlp-proto");
        let reading = read(format, frames);
        assert_eq!(reading.spans.len(), 12);
        assert!(!reading.skipped.is_empty());
    }
}

#[test]
fn values_as_deep_as_they_are_read_survive_every_format() {
    let deep = |levels: usize| {
        let open = r#"{"kvlistValue":{"values":[{"key":"k","value":"#.repeat(levels);
        let value = format!("{open}{{\"stringValue\":\"x\"}}{}", "}]}}".repeat(levels));
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","attributes":[{{"key":"k","value":{value}}}]}}]}}]}}]}}"#
        )
    };
    let json = by_id("otlp-json").unwrap();
    let deepest = (1..200).take_while(|&levels| read(json, deep(levels)).skipped.is_empty()).last().unwrap();
    assert!(deepest >= 30, "{deepest}");
    let store = read(json, deep(deepest)).spans.finish();
    for format in formats::ALL.iter().filter(|format| format.writes() == formats::Writes::Spans) {
        let mut bytes = Vec::new();
        format.write_spans(&store, &mut bytes).unwrap();
        let back = read(*format, bytes);
        assert!(back.skipped.is_empty(), "{}: {:?}", format.entry().id, back.skipped);
        if !format.loses().is_empty() {
            continue;
        }
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        json.write_spans(&back.spans.finish(), &mut out).unwrap();
        json.write_spans(&store, &mut expected).unwrap();
        assert!(out == expected, "{}", format.entry().id);
    }
}

#[test]
fn text_that_is_not_utf_8_is_kept_and_told() {
    let mut bytes = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"op?"}]}]}]}"#.to_vec();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xff;
    let reading = read(by_id("otlp-json").unwrap(), bytes);
    assert_eq!((reading.spans.len(), reading.skipped.total()), (1, 1));
}

#[test]
fn compressed_streams_cut_before_their_first_byte_are_errors() {
    let whole = zstd::encode_all(&b"{\"resourceSpans\":[]}"[..], 1).unwrap();
    for cut in [4, 6] {
        let path = std::env::temp_dir().join(format!("causet-cut-{}-{cut}.zst", std::process::id()));
        fs::write(&path, &whole[..cut]).unwrap();
        let place = formats::input::Place::File { path: path.clone(), named: true, goes_on: false };
        let (mut stream, mut reading) = Default::default();
        let loaded =
            formats::input::load(&place, None, &mut stream, Default::default(), &mut reading, Box::new(|_| true));
        fs::remove_file(path).unwrap();
        assert!(loaded.is_err(), "cut at {cut}");
    }
}

#[test]
fn a_value_of_a_wrong_type_costs_only_itself() {
    let span = |fields: &str| {
        format!(r#"{{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b"{fields}}}"#)
    };
    for wrong in [
        r#","attributes":{}"#,
        r#","attributes":[{"key":"k","value":"plain"}]"#,
        r#","attributes":[5]"#,
        r#","status":"ok""#,
        r#","events":"none""#,
        r#","name":["x"]"#,
        r#","links":[[]]"#,
    ] {
        let spans = [span(""), span(wrong), span("")].join(",");
        let reading = read(
            by_id("otlp-json").unwrap(),
            format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#),
        );
        assert_eq!(reading.spans.len(), 3, "{wrong}");
        assert!(reading.skipped.total() >= 1, "{wrong}");
    }
}

#[test]
fn brackets_without_end_do_not_overflow() {
    let line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b"}]}]}]}"#;
    for open in ["[", "{\"resourceSpans\":["] {
        let reading = read(by_id("otlp-json").unwrap(), format!("{line}\n{}", open.repeat(500_000)));
        assert_eq!(reading.spans.len(), 1);
        assert!(!reading.skipped.is_empty());
    }
}

#[test]
fn a_document_that_others_would_refuse_ends_where_it_ends() {
    let document = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"a?b"}]}]}]}"#;
    // A control character in a text, which is kept; and something behind the document on its line.
    let document = document.replace('?', "\u{1}");
    for (behind, spans, skipped) in
        [("", 1, 0), (",", 1, 1), ("\u{0}\u{0}", 1, 0), (&*document, 2, 0), ("{\"resourceSpans\":[", 1, 1)]
    {
        let reading = read(by_id("otlp-json").unwrap(), format!("{document}{behind}\n"));
        assert_eq!(
            (reading.spans.len(), reading.skipped.total()),
            (spans, skipped),
            "{behind:?}: {:?}",
            reading.skipped
        );
    }
}

#[test]
fn documents_may_be_laid_out_anyhow() {
    let document = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b"}]}]}]}"#;
    let group = &document[18..document.len() - 2];
    for (text, spans) in [
        (format!("[{document},\n{document},\n{document}]"), 3),
        (format!("[\n{document},\n{document}\n]\n"), 2),
        (format!("{{\"resourceSpans\":[\n{group},\n{group}\n]}}\n"), 2),
        (document.repeat(3), 3),
        (format!("{document}\r\n\r\n{document}\r\n"), 2),
    ] {
        let reading = read(by_id("otlp-json").unwrap(), text.clone());
        assert_eq!((reading.spans.len(), reading.skipped.total()), (spans, 0), "{text}");
    }
}

#[test]
fn one_enormous_line_is_streamed() {
    // Longer than a line that is held in memory (64 MiB).
    let span = r#"{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"x"},"#;
    let mut text = String::from(r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#);
    let count = (70 << 20) / span.len();
    text.extend(std::iter::repeat_n(span, count));
    text.pop();
    text.push_str("]}]}]}\n");
    text.push_str(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000c"}]}]}]}"#);
    let reading = read(by_id("otlp-json").unwrap(), text);
    assert_eq!(reading.spans.len(), count + 1);
    assert!(reading.skipped.is_empty());
}

#[test]
fn attributes_nested_five_thousand_deep_do_not_overflow() {
    let deep =
        format!("{}{{\"stringValue\":\"x\"}}{}", r#"{"arrayValue":{"values":["#.repeat(5000), "]}}".repeat(5000));
    let text = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","attributes":[{{"key":"k","value":{deep}}}]}}]}}]}}]}}"#
    );
    let reading = read(by_id("otlp-json").unwrap(), text);
    assert_eq!((reading.spans.len(), reading.skipped.total()), (1, 1));
}

#[test]
fn a_wide_trace_of_a_hundred_thousand_spans_is_analyzed() {
    let mut builder = StoreBuilder::new();
    for id in 1..=100_000u64 {
        let (parent, start, end) = if id == 1 { (0, 1, 1_000_000) } else { (1, id, id + 5) };
        builder.span(NewSpan { trace_id: 1, id, parent, start, end, ..NewSpan::default() });
    }
    let store = builder.finish();
    let graph = CausalGraph::new(&store);
    assert_eq!(graph.problems(), []);
    let path = critical_path(&store, graph.family(), 0);
    assert_eq!(path.iter().map(|segment| segment.to - segment.from).sum::<u64>(), 999_999);
    assert_eq!(overview(&store, &graph).summary.spans, 100_000);
}

#[test]
fn empty_and_binary_inputs_are_of_no_format_or_of_no_content() {
    assert!(formats::recognise(b"").is_none());
    assert!(formats::recognise(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0").is_none());
    assert!(formats::recognise(b"hello, world\n").is_none());
    assert!(formats::recognise("\u{89}PNG\r\n\u{1a}\n".as_bytes()).is_none());
    assert!(formats::recognise(&[0; 1000]).is_none());
    assert!(formats::recognise(b"null\n").is_none());
    for format in formats::ALL {
        let reading = read(*format, "");
        assert!(reading.spans.is_empty() && reading.history.is_empty(), "{}", format.entry().id);
    }
}

/// Every real file of a format, by what it is recognised as.
fn real_files() -> Vec<(String, &'static dyn Format, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo: Vec<_> =
        ["otlp", "jaeger", "zipkin", "shiviz", "collector", "exact", "histories/kv", "histories/etcd", "cli/input"]
            .map(|folder| std::path::Path::new("testdata").join(folder))
            .into();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let mut inside: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
            inside.sort();
            todo.append(&mut inside);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let head = Source::memory(bytes.clone()).peek(formats::HEAD).unwrap();
        if let Some(format) = formats::recognise(&head).filter(|_| bytes.len() < 60_000) {
            found.push((path.display().to_string(), format, bytes));
        }
    }
    found.extend(
        samples().into_iter().map(|(format, bytes)| (format!("a sample of {}", format.entry().id), format, bytes)),
    );
    found
}

/// Damages bytes in one of five ways; where.
fn damage(bytes: &mut Vec<u8>, mut random: impl FnMut(usize) -> usize) -> usize {
    let at = random(bytes.len());
    let until = (at + 1 + random(40)).min(bytes.len());
    match random(5) {
        0 => bytes[at] ^= 1 << random(8),
        1 => drop(bytes.drain(at..until)),
        2 => bytes[at..until].iter_mut().for_each(|byte| *byte = random(256) as u8),
        3 => {
            let copy = bytes[at..until].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => bytes.truncate(at),
    }
    at
}

#[test]
fn real_files_damaged_at_random_are_read_as_far_as_they_go() {
    let mut state = 5u64;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(state) * bound as u128) >> 64) as usize
    };
    let files = real_files();
    assert!(files.len() > 40, "{}", files.len());
    let mut ids: Vec<&str> = files.iter().map(|(_, format, _)| format.entry().id).collect();
    ids.sort_unstable();
    ids.dedup();
    let readable = formats::ALL.iter().filter(|format| format.is_read()).count();
    assert!(ids.len() >= readable - 1, "{ids:?} of {readable}");
    for (name, format, bytes) in files {
        // Shown when the test fails.
        eprintln!("{name}");
        for _ in 0..40 {
            let mut damaged = bytes.clone();
            let at = damage(&mut damaged, &mut random);
            // What it is taken for may change; whatever reads it must survive.
            let recognised = Source::memory(damaged.clone()).peek(formats::HEAD).ok();
            if let Some(other) = recognised.and_then(|head| formats::recognise(&head)) {
                read(other, damaged.clone());
            }
            let reading = read(format, damaged.clone());
            let mut source = Source::memory(damaged.clone());
            std::io::copy(&mut source, &mut std::io::sink()).unwrap();
            for skip in reading.skipped.first() {
                let byte = skip.position.rsplit("byte ").next().and_then(|text| text.parse::<u64>().ok());
                let inside = skip.position.contains("message at") || byte.is_none_or(|byte| byte <= source.offset());
                assert!(inside, "{name}, damaged at {at}: {} of {}", skip.position, source.offset());
            }
            // What stood before the damage is there, but for what was not finished.
            if format.entry().id != "parquet" && source.offset() == damaged.len() as u64 {
                let before = read(format, &bytes[..at]).spans.len();
                assert!(
                    reading.spans.len() + 1 >= before,
                    "{name}, damaged at {at}: {} of {before}",
                    reading.spans.len()
                );
            }
            CausalGraph::new(&reading.spans.finish());
        }
    }
}
