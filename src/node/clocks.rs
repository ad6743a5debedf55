//! The logical clocks that a node keeps for itself: Lamport's (1978) and the vector clock (Fidge 1988,
//! Mattern 1989).
//!
//! They are what the node believes. What the simulator knows, and what the causal graph rebuilds, are
//! computed elsewhere and compared with this, so that a wrong clock shows.

use serde::{Deserialize, Serialize};

/// How the clocks are kept. All true is right; each false is a known bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRules {
    /// The vector of a message is merged into the receiver's.
    pub merge_vector: bool,
    /// A receive is later than its send by Lamport's clock: max + 1, not + 1.
    pub lamport_max: bool,
    /// A restarted node goes on from the clock that was saved with the data it finds.
    pub persist: bool,
}

impl Default for ClockRules {
    fn default() -> Self {
        Self { merge_vector: true, lamport_max: true, persist: true }
    }
}

/// The clocks at an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub lamport: u64,
    /// By lane (a node's incarnation), ascending: how many of its events are known. Lanes without any are left out.
    pub vector: Vec<(u32, u64)>,
}

/// The clocks of one incarnation of a node. A lane is a number that no other incarnation of any node has.
#[derive(Clone, Debug)]
pub struct Clocks {
    rules: ClockRules,
    lane: u32,
    now: Stamp,
}

impl Clocks {
    /// The clocks of an incarnation that starts from nothing, or from data that was saved at a stamp.
    pub fn new(rules: ClockRules, lane: u32, saved: Option<&Stamp>) -> Self {
        let mut clocks = Self { rules, lane, now: Stamp::default() };
        if let Some(saved) = saved.filter(|_| rules.persist) {
            clocks.now = saved.clone();
        }
        clocks
    }

    /// The clocks now.
    pub fn stamp(&self) -> &Stamp {
        &self.now
    }

    /// An event of the node itself.
    pub fn tick(&mut self) -> &Stamp {
        self.now.lamport += 1;
        *entry(&mut self.now.vector, self.lane) += 1;
        &self.now
    }

    /// The receipt of a message that was sent at a stamp. O(lanes).
    pub fn receive(&mut self, sent: &Stamp) -> &Stamp {
        if self.rules.lamport_max {
            self.now.lamport = self.now.lamport.max(sent.lamport);
        }
        if self.rules.merge_vector {
            merge(&mut self.now.vector, &sent.vector);
        }
        self.tick()
    }
}

fn entry(vector: &mut Vec<(u32, u64)>, lane: u32) -> &mut u64 {
    let at = match vector.binary_search_by_key(&lane, |(lane, _)| *lane) {
        Ok(at) => at,
        Err(at) => {
            vector.insert(at, (lane, 0));
            at
        }
    };
    &mut vector[at].1
}

/// The greater of each component, into the first.
pub fn merge(into: &mut Vec<(u32, u64)>, from: &[(u32, u64)]) {
    let mut at = 0;
    for &(lane, count) in from {
        while into.get(at).is_some_and(|(known, _)| *known < lane) {
            at += 1;
        }
        match into.get_mut(at) {
            Some((known, mine)) if *known == lane => *mine = (*mine).max(count),
            _ => into.insert(at, (lane, count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_knows_what_its_send_knew() {
        let mut a = Clocks::new(ClockRules::default(), 0, None);
        let mut b = Clocks::new(ClockRules::default(), 5, None);
        a.tick();
        let sent = a.tick().clone();
        b.tick();
        assert_eq!(*b.receive(&sent), Stamp { lamport: 3, vector: vec![(0, 2), (5, 2)] });
    }

    #[test]
    fn each_broken_rule_shows() {
        let sent = Stamp { lamport: 9, vector: vec![(0, 4)] };
        let with = |rules| Clocks::new(rules, 1, None).receive(&sent).clone();
        let right = ClockRules::default();
        assert_eq!(with(right), Stamp { lamport: 10, vector: vec![(0, 4), (1, 1)] });
        assert_eq!(with(ClockRules { merge_vector: false, ..right }).vector, [(1, 1)]);
        assert_eq!(with(ClockRules { lamport_max: false, ..right }).lamport, 1);
        let forgetful = ClockRules { persist: false, ..right };
        assert_eq!(Clocks::new(forgetful, 1, Some(&sent)).tick().lamport, 1);
        assert_eq!(Clocks::new(right, 1, Some(&sent)).tick().lamport, 10);
    }
}
