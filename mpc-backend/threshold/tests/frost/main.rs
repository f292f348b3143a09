//! FROST over every scheme that we sign with: honest runs under an independent verifier, RFC 9591's vectors,
//! `frost-core` as a peer, and one lie for each check.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod lies;
mod scheme;
mod vectors;

use std::collections::BTreeMap;

use frost_core::keys::{KeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{Nonce, SigningCommitments, SigningNonces};
use frost_core::{Identifier, SigningPackage, VerifyingKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use threshold::ecdsa::Pairs;
use threshold::fault::Checks;
use threshold::frost::{Message, Nonces, PartialSignature, Schnorr, answer, combine};
use threshold::group::{P256, Point as _};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::sim::frost::{Dealt, respond, stored_form};
use threshold::sim::{Cluster, duplicate_pairs};

use crate::scheme::{Scheme, on_each_scheme};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

fn set(members: &[u8]) -> SignerSet {
    SignerSet::new(members.iter().copied().map(party)).unwrap()
}

/// A dealt key, and the pair set-ups between all parties.
struct World<S: Schnorr> {
    key: Dealt<S>,
    pairs: BTreeMap<PartyIndex, Pairs>,
}

impl<S: Scheme> World<S> {
    fn new(needed: u8, parties: u8) -> Self {
        let threshold = Threshold::new(needed, parties).unwrap();
        let cluster = Cluster::<P256>::new(threshold, &mut rng(1));
        let pairs = cluster.parties.iter().map(|(party, own)| (*party, duplicate_pairs(&own.pairs)));
        Self { key: Dealt::new(threshold, &mut rng(2)), pairs: pairs.collect() }
    }

    /// Nonces of honest signers.
    fn nonces(&self, signers: &SignerSet, seed: u64) -> BTreeMap<PartyIndex, Nonces<S>> {
        let honest = (None, Checks::all());
        let made = self.key.nonces(signers, &self.pairs, honest, &mut |_, _, _| (), &mut rng(seed));
        made.unwrap_or_else(|(who, fault)| panic!("{who:?}: {fault}"))
    }

    /// Answers of honest signers.
    fn answers(
        &self,
        nonces: BTreeMap<PartyIndex, Nonces<S>>,
        request: &threshold::frost::OnlineRequest<S>,
    ) -> Vec<(PartyIndex, PartialSignature<S>)> {
        nonces.into_iter().map(|(me, own)| (me, answer(own, &self.pairs[&me], request).unwrap())).collect()
    }
}

on_each_scheme! {
    every_signer_set_signs_every_variant,
    answers_without_a_context_are_those_of_frost_core,
}

fn every_signer_set_signs_every_variant<S: Scheme>() {
    for (needed, parties, sets) in
        [(2, 3, vec![vec![1, 2], vec![1, 3], vec![2, 3]]), (3, 5, vec![vec![1, 2, 3], vec![2, 4, 5]])]
    {
        let world = World::<S>::new(needed, parties);
        for (seed, members) in (10..).zip(sets) {
            let signers = set(&members);
            for (parameter, message) in S::messages() {
                let request = world.key.request(&signers, &parameter, &message);
                let answers = world.answers(world.nonces(&signers, seed), &request);
                assert_eq!(answers[0].1.encode().len(), PartialSignature::<S>::bytes(members.len()));
                let signature = combine(&answers, &request, &world.key.commitments).unwrap();
                assert!(S::verifies(&world.key.public_key.encode(), &parameter, &message, &signature));
                assert!(!S::verifies(&world.key.public_key.encode(), &parameter, &[9; 64], &signature));
            }
        }
    }
}

/// The peer gets our share and nonces, and must answer as we do.
fn answers_without_a_context_are_those_of_frost_core<S: Scheme>() {
    let mut world = World::<S>::new(3, 5);
    let identifier = |party: PartyIndex| Identifier::<S::Frost>::try_from(u16::from(party.get())).unwrap();
    for (seed, members) in [(1, [1, 2, 3]), (2, [2, 4, 5]), (3, [1, 3, 5]), (4, [2, 3, 4])] {
        let (signers, message) = (set(&members), S::plain_message(seed));
        world.key = Dealt::new(world.key.threshold, &mut rng(seed));
        let all = world.nonces(&signers, seed);
        let peers: BTreeMap<_, _> = all
            .iter()
            .map(|(party, own)| {
                let bytes = stored_form(own);
                let (hiding, binding) = bytes.split_at(S::SCALAR_BYTES);
                let nonce = |bytes| Nonce::<S::Frost>::deserialize(bytes).unwrap();
                (identifier(*party), SigningNonces::from_nonces(nonce(hiding), nonce(binding)))
            })
            .collect();
        let commitments = peers.iter().map(|(id, nonces)| (*id, SigningCommitments::from(nonces))).collect();
        let package = SigningPackage::new(commitments, &message);
        for (party, own) in &all {
            let share = S::encode(world.key.shares[party].expose());
            let share = SigningShare::<S::Frost>::deserialize(&share).unwrap();
            let public = VerifyingKey::deserialize(&world.key.public_key.encode()).unwrap();
            let id = identifier(*party);
            let key = KeyPackage::new(id, share, VerifyingShare::from(share), public, 3);
            let theirs = frost_core::round2::sign(&package, &peers[&id], &key).unwrap();
            let (_, ours) = respond(own, Message { parameter: &[], bytes: &message }).unwrap();
            assert_eq!(S::encode(&ours), theirs.serialize(), "{members:?}");
        }
    }
}
