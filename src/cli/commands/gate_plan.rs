//! What `causet.toml` asks for, with every id and expression in it looked up, before anything is read.

use super::check::{Question, absolute};
use crate::cli::args::Configuration;
use crate::cli::limits::Limits;
use crate::config::{self, Check, Loaded, suggest};
use crate::detect::Settings;
use crate::extract::Rule;
use crate::formats;
use crate::gate::baseline::{self, Baseline};
use crate::gate::suppress::{self, Suppression};
use crate::gate::{self, Expectation, rules};
use crate::outcome::{InputError, Severity};
use causet_checkers::Shrink;
use causet_checkers::budget::Budget;
use causet_checkers::history::Value;
use std::path::{Path, PathBuf};

/// A configuration that makes sense.
pub(super) struct Plan {
    pub loaded: Loaded,
    pub expectations: Vec<Planned>,
    pub rules: Vec<Rule>,
    pub suppressions: Vec<Suppression>,
    pub baseline: Option<Baseline>,
    pub thresholds: Settings,
    /// The severity from which on findings count.
    pub fail_on: Option<Severity>,
}

/// An expectation with what reports say of it.
pub(super) struct Planned {
    pub name: String,
    pub line: u64,
    pub that: Expectation,
}

/// The configuration that the arguments name, or the nearest; `None`: there is none, or none is wanted.
pub(super) fn find(args: &Configuration) -> Result<Option<Loaded>, InputError> {
    if args.no_config {
        return Ok(None);
    }
    if let Some(path) = &args.config {
        return config::load(path).map(Some);
    }
    let folder = std::env::current_dir().map_err(|error| InputError {
        path: ".".to_owned(),
        position: None,
        message: format!("the working folder can't be read: {error}"),
    })?;
    config::find(&folder).map(|path| config::load(&path)).transpose()
}

impl Plan {
    /// Looks everything up.
    ///
    /// # Errors
    /// All that is wrong, each with its place.
    pub(super) fn new(loaded: Loaded) -> Result<Self, Vec<InputError>> {
        let mut errors = Vec::new();
        let mut keep = |result: Result<(), Vec<InputError>>| errors.extend(result.err().unwrap_or_default());
        let (mut extraction, mut expectations, mut suppressions) = (Vec::new(), Vec::new(), Vec::new());
        keep(globs(&loaded));
        keep(rules::rules(&loaded).map(|rules| extraction = rules));
        keep(planned(&loaded).map(|planned| expectations = planned));
        let mut thresholds = Settings::default();
        keep(detectors(&loaded).map(|settings| thresholds = settings));
        keep(checks(&loaded, &extraction));
        let names: Vec<&str> = (crate::detect::ALL.iter().map(|detector| detector.entry().id))
            .chain(causet_checkers::properties::all().iter().map(|property| property.id))
            .chain(expectations.iter().map(|planned: &Planned| planned.name.as_str()))
            .collect();
        keep(suppress::suppressions(&loaded, &names).map(|all| suppressions = all));
        let mut known = None;
        keep(read_baseline(&loaded).map(|baseline| known = baseline).map_err(|error| vec![error]));
        let config = &loaded.config;
        if config.checks.is_empty() && config.expectations.is_empty() && config.analyze.is_none() {
            let message = "nothing is asked for; add [[check]], [[expect]] or [analyze] (`causet explain gate`)";
            keep(Err(vec![loaded.error(&(0..0), message)]));
        }
        if errors.is_empty() {
            let fail_on = loaded.config.analyze.as_ref().and_then(|analyze| analyze.fail_on).map(Severity::from);
            Ok(Self { fail_on, loaded, expectations, rules: extraction, suppressions, baseline: known, thresholds })
        } else {
            Err(errors)
        }
    }

    /// Whether anything is asked of traces.
    pub(super) fn wants_traces(&self) -> bool {
        let config = &self.loaded.config;
        self.fail_on.is_some()
            || config.analyze.is_some()
            || !config.expectations.is_empty()
            || config.checks.iter().any(|check| check.inputs.is_empty())
    }

    /// The baseline's file, beside the configuration.
    pub(super) fn baseline_path(&self) -> PathBuf {
        self.loaded.folder().join(baseline::FILE_NAME)
    }
}

/// What a check's `[[check]]` is called.
pub(super) fn check_name(check: &Check, at: usize) -> String {
    match &check.name {
        Some(name) => name.as_ref().clone(),
        None => format!("check {}", at + 1),
    }
}

/// The question that a check asks of every history.
pub(super) fn question<'a>(
    check: &'a Check,
    name: &'a str,
    folder: &Path,
    rules: &'a [Rule],
    limits: &Limits,
) -> Question<'a> {
    let option = |(name, value): (&String, &toml::Spanned<toml::Value>)| (name.clone(), value_of(value.as_ref()));
    let properties: Vec<&str> = check.property.iter().map(|property| property.as_ref().as_str()).collect();
    Question {
        name,
        rules,
        fail_on: check.fail_on,
        folder: absolute(folder),
        known_as: None,
        model: check.model.as_ref().map(|model| model.as_ref().as_str()),
        options: check.model_option.iter().map(option).collect(),
        properties: if properties.is_empty() { vec!["linearizable"] } else { properties },
        shrink: match check.shrink {
            config::Shrink::Off => Shrink::Off,
            config::Shrink::Auto => Shrink::Auto,
            config::Shrink::Full => Shrink::Full,
        },
        fail_fast: false,
        lenient: check.lenient,
        budget: Budget {
            stop: limits.stop.clone(),
            bytes: check.max_memory.as_ref().map(|size| size.bytes).or(limits.max_memory),
            steps: check.max_steps,
        },
    }
}

