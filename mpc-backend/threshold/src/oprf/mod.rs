//! Threshold OPRF over ristretto255 with SHA-512, for PIN login.
//!
//! RFC 9497, mode OPRF, suite `ristretto255-SHA512`, with the key shared among the nodes: each of
//! T nodes multiplies the blinded input by its share, and the client combines the answers by
//! Lagrange coefficients in the exponent. The output equals the RFC's for the whole key.
//!
//! Each answer carries a Chaum-Pedersen proof towards the node's verification share, so that a
//! wrong answer names its node and is never mistaken for a wrong PIN.
//! `spec/oprf.md` numbers the steps.
//!
//! | step | file | who |
//! |---|---|---|
//! | 1 blind, 3 combine | [`client`] | client |
//! | 2 evaluate | [`node`] | each of T nodes |
//! | proof of 2 | [`proof`] | both |
//! | hashing to the group | [`hash`] | client |
//!
//! The caller guarantees: the commitments come from a birth certificate that was verified, one key
//! serves one (token, role, PIN version), and nodes count an attempt before they evaluate.

pub mod client;
pub mod hash;
pub mod node;
pub mod proof;

pub use self::client::{Blinded, CombineError, InputError, blind};
pub use self::node::{Evaluation, EvaluationKey};

use crate::group::ristretto255::RISTRETTO255_BYTES;

/// The public half of a shared OPRF key, as its birth certificate carries it.
pub type KeyCommitments = crate::sharing::Commitments<curve25519_dalek::RistrettoPoint>;

/// Bytes of an encoded group element.
pub const ELEMENT_BYTES: usize = RISTRETTO255_BYTES;
/// Bytes of a proof: challenge and response.
pub const PROOF_BYTES: usize = 2 * RISTRETTO255_BYTES;
/// Bytes of the output: SHA-512.
pub const OUTPUT_BYTES: usize = 64;
/// Longest input in bytes. RFC 9497 allows 2^16 - 1; a PIN is far shorter.
pub const INPUT_BYTES_MAX: usize = 1024;
