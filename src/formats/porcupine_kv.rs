//! `porcupine-kv`: the key-value histories that Porcupine is tested with.
//!
//! They look like Jepsen's operation maps, with the key in a place of its own; so does reading them.
//! An absent key reads as "", not as null, and stays so.

use super::edn_forms::{Forms, Found};
use super::events::{Events, Kind};
use super::jepsen_edn::{Fields, first_operation, function_name};
use super::{Format, KeyMode, Reading, Source};
use crate::registry::Entry;
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
        Ok(())
    }
}
