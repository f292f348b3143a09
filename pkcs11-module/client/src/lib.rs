//! The blocking cluster client: the module's way to the nodes.
//!
//! [`ClusterClient`] answers the token's port `token::backend::Backend` by asking T nodes,
//! comparing or combining what they say, and verifying the result before it is believed. There is
//! no async runtime and no thread: every call runs on the caller's thread, so that nothing can
//! survive a `fork` or the unloading of the library.
//!
//! Absent on purpose: unsafe code, threads, PKCS#11's sessions and handles (crate `token`), shares
//! and protocol secrets of any kind.
//!
//! Reading order: [`connect`] (one node), `pool` (many connections), `asking` and `call` (many nodes
//! at once), `nodes`, `health` and `search` (which ones), then the rooms of the port: `agree` and
//! `registry` (lists), `pin` and `login`, `commands`, `keys`, `import`, `session_keys`, `derive`, `sign`, `race`, `races` and `witness`, `random`.
//! [`cluster`] joins them, and [`kms`] is what the KMS agent asks for beside the port.
#![forbid(unsafe_code)]

pub mod admin;
mod agree;
mod asking;
mod birth;
mod call;
pub mod cluster;
pub mod clusters;
mod commands;
mod complain;
pub mod config;
pub mod connect;
mod core;
pub mod deadline;
mod derive;
pub mod failure;
mod health;
pub mod identity;
mod import;
mod keys;
pub mod kms;
mod listing;
pub mod log;
mod login;
mod nodes;
mod pace;
mod pin;
mod pool;
mod public_point;
mod race;
mod races;
mod random;
mod record;
mod registry;
mod rsa;
mod search;
mod session_keys;
mod sign;
mod stash;
mod sync;
#[cfg(test)]
mod testing;
mod throttle;
mod tls;
mod tries;
pub mod view;
mod witness;

pub use cluster::ClusterClient;
