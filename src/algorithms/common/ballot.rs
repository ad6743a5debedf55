//! The numbers of proposals.

use serde::{Deserialize, Serialize};

/// A ballot, or proposal number: no two proposers have one in common, and no proposer uses one twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    pub round: u64,
    pub proposer: u16,
}
