//! What PKCS#11 means, without C and without a network.
//!
//! [`Provider`] has one method for each `C_` function of a token that signs with EC keys; a C interface is a thin
//! wrapper around it. Keys and token objects are reached through the port [`backend::Backend`].
//!
//! Absent on purpose: unsafe code, I/O, threads, clocks, a random number generator, and every private key.
//!
//! Reading order: `provider/mod.rs` (the map of all methods), `session.rs` and `login.rs` (state), `operation.rs`
//! (init, update, final), `mechanism/mod.rs` (each mechanism declared once), `attribute.rs` (each attribute
//! declared once), `object/`, `rv.rs` (error table).
//!
//! `CK_ULONG` is taken to be 64 bits wide: the constants of `cryptoki-sys` are used as `u64`, and a target where
//! that is wrong does not compile.
#![forbid(unsafe_code)]

mod attribute;
pub mod backend;
mod handle;
pub mod info;
#[cfg(feature = "testing")]
pub mod local_backend;
mod login;
mod mechanism;
pub mod object;
mod operation;
mod output;
mod provider;
mod rv;
mod session;
mod slot;
mod sync;
mod template;

pub use mechanism::ParameterForm;
pub use output::{AttributeOutput, Offer, Output};
pub use provider::{KeyPairHandles, MechanismCall, Parameter, Provider, TemplateItem};
pub use rv::{Error, Result};
