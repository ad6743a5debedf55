//! What to run: the arguments of `causet simulate`, and what follows from them.

use crate::node::{Cluster, Mutant, Random, System, Workload};
use crate::sim::faults::{self, Fault};
use crate::sim::{Config, LONGEST, Recording, SECOND, Schedule, ambushes};

/// Everything that a run depends on, as its user says it.
#[derive(Clone)]
pub struct Experiment {
    pub system: &'static dyn System,
    pub seed: u64,
    pub mutant: Option<&'static Mutant>,
    pub servers: u16,
    pub clients: u16,
    pub operations: u64,
    /// Clients do so many operations in a row, on average; 1: evenly.
    pub burst: u64,
    pub keys: u64,
    pub workload: &'static Workload,
    /// Faults act within this time.
    pub active_ns: u64,
    pub faults: FaultChoice,
    pub options: Vec<(String, String)>,
}

/// Kinds of faults, each with the value of its knob.
pub type Chosen = Vec<(&'static dyn Fault, f64)>;

/// Which faults.
#[derive(Clone)]
pub enum FaultChoice {
    /// A few of those that the system tolerates, chosen by the seed.
    Swarm,
    /// These kinds.
    Kinds(Chosen),
    /// These kinds and, if asked for, ambushes; it is no matter if one of them does not act.
    Drawn(Chosen, bool),
    /// These windows and no others; and whether spare servers stand by.
    Windows(Schedule, bool),
}

/// Reads `partition,drop=0.3`, `all` or `none`. `beyond` allows faults that the system does not tolerate.
///
/// # Errors
/// What is wrong, and what could be said instead.
pub fn fault_choice(text: &str, system: &dyn System, beyond: bool) -> Result<FaultChoice, String> {
    let about = system.about();
    let tolerated = |fault: &&'static dyn Fault| about.tolerates.contains(&fault.entry().id);
    if text == "none" {
        return Ok(FaultChoice::Kinds(Vec::new()));
    }
    if text == "all" {
        let all = faults::ALL.iter().copied().filter(|fault| beyond || tolerated(fault));
        return Ok(FaultChoice::Kinds(all.map(|fault| (fault, fault.knob().default)).collect()));
    }
    let mut kinds = Chosen::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (id, value) = part.split_once('=').map_or((part, None), |(id, value)| (id, Some(value)));
        let fault = faults::by_id(id).ok_or_else(|| {
            let ids: Vec<&str> = faults::ALL.iter().map(|fault| fault.entry().id).collect();
            format!("there is no fault `{id}`; there are all, none, {}", ids.join(", "))
        })?;
        if !beyond && !tolerated(&fault) {
            return Err(format!(
                "{} does not tolerate `{id}`; it tolerates {}. To see what happens all the same: --beyond",
                about.entry.id,
                about.tolerates.join(", ")
            ));
        }
        let knob = fault.knob();
        let amount = match value {
            None => knob.default,
            Some(value) => {
                let (low, high) = knob.range;
                let amount = value.parse().ok().filter(|amount| (low..=high).contains(amount));
                amount.ok_or_else(|| format!("{id}={value}: expected {}, from {low} to {high}", knob.meaning))?
            }
        };
        if kinds.iter().all(|(known, _)| known.entry().id != id) {
            kinds.push((fault, amount));
        }
    }
    Ok(FaultChoice::Kinds(kinds))
}

/// A time in which faults may act.
///
/// # Errors
/// That it is too long.
pub fn active_time(ns: u128) -> Result<u64, String> {
    let ns = u64::try_from(ns).ok().filter(|ns| *ns <= LONGEST);
    ns.ok_or_else(|| "expected a hundred days (2400h) at most".to_owned())
}

impl Experiment {
    /// The usual run of a system.
    pub fn new(system: &'static dyn System, seed: u64) -> Self {
        let about = system.about();
        Self {
            system,
            seed,
            mutant: None,
            servers: about.servers,
            clients: 5,
            operations: 2000,
            burst: 1,
            keys: 5,
            workload: &about.workloads[0],
            active_ns: 10 * SECOND,
            faults: FaultChoice::Swarm,
            options: Vec::new(),
        }
    }

