//! Messages with a 4-byte big-endian length before each, as the Collector's file exporter writes them.
//!
//! `format: proto` and encodings are framed so. Its older compression is too, and puts a zstd frame of its own around
//! each message, after the length; no zstd tool reads that. A message is JSON or protobuf, and tells by how it begins.
//!
//! A damaged message costs itself. A length that leads nowhere is damaged too: then the next place is looked for at
//! which a message begins, and what lies before it is read as far as it goes. One message is in memory at a time, and
//! a few megabytes of small ones.

use super::{Reading, Source, otlp_json, otlp_proto};
use memchr::memmem;
use std::io::{self, Read};

/// How a message is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Proto,
}

/// What stands behind a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Zstd,
    Plain(Encoding),
}

const HEADER: usize = 4;
/// So many bytes of a body tell what it is.
const PEEK: usize = 24;
/// A message that says it is longer is damaged. The Collector receives 4 MiB unless told otherwise.
const LONGEST: usize = 1 << 30;
/// How much is read at a time, and how much is decoded together.
const BLOCK: usize = 256 << 10;
const BATCH: usize = 8 << 20;
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GROUPS: [&[u8]; 3] = [b"{\"resourceSpans\"", b"{\"resourceLogs\"", b"{\"resourceMetrics\""];

/// What the first message is, if these are messages that are compressed, or JSON. Of plain protobuf, which any bytes
/// may look like, [`otlp_proto`] judges.
pub(super) fn recognise(head: &[u8]) -> Option<Encoding> {
    let is_compressed =
        |at: &usize| at.checked_sub(HEADER).is_some_and(|at| surely_begins(&head[at..]) == Some(Body::Zstd));
    // Where the file before this one was rotated away and deleted, this one begins inside a message.
    if let Some(at) = memmem::find_iter(head, &ZSTD).find(is_compressed) {
        let length = length(&head[at - HEADER..]).unwrap_or(0).min(head.len() - at);
        return match decompress(&head[at..at + length]).0.trim_ascii_start().first() {
            Some(b'{') => Some(Encoding::Json),
            // Also where the first block is longer than what is there to look at.
            _ => Some(Encoding::Proto),
        };
    }
    let length = length(head).filter(|length| (1..=LONGEST).contains(length))?;
    let is_json = body_of(&head[HEADER..], length) == Some(Body::Plain(Encoding::Json));
    is_json.then_some(Encoding::Json)
}

/// Reads all messages.
///
/// # Errors
/// What the input says.
pub(super) fn read(source: &mut Source, into: &mut Reading) -> io::Result<()> {
    let mut window = Window { offset: source.offset(), source, bytes: Vec::new(), at: 0, ended: false };
    let mut batch = Vec::new();
    let mut size = 0;
    while let Some(message) = window.next()? {
        size += message.bytes.len();
        batch.push(message);
        if size > BATCH {
            into.append_all(&std::mem::take(&mut batch), decode);
            size = 0;
        }
    }
    into.append_all(&batch, decode);
    Ok(())
}

// ---- from bytes to messages ------------------------------------------------------------------------------------

/// A message, or what is left of one.
struct Message {
    offset: u64,
    bytes: Vec<u8>,
    fault: Option<String>,
}

fn length(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize)
}

/// What a body of this length is, by how it begins; `None` if it is no message.
fn body_of(body: &[u8], length: usize) -> Option<Body> {
    let text = body.trim_ascii_start();
    if body.starts_with(&ZSTD) {
        Some(Body::Zstd)
    } else if text.starts_with(b"{") && length >= 2 {
        Some(Body::Plain(Encoding::Json))
    } else {
        otlp_proto::begins_message(body, length as u64).then_some(Body::Plain(Encoding::Proto))
    }
}

/// What begins like a message, strictly: for places where nothing else says that there is one.
fn surely_begins(bytes: &[u8]) -> Option<Body> {
    let length = length(bytes).filter(|length| (2..=BATCH * 8).contains(length))?;
    let body = &bytes[HEADER..];
    match body_of(body, length)? {
        Body::Plain(Encoding::Json) if !GROUPS.iter().any(|group| body.starts_with(group)) => None,
        body => Some(body),
    }
}

