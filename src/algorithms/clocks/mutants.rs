//! Known bugs of logical clocks and of causal broadcast, each a rule left out.

use crate::node::Mutant;

pub(super) static VECTOR_NOT_MERGED: Mutant = Mutant {
    id: "vector-not-merged",
    summary: "a receiver does not take over what the sender's vector knows",
    rule: "the vector of a receive is the greater of both in each component, and one more of its own",
    anomaly: "events seem concurrent that are not",
    source: "Mattern (1989), §4",
    witness: include_str!("../../../testdata/algorithms/clocks/vector-not-merged.toml"),
};
pub(super) static LAMPORT_NOT_MAX: Mutant = Mutant {
    id: "lamport-not-max",
    summary: "a receive is one later than the receiver's last event, whatever the message says",
    rule: "a receive is later than its send: the greater of both, plus one",
    anomaly: "a message arrives before it was sent, by Lamport's clock",
    source: "Lamport (1978), implementation rule 2b",
    witness: include_str!("../../../testdata/algorithms/clocks/lamport-not-max.toml"),
};
pub(super) static CLOCK_NOT_PERSISTED: Mutant = Mutant {
    id: "clock-not-persisted",
    summary: "a restarted node begins to count anew, although it goes on with the data it finds",
    rule: "what follows from saved data is later than the saving of it",
    anomaly: "events after a restart seem concurrent with what they follow from",
    source: "a classic",
    witness: include_str!("../../../testdata/algorithms/clocks/clock-not-persisted.toml"),
};
pub(super) static DELIVER_ON_RECEIPT: Mutant = Mutant {
    id: "deliver-on-receipt",
    summary: "a message is delivered when it is its sender's next, whatever that one had delivered",
    rule: "a message waits for those that its sender had delivered before",
    anomaly: "an answer is heard before the question",
    source: "Birman, Schiper, Stephenson (1991), §5.1",
    witness: include_str!("../../../testdata/algorithms/clocks/deliver-on-receipt.txt"),
};

pub(super) static ALL: &[&Mutant] = &[&VECTOR_NOT_MERGED, &LAMPORT_NOT_MAX, &CLOCK_NOT_PERSISTED, &DELIVER_ON_RECEIPT];
