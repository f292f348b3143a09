//! Threshold Schnorr signatures: FROST (RFC 9591; Komlo, Goldberg, ePrint 2020/852), with nonces that
//! are made ahead of time under the same rules as presignatures of ECDSA (`spec/frost.md`).
//!
//! | step | file | sends | kind |
//! |---|---|---|---|
//! | nonces | `session`, `nonces` | commitments D, E | broadcast |
//! | answer | `online` | R, all commitments, z | to the client |
//! | combine | `combine` | nothing | |
//!
//! Assumes FROST's: the one-more discrete logarithm in each group, hashes as random oracles. The caller
//! must guarantee that a [`Nonces`] is taken out of its pool for good before it is answered with: the
//! type has one owner and [`answer`] consumes it.
//!
//! Arithmetic and hashes are those of the `frost` crates and of [`crate::group`]; what a signer computes is
//! compared with `frost-core`'s own answer in `tests/frost`.

pub(crate) mod binding;
pub mod combine;
pub(crate) mod nonces;
pub mod online;
pub(crate) mod session;
mod suite;

pub use self::combine::combine;
pub use self::nonces::Nonces;
pub use self::online::{OnlineRequest, PartialSignature, answer};
pub use self::session::NonceSession;
pub use self::suite::{Bip340, Ed25519, FrostP256, Message, Schnorr};

/// Longest message that is signed whole, in bytes: every signer hashes it, and a client's request to a node must
/// hold it.
pub const MESSAGE_BYTES_MAX: usize = 256 << 10;
