//! W3C Trace Context: who caused this, as it travels with a request or a message.
//!
//! `traceparent` and `tracestate` by the recommendations of Level 1 (2021) and Level 2 (2024). They agree on
//! `traceparent`, but for a flag of Level 2 that says that the trace id is random; Level 2 takes more keys in
//! `tracestate`. Reading is strict: what the recommendation forbids is refused, and whoever
//! reads a bad `traceparent` begins a new trace, and drops a bad `tracestate` alone.
//!
//! What is here is used wherever such a context is met: the messages of nodes carry one, readers of traces judge
//! ids by it, the store reads the states that spans and links have, and users may name a span by its header.

use std::fmt;

/// A `traceparent`: a span, as others are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Never 0.
    pub trace_id: u128,
    /// Never 0.
    pub parent_id: u64,
    pub flags: Flags,
}

/// The flags of a `traceparent`: those that this version knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// The caller may have recorded the trace.
    pub const SAMPLED: Self = Self(1);
    /// Level 2: at least the seven rightmost bytes of the trace id are random.
    pub const RANDOM: Self = Self(2);

    /// Whether all of these are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How long a `traceparent` of version 00 is.
pub const TRACEPARENT: usize = 55;

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not of the form `00-…-…-00`: the byte from which on it is not.
    Form(usize),
    /// Version ff is forbidden.
    Version,
    /// A trace or parent id of zeros only.
    Zero,
    /// A key of a `tracestate` member that is none: the place of the member, from 1.
    Key(usize),
    /// A value of a `tracestate` member that is none: the place of the member, from 1.
    Value(usize),
    /// A key that an earlier member has: the place of the later one, from 1.
    Duplicate(usize),
    /// More than 32 members.
    Members,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(at) => {
                write!(f, "byte {at}: expected 00-<32 lower-case hex>-<16 lower-case hex>-<2 lower-case hex>")
            }
            Self::Version => f.write_str("version ff is forbidden"),
            Self::Zero => f.write_str("all zeroes, which is invalid"),
            Self::Key(member) => write!(f, "member {member}: not a valid key"),
            Self::Value(member) => write!(f, "member {member}: not a valid value"),
            Self::Duplicate(member) => write!(f, "member {member}: the key of an earlier member"),
            Self::Members => write!(f, "more than {MOST_MEMBERS} members"),
        }
    }
}

impl std::error::Error for Malformed {}

impl TraceParent {
    /// Reads a header's value; spaces and tabs around it do not count. Of a later version, what this one knows
    /// is taken, if it is where it should be.
    ///
    /// # Errors
    /// Why the trace has to begin anew here.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim_matches([' ', '\t']).as_bytes();
        let version = field::<2>(text, 0)?;
        if version == 0xff {
            return Err(Malformed::Version);
        }
        let dash = |at: usize| if text.get(at) == Some(&b'-') { Ok(()) } else { Err(Malformed::Form(at)) };
        dash(2)?;
        let trace_id = field::<32>(text, 3)?;
        dash(35)?;
        let parent_id = field::<16>(text, 36)? as u64;
        dash(52)?;
        let flags = field::<2>(text, 53)? as u8;
        if text.len() > TRACEPARENT {
            // Later versions may add fields, and only those.
            if version == 0 {
                return Err(Malformed::Form(TRACEPARENT));
            }
            dash(TRACEPARENT)?;
        }
        not_zero(trace_id.to_be_bytes())?;
        not_zero(parent_id.to_be_bytes())?;
        // Flags that are not known must not be passed on.
        Ok(Self { trace_id, parent_id, flags: Flags(flags & (Flags::SAMPLED.0 | Flags::RANDOM.0)) })
    }

    /// The header's value, of version 00.
    pub fn format(&self) -> [u8; TRACEPARENT] {
        let mut text = [b'-'; TRACEPARENT];
        text[..2].copy_from_slice(b"00");
        put(&mut text[3..35], &self.trace_id.to_be_bytes());
        put(&mut text[36..52], &self.parent_id.to_be_bytes());
        put(&mut text[53..], &[self.flags.0]);
        text
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.format()).map_err(|_| fmt::Error)?)
    }
}

