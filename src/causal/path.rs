//! Shortest paths: the evidence that one event is before another.

use super::graph::{CausalGraph, EdgeKind, EventId};
use foldhash::{HashMap, HashMapExt};
use std::collections::VecDeque;
use std::hash::Hash;

/// A vertex, and the kind of the edge that leads on from it if edges of that kind run together.
type State<K> = (u32, Option<K>);
/// By state: how many steps it is from the end, and the next state on the way there, with the edge to it.
type Known<K> = HashMap<State<K>, (u32, Option<(State<K>, K)>)>;

/// A path with the fewest steps from one vertex to another, searched backwards: each step's vertex and the edge into
/// it. Consecutive edges of a kind that `runs` are one step ("later in the same process", over however many
/// events). `None` if there is no path. O(edges searched).
pub(super) fn shortest<K, Edges>(
    from: u32,
    to: u32,
    before: impl Fn(u32) -> Edges,
    runs: impl Fn(K) -> bool,
) -> Option<Vec<(u32, K)>>
where
    K: Copy + Eq + Hash,
    Edges: Iterator<Item = (u32, K)>,
{
    let mut known: Known<K> = HashMap::new();
    let mut todo = VecDeque::from([(0u32, (to, None))]);
    known.insert((to, None), (0, None));
    while let Some((steps, state)) = todo.pop_front() {
        if known[&state].0 < steps {
            continue;
        }
        if state.0 == from {
            return Some(forwards(&known, state));
        }
        for (vertex, kind) in before(state.0) {
            let run = runs(kind).then_some(kind);
            let goes_on = run.is_some() && run == state.1;
            let steps = steps + u32::from(!goes_on);
            let next = (vertex, run);
            if known.get(&next).is_some_and(|(best, _)| *best <= steps) {
                continue;
            }
            known.insert(next, (steps, Some((state, kind))));
            match goes_on {
                true => todo.push_front((steps, next)),
                false => todo.push_back((steps, next)),
            }
        }
    }
    None
}

fn forwards<K: Copy + Eq + Hash>(known: &Known<K>, start: State<K>) -> Vec<(u32, K)> {
    let mut path: Vec<(u32, K)> = Vec::new();
    let (mut at, mut running) = (start, None);
    while let Some((next, kind)) = known[&at].1 {
        // The state says whether its edge is part of a run.
        match (running.is_some() && running == at.1, path.last_mut()) {
            (true, Some(last)) => *last = (next.0, kind),
            _ => path.push((next.0, kind)),
        }
        running = at.1;
        at = next;
    }
    path
}

impl CausalGraph {
    /// The steps of a shortest path from one event to a later one, of certain edges alone if there is such a path.
    /// O(edges between the two).
    pub fn path(&self, from: EventId, to: EventId) -> Option<Vec<(EventId, EdgeKind)>> {
        let floor = self.rank[from.index()];
        let search = |kinds: fn(EdgeKind) -> bool| {
            let before = |vertex: u32| {
                let edges = self.backward.of(vertex).iter().copied();
                edges.filter(move |&(from, kind)| kinds(kind) && self.rank[from as usize] >= floor)
            };
            shortest(from.0, to.0, before, |kind| matches!(kind, EdgeKind::Program | EdgeKind::Local))
        };
        let path = search(EdgeKind::is_certain).or_else(|| search(|_| true))?;
        Some(path.into_iter().map(|(vertex, kind)| (EventId(vertex), kind)).collect())
    }
}