/// Whether bytes, which go on to the end of the input if there are few, begin with a message.
fn begins(bytes: &[u8]) -> bool {
    match length(bytes) {
        None | Some(0) => true,
        Some(length) => length <= LONGEST && (bytes.len() == HEADER || body_of(&bytes[HEADER..], length).is_some()),
    }
}

/// Whether a body is whole, by itself.
fn is_whole(body: &[u8]) -> bool {
    match body_of(body, body.len()) {
        Some(Body::Zstd) => zstd::zstd_safe::find_frame_compressed_size(body) == Ok(body.len()),
        Some(Body::Plain(Encoding::Json)) => body.trim_ascii_end().ends_with(b"}"),
        Some(Body::Plain(Encoding::Proto)) => otlp_proto::is_whole_message(body),
        None => false,
    }
}

/// The input, looked at in a window that moves along.
struct Window<'a> {
    source: &'a mut Source,
    /// From `offset` on; what is before `at` is done with.
    bytes: Vec<u8>,
    at: usize,
    offset: u64,
    ended: bool,
}

impl Window<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Sees to it that `most` bytes are there, if the input has so many.
    fn fill(&mut self, most: usize) -> io::Result<()> {
        if self.ended || self.rest().len() >= most {
            return Ok(());
        }
        self.bytes.drain(..self.at);
        self.offset += self.at as u64;
        self.at = 0;
        let more = (most - self.bytes.len()).max(BLOCK) as u64;
        self.ended = ((&mut *self.source).take(more).read_to_end(&mut self.bytes)? as u64) < more;
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            self.fill(HEADER + PEEK)?;
            let offset = self.offset + self.at as u64;
            if let Some(message) = self.across_files()? {
                return Ok(Some(message));
            }
            let Some(length) = length(self.rest()) else {
                let bytes = self.take(self.rest().len());
                let fault = Some("the length of a message is cut short".to_owned());
                return Ok((!bytes.is_empty()).then_some(Message { offset, bytes: Vec::new(), fault }));
            };
            if length == 0 {
                self.at += HEADER;
                continue;
            }
            let whole = self.is_right(length)?;
            let end = if whole { HEADER + length } else { self.next_start()? };
            let mut bytes = self.take(end);
            bytes.drain(..HEADER.min(bytes.len()));
            let found = bytes.len();
            let fault = match (whole, self.ended && self.rest().is_empty()) {
                (true, _) => None,
                (false, true) if found < length => Some(cut(length, found)),
                (false, _) => Some(format!("damaged length of a message: {length}, but the next is {found} bytes on")),
            };
            return Ok(Some(Message { offset, bytes, fault }));
        }
    }

    /// A message that begins in this file and ends in the one that was written next: rotation does not wait.
    fn across_files(&mut self) -> io::Result<Option<Message>> {
        let announced = length(self.rest()).unwrap_or(0);
        if announced <= LONGEST {
            self.fill(HEADER + announced)?;
        }
        let have = self.rest().len();
        let is_cut = self.ended && have > 0 && (have < HEADER || have - HEADER < announced);
        if !is_cut {
            return Ok(None);
        }
        if have == HEADER
            && let Some(sequel) = self.source.plain_sequel()
        {
            if let Some(message) = joined(&self.bytes[self.at..], sequel)? {
                return Ok(Some(self.ending(message)));
            }
            self.source.forget_sequel();
        }
        let Some(sequel) = self.source.sequel() else { return Ok(None) };
        let message = joined(&self.bytes[self.at..], sequel)?;
        Ok(message.map(|message| self.ending(message)))
    }

    /// The last message of the file, and no more.
    fn ending(&mut self, bytes: Vec<u8>) -> Message {
        let offset = self.offset + self.at as u64;
        self.at = self.bytes.len();
        Message { offset, bytes, fault: None }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let bytes = self.rest()[..length].to_vec();
        self.at += length;
        bytes
    }

    /// Whether a message of this length is there: after it comes another or nothing, or it is whole by itself.
    fn is_right(&mut self, length: usize) -> io::Result<bool> {
        if length > LONGEST {
            return Ok(false);
        }
        let end = HEADER + length;
        self.fill(end + HEADER + PEEK)?;
        let rest = self.rest();
        Ok(rest.len() >= end && (begins(&rest[end..]) || is_whole(&rest[HEADER..end])))
    }

    /// How far the next message is, or the end of the input.
    fn next_start(&mut self) -> io::Result<usize> {
        for at in HEADER.. {
            self.fill(at + HEADER + PEEK)?;
            let rest = self.rest();
            if rest.len() < at + HEADER + 2 || at > LONGEST {
                return Ok(rest.len().min(LONGEST));
            }
            match surely_begins(&rest[at..]) {
                None => continue,
                Some(Body::Plain(Encoding::Proto)) => {}
                Some(_) => return Ok(at),
            }
            // Protobuf has no mark to go by: what follows must fit as well.
            let end = at + HEADER + length(&rest[at..]).unwrap_or(0);
            self.fill(end + HEADER + PEEK)?;
            if self.rest().len() >= end && begins(&self.rest()[end..]) && is_whole(&self.rest()[at + HEADER..end]) {
                return Ok(at);
            }
        }
        unreachable!("the input ends")
    }
}

