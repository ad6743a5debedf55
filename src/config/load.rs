//! Finding the file, reading it, and saying where something in it is wrong.

use super::Config;
use crate::outcome::InputError;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The file's name.
pub const FILE_NAME: &str = "causet.toml";

/// A file that was read, with what is needed to point into it.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// As messages name it.
    pub path: PathBuf,
    text: String,
    pub config: Config,
}

/// The file in this folder or the nearest one above it, named relative to the folder (`../causet.toml`).
pub fn find(folder: &Path) -> Option<PathBuf> {
    let mut up = PathBuf::new();
    for ancestor in folder.ancestors() {
        if ancestor.join(FILE_NAME).is_file() {
            return Some(up.join(FILE_NAME));
        }
        up.push("..");
    }
    None
}

/// Reads the file.
///
/// # Errors
/// When it can't be read, or where it is wrong and what was expected.
pub fn load(path: &Path) -> Result<Loaded, InputError> {
    let fail = |position, message| InputError { path: path.display().to_string(), position, message };
    let bytes = std::fs::read(path).map_err(|error| fail(None, error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        fail(Some(format!("byte {at}")), "this is not UTF-8; save the file as UTF-8".to_owned())
    })?;
    parse(path, text)
}

/// Reads the text of a file.
///
/// # Errors
/// Where it is wrong, and what was expected.
pub fn parse(path: &Path, text: String) -> Result<Loaded, InputError> {
    let mut loaded = Loaded { path: path.to_owned(), text, config: Config::default() };
    match toml::from_str(&loaded.text) {
        Ok(config) => {
            loaded.config = config;
            Ok(loaded)
        }
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let at = loaded.text.get(span.start..).unwrap_or_default();
            Err(loaded.error(&span, explain(error.message(), at)))
        }
    }
}

/// What the library expects, and what that is called in a TOML file.
const EXPECTED: [(&str, &str); 6] = [
    ("a sequence", "a list in brackets, such as [\"traces\"]"),
    ("a string", "a text in quotes"),
    ("a boolean", "true or false"),
    ("u64", "a whole number, 0 or more"),
    ("f64", "a number"),
    ("a map", "a table, such as { name = 1 }"),
];

/// The library's message about what stands `at` a place, with a suggestion where a word is almost a known one.
fn explain(message: &str, at: &str) -> String {
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected "))
        && let Some((_, known)) = EXPECTED.iter().find(|(theirs, _)| expected.trim().starts_with(theirs))
    {
        return match (found, *known) {
            ("map", _) if at.starts_with("[[") => "this is there only once; write it in single brackets".to_owned(),
            ("map", known) if known.starts_with("a list") => {
                "expected a list; what may be there several times is written in double brackets, such as [[check]]"
                    .to_owned()
            }
            (found, known) => {
                format!("expected {known}, found {}", found.replace("map", "a table").replace("sequence", "a list"))
            }
        };
    }
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match quoted.split_first() {
        Some((word, known)) if is_unknown => {
            let what = if message.starts_with("unknown field") { "key" } else { "value" };
            let known: Vec<String> = known.iter().map(|&known| known.to_owned()).collect();
            format!("unknown {what} `{word}`{}", suggest(word, known.iter().map(String::as_str)))
        }
        _ => message.trim().replace('\n', "; "),
    }
}

/// What to say after an unknown word: the nearest known one, or all that are known.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|known| (strsim::jaro_winkler(word, known), *known));
    match near.filter(|(nearness, _)| *nearness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, near)) => format!("; did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None if known.len() <= 24 => format!("; there are {}", known.join(", ")),
        None => format!("; there are {}, … ({} in all)", known[..24].join(", "), known.len()),
    }
}

impl Loaded {
    /// The folder that inputs are relative to; empty when it is the working folder.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// `line 3, column 9`, of a byte range of the file.
    pub fn position(&self, span: &Range<usize>) -> String {
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1;
        format!("line {line}, column {column}")
    }

    /// The line of a byte range of the file, from 1.
    pub fn line(&self, span: &Range<usize>) -> u64 {
        self.text[..self.text.floor_char_boundary(span.start)].matches('\n').count() as u64 + 1
    }

    /// An error at a byte range of the file.
    pub fn error(&self, span: &Range<usize>, message: impl Into<String>) -> InputError {
        let position = (!self.text.is_empty()).then(|| self.position(span));
        InputError { path: self.path.display().to_string(), position, message: message.into() }
    }

    /// An error at a byte of a text in the file.
    pub fn error_within(&self, text: &Spanned<String>, at: usize, message: &str) -> InputError {
        let span = text.span();
        // Where the text is written as it is, a byte of it is a byte of the file.
        let inside = [1, 3].into_iter().find(|&quotes| {
            let body = self.text.get(span.start + quotes..span.end.saturating_sub(quotes));
            body.is_some_and(|body| body == text.as_ref())
        });
        match inside {
            Some(quotes) => self.error(&(span.start + quotes + at..span.end), message),
            None => self.error(&span, format!("{message} (at byte {at} of the text)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let error = parse(Path::new("causet.toml"), text.to_owned()).unwrap_err();
        format!("{}: {}", error.position.unwrap_or_default(), error.message)
    }

    #[test]
    fn errors_have_a_position_and_a_suggestion() {
        for (text, expected) in [
            ("[[check]]\nmodle = \"kv\"\n", "line 2, column 1: unknown key `modle`; did you mean `model`?"),
            ("[checks]\n", "line 1, column 2: unknown key `checks`; did you mean `check`?"),
            ("[analyze]\nfail-on = \"hihg\"\n", "line 2, column 11: unknown value `hihg`; did you mean `high`?"),
            ("[[check]]\ntimeout = \"soon\"\n", "line 2, column 11: expected a duration such as 500ms, 30s, 5m or 1h"),
            ("[[expect]]\nname = \"x\"\n", "line 1, column 1: missing field `that`"),
            (
                "[traces]\ninputs = \"traces\"\n",
                "line 2, column 10: expected a list in brackets, such as [\"traces\"], found string \"traces\"",
            ),
            (
                "[check]\nmodel = \"kv\"\n",
                "line 1, column 1: expected a list; what may be there several times is written in double brackets, such as [[check]]",
            ),
            ("[[traces]]\ninputs = []\n", "line 1, column 1: this is there only once; write it in single brackets"),
            (
                "[[check]]\nmax-steps = -3\n",
                "line 2, column 13: expected a whole number, 0 or more, found integer `-3`",
            ),
            ("[[check]]\nlenient = \"yes\"\n", "line 2, column 11: expected true or false, found string \"yes\""),
            ("[[expect]]\nthat = 1\n", "line 2, column 8: expected a text in quotes, found integer `1`"),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
        assert!(refused("[[check]\n").starts_with("line 1, column "));
        assert!(refused("[[check]]\nqwertz = 1\n").contains("there are name, inputs, model"));
    }

    #[test]
    fn positions_reach_into_texts() {
        let text = "[[expect]]\nthat = 'errors.rte < 1'\n";
        let loaded = parse(Path::new("causet.toml"), text.to_owned()).unwrap();
        let that = &loaded.config.expectations[0].that;
        assert_eq!(loaded.error_within(that, 7, "no").position.as_deref(), Some("line 2, column 16"));
    }
}
