//! The client: asks a server, and another one if it gets no answer.

use super::{Message, Record};
use crate::node::{Effects, Input, NodeId, Operation, Outcome, Process, Setup, Timer};
use causet_checkers::history::Value;

/// An attempt is given up for another server after this.
const ATTEMPT: u64 = 200_000_000;
/// An operation is given up after so many attempts.
const ATTEMPTS: u32 = 8;
const TIMER: Timer = Timer::new("attempt");

/// A client.
pub struct Client {
    setup: Setup,
    /// Of the current attempt: older answers are not for us.
    request: u64,
    current: Option<(u64, Option<i64>)>,
    attempts: u32,
}

impl Client {
    pub(super) fn new(setup: &Setup) -> Self {
        Self { setup: setup.clone(), request: 0, current: None, attempts: 0 }
    }

    fn attempt(&mut self, effects: &mut Effects<'_, Message, Record>) {
        let Some((key, value)) = self.current else { return };
        self.attempts += 1;
        self.request += 1;
        let server = NodeId(effects.random().below(self.setup.cluster.members.into()) as u16);
        effects.attempt(server);
        effects.send(server, Message::Request { request: self.request, key, value });
        effects.set_timer(TIMER, ATTEMPT);
    }
}

/// The instance of a key: the number in its name.
fn instance(operation: &Operation) -> u64 {
    let name = operation.key.as_ref().and_then(Value::as_str).unwrap_or_default();
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
}

impl Process for Client {
    type Message = Message;
    type Record = Record;

    fn step(&mut self, input: Input<Message, Record>, effects: &mut Effects<'_, Message, Record>) {
        match input {
            Input::Invoke(operation) => {
                let value = (operation.function == "propose").then(|| operation.input.as_int().unwrap_or(0));
                self.current = Some((instance(&operation), value));
                self.attempts = 0;
                self.attempt(effects);
            }
            Input::Message { message: Message::Reply { request, chosen }, .. }
                if request == self.request && self.current.take().is_some() =>
            {
                effects.cancel_timer(TIMER);
                effects.complete(Outcome::Ok(chosen.map_or(Value::Nil, Value::Int)));
            }
            Input::Timer(_) if self.attempts < ATTEMPTS => self.attempt(effects),
            Input::Timer(_) => {
                // What was proposed may yet be chosen; who only asked has done nothing.
                if let Some((_, value)) = self.current.take() {
                    effects.complete(if value.is_some() { Outcome::Unknown } else { Outcome::Fail });
                }
            }
            _ => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        super::Server::message_name(message)
    }
}
