//! Slow and lying nodes: T-1 of them cost retries and a bound, never the signature.

use std::sync::Arc;
use std::time::{Duration, Instant};

use client::ClusterClient;
use proto::client::v1::{request, response};

use crate::fake::{Deed, Fake};
use crate::sign::verify;
use crate::{key_pair, log_in, sign};

const DEADLINE: Duration = Duration::from_secs(20);

fn ready(fake: Fake) -> (Fake, Arc<ClusterClient>) {
    let client = fake.client_with(DEADLINE);
    log_in(&client);
    (fake, client)
}

/// Every choice of T - 1 nodes.
fn minorities(fake: &Fake) -> Vec<Vec<u8>> {
    let nodes = fake.manifest.nodes.len();
    (0_u32..1 << nodes)
        .filter(|mask| mask.count_ones() as u8 == fake.manifest.threshold - 1)
        .map(|mask| (1..=nodes as u8).filter(|node| mask >> (node - 1) & 1 == 1).collect())
        .collect()
}

/// Signs with each choice of T - 1 nodes that behave as told; the calls that follow as well.
fn signs_past(fake: Fake, deed: fn() -> Deed) {
    let (fake, client) = ready(fake);
    for bad in minorities(&fake) {
        let pair = key_pair(&client);
        for node in &bad {
            fake.script(*node, move |op| matches!(op, request::Op::Sign(_)).then(deed));
        }
        for _ in 0..2 {
            let start = Instant::now();
            verify(&pair, &sign(&client, pair.private.id).unwrap());
            assert!(start.elapsed() < DEADLINE);
        }
        bad.iter().for_each(|node| fake.behave(*node));
    }
}

/// Decodes and is signed, and is wrong.
fn wrong_partial() -> Deed {
    Deed::Perjure(|partial| *partial.last_mut().unwrap() ^= 1)
}

/// Not signed by the node.
fn wrong_signature() -> Deed {
    Deed::Lie(|result| {
        if let response::Result::Sign(reply) = result {
            *reply.partial.last_mut().unwrap() ^= 1;
            reply.node_signature[0] ^= 1;
        }
    })
}

#[test]
fn one_liar_of_three_costs_retries_only() {
    signs_past(Fake::start(), wrong_partial);
    signs_past(Fake::start(), wrong_signature);
}

#[test]
fn two_liars_of_five_leave_one_honest_set_and_it_is_found() {
    signs_past(Fake::of_five(), wrong_partial);
    signs_past(Fake::of_five(), wrong_signature);
}

#[test]
fn one_silent_node_of_three_is_overtaken() {
    signs_past(Fake::start(), || Deed::Hang);
    signs_past(Fake::start(), || Deed::Drip);
}

#[test]
fn two_silent_nodes_of_five_are_overtaken() {
    signs_past(Fake::of_five(), || Deed::Hang);
}

#[test]
fn set_that_signed_past_liars_is_kept() {
    let (fake, client) = ready(Fake::of_five());
    let pair = key_pair(&client);
    fake.script(2, |op| matches!(op, request::Op::Sign(_)).then(wrong_partial));
    // Two equal errors may cancel each other out.
    fake.script(4, |op| {
        let wrong = |partial: &mut Vec<u8>| *partial.last_mut().unwrap() ^= 2;
        matches!(op, request::Op::Sign(_)).then_some(Deed::Perjure(wrong))
    });
    verify(&pair, &sign(&client, pair.private.id).unwrap());
    let before = fake.count("sign");
    verify(&pair, &sign(&client, pair.private.id).unwrap());
    assert_eq!(fake.count("sign"), before + 3, "the liars are not asked again");
}

#[test]
fn slow_node_serves_again_once_it_has_answered() {
    let (fake, client) = ready(Fake::start());
    let pair = key_pair(&client);
    verify(&pair, &sign(&client, pair.private.id).unwrap());
    let world = fake.world.clone();
    let asked = move |node: u8| world.lock().unwrap().seen.contains(&(node, "sign"));
    let (member, other) = (1..=3).partition::<Vec<u8>, _>(|node| asked(*node));
    fake.script(member[0], |op| matches!(op, request::Op::Sign(_)).then_some(Deed::Delay(700)));
    verify(&pair, &sign(&client, pair.private.id).unwrap());
    assert!(asked(other[0]), "another set has signed");
    fake.behave(member[0]);
    fake.world.lock().unwrap().seen.clear();
    let start = Instant::now();
    while !asked(member[0]) {
        assert!(start.elapsed() < DEADLINE);
        verify(&pair, &sign(&client, pair.private.id).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn threads_sign_past_a_silent_node() {
    let (fake, client) = ready(Fake::start());
    let pair = key_pair(&client);
    for _ in 0..3 {
        sign(&client, pair.private.id).unwrap();
    }
    fake.script(2, |op| matches!(op, request::Op::Sign(_)).then_some(Deed::Hang));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    verify(&pair, &sign(&client, pair.private.id).unwrap());
                }
            });
        }
    });
}