fn value_of(value: &toml::Value) -> Value {
    // A value is JSON in the configuration as on the command line: TOML's differ only in dates, which are texts.
    let text = match value {
        toml::Value::String(text) => return Value::str(text),
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    formats::json_value(&text).unwrap_or_else(|| Value::str(&text))
}

/// Sees that what looks like a glob is one: one that can match nothing is a slip, not missing data.
fn globs(loaded: &Loaded) -> Result<(), Vec<InputError>> {
    let config = &loaded.config;
    let inputs = config.traces.inputs.iter().chain(config.checks.iter().flat_map(|check| &check.inputs));
    let wrong = |input: &toml::Spanned<String>| {
        let message = formats::input::not_a_glob(&beside(loaded.folder(), input.as_ref()))?;
        Some(loaded.error(&input.span(), format!("`{}` is {message}", input.as_ref())))
    };
    let errors: Vec<InputError> = inputs.filter_map(wrong).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Sees that each check's ids exist.
fn checks(loaded: &Loaded, rules: &[Rule]) -> Result<(), Vec<InputError>> {
    let mut errors = Vec::new();
    let mut names = Vec::new();
    for (at, check) in loaded.config.checks.iter().enumerate() {
        let models = || causet_checkers::models::all().iter().map(|model| model.id);
        let properties = || causet_checkers::properties::all().iter().map(|property| property.id);
        let before = errors.len();
        if let Some(model) = &check.model
            && models().all(|known| known != model.as_ref())
        {
            let known = suggest(model.as_ref(), models());
            errors.push(loaded.error(&model.span(), format!("no model `{}`{known}", model.as_ref())));
        }
        for property in check.property.iter().filter(|property| properties().all(|known| known != property.as_ref())) {
            let known = suggest(property.as_ref(), properties());
            errors.push(loaded.error(&property.span(), format!("no property `{}`{known}", property.as_ref())));
        }
        let name = check_name(check, at);
        if names.contains(&name) {
            let span = check.name.as_ref().map_or(0..0, toml::Spanned::span);
            errors.push(
                loaded.error(&span, format!("two checks are called {name:?}; the baseline could not tell them apart")),
            );
        }
        if let (None, Some((option, value))) = (&check.model, check.model_option.first_key_value()) {
            let message = format!("`model-option` needs `model`: which model has `{option}`?");
            errors.push(loaded.error(&value.span(), message));
        } else if errors.len() == before
            && let Err(message) = question(check, &name, loaded.folder(), rules, &Limits::default()).validate()
        {
            let span = check.model_option.values().next().map_or(0..0, toml::Spanned::span);
            errors.push(loaded.error(&span, message));
        }
        names.push(name);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The thresholds of the detectors; that there is no such detector or threshold is an error.
fn detectors(loaded: &Loaded) -> Result<Settings, Vec<InputError>> {
    let (mut settings, mut errors) = (Settings::default(), Vec::new());
    let known = || crate::detect::ALL.iter().map(|detector| detector.entry().id);
    for (id, detector) in loaded.config.analyze.iter().flat_map(|analyze| &analyze.detectors) {
        if known().all(|known| known != id.as_ref()) {
            let message = format!("no detector `{}`{}", id.as_ref(), suggest(id.as_ref(), known()));
            errors.push(loaded.error(&id.span(), message));
            continue;
        }
        for (name, value) in &detector.thresholds {
            if let Err(message) = settings.set(id.as_ref(), name.as_ref(), *value) {
                errors.push(loaded.error(&name.span(), message));
            }
        }
    }
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

/// The expectations, read; two of one name, and two that can't both hold, are errors.
fn planned(loaded: &Loaded) -> Result<Vec<Planned>, Vec<InputError>> {
    let (mut all, mut errors): (Vec<Planned>, Vec<InputError>) = (Vec::new(), Vec::new());
    let mut spans = Vec::new();
    for expect in &loaded.config.expectations {
        let that = match gate::parse(expect.that.as_ref()) {
            Ok(that) => that,
            Err((at, message)) => {
                errors.push(loaded.error_within(&expect.that, at, &message));
                continue;
            }
        };
        let title = expect.name.as_ref().unwrap_or(&expect.that);
        let name = title.as_ref().clone();
        if all.iter().any(|other| other.name == name) {
            errors.push(
                loaded
                    .error(&title.span(), format!("two expectations are called {name:?}; name one of them otherwise")),
            );
        }
        all.push(Planned { name, line: loaded.line(&expect.that.span()), that });
        spans.push(expect.that.span());
    }
    let expressions: Vec<Expectation> = all.iter().map(|planned| planned.that.clone()).collect();
    for (first, second, clash) in gate::contradictions(&expressions) {
        let message = if first == second {
            format!("this contradicts itself: {clash}")
        } else {
            format!("this contradicts the expectation on line {}: {clash}; remove one of them", all[first].line)
        };
        errors.push(loaded.error(&spans[second], message));
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

fn read_baseline(loaded: &Loaded) -> Result<Option<Baseline>, InputError> {
    let path = loaded.folder().join(baseline::FILE_NAME);
    let name = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => baseline::parse(&name, &text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(InputError { path: name, position: None, message: error.to_string() }),
    }
}

/// An input of the configuration as the working folder sees it: what is a glob stays one, whatever the folder is called.
pub(super) fn beside(folder: &Path, input: &str) -> String {
    if folder.as_os_str().is_empty() || Path::new(input).is_absolute() || input == "-" {
        return input.to_owned();
    }
    let folder = folder.display().to_string();
    let folder = if input.contains(['*', '?', '[', '{']) { globset::escape(&folder) } else { folder };
    format!("{folder}/{input}")
}
