//! Chaum-Pedersen proof that a node multiplied the peer's point by its committed share.
//!
//! For V = sG and R = sP: c = H(context, party, V, P, R, rho G, rho P), z = rho - cs; the verifier
//! recomputes rho G = zG + cV and rho P = zP + cR. Made non-interactive by Fiat-Shamir over everything, the
//! context included, so that a proof is good for one request of one client to one quorum.

use elliptic_curve::ff::PrimeField;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::group::{Group, ScalarOf};
use crate::group::Point;
use crate::party::PartyIndex;
use crate::transcript::{self, ECDH_CHALLENGE};

/// What is proven: the logarithms of `public` to the generator and of `answer` to `peer` are equal.
pub(super) struct Claim<'a, G: Group> {
    /// Hash of the request.
    pub(super) context: &'a [u8; 32],
    /// The node that answers.
    pub(super) party: PartyIndex,
    /// Its verification share, V.
    pub(super) public: &'a G::Point,
    /// The peer's point, P.
    pub(super) peer: &'a G::Point,
    /// The answer, R.
    pub(super) answer: &'a G::Point,
}

/// Challenge and response, c and z.
pub(super) struct Proof<G: Group> {
    pub(super) challenge: ScalarOf<G>,
    pub(super) response: ScalarOf<G>,
}

impl<G: Group> Claim<'_, G> {
    /// Proves the claim with the share itself, in constant time.
    pub(super) fn prove(&self, share: &ScalarOf<G>, rng: &mut dyn CryptoRngCore) -> Proof<G> {
        let mut wide = Zeroizing::new(alloc::vec![0; G::WIDE_BYTES]);
        rng.fill_bytes(&mut wide);
        let nonce = Zeroizing::new(G::reduce_wide(&wide));
        let challenge = self.challenge(&G::Point::mul_base(&nonce), &self.peer.mul(&nonce));
        Proof { challenge, response: *nonce - challenge * share }
    }

    /// Whether `proof` shows the claim. Public values only.
    pub(super) fn verify(&self, proof: &Proof<G>) -> bool {
        let (c, z) = (&proof.challenge, &proof.response);
        let base = G::Point::mul_base(z).add(&self.public.mul(c));
        let peer = self.peer.mul(z).add(&self.answer.mul(c));
        self.challenge(&base, &peer) == *c
    }

    fn challenge(&self, base: &G::Point, peer: &G::Point) -> ScalarOf<G> {
        let points = [self.public, self.peer, self.answer, base, peer].map(Point::encode);
        let [public, point, answer, base, peer] = &points;
        let party = self.party.to_bytes();
        let mut wide = alloc::vec![0; G::WIDE_BYTES];
        let parts: [&[u8]; 7] = [self.context, &party, public, point, answer, base, peer];
        transcript::expand(ECDH_CHALLENGE, &parts, &mut wide);
        G::reduce_wide(&wide)
    }
}

impl<G: Group> Proof<G> {
    /// c and z in the group's encoding.
    pub(super) fn encode(&self) -> [<ScalarOf<G> as PrimeField>::Repr; 2] {
        [self.challenge.to_repr(), self.response.to_repr()]
    }
}