    /// A run that is hard on a system in its own way: how much there is to do in how little time, for how many,
    /// with which options and workload, and what goes wrong meanwhile, is all drawn from the seed.
    pub fn hard(system: &'static dyn System, seed: u64, mutant: Option<&'static Mutant>) -> Self {
        let about = system.about();
        let mut random = Random::stream(seed, "hard");
        let mut kinds = swarm(system, seed);
        for (fault, amount) in kinds.clone() {
            (0..random.below(3)).for_each(|_| kinds.push((fault, amount)));
        }
        // A third each: the swarm, ambushes while little else goes wrong, both.
        let style = random.below(3);
        if style == 1 {
            kinds.truncate(random.below(2) as usize);
        }
        if style > 0
            && random.chance(0.2)
            && about.tolerates.contains(&"membership")
            && let Some(fault) = faults::by_id("membership")
        {
            kinds.push((fault, fault.knob().default));
        }
        let options = about.options.iter().filter_map(|knob| {
            let value = random.pick(knob.tries)?;
            random.chance(0.6).then(|| (knob.name.to_owned(), (*value).to_owned()))
        });
        let options = options.collect();
        let burst = *random.pick(&[1, 1, 10, 40]).unwrap_or(&1);
        Self {
            mutant,
            servers: *random.pick(&[3, 3, 4, about.servers]).unwrap_or(&3),
            clients: random.between(2, if burst > 1 { 5 } else { 8 }) as u16,
            // Many at once are hard on the judge too.
            operations: random.between(100, 500) / if burst > 1 { 3 } else { 1 },
            burst,
            keys: random.between(1, 3),
            workload: random.pick(about.workloads).unwrap_or(&about.workloads[0]),
            active_ns: random.between(2, 10) * SECOND / 2,
            faults: FaultChoice::Drawn(kinds, style > 0),
            options,
            ..Self::new(system, seed)
        }
    }

    /// The kinds of faults of this seed.
    pub fn kinds(&self) -> Chosen {
        match &self.faults {
            FaultChoice::Kinds(kinds) | FaultChoice::Drawn(kinds, _) => kinds.clone(),
            FaultChoice::Swarm => swarm(self.system, self.seed),
            FaultChoice::Windows(..) => Vec::new(),
        }
    }

    /// Who takes part: with spare servers, if membership may change.
    pub fn cluster(&self) -> Cluster {
        let spare = match &self.faults {
            FaultChoice::Windows(_, spare) => *spare,
            _ => self.kinds().iter().any(|(fault, _)| fault.entry().id == "membership"),
        };
        Cluster { members: self.servers, servers: self.servers + if spare { 2 } else { 0 }, clients: self.clients }
    }

    /// The windows of this seed.
    pub fn schedule(&self) -> Schedule {
        if let FaultChoice::Windows(schedule, _) = &self.faults {
            return schedule.clone();
        }
        // A second to settle first, some time to go on at the end.
        let active = (SECOND.min(self.active_ns / 10), self.active_ns * 9 / 10);
        let about = self.system.about();
        let mut schedule = Schedule::plan(&self.kinds(), self.seed, self.cluster(), active, about.triggers);
        if let FaultChoice::Drawn(_, true) = self.faults {
            let tolerated = |id: &str| about.tolerates.contains(&id);
            let first = schedule.windows.len();
            let events: Vec<&'static str> = about.triggers.iter().chain(about.milestones).copied().collect();
            schedule.windows.extend(ambushes(self.seed, first, self.cluster(), active, &events, tolerated));
        }
        schedule
    }

    /// What the simulator needs.
    pub fn config(&self, recording: Recording) -> Config {
        Config {
            cluster: self.cluster(),
            seed: self.seed,
            mutant: self.mutant,
            options: self.options.clone(),
            workload: *self.workload,
            keys: self.keys,
            operations: self.operations,
            burst: self.burst,
            active_ns: self.active_ns,
            settle_ns: 30 * SECOND,
            schedule: self.schedule(),
            recording,
            most_events: 2_000_000u64.saturating_add(self.operations.saturating_mul(2_000)),
            stop_when_broken: false,
        }
    }
}

/// One to four kinds of faults, so that each run is hard in its own way (Groce et al., "Swarm testing", 2012).
fn swarm(system: &dyn System, seed: u64) -> Chosen {
    let mut random = Random::stream(seed, "swarm");
    let tolerates = system.about().tolerates;
    let mut kinds: Chosen = faults::ALL
        .iter()
        .filter(|fault| tolerates.contains(&fault.entry().id))
        .map(|fault| (*fault, fault.knob().default))
        .collect();
    random.shuffle(&mut kinds);
    kinds.truncate(random.between(1, 4) as usize);
    kinds
}
