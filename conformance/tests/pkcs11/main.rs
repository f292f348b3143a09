//! PKCS#11 as an application meets it, a file a chapter. `README.md` of this crate says how to run it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::borrow_as_ptr)]

mod attacks_access;
mod attacks_attributes;
mod attacks_wrapping;
mod buffers;
mod configuration;
mod coverage;
mod deriving;
mod digesting;
mod eddsa;
mod fork;
mod general;
mod grid;
mod importing;
mod importing_rsa;
mod interfaces;
mod keys;
mod lockout;
mod login;
mod objects;
mod operations;
mod random;
mod rsa;
mod rsa_public;
mod schnorr;
mod sequences;
mod session_keys;
mod sessions;
mod signing;
mod slots;
mod threads;
mod vectors;
mod verifying;
mod wycheproof;
mod wycheproof_oaep;
mod wycheproof_rsa;
