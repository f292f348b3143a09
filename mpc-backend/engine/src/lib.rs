//! One node of the cluster as a deterministic state machine: [`Engine::handle`] takes what happened,
//! [`Engine::poll`] hands out what to do. One seed and one list of inputs give one execution
//! (decision 0001).
//!
//! Absent on purpose: sockets, files, clocks, threads, system randomness. The shell brings them.
//!
//! Read in this order: [`input`], [`effect`], [`registry`] (what exists and who may use it),
//! `sessions` (protocols with peers), `blame` (what a failed check costs), `client` (requests), [`persist`] and [`event`].

mod blame;
#[cfg(feature = "sim")]
pub mod bugs;
#[cfg(not(feature = "sim"))]
mod bugs;
mod client;
pub mod counters;
pub mod effect;
mod engine;
pub mod event;
pub mod input;
mod kms_clock;
mod peers;
pub mod persist;
pub mod registry;
mod session_keys;
mod sessions;
mod shares;
mod startup;
mod witness;
mod work;

pub use effect::{Effect, Write};
pub use engine::Engine;
pub use event::{Event, Level};
pub use input::{EngineConfig, Input, Limits, NodeIndex, ProposalError, Record, Restored, StartError};
pub use sessions::pools::PRESIGNATURE_BYTES;
pub use work::{Work, Worked};