/// The message whose beginning, its length included, is `start`, if the rest of it begins another file.
fn joined(start: &[u8], sequel: &mut Source) -> io::Result<Option<Vec<u8>>> {
    let header = [start, &sequel.peek(HEADER)?].concat();
    let Some(announced) = length(&header).filter(|length| (1..=LONGEST).contains(length)) else { return Ok(None) };
    let Some(missing) = (HEADER + announced).checked_sub(start.len()) else { return Ok(None) };
    let head = sequel.peek(missing + HEADER + PEEK)?;
    let Some(rest) = head.get(..missing) else { return Ok(None) };
    let whole = [start, rest].concat();
    if !begins(&head[missing..]) || !is_whole(&whole[HEADER..]) {
        return Ok(None);
    }
    sequel.pass(missing)?;
    Ok(Some(whole[HEADER..].to_vec()))
}

pub(super) fn cut(expected: usize, found: usize) -> String {
    format!("the input ends inside a message: {expected} bytes announced, {found} found")
}

// ---- from messages to spans ------------------------------------------------------------------------------------

fn decode(Message { offset, bytes, fault }: &Message, into: &mut Reading) {
    if let Some(fault) = fault {
        into.skipped.push(format!("byte {offset}"), fault);
    }
    let body = offset + HEADER as u64;
    match body_of(bytes, bytes.len()) {
        Some(Body::Plain(Encoding::Proto)) => otlp_proto::decode_message(body, bytes, into),
        Some(Body::Plain(Encoding::Json)) => json(&format!("message at byte {body}"), bytes, into),
        Some(Body::Zstd) => {
            let (bytes, damage) = decompress(bytes);
            let place = format!("decompressed message at byte {body}");
            if let Some(reason) = damage {
                into.skipped.push(format!("byte {body}"), format!("the message's compression is damaged: {reason}"));
            }
            match body_of(&bytes, bytes.len()) {
                Some(Body::Plain(Encoding::Json)) => json(&place, &bytes, into),
                _ => inside(&place, into, |part| otlp_proto::decode_message(0, &bytes, part)),
            }
        }
        None if fault.is_some() => {}
        None => into.skipped.push(format!("byte {body}"), "neither JSON nor protobuf of OTLP, nor compressed"),
    }
}

fn json(place: &str, bytes: &[u8], into: &mut Reading) {
    inside(place, into, |part| otlp_json::decode_record(bytes.trim_ascii_end(), 0, 1, part));
}

/// Decodes what has positions of its own.
fn inside(place: &str, into: &mut Reading, decode: impl FnOnce(&mut Reading)) {
    let mut part = Reading::default();
    decode(&mut part);
    part.skipped = part.skipped.within(place);
    into.append(part);
}

/// What a compressed message says: the beginning of it, if it is cut; nothing, if it is damaged, for then every byte
/// of it may be.
fn decompress(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut found = Vec::new();
    let decoded = zstd::stream::read::Decoder::with_buffer(bytes)
        .and_then(|decoder| decoder.take(LONGEST as u64 + 1).read_to_end(&mut found));
    match decoded {
        Ok(length) if length <= LONGEST => (found, None),
        Ok(_) => (Vec::new(), Some("more than 1 GiB".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => (found, Some("it is cut short".to_owned())),
        Err(error) => (Vec::new(), Some(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
