//! Reading what the arguments name, within the limits, with a progress bar.

use super::args;
use super::limits::Limits;
use super::output::note;
use super::progress;
use crate::formats::input::{self, Options, Place, Stream};
use crate::formats::{self, KeyMode, Reading};
use crate::outcome::{Input, InputError, Report};
use std::cell::RefCell;
use std::path::Path;

/// What there is to read.
pub(super) struct Inputs {
    places: Vec<Place>,
    options: Options,
    log_regex: Option<regex::Regex>,
    strict: bool,
    progress: bool,
    stream: RefCell<Stream>,
}

impl Inputs {
    /// From the arguments; what names nothing is noted in the report.
    ///
    /// # Errors
    /// A text when the format's name is unknown.
    pub(super) fn new(args: &args::Inputs, progress: bool, report: &mut Report) -> Result<Self, String> {
        let format = match &args.input_format {
            None => None,
            Some(id) => Some(formats::by_id(id).ok_or_else(|| {
                let known: Vec<&str> =
                    formats::ALL.iter().filter(|format| format.is_read()).map(|format| format.entry().id).collect();
                format!("no format `{id}`; there are {}", known.join(", "))
            })?),
        };
        let (places, errors) = input::expand(&args.inputs);
        report.errors.extend(errors);
        let log_regex = args.log_regex.clone();
        let options = Options { format };
        Ok(Self { places, options, log_regex, strict: args.strict, progress, stream: RefCell::default() })
    }

    /// These places.
    pub(super) fn of(places: Vec<Place>, strict: bool, progress: bool) -> Self {
        let options = Options::default();
        Self { places, options, log_regex: None, strict, progress, stream: RefCell::default() }
    }

    /// The places, in order.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// The places, with the files that a rotation made of one stream together.
    pub(super) fn streams(&self) -> impl Iterator<Item = &[Place]> {
        self.places.chunk_by(|_, next| matches!(next, Place::File { goes_on: true, .. }))
    }

    /// The file that goes on where this place ends: the next of the stream with anything in it.
    fn next(&self, place: &Place) -> Option<&Path> {
        let after = self.places.iter().skip_while(|each| !std::ptr::eq(*each, place)).skip(1);
        let mut stream = after.map_while(|place| match place {
            Place::File { path, goes_on: true, .. } => Some(&**path),
            _ => None,
        });
        let is_empty = |path: &&Path| std::fs::metadata(path).is_ok_and(|about| about.len() == 0);
        stream.find(|path| !is_empty(path))
    }

    /// Reads the files of one stream: the traces in them together, and each history by itself.
    pub(super) fn load_stream(
        &self,
        stream: &[Place],
        key_mode: KeyMode,
        limits: &Limits,
        report: &mut Report,
    ) -> Vec<(Reading, Input)> {
        let mut traces = Reading { key_mode, ..Reading::default() };
        let mut of_traces: Option<Input> = None;
        let mut found = Vec::new();
        for place in stream {
            let Some(input) = self.load(place, &mut traces, limits, report) else { continue };
            if input.spans == 0 && input.operations > 0 {
                found.push((Reading { history: std::mem::take(&mut traces.history), ..Reading::default() }, input));
                continue;
            }
            of_traces = Some(match of_traces.take() {
                // Known by the file that was written last.
                Some(before) => Input {
                    spans: before.spans + input.spans,
                    skipped: [before.skipped, input.skipped].concat(),
                    skipped_total: before.skipped_total + input.skipped_total,
                    ..input
                },
                None => input,
            });
        }
        found.extend(of_traces.map(|input| (traces, input)));
        found
    }

    /// Reads one place into `reading`. What is wrong goes into the report; `None` if there is nothing to go on with.
    pub(super) fn load(
        &self,
        place: &Place,
        reading: &mut Reading,
        limits: &Limits,
        report: &mut Report,
    ) -> Option<Input> {
        let total = match place {
            Place::File { path, .. } => std::fs::metadata(path).ok().map(|metadata| metadata.len()),
            Place::Stdin => None,
        };
        let bar = progress::bytes(total, &place.name(), self.progress && total.is_none_or(|size| size > 8 << 20));
        let (moving, stop) = (bar.clone(), limits.stop.clone());
        let watch = Box::new(move |bytes| {
            moving.set_position(bytes);
            stop.raised().is_none()
        });
        reading.log_regex.clone_from(&self.log_regex);
        let stream = &mut self.stream.borrow_mut();
        let result = input::load(place, self.next(place), stream, self.options, reading, watch);
        bar.finish_and_clear();
        // What a limit cut short is not damaged.
        let stopped = limits.stop.raised().is_some();
        let input = match result {
            Ok(None) => {
                if self.progress && !super::faults::is_companion(place) {
                    note(&format!("note: {} is of no known format and was left out", place.name()));
                }
                return None;
            }
            Ok(Some(input)) => input,
            Err(_) if stopped => return None,
            Err(error) => {
                report.errors.push(error);
                return None;
            }
        };
        if !stopped {
            report.errors.extend(unreadable(&input, self.strict));
        }
        report.inputs.push(input.clone());
        Some(input)
    }
}

/// An input of which nothing could be read is an error; with `--strict`, one of which anything could not.
fn unreadable(input: &Input, strict: bool) -> Option<InputError> {
    let (position, reason) = input.skipped.first()?;
    let ignored = input.ignored_logs + input.ignored_metrics + input.ignored_nemesis;
    let nothing = input.spans == 0 && input.operations == 0 && ignored == 0;
    let message = match (nothing, strict) {
        (true, _) => format!("nothing could be read: {reason}"),
        (false, true) => format!("{} could not be read; the first: {reason}", input.skipped_total),
        (false, false) => return None,
    };
    Some(InputError { path: input.path.clone(), position: Some(position.clone()), message })
}
