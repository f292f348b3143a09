//! Shared keys, dealt in one place: OPRF keys, and signing keys with real presignatures.

use std::collections::{BTreeMap, VecDeque};

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::OsRng;
use threshold::ecdsa::{PresignContext, PresignSession, Presignature};
use threshold::fault::Checks;
use threshold::group::{Curve, P256, Point};
use threshold::oprf::{Evaluation, EvaluationKey};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::round::Step;
use threshold::secret::Secret;
use threshold::sim::{Cluster, boot_id};

pub fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

/// A polynomial of degree T - 1.
pub struct OprfKey(Vec<Scalar>);

impl OprfKey {
    pub fn new(threshold: u8) -> Self {
        Self((0..threshold).map(|_| Scalar::random(&mut OsRng)).collect())
    }

    pub fn commitments(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(|a| RistrettoPoint::mul_base(a).compress().to_bytes().to_vec()).collect()
    }

    pub fn evaluate(&self, node: u8, blinded: &[u8], context: &[u8; 32]) -> Evaluation {
        let share = self.0.iter().rev().fold(Scalar::ZERO, |sum, a| sum * Scalar::from(node) + a);
        let key = EvaluationKey::new(party(node), &Secret::new(share.to_bytes())).unwrap();
        key.evaluate(blinded, context, &mut OsRng).unwrap()
    }
}

/// A signing key with its presignatures, by id and node.
pub struct SigningShares {
    pub cluster: Cluster<P256>,
    pub ready: BTreeMap<[u8; 32], BTreeMap<u8, Presignature<P256>>>,
    last_number: u64,
}

impl SigningShares {
    pub fn new(threshold: u8) -> Self {
        let cluster = Cluster::new(Threshold::new(threshold, 2 * threshold - 1).unwrap(), &mut OsRng);
        Self { cluster, ready: BTreeMap::new(), last_number: 0 }
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.cluster.public_key.encode()
    }

    /// Commitments to the polynomial that the shares are on: by Newton, because the simulation deals shares alone.
    pub fn commitments(&self) -> Vec<Vec<u8>> {
        let needed = self.cluster.threshold.needed();
        let shares: Vec<(u64, Scalar256)> =
            (1..=needed).map(|at| (at.into(), *self.cluster.parties[&party(at)].share.expose())).collect();
        let coefficients = interpolate(&shares);
        coefficients.iter().map(|c| <P256 as Curve>::Point::mul_base(c).encode()).collect()
    }

    /// A node's answer to a key agreement.
    pub fn agree(&self, node: u8, request: &threshold::ecdh::Request) -> Vec<u8> {
        let share = self.cluster.parties[&party(node)].share.expose().to_bytes().to_vec();
        threshold::ecdh::answer(party(node), &Secret::new(share), request, &mut OsRng).unwrap()
    }

    /// A node's part of an evaluation.
    pub fn evaluate(&self, node: u8, request: &threshold::dprf::Request) -> Vec<u8> {
        let share = self.cluster.parties[&party(node)].share.expose().to_bytes().to_vec();
        threshold::dprf::answer(party(node), &Secret::new(share), request, &mut OsRng).unwrap()
    }

    /// Runs the presigning protocol among `set` and keeps what comes out.
    pub fn presign(
        &mut self,
        cluster_id: [u8; 32],
        key_id: [u8; 16],
        set: &[u8],
        client: [u8; 32],
    ) -> [u8; 32] {
        self.last_number += 1;
        let signers = SignerSet::new(set.iter().map(|node| party(*node))).unwrap();
        let mut sessions = BTreeMap::new();
        let mut wire = VecDeque::new();
        for me in signers.iter() {
            let context = PresignContext {
                cluster_id,
                key_id,
                epoch: 1,
                public_key: self.cluster.public_key.clone(),
                threshold: self.cluster.threshold,
                signers: signers.clone(),
                me,
                boot_ids: signers.iter().map(|party| (party, boot_id(party))).collect(),
                block_id: [1; 16],
                client,
                number: self.last_number,
                witness: None,
                checks: Checks::all(),
            };
            let own = self.cluster.parties.get_mut(&me).unwrap();
            let (session, outbox) =
                PresignSession::start(context, &own.share, &mut own.pairs, &mut OsRng).unwrap();
            sessions.insert(me, session);
            wire.extend(outbox.into_iter().map(|(to, message)| (me, to, message)));
        }
        let mut made = BTreeMap::new();
        while let Some((from, to, message)) = wire.pop_front() {
            let own = self.cluster.parties.get_mut(&to).unwrap();
            let session = sessions.remove(&to).unwrap();
            let outbox = match session.receive(from, &message, &mut own.pairs, &mut OsRng).unwrap() {
                Step::Next(session, outbox) => {
                    sessions.insert(to, session);
                    outbox
                }
                Step::Done(presignature, outbox) => {
                    made.insert(to.get(), presignature);
                    outbox
                }
            };
            wire.extend(outbox.into_iter().map(|(receiver, message)| (to, receiver, message)));
        }
        let id = *made.values().next().unwrap().id();
        self.ready.insert(id, made);
        id
    }
}

type Scalar256 = <P256 as Curve>::Scalar;

/// The coefficients of the polynomial through these points, the constant term first.
fn interpolate(points: &[(u64, Scalar256)]) -> Vec<Scalar256> {
    let mut sum = vec![Scalar256::ZERO; points.len()];
    for (x, y) in points {
        // y times the product of (X - other) / (x - other).
        let mut term = vec![*y];
        for (other, _) in points.iter().filter(|(other, _)| other != x) {
            let scale = (Scalar256::from(*x) - Scalar256::from(*other)).invert().unwrap();
            let mut next = vec![Scalar256::ZERO; term.len() + 1];
            for (power, coefficient) in term.iter().enumerate() {
                next[power] -= *coefficient * Scalar256::from(*other) * scale;
                next[power + 1] += *coefficient * scale;
            }
            term = next;
        }
        sum.iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
    }
    sum
}
