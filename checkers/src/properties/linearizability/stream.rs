//! Checking a history while it happens.
//!
//! Calls and returns are fed in the order in which they happen. A return is *settled* once every
//! operation that was called before it has ended: then all answers that could matter are known, and
//! the configurations (see [`super::window`]) are taken past it and everything before it is forgotten.
//! Memory is therefore bounded by how much goes on at once, and by the crashed operations (which stay
//! possible for ever, as classes with counts), not by the length of the history.
//!
//! This is the frontier engine once more, on the model's own states instead of interned ones, so that
//! nothing is left of states and operations that are past.

use super::space::HASHER;
use crate::models::{Call, Model, Unsupported};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::{BTreeMap, VecDeque};

/// Names an operation in a [`Stream`]: the number of operations called before it.
pub type Ticket = u64;

/// How far a [`Stream`] has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// An order exists for all that is settled: so many returns.
    Holds(u64),
    /// No order got past the return of this operation; the states just before it, described.
    Violated(Ticket, Vec<String>),
}

/// Checks the linearizability of one object's history while it happens.
///
/// ```
/// use causet_checkers::history::Value;
/// use causet_checkers::models::Register;
/// use causet_checkers::properties::linearizability::{Settled, Stream};
///
/// let mut stream = Stream::new(Register::default());
/// let write = stream.call(0, "write", Value::Int(1));
/// let read = stream.call(1, "read", Value::Nil);
/// stream.ok(read, &Value::Int(2))?;
/// assert_eq!(stream.settled(), Settled::Holds(0)); // the write could still matter
/// stream.ok(write, &Value::Nil)?;
/// assert!(matches!(stream.settled(), Settled::Violated(ticket, _) if ticket == read));
/// # Ok::<(), causet_checkers::models::Unsupported>(())
/// ```
pub struct Stream<M: Model> {
    model: M,
    tickets: Ticket,
    /// Counts calls and returns.
    rank: u64,
    /// Operations that have not ended, by ticket.
    running: BTreeMap<Ticket, Running>,
    /// Operations that have ended and are not open yet in the configurations, by rank of the call.
    ended: BTreeMap<u64, Open<M::Op>>,
    /// Returns to settle: rank and ticket.
    returns: VecDeque<(u64, Ticket)>,
    open: Vec<Open<M::Op>>,
    crashed: Vec<(M::Op, u32)>,
    configurations: Vec<Configuration<M::State>>,
    settled: u64,
    violated: Option<(Ticket, Vec<String>)>,
}

struct Running {
    call: u64,
    process: u32,
    function: String,
    input: crate::history::Value,
}

#[derive(Clone)]
struct Open<O> {
    ticket: Ticket,
    op: O,
    /// `None`: crashed.
    ret: Option<u64>,
}

/// What an order may have come to.
#[derive(Clone)]
struct Configuration<S> {
    /// Open operations that took effect, in order of ticket.
    taken: Vec<Ticket>,
    /// How many of each crashed class were used; shorter than the list of classes means 0.
    used: Vec<u32>,
    state: S,
}

impl<M: Model> Stream<M> {
    /// A stream in which nothing has happened yet.
    pub fn new(model: M) -> Self {
        let start = Configuration { taken: Vec::new(), used: Vec::new(), state: model.initial() };
        Self {
            model,
            tickets: 0,
            rank: 0,
            running: BTreeMap::new(),
            ended: BTreeMap::new(),
            returns: VecDeque::new(),
            open: Vec::new(),
            crashed: Vec::new(),
            configurations: vec![start],
            settled: 0,
            violated: None,
        }
    }

    /// A process calls a function.
    pub fn call(&mut self, process: u32, function: &str, input: crate::history::Value) -> Ticket {
        let ticket = self.tickets;
        self.tickets += 1;
        self.rank += 1;
        self.running.insert(ticket, Running { call: self.rank, process, function: function.into(), input });
        ticket
    }

    /// It returned, with this output. A ticket that is not running is ignored.
    ///
    /// # Errors
    /// What the model has no rule for; the operation is then treated as if it were never called.
    pub fn ok(&mut self, ticket: Ticket, output: &crate::history::Value) -> Result<(), Unsupported> {
        self.end(ticket, Some(output))
    }

    /// Nobody will learn whether it happened.
    ///
    /// # Errors
    /// As [`Stream::ok`].
    pub fn crash(&mut self, ticket: Ticket) -> Result<(), Unsupported> {
        self.end(ticket, None)
    }

    /// It certainly did not happen.
    pub fn fail(&mut self, ticket: Ticket) {
        self.running.remove(&ticket);
        self.settle();
    }

    fn end(&mut self, ticket: Ticket, output: Option<&crate::history::Value>) -> Result<(), Unsupported> {
        let Some(running) = self.running.remove(&ticket) else { return Ok(()) };
        let call = Call { function: &running.function, input: &running.input, output, process: running.process };
        let parsed = self.model.parse(&call);
        if let Ok(op) = &parsed {
            self.rank += 1;
            let ret = output.map(|_| self.rank);
            self.ended.insert(running.call, Open { ticket, op: op.clone(), ret });
            self.returns.extend(ret.map(|ret| (ret, ticket)));
        }
        self.settle();
        parsed.map(|_| ())
    }

