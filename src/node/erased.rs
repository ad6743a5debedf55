//! The contract without types: nodes that take and give bytes, so that any system can be run by one
//! interpreter. Made of any [`Algorithm`] by the code here, and never implemented by hand.

use super::algorithm::{About, Algorithm, Broken, Mutant, Promise, Setup, Watch};
use super::{
    Barrier, ClockRules, Cluster, Damage, Effect, Effects, Hand, Input, NodeId, Note, Operation, Process, Random,
    Recovered,
};
use super::{Timer, codec};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// An encoded message or record; cheap to clone.
pub type Bytes = Arc<[u8]>;

/// An [`Input`] with bytes for messages and records.
#[derive(Clone, Debug)]
pub enum RawInput<'a> {
    /// All frames found on disk, one after the other.
    Start(&'a [u8]),
    Message {
        from: NodeId,
        frame: &'a [u8],
    },
    Timer(Timer),
    Invoke(Operation),
    Durable(Barrier),
    DiskFailed(Barrier),
    /// The last frame of a persist as it is on disk; nothing if it is not there.
    Read {
        barrier: Barrier,
        frame: Option<&'a [u8]>,
    },
}

/// A node of any system.
pub trait AnyNode: Send {
    /// Takes one input. A message that can't be decoded is dropped: the checksum of the frame tells.
    fn step(&mut self, input: RawInput<'_>, hand: Hand<'_>, out: &mut Vec<Effect<Bytes, Bytes>>);

    /// The process itself, for [`AnyWatch`].
    fn process(&self) -> &dyn Any;

    /// What a frame says: the name of the message, and all of it if asked for.
    fn describe(&self, frame: &[u8], whole: bool) -> (&'static str, String);
}

/// The invariants of any system.
pub trait AnyWatch: Send {
    /// See [`Watch::noted`] and [`Watch::after`].
    fn after(&mut self, node: NodeId, server: &dyn AnyNode, notes: &[&Note]) -> Result<(), Broken>;
}

/// Any system.
pub trait System: Send + Sync {
    /// See [`Algorithm::about`].
    fn about(&self) -> &'static About;
    /// See [`Algorithm::server`].
    fn server(&self, setup: &Setup) -> Box<dyn AnyNode>;
    /// See [`Algorithm::client`].
    fn client(&self, setup: &Setup) -> Box<dyn AnyNode>;
    /// See [`Algorithm::watch`].
    fn watch(&self, setup: &Setup) -> Box<dyn AnyWatch>;
    /// See [`Algorithm::promise`].
    fn promise(&self, options: &[(String, String)]) -> Option<Promise>;
    /// See [`Algorithm::clock_rules`].
    fn clock_rules(&self, mutant: Option<&'static Mutant>) -> ClockRules;
    /// See [`Algorithm::reconfigure`].
    fn reconfigure(&self, cluster: Cluster, n: u64, random: &mut Random) -> Option<Operation>;
}

impl<A: Algorithm> System for A {
    fn about(&self) -> &'static About {
        Algorithm::about(self)
    }

    fn server(&self, setup: &Setup) -> Box<dyn AnyNode> {
        Box::new(Algorithm::server(self, setup))
    }

    fn client(&self, setup: &Setup) -> Box<dyn AnyNode> {
        Box::new(Algorithm::client(self, setup))
    }

    fn watch(&self, setup: &Setup) -> Box<dyn AnyWatch> {
        Box::new(Watching { watch: Algorithm::watch(self, setup), server: PhantomData::<fn() -> A::Server> })
    }

    fn promise(&self, options: &[(String, String)]) -> Option<Promise> {
        Algorithm::promise(self, options)
    }

    fn clock_rules(&self, mutant: Option<&'static Mutant>) -> ClockRules {
        Algorithm::clock_rules(self, mutant)
    }

