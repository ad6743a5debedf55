//! Inputs and effects: everything that passes between a process and the world.

use super::{NodeId, Operation, Outcome, Random};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A node's state machine. It must be a function of its inputs: no clock, no randomness, no I/O but by way
/// of [`Effects`], and no iteration in an order that differs from run to run.
pub trait Process: Send + 'static {
    /// What nodes of the system send each other.
    type Message: Serialize + DeserializeOwned + Clone + Debug + Send;
    /// What a node writes to its log.
    type Record: Serialize + DeserializeOwned + Clone + Debug + Send;

    /// Takes one input to the end.
    fn step(&mut self, input: Input<Self::Message, Self::Record>, effects: &mut Effects<Self::Message, Self::Record>);

    /// A short name for a message, for spans and stories: `append-entries`.
    fn message_name(message: &Self::Message) -> &'static str;
}

/// Something that happens to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<M, R> {
    /// The first input of an incarnation, with what was found on disk.
    Start(Recovered<R>),
    /// A message arrived.
    Message { from: NodeId, message: M },
    /// A timer that was set, and neither set again nor cancelled, has run out.
    Timer(Timer),
    /// Only for clients, one at a time: do this, then [`Effects::complete`].
    Invoke(Operation),
    /// Everything persisted up to this barrier is on disk.
    Durable(Barrier),
    /// Nothing after the last durable barrier can be relied upon, and what is on disk is not known
    /// (an fsync that failed once must not be tried again: see "fsyncgate", 2018). Halt, or do without.
    DiskFailed(Barrier),
    /// What [`Effects::read`] asked for: the record as it is on disk now.
    Read { barrier: Barrier, record: Result<R, Damage> },
}

/// What a node finds on its disk when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered<R> {
    /// All readable records up to the first that is not, in order.
    pub records: Vec<R>,
    /// What stopped the reading before the end.
    pub damage: Option<Damage>,
}

impl<R> Default for Recovered<R> {
    fn default() -> Self {
        Self { records: Vec::new(), damage: None }
    }
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The last record is not whole: what a crash in the middle of a write leaves. It was never reported
    /// durable, so leaving it out is right; whoever opened the log has cut it off.
    Torn,
    /// A record is not what was written, and valid ones follow it: data that was reported durable is lost.
    Corrupt,
}

/// Names a timer of a node. Setting it again moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timer {
    /// For spans and stories: `election`.
    pub name: &'static str,
    /// Tells timers of one name apart.
    pub key: u64,
}

impl Timer {
    /// The only timer of its name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, key: 0 }
    }
}

/// Names what was persisted up to a point of one incarnation: 1 for its first persist, then 2, …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Barrier(pub u64);

/// Names the span in which a step happened, so that a later step can go on in it. 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpanToken(pub u64);

/// Something that a node did inside itself and that is worth knowing: `commit index=7 term=2`. Notes are
/// the local events of a trace, what triggers of a fault schedule wait for, and the story that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub name: &'static str,
    pub fields: Vec<(&'static str, Field)>,
}

/// The value of a note's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Int(u64),
    Node(NodeId),
    Word(&'static str),
}

impl From<u64> for Field {
    fn from(value: u64) -> Self {
        Self::Int(value)
    }
}

impl From<NodeId> for Field {
    fn from(value: NodeId) -> Self {
        Self::Node(value)
    }
}

impl From<&'static str> for Field {
    fn from(value: &'static str) -> Self {
        Self::Word(value)
    }
}

/// Something that a node asks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<M, R> {
    /// Send a message, once everything up to `after` is durable.
    Send {
        to: NodeId,
        message: M,
        after: Option<Barrier>,
    },
    /// Run a timer out `after` nanoseconds of the node's own clock from now.
    SetTimer {
        timer: Timer,
        after: u64,
    },
    CancelTimer(Timer),
    /// Append records to the log; or, with `replace`, put them in the place of all that is there, at once or not at all.
    Persist {
        barrier: Barrier,
        records: Vec<R>,
        replace: bool,
    },
    /// Read back the last record of an earlier persist.
    Read(Barrier),
    /// Only for clients: try the current operation, again perhaps, at a server.
    Attempt(NodeId),
    /// Only for clients: the current operation is over.
    Complete(Outcome),
    Note(Note),
    /// The step's span stays open until it is taken up again.
    Keep(SpanToken),
    /// The effects from here on belong to a span that was kept.
    Resume(SpanToken),
    /// The node gives up: it stops as if it had crashed, and says why.
    Halt(&'static str),
}