    /// How far it has come.
    pub fn settled(&self) -> Settled {
        match &self.violated {
            None => Settled::Holds(self.settled),
            Some((ticket, states)) => Settled::Violated(*ticket, states.clone()),
        }
    }

    /// How many configurations are held: what memory depends on.
    pub fn width(&self) -> usize {
        self.configurations.len()
    }

    /// Nothing more will come: what still runs may have happened or not.
    ///
    /// # Errors
    /// As [`Stream::ok`].
    pub fn finish(mut self) -> Result<Settled, Unsupported> {
        let running: Vec<Ticket> = self.running.keys().copied().collect();
        for ticket in running {
            self.crash(ticket)?;
        }
        Ok(self.settled())
    }

    fn settle(&mut self) {
        let wait = self.running.values().next().map_or(u64::MAX, |running| running.call);
        while self.violated.is_none()
            && let Some(&(rank, ticket)) = self.returns.front()
            && rank < wait
        {
            self.returns.pop_front();
            self.open_until(rank);
            self.pass(ticket);
            self.settled += 1;
        }
    }

    /// Opens what was called before `rank`.
    fn open_until(&mut self, rank: u64) {
        let later = self.ended.split_off(&rank);
        for (_, open) in std::mem::replace(&mut self.ended, later) {
            if open.ret.is_some() {
                self.open.push(open);
            } else if !self.model.is_pure(&open.op) {
                match self.crashed.iter_mut().find(|(op, _)| *op == open.op) {
                    Some((_, count)) => *count += 1,
                    None => self.crashed.push((open.op, 1)),
                }
            }
        }
        // Of one class, the one that returns first goes first.
        self.open.sort_unstable_by_key(|open| open.ret);
    }

    /// Takes every configuration past a return.
    fn pass(&mut self, ticket: Ticket) {
        let mut here = Met::new();
        let mut there = Met::new();
        let mut states = Vec::new();
        let mut todo = std::mem::take(&mut self.configurations);
        let mut past = Vec::new();
        // Those that used the fewest crashed operations come first.
        todo.sort_by_key(|at| std::cmp::Reverse(at.used.iter().sum::<u32>()));
        while let Some(mut at) = todo.pop() {
            self.take_pure(&mut at);
            if let Ok(place) = at.taken.binary_search(&ticket) {
                at.taken.remove(place);
                if there.insert(&at) {
                    past.push(at);
                }
            } else if here.insert(&at) {
                if states.len() < 8 && !states.contains(&at.state) {
                    states.push(at.state.clone());
                }
                self.steps(&at, &mut todo);
            }
        }
        self.open.retain(|open| open.ticket != ticket);
        if past.is_empty() {
            let states = states.iter().map(|state| self.model.describe(state)).collect();
            self.violated = Some((ticket, states));
        }
        self.configurations = past;
    }

    fn take_pure(&self, at: &mut Configuration<M::State>) {
        let mut next = Vec::new();
        for open in self.open.iter().filter(|open| self.model.is_pure(&open.op)) {
            if let Err(place) = at.taken.binary_search(&open.ticket) {
                next.clear();
                self.model.step(&at.state, &open.op, &mut next);
                if !next.is_empty() {
                    at.taken.insert(place, open.ticket);
                }
            }
        }
    }

    fn steps(&self, at: &Configuration<M::State>, todo: &mut Vec<Configuration<M::State>>) {
        let mut tried: Vec<&M::Op> = Vec::new();
        let mut next = Vec::new();
        for open in self.open.iter().filter(|open| !self.model.is_pure(&open.op)) {
            let Err(place) = at.taken.binary_search(&open.ticket) else { continue };
            if tried.contains(&&open.op) {
                continue;
            }
            tried.push(&open.op);
            self.model.step(&at.state, &open.op, &mut next);
            for state in next.drain(..) {
                let mut taken = at.taken.clone();
                taken.insert(place, open.ticket);
                todo.push(Configuration { taken, used: at.used.clone(), state });
            }
        }
        let crashed = self.crashed.iter().enumerate();
        for (class, (op, count)) in crashed.filter(|(_, (op, _))| !tried.contains(&op)) {
            if at.used.get(class).is_some_and(|used| used == count) {
                continue;
            }
            self.model.step(&at.state, op, &mut next);
            for state in next.drain(..) {
                let mut used = at.used.clone();
                used.resize(used.len().max(class + 1), 0);
                used[class] += 1;
                // Dearer than all that is there: last.
                todo.insert(0, Configuration { taken: at.taken.clone(), used, state });
            }
        }
    }
}

/// For what is taken, and each state, the smallest uses of crashed operations met.
struct Met<S>(HashMap<(Vec<Ticket>, S), Vec<Vec<u32>>, FixedState>);

impl<S: Clone + Eq + std::hash::Hash> Met<S> {
    fn new() -> Self {
        Self(HashMap::with_hasher(HASHER))
    }

    /// Whether nothing that can do as much was met before.
    fn insert(&mut self, at: &Configuration<S>) -> bool {
        let uses = self.0.entry((at.taken.clone(), at.state.clone())).or_default();
        let part = |small: &[u32], large: &[u32]| {
            small.iter().enumerate().all(|(class, count)| *count <= large.get(class).copied().unwrap_or(0))
        };
        if uses.iter().any(|other| part(other, &at.used)) {
            return false;
        }
        uses.retain(|other| !part(&at.used, other));
        uses.push(at.used.clone());
        true
    }
}
