//! Threshold ECDSA: DKLs23 (ePrint 2023/765) over SoftSpokenOT (2022/192), dishonest majority.
//!
//! Specification: `spec/ecdsa.md`; section and step numbers in this folder are its numbers.
//!
//! | phase | folder | messages | kind |
//! |---|---|---|---|
//! | pair set-up, once per pair, boot ids and epoch | [`setup`] | hello, choices, trees, confirmation | direct, both directions at once |
//! | presign, without the message | [`presign`] | commitments; openings | echoed broadcast + direct, joined |
//! | answer | [`online`] | one answer from each signer to the client | direct |
//! | combine and verify | [`combine`] | none | at the client or any node |
//!
//! The set-up depends on no key and no curve. A presignature belongs to one exact signer set and
//! is consumed by its one answer.
//!
//! Deviations from the papers are marked `DEVIATION` and listed in section 10 of the specification.

pub mod combine;
pub mod mul;
pub mod online;
pub mod ot;
pub mod pair;
pub mod presign;
pub mod setup;

pub use self::combine::{Signature, combine};
pub use self::online::{OnlineRequest, PartialSignature, answer};
pub use self::pair::{Pair, Pairs};
pub use self::presign::{PresignContext, PresignSession, Presignature};
pub use self::setup::{PairSetup, SetupContext, SetupStep};
pub use crate::presigning::Witness;

/// Name of one run of a node's process: fresh at each start.
pub type BootId = [u8; 16];

/// Longest digest that is signed, in bytes (SHA-512).
pub const DIGEST_BYTES_MAX: usize = 64;
