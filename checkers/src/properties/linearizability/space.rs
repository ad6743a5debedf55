//! States and operations as small numbers.
//!
//! A model's states and parsed operations are interned, so that engines compare, hash and store
//! four bytes whatever the model, and every transition is computed once. The engines are therefore
//! compiled once and not once per model; the model is reached by one virtual call per *new*
//! transition. State 0 is the initial one; classes are numbered in order of first appearance.

use crate::budget::Stop;
use crate::history::{History, Status};
use crate::models::{Call, Model, Unsupported};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use std::any::Any;
use std::hash::{BuildHasher, Hash};

/// Fixed, so that a run can be repeated.
pub(crate) const HASHER: FixedState = FixedState::with_seed(0x0063_6175_7365_7400);

/// An operation that the model refused: its index in the history, and why.
pub(crate) type Refused = (u32, Unsupported);

/// A model without its types.
pub trait AnyModel: Send + Sync {
    /// Parses the given operations: the class of each, and the transitions between states.
    ///
    /// # Errors
    /// The first operation that the model has no rule for, or at which `stop` was raised.
    fn prepare<'m>(&'m self, history: &History, indices: &[u32], stop: &Stop)
    -> Result<(Vec<u32>, Table<'m>), Refused>;

    /// The model, for methods that know particular ones.
    fn as_any(&self) -> &dyn Any;
}

impl<M: Model> AnyModel for M {
    fn prepare<'m>(
        &'m self,
        history: &History,
        indices: &[u32],
        stop: &Stop,
    ) -> Result<(Vec<u32>, Table<'m>), Refused> {
        let mut interned = Interned::new(self, indices.len().min(64));
        let mut classes = Vec::with_capacity(indices.len());
        for &index in indices {
            if let Some(kind) = stop.raised() {
                return Err((index, Unsupported(kind.id().into())));
            }
            let op = &history.operations()[index as usize];
            let call = Call {
                function: history.functions().get(op.function),
                input: &op.input,
                output: (op.status == Status::Ok).then_some(&op.output),
                process: op.process,
            };
            let parsed = self.parse(&call).map_err(|refusal| (index, refusal))?;
            classes.push(intern(&mut interned.ops, &mut interned.op_ids, parsed));
        }
        Ok((classes, Table::new(Box::new(interned))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Hides a model's types.
pub(crate) fn erase<M: Model + 'static>(model: M) -> Box<dyn AnyModel> {
    Box::new(model)
}

/// What [`Table`] asks of a model.
trait Space: Send {
    fn classes(&self) -> usize;
    fn is_pure(&self, class: u32) -> bool;
    fn step(&mut self, state: u32, class: u32, next: &mut Vec<u32>);
    fn describe(&self, state: u32) -> String;
    fn states(&self) -> usize;
    fn state_bytes(&self) -> u64;
}

struct Interned<'m, M: Model> {
    model: &'m M,
    ops: Vec<M::Op>,
    op_ids: HashTable<u32>,
    states: Vec<M::State>,
    state_ids: HashTable<u32>,
    next: Vec<M::State>,
    /// An estimate of what the states hold.
    state_bytes: u64,
}

/// One state in so many is looked at, to estimate what states hold.
const SAMPLE: usize = 32;

/// Bytes held for each character of a state's description: a number is 24 bytes and often 3 or 4
/// characters with its comma.
const BYTES_PER_CHARACTER: usize = 6;

impl<'m, M: Model> Interned<'m, M> {
    /// With room for so many operations, and about as many states.
    fn new(model: &'m M, room: usize) -> Self {
        let (mut states, mut state_ids) = (Vec::with_capacity(room / 4), HashTable::with_capacity(room / 4));
        intern(&mut states, &mut state_ids, model.initial());
        let (ops, op_ids) = (Vec::with_capacity(room), HashTable::with_capacity(room));
        Self { model, ops, op_ids, states, state_ids, next: Vec::new(), state_bytes: 0 }
    }
}

/// The number of `item`, a new one if it was not seen before.
pub(crate) fn intern<T: Eq + Hash>(items: &mut Vec<T>, ids: &mut HashTable<u32>, item: T) -> u32 {
    let hash = HASHER.hash_one(&item);
    let slot = ids.entry(hash, |&id| items[id as usize] == item, |&id| HASHER.hash_one(&items[id as usize]));
    match slot {
        hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
        hashbrown::hash_table::Entry::Vacant(free) => {
            let id = items.len() as u32;
            free.insert(id);
            items.push(item);
            id
        }
    }
}

impl<M: Model> Space for Interned<'_, M> {
    fn classes(&self) -> usize {
        self.ops.len()
    }

    fn is_pure(&self, class: u32) -> bool {
        self.model.is_pure(&self.ops[class as usize])
    }

    fn step(&mut self, state: u32, class: u32, next: &mut Vec<u32>) {
        self.next.clear();
        self.model.step(&self.states[state as usize], &self.ops[class as usize], &mut self.next);
        for state in self.next.drain(..) {
            let before = self.states.len();
            next.push(intern(&mut self.states, &mut self.state_ids, state));
            if before < self.states.len() && before.is_multiple_of(SAMPLE) {
                let length = self.model.describe(&self.states[before]).len();
                self.state_bytes += (SAMPLE * (64 + BYTES_PER_CHARACTER * length)) as u64;
            }
        }
    }

    fn describe(&self, state: u32) -> String {
        self.model.describe(&self.states[state as usize])
    }

    fn states(&self) -> usize {
        self.states.len()
    }

    fn state_bytes(&self) -> u64 {
        self.state_bytes
    }
}

