//! Replicated sharing over the integers (`spec/replicated.md`).
//!
//! A secret is the sum of one piece for each set of T - 1 parties, held by everybody outside the set
//! (Ito, Saito, Nishizeki 1987; Cramer, Damgard, Ishai, TCC 2005). Random pieces cost no message, one
//! multiplication that is opened at once costs one broadcast, and copies are compared where others
//! prove: every piece has an honest holder.
//!
//! | what | file | sends |
//! |---|---|---|
//! | who holds and computes what | `pieces.rs` | |
//! | keys of an epoch | `keys/` | commit, open, confirm |
//! | session, draws | `session.rs`, `samples.rs` | a nonce |
//! | opening, coin | `open.rs` | pieces |
//! | product of two shared values, opened | `product.rs` | one sum |
//! | products of random residues, opened | `words.rs` | one sum each |
//! | check of a product | `check.rs` | a product and three openings |
//! | audit of a failed product | `audit.rs` | everything about it |
//!
//! The caller guarantees authenticated, confidential channels. A session is for all N parties; a
//! failed one is never resumed.

pub mod audit;
pub mod check;
pub mod keys;
pub mod open;
pub mod pieces;
pub mod product;
mod samples;
pub mod session;
mod shared;
pub mod words;

pub use self::pieces::{Piece, Pieces};
pub use self::shared::Shared;

#[cfg(test)]
pub(crate) mod tests;
