//! From what the user named to bytes in a reading: files, folders, globs and standard input.

use super::{Format, HEAD, Reading, Source, rotation};
use crate::outcome::{Input, InputError};
use causet_checkers::history::HistoryBuilder;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// What an argument names, and what went wrong on the way.
type Found = (Vec<Place>, Vec<String>);

/// One input to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Stdin,
    File {
        path: PathBuf,
        /// Whether the user named it; a file met while walking a folder may be of no known format.
        named: bool,
        /// Whether a rotation made this file of the same stream as the one before it.
        goes_on: bool,
    },
}

impl Place {
    /// How reports call it.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }
}

/// How to read.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// Instead of recognising it.
    pub format: Option<&'static dyn Format>,
}

/// What the reading of one file leaves for the next one of the same stream.
#[derive(Default)]
pub struct Stream {
    /// The one in which a message that began in this one ended, without the end of the message.
    begun: Option<(PathBuf, Source)>,
    format: Option<&'static dyn Format>,
}

/// The inputs that the arguments name, in order; folders and globs in order of path, hidden files left
/// out; files that a rotation made of one in the order in which they were written. What names nothing is an error of its own and does not hide the others.
pub fn expand(arguments: &[String]) -> (Vec<Place>, Vec<InputError>) {
    let (mut places, mut errors) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for argument in arguments {
        let path = Path::new(argument);
        let found = if argument == "-" {
            (vec![Place::Stdin], Vec::new())
        } else if path.is_dir() {
            let (files, errors) = files_below(path);
            (files.into_iter().map(|path| Place::File { path, named: false, goes_on: false }).collect(), errors)
        } else if path.exists() || !is_glob(argument) {
            (vec![Place::File { path: path.to_owned(), named: true, goes_on: false }], Vec::new())
        } else {
            glob(argument)
        };
        let (found, messages): Found = found;
        places.extend(found.into_iter().filter(|place| seen.insert(place.name())));
        let error = |message| InputError { path: argument.clone(), position: None, message };
        errors.extend(messages.into_iter().map(error));
    }
    (streams(places), errors)
}

/// The places with those of one stream together.
fn streams(places: Vec<Place>) -> Vec<Place> {
    let names: Vec<PathBuf> = places.iter().map(|place| PathBuf::from(place.name())).collect();
    let mut by_name: BTreeMap<String, Place> = places.into_iter().map(|place| (place.name(), place)).collect();
    let ordered = rotation::in_order(&names).into_iter().filter_map(|(name, follows)| {
        let mut place = by_name.remove(&name.display().to_string())?;
        if let Place::File { goes_on, .. } = &mut place {
            *goes_on = follows;
        }
        Some(place)
    });
    ordered.collect()
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Regular files below a folder, by path, and what can't be entered or followed.
fn files_below(folder: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let walk = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .hidden(true)
        .follow_links(true)
        .sort_by_file_path(Path::cmp)
        .build();
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => errors.push(error.to_string()),
        }
    }
    (files, errors)
}

/// What is wrong with an argument that looks like a glob and names no file, if it is none.
pub fn not_a_glob(argument: &str) -> Option<String> {
    if !is_glob(argument) || Path::new(argument).exists() {
        return None;
    }
    matcher(argument).err()
}

fn matcher(pattern: &str) -> Result<globset::GlobMatcher, String> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("not a glob: {}", error.kind()))
}

fn glob(pattern: &str) -> Found {
    let matcher = match matcher(pattern) {
        Ok(matcher) => matcher,
        Err(message) => return (Vec::new(), vec![message]),
    };
    let fixed = |part: &std::path::Component<'_>| !is_glob(&part.as_os_str().to_string_lossy());
    let fixed: PathBuf = Path::new(pattern).components().take_while(fixed).collect();
    let from = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
    if !from.is_dir() {
        return (Vec::new(), vec![format!("no such folder: {}", from.display())]);
    }
    let relative = |path: PathBuf| path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
    let (files, mut errors) = files_below(from);
    let places: Vec<Place> = (files.into_iter().map(relative))
        .filter(|path| matcher.is_match(path) || matcher.is_match(Path::new(".").join(path)))
        .map(|path| Place::File { path, named: true, goes_on: false })
        .collect();
    if places.is_empty() {
        errors.push("the glob matches no file".to_owned());
    }
    (places, errors)
}

