//! FROST in simulations: dealt keys, honest runs, and what the shipped code cannot do.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use elliptic_curve::ff::{Field, PrimeField};
use rand_core::CryptoRngCore;

use super::{CLIENT, CLUSTER_ID, KEY_ID, boot_id};
use crate::ecdsa::Pairs;
use crate::fault::{Checks, Error, Fault};
use crate::frost::binding::{CommitmentList, bind};
use crate::frost::nonces::{Drawn, Nonces};
use crate::frost::online::{self, OnlineRequest, PartialSignature};
use crate::frost::{NonceSession, Schnorr, combine};
use crate::group::Point;
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::presigning::{SessionContext, Witness};
use crate::round::Step;
use crate::secret::Secret;
use crate::sharing::evaluate;

/// A dealt key of a scheme.
pub struct Dealt<S: Schnorr> {
    /// T-of-N.
    pub threshold: Threshold,
    /// Q.
    pub public_key: S::Point,
    /// The encoded commitments to the polynomial.
    pub commitments: Vec<Vec<u8>>,
    /// Shamir shares, by position.
    pub shares: BTreeMap<PartyIndex, Secret<S::Scalar>>,
}

impl<S: Schnorr> Dealt<S> {
    /// Deals a fresh key.
    pub fn new(threshold: Threshold, mut rng: &mut dyn CryptoRngCore) -> Self {
        let coefficients = (0..threshold.needed()).map(|_| S::Scalar::random(&mut rng)).collect();
        Self::of(threshold, coefficients)
    }

    /// Deals the key with this polynomial, the constant term first.
    pub fn of(threshold: Threshold, coefficients: Vec<S::Scalar>) -> Self {
        let points: Vec<S::Point> = coefficients.iter().map(S::Point::mul_base).collect();
        let share = |party| (party, Secret::new(evaluate(&coefficients, party)));
        Self {
            threshold,
            public_key: points.first().cloned().expect("a threshold is at least 2"),
            commitments: points.iter().map(Point::encode).collect(),
            shares: threshold.all().iter().map(share).collect(),
        }
    }

    /// What `me` knows when number `number` of `signers` begins.
    pub fn context(&self, signers: &SignerSet, me: PartyIndex, number: u64) -> SessionContext {
        SessionContext {
            cluster_id: CLUSTER_ID,
            key_id: KEY_ID,
            epoch: 1,
            threshold: self.threshold,
            signers: signers.clone(),
            me,
            boot_ids: signers.iter().map(|party| (party, boot_id(party))).collect(),
            block_id: [0xb1; 16],
            client: CLIENT,
            number,
            witness: None,
            checks: Checks::all(),
        }
    }

    /// The client's request to `signers`.
    pub fn request(&self, signers: &SignerSet, parameter: &[u8], message: &[u8]) -> OnlineRequest<S> {
        OnlineRequest {
            cluster_id: CLUSTER_ID,
            key_id: KEY_ID,
            epoch: 1,
            public_key: self.public_key.clone(),
            signers: signers.clone(),
            client: CLIENT,
            mechanism: 0x1057,
            parameter: parameter.to_vec(),
            message: message.to_vec(),
            request_nonce: [7; 32],
            witnessed: false,
        }
    }

    /// Nonces of all of `signers`. `tamper` sees each message with its sender and receiver before delivery.
    ///
    /// # Errors
    /// The first fault, and who found it.
    pub fn nonces(
        &self,
        signers: &SignerSet,
        pairs: &BTreeMap<PartyIndex, Pairs>,
        (witness, checks): (Option<Witness>, Checks),
        tamper: &mut dyn FnMut(PartyIndex, PartyIndex, &mut Vec<u8>),
        rng: &mut dyn CryptoRngCore,
    ) -> Result<BTreeMap<PartyIndex, Nonces<S>>, (PartyIndex, Fault)> {
        let (mut sessions, mut queue) = (BTreeMap::new(), Vec::new());
        for me in signers.iter() {
            let context = SessionContext { witness, checks, ..self.context(signers, me, 1) };
            let (share, pairs) = (self.shares.get(&me).expect("dealt"), pairs.get(&me).expect("paired"));
            let started = NonceSession::<S>::start(context, self.public_key.clone(), share, pairs, rng);
            let (session, outbox) = started.expect("the context is that of the pairs");
            sessions.insert(me, session);
            queue.extend(outbox.into_iter().map(|(to, message)| (me, to, message)));
        }
        let mut done = BTreeMap::new();
        for (from, to, mut message) in queue {
            tamper(from, to, &mut message);
            let Some(session) = sessions.remove(&to) else { continue };
            match session.receive(from, &message).map_err(|fault| (to, fault))? {
                Step::Next(next, _) => drop(sessions.insert(to, next)),
                Step::Done(nonces, _) => drop(done.insert(to, nonces)),
            }
        }
        Ok(done)
    }
}

