//! `otlp-json`: traces as OTLP/JSON, in any packaging.
//!
//! Documents are `ExportTraceServiceRequest` or `TracesData` (they look the same), one or many, on
//! lines of their own or pretty-printed. Where lines hold whole documents, blocks of lines are decoded
//! in parallel and a damaged line costs that line; pretty-printed and enormous documents are streamed.
//! Either way memory holds the spans and a few blocks, not the file.
//!
//! Promise: every span of the input is either in the store or accounted for in `skipped`; what can be
//! read of a span that is whole but odd is read. Specification: OTLP 1.x, "JSON Protobuf Encoding".

use super::frames::{self, Encoding};
use super::otlp_json_decode::{Document, DocumentLevel, Level, OTLP_LISTS, Sink};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::SpanStore;
use rayon::prelude::*;
use serde::de::{DeserializeSeed, IgnoredAny};
use std::io::{self, BufReader, Read, Write};

/// The format.
pub struct OtlpJson;

impl Format for OtlpJson {
    fn entry(&self) -> Entry {
        Entry {
            id: "otlp-json",
            summary: "OTLP traces as JSON: one document, JSON lines, pretty-printed, several in a row",
            documentation: include_str!("docs/otlp-json.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
        let known = ["\"resourceSpans\"", "\"resource_spans\"", "\"resourceLogs\"", "\"resourceMetrics\""];
        let names_otlp = known.iter().any(|name| memchr::memmem::find(head, name.as_bytes()).is_some());
        names_otlp || frames::recognise(head) == Some(Encoding::Json) || text.trim_ascii_end() == b"{}"
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        skip_bom(source)?;
        let head = source.peek(super::HEAD)?;
        if frames::recognise(&head).is_some() {
            return frames::read(source, into);
        }
        let first_line = head.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
        if spans_lines(first_line, &head) {
            return stream::<DocumentLevel>(source, 1, OTLP_LISTS, into);
        }
        lines(source, into)
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        super::json_write::write(spans, to)
    }
}

/// Whether a document does not stay on its line: pretty-printed, or a list with a document on each line.
fn spans_lines(first_line: &[u8], head: &[u8]) -> bool {
    if first_line == b"{" || first_line.starts_with(b"[") {
        return true;
    }
    // A line that goes on, unless the next one is a document of its own: then the first was cut.
    let unfinished = serde_json::from_slice::<IgnoredAny>(first_line).is_err_and(|error| error.is_eof());
    let second_line = head.split(|&byte| byte == b'\n').nth(1).unwrap_or_default().trim_ascii_start();
    unfinished && !second_line.is_empty() && !second_line.starts_with(b"{\"resource")
}

const EXAMPLE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET /cart","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000"}]}]}]}"#;
const BOM: &[u8] = b"\xef\xbb\xbf";

pub(super) fn skip_bom(source: &mut Source) -> io::Result<()> {
    if source.peek(BOM.len())? == BOM {
        source.read_exact(&mut [0; 3])?;
    }
    Ok(())
}

// ---- blocks of lines, in parallel ------------------------------------------------------------------------------

/// How much one task decodes.
const BLOCK: usize = 4 << 20;
/// A line longer than this is streamed instead of being held.
const LONGEST_LINE: usize = 64 << 20;

/// Whole lines, and where they stand.
struct Block {
    bytes: Vec<u8>,
    offset: u64,
    line: u64,
}

fn lines(source: &mut Source, into: &mut Reading) -> io::Result<()> {
    let line = source.first_line();
    let mut cursor = Lines { source, carry: Vec::new(), line, borrowed: 0 };
    let mut batch = cursor.batch()?;
    while !batch.is_empty() {
        let (next, decoded) =
            rayon::join(|| cursor.batch(), || batch.par_iter().map(decode_block).collect::<Vec<Reading>>());
        decoded.into_iter().for_each(|part| into.append(part));
        batch = next?;
    }
    // Left over: nothing, or a line too long to hold.
    let Lines { source, carry, line, .. } = cursor;
    if carry.is_empty() {
        return Ok(());
    }
    source.unread(&carry);
    drop(carry);
    stream::<DocumentLevel>(source, line, OTLP_LISTS, into)
}

struct Lines<'a> {
    source: &'a mut Source,
    /// Read, but not yet part of a block.
    carry: Vec<u8>,
    line: u64,
    /// How many bytes at the end of `carry` are of the file that was written next.
    borrowed: u64,
}

impl Lines<'_> {
    fn batch(&mut self) -> io::Result<Vec<Block>> {
        let mut batch = Vec::new();
        while batch.len() < rayon::current_num_threads() {
            match self.block()? {
                Some(block) => batch.push(block),
                None => break,
            }
        }
        Ok(batch)
    }

