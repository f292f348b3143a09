//! Section 7, the client's side: sums, low s, and verification before release.
//!
//! Holds no secret. A signature leaves only after it verified under the public key; when it does
//! not, the presignature is burned and nobody can be named from the sums alone.

use alloc::vec::Vec;

use elliptic_curve::ff::{Field, PrimeField};
use elliptic_curve::ops::Invert as _;
use elliptic_curve::scalar::IsHigh;
use subtle::ConditionallySelectable;

use super::online::{OnlineRequest, PartialSignature, Shifted};
use crate::fault::{Checks, Fault, Rule};
use crate::group::{Curve, Point};
use crate::party::PartyIndex;

/// An ECDSA signature that was verified under its public key; s is low.
///
/// Only [`combine`] makes one, so holding one is the proof of the check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature<C: Curve> {
    r: C::Scalar,
    s: C::Scalar,
}

impl<C: Curve> Signature<C> {
    /// r || s, `SCALAR_BYTES` each, big-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.r.to_repr().as_ref(), self.s.to_repr().as_ref()].concat()
    }
}

/// Combines the answers of all signers of `request`.
///
/// # Errors
/// [`Rule::AnswersDiffer`] for a missing, repeated or foreign answer, or other values than the
/// first one's; [`Rule::NoncePoint`], [`Rule::ZeroMask`] or [`Rule::FinalVerification`]. None of
/// them names a signer.
pub fn combine<C: Curve>(
    answers: &[(PartyIndex, PartialSignature<C>)],
    request: &OnlineRequest<C>,
) -> Result<Signature<C>, Fault> {
    combine_with(answers, request, Checks::all())
}

/// [`combine`] with the given checks.
pub(crate) fn combine_with<C: Curve>(
    answers: &[(PartyIndex, PartialSignature<C>)],
    request: &OnlineRequest<C>,
    checks: Checks,
) -> Result<Signature<C>, Fault> {
    let fault = Fault::of_nobody;
    let (_, first) = answers.first().ok_or(fault(Rule::AnswersDiffer))?;
    let context = request.context(&first.presignature, &first.nonce_point);
    let mut senders: Vec<PartyIndex> = answers.iter().map(|(sender, _)| *sender).collect();
    senders.sort_unstable();
    let same = |answer: &PartialSignature<C>| {
        answer.presignature == first.presignature
            && answer.nonce_point == first.nonce_point
            && answer.context == context
    };
    let belong =
        senders.iter().copied().eq(request.signers.iter()) && answers.iter().all(|(_, answer)| same(answer));
    checks.enforce(belong, fault(Rule::AnswersDiffer))?;

    let Shifted { r, .. } = Shifted::<C>::new(&first.nonce_point, &context)?;
    let u: C::Scalar = answers.iter().map(|(_, answer)| answer.u).sum();
    let w: C::Scalar = answers.iter().map(|(_, answer)| answer.w).sum();
    checks.enforce(!bool::from(u.is_zero()), fault(Rule::ZeroMask))?;
    // One inversion, the dearest scalar operation, gives both w / u and u / w. The sums are public.
    let both = (u * w).invert_vartime().unwrap_or(C::Scalar::ZERO);
    let (s, inverse) = (w * w * both, u * u * both);
    // Both s and q - s verify everywhere; the low one is the only form that leaves.
    let high = s.is_high();
    let s = C::Scalar::conditional_select(&s, &-s, high);
    let inverse = C::Scalar::conditional_select(&inverse, &-inverse, high);
    let message = C::digest_to_scalar(&request.digest);
    let verified = verify::<C>(&request.public_key, message, r, s, inverse);
    checks.enforce(verified, fault(Rule::FinalVerification))?;
    Ok(Signature { r, s })
}

/// ECDSA verification (FIPS 186-5, 6.4.2): x((m / s) G + (r / s) Q) = r. All values are public, and
/// `inverse` is believed only as far as it is the inverse of s.
fn verify<C: Curve>(
    public_key: &C::Point,
    message: C::Scalar,
    r: C::Scalar,
    s: C::Scalar,
    inverse: C::Scalar,
) -> bool {
    if s * inverse != C::Scalar::ONE {
        return false;
    }
    let point = C::Point::mul_base(&(message * inverse)).add(&public_key.mul_public(&(r * inverse)));
    !point.is_identity() && C::x_mod_order(&point) == r && !bool::from(r.is_zero())
}
