//! What several systems are built of: the log, the replicated key-value store with its sessions, both sides of
//! its clients' requests, channels, and the transfer of snapshots.

mod ballot;
mod channel;
mod client;
mod kv;
mod log;
mod proposals;
mod serving;
mod transfer;
mod workloads;

pub use ballot::Ballot;
pub use channel::{Channel, Segment};
pub use client::{Ask, KvClient, KvMessage, Reply, Request, Result};
pub use kv::{Applied, Command, Datum, Store, Write};
pub use log::{Entry, Index, Log, Payload, Term};
pub use proposals::Proposals;
pub use serving::{ExactlyOnce, Executed, Waiting, answer, perform, reconfigure, redirect};
pub use transfer::{Incoming, Outgoing, Piece, Taken};
pub use workloads::{APPEND, MIXED, READS};