    /// The next lines, up to the last start of a document; `None` at the end or before a line that
    /// is too long, which then is in `carry`.
    fn block(&mut self) -> io::Result<Option<Block>> {
        let mut size = BLOCK;
        loop {
            let have = self.carry.len();
            if have < size {
                let mut more = (&mut *self.source).take((size - have) as u64);
                more.read_to_end(&mut self.carry)?;
            }
            let at_end = self.carry.len() < size;
            if self.carry.is_empty() {
                return Ok(None);
            }
            if at_end {
                self.borrow_rest_of_line()?;
            }
            let cut = if at_end { Some(self.carry.len()) } else { last_document_start(&self.carry) };
            if let Some(cut) = cut {
                let rest = self.carry.split_off(cut);
                let bytes = std::mem::replace(&mut self.carry, rest);
                let offset = self.source.offset() + self.borrowed - (bytes.len() + self.carry.len()) as u64;
                let line = self.line;
                self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
                return Ok(Some(Block { bytes, offset, line }));
            }
            if size >= LONGEST_LINE {
                return Ok(None);
            }
            size *= 2;
        }
    }

    /// Rotation does not wait for the end of a line: the rest of it may begin the next file. It does if the two make
    /// one document.
    fn borrow_rest_of_line(&mut self) -> io::Result<()> {
        let start = memchr::memrchr(b'\n', &self.carry).map_or(0, |feed| feed + 1);
        if start == self.carry.len() {
            return Ok(());
        }
        let Some(sequel) = self.source.sequel() else { return Ok(()) };
        let mut most = super::HEAD;
        while most <= LONGEST_LINE {
            let head = sequel.peek(most)?;
            let feed = memchr::memchr(b'\n', &head);
            if let Some(end) = feed.map(|feed| feed + 1).or_else(|| (head.len() < most).then_some(head.len())) {
                let line = [&self.carry[start..], &head[..end]].concat();
                if serde_json::from_slice::<IgnoredAny>(&line).is_ok() {
                    self.carry.append(&mut sequel.pass(end)?);
                    self.borrowed = end as u64;
                }
                return Ok(());
            }
            most *= 4;
        }
        Ok(())
    }
}

fn starts_document(byte: u8) -> bool {
    byte == b'{' || byte == b'['
}

/// The start of the last line that begins a document, if it is not the first.
fn last_document_start(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b'\n', bytes)
        .map(|newline| newline + 1)
        .find(|&start| bytes.get(start).is_some_and(|&byte| starts_document(byte)))
}

fn decode_block(block: &Block) -> Reading {
    let mut reading = Reading::default();
    let mut start = 0;
    let mut line = block.line;
    while start < block.bytes.len() {
        let rest = &block.bytes[start..];
        let end = memchr::memchr_iter(b'\n', rest)
            .map(|newline| newline + 1)
            .find(|&next| rest.get(next).is_some_and(|&byte| starts_document(byte)))
            .unwrap_or(rest.len());
        decode_record(rest[..end].trim_ascii_end(), block.offset + start as u64, line, &mut reading);
        line += memchr::memchr_iter(b'\n', &rest[..end]).count() as u64;
        start += end;
    }
    reading
}

