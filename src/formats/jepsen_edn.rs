//! `jepsen-edn`: histories as Jepsen, Knossos and Elle store them, as EDN operation maps.
//!
//! The shape around the maps does not matter (one per line, a vector, a list, records), because
//! [`Forms`] yields maps; what they mean together is [`Events`]' business. This file knows one map.

use super::edn::begins_operation;
use super::edn_forms::{Forms, Found};
use super::events::{Event, Events, Kind, brief};
use super::lines::At;
use super::{Format, Reading, Source};

use crate::registry::Entry;
use causet_checkers::history::Value;
use std::io;
use std::sync::Arc;

/// The format.
pub struct JepsenEdn;

const EXAMPLE: &str = "\
{:type :invoke, :f :write, :value 3, :process 0, :time 10, :index 0}
{:type :invoke, :f :read, :value nil, :process 1, :time 12, :index 1}
{:type :ok, :f :write, :value 3, :process 0, :time 20, :index 2}
{:type :info, :f :start-partition, :value nil, :process :nemesis, :time 21, :index 3}
{:type :ok, :f :read, :value 3, :process 1, :time 25, :index 4}
";

impl Format for JepsenEdn {
    fn entry(&self) -> Entry {
        Entry {
            id: "jepsen-edn",
            summary: "operation histories of Jepsen, Knossos and Elle as EDN maps",
            documentation: include_str!("docs/jepsen-edn.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        looks_like_operations(head)
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let mut events = Events::new(into.key_mode);
        let mut forms = Forms::new(source);
        while let Some((at, found)) = forms.next()? {
            let event = match found {
                Found::Map(pairs) => Fields::of(pairs).and_then(|fields| fields.event(at)),
                Found::Bad(reason) => Err(reason.into_owned()),
            };
            match event {
                Ok(Some(event)) => events.push(event, into),
                Ok(None) => into.ignored.nemesis += 1,
                Err(reason) => into.skipped.push(at, reason),
            }
        }
        events.finish(into);
        Ok(())
    }
}

/// Whether some map among the first bytes is an operation, beginning where operations do: in text of
/// another format that quotes one, it does not begin its line.
fn looks_like_operations(head: &[u8]) -> bool {
    first_operation(head).is_some() || {
        // An operation longer than what recognition sees.
        let opening = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b'(');
        let start = head.iter().take_while(|byte| opening(byte)).count();
        begins_operation(&head[start..]) == Some(true)
    }
}

/// The fields of the first operation among the first bytes of a file.
pub(super) fn first_operation(head: &[u8]) -> Option<Fields> {
    let mut source = Source::plain(head);
    let mut forms = Forms::new(&mut source);
    while let Ok(Some((at, found))) = forms.next() {
        let Found::Map(pairs) = found else { continue };
        let Ok(fields) = Fields::of(pairs) else { continue };
        let before = &head[..at.byte as usize];
        let line = memchr::memrchr(b'\n', before).map_or(0, |feed| feed + 1);
        let alone = before[line..].iter().all(|byte| byte.is_ascii_whitespace() || b"[(\xef\xbb\xbf".contains(byte));
        let known = fields.kind().is_ok() && (fields.process.is_some() || fields.function.is_some());
        if (alone || !forms.torn()) && (known || fields.kind().is_ok() && fields.value.is_some()) {
            return Some(fields);
        }
    }
    None
}

/// The fields of an operation map that mean something here; the rest (`:index`, `:error`, …) don't.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) process: Option<Value>,
    pub(super) kind: Option<Value>,
    pub(super) function: Option<Value>,
    pub(super) key: Option<Value>,
    pub(super) value: Option<Value>,
    time: Option<Value>,
}

impl Fields {
    /// Sorts the pairs of a map.
    ///
    /// # Errors
    /// When one of them is there twice.
    pub(super) fn of(pairs: Vec<(Value, Value)>) -> Result<Self, String> {
        let mut fields = Self::default();
        for (name, value) in pairs {
            let field = match name.as_str() {
                Some(":process") => &mut fields.process,
                Some(":type") => &mut fields.kind,
                Some(":f") => &mut fields.function,
                Some(":key") => &mut fields.key,
                Some(":value") => &mut fields.value,
                Some(":time") => &mut fields.time,
                _ => continue,
            };
            if field.replace(value).is_some() {
                return Err(format!("an operation that has {} twice", brief(&name)));
            }
        }
        Ok(fields)
    }

    fn kind(&self) -> Result<Kind, String> {
        match &self.kind {
            Some(Value::Str(word)) => {
                Kind::of(word).ok_or_else(|| format!("expected :invoke, :ok, :fail or :info as `:type`, found {word}"))
            }
            Some(other) => Err(format!("expected :invoke, :ok, :fail or :info as `:type`, found {}", brief(other))),
            None => Err("expected an operation map, but this one has no `:type`".into()),
        }
    }

