//! Crashes and bad networks: a key is on all nodes or on none, and no nonce is seen twice.

use proto::client::v1::Code;

use crate::service::ready;
use crate::sim::{NODES, Sim};
use crate::user::{Key, User, key_attributes};

/// Whether each node holds a share that serves.
fn shares(sim: &Sim, id: [u8; 16]) -> Vec<bool> {
    let place = ("share".to_owned(), id.to_vec());
    // Format, then the registry index from which on the share serves.
    let active = |value: &Vec<u8>| value[4..12] != [0; 8];
    sim.nodes.iter().map(|node| node.store.get(&place).is_some_and(active)).collect()
}

fn recover(sim: &mut Sim, user: &mut User, node: u8) {
    if sim.node(node).engine.is_none() {
        sim.start(node);
    }
    sim.run(40_000);
    user.connect(sim);
    user.login(sim);
}

/// Node `victim` loses all that is not durable after each of its effects in turn.
fn crash_at_every_effect(victim: u8, seed: u64) {
    let (mut sim, mut user, _) = ready(seed);
    let (mut recorded, mut lost) = (0, 0);
    for step in 0..200u32 {
        let mut id = [0xee; 16];
        id[0] = step as u8;
        sim.crashed = false;
        sim.crash_after = Some((victim, step));
        let outcome = user.generate_key(&mut sim, 1, id, &key_attributes(true));
        let crashed = std::mem::take(&mut sim.crashed);
        sim.crash_after = None;
        recover(&mut sim, &mut user, victim);
        let exists: Vec<bool> = (1..=NODES)
            .map(|node| sim.node(node).engine.as_ref().unwrap().registry().key(&id).is_some())
            .collect();
        assert_eq!(exists, vec![exists[0]; 3], "step {step}: registries differ");
        assert_eq!(shares(&sim, id), exists, "step {step}: shares and records differ");
        if exists[0] {
            recorded += 1;
        } else {
            lost += 1;
            assert!(outcome.is_err());
        }
        if !crashed {
            assert!(lost > 3 && recorded > 0 && outcome.is_ok(), "step {step}: {lost} {recorded}");
            let key = outcome.unwrap();
            assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
            return;
        }
    }
    panic!("generation has more effects than the test has steps");
}

#[test]
fn a_key_is_on_all_nodes_or_none_when_a_member_crashes() {
    crash_at_every_effect(2, 40);
}

#[test]
fn a_key_is_on_all_nodes_or_none_when_the_coordinator_crashes() {
    crash_at_every_effect(1, 41);
}

fn sign_with_retries(sim: &mut Sim, user: &mut User, key: &Key, signers: [u8; 2]) -> u32 {
    for tries in 1..=20 {
        match user.sign(sim, key, signers, &[tries as u8; 32]) {
            Ok(_) => return tries,
            Err(error) => {
                let fair = [Code::Unavailable, Code::PresignatureGone, Code::DeadlineExceeded];
                assert!(fair.contains(&error.code()), "{error:?}");
                sim.run(500);
            }
        }
    }
    panic!("20 tries were not enough");
}

#[test]
fn slow_breaking_and_repeating_networks_cost_retries_only() {
    for seed in 50..54 {
        let (mut sim, mut user, key) = ready(seed);
        (sim.delay_max_ms, sim.duplicates, sim.breaks) = (40, true, 30);
        for signers in [[1, 2], [2, 3], [1, 3], [1, 2]] {
            sign_with_retries(&mut sim, &mut user, &key, signers);
        }
        assert_eq!(sim.ledger.violations, Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn nodes_restart_under_load_without_a_nonce_twice() {
    let (mut sim, mut user, key) = ready(60);
    for round in 0..6u8 {
        let victim = 1 + round % NODES;
        sign_with_retries(&mut sim, &mut user, &key, [1, 2]);
        user.lease(&mut sim, &key, [1, 3]).unwrap();
        sim.stop(victim);
        sim.run(u64::from(round) * 100);
        recover(&mut sim, &mut user, victim);
        sign_with_retries(&mut sim, &mut user, &key, [2, 3]);
    }
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}
