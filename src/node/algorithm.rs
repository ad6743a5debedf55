//! What a system is: one value of a type that implements [`Algorithm`].

use super::{ClockRules, Cluster, NodeId, Note, Operation, Process, Random};
use crate::registry::Entry;

/// What there is to know of a system before it runs.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub entry: Entry,
    /// The paper or specification that it follows.
    pub paper: &'static str,
    /// How many servers a run has unless told otherwise.
    pub servers: u16,
    /// What its clients may rely on; nothing if only invariants judge it.
    pub promise: Option<Promise>,
    /// Its knobs, for `--option name=value`.
    pub options: &'static [Knob],
    /// The first one is the default.
    pub workloads: &'static [Workload],
    /// Name and meaning of each invariant that its [`Watch`] looks after.
    pub invariants: &'static [(&'static str, &'static str)],
    /// Its known bugs, to be switched on by name.
    pub mutants: &'static [&'static Mutant],
    /// Ids of the faults under which it keeps its promise and its invariants.
    pub tolerates: &'static [&'static str],
    /// Names of notes at which a fault hurts most: triggers of fault schedules are chosen among them.
    pub triggers: &'static [&'static str],
    /// Names of notes that nobody makes any more once everything has healed: elections, say.
    pub settles: &'static [&'static str],
    /// Names of notes that are milestones of the story: elections, membership changes, snapshots.
    pub milestones: &'static [&'static str],
}

/// A model and a property of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    pub model: &'static str,
    pub property: &'static str,
}

/// A knob of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    pub name: &'static str,
    pub summary: &'static str,
    pub default: &'static str,
    pub allowed: Allowed,
    /// Other values under which bugs show that the default hides.
    pub tries: &'static [&'static str],
}

/// Which values a knob takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// One of these.
    Words(&'static [&'static str]),
    /// A whole number from the first to the second.
    Number(u64, u64),
}

impl About {
    /// Whether there is such a knob, and it takes this value.
    ///
    /// # Errors
    /// What is wrong, and what could be said instead.
    pub fn check_option(&self, name: &str, value: &str) -> Result<(), String> {
        let Some(knob) = self.options.iter().find(|knob| knob.name == name) else {
            let names: Vec<&str> = self.options.iter().map(|knob| knob.name).collect();
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(format!("{} has no option `{name}`; it has {has}", self.entry.id));
        };
        match knob.allowed {
            Allowed::Words(words) if !words.contains(&value) => {
                Err(format!("option {name}={value}: expected one of {}", words.join(", ")))
            }
            Allowed::Number(low, high) if !value.parse().is_ok_and(|number: u64| (low..=high).contains(&number)) => {
                Err(format!("option {name}={value}: expected a whole number from {low} to {high}"))
            }
            _ => Ok(()),
        }
    }
}

/// A stream of operations for clients.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub id: &'static str,
    pub summary: &'static str,
    /// The next operation of a client.
    pub next: fn(&mut Draw<'_>) -> Operation,
}

/// What a workload may draw from.
#[derive(Debug)]
pub struct Draw<'a> {
    pub random: &'a mut Random,
    /// The client, from 0.
    pub client: u16,
    /// Unique in the run: 1, 2, …, so that values written can be told apart.
    pub unique: u64,
    /// How many keys there are.
    pub keys: u64,
}

impl Draw<'_> {
    /// One of the keys: `k0`, `k1`, …
    pub fn key(&mut self) -> String {
        format!("k{}", self.random.below(self.keys))
    }
}

/// A known bug: a decision point that takes the wrong branch when this mutant is chosen.
#[derive(Debug, PartialEq, Eq)]
pub struct Mutant {
    /// Kebab-case, unique in its system.
    pub id: &'static str,
    pub summary: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What goes wrong.
    pub anomaly: &'static str,
    /// Where it was seen or described.
    pub source: &'static str,
    /// A script or a run.toml in which it does what it should not: the proof that it is a bug at all.
    pub witness: &'static str,
}

/// How a node is to be made.
#[derive(Clone, Debug)]
pub struct Setup {
    pub me: NodeId,
    pub cluster: Cluster,
    /// The bug that is in.
    pub mutant: Option<&'static Mutant>,
    /// Values of [`About::options`] that were chosen. Unknown names were refused before.
    pub options: Vec<(String, String)>,
}

impl Setup {
    /// Whether a bug is in.
    pub fn has(&self, mutant: &'static Mutant) -> bool {
        self.mutant.is_some_and(|chosen| std::ptr::eq(chosen, mutant))
    }

    /// What was chosen for a knob, or its default; empty if there is no such knob.
    pub fn option(&self, about: &About, name: &str) -> String {
        let chosen = self.options.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let default = || about.options.iter().find(|knob| knob.name == name).map(|knob| knob.default.to_owned());
        chosen.or_else(default).unwrap_or_default()
    }

    /// The same for a knob that takes a number.
    pub fn number(&self, about: &About, name: &str) -> u64 {
        self.option(about, name).parse().unwrap_or(1)
    }
}

/// A system, with the types of its nodes.
pub trait Algorithm: Send + Sync + 'static {
    type Server: Process;
    type Client: Process<Message = <Self::Server as Process>::Message>;
    type Watch: Watch<Self::Server>;

    /// What there is to know of it.
    fn about(&self) -> &'static About;

    /// A server before its first input.
    fn server(&self, setup: &Setup) -> Self::Server;

    /// A client before its first input. The administrator is one too.
    fn client(&self, setup: &Setup) -> Self::Client;

    /// The invariants of a run.
    fn watch(&self, setup: &Setup) -> Self::Watch;

    /// What its clients may rely on with these values of its knobs.
    fn promise(&self, _options: &[(String, String)]) -> Option<Promise> {
        self.about().promise
    }

    /// How its nodes keep their logical clocks; only a mutant has reason to keep them wrongly.
    fn clock_rules(&self, _mutant: Option<&'static Mutant>) -> ClockRules {
        ClockRules::default()
    }

    /// A change of the cluster for the administrator to ask for, if the system can change: the `n`-th of a run.
    fn reconfigure(&self, _cluster: Cluster, _n: u64, _random: &mut Random) -> Option<Operation> {
        None
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name in [`About::invariants`]; or [`PANIC`].
    pub invariant: &'static str,
    /// What was seen.
    pub detail: String,
}

/// Says that an invariant does not hold, and what was seen.
///
/// # Errors
/// Always: that.
pub fn broken(invariant: &'static str, detail: String) -> Result<(), Broken> {
    Err(Broken { invariant, detail })
}

/// The invariant that every system has: no step of it panics.
pub const PANIC: &str = "panic";

/// Looks at a server after each of its steps and remembers what it has to. It must cost next to nothing
/// when nothing changed, since it is asked after every step of every node.
pub trait Watch<S>: Send + 'static {
    /// A server has taken a step.
    fn after(&mut self, node: NodeId, server: &S) -> Result<(), Broken>;

    /// A server noted something in a step; it comes before [`Watch::after`] of that step.
    fn noted(&mut self, _node: NodeId, _note: &Note) -> Result<(), Broken> {
        Ok(())
    }
}

/// For systems without invariants.
#[derive(Clone, Copy, Debug)]
pub struct NoWatch;

impl<S> Watch<S> for NoWatch {
    fn after(&mut self, _node: NodeId, _server: &S) -> Result<(), Broken> {
        Ok(())
    }
}
