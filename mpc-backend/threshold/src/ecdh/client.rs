//! Step 3: the client checks the answers of a quorum and combines them.

use alloc::vec::Vec;

use elliptic_curve::ff::Field as _;

use super::group::{Group, ScalarOf, X25519};
use super::proof::{Claim, Proof};
use super::{AgreementCurve, Request};
use crate::codec::Reader;
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::group::p256::P256Point;
use crate::group::{P256, P384, Point, Secp256k1};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::secret::Secret;
use crate::sharing::{Commitments, integer_lagrange};

/// Why answers do not combine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// Not one answer of each member of the quorum, or not a quorum of this key.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// What failed its check: every wrong answer with its party, or the key itself with nobody.
    #[error("{}", .0.first().map_or("no fault", |_| "answers of a key agreement failed their checks"))]
    Faults(Vec<Fault>),
}

/// Checks one answer of each member of `request`'s quorum and computes the secret that both sides know.
///
/// `commitments` are those of the key's verified birth certificate, of T-of-N `threshold`.
///
/// # Errors
/// [`CombineError::Misuse`] for other parties than exactly the quorum, or a quorum of another size than the
/// key needs; [`CombineError::Faults`] with [`Rule::EcdhKey`] when quorum and commitments do not give the
/// public key, and with everybody whose answer is no answer ([`Rule::Malformed`], [`Rule::EcdhProof`]).
pub fn combine<B: AsRef<[u8]>>(
    answers: &[(PartyIndex, B)],
    commitments: &[Vec<u8>],
    threshold: Threshold,
    request: &Request,
) -> Result<Secret<Vec<u8>>, CombineError> {
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
) -> Result<Secret<Vec<u8>>, CombineError> {
    match request.curve {
        AgreementCurve::P256 => combine_in::<P256, B>(
            answers,
            commitments,
            threshold,
            (request, P256::peer(&request.peer)),
            checks,
        ),
        AgreementCurve::P384 => combine_in::<P384, B>(
            answers,
            commitments,
            threshold,
            (request, P384::peer(&request.peer)),
            checks,
        ),
        AgreementCurve::Secp256k1 => combine_in::<Secp256k1, B>(
            answers,
            commitments,
            threshold,
            (request, Secp256k1::peer(&request.peer)),
            checks,
        ),
        AgreementCurve::Curve25519 => combine_in::<X25519, B>(
            answers,
            commitments,
            threshold,
            (request, X25519::peer(&request.peer)),
            checks,
        ),
    }
}

/// [`combine_with`] where the peer's point on P-256, which the request has encoded, is known already.
pub(crate) fn combine_at<B: AsRef<[u8]>>(
    answers: &[(PartyIndex, B)],
    commitments: &[Vec<u8>],
    threshold: Threshold,
    (request, peer): (&Request, P256Point),
    checks: Checks,
) -> Result<Secret<Vec<u8>>, CombineError> {
    let peer = Some(peer).filter(|peer| !peer.is_identity());
    combine_in::<P256, B>(answers, commitments, threshold, (request, peer), checks)
}

fn combine_in<G: Group, B: AsRef<[u8]>>(
    answers: &[(PartyIndex, B)],
    commitments: &[Vec<u8>],
    threshold: Threshold,
    (request, peer): (&Request, Option<G::Point>),
    checks: Checks,
) -> Result<Secret<Vec<u8>>, CombineError> {
    let nobody = |rule| CombineError::Faults(alloc::vec![Fault::of_nobody(rule)]);
    // Step 3.1
    let parties = SignerSet::new(answers.iter().map(|(party, _)| *party))?;
    if parties != request.quorum || parties.len() != usize::from(threshold.needed()) {
        return Err(Misuse::SignerSet.into());
    }
    let peer = peer.ok_or(Misuse::PeerPoint)?;
    let public_key = G::Point::decode(&request.public_key).ok_or(Misuse::StoredKey)?;
    let commitments =
        Commitments::<G::Point>::decode(commitments, threshold).map_err(|_| Misuse::StoredKey)?;
    let (weights, denominator) = integer_lagrange(&parties).ok_or(Misuse::SignerSet)?;
    let member = |(party, weight)| Member::<G>::new(party, weight, &commitments);
    let members: Vec<Member<G>> = parties.iter().zip(weights).map(member).collect();
    // Step 3.2
    let sum = members.iter().fold(G::Point::identity(), |sum, m| sum.add(&m.weighted(&m.public)));
    checks
        .enforce(sum == public_key.times(denominator), Fault::of_nobody(Rule::EcdhKey))
        .map_err(|fault| nobody(fault.rule))?;
    let (context, mut faults, mut common) = (request.context(), Vec::new(), G::Point::identity());
    for member in &members {
        let Some((party, bytes)) = answers.iter().find(|(party, _)| *party == member.party) else { continue };
        match member.checked(&context, &peer, bytes.as_ref(), checks) {
            // Step 3.5
            Ok(answer) => common = common.add(&member.weighted(&answer)),
            Err(rule) => faults.push(Fault::of(*party, rule)),
        }
    }
    if !faults.is_empty() {
        return Err(CombineError::Faults(faults));
    }
    if denominator != 1 {
        let inverse = Option::from(ScalarOf::<G>::from(denominator).invert());
        common = common.mul(&inverse.expect("a small integer is not zero mod the order"));
    }
    let mut secret = G::secret(&common);
    Ok(Secret::new(core::mem::take(&mut *secret)))
}

/// A node of the quorum, as the certificate has it.
struct Member<G: Group> {
    party: PartyIndex,
    /// V.
    public: G::Point,
    /// lambda, times the denominator that all have in common.
    weight: i64,
}

impl<G: Group> Member<G> {
    fn new(party: PartyIndex, weight: i64, commitments: &Commitments<G::Point>) -> Self {
        Self { party, public: commitments.verification_share(party).with_encoding(), weight }
    }

    /// The member's part of a sum.
    fn weighted(&self, point: &G::Point) -> G::Point {
        let times = point.times(self.weight.unsigned_abs());
        if self.weight < 0 { times.neg() } else { times }
    }

    /// Steps 3.3 and 3.4: the element of an answer whose proof holds.
    fn checked(
        &self,
        context: &[u8; 32],
        peer: &G::Point,
        bytes: &[u8],
        checks: Checks,
    ) -> Result<G::Point, Rule> {
        let (answer, proof) = decode::<G>(bytes).ok_or(Rule::Malformed)?;
        let claim = Claim::<G> { context, party: self.party, public: &self.public, peer, answer: &answer };
        let holds = claim.verify(&proof);
        checks.enforce(holds, Fault::of(self.party, Rule::EcdhProof)).map_err(|fault| fault.rule)?;
        Ok(answer)
    }
}

/// R, c and z, each canonical, and nothing else.
fn decode<G: Group>(bytes: &[u8]) -> Option<(G::Point, Proof<G>)> {
    let mut reader = Reader::new(bytes);
    let answer = G::Point::decode(reader.bytes(G::POINT_BYTES).ok()?)?;
    let mut scalar = || G::scalar(reader.bytes(G::SCALAR_BYTES).ok()?);
    let proof = Proof { challenge: scalar()?, response: scalar()? };
    reader.finish().ok()?;
    Some((answer, proof))
}
