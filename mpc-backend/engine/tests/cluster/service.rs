//! What a healthy cluster does, and that a seed repeats it.

use crate::sim::{Shape, Sim, TWO_OF_THREE};
use crate::user::{Key, User, key_attributes};

/// A cluster with an initialised token, a logged-in user and one key.
pub fn ready(seed: u64) -> (Sim, User, Key) {
    ready_in(TWO_OF_THREE, seed)
}

/// The same, of any shape.
pub fn ready_in(shape: Shape, seed: u64) -> (Sim, User, Key) {
    ready_on(Sim::of(shape, seed))
}

/// The same, on a cluster that runs.
pub fn ready_on(mut sim: Sim) -> (Sim, User, Key) {
    assert!(sim.nodes.iter().all(|node| node.serving && node.voting));
    let mut user = User::new(50, 7);
    user.enrol(&mut sim);
    user.set_up_token(&mut sim);
    user.login(&mut sim);
    let key = user.generate_key(&mut sim, 1, [1; 16], &key_attributes(true)).unwrap();
    (sim, user, key)
}

#[test]
fn every_signer_set_signs() {
    let (mut sim, mut user, key) = ready(1);
    for signers in [[1, 2], [1, 3], [2, 3]] {
        for digest in [&[5; 32][..], &[6; 20], &[7; 64]] {
            assert_eq!(user.sign(&mut sim, &key, signers, digest).unwrap().len(), 64);
        }
    }
    assert_eq!(sim.node(1).engine.as_ref().unwrap().counters().signatures, 6);
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
