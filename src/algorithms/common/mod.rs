//! What several systems are built of: the replicated key-value store with its sessions, and its client.

mod client;
mod kv;
mod workloads;

pub use client::{Ask, KvClient, KvMessage, Reply, Request, Result};
pub use kv::{Applied, Command, Datum, Store, Write};
pub use workloads::{APPEND, MIXED};