/// The copy that the shipped code cannot make: a live clone of a node's memory.
pub fn duplicate<S: Schnorr>(nonces: &Nonces<S>) -> Nonces<S> {
    let copy = |secret: &Secret<S::Scalar>| Secret::new(*secret.expose());
    Nonces {
        id: nonces.id,
        context: nonces.context.clone(),
        pair_ids: nonces.pair_ids.clone(),
        public_key: nonces.public_key.clone(),
        list: nonces.list.clone(),
        own: Drawn { hiding: copy(&nonces.own.hiding), binding: copy(&nonces.own.binding) },
        weighted_share: copy(&nonces.weighted_share),
    }
}

/// Everything secret that an answer is computed from, for checks that time says nothing about it.
pub fn secrets<S: Schnorr>(nonces: &mut Nonces<S>) -> [&mut S::Scalar; 3] {
    [nonces.own.hiding.expose_mut(), nonces.own.binding.expose_mut(), nonces.weighted_share.expose_mut()]
}

/// The bytes that the shipped code cannot make: nonces as a careless node would store them.
pub fn stored_form<S: Schnorr>(nonces: &Nonces<S>) -> Vec<u8> {
    let own = [&nonces.own.hiding, &nonces.own.binding];
    own.iter().flat_map(|secret| secret.expose().to_repr().as_ref().to_vec()).collect()
}

/// An answer without its zero-share (nonce rule R9).
///
/// # Errors
/// As [`crate::frost::answer`].
pub fn unmasked<S: Schnorr>(
    nonces: Nonces<S>,
    pairs: &Pairs,
    request: &OnlineRequest<S>,
) -> Result<PartialSignature<S>, Error> {
    let mask = request.witnessed.then(|| {
        let context = request.context(&nonces.id);
        online::zero_share::<S>(&nonces, pairs, &context)
    });
    let mut answer = online::answer(nonces, pairs, request)?;
    if let Some(mask) = mask {
        answer.response -= mask.expose();
    }
    Ok(answer)
}

/// Whether an answer meets the equation that no masked answer meets.
pub fn is_unmasked<S: Schnorr>(
    sender: PartyIndex,
    answer: &PartialSignature<S>,
    request: &OnlineRequest<S>,
    commitments: &[Vec<u8>],
) -> bool {
    let context = request.context(&answer.presignature);
    CommitmentList::<S>::decode(&answer.commitments, &request.signers).is_ok_and(|list| {
        let bound = bind(&list, &request.public_key, request.message(), &context);
        combine::holds(sender, answer, request, commitments, &bound) == Some(true)
    })
}

/// A liar's answer: another response.
pub fn tamper<S: Schnorr>(answer: &mut PartialSignature<S>) {
    answer.response += S::Scalar::ONE;
}

/// R and z of a signer for nonces of a test vector, with RFC 9591's binding factors.
///
/// # Errors
/// As [`crate::frost::answer`].
pub fn respond<S: Schnorr>(
    nonces: &Nonces<S>,
    message: crate::frost::Message<'_>,
) -> Result<(Vec<u8>, S::Scalar), Error> {
    online::respond(nonces, message, &[]).map(|(nonce, response)| (nonce, *response.expose()))
}

/// Puts the nonces of a test vector in the place of drawn ones, at every signer.
pub fn set_nonces<S: Schnorr>(all: &mut BTreeMap<PartyIndex, Nonces<S>>, chosen: &[(S::Scalar, S::Scalar)]) {
    for (nonces, (hiding, binding)) in all.values_mut().zip(chosen) {
        nonces.own = Drawn { hiding: Secret::new(*hiding), binding: Secret::new(*binding) };
    }
    let entries: Vec<_> = all.iter().map(|(party, nonces)| (*party, nonces.own.commit())).collect();
    let list = CommitmentList::new(&entries);
    all.values_mut().for_each(|nonces| nonces.list = list.clone());
}

/// The client's step with one check left out.
///
/// # Errors
/// As [`crate::frost::combine`].
pub fn combine_with<S: Schnorr>(
    answers: &[(PartyIndex, PartialSignature<S>)],
    request: &OnlineRequest<S>,
    commitments: &[Vec<u8>],
    checks: Checks,
) -> Result<Vec<u8>, Fault> {
    combine::combine_with(answers, request, commitments, checks)
}
