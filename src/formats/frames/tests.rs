//! Messages as the Collector writes them, whole, damaged and across files.

use super::*;
use crate::formats::{OTLP_SAMPLE, by_id, recognise as format_of};

/// One message per line of JSON: the sample, so often.
fn messages(encoding: Encoding, count: u64) -> Vec<Vec<u8>> {
    let message = |id: u64| {
        let text = OTLP_SAMPLE.lines().next().unwrap().replace("eee19b7ec3c1b1", &format!("{id:014x}"));
        if encoding == Encoding::Json {
            return text.into_bytes();
        }
        let mut bytes = Vec::new();
        let store = read_as("otlp-json", text.as_bytes()).spans.finish();
        by_id("otlp-proto").unwrap().write_spans(&store, &mut bytes).unwrap();
        bytes
    };
    (1..=count).map(message).collect()
}

/// As its encoder compresses: size and checksum in the frame.
fn compressed(message: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::bulk::Compressor::new(3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.include_contentsize(true).unwrap();
    encoder.compress(message).unwrap()
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|message| [&(message.len() as u32).to_be_bytes()[..], message].concat()).collect()
}

fn read_as(id: &str, bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    by_id(id).unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
    reading
}

fn id_of(bytes: &[u8]) -> &'static str {
    format_of(bytes).map_or("", |format| format.entry().id)
}

/// Every way to write messages, with the format that it is.
fn every_way(count: u64) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let (json, proto) = (messages(Encoding::Json, count), messages(Encoding::Proto, count));
    let zstd = |messages: &[Vec<u8>]| messages.iter().map(|message| compressed(message)).collect::<Vec<_>>();
    vec![("otlp-json", zstd(&json)), ("otlp-proto", zstd(&proto)), ("otlp-json", json), ("otlp-proto", proto)]
}

#[test]
fn every_framing_is_recognised_and_read() {
    for (id, messages) in every_way(6) {
        let each = read_as("otlp-json", OTLP_SAMPLE.lines().next().unwrap().as_bytes()).spans.len();
        let bytes = framed(&messages);
        assert_eq!(id_of(&bytes), id);
        // Where a message says itself what it is, whichever of the two the user says.
        for format in ["otlp-json", "otlp-proto"] {
            if id != format && !messages[0].starts_with(&ZSTD) {
                continue;
            }
            let reading = read_as(format, &bytes);
            assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
            assert_eq!(reading.spans.len(), 6 * each);
        }
        // Compressed as a whole too, as it does since.
        let whole = zstd::encode_all(&bytes[..], 3).unwrap();
        assert_eq!(read_as(id, &whole).spans.len(), 6 * each);
        assert_eq!(read_as(id, &framed(&[])).spans.len(), 0);
    }
}

#[test]
fn a_damaged_message_costs_that_message() {
    for (id, messages) in every_way(6) {
        let whole = read_as(id, &framed(&messages)).spans.len();
        let each = whole / 6;
        let place = framed(&messages[..4]).len();
        let length = HEADER + messages[4].len();
        for at in (0..length).filter(|at| *at < 40 || at % 23 == 0) {
            let mut bytes = framed(&messages);
            bytes[place + at] ^= 0x55;
            let reading = read_as(id, &bytes);
            let found = reading.spans.len();
            assert!((whole - each..=whole).contains(&found), "{id} damaged at {at}: {found} of {whole} spans");
            if messages[4].starts_with(&ZSTD) {
                assert!(!reading.skipped.is_empty() || found == whole, "{id} damaged at {at}");
            }
            for skip in reading.skipped.first() {
                let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).find_map(|part| part.parse().ok());
                let byte: usize = skip.position.split("byte ").nth(1).and_then(digits).unwrap();
                assert!((place..place + length).contains(&byte), "{}", skip.position);
            }
        }
    }
}

#[test]
fn a_cut_file_gives_what_it_has() {
    for (id, messages) in every_way(3) {
        let bytes = framed(&messages);
        let whole = read_as(id, &bytes).spans.len();
        let before_last = framed(&messages[..2]).len();
        for cut in (before_last + 1..bytes.len()).step_by(11) {
            let reading = read_as(id, &bytes[..cut]);
            assert!(!reading.skipped.is_empty(), "{id} cut at {cut}");
            assert!(reading.spans.len() >= whole / 3 * 2, "{id} cut at {cut}");
        }
    }
}

#[test]
fn lengths_that_lie_do_not_cost_the_rest() {
    for (id, messages) in every_way(5) {
        let whole = read_as(id, &framed(&messages)).spans.len();
        for lie in [1u32, 17, 1 << 20, 1 << 29, u32::MAX] {
            let mut bytes = framed(&messages);
            let place = framed(&messages[..2]).len();
            bytes[place..place + 4].copy_from_slice(&lie.to_be_bytes());
            let reading = read_as(id, &bytes);
            assert_eq!((reading.spans.len(), reading.skipped.total()), (whole, 1), "{id}, {lie}");
            assert_eq!(reading.skipped.first()[0].position, format!("byte {place}"));
        }
    }
}

#[test]
fn a_message_may_go_on_in_the_next_file() {
    let folder = std::env::temp_dir().join(format!("causet-frames-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut ways = every_way(4);
    let lines = messages(Encoding::Json, 4).concat();
    let lines = vec![lines.replace("}{\"resourceSpans\"", "}\n{\"resourceSpans\"")];
    ways.push(("otlp-json", lines));
    for (way, (id, messages)) in ways.iter().enumerate() {
        let bytes = if way == 4 { messages[0].clone() } else { framed(messages) };
        let whole = read_as(id, &bytes).spans.len();
        for cut in (bytes.len() / 3..bytes.len() * 2 / 3).filter(|cut| way < 2 || cut % 19 == 0) {
            let next = folder.join("next");
            std::fs::write(&next, &bytes[cut..]).unwrap();
            let mut source = Source::memory(&bytes[..cut]);
            source.set_sequel(next.clone());
            let mut reading = Reading::default();
            let format = by_id(id).unwrap();
            format.read(&mut source, &mut reading).unwrap();
            let mut rest = source.take_sequel().unwrap_or_else(|| Source::open(&next).unwrap());
            format.read(&mut rest, &mut reading).unwrap();
            assert!(reading.skipped.is_empty(), "{way} cut at {cut}: {:?}", reading.skipped);
            assert_eq!(reading.spans.len(), whole, "{way} cut at {cut}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

trait Replace {
    fn replace(&self, from: &str, to: &str) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replace(&self, from: &str, to: &str) -> Vec<u8> {
        String::from_utf8_lossy(self).replace(from, to).into_bytes()
    }
}
