//! In-memory runs of a whole cluster with at most one liar. For tests only (feature `sim`).
//!
//! A dealer stands in for key generation; everything else is the shipped code. Lies that need
//! more than altered bytes are in [`Lie`].

pub mod fields;
pub mod frost;
mod lies;
mod memory;
mod probe;
pub mod rsa;
mod run;
pub mod secrets;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use elliptic_curve::ff::Field;
use rand_core::CryptoRngCore;

pub use self::lies::Lie;
pub use self::memory::{Held, InFlight, Memory, mask_parts};
pub use self::probe::Prober;
pub use self::run::{Outcome, combine, pair_up, presign, presign_watched};
pub use crate::dkg::of_keygen;
use crate::ecdsa::presign::zero_part;
pub use crate::ecdsa::setup::of_setup;
use crate::ecdsa::{
    BootId, OnlineRequest, Pairs, PartialSignature, PresignContext, Presignature, SetupContext, answer,
};
use crate::fault::{Checks, Error};
use crate::group::{Curve, Point};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::secret::Secret;
use crate::sharing::evaluate;
use crate::transcript::{ONLINE_U, ONLINE_W};

/// Cluster id of every simulated cluster.
pub const CLUSTER_ID: [u8; 32] = [0xc1; 32];
/// Key id of the dealt key.
pub const KEY_ID: [u8; 16] = [0x4e; 16];
/// The client of every simulated request.
pub const CLIENT: [u8; 32] = [0xa9; 32];

/// One party's secrets.
pub struct Party<C: Curve> {
    /// Shamir share of the key.
    pub share: Secret<C::Scalar>,
    /// Pair set-ups with every other party.
    pub pairs: Pairs,
}

/// All parties of a cluster.
pub struct Cluster<C: Curve> {
    /// T-of-N.
    pub threshold: Threshold,
    /// Q.
    pub public_key: C::Point,
    /// sk: no real cluster has it anywhere.
    pub secret_key: C::Scalar,
    /// By position.
    pub parties: BTreeMap<PartyIndex, Party<C>>,
}

/// A key as a dealer knows it.
pub struct Dealt<C: Curve> {
    /// sk.
    pub secret_key: C::Scalar,
    /// Q.
    pub public_key: C::Point,
    /// Shamir shares of sk, by position.
    pub shares: BTreeMap<PartyIndex, Secret<C::Scalar>>,
}

/// Deals a fresh key.
pub fn deal<C: Curve>(threshold: Threshold, mut rng: &mut dyn CryptoRngCore) -> Dealt<C> {
    let coefficients: Vec<C::Scalar> = (0..threshold.needed()).map(|_| C::Scalar::random(&mut rng)).collect();
    let secret_key = coefficients.first().copied().expect("a threshold is at least 2");
    let share = |party| (party, Secret::new(evaluate(&coefficients, party)));
    let shares = threshold.all().iter().map(share).collect();
    Dealt { secret_key, public_key: C::Point::mul_base(&secret_key), shares }
}

/// Boot id of a party in simulations.
pub fn boot_id(party: PartyIndex) -> BootId {
    [party.get(); 16]
}

/// What `me` knows when it pairs up with `peer`.
pub fn setup_context(me: PartyIndex, peer: PartyIndex, checks: Checks) -> SetupContext {
    SetupContext {
        cluster_id: CLUSTER_ID,
        epoch: 1,
        me,
        peer,
        my_boot: boot_id(me),
        peer_boot: boot_id(peer),
        checks,
    }
}

impl<C: Curve> Cluster<C> {
    /// A dealt key, and a pair set-up between every two parties.
    pub fn new(threshold: Threshold, rng: &mut dyn CryptoRngCore) -> Self {
        let Dealt { secret_key, public_key, shares } = deal::<C>(threshold, rng);
        let mut parties: BTreeMap<PartyIndex, Party<C>> =
            shares.into_iter().map(|(party, share)| (party, Party { share, pairs: Pairs::new() })).collect();
        let all = threshold.all();
        for low in all.iter() {
            for high in all.iter().filter(|high| low < *high) {
                let (of_low, of_high) = pair_up(low, high, Checks::all(), &mut |_, _| {}, rng);
                for (party, pair) in [(low, of_low), (high, of_high)] {
                    let pair = pair.expect("nobody lied");
                    parties.get_mut(&party).expect("every party was dealt a share").pairs.insert(pair);
                }
            }
        }
        Self { threshold, public_key, secret_key, parties }
    }

    /// What `me` knows when presignature `number` of `signers` begins.
    pub fn presign_context(
        &self,
        signers: &SignerSet,
        me: PartyIndex,
        number: u64,
        checks: Checks,
    ) -> PresignContext<C> {
        PresignContext {
            cluster_id: CLUSTER_ID,
            key_id: KEY_ID,
            epoch: 1,
            public_key: self.public_key.clone(),
            threshold: self.threshold,
            signers: signers.clone(),
            me,
            boot_ids: signers.iter().map(|party| (party, boot_id(party))).collect(),
            block_id: [0xb1; 16],
            client: CLIENT,
            number,
            witness: None,
            checks,
        }
    }

