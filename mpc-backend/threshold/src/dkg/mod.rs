//! Distributed key generation: a key is born shared and is never whole.
//!
//! FROST's DKG (Komlo, Goldberg, ePrint 2020/852, figure 1: Pedersen's DKG with proofs of
//! possession) as `frost-core` 3.0 gives it, inside two wrappers (`spec/dkg.md`): packages are
//! committed to before any is opened, because a party that sees the others' first biases the key;
//! and every broadcast is echoed by hash in the next message, because our channels are pairwise.
//!
//! | round | file | sends | kind |
//! |---|---|---|---|
//! | 1 | `round1_commit.rs` | context, commitment | broadcast |
//! | 2 | `round2_open.rs` | echo of round 1, salt, package with proof | broadcast |
//! | 3 | `round3_share.rs` | echo of round 2, secret share | direct |
//! | 4 | `round4_confirm.rs` | transcript, verification share | broadcast |
//!
//! Generating needs all N parties; any failure ends the session and its secrets. The caller
//! guarantees authenticated, confidential channels and agreement on the [`DkgContext`].

mod context;
#[cfg(feature = "sim")]
mod fields;
#[cfg(feature = "sim")]
mod left_out;
mod p384;
mod round1_commit;
mod round2_open;
mod round3_share;
mod round4_confirm;
mod session;
mod suite;

use alloc::vec::Vec;

pub use self::context::{DkgContext, DkgCurve};
#[cfg(feature = "sim")]
pub use self::fields::of_keygen;
pub use self::session::{DkgSession, Progress};
use crate::secret::Secret;

/// What a party holds when all have confirmed.
pub struct DkgOutput {
    /// f(me): a canonical scalar in the group's own byte order (big-endian, but little-endian on
    /// edwards25519 and ristretto255), [`DkgCurve::scalar_bytes`] long.
    pub share: Secret<Vec<u8>>,
    /// f(0) G: compressed SEC1, or a ristretto255 element. Equals the first commitment.
    pub public_key: Vec<u8>,
    /// Commitments to the T coefficients of f, the constant term first: read them with
    /// [`crate::sharing::Commitments::decode`] to get any party's verification share.
    pub commitments: Vec<Vec<u8>>,
    /// Hash of context, all broadcasts and the commitments; equal at all parties.
    pub transcript: [u8; 32],
}

#[cfg(test)]
mod tests;
