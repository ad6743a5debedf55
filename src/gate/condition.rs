//! Conditions on spans: `service == "cart" and duration > "2s"`.
//!
//! Names are looked up when the condition is made: a service, an operation or a kind that is not in the
//! data is an error, not a condition that nothing meets.

use super::syntax::{Kind as Syntax, Node, Operator, Wrong};
use crate::config::suggest;
use crate::config::units::seconds_in;
use crate::store::{Any, SpanRef, SpanStore, StatusCode, Sym};
use globset::{Glob, GlobMatcher};

/// A condition whose names are known.
pub(super) enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    /// An operation or a service of this name.
    Named(Name),
    Text(Field, bool, Pattern),
    Has(Sym),
    Duration(Operator, f64),
    Number(Sym, Operator, f64),
    /// An attribute that no span has.
    Never,
}

/// A name that is there.
pub(super) enum Name {
    Operation(Sym),
    Service(Sym),
}

/// What of a span is compared with a text.
pub(super) enum Field {
    Service,
    Operation,
    Kind,
    Status,
    Attribute(Sym),
}

/// A text, or a glob.
pub(super) enum Pattern {
    Is(String),
    Like(GlobMatcher),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Is(expected) => expected == text,
            Self::Like(glob) => glob.is_match(text),
        }
    }
}

/// The names of a store.
pub(super) struct Names<'a> {
    pub store: &'a SpanStore,
    pub services: Vec<Sym>,
    pub operations: Vec<Sym>,
}

impl<'a> Names<'a> {
    pub(super) fn new(store: &'a SpanStore) -> Self {
        let distinct = |of: fn(SpanRef<'a>) -> Sym| {
            let mut all: Vec<Sym> = store.iter().map(of).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        Self { store, services: distinct(SpanRef::service), operations: distinct(SpanRef::name) }
    }

    fn known(&self, what: &str, all: &[Sym], name: &str, at: usize) -> Result<Sym, Wrong> {
        let found = all.iter().copied().find(|sym| self.store.text(*sym) == name);
        found.ok_or_else(|| {
            let known = suggest(name, all.iter().map(|sym| self.store.text(*sym)));
            (at, format!("no {what} `{name}` in the traces{known}"))
        })
    }

    pub(super) fn service(&self, name: &str, at: usize) -> Result<Sym, Wrong> {
        self.known("service", &self.services, name, at)
    }

    pub(super) fn operation(&self, name: &str, at: usize) -> Result<Sym, Wrong> {
        self.known("operation", &self.operations, name, at)
    }

    /// A name that is an operation's or a service's, and not both.
    pub(super) fn either(&self, name: &str, at: usize) -> Result<Name, Wrong> {
        match (self.operation(name, at), self.service(name, at)) {
            (Ok(_), Ok(_)) => Err((
                at,
                format!(
                    "`{name}` is a service and an operation; write service == \"{name}\" or operation == \"{name}\""
                ),
            )),
            (Ok(sym), Err(_)) => Ok(Name::Operation(sym)),
            (Err(_), Ok(sym)) => Ok(Name::Service(sym)),
            (Err(_), Err(_)) => {
                let all: Vec<Sym> = self.services.iter().chain(&self.operations).copied().collect();
                self.known("service or operation", &all, name, at).map(Name::Operation)
            }
        }
    }
}

/// Makes a condition of a node.
///
/// # Errors
/// Where something is no condition, or names what is not there.
pub(super) fn condition(node: &Node, names: &Names<'_>) -> Result<Condition, Wrong> {
    let each = |nodes: &[Node]| nodes.iter().map(|node| condition(node, names)).collect::<Result<Vec<_>, _>>();
    match &node.kind {
        Syntax::Or(parts) => Ok(Condition::Any(each(parts)?)),
        Syntax::And(parts) => Ok(Condition::All(each(parts)?)),
        Syntax::Not(inner) => Ok(Condition::Not(Box::new(condition(inner, names)?))),
        Syntax::Text(name) => Ok(Condition::Named(names.either(name, node.at)?)),
        Syntax::Call(name, arguments) if name == "attribute" => {
            let key = attribute_key(node, arguments)?;
            Ok(names.store.strings().find(key).map_or(Condition::Never, Condition::Has))
        }
        Syntax::Compare(operator, left, right) => comparison(*operator, left, right, names),
        Syntax::Call(name, _) => Err((node.at, format!("compare `{name}` with something, as in {name} == \"…\""))),
        Syntax::Number(..) => Err((node.at, "a number is no condition".to_owned())),
    }
}

fn attribute_key<'n>(node: &Node, arguments: &'n [Node]) -> Result<&'n str, Wrong> {
    match arguments {
        [Node { kind: Syntax::Text(key), .. }] => Ok(key),
        _ => Err((node.at, "expected the attribute's key, as in attribute(\"http.route\")".to_owned())),
    }
}

const FIELDS: [&str; 6] = ["service", "operation", "kind", "status", "duration", "attribute"];