/// The states that follow a step: none, one, or a list in [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next(u32);

impl Next {
    const UNKNOWN: Self = Self(u32::MAX);
    const NONE: Self = Self(u32::MAX - 1);
    const MANY: u32 = 1 << 31;

    /// Whether the operation can't happen.
    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// Dense rows are used up to this many cells (16 MiB); beyond, a hash map.
const DENSE_CELLS: usize = 1 << 22;

/// Transitions over interned states and classes, each computed once.
pub struct Table<'m> {
    space: Box<dyn Space + 'm>,
    classes: usize,
    pure: Vec<bool>,
    /// Row `state`, column `class`.
    dense: Vec<Next>,
    sparse: HashMap<u64, Next, FixedState>,
    many: Vec<Box<[u32]>>,
    scratch: Vec<u32>,
}

impl<'m> Table<'m> {
    fn new(space: Box<dyn Space + 'm>) -> Self {
        let classes = space.classes();
        let pure = (0..classes as u32).map(|class| space.is_pure(class)).collect();
        let sparse = HashMap::with_hasher(HASHER);
        Self { space, classes, pure, dense: Vec::new(), sparse, many: Vec::new(), scratch: Vec::new() }
    }

    /// Whether operations of this class never change a state.
    #[inline]
    pub(crate) fn is_pure(&self, class: u32) -> bool {
        self.pure[class as usize]
    }

    /// Where an operation of `class` may lead from `state`.
    #[inline]
    pub(crate) fn next(&mut self, state: u32, class: u32) -> Next {
        let cell = state as usize * self.classes + class as usize;
        match self.dense.get(cell) {
            Some(&next) if next != Next::UNKNOWN => next,
            _ => self.next_slow(state, class, cell),
        }
    }

    #[cold]
    fn next_slow(&mut self, state: u32, class: u32, cell: usize) -> Next {
        let key = u64::from(state) << 32 | u64::from(class);
        if cell >= DENSE_CELLS
            && let Some(&next) = self.sparse.get(&key)
        {
            return next;
        }
        self.scratch.clear();
        self.space.step(state, class, &mut self.scratch);
        let next = match self.scratch[..] {
            [] => Next::NONE,
            [only] => Next(only),
            _ => {
                self.scratch.sort_unstable();
                self.scratch.dedup();
                self.many.push(self.scratch.as_slice().into());
                Next(Next::MANY | (self.many.len() - 1) as u32)
            }
        };
        if cell < DENSE_CELLS {
            if cell >= self.dense.len() {
                let rows = self.space.states().max(state as usize + 1) * self.classes;
                self.dense.resize(rows.min(DENSE_CELLS).max(cell + 1), Next::UNKNOWN);
            }
            self.dense[cell] = next;
        } else {
            self.sparse.insert(key, next);
        }
        next
    }

    /// The `n`-th of the states that follow.
    #[inline]
    pub(crate) fn nth(&self, next: Next, n: usize) -> Option<u32> {
        if next.0 & Next::MANY == 0 {
            return (n == 0).then_some(next.0);
        }
        if next == Next::NONE { None } else { self.many[(next.0 & !Next::MANY) as usize].get(n).copied() }
    }

    /// A state in words.
    pub(crate) fn describe(&self, state: u32) -> String {
        self.space.describe(state)
    }

    /// Roughly how many bytes are held.
    pub(crate) fn bytes(&self) -> u64 {
        (self.dense.capacity() * 4 + self.sparse.capacity() * 20) as u64 + self.space.state_bytes()
    }

    /// Whether it holds so much more than it did at `mark` that the limits should be looked at.
    #[inline]
    pub(crate) fn has_grown(&self, mark: u64) -> bool {
        self.space.state_bytes() > mark + (64 << 20)
    }
}
