//! Where reports go, and in which colours.

use super::args::{Color, Global, Inconclusive, Reporting};
use super::exit::{self, Policy};
use crate::outcome::{InputError, Report};
use crate::report::{self, Look, Renderer};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decides for the whole run; NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE count where the flag does not.
pub(super) fn choose_color(color: Color) {
    let forced = std::env::var_os("FORCE_COLOR").is_some_and(|value| !value.is_empty() && value != "0");
    match color {
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
        Color::Auto if forced && std::env::var_os("NO_COLOR").is_none() => anstream::ColorChoice::Always.write_global(),
        Color::Auto => {}
    }
}

/// Writes to standard output, and answers with an exit code: what could not be written was not told. A closed pipe ends
/// quietly.
#[must_use]
pub(super) fn print(text: &str) -> u8 {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("standard output: {error}"));
            exit::USAGE
        }
        _ => 0,
    }
}

/// Says a line beside the result. Whether anybody can hear it changes nothing: `eprintln!` would panic.
pub(super) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Says something about the run itself.
pub(super) fn complain(text: &str) {
    use std::fmt::Write as _;
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut line = String::new();
    let mut text = text.to_owned();
    report::tame(&mut text);
    let _ = write!(line, "{red}error{red:#}: {text}");
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Where the reports of a run go.
#[derive(Clone)]
pub(super) struct Destinations {
    reports: Vec<(&'static dyn Renderer, Option<PathBuf>)>,
    look: Look,
    policy: Policy,
    quiet: bool,
}

impl Destinations {
    /// From the flags.
    ///
    /// # Errors
    /// A text that says what is wrong with them.
    pub(super) fn new(reporting: &Reporting, global: &Global) -> Result<Self, String> {
        let parse = |text: &String| {
            let (id, path) = match text.split_once('=') {
                Some((id, path)) => (id, (path != "-").then(|| PathBuf::from(path))),
                None => (text.as_str(), None),
            };
            let known = || report::ALL.iter().map(|renderer| renderer.entry().id).collect::<Vec<_>>().join(", ");
            let renderer = report::by_id(id).ok_or_else(|| format!("no report `{id}`; there are {}", known()))?;
            Ok((renderer, path))
        };
        let mut reports: Vec<_> = reporting.report.iter().map(parse).collect::<Result<_, String>>()?;
        if reports.is_empty() {
            reports.extend(report::by_id("text").map(|renderer| (renderer, None)));
        }
        if reports.iter().filter(|(_, path)| path.is_none()).count() > 1 {
            return Err(
                "only one report can go to standard output; give the others a path: --report json=FILE".to_owned()
            );
        }
        let verbosity = if global.quiet { -1 } else { i8::try_from(global.verbose).unwrap_or(i8::MAX) };
        let rows = |unless_asked: usize| Some(reporting.limit.unwrap_or(unless_asked)).filter(|rows| *rows > 0);
        let policy = Policy {
            inconclusive_passes: reporting.inconclusive == Inconclusive::Pass,
            allow_empty: reporting.allow_empty,
            exit_zero: reporting.exit_zero,
        };
        Ok(Self {
            reports,
            look: Look {
                width: width(),
                height: height().filter(|_| reporting.limit.is_none() && verbosity <= 0),
                limit: rows(15),
                waterfall: rows(60),
                verbosity,
                rules: crate::cli::commands::rules,
            },
            policy,
            quiet: global.quiet,
        })
    }

    /// Writes every report, tells the errors, and answers with the exit code.
    pub(super) fn deliver(&self, report: &Report) -> u8 {
        let mut code = exit::code(report, self.policy);
        for error in &report.errors {
            complain(&error.to_string());
        }
        // After a limit there is no time to read again.
        let needs_places = report.cause.is_none() && self.reports.iter().any(|(renderer, _)| renderer.points());
        let located;
        let report = if needs_places {
            let mut copy = report.clone();
            super::locate::locate(&mut copy);
            located = copy;
            &located
        } else {
            report
        };
        for (renderer, path) in &self.reports {
            let mut text = renderer.render(report, &self.look);
            if let Some(summary) = renderer.summary(report)
                && let Err(message) = put_summary(&summary, &mut text)
            {
                complain(&message);
                code = exit::USAGE;
            }
            match path {
                None => code = if print(&text) == 0 { code } else { exit::USAGE },
                Some(path) => {
                    let plain = anstream::adapter::strip_str(&text).to_string();
                    if let Err(error) = std::fs::write(path, plain) {
                        complain(&format!("{}: {error}", path.display()));
                        code = exit::USAGE;
                    }
                }
            }
        }
        code
    }

    /// What reports if a limit is hit inside something that can't be stopped: what is known by then.
    pub(super) fn emergency(&self, known: &Known) -> impl FnOnce(&str, &str) -> u8 + Send + use<> {
        let (destinations, known) = (self.clone(), known.clone());
        move |kind, detail| {
            let mut report = known.report();
            report.cause = Some((kind.to_owned(), detail.to_owned()));
            destinations.deliver(&report)
        }
    }

    /// Reports that what was asked makes no sense, in every report that was asked for.
    pub(super) fn refuse(&self, mut report: Report, message: String) -> u8 {
        report.errors.push(InputError { path: "command line".to_owned(), position: None, message });
        self.deliver(&report)
    }

    /// Whether the user wants to hear about things beside the result.
    pub(super) fn talks(&self) -> bool {
        !self.quiet
    }
}

/// What a run knows so far.
#[derive(Clone)]
pub(super) struct Known(Arc<Mutex<Report>>);

impl Known {
    pub(super) fn new(report: &Report) -> Self {
        Self(Arc::new(Mutex::new(report.clone())))
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the inputs, results and errors that a report has beyond it.
    pub(super) fn keep(&self, report: &Report) {
        let mut known = self.report();
        let (inputs, results, errors) = (known.inputs.len(), known.results.len(), known.errors.len());
        known.inputs.extend_from_slice(&report.inputs[inputs..]);
        known.results.extend_from_slice(&report.results[results..]);
        known.errors.extend_from_slice(&report.errors[errors..]);
    }
}

/// Appends the summary to the file that GITHUB_STEP_SUMMARY names, or else to the report.
fn put_summary(summary: &str, text: &mut String) -> Result<(), String> {
    match std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        None => text.push_str(summary),
        Some(path) => {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
            file.and_then(|mut file| file.write_all(summary.as_bytes()))
                .map_err(|error| format!("GITHUB_STEP_SUMMARY, {}: {error}", PathBuf::from(path).display()))?;
        }
    }
    Ok(())
}

/// The terminal's lines, from 24 to 50; 50 where there is none.
fn height() -> Option<u16> {
    let lines = std::env::var("LINES").ok().and_then(|text| text.parse().ok());
    let measured = || terminal_size::terminal_size_of(io::stdout()).map(|(_, height)| height.0);
    Some(lines.or_else(measured).unwrap_or(50).clamp(24, 50))
}

/// The terminal's columns; 120 where there is none.
fn width() -> u16 {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0);
    columns.or_else(measured).unwrap_or(120).clamp(40, 240)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_reported_once_in_an_emergency() {
        let error = |path: &str| InputError { path: path.to_owned(), position: None, message: "is broken".to_owned() };
        let mut report = Report { errors: vec![error("a")], ..Report::default() };
        let known = Known::new(&report);
        report.errors.push(error("b"));
        known.keep(&report);
        known.keep(&report);
        assert_eq!(known.report().errors, report.errors);
        let (look, policy) = (Look { width: 80, ..Look::default() }, Policy::default());
        let destinations = Destinations { reports: Vec::new(), look, policy, quiet: true };
        assert_eq!(destinations.emergency(&known)("timeout", "the limit of 1s was hit"), exit::USAGE);
    }
}