/// Decodes the documents of one record, which begins with one; damage costs what is left of the record.
pub(super) fn decode_record(record: &[u8], offset: u64, line: u64, into: &mut Reading) {
    let (mut at, mut counted, mut line) = (0, 0, line);
    loop {
        // A file that was emptied while it was written to begins with zeroes.
        at += record[at..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0).count();
        if at == record.len() {
            return;
        }
        line += memchr::memchr_iter(b'\n', &record[counted..at]).count() as u64;
        counted = at;
        let mut sink = Sink::of_document(into, offset + at as u64, line);
        let mut document = serde_json::Deserializer::from_slice(&record[at..]);
        document.disable_recursion_limit();
        if let Err(error) = Document::new(&mut sink).deserialize(&mut document) {
            let place = place_of(&error, &record[at..], offset + at as u64, line);
            into.skipped.push(place, reason(&error));
            return;
        }
        // Several documents on one line: what is behind the first one is where its end was expected.
        let Err(behind) = document.end() else { return };
        at += reached(&behind, &record[at..]).saturating_sub(1).max(1);
    }
}

/// Where serde_json met an error, in the input's terms.
fn place_of(error: &serde_json::Error, slice: &[u8], offset: u64, line: u64) -> String {
    let lines_before = error.line().saturating_sub(1) as u64;
    format!("line {}, byte {}", line + lines_before, offset + reached(error, slice) as u64)
}

/// How many bytes serde_json had looked at when it met an error.
fn reached(error: &serde_json::Error, slice: &[u8]) -> usize {
    let line_start = match error.line().saturating_sub(1) {
        0 => 0,
        n => memchr::memchr_iter(b'\n', slice).nth(n - 1).map_or(0, |newline| newline + 1),
    };
    line_start + error.column()
}

/// What serde_json said, without its own idea of the place.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    format!("damaged JSON: {}", &text[..end])
}

// ---- one document after another, streamed ----------------------------------------------------------------------

/// Counts what a parser takes, byte by byte.
struct Counting<R> {
    inner: R,
    offset: u64,
    line: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.offset += n as u64;
        self.line += memchr::memchr_iter(b'\n', &buf[..n]).count() as u64;
        Ok(n)
    }
}

impl<R: Read> Counting<R> {
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.read(&mut byte)? == 1).then_some(byte[0]))
    }
}

/// Reads documents one after another, however they are laid out, from line `line` on; `lists` are the names for
/// places in them. After damage it goes on at the next line that begins a document, or an element of one.
pub(super) fn stream<L: Level>(
    source: &mut Source,
    line: u64,
    lists: &'static [&'static str],
    into: &mut Reading,
) -> io::Result<()> {
    let offset = source.offset();
    let mut input = Counting { inner: BufReader::with_capacity(1 << 18, source), offset, line };
    let mut first = input.byte()?;
    let mut damaged = false;
    loop {
        // After damage, what stands between the elements and at the end of the damaged document says nothing.
        let says_nothing = |byte: u8| byte.is_ascii_whitespace() || damaged && b",]}".contains(&byte);
        while first.is_some_and(says_nothing) {
            first = input.byte()?;
        }
        let Some(byte) = first else { return Ok(()) };
        let mut sink = Sink::of_document(into, input.offset - 1, input.line);
        sink.place.lists = lists;
        let mut document = serde_json::Deserializer::from_reader(io::Cursor::new([byte]).chain(&mut input));
        document.disable_recursion_limit();
        let result = L::decode(&mut sink, &mut document);
        drop(document);
        first = match result {
            Ok(()) => input.byte()?,
            Err(error) if error.is_io() => return Err(error.into()),
            Err(error) => {
                into.skipped.push(format!("line {}, byte {}", input.line, input.offset), reason(&error));
                damaged = true;
                next_document_start(&mut input)?
            }
        };
    }
}

/// Skips to the next line that begins a document, and returns its first byte.
fn next_document_start(input: &mut Counting<impl Read>) -> io::Result<Option<u8>> {
    let mut at_line_start = false;
    while let Some(byte) = input.byte()? {
        if at_line_start && starts_document(byte) {
            return Ok(Some(byte));
        }
        at_line_start = byte == b'\n';
    }
    Ok(None)
}
