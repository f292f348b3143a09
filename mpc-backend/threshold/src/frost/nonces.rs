//! A signer's pair of nonces with everybody's commitments: what a pool holds.

use alloc::vec::Vec;

use elliptic_curve::ff::Field;
use rand_core::CryptoRngCore;

use super::binding::{Commitment, CommitmentList};
use super::suite::Schnorr;
use crate::group::Point;
use crate::presigning::{PairIds, SessionContext, Witness};
use crate::secret::Secret;
use crate::transcript::{FROST_NONCES, hash_all};

/// One party's nonces for one signature, and the commitments of all signers.
///
/// There is one owner, no copy and no stored form. Answering consumes it.
pub struct Nonces<S: Schnorr> {
    /// H of the session and all commitments: equal at all signers who saw the same.
    pub(crate) id: [u8; 32],
    pub(crate) context: SessionContext,
    pub(crate) pair_ids: PairIds,
    /// Q.
    pub(crate) public_key: S::Point,
    pub(crate) list: CommitmentList<S>,
    pub(crate) own: Drawn<S>,
    /// lambda_i share_i.
    pub(crate) weighted_share: Secret<S::Scalar>,
}

impl<S: Schnorr> Nonces<S> {
    /// The name under which a client asks for them.
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// Q.
    pub const fn public_key(&self) -> &S::Point {
        &self.public_key
    }

    /// Without whose grant no signer may answer, in strict mode.
    pub const fn witness(&self) -> Option<Witness> {
        self.context.witness
    }

    /// D || E of every signer: public, for ledgers that must never see one twice.
    pub fn commitments(&self) -> &[u8] {
        self.list.encoded()
    }
}

/// d and e, drawn afresh.
pub(crate) struct Drawn<S: Schnorr> {
    /// d.
    pub(crate) hiding: Secret<S::Scalar>,
    /// e.
    pub(crate) binding: Secret<S::Scalar>,
}

impl<S: Schnorr> Drawn<S> {
    pub(crate) fn new(rng: &mut dyn CryptoRngCore) -> Self {
        Self { hiding: nonzero::<S>(rng), binding: nonzero::<S>(rng) }
    }

    pub(crate) fn commit(&self) -> Commitment<S> {
        Commitment {
            hiding: S::Point::mul_base(self.hiding.expose()),
            binding: S::Point::mul_base(self.binding.expose()),
        }
    }
}

/// Step 1.3 of the specification: H(frost/nonces; pid, (j, D_j || E_j) ascending).
pub(super) fn name<S: Schnorr>(session: &[u8; 32], list: &CommitmentList<S>) -> [u8; 32] {
    let positions: Vec<[u8; 2]> = list.entries().map(|(party, _)| party.to_bytes()).collect();
    let entries = positions.iter().zip(list.entries());
    let parts = entries.flat_map(|(position, (_, entry))| [position.as_slice(), entry]);
    hash_all(FROST_NONCES, core::iter::once(session.as_slice()).chain(parts))
}

fn nonzero<S: Schnorr>(mut rng: &mut dyn CryptoRngCore) -> Secret<S::Scalar> {
    loop {
        let scalar = Secret::new(S::Scalar::random(&mut rng));
        // A second turn has a chance of one in the group's order: the loop ends.
        if !bool::from(scalar.expose().is_zero()) {
            return scalar;
        }
    }
}
