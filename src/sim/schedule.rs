//! Which fault acts where and when, as data.

use super::faults::{self, Fault};
use crate::node::{Cluster, NodeId, Random};

/// Names a window: its place in the schedule.
pub type WindowId = usize;

/// A fault that acts for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The id of the fault.
    pub fault: &'static str,
    /// Whom it hits; nobody means: whoever made the note that opened it.
    pub nodes: Vec<NodeId>,
    pub when: When,
    pub duration_ns: u64,
    /// How much, in the unit of the fault's knob.
    pub amount: f64,
}

/// When a window opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    At(u64),
    /// Right after the step in which something is noted, or some time later.
    On(Cue),
}

/// The event that a window waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// The name of the note.
    pub note: String,
    /// Whose note; if no node is named, any server's.
    pub node: Option<NodeId>,
    /// The how manieth, from 1.
    pub count: u64,
    /// They are counted from when this window opens; from the start, if there is none.
    pub after: Option<WindowId>,
    /// So long after the note.
    pub lag_ns: u64,
    /// A window that names no nodes hits the node that the note is about (for whom the vote was, whose
    /// acknowledgement it is), not the one that made it.
    pub named: bool,
}

impl Cue {
    /// The n-th note of this name, by anybody.
    pub fn new(note: &str, count: u64) -> Self {
        Self { note: note.to_owned(), node: None, count, after: None, lag_ns: 0, named: false }
    }
}

/// All windows of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    pub windows: Vec<Window>,
}

/// What a fault may draw from when it plans its windows.
#[derive(Debug)]
pub struct Plan<'a> {
    pub cluster: Cluster,
    pub random: &'a mut Random,
    /// Faults act from here …
    pub from_ns: u64,
    /// … to here; then everything heals.
    pub until_ns: u64,
    /// Notes at which faults hurt most.
    pub triggers: &'a [&'static str],
    /// The value of the fault's knob.
    pub amount: f64,
    pub windows: Vec<Window>,
}

impl Plan<'_> {
    /// A window at a random time, that lasts between `shortest` and `longest`, cut off by the end.
    pub fn window(&mut self, fault: &'static str, nodes: Vec<NodeId>, shortest: u64, longest: u64) {
        let start = self.random.between(self.from_ns, self.until_ns.saturating_sub(shortest));
        let duration_ns = self.random.between(shortest, longest).min(self.until_ns.saturating_sub(start));
        self.windows.push(Window { fault, nodes, when: When::At(start), duration_ns, amount: self.amount });
    }

    /// A window that opens at one of the system's triggers and hits the node that made the note; at a random
    /// time and node, if the system has none.
    pub fn triggered(&mut self, fault: &'static str, shortest: u64, longest: u64) {
        let Some(note) = self.random.pick(self.triggers) else {
            let node = self.server();
            return self.window(fault, vec![node], shortest, longest);
        };
        // Some notes are made all the time, others a few times in a run: small numbers more often.
        let most = self.random.between(1, 60);
        let when = When::On(Cue::new(note, self.skewed(most)));
        let duration_ns = self.random.between(shortest, longest);
        self.windows.push(Window { fault, nodes: Vec::new(), when, duration_ns, amount: self.amount });
    }

    /// Several windows, some of them triggered.
    pub fn windows_on_servers(&mut self, fault: &'static str, most: u64, shortest: u64, longest: u64) {
        for _ in 0..self.random.between(1, most) {
            if self.random.chance(0.5) {
                self.triggered(fault, shortest, longest);
            } else {
                let node = self.server();
                self.window(fault, vec![node], shortest, longest);
            }
        }
    }

    /// A number from 1 to `most`, small ones more often.
    fn skewed(&mut self, most: u64) -> u64 {
        let most = self.random.between(1, most);
        self.random.between(1, most)
    }

    /// Any server.
    pub fn server(&mut self) -> NodeId {
        random_server(self.random, self.cluster)
    }

    /// Some servers, at least one and not all unless there is only one, and each client with even chances.
    pub fn side(&mut self) -> Vec<NodeId> {
        random_side(self.random, self.cluster)
    }
}

/// Any server.
pub(super) fn random_server(random: &mut Random, cluster: Cluster) -> NodeId {
    NodeId(random.below(u64::from(cluster.servers)) as u16)
}

/// See [`Plan::side`].
pub(super) fn random_side(random: &mut Random, cluster: Cluster) -> Vec<NodeId> {
    let mut servers: Vec<NodeId> = cluster.servers().collect();
    random.shuffle(&mut servers);
    let size = random.between(1, (servers.len() as u64).saturating_sub(1).max(1));
    servers.truncate(size as usize);
    for client in cluster.clients() {
        if random.chance(0.5) {
            servers.push(client);
        }
    }
    servers.sort();
    servers
}

impl Schedule {
    /// The windows of the faults, drawn from a stream of each fault's own, so that leaving one out does
    /// not change the others.
    pub fn plan(
        faults: &[(&'static dyn Fault, f64)],
        seed: u64,
        cluster: Cluster,
        active: (u64, u64),
        triggers: &[&'static str],
    ) -> Self {
        let mut windows = Vec::new();
        for (at, (fault, amount)) in faults.iter().enumerate() {
            let id = fault.entry().id;
            let before = faults[..at].iter().filter(|(other, _)| other.entry().id == id).count();
            let mut random = Random::stream(seed, &if before == 0 { id.to_owned() } else { format!("{id} {before}") });
            let (from_ns, until_ns) = active;
            let windows_of = Vec::new();
            let mut plan = Plan {
                cluster,
                random: &mut random,
                from_ns,
                until_ns,
                triggers,
                amount: *amount,
                windows: windows_of,
            };
            fault.plan(&mut plan);
            windows.append(&mut plan.windows);
        }
        Self { windows }
    }

    /// All windows but one; those that came after it come after what it came after.
    pub fn without(&self, at: WindowId) -> Self {
        let mut windows = self.windows.clone();
        let after_of = |window: &Window| if let When::On(cue) = &window.when { cue.after } else { None };
        let gone = after_of(&windows.remove(at));
        for window in &mut windows {
            if let When::On(cue) = &mut window.when {
                cue.after = cue.after.and_then(|after| if after == at { gone } else { Some(after) });
                cue.after = cue.after.map(|after| after - usize::from(after > at));
            }
        }
        Self { windows }
    }

    /// Whether every window names a fault and nodes that there are; else what is wrong.
    pub fn check(&self, cluster: Cluster) -> Result<(), String> {
        for (at, window) in self.windows.iter().enumerate() {
            faults::by_id(window.fault)
                .ok_or_else(|| format!("fault {}: there is no fault `{}`", at + 1, window.fault))?;
            if let Some(node) = window.nodes.iter().find(|node| node.index() >= cluster.len()) {
                return Err(format!("fault {}: there is no node {}", at + 1, node.0));
            }
            if let When::On(Cue { after: Some(after), .. }) = window.when
                && after >= at
            {
                return Err(format!("fault {}: fault {} does not stand before it, to come after", at + 1, after + 1));
            }
        }
        Ok(())
    }
}
