//! Keys made by OpenSSL's command, split, and used by every quorum; and every lie.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod generate;
mod lies;
mod openssl;
mod padding;
mod quorums;
mod rejection;

use std::sync::OnceLock;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use openssl::OpensslKey;
use threshold::fault::{Checks, Error, Fault, Misuse, Rule};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::rsa::combine::combine;
use threshold::rsa::encode::Block;
use threshold::rsa::import::{PrivateKey, split};
use threshold::rsa::{Hash, KeyShare, Partial, Proof, PublicKey, Stored, Values};
use threshold::sharing::replicated::Pieces;

fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// One key of 2048 bits for all tests that do not need their own.
fn key() -> &'static OpensslKey {
    static KEY: OnceLock<OpensslKey> = OnceLock::new();
    KEY.get_or_init(|| OpensslKey::generate(2048))
}

/// Partials cannot be cloned; on the wire they can be copied.
fn copy(partial: &Partial) -> Partial {
    Partial::from_bytes(partial.as_bytes())
}

fn copies(partials: &[(PartyIndex, Partial)]) -> Vec<(PartyIndex, Partial)> {
    partials.iter().map(|(party, partial)| (*party, copy(partial))).collect()
}

/// A split key.
struct Dealt {
    public: PublicKey,
    layout: Pieces,
    shares: Vec<KeyShare>,
    values: Values,
}

impl Dealt {
    fn new(key: &OpensslKey, needed: u8) -> Self {
        let public = PublicKey::new(&key.n, key.e).unwrap();
        let layout = Pieces::new(Threshold::new(needed, 2 * needed - 1).unwrap()).unwrap();
        let private = PrivateKey { exponent: &key.d, primes: Some([&key.p, &key.q]) };
        let (dealt, values) = split(&public, &private, &layout, &mut rng(1)).unwrap();
        let accept = |(party, share): (PartyIndex, &KeyShare)| {
            KeyShare::accept(&public, &layout, party, &share.encode(), &values, Checks::all()).unwrap()
        };
        let shares = layout.threshold().all().iter().zip(&dealt).map(accept).collect();
        Self { public, layout, shares, values }
    }

    /// Every set of T parties.
    fn quorums(&self) -> Vec<SignerSet> {
        let threshold = self.layout.threshold();
        let member =
            |mask: u32| (1..=threshold.parties()).filter(move |index| mask >> index & 1 == 1).map(party);
        (0..2_u32 << threshold.parties())
            .filter(|mask| mask & 1 == 0 && mask.count_ones() == u32::from(threshold.needed()))
            .map(|mask| SignerSet::new(member(mask)).unwrap())
            .collect()
    }

    fn share(&self, party: PartyIndex) -> &KeyShare {
        &self.shares[usize::from(party.get()) - 1]
    }

    fn partials(&self, block: &Block, set: &SignerSet) -> Vec<(PartyIndex, Partial)> {
        let partial = |party| (party, self.share(party).partial(&self.public, block, set).unwrap());
        set.iter().map(partial).collect()
    }

    fn result(&self, block: &Block, set: &SignerSet) -> Vec<u8> {
        combine(&self.public, block, set, &self.partials(block, set), Checks::all()).unwrap().to_vec()
    }
}
