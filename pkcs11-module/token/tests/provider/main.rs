//! What an application can rely on, chapter by chapter, over the in-process backend.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod attributes;
mod concurrency;
mod consent;
mod deriving;
mod digesting;
mod hostile;
mod importing;
mod importing_rsa;
mod keys;
mod login;
mod objects;
mod outage;
mod rsa;
mod rsa_encrypting;
mod session_keys;
mod sessions;
mod signing;
mod slots;
mod support;
