//! The shell of a node, and the `counterfoil` command: configuration, sockets, clock, disk and
//! randomness around the engine, which has none of them (decision 0001).
//!
//! Read in this order: `config` and `identity` (who we are), `seal` (what may stand on disk), `tls`
//! (who they are), `node` (the event loop and its edges), `raft` (how registry commands are ordered).
//!
//! Absent on purpose: protocols (`threshold`), decisions (`engine`), unsafe code.

pub mod cli;
pub mod config;
pub mod harden;
pub mod identity;
pub mod lab;
pub mod node;
pub mod raft;
pub mod seal;
pub mod shutdown;
pub mod telemetry;
pub mod tls;
