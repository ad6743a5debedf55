//! Rules that turn spans without `causet.op.…` attributes into operations: which spans, and by templates
//! what operation each is.
//!
//! A template is text with `{attribute.key}` in it, of the span or else its resource. `{a|b}` takes the first that is
//! there, `{a?}` may be missing, `{a#1}` is the second word of the text, `{a#1$}` wants it to be the last;
//! `{name}`, `{service}`, `{instance}` and `{span.kind}` are the span's own. A template that is one placeholder
//! keeps the attribute's type.

use crate::store::{Any, Kind, Rows, SpanRef, SpanStore};
use globset::{Glob, GlobMatcher};

/// The templates of a rule, in the order of [`RuleText::templates`].
pub const TEMPLATES: [&str; 6] = ["f", "key", "input", "output", "status", "process"];

/// A rule as it is written. What is not given matches everything, or is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleText {
    pub name: String,
    /// Globs.
    pub span: Option<String>,
    pub service: Option<String>,
    pub kind: Option<String>,
    /// Keys (alternatives apart by `|`) and globs.
    pub attributes: Vec<(String, String)>,
    /// See [`TEMPLATES`].
    pub templates: [Option<String>; 6],
}

/// A rule that can be applied.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    span: Option<GlobMatcher>,
    service: Option<GlobMatcher>,
    kind: Option<Kind>,
    attributes: Vec<(Vec<String>, GlobMatcher)>,
    templates: [Option<Vec<Part>>; 6],
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place { keys: Vec<String>, word: Option<(usize, bool)>, optional: bool },
}

/// What a template makes of a span.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Made {
    /// The attribute itself.
    Native(Any),
    Text(String),
    /// A placeholder that may be missing is.
    Nothing,
}

/// Why a template makes nothing of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unmade {
    /// The attribute is not there.
    Missing(String),
    /// It is there and can't be used.
    Unusable(String),
}

impl Rule {
    /// Makes a rule of its text.
    ///
    /// # Errors
    /// Which template (or beyond them) is wrong, and how.
    pub fn new(text: &RuleText) -> Result<Self, (usize, String)> {
        let glob = |text: &String| match Glob::new(text) {
            Ok(glob) => Ok(glob.compile_matcher()),
            Err(error) => Err((TEMPLATES.len(), error.to_string())),
        };
        let mut templates: [Option<Vec<Part>>; 6] = Default::default();
        for (at, template) in text.templates.iter().enumerate() {
            templates[at] = template.as_deref().map(parts).transpose().map_err(|message| (at, message))?;
        }
        let attribute = |(keys, text): &(String, String)| Ok((alternatives(keys), glob(text)?));
        Ok(Self {
            name: text.name.clone(),
            span: text.span.as_ref().map(glob).transpose()?,
            service: text.service.as_ref().map(glob).transpose()?,
            kind: text.kind.as_deref().map(kind).transpose().map_err(|message| (TEMPLATES.len(), message))?,
            attributes: text.attributes.iter().map(attribute).collect::<Result<_, _>>()?,
            templates,
        })
    }

    /// Whether a span is one of this rule's.
    pub(super) fn takes(&self, store: &SpanStore, span: SpanRef<'_>) -> bool {
        self.kind.is_none_or(|kind| span.kind() == kind)
            && self.span.as_ref().is_none_or(|glob| glob.is_match(span.name_text()))
            && self.service.as_ref().is_none_or(|glob| glob.is_match(span.service_text()))
            && self
                .attributes
                .iter()
                .all(|(keys, glob)| find(store, span, keys).is_some_and(|any| glob.is_match(super::text(store, any))))
    }

    /// Whether it has this template.
    pub(super) fn has(&self, template: usize) -> bool {
        self.templates[template].is_some()
    }

    /// Applies a template to a span; nothing if the rule does not have it.
    pub(super) fn make(&self, template: usize, store: &SpanStore, span: SpanRef<'_>) -> Result<Made, Unmade> {
        let Some(parts) = &self.templates[template] else { return Ok(Made::Nothing) };
        if let [part @ Part::Place { .. }] = &parts[..] {
            return place(part, store, span);
        }
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Place { .. } => match place(part, store, span)? {
                    Made::Native(any) => text.push_str(&super::text(store, any)),
                    Made::Text(word) => text.push_str(&word),
                    Made::Nothing => {}
                },
            }
        }
        Ok(Made::Text(text))
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    Ok(match text {
        "internal" => Kind::Internal,
        "server" => Kind::Server,
        "client" => Kind::Client,
        "producer" => Kind::Producer,
        "consumer" => Kind::Consumer,
        other => return Err(format!("no kind `{other}`; there are internal, server, client, producer, consumer")),
    })
}

