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
    /// Right after the step in which a note of this name is made for the n-th time (from 1), by this
    /// node or, if none is named, by any server.
    On {
        note: String,
        node: Option<NodeId>,
        count: u64,
    },
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
        let when = When::On { note: (*note).to_owned(), node: None, count: self.skewed(most) };
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
        NodeId(self.random.below(u64::from(self.cluster.servers)) as u16)
    }

    /// Some servers, at least one and not all unless there is only one, and each client with even chances.
    pub fn side(&mut self) -> Vec<NodeId> {
        let mut servers: Vec<NodeId> = self.cluster.servers().collect();
        self.random.shuffle(&mut servers);
        let size = self.random.between(1, (servers.len() as u64).saturating_sub(1).max(1));
        servers.truncate(size as usize);
        for client in self.cluster.clients() {
            if self.random.chance(0.5) {
                servers.push(client);
            }
        }
        servers.sort();
        servers
    }
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

    /// Whether every window names a fault and nodes that there are; else what is wrong.
    pub fn check(&self, cluster: Cluster) -> Result<(), String> {
        for (at, window) in self.windows.iter().enumerate() {
            faults::by_id(window.fault).ok_or_else(|| format!("fault {at}: there is no fault `{}`", window.fault))?;
            if let Some(node) = window.nodes.iter().find(|node| node.index() >= cluster.len()) {
                return Err(format!("fault {at}: there is no node {}", node.0));
            }
        }
        Ok(())
    }
}
