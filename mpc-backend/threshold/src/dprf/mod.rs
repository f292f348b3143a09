//! Verifiable distributed pseudorandom function on P-256: F(x) = KDF(x, k HashToCurve(x)), where k is shared among
//! nodes (Naor, Pinkas, Reingold 1999; the malicious variant of DiSE, ePrint 2018/727).
//!
//! Each of T nodes multiplies the point of x by its share and proves it, which is a key agreement with that point as
//! the peer's: this file says what the point is, what the proofs are bound to and what the value is, and
//! [`crate::ecdh`] does the rest. `spec/dprf.md` numbers the steps.
//!
//! The caller guarantees: k is a key that is used for nothing else (its type is its own, so that no agreement is made
//! with it, nor signature), x is a hash of everything that the value depends on, the commitments come from a birth
//! certificate that was verified, an answer goes to the client alone, and a node has authorised the evaluation.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use crate::dkg::DkgCurve;
use crate::ecdh::{self, AgreementCurve, CombineError};
use crate::fault::{Checks, Misuse};
use crate::group::p256::P256Point;
use crate::group::{P256, Point as _};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::secret::Secret;
use crate::transcript::{self, DPRF_VALUE};

/// The name of these keys in birth certificates, where others name their curve.
pub const NAME: &str = "P-256/DPRF";
/// The group in which they are generated.
pub const GROUP: DkgCurve = DkgCurve::P256;
/// Bytes of x and of F(x).
pub const VALUE_BYTES: usize = 32;

/// What stands in a request's context in place of a mechanism: a number that no mechanism has.
const NO_MECHANISM: u32 = u32::MAX;
/// Domain separation tag (RFC 9380, 3.1).
const POINT_TAG: &[u8] = b"counterfoil/dprf/v1/point P256_XMD:SHA-256_SSWU_RO_";

/// One evaluation. Equal at the client and at every node of the quorum.
#[derive(Clone)]
pub struct Request {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Epoch of the key.
    pub epoch: u64,
    /// kG, as the key's birth certificate has it.
    pub public_key: Vec<u8>,
    /// The exact quorum.
    pub quorum: SignerSet,
    /// Identity of the client, authenticated by the channel.
    pub client: [u8; 32],
    /// x.
    pub input: [u8; VALUE_BYTES],
    /// Fresh for each request: the session.
    pub request_nonce: [u8; 32],
}

impl Request {
    /// Step 1: the key agreement that this is, and the peer's point: HashToCurve of RFC 9380, suite
    /// P256_XMD:SHA-256_SSWU_RO_. The identity, which no known input gives, is refused where the point is used.
    fn agreement(&self) -> (ecdh::Request, P256Point) {
        let point = P256::hash_to_curve(POINT_TAG, &self.input).with_encoding();
        let request = ecdh::Request {
            cluster_id: self.cluster_id,
            key_id: self.key_id,
            epoch: self.epoch,
            curve: AgreementCurve::P256,
            public_key: self.public_key.clone(),
            quorum: self.quorum.clone(),
            client: self.client,
            mechanism: NO_MECHANISM,
            peer: point.encode(),
            request_nonce: self.request_nonce,
        };
        (request, point)
    }
}

/// Step 2: answers `request` with the stored `share` of party `me`. Constant time in the share. The answer is for the
/// client alone: T of them are the value.
///
/// # Errors
/// As [`ecdh::answer`].
pub fn answer(
    me: PartyIndex,
    share: &Secret<Vec<u8>>,
    request: &Request,
    rng: &mut dyn CryptoRngCore,
) -> Result<Vec<u8>, Misuse> {
    let (request, point) = request.agreement();
    ecdh::answer_at(me, share, &request, point, rng)
}

/// Step 3: checks one answer of each member of `request`'s quorum and computes F(x). `commitments` are those of the
/// key's verified birth certificate, of T-of-N `threshold`.
///
/// # Errors
/// As [`ecdh::combine`].
pub fn combine<B: AsRef<[u8]>>(
    answers: &[(PartyIndex, B)],
    commitments: &[Vec<u8>],
    threshold: Threshold,
    request: &Request,
) -> Result<Secret<[u8; VALUE_BYTES]>, CombineError> {
    combine_with(answers, commitments, threshold, request, Checks::all())
}

/// Like [`combine`], with the checks given: all of them, but in a simulation.
///
/// # Errors
/// As [`combine`].
pub fn combine_with<B: AsRef<[u8]>>(
    answers: &[(PartyIndex, B)],
    commitments: &[Vec<u8>],
    threshold: Threshold,
    request: &Request,
    checks: Checks,
) -> Result<Secret<[u8; VALUE_BYTES]>, CombineError> {
    let (agreement, point) = request.agreement();
    let common = ecdh::combine_at(answers, commitments, threshold, (&agreement, point), checks)?;
    // Step 3.2. No epoch: new shares of the same k give the same value.
    let mut value = Secret::new([0; VALUE_BYTES]);
    transcript::expand(DPRF_VALUE, &[&request.input, common.expose()], value.expose_mut());
    Ok(value)
}
