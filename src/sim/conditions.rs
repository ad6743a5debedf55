//! What is wrong at the moment: the sum of all open windows.
//!
//! Each condition names the window that it comes from, so that every time it acts that window's counter
//! goes up, and a fault that never acted shows.

use super::schedule::WindowId;
use crate::node::{Cluster, NodeId};

/// The state of the path from one node to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Link {
    /// What is sent is lost.
    pub cut: Option<WindowId>,
    /// What is sent waits until the window closes.
    pub clogged: Option<WindowId>,
    /// The probability that a message is lost.
    pub drop: Option<(WindowId, f64)>,
    /// The probability that a message arrives twice.
    pub duplicate: Option<(WindowId, f64)>,
    /// The probability that a message is overtaken by later ones.
    pub reorder: Option<(WindowId, f64)>,
    /// Nanoseconds on top of the usual delay.
    pub delay: Option<(WindowId, u64)>,
}

/// The state of a node's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiskCondition {
    /// It says that data is safe which is not.
    pub lying: Option<WindowId>,
    /// A crash leaves half a record behind.
    pub tearing: Option<WindowId>,
    /// fsync fails, with this probability.
    pub failing: Option<(WindowId, f64)>,
    /// Writes land on other data, with this probability.
    pub misdirecting: Option<(WindowId, f64)>,
    /// Nothing more can be written.
    pub full: Option<WindowId>,
    /// It takes so many times as long.
    pub slow: Option<(WindowId, f64)>,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeCondition {
    /// It does not run; it crashed when this began, and starts again when it ends.
    pub down: Option<WindowId>,
    /// It stands still, with everything it has; what happens meanwhile waits.
    pub paused: Option<WindowId>,
    /// Each step takes so many nanoseconds.
    pub slow: Option<(WindowId, u64)>,
    pub disk: DiskCondition,
    /// Nanoseconds that its clock is ahead.
    pub clock_offset: Option<(WindowId, i64)>,
    /// How many times as fast its clock runs.
    pub clock_rate: Option<(WindowId, f64)>,
}

/// The state of everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    cluster: Cluster,
    links: Vec<Link>,
    nodes: Vec<NodeCondition>,
}

impl Conditions {
    /// All well.
    pub fn new(cluster: Cluster) -> Self {
        let nodes = cluster.len();
        Self { cluster, links: vec![Link::default(); nodes * nodes], nodes: vec![NodeCondition::default(); nodes] }
    }

    /// Back to all well.
    pub fn clear(&mut self) {
        self.links.fill(Link::default());
        self.nodes.fill(NodeCondition::default());
    }

    /// Who is there.
    pub fn cluster(&self) -> Cluster {
        self.cluster
    }

    /// The path from one node to another.
    pub fn link(&self, from: NodeId, to: NodeId) -> &Link {
        &self.links[from.index() * self.nodes.len() + to.index()]
    }

    /// The path from one node to another, to be changed.
    pub fn link_mut(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        &mut self.links[from.index() * self.nodes.len() + to.index()]
    }

    /// Changes all paths from and to any of the nodes; all there are, if none is named.
    pub fn links_of(&mut self, nodes: &[NodeId], change: impl Fn(&mut Link)) {
        for from in self.cluster.nodes() {
            for to in self.cluster.nodes() {
                if from != to && (nodes.is_empty() || nodes.contains(&from) || nodes.contains(&to)) {
                    change(self.link_mut(from, to));
                }
            }
        }
    }

    /// A node.
    pub fn node(&self, node: NodeId) -> &NodeCondition {
        &self.nodes[node.index()]
    }

    /// Changes nodes.
    pub fn nodes_mut(&mut self, nodes: &[NodeId], change: impl Fn(&mut NodeCondition)) {
        for node in nodes {
            change(&mut self.nodes[node.index()]);
        }
    }
}

/// Something that a fault does once, when its window opens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Erases the disk; the node must be down.
    Wipe(NodeId),
    /// Moves the clock, for good.
    Jump(NodeId, i64),
    /// Flips a bit of what is on disk.
    Rot(NodeId),
    /// Crashes the node; it starts again at once.
    Restart(NodeId),
    /// Has the administrator ask for a change of the cluster.
    Reconfigure,
}
