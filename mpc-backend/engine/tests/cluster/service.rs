//! What a healthy cluster does, and that a seed repeats it.

use threshold::signing::SigningScheme;

use crate::curves::{key_attributes_on, scheme_of_seed, verifies};
use crate::sim::{Sim, TWO_OF_THREE};
use crate::user::{Key, User};

/// A cluster with an initialised token, a logged-in user and one key.
/// The seed chooses the key's curve and scheme.
pub fn ready(seed: u64) -> (Sim, User, Key) {
    ready_on(Sim::of(TWO_OF_THREE, seed), scheme_of_seed(seed))
}

/// The same, on a cluster that runs.
pub fn ready_on(mut sim: Sim, scheme: SigningScheme) -> (Sim, User, Key) {
    assert!(sim.nodes.iter().all(|node| node.serving && node.voting));
    let mut user = User::new(50, 7);
    user.enrol_as(&mut sim, "client");
    user.set_up_token(&mut sim);
    user.login(&mut sim);
    let attributes = key_attributes_on(scheme.curve(), true);
    let key = user.generate_key(&mut sim, 1, [1; 16], &attributes).unwrap().by(scheme);
    (sim, user, key)
}

#[test]
fn every_signer_set_signs() {
    for (seed, scheme) in (1..).zip(SigningScheme::ALL) {
        let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, seed), scheme);
        for signers in [[1, 2], [1, 3], [2, 3]] {
            // Shorter than the order, as long, and longer.
            for length in [1, 20, 24, 32, 48, 64] {
                let digest: Vec<u8> = (1..=length).collect();
                let signature = user.sign(&mut sim, &key, signers, &digest).unwrap();
                let whole = as_the_crates_want_it(scheme, digest);
                assert!(verifies(scheme, &key.birth.public_key, &whole, &signature), "{length}: {scheme:?}");
            }
        }
        assert_eq!(sim.node(1).engine.as_ref().unwrap().counters().signatures, 12);
        assert_eq!(sim.ledger.violations, Vec::<String>::new());
    }
}

/// A digest as long as the order: leftmost bytes, or zeros before it. A message is what it is.
fn as_the_crates_want_it(scheme: SigningScheme, digest: Vec<u8>) -> Vec<u8> {
    if scheme.signs_messages() {
        return digest;
    }
    let order = scheme.curve().group().scalar_bytes();
    let zeros = order.saturating_sub(digest.len());
    std::iter::repeat_n(0, zeros).chain(digest).take(order).collect()
}

#[test]
fn one_seed_is_one_execution() {
    let run = |seed| {
        let (mut sim, mut user, key) = ready(seed);
        let signature = user.sign(&mut sim, &key, [1, 2], &[5; 32]).unwrap();
        (sim.trace_hash(), signature)
    };
    assert_eq!(run(2), run(2));
    assert_ne!(run(2), run(3));
}