    fn reconfigure(&self, cluster: Cluster, n: u64, random: &mut Random) -> Option<Operation> {
        Algorithm::reconfigure(self, cluster, n, random)
    }
}

impl<P: Process> AnyNode for P {
    fn step(&mut self, input: RawInput<'_>, hand: Hand<'_>, out: &mut Vec<Effect<Bytes, Bytes>>) {
        let input = match input {
            RawInput::Start(log) => Input::Start(recover(log)),
            RawInput::Message { from, frame } => match codec::decode(frame) {
                Ok((message, _)) => Input::Message { from, message },
                Err(_) => return,
            },
            RawInput::Timer(timer) => Input::Timer(timer),
            RawInput::Invoke(operation) => Input::Invoke(operation),
            RawInput::Durable(barrier) => Input::Durable(barrier),
            RawInput::DiskFailed(barrier) => Input::DiskFailed(barrier),
            RawInput::Read { barrier, frame } => {
                let record = frame.ok_or(Damage::Corrupt).and_then(codec::decode).map(|(record, _)| record);
                Input::Read { barrier, record }
            }
        };
        let mut effects = Effects::new(hand);
        Process::step(self, input, &mut effects);
        out.extend(effects.into_list().into_iter().map(encode));
    }

    fn process(&self) -> &dyn Any {
        self
    }

    fn describe(&self, frame: &[u8], whole: bool) -> (&'static str, String) {
        match codec::decode::<P::Message>(frame) {
            Ok((message, _)) => {
                let text = if whole { format!("{message:?}") } else { String::new() };
                (P::message_name(&message), text)
            }
            Err(_) => ("?", String::new()),
        }
    }
}

fn encode<P, R>(effect: Effect<P, R>) -> Effect<Bytes, Bytes>
where
    P: serde::Serialize,
    R: serde::Serialize,
{
    match effect {
        Effect::Send { to, message, after } => Effect::Send { to, message: codec::encode(&message).into(), after },
        Effect::Persist { barrier, records, replace } => {
            let records = records.iter().map(|record| codec::encode(record).into()).collect();
            Effect::Persist { barrier, records, replace }
        }
        Effect::SetTimer { timer, after } => Effect::SetTimer { timer, after },
        Effect::CancelTimer(timer) => Effect::CancelTimer(timer),
        Effect::Read(barrier) => Effect::Read(barrier),
        Effect::Attempt(at) => Effect::Attempt(at),
        Effect::Complete(outcome) => Effect::Complete(outcome),
        Effect::Note(note) => Effect::Note(note),
        Effect::Keep(span) => Effect::Keep(span),
        Effect::Resume(span) => Effect::Resume(span),
        Effect::Halt(why) => Effect::Halt(why),
    }
}

/// Reads a log up to the first frame that is damaged. A frame that is damaged counts as torn only if no
/// readable frame follows it anywhere: a crash tears the last write and nothing before it.
fn recover<R: serde::de::DeserializeOwned>(log: &[u8]) -> Recovered<R> {
    let mut recovered = Recovered::default();
    let mut at = 0;
    while at < log.len() {
        match codec::decode(&log[at..]) {
            Ok((record, length)) => {
                recovered.records.push(record);
                at += length;
            }
            Err(_) => {
                let follows = (at + 1..log.len()).any(|from| codec::decode::<R>(&log[from..]).is_ok());
                recovered.damage = Some(if follows { Damage::Corrupt } else { Damage::Torn });
                break;
            }
        }
    }
    recovered
}

struct Watching<W, S> {
    watch: W,
    server: PhantomData<S>,
}

impl<W: Watch<S>, S: 'static> AnyWatch for Watching<W, fn() -> S> {
    fn after(&mut self, node: NodeId, server: &dyn AnyNode, notes: &[&Note]) -> Result<(), Broken> {
        for note in notes {
            self.watch.noted(node, note)?;
        }
        let server = server.process().downcast_ref().expect("a system's watch looks at its own servers");
        self.watch.after(node, server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_torn_tail_is_left_out_and_a_hole_is_told_apart() {
        let (one, two) = (codec::encode(&1u64), codec::encode(&2u64));
        assert_eq!(recover::<u64>(&log(&[&one, &two])), Recovered { records: vec![1, 2], damage: None });
        let torn = recover::<u64>(&log(&[&one, &two[..5]]));
        assert_eq!(torn, Recovered { records: vec![1], damage: Some(Damage::Torn) });
        let mut rotten = one.clone();
        rotten[8] ^= 1;
        let hole = recover::<u64>(&log(&[&rotten, &two]));
        assert_eq!(hole, Recovered { records: vec![], damage: Some(Damage::Corrupt) });
    }
}
