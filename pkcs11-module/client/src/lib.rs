//! The blocking cluster client: the module's way to the nodes.
//!
//! [`ClusterClient`](crate) answers the token's port `token::backend::Backend` by asking T nodes,
//! comparing or combining what they say, and verifying the result before it is believed. There is
//! no async runtime and no thread: every call runs on the caller's thread, so that nothing can
//! survive a `fork` or the unloading of the library.
//!
//! Absent on purpose: unsafe code, threads, PKCS#11's sessions and handles (crate `token`), shares
//! and protocol secrets of any kind.
//!
//! Reading order: [`config`], [`connect`] (one node).
#![forbid(unsafe_code)]

pub mod config;
pub mod connect;
pub mod deadline;
pub mod failure;
pub mod identity;
pub mod log;
#[cfg(test)]
mod testing;
mod tls;