/// An id, if it is a valid one: the recommendation forbids those of zeros only.
///
/// # Errors
/// [`Malformed::Zero`].
pub fn not_zero<const BYTES: usize>(id: [u8; BYTES]) -> Result<[u8; BYTES], Malformed> {
    if id == [0; BYTES] { Err(Malformed::Zero) } else { Ok(id) }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn put(text: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// A number of so many lower-case hexadecimal digits.
fn field<const LENGTH: usize>(text: &[u8], at: usize) -> Result<u128, Malformed> {
    let mut number = 0;
    for place in at..at + LENGTH {
        let digit = match text.get(place) {
            Some(digit @ b'0'..=b'9') => digit - b'0',
            Some(digit @ b'a'..=b'f') => digit - b'a' + 10,
            _ => return Err(Malformed::Form(place)),
        };
        number = number << 4 | u128::from(digit);
    }
    Ok(number)
}

/// So many members at most.
pub const MOST_MEMBERS: usize = 32;
/// So many characters of a `tracestate` are always passed on.
pub const PASSED_ON: usize = 512;
/// Members that are longer than this go first when it gets too long.
const LONG_MEMBER: usize = 128;
const LONGEST_KEY: usize = 256;
const LONGEST_VALUE: usize = 256;

/// Which recommendation rules the keys of `tracestate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// A key begins with a letter; or it is a tenant, `@`, and a system of at most 14 characters.
    One,
    /// A key begins with a letter or a digit, and `@` is a character like others.
    #[default]
    Two,
}

/// A `tracestate`: what systems that took part have to say, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceState {
    members: Vec<(String, String)>,
}

impl TraceState {
    /// Reads the values of all `tracestate` headers there are, in their order.
    ///
    /// # Errors
    /// Why all of it has to be dropped.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>, level: Level) -> Result<Self, Malformed> {
        let mut members: Vec<(String, String)> = Vec::new();
        let all = headers.into_iter().flat_map(|header| header.split(','));
        // Empty members are allowed, and none.
        let all = all.map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
        for (at, member) in all.enumerate() {
            if at == MOST_MEMBERS {
                return Err(Malformed::Members);
            }
            let (key, value) = member.split_once('=').ok_or(Malformed::Key(at + 1))?;
            if !is_key(key, level) {
                return Err(Malformed::Key(at + 1));
            }
            if !is_value(value) {
                return Err(Malformed::Value(at + 1));
            }
            if members.iter().any(|(known, _)| known == key) {
                return Err(Malformed::Duplicate(at + 1));
            }
            members.push((key.to_owned(), value.to_owned()));
        }
        Ok(Self { members })
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// All members, the latest first.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.members.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Puts a member in front, in the place of an older one of the same key; the last one makes room, if there are
    /// too many. Whether it could: key and value must be such.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        if !is_key(key, Level::Two) || !is_value(value) {
            return false;
        }
        self.members.retain(|(known, _)| known != key);
        self.members.insert(0, (key.to_owned(), value.to_owned()));
        self.members.truncate(MOST_MEMBERS);
        true
    }

    /// The header's value in at most so many characters ([`PASSED_ON`] at least, says the recommendation): whole
    /// members are left out, first those of more than 128 characters, the last first, then from the end.
    pub fn format(&self, most: usize) -> String {
        let mut texts: Vec<String> = self.members.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let length = |texts: &[String]| texts.iter().map(|text| text.len() + 1).sum::<usize>().saturating_sub(1);
        while length(&texts) > most {
            let long = texts.iter().rposition(|text| text.len() > LONG_MEMBER);
            texts.remove(long.unwrap_or(texts.len() - 1));
        }
        texts.join(",")
    }
}

/// Reads a request's headers, whatever the case of their names. Nothing if the trace has to begin anew: there is no
/// `traceparent`, or a bad one, or more than one. A bad `tracestate` is dropped, and only it.
pub fn read_headers(headers: &[(&str, &str)], level: Level) -> Option<(TraceParent, TraceState)> {
    let named = |wanted: &'static str| {
        headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    let mut parents = named("traceparent");
    let (first, second) = (parents.next()?, parents.next());
    let parent = TraceParent::parse(first).ok().filter(|_| second.is_none())?;
    Some((parent, TraceState::parse(named("tracestate"), level).unwrap_or_default()))
}

fn is_key(key: &str, level: Level) -> bool {
    let part = |text: &str, longest: usize, digit_first: bool, at: bool| {
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || digit_first && c.is_ascii_digit());
        let fits = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/') || at && c == b'@';
        first && text.len() <= longest && text.bytes().all(fits)
    };
    match (level, key.split_once('@')) {
        (Level::Two, _) => part(key, LONGEST_KEY, true, true),
        (Level::One, None) => part(key, LONGEST_KEY, false, false),
        (Level::One, Some((tenant, system))) => part(tenant, 241, true, false) && part(system, 14, false, false),
    }
}

/// Printable, without comma and equals sign, not empty, and not ending in a space.
fn is_value(value: &str) -> bool {
    let fits = |c: u8| matches!(c, b' '..=b'~') && c != b',' && c != b'=';
    (1..=LONGEST_VALUE).contains(&value.len()) && value.bytes().all(fits) && !value.ends_with(' ')
}
