//! What must hold at every moment.

use super::{Ballot, Command, Options, Role, Server, Slot, Value};
use crate::algorithms::common::ExactlyOnce;
use crate::node::{Broken, Field, NodeId, Note, Quorum, Setup, Watch, broken};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static ALL: &[(&str, &str)] = &[
    ("agreement", "one value is chosen for a slot, and that is what every server applies"),
    ("validity", "what is applied was proposed for that slot"),
    ("one-value-per-ballot", "in a ballot, one value at most is proposed for a slot"),
    ("one-leader-per-ballot", "no ballot is led by two servers, nor by one server before and after a restart"),
    ("promise-kept", "an acceptor whose promise was counted never goes back behind it"),
    ("chosen-by-quorum", "what a leader takes for chosen is on the disks of a quorum of the slot's configuration"),
    ("prefix-order", "every server applies slot after slot, without a gap"),
    ("no-holes", "a leader proposes nothing behind a slot in which it proposed nothing and knows nothing"),
    ("window", "a leader proposes at most α slots ahead of what it knows"),
    ExactlyOnce::ENTRY,
    ("bounded-queue", "a leader lets no more requests wait than it is allowed"),
];

/// Looks after all servers.
pub struct Invariants {
    alpha: u64,
    most_waiting: usize,
    agreed: BTreeMap<Slot, Value>,
    /// From which slot on which configuration acts, as far as is agreed.
    configs: BTreeMap<Slot, Quorum>,
    proposed: BTreeMap<(Slot, Ballot), Value>,
    leaders: BTreeMap<Ballot, NodeId>,
    /// The highest ballot for which an acceptor's promise was counted.
    promised: BTreeMap<NodeId, Ballot>,
    /// Who ever had an acceptance on disk. A wiped disk or a lie of it is not taken back.
    stored: BTreeMap<(Slot, Ballot), BTreeSet<NodeId>>,
    executed: ExactlyOnce,
    prefix: BTreeMap<NodeId, Slot>,
}

impl Invariants {
    pub(super) fn new(setup: &Setup, options: Options) -> Self {
        Self {
            alpha: options.alpha,
            most_waiting: options.most_waiting,
            agreed: BTreeMap::new(),
            configs: BTreeMap::from([(1, Quorum::new(setup.cluster.members()))]),
            proposed: BTreeMap::new(),
            leaders: BTreeMap::new(),
            promised: BTreeMap::new(),
            stored: BTreeMap::new(),
            executed: ExactlyOnce::default(),
            prefix: BTreeMap::new(),
        }
    }

    fn agreement(&mut self, node: NodeId, slot: Slot, value: &Value) -> Result<(), Broken> {
        let first = self.agreed.entry(slot).or_insert_with(|| value.clone());
        if first != value {
            let (first, then) = (in_words(first), in_words(value));
            let detail = format!("slot {slot} was decided as {first} and, by server {}, as {then}", node.0 + 1);
            return broken("agreement", detail);
        }
        if let Value::Members(config) = value {
            self.configs.insert(slot + self.alpha, config.clone());
        }
        Ok(())
    }

    fn proposed(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let prefix = server.learner.prefix;
        for (slot, ballot, value) in &server.step.proposed {
            let first = self.proposed.entry((*slot, *ballot)).or_insert_with(|| value.clone());
            if first != value {
                let round = ballot.round;
                let detail = format!("in round {round} server {} proposed two values for slot {slot}", node.0 + 1);
                return broken("one-value-per-ballot", detail);
            }
            if *slot > prefix + self.alpha {
                let detail = format!("server {} proposed for slot {slot} and knows those up to {prefix}", node.0 + 1);
                return broken("window", detail);
            }
        }
        let Role::Leader(leader) = &server.role else { return Ok(()) };
        if !server.step.proposed.is_empty() {
            let known = |slot: &Slot| leader.open.contains_key(slot) || server.learner.log.contains_key(slot);
            if let Some(hole) = (prefix + 1..leader.next).find(|slot| !known(slot)) {
                let detail = format!("leader {} left slot {hole} out", node.0 + 1);
                return broken("no-holes", detail);
            }
        }
        if leader.queued() > self.most_waiting {
            let detail = format!("{} bytes wait, {} are allowed", leader.queued(), self.most_waiting);
            return broken("bounded-queue", detail);
        }
        Ok(())
    }

    fn chosen(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        for at in &server.step.stored {
            self.stored.entry(*at).or_default().insert(node);
        }
        for (slot, ballot, value) in &server.step.chosen {
            self.agreement(node, *slot, value)?;
            let nobody = BTreeSet::new();
            let have = self.stored.get(&(*slot, *ballot)).unwrap_or(&nobody);
            let config = self.configs.range(..=slot).next_back().map(|(_, config)| config);
            if !config.is_some_and(|config| config.reached(|node| have.contains(&node))) {
                let disks = config.map_or(0, |config| config.members().filter(|node| have.contains(node)).count());
                let detail = format!(
                    "leader {} took slot {slot} for chosen, which is on {disks} disks of its configuration",
                    node.0 + 1
                );
                return broken("chosen-by-quorum", detail);
            }
        }
        Ok(())
    }

    fn applied(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let prefix = self.prefix.entry(node).or_default();
        let mut last = server.step.restored.unwrap_or(*prefix);
        let order = server.step.applied.iter().all(|(slot, _)| {
            let follows = *slot == last + 1;
            last = *slot;
            follows
        });
        *prefix = server.learner.prefix;
        if !order {
            return broken("prefix-order", format!("server {} applied slot {last} before others", node.0 + 1));
        }
        for (slot, value) in &server.step.applied {
            self.agreement(node, *slot, value)?;
            let bottom = Ballot::default();
            let mut proposals = self.proposed.range((*slot, bottom)..(*slot + 1, bottom));
            if !proposals.any(|(_, proposed)| proposed == value) {
                let detail = format!("server {} applied for slot {slot} what nobody proposed", node.0 + 1);
                return broken("validity", detail);
            }
        }
        self.executed.check(&server.step.executed)
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Noop => "a no-op".to_owned(),
        Value::Members(config) => format!("a configuration of {}", config.voters.len()),
        Value::Commands(commands) => {
            let of = |command: &Command| format!("request {} of client {}", command.sequence, command.client);
            commands.iter().map(of).collect::<Vec<_>>().join(" and ")
        }
    }
}

impl Watch<Server> for Invariants {
    fn after(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        if let Some(ballot) = server.step.elected
            && let Some(first) = self.leaders.insert(ballot, node)
        {
            let detail = format!("servers {} and {} led in round {}", first.0 + 1, node.0 + 1, ballot.round);
            return broken("one-leader-per-ballot", detail);
        }
        if self.promised.get(&node).is_some_and(|promised| server.acceptor.promised < *promised) {
            let round = server.acceptor.promised.round;
            let detail = format!("server {} is at round {round}, and promised a higher ballot", node.0 + 1);
            return broken("promise-kept", detail);
        }
        if server.step.started {
            self.prefix.insert(node, server.learner.prefix);
        }
        self.proposed(node, server)?;
        self.chosen(node, server)?;
        self.applied(node, server)
    }

    fn noted(&mut self, node: NodeId, note: &Note) -> Result<(), Broken> {
        if note.name == "promised"
            && let [("round", Field::Int(round)), ("of", Field::Node(acceptor))] = note.fields[..]
        {
            let promised = self.promised.entry(acceptor).or_default();
            *promised = (*promised).max(Ballot { round, proposer: node.0 });
        }
        Ok(())
    }
}