    /// The client's request to `signers`.
    pub fn request(&self, signers: &SignerSet, digest: &[u8], request_nonce: [u8; 32]) -> OnlineRequest<C> {
        OnlineRequest {
            cluster_id: CLUSTER_ID,
            key_id: KEY_ID,
            epoch: 1,
            public_key: self.public_key.clone(),
            signers: signers.clone(),
            client: CLIENT,
            mechanism: 0x1041,
            digest: digest.to_vec(),
            request_nonce,
        }
    }
}

/// Uses up extension numbers of `party`, as `count` more sessions with each peer would.
pub fn skip_numbers<C: Curve>(party: &mut Party<C>, count: u64) {
    party.pairs.iter_mut().for_each(|pair| pair.bob.skip_numbers(count));
}

/// Lets `party` repeat its side of one OT session towards every peer: the same extension number, the
/// same choices.
pub fn repeat_ot_sessions<C: Curve>(party: &mut Party<C>) {
    party.pairs.iter_mut().for_each(|pair| pair.bob.repeat_sessions());
}

/// The copy that the shipped code cannot make: a live clone of a node's memory.
pub fn duplicate<C: Curve>(presignature: &Presignature<C>) -> Presignature<C> {
    let copy = |secret: &Secret<C::Scalar>| Secret::new(*secret.expose());
    Presignature {
        id: presignature.id,
        session: presignature.session.duplicate(),
        nonce_point: presignature.nonce_point.clone(),
        mask: copy(&presignature.mask),
        masked_nonce: copy(&presignature.masked_nonce),
        masked_key: copy(&presignature.masked_key),
    }
}

/// Copies of all pair set-ups of a party, as they were before their first session. A simulation that makes
/// thousands of clusters makes their pairs once.
pub fn duplicate_pairs(pairs: &Pairs) -> Pairs {
    let mut copies = Pairs::new();
    pairs.iter().for_each(|pair| drop(copies.insert(pair.duplicate())));
    copies
}

/// The bytes that the shipped code cannot make: a presignature's secrets as a careless node would store them.
pub fn stored_form<C: Curve>(presignature: &Presignature<C>) -> Vec<u8> {
    let mut writer = crate::codec::Writer::with_capacity(3 * C::SCALAR_BYTES);
    for secret in [&presignature.mask, &presignature.masked_nonce, &presignature.masked_key] {
        writer.scalar::<C>(secret.expose());
    }
    writer.finish()
}

/// An answer without its zero-shares (nonce rule R9).
///
/// # Errors
/// As [`crate::ecdsa::answer`].
pub fn unmasked<C: Curve>(
    presignature: Presignature<C>,
    pairs: &Pairs,
    request: &OnlineRequest<C>,
) -> Result<PartialSignature<C>, Error> {
    let (me, peers) = (presignature.session.context.me, presignature.session.pair_ids.clone());
    let mut answer = answer(presignature, pairs, request)?;
    for pair in peers.keys().filter_map(|peer| pairs.get(*peer)) {
        let mask = |tag, key| zero_part::<C>(tag, me, pair.peer, key, &answer.context);
        let (u, w) = (mask(ONLINE_U, &pair.online_u), mask(ONLINE_W, &pair.online_w));
        answer.u -= u;
        answer.w -= w;
    }
    Ok(answer)
}

/// Sums of a presignature's shares over all signers.
pub struct Sums<C: Curve> {
    /// phi.
    pub mask: C::Scalar,
    /// r phi.
    pub masked_nonce: C::Scalar,
    /// sk phi.
    pub masked_key: C::Scalar,
}

impl<C: Curve> Sums<C> {
    /// r phi G.
    pub fn masked_nonce_point(&self) -> C::Point {
        C::Point::mul_base(&self.masked_nonce)
    }
}

/// Adds the shares of all signers.
pub fn sums<'a, C: Curve>(presignatures: impl Iterator<Item = &'a Presignature<C>> + Clone) -> Sums<C> {
    Sums {
        mask: presignatures.clone().map(|one| *one.mask.expose()).sum(),
        masked_nonce: presignatures.clone().map(|one| *one.masked_nonce.expose()).sum(),
        masked_key: presignatures.map(|one| *one.masked_key.expose()).sum(),
    }
}

/// u and w of an answer, for solvers.
pub fn values<C: Curve>(answer: &crate::ecdsa::PartialSignature<C>) -> (C::Scalar, C::Scalar) {
    (answer.u, answer.w)
}

/// delta and r of a request answered with a presignature, for solvers.
///
/// # Panics
/// When the shifted nonce point is unusable (chance 2^-kappa).
pub fn shift<C: Curve>(
    answer: &crate::ecdsa::PartialSignature<C>,
    request: &OnlineRequest<C>,
) -> (C::Scalar, C::Scalar) {
    let context = request.context(&answer.presignature, &answer.nonce_point);
    let shifted = crate::ecdsa::online::Shifted::<C>::new(&answer.nonce_point, &context)
        .expect("an unusable nonce point has chance 2^-kappa");
    (shifted.delta, shifted.r)
}
