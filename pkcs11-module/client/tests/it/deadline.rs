//! Deadlines hold whatever nodes do, and nodes that do nothing do not stop the others.

use std::time::{Duration, Instant};

use token::backend::{Backend, BackendError};

use crate::fake::{Deed, Fake};

fn fails_in_time(fake: &Fake, limit: Duration) {
    let start = Instant::now();
    let answer = fake.client_with(limit).tokens();
    assert!(matches!(answer, Err(BackendError::Unavailable(_))), "{answer:?}");
    assert!(start.elapsed() < limit + Duration::from_millis(400), "{:?}", start.elapsed());
}

#[test]
fn nodes_that_never_answer_end_at_the_deadline() {
    let fake = Fake::start();
    for node in 1..=3 {
        fake.script(node, |_| Some(Deed::Hang));
    }
    fails_in_time(&fake, Duration::from_millis(600));
}

#[test]
fn nodes_that_drip_bytes_end_at_the_deadline() {
    let fake = Fake::start();
    for node in 1..=3 {
        fake.script(node, |_| Some(Deed::Drip));
    }
    fails_in_time(&fake, Duration::from_millis(600));
}

#[test]
fn one_silent_node_costs_a_part_of_the_deadline_once() {
    let fake = Fake::start();
    for silent in 1..=3 {
        fake.script(silent, |_| Some(Deed::Hang));
        let client = fake.client();
        assert_eq!(client.tokens().unwrap().len(), 1, "node {silent} is silent");
        let start = Instant::now();
        client.random(&mut [0; 16]).unwrap();
        assert!(start.elapsed() < Duration::from_millis(300), "the silent node is remembered");
        fake.behave(silent);
    }
}

#[test]
fn too_few_nodes_are_an_answer_at_once_and_recovery_needs_nothing() {
    let fake = Fake::start();
    let client = fake.client_with(Duration::from_secs(5));
    fake.stop(1);
    fake.stop(3);
    let start = Instant::now();
    let Err(BackendError::Unavailable(text)) = client.tokens() else { panic!("two nodes are down") };
    assert!(text.contains("node 1") && text.contains("node 3") && !text.contains("node 2:"), "{text}");
    assert!(start.elapsed() < Duration::from_millis(500));
    fake.restart(3);
    assert_eq!(client.tokens().unwrap().len(), 1);
}
