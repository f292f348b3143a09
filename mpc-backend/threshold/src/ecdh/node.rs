//! Step 2: a node multiplies the peer's point by its share and proves it.

use alloc::vec::Vec;

use elliptic_curve::ff::Field as _;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::group::{Group, X25519};
use super::proof::Claim;
use super::{AgreementCurve, Request};
use crate::fault::Misuse;
use crate::group::p256::P256Point;
use crate::group::{P256, P384, Point, Secp256k1};
use crate::party::PartyIndex;
use crate::secret::Secret;

/// Answers `request` with the stored `share` of party `me`: R, c, z in their fixed lengths. Constant time in
/// the share. The answer is for the client alone: T of them are the secret.
///
/// # Errors
/// [`Misuse::NotASigner`] outside the quorum, [`Misuse::PeerPoint`] for a peer's key that is no element of
/// the group or its identity, [`Misuse::StoredKey`] for a share that is not canonical, or zero.
pub fn answer(
    me: PartyIndex,
    share: &Secret<Vec<u8>>,
    request: &Request,
    rng: &mut dyn CryptoRngCore,
) -> Result<Vec<u8>, Misuse> {
    match request.curve {
        AgreementCurve::P256 => answer_in::<P256>(me, share, request, P256::peer(&request.peer), rng),
        AgreementCurve::P384 => answer_in::<P384>(me, share, request, P384::peer(&request.peer), rng),
        AgreementCurve::Secp256k1 => {
            answer_in::<Secp256k1>(me, share, request, Secp256k1::peer(&request.peer), rng)
        }
        AgreementCurve::Curve25519 => {
            answer_in::<X25519>(me, share, request, X25519::peer(&request.peer), rng)
        }
    }
}

/// [`answer`] where the peer's point on P-256, which the request has encoded, is known already.
pub(crate) fn answer_at(
    me: PartyIndex,
    share: &Secret<Vec<u8>>,
    request: &Request,
    peer: P256Point,
    rng: &mut dyn CryptoRngCore,
) -> Result<Vec<u8>, Misuse> {
    answer_in::<P256>(me, share, request, Some(peer).filter(|peer| !peer.is_identity()), rng)
}

/// Never inlined: `tests/constant-time` accepts by this function's name that a share of zero is refused.
#[inline(never)]
fn answer_in<G: Group>(
    me: PartyIndex,
    share: &Secret<Vec<u8>>,
    request: &Request,
    peer: Option<G::Point>,
    rng: &mut dyn CryptoRngCore,
) -> Result<Vec<u8>, Misuse> {
    // Step 2.1
    if !request.quorum.contains(me) {
        return Err(Misuse::NotASigner);
    }
    // Step 2.2
    let peer = peer.ok_or(Misuse::PeerPoint)?;
    let share = Zeroizing::new(G::scalar(share.expose()).ok_or(Misuse::StoredKey)?);
    if bool::from(share.is_zero()) {
        return Err(Misuse::StoredKey);
    }
    // Step 2.3
    let answer = peer.mul(&share);
    // Step 2.4
    let (public, context) = (G::Point::mul_base(&share), request.context());
    let claim = Claim::<G> { context: &context, party: me, public: &public, peer: &peer, answer: &answer };
    let proof = claim.prove(&share, rng);
    let mut message = answer.encode();
    proof.encode().iter().for_each(|scalar| message.extend_from_slice(scalar.as_ref()));
    Ok(message)
}
