//! What the conformance tests share: the module loaded by `dlopen` and reached through its C interface only, a token
//! to work with, and the table of what is covered.
//!
//! The module is a singleton of its process and reads `COUNTERFOIL_CONFIG`, so tests that hold a
//! [`module::Module`] take turns within a process; `cargo nextest` gives each its own.
//!
//! Reading order: [`module`] with [`table`] (load and call), [`functions`] (all functions, as data), [`token`] and [`session`] with [`rsa`] (a
//! logged-in session in few words), [`lab`] (the cluster behind it), [`dead`] (none), [`child`] (fork), [`coverage`],
//! [`grid`] (bad arguments, for any library), [`sequences`] (random calls against a model), [`attacks`] with [`wrapping`] (what must not be possible),
//! [`suites`] (other people's tests), [`profiles`] (the standard's own).
// Tests call C, `call!` with expressions of their own; nothing of this is shipped.
#![allow(
    clippy::macro_metavars_in_unsafe,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::borrow_as_ptr
)]

pub mod attacks;
pub mod child;
pub mod coverage;
pub mod dead;
pub mod functions;
pub mod grid;
pub mod lab;
pub mod mechanisms;
pub mod module;
pub mod profiles;
pub mod rsa;
pub mod sequences;
pub mod session;
pub mod softhsm;
pub mod suites;
pub mod table;
pub mod token;
pub mod wrapping;