    /// The event, or `None` if it is the nemesis's.
    ///
    /// # Errors
    /// What was expected where.
    pub(super) fn event(self, at: At) -> Result<Option<Event>, String> {
        let kind = self.kind()?;
        let Some(process) = process_name(self.process.unwrap_or_default())? else { return Ok(None) };
        let function = match &self.function {
            None | Some(Value::Nil) => None,
            Some(name) => Some(function_name(name)?),
        };
        let time = self.time.and_then(|time| time.as_int());
        let value = self.value.unwrap_or_default();
        Ok(Some(Event { at, kind, process, function, key: self.key, value, time }))
    }
}

/// The name of a process; `None` for the nemesis and its like, which are keywords.
pub(super) fn process_name(process: Value) -> Result<Option<Arc<str>>, String> {
    match process {
        Value::Str(name) if name.starts_with(':') => Ok(None),
        Value::Str(name) => Ok(Some(name)),
        Value::Int(number) => Ok(Some(number.to_string().into())),
        Value::BigInt(number) => Ok(Some(number)),
        // Examples in papers and tests leave it out: one process then did everything.
        Value::Nil => Ok(Some("nil".into())),
        other => Err(format!("expected a number or a keyword as process, found {}", brief(&other))),
    }
}

/// The name of an operation: a keyword, a symbol or text.
pub(super) fn function_name(name: &Value) -> Result<Arc<str>, String> {
    match name {
        Value::Str(text) => Ok(text.strip_prefix([':', '\'']).map_or_else(|| text.clone(), Into::into)),
        other => Err(format!("expected a keyword or text as the name of the operation, found {}", brief(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::testing::{Case, check, check_skips, read, shown, survives};
    use super::*;

    const READ: &str = "{:type :invoke, :f :read, :value nil, :process 0, :time 5}";
    const DONE: &str = "{:type :ok, :f :read, :value 3, :process 0, :time 9}";

    #[test]
    fn any_sequence_will_do() {
        let record = |map: &str| format!("#jepsen.history.Op{map}");
        let nested = "{:type :invoke\n :f :read\n :value\n nil\n :process 0\n :ext {:type :ok\n :f :x}}";
        let shapes = [
            format!("{READ}\n{DONE}\n"),
            format!("{READ}\r\n\r\n{DONE}"),
            format!("\u{feff}{READ}{DONE}"),
            format!("[{READ}\n {DONE}]"),
            format!("({READ} {DONE})"),
            format!("#jepsen.history.DenseHistory [{READ},{DONE}]"),
            format!("{} {}", record(READ), record(DONE)),
            format!(";; model: register\n; {DONE}\n{READ} #_{DONE} #_ #_ 1 2 {DONE} ; {DONE}"),
            format!("^{{:a 1}} {READ} ^:b {DONE}"),
            format!("[[{READ}] [{DONE}]]"),
            format!("{nested} {DONE}"),
            format!(
                "{} {}",
                READ.replace(":read", "\"read\""),
                DONE.replace("{:type :ok,", "{:error [:x \"}\"], :type \"ok\"")
            ),
            format!("{} {}", READ.replace(":process 0, ", ""), DONE.replace(":process 0, ", "")),
        ];
        for shape in shapes {
            let process = if shape.contains(":process") { "0" } else { "nil" };
            check(&JepsenEdn, &shape, &[&format!("{process} read null -> 3 [1..2]")]);
        }
        assert_eq!(read(&JepsenEdn, [READ, DONE].concat()).0.time_ns(0), Some((5, 9)));
    }

    #[test]
    fn the_example_reads_and_the_nemesis_is_counted() {
        let (history, skipped, ignored) = read(&JepsenEdn, EXAMPLE);
        assert_eq!(shown(&history), ["0 write 3 -> null [1..3]", "1 read null -> 3 [2..4]"]);
        assert_eq!((skipped.total(), ignored.nemesis), (0, 1));
    }

    #[test]
    fn a_damaged_map_costs_itself() {
        let cases: [Case<'_>; 14] = [
            (format!("{READ}\n{{:type :ok, :f @}}\n{DONE}\n"), 1, &[("line 2, byte 74", "expected a form")]),
            (
                format!("{READ}\n{{:type :ok, :f :read\n{DONE}\n"),
                1,
                &[("line 2, byte 59", "the next operation begins")],
            ),
            (
                format!("[{READ}\n {{:type :ok, :f \"read\n {DONE}]"),
                1,
                &[("line 2, byte 61", "the next operation begins")],
            ),
            (format!("{READ}\n{{:type :ok, :f :re"), 1, &[("line 2, byte 59", "the input ends inside this form")]),
            (format!("[{READ}\n"), 1, &[("line 2, byte 60", "expected `]`")]),
            (format!("{READ}]{DONE}"), 1, &[("line 1, byte 58", "closes nothing")]),
            (format!("{READ} garbage here\n{DONE}"), 1, &[("line 1, byte 59", "expected an operation map")]),
            (format!("[{{:type :ok, :x #}} {READ} {DONE}]"), 1, &[("line 1, byte 16", "after `#`")]),
            (format!("{READ}\0\0\0\n{DONE}"), 1, &[("line 1, byte 58", "found")]),
            (format!("{READ}{{:a 1}}{DONE}"), 1, &[("line 1, byte 58", "no `:type`")]),
            (format!("{READ}{}", DONE.replace(":ok", ":okay")), 1, &[("line 1, byte 58", "expected :invoke, :ok")]),
            (format!("{READ}{}", DONE.replace(":time 9", ":type :ok")), 1, &[("line 1, byte 58", "twice")]),
            (format!("{READ}{}", DONE.replace(":process 0", ":process 1")), 1, &[("line 1, byte 58", "never called")]),
            (format!("{READ}{}", DONE.replace(":process 0", ":process [0]")), 1, &[("line 1, byte 58", "as process")]),
        ];
        for (text, operations, losses) in cases {
            check_skips(&JepsenEdn, &text, operations, losses);
            assert!(JepsenEdn.recognises(text.as_bytes()), "{text}");
        }
        let invalid = [READ.as_bytes(), b"\n{:type :ok, :f \"\xff\"}\n", DONE.as_bytes()].concat();
        check_skips(&JepsenEdn, invalid, 1, &[("line 2, byte 75", "UTF-8")]);
    }

    #[test]
    fn size_and_depth_do_no_harm() {
        check_skips(&JepsenEdn, "", 0, &[]);
        check_skips(&JepsenEdn, " ,\n;; nothing", 0, &[]);
        let deep = format!("{READ}\n{{:type :ok, :value {}\n{DONE}\n", "[".repeat(5000));
        check_skips(&JepsenEdn, &deep, 1, &[("line 2, byte 205", "deeper than 128")]);
        check_skips(&JepsenEdn, "[".repeat(5000), 0, &[("line 1, byte 128", "deeper than 128")]);
        let (history, skipped, _) = read(&JepsenEdn, "{:type ".repeat(5000));
        assert!(history.is_empty() && !skipped.is_empty());
    }

    #[test]
    fn one_line_may_be_the_whole_history() {
        let mut line = String::from("[");
        for value in 0..20_000 {
            line += &format!("{READ} {} ", DONE.replace(":value 3", &format!(":value {value}")));
        }
        let (history, skipped, _) = read(&JepsenEdn, line + "]");
        assert_eq!((history.len(), history.pending(), skipped.total()), (20_000, 0, 0));
    }

    #[test]
    fn every_damage_is_survived_and_told() {
        let sample = ";; header\n{:process 0, :type :invoke, :f :cas, :value [3 1]}\n\
                      {:process :nemesis, :type :info, :f :start, :value \"x\"}\n\
                      {:process 1, :type :invoke, :f :read, :value nil}\n\
                      {:process 0, :type :fail, :f :cas, :value [3 1]}\n{:process 1, :type :ok, :f :read, :value \\a}\n";
        survives(&JepsenEdn, sample, false, |text| {
            let whole =
                |line: &[u8]| !line.is_empty() && line[0] != b';' && line.contains(&b'{') && !line.contains(&b';');
            text.split(|byte| *byte == b'\n').filter(|line| whole(line)).count()
        });
    }

    #[test]
    fn other_texts_are_not_taken_for_it() {
        let quoted = r#"{"resourceSpans":[{"body":"{:type :invoke, :f :read, :process 0, :value nil}"}]}"#;
        let jsonl = r#"{"process":"c1","type":"invoke","f":"write","value":3}"#;
        for text in [quoted, jsonl, "", "{", "[]", "{:a 1}", "INFO  jepsen.util - 0\t:invoke\t:read\tnil"] {
            assert!(!JepsenEdn.recognises(text.as_bytes()), "{text}");
        }
        assert!(JepsenEdn.recognises(format!("@@@ damaged\n{DONE}\n").as_bytes()));
        assert!(JepsenEdn.recognises(format!("[{{:type :ok, :value [{}", "1 ".repeat(40_000)).as_bytes()));
    }
}
