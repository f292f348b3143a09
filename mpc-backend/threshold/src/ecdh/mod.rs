//! Threshold key agreement: what two keys have in common, where one of them is shared among nodes.
//!
//! Each of T nodes multiplies the peer's point by its share and proves it (Chaum, Pedersen 1992); the
//! client checks the proofs and combines. Nothing public tells whether a combined secret is right, so the
//! proofs are what makes it so. `spec/ecdh.md` numbers the steps.
//!
//! | step | file | who |
//! |---|---|---|
//! | 1 request | [`request`] | client and nodes, equal at all |
//! | 2 answer | [`node`] | each of T nodes |
//! | 3 combine | [`client`] | client |
//! | proof of 2 | [`proof`] | both |
//! | what a group must offer | [`group`] | |
//!
//! The caller guarantees: the commitments come from a birth certificate that was verified, an answer goes
//! to the client alone, over its own confidential channel, and a node has authorised the use of the key.

mod client;
mod group;
mod node;
mod proof;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use self::client::combine_at;
pub use self::client::{CombineError, combine, combine_with};
pub use self::node::answer;
pub(crate) use self::node::answer_at;
pub use self::request::{AgreementCurve, Request};
