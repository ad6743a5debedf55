//! What several systems are built of: the log, the replicated key-value store with its sessions, both sides of
//! its clients' requests, channels, and the transfer of snapshots.

mod about;
mod agreement;
mod ballot;
mod channel;
mod client;
mod counting;
mod kv;
mod log;
mod proposals;
mod serving;
mod transfer;
mod workloads;

pub use about::{CLOCK_RATIO, MOST_UNCOMMITTED, PIECE, SNAPSHOT_AFTER, TOLERATED, TOLERATED_WITH_MEMBERSHIP, lease};
pub use agreement::Agreement;
pub use ballot::Ballot;
pub use channel::{Channel, Segment};
pub use client::{Ask, KvClient, KvMessage, Reply, Request, Result};
pub use counting::{agreed, enough};
pub use kv::{Applied, Command, Datum, Store, Write};
pub use log::{Entry, Index, Log, Payload, Term};
pub use proposals::Proposals;
pub use serving::{ExactlyOnce, Executed, Waiting, admit, answer, perform, reconfigure, redirect};
pub use transfer::{Incoming, Outgoing, Piece, Taken};
pub use workloads::{APPEND, MIXED, READS};