fn alternatives(keys: &str) -> Vec<String> {
    keys.split('|').map(|key| key.trim().to_owned()).collect()
}

fn parts(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        if rest[open..].starts_with('}') {
            return Err(format!("`}}` without `{{` in {template:?}"));
        }
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        let close = rest[open..].find('}').ok_or_else(|| format!("`{{` without `}}` in {template:?}"))?;
        let inside = &rest[open + 1..open + close];
        let (inside, optional) = inside.strip_suffix('?').map_or((inside, false), |inside| (inside, true));
        let (keys, word) = match inside.split_once('#') {
            None => (inside, None),
            Some((keys, word)) => {
                let (number, last) = word.strip_suffix('$').map_or((word, false), |number| (number, true));
                let number =
                    number.parse().map_err(|_| format!("expected the number of a word after `#` in {template:?}"))?;
                (keys, Some((number, last)))
            }
        };
        let keys = alternatives(keys);
        if keys.iter().any(String::is_empty) {
            return Err(format!("a placeholder without an attribute in {template:?}"));
        }
        parts.push(Part::Place { keys, word, optional });
        rest = &rest[open + close + 1..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// The first of several keys that is there. O(attributes of the span): the strings of a whole store are many more.
fn find(store: &SpanStore, span: SpanRef<'_>, keys: &[String]) -> Option<Any> {
    let named = |rows: Rows, name: &str| store.attributes().pairs(rows).find(|(key, _)| store.text(*key) == name);
    let value = |name: &String| named(span.attributes(), name).or_else(|| named(span.resource().attributes, name));
    keys.iter().find_map(value).map(|(_, any)| any)
}

fn place(part: &Part, store: &SpanStore, span: SpanRef<'_>) -> Result<Made, Unmade> {
    let Part::Place { keys, word, optional } = part else { return Ok(Made::Nothing) };
    let own = match &*keys[0] {
        "name" => Some(span.name_text().to_owned()),
        "service" => Some(span.service_text().to_owned()),
        "instance" => Some(store.text(span.resource().instance).to_owned()),
        "span.kind" => Some(format!("{:?}", span.kind()).to_lowercase()),
        _ => None,
    };
    let made = match own {
        Some(own) => Made::Text(own),
        None => match find(store, span, keys) {
            Some(any) => Made::Native(any),
            None if *optional => return Ok(Made::Nothing),
            None => return Err(Unmade::Missing(keys.join("|"))),
        },
    };
    let Some((number, last)) = word else { return Ok(made) };
    let text = match made {
        Made::Native(any) => super::text(store, any),
        Made::Text(text) => text,
        Made::Nothing => return Ok(Made::Nothing),
    };
    let mut words = text.split_whitespace().skip(*number);
    match (words.next(), words.next()) {
        (None, _) if *optional => Ok(Made::Nothing),
        (None, _) => Err(Unmade::Missing(format!("word {number} of {}", keys.join("|")))),
        // A redacted value says nothing, and would make all values one.
        (Some("?"), _) => Err(Unmade::Unusable(format!("{}: the value is redacted", keys.join("|")))),
        (Some(_), Some(_)) if *last => Err(Unmade::Unusable(format!("{}: more words than expected", keys.join("|")))),
        (Some(word), _) => Ok(Made::Text(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read() {
        let place = |key: &str| Part::Place { keys: vec![key.into()], word: None, optional: false };
        assert_eq!(parts("{a.b}"), Ok(vec![place("a.b")]));
        assert_eq!(parts("x/{a}/y"), Ok(vec![Part::Text("x/".into()), place("a"), Part::Text("/y".into())]));
        assert_eq!(parts(""), Ok(vec![Part::Text(String::new())]));
        let word = Part::Place { keys: vec!["a".into(), "b".into()], word: Some((2, true)), optional: true };
        assert_eq!(parts("{a|b#2$?}"), Ok(vec![word]));
        for bad in ["{", "}", "{}", "{a#x}", "a{b"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }
}
