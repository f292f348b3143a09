//! Specification, section 4, the client's side: the sum, verification before release, and who is to blame.
//!
//! Holds no secret.

use alloc::vec::Vec;

use elliptic_curve::ff::{Field, PrimeField};

use super::binding::{Bound, CommitmentList, bind};
use super::online::{OnlineRequest, PartialSignature};
use super::suite::Schnorr;
use crate::fault::{Checks, Fault, Rule};
use crate::group::Point;
use crate::party::{PartyIndex, Threshold};
use crate::sharing::{Commitments, lagrange_at_zero};

/// Combines the answers of all signers of `request` into a signature that was verified: R then z.
///
/// `commitments` are the encoded ones of the key's polynomial, by which wrong answers name their authors.
///
/// # Errors
/// [`Rule::AnswersDiffer`] for a missing, repeated or foreign answer, or other values than the first
/// one's; [`Rule::SignatureShare`] names the author of a wrong answer; [`Rule::FinalVerification`] where
/// none can be named, as in strict mode.
pub fn combine<S: Schnorr>(
    answers: &[(PartyIndex, PartialSignature<S>)],
    request: &OnlineRequest<S>,
    commitments: &[Vec<u8>],
) -> Result<Vec<u8>, Fault> {
    combine_with(answers, request, commitments, Checks::all())
}

/// [`combine`] with the given checks.
pub(crate) fn combine_with<S: Schnorr>(
    answers: &[(PartyIndex, PartialSignature<S>)],
    request: &OnlineRequest<S>,
    commitments: &[Vec<u8>],
    checks: Checks,
) -> Result<Vec<u8>, Fault> {
    let fault = Fault::of_nobody;
    let (_, first) = answers.first().ok_or(fault(Rule::AnswersDiffer))?;
    let context = request.context(&first.presignature);
    // Step 3.1.
    let mut senders: Vec<PartyIndex> = answers.iter().map(|(sender, _)| *sender).collect();
    senders.sort_unstable();
    let same = |answer: &PartialSignature<S>| {
        answer.presignature == first.presignature
            && answer.context == context
            && answer.nonce == first.nonce
            && answer.commitments == first.commitments
    };
    let belong =
        senders.iter().copied().eq(request.signers.iter()) && answers.iter().all(|(_, answer)| same(answer));
    checks.enforce(belong, fault(Rule::AnswersDiffer))?;
    // Step 3.2.
    let response = answers.iter().fold(S::Scalar::ZERO, |sum, (_, answer)| sum + answer.response);
    if !verify::<S>(&first.nonce, response, request) {
        // Step 3.3.
        for (sender, answer) in answers {
            let held = is_right(*sender, answer, request, commitments, &context);
            checks.enforce(held != Some(false), Fault::of(*sender, Rule::SignatureShare))?;
        }
        checks.enforce(false, fault(Rule::FinalVerification))?;
    }
    Ok([first.nonce.as_slice(), response.to_repr().as_ref()].concat())
}

/// Whether z G = R + c Q, with R in the form that stands in the signature. All values are public.
fn verify<S: Schnorr>(nonce: &[u8], response: S::Scalar, request: &OnlineRequest<S>) -> bool {
    let key = &request.public_key;
    let challenge = S::challenge(nonce, key, request.message());
    let product = key.mul_public(&challenge);
    let product = if S::takes_negative(key) { product } else { product.neg() };
    let expected = S::Point::mul_base(&response).add(&product);
    !expected.is_identity() && !S::takes_negative(&expected) && S::encode_nonce(&expected) == nonce
}

/// Whether an answer is what its author had to say, by its own word on the commitments. `None` where the answer
/// is right but for its mask, or nothing can be said.
fn is_right<S: Schnorr>(
    sender: PartyIndex,
    answer: &PartialSignature<S>,
    request: &OnlineRequest<S>,
    commitments: &[Vec<u8>],
    context: &[u8; 32],
) -> Option<bool> {
    let Ok(list) = CommitmentList::<S>::decode(&answer.commitments, &request.signers) else {
        // No honest signer has commitments that do not decode.
        return Some(false);
    };
    let bound = bind(&list, &request.public_key, request.message(), context);
    if bound.nonce.is_identity() || S::encode_nonce(&bound.nonce) != answer.nonce {
        return Some(false);
    }
    if request.witnessed {
        return None;
    }
    holds(sender, answer, request, commitments, &bound)
}

/// z_i G = D_i + rho_i E_i + c lambda_i Y_i, as every answer without a mask; `None` where the key's commitments do
/// not decode.
pub(crate) fn holds<S: Schnorr>(
    sender: PartyIndex,
    answer: &PartialSignature<S>,
    request: &OnlineRequest<S>,
    commitments: &[Vec<u8>],
    bound: &Bound<S>,
) -> Option<bool> {
    let needed = u8::try_from(commitments.len()).ok()?;
    let threshold = Threshold::new(needed, u8::MAX).ok()?;
    let key = Commitments::<S::Point>::decode(commitments, threshold).ok()?;
    let (_, part) = bound.of(sender)?;
    let lambda = lagrange_at_zero::<S::Scalar>(sender, &request.signers).ok()?;
    let challenge = lambda * S::challenge(&answer.nonce, &request.public_key, request.message());
    let share = key.verification_share(sender).mul_public(&challenge);
    let share = if S::takes_negative(&request.public_key) { share.neg() } else { share };
    let part = if S::takes_negative(&bound.nonce) { part.neg() } else { part.clone() };
    Some(S::Point::mul_base(&answer.response) == part.add(&share))
}
