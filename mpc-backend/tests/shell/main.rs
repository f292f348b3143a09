//! The shell from outside: what is on disk, who may connect, how the registry's log holds, and how a
//! node starts and stops. One file a subject; `support` is what they share.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod client_connections;
mod configuration;
mod damaged_file;
mod peer_streams;
mod raft_cluster;
mod raft_log;
mod sealing;
mod support;
mod whole_nodes;
