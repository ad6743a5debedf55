//! `porcupine-kv`: the key-value histories that Porcupine is tested with.
//!
//! They look like Jepsen's operation maps, with the key in a place of its own; so does reading them.
//! An absent key reads as "", not as null: the history says so ([`History::initial`]).
//!
//! [`History::initial`]: causet_checkers::history::History::initial

use super::edn_forms::{Forms, Found};
use super::events::{Events, Kind};
use super::jepsen_edn::{Fields, first_operation, function_name};
use super::{Format, KeyMode, Reading, Source};
use crate::registry::Entry;
use causet_checkers::history::Value;
use std::io;

/// The format.
pub struct PorcupineKv;

const EXAMPLE: &str = "\
{:process 0, :type :invoke, :f :put, :key \"9\", :value \"x\"}
{:process 1, :type :invoke, :f :get, :key \"9\", :value nil}
{:process 0, :type :ok, :f :put, :key \"9\", :value \"x\"}
{:process 1, :type :ok, :f :get, :key \"9\", :value \"\"}
";

impl Format for PorcupineKv {
    fn entry(&self) -> Entry {
        Entry {
            id: "porcupine-kv",
            summary: "key-value histories of Porcupine's tests: get, put and append with a key",
            documentation: include_str!("docs/porcupine-kv.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        first_operation(head).is_some_and(|fields| {
            let function = fields.function.as_ref().and_then(|name| function_name(name).ok());
            fields.key.is_some() && matches!(function.as_deref(), Some("get" | "put" | "append"))
        })
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let mut events = Events::new(KeyMode::None);
        let mut forms = Forms::new(source);
        while let Some((at, found)) = forms.next()? {
            let event = match found {
                Found::Map(pairs) => Fields::of(pairs).and_then(|fields| fields.event(at)),
                Found::Bad(reason) => Err(reason.into_owned()),
            };
            match event {
                Ok(Some(event)) if event.key.is_none() && matches!(event.kind, Kind::Invoke | Kind::Ok) => {
                    into.skipped.push(at, "expected an operation with a `:key`");
                }
                Ok(Some(event)) => events.push(event, into),
                Ok(None) => into.ignored.nemesis += 1,
                Err(reason) => into.skipped.push(at, reason),
            }
        }
        events.finish(into);
        into.history.set_initial(Value::str(""));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::testing::{Case, check, check_skips, survives};
    use super::*;

    #[test]
    fn values_stay_what_they_are() {
        check(&PorcupineKv, EXAMPLE, &[r#"0 put "9": "x" -> null [1..3]"#, r#"1 get "9": null -> "" [2..4]"#]);
        let text = "{:process 0, :type :invoke, :f :append, :key \"1\", :value \"x 0 0 y\"}\r\n\
                    {:process 1, :type :invoke, :f :get, :key [7 8], :value nil}\r\n\
                    {:process 0, :type :info, :f :append, :key \"1\", :value nil}\r\n\
                    {:process 1, :type :ok, :f :get, :key [7 8], :value [1 2]}";
        check(
            &PorcupineKv,
            text,
            &[r#"0 append "1": "x 0 0 y" -> null [1..open]"#, "1 get [7, 8]: null -> [1, 2] [2..4]"],
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let call = "{:process 0, :type :invoke, :f :get, :key \"1\", :value nil}";
        let cases: [Case<'_>; 4] = [
            (call.replace(":key \"1\", ", ""), 0, &[("line 1, byte 0", "`:key`")]),
            (
                format!("{call}\n{{:process 0, :type :ok, :f :get, :key \"2\"}}"),
                1,
                &[("line 2, byte 59", "key of the call")],
            ),
            (format!("{call}\n{{:process 0, :type :ok, :f :get, :ke"), 1, &[("line 2, byte 59", "the input ends")]),
            (format!("{call}\n{call}"), 1, &[("line 2, byte 59", "still open")]),
        ];
        for (text, operations, losses) in cases {
            check_skips(&PorcupineKv, text, operations, losses);
        }
    }

    #[test]
    fn every_damage_is_survived_and_told() {
        survives(&PorcupineKv, EXAMPLE, false, |text| {
            let whole = |line: &[u8]| line.contains(&b'{') && !line.contains(&b';');
            text.split(|byte| *byte == b'\n').filter(|line| whole(line)).count()
        });
    }

    #[test]
    fn recognised_by_key_and_name() {
        let jepsen = "{:process 0, :type :invoke, :f :get, :value nil}";
        let other = "{:process 0, :type :invoke, :f :lock, :key 1, :value nil}";
        for text in ["", jepsen, other, r#"{"process":0,"f":"get","key":"x"}"#] {
            assert!(!PorcupineKv.recognises(text.as_bytes()), "{text}");
        }
        assert!(PorcupineKv.recognises(format!("{{:damaged\n{EXAMPLE}").as_bytes()));
    }
}