/// What an interpreter hands to a step besides the input.
#[derive(Debug)]
pub struct Hand<'a> {
    /// The node's own clock.
    pub now: u64,
    /// The node's monotonic clock.
    pub elapsed: u64,
    /// The token that [`Effects::keep`] will hand out.
    pub span: SpanToken,
    pub random: &'a mut Random,
    /// Counts the persists of the incarnation.
    pub next_barrier: &'a mut Barrier,
}

/// What a step asks for, in order.
#[derive(Debug)]
pub struct Effects<'a, M, R> {
    now: u64,
    elapsed: u64,
    span: SpanToken,
    random: &'a mut Random,
    next_barrier: &'a mut Barrier,
    list: Vec<Effect<M, R>>,
}

impl<'a, M, R> Effects<'a, M, R> {
    /// Made by interpreters, one for each step.
    pub fn new(hand: Hand<'a>) -> Self {
        let Hand { now, elapsed, span, random, next_barrier } = hand;
        Self { now, elapsed, span, random, next_barrier, list: Vec::new() }
    }

    /// What was asked for.
    pub fn into_list(self) -> Vec<Effect<M, R>> {
        self.list
    }

    /// The time by the node's own clock, in nanoseconds. It may differ between nodes, run at another rate,
    /// and jump.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Nanoseconds since the machine started, by its monotonic clock: it never jumps, but may run at another
    /// rate than others. What leases and other durations are measured with.
    pub fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// The node's own stream of random numbers.
    pub fn random(&mut self) -> &mut Random {
        self.random
    }

    /// Sends a message now. What it says must not depend on data that is not yet durable.
    pub fn send(&mut self, to: NodeId, message: M) {
        self.list.push(Effect::Send { to, message, after: None });
    }

    /// Sends a message as soon as everything up to the barrier is durable; never, if the node crashes before.
    pub fn send_after(&mut self, barrier: Barrier, to: NodeId, message: M) {
        self.list.push(Effect::Send { to, message, after: Some(barrier) });
    }

    /// Runs a timer out `after` nanoseconds from now; moves it if it was set.
    pub fn set_timer(&mut self, timer: Timer, after: u64) {
        self.list.push(Effect::SetTimer { timer, after });
    }

    /// Stops a timer, if it was set.
    pub fn cancel_timer(&mut self, timer: Timer) {
        self.list.push(Effect::CancelTimer(timer));
    }

    /// Appends records to the node's log. [`Input::Durable`] follows when they are on disk.
    pub fn persist(&mut self, records: Vec<R>) -> Barrier {
        self.write(records, false)
    }

    /// Puts records in the place of the whole log, at once or not at all.
    pub fn rewrite(&mut self, records: Vec<R>) -> Barrier {
        self.write(records, true)
    }

    fn write(&mut self, records: Vec<R>, replace: bool) -> Barrier {
        self.next_barrier.0 += 1;
        let barrier = *self.next_barrier;
        self.list.push(Effect::Persist { barrier, records, replace });
        barrier
    }

    /// The barrier of the last persist of this incarnation; 0 before the first.
    pub fn last_barrier(&self) -> Barrier {
        *self.next_barrier
    }

    /// Reads the last record of an earlier persist back from disk; [`Input::Read`] follows.
    pub fn read(&mut self, barrier: Barrier) {
        self.list.push(Effect::Read(barrier));
    }

    /// Tries the current operation at a server: what is sent from here on belongs to this attempt.
    pub fn attempt(&mut self, at: NodeId) {
        self.list.push(Effect::Attempt(at));
    }

    /// Ends the current operation of a client.
    pub fn complete(&mut self, outcome: Outcome) {
        self.list.push(Effect::Complete(outcome));
    }

    /// Says what happened.
    pub fn note<const N: usize>(&mut self, name: &'static str, fields: [(&'static str, Field); N]) {
        self.list.push(Effect::Note(Note { name, fields: fields.to_vec() }));
    }

    /// Keeps the span of this step open, for a request that is answered later.
    pub fn keep(&mut self) -> SpanToken {
        self.list.push(Effect::Keep(self.span));
        self.span
    }

    /// What follows belongs to a span that was kept; it ends with this step.
    pub fn resume(&mut self, span: SpanToken) {
        self.list.push(Effect::Resume(span));
    }

    /// Stops the node.
    pub fn halt(&mut self, why: &'static str) {
        self.list.push(Effect::Halt(why));
    }
}