/// Reads one input into `reading`, adding to the spans that are there; a history there is replaced. `watch` is told the bytes read so far, and
/// ends the input early by answering `false`. `next` is the file that goes on with the same stream, and `stream` what
/// the one before it left. `None`: a file of no known format that nobody named.
///
/// # Errors
/// When it can't be opened or is of no known format, or when nothing at all could be read of it.
pub fn load(
    place: &Place,
    next: Option<&Path>,
    stream: &mut Stream,
    options: Options,
    reading: &mut Reading,
    watch: Box<dyn FnMut(u64) -> bool + Send>,
) -> Result<Option<Input>, InputError> {
    if !matches!(place, Place::File { goes_on: true, .. }) {
        *stream = Stream::default();
    }
    let known = stream.format;
    let fail = |position: Option<String>, message: String| InputError { path: place.name(), position, message };
    let io = |error: io::Error| fail(None, error.to_string());
    let mut source = match place {
        Place::Stdin => Source::new(Box::new(io::BufReader::with_capacity(256 * 1024, io::stdin()))),
        // An empty file may stand between the two.
        Place::File { path, .. } => match stream.begun.take_if(|(of, _)| of == path) {
            Some((_, begun)) => Ok(begun),
            None => Source::open(path),
        },
    }
    .map_err(io)?;
    source.watch(watch);
    if let Some(next) = next {
        source.set_sequel(next.to_owned());
    }
    let head = source.peek(HEAD).map_err(io)?;
    let mut input = Input { path: place.name(), ..Input::default() };
    if head.iter().all(u8::is_ascii_whitespace) && head.len() < HEAD {
        return match source.damage() {
            None => Ok(Some(input)),
            Some((offset, reason)) => {
                let message = format!("the compressed stream is damaged before anything could be read: {reason}");
                Err(fail(Some(format!("byte {offset}")), message))
            }
        };
    }
    let Some(format) = options.format.or_else(|| super::recognise(&head)).or(known) else {
        return match place {
            Place::File { named: false, .. } => Ok(None),
            _ => Err(fail(Some("byte 0".to_owned()), unrecognised(&head))),
        };
    };
    let spans = reading.spans.len();
    // One history per input: two are never one.
    reading.history = HistoryBuilder::new();
    format.read(&mut source, reading).map_err(io)?;
    stream.begun = next.map(Path::to_owned).zip(source.take_sequel());
    stream.format = Some(format);
    if let Some((offset, reason)) = source.damage() {
        reading.skipped.push(format!("byte {offset}"), format!("the compressed stream is damaged here: {reason}"));
    }
    let (skipped, ignored) = (std::mem::take(&mut reading.skipped), std::mem::take(&mut reading.ignored));
    input.format = format.entry().id;
    input.bytes = source.offset();
    input.spans = (reading.spans.len() - spans) as u64;
    input.operations = reading.history.len() as u64;
    input.skipped_total = skipped.total();
    input.skipped = skipped.first().iter().map(|skip| (skip.position.clone(), skip.reason.clone())).collect();
    input.ignored_logs = ignored.logs;
    input.ignored_metrics = ignored.metrics;
    input.ignored_nemesis = ignored.nemesis;
    Ok(Some(input))
}

fn unrecognised(head: &[u8]) -> String {
    let start = String::from_utf8_lossy(&head[..head.len().min(24)]).into_owned();
    let known: Vec<&str> =
        super::ALL.iter().filter(|format| format.is_read()).map(|format| format.entry().id).collect();
    format!("no known format begins like {start:?}; there are {} (--input-format names one)", known.join(", "))
}
