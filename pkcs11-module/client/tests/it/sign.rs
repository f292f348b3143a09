//! Signatures: real presignatures, verified by an independent implementation.

use std::time::{Duration, Instant};

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use proto::client::v1::{Code, request, response};
use token::backend::{Backend, BackendError, GeneratedPair, Role};

use crate::fake::{Deed, Fake};
use crate::{PIN, TOKEN, data_object, key_pair, ready, sign};

pub fn verify(pair: &GeneratedPair, signature: &[u8]) {
    // The point is the end of CKA_PUBLIC_KEY_INFO.
    let spki = &pair.private.attributes[&0x129];
    let key = VerifyingKey::from_sec1_bytes(&spki[spki.len() - 65..]).unwrap();
    key.verify_prehash(&[7; 32], &Signature::from_slice(signature).unwrap()).unwrap();
}

#[test]
fn warm_signature_is_one_request_to_each_of_t_nodes() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    verify(&pair, &sign(&client, pair.private.id).unwrap());
    let (leases, signs) = (fake.count("lease"), fake.count("sign"));
    for _ in 0..3 {
        verify(&pair, &sign(&client, pair.private.id).unwrap());
    }
    assert_eq!((fake.count("lease"), fake.count("sign")), (leases, signs + 6));
}

#[test]
fn presignature_that_is_gone_costs_a_retry_with_another() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    sign(&client, pair.private.id).unwrap();
    for node in 1..=3 {
        let mut first = true;
        fake.script(node, move |op| {
            let gone = matches!(op, request::Op::Sign(_)) && std::mem::take(&mut first);
            gone.then_some(Deed::Refuse(Code::PresignatureGone))
        });
    }
    // The world fails the test if an id reaches a node twice.
    verify(&pair, &sign(&client, pair.private.id).unwrap());
}

#[test]
fn sets_with_a_member_that_others_miss_are_left() {
    let (fake, client) = ready();
    for missing in 1..=3 {
        // A new key has no presignatures: every set must ask for a lease.
        let pair = key_pair(&client);
        for node in 1..=3 {
            fake.script(node, move |op| match op {
                request::Op::Lease(lease) if lease.signers.contains(&missing) => {
                    Some(Deed::Miss(vec![missing]))
                }
                _ => None,
            });
        }
        let leases = fake.count("lease");
        verify(&pair, &sign(&client, pair.private.id).unwrap());
        assert!(fake.count("lease") <= leases + 3, "each set is asked once");
        (1..=3).for_each(|node| fake.behave(node));
    }
}

/// The one node that is left misses the others, and so does the client: nobody waits for the deadline.
#[test]
fn without_t_nodes_it_ends_at_once() {
    let (fake, client) = ready();
    let key = key_pair(&client).private.id;
    let patient = fake.client_with(LONG);
    patient.tokens().unwrap();
    patient.login(TOKEN, Role::User, PIN).unwrap();
    sign(&patient, key).unwrap();
    let misses = |op: &request::Op| {
        matches!(op, request::Op::Lease(_) | request::Op::Propose(_)).then_some(Deed::Miss(vec![2, 3]))
    };
    fake.script(1, misses);
    fake.stop(2);
    fake.stop(3);
    let begun = Instant::now();
    for _ in 0..2 {
        assert!(matches!(sign(&patient, key), Err(BackendError::Unavailable(_))));
        let created = patient.create_object(TOKEN, data_object("a"));
        assert!(matches!(created, Err(BackendError::Unavailable(_))));
    }
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    fake.behave(1);
    fake.restart(2);
    fake.restart(3);
    sign(&patient, key).unwrap();
}

#[test]
fn lost_node_is_replaced_within_the_call() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    for lost in 1..=3 {
        sign(&client, pair.private.id).unwrap();
        fake.stop(lost);
        verify(&pair, &sign(&client, pair.private.id).unwrap());
        fake.restart(lost);
    }
}

#[test]
fn node_that_dies_with_the_request_is_replaced_and_the_id_is_spent() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    for node in 1..=3 {
        fake.script(node, |op| matches!(op, request::Op::Sign(_)).then_some(Deed::LoseAnswer));
        verify(&pair, &sign(&client, pair.private.id).unwrap());
        fake.behave(node);
    }
}

#[test]
fn lie_in_an_answer_never_leaves_and_another_set_signs() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        let pair = key_pair(&client);
        fake.script(liar, |op| {
            matches!(op, request::Op::Sign(_)).then_some(Deed::Lie(|result| {
                if let response::Result::Sign(reply) = result {
                    *reply.partial.last_mut().unwrap() ^= 1;
                }
            }))
        });
        verify(&pair, &sign(&client, pair.private.id).unwrap());
    }
}

/// A node alters its answer and signs the lie.
fn lie_and_sign(fake: &Fake, liar: u8, lie: fn(&mut Vec<u8>)) {
    fake.script(liar, move |op| matches!(op, request::Op::Sign(_)).then_some(Deed::Perjure(lie)));
}

#[test]
fn answers_that_make_no_signature_are_shown_to_their_set() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        let pair = key_pair(&client);
        lie_and_sign(&fake, liar, |partial| *partial.last_mut().unwrap() ^= 1);
        // Some call meets the liar, whichever set it begins with; none fails.
        (0..3).for_each(|_| verify(&pair, &sign(&client, pair.private.id).unwrap()));
        let complaints = fake.world.lock().unwrap().complaints.clone();
        for complaint in &complaints {
            let request = complaint.request.as_ref().unwrap();
            let nodes: Vec<u32> = complaint.parts.iter().map(|part| part.node).collect();
            assert_eq!(request.signers, nodes);
            assert!(nodes.contains(&liar.into()));
        }
        let sets = fake
            .world
            .lock()
            .unwrap()
            .seen
            .iter()
            .filter(|(node, kind)| *node == liar && *kind == "sign")
            .count();
        assert_eq!(complaints.len(), 2 * sets, "each failure is shown to both members");
    }
}

#[test]
fn an_answer_to_another_request_names_its_node_and_nobody_is_told() {
    for liar in 1..=3 {
        let (fake, client) = ready();
        let pair = key_pair(&client);
        // The first byte of the presignature's name; a byte of the context.
        for lie in [|partial: &mut Vec<u8>| partial[0] ^= 1, |partial: &mut Vec<u8>| partial[70] ^= 1] {
            lie_and_sign(&fake, liar, lie);
            verify(&pair, &sign(&client, pair.private.id).unwrap());
        }
        assert!(fake.world.lock().unwrap().complaints.is_empty());
    }
}

#[test]
fn use_that_nodes_forbid_is_told_at_once() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    for node in 1..=3 {
        let forbid = |op: &request::Op| matches!(op, request::Op::Sign(_) | request::Op::Lease(_));
        fake.script(node, move |op| forbid(op).then_some(Deed::Refuse(Code::Forbidden)));
    }
    assert_eq!(sign(&client, pair.private.id), Err(BackendError::KeyUseForbidden));
}

#[test]
fn threads_sign_at_the_same_time() {
    let (_fake, client) = ready();
    let pair = key_pair(&client);
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

#[test]
fn nothing_is_sent_after_shutdown() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    client.shutdown();
    let before = fake.world.lock().unwrap().seen.len();
    assert!(matches!(sign(&client, pair.private.id), Err(BackendError::Unavailable(_))));
    assert_eq!(fake.world.lock().unwrap().seen.len(), before);
}

const LONG: Duration = Duration::from_secs(60);