fn comparison(operator: Operator, left: &Node, right: &Node, names: &Names<'_>) -> Result<Condition, Wrong> {
    let Syntax::Call(field, arguments) = &left.kind else {
        return Err((left.at, format!("expected one of {} before `{}`", FIELDS.join(", "), operator.sign())));
    };
    if field == "duration" {
        let nanos = duration(right)?;
        if operator == Operator::Like {
            return Err((left.at, "a duration has no glob".to_owned()));
        }
        return Ok(Condition::Duration(operator, nanos));
    }
    let attribute = match &**field {
        "attribute" => Some(attribute_key(left, arguments)?),
        known if FIELDS.contains(&known) && arguments.is_empty() => None,
        _ => {
            let known = suggest(field, FIELDS.into_iter());
            return Err((left.at, format!("no field `{field}` of a span{known}")));
        }
    };
    let sym = attribute.map(|key| names.store.strings().find(key));
    if let (Some(sym), Syntax::Number(number, unit)) = (sym, &right.kind) {
        if !unit.is_empty() {
            return Err((right.at, "attributes are compared with plain numbers".to_owned()));
        }
        return Ok(sym.map_or(Condition::Never, |sym| Condition::Number(sym, operator, *number)));
    }
    let Syntax::Text(text) = &right.kind else {
        return Err((right.at, format!("expected a text in quotes to compare `{field}` with")));
    };
    let pattern = match operator {
        Operator::Equal | Operator::NotEqual => Pattern::Is(text.clone()),
        Operator::Like => {
            Pattern::Like(Glob::new(text).map_err(|error| (right.at, error.to_string()))?.compile_matcher())
        }
        _ => return Err((left.at, format!("`{field}` is a text; compare it with ==, != or ~"))),
    };
    let field = match (&**field, sym) {
        (_, Some(Some(sym))) => Field::Attribute(sym),
        (_, Some(None)) if operator == Operator::NotEqual => return Ok(Condition::Not(Box::new(Condition::Never))),
        (_, Some(None)) => return Ok(Condition::Never),
        ("service", _) => Field::Service,
        ("operation", _) => Field::Operation,
        ("kind", _) => Field::Kind,
        _ => Field::Status,
    };
    known_text(&field, &pattern, text, right.at, names)?;
    Ok(Condition::Text(field, operator != Operator::NotEqual, pattern))
}

/// A text that could never match is a slip.
fn known_text(field: &Field, pattern: &Pattern, text: &str, at: usize, names: &Names<'_>) -> Result<(), Wrong> {
    let texts = |all: &[Sym]| all.iter().map(|sym| names.store.text(*sym).to_owned()).collect::<Vec<_>>();
    let owned = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (what, known) = match field {
        Field::Service => ("service", texts(&names.services)),
        Field::Operation => ("operation", texts(&names.operations)),
        Field::Kind => ("kind", owned(&["internal", "server", "client", "producer", "consumer", "unspecified"])),
        Field::Status => ("status", owned(&["unset", "ok", "error"])),
        Field::Attribute(_) => return Ok(()),
    };
    if known.iter().any(|known| pattern.matches(known)) {
        return Ok(());
    }
    Err((at, format!("no {what} `{text}`{}", suggest(text, known.iter().map(String::as_str)))))
}

/// A duration in nanoseconds: `2s`, or the same in quotes.
pub(super) fn duration(node: &Node) -> Result<f64, Wrong> {
    let expected = || (node.at, "expected a duration with a unit, such as 500ms or \"2s\"".to_owned());
    match &node.kind {
        Syntax::Number(number, unit) => Ok(number * seconds_in(unit).ok_or_else(expected)? * 1e9),
        Syntax::Text(text) => match super::syntax::parse(text) {
            Ok(inner) if matches!(inner.kind, Syntax::Number(..)) => duration(&inner).map_err(|_| expected()),
            _ => Err(expected()),
        },
        _ => Err(expected()),
    }
}

impl Condition {
    /// Whether a span meets it.
    pub(super) fn meets(&self, store: &SpanStore, span: SpanRef<'_>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.meets(store, span)),
            Self::All(parts) => parts.iter().all(|part| part.meets(store, span)),
            Self::Not(inner) => !inner.meets(store, span),
            Self::Named(Name::Operation(sym)) => span.name() == *sym,
            Self::Named(Name::Service(sym)) => span.service() == *sym,
            Self::Has(key) => attribute(store, span, *key).is_some(),
            Self::Duration(operator, nanos) => span.end() != 0 && operator.holds(span.duration() as f64, *nanos),
            Self::Number(key, operator, number) => match attribute(store, span, *key) {
                Some(Any::Int(value)) => operator.holds(value as f64, *number),
                Some(Any::Double(value)) => operator.holds(value, *number),
                Some(Any::Str(sym)) => store.text(sym).parse().is_ok_and(|value| operator.holds(value, *number)),
                _ => false,
            },
            Self::Text(field, wanted, pattern) => match text_of(field, store, span) {
                Some(text) => pattern.matches(&text) == *wanted,
                None => !wanted,
            },
            Self::Never => false,
        }
    }
}

/// An attribute of the span, else of its resource.
fn attribute(store: &SpanStore, span: SpanRef<'_>, key: Sym) -> Option<Any> {
    let attributes = store.attributes();
    attributes.find(span.attributes(), key).or_else(|| attributes.find(span.resource().attributes, key))
}

fn text_of(field: &Field, store: &SpanStore, span: SpanRef<'_>) -> Option<String> {
    Some(match field {
        Field::Service => span.service_text().to_owned(),
        Field::Operation => span.name_text().to_owned(),
        Field::Kind => span.kind().id().to_owned(),
        Field::Status => match span.status() {
            StatusCode::Unset => "unset",
            StatusCode::Ok => "ok",
            StatusCode::Error => "error",
        }
        .to_owned(),
        Field::Attribute(key) => match attribute(store, span, *key)? {
            Any::Str(sym) => store.text(sym).to_owned(),
            Any::Bool(value) => value.to_string(),
            Any::Int(value) => value.to_string(),
            Any::Double(value) => value.to_string(),
            _ => return None,
        },
    })
}
