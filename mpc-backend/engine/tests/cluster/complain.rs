//! Complaints of clients: T signed answers of one context that make no signature count against their set,
//! and nothing else counts against anybody.

use engine::Event;
use proto::client::v1::{Code, ComplainRequest, Error, SignRequest, SignedPart, request::Op};
use proto::statement;
use threshold::signing::SigningScheme;

use crate::blame::status;
use crate::service::{ready, ready_on};
use crate::sim::{Sim, TWO_OF_THREE, node_key};
use crate::user::{Key, Outcome, User};

/// All members' answers to one request.
fn answers(sim: &mut Sim, user: &mut User, key: &Key, signers: [u8; 2], digest: u8) -> ComplainRequest {
    let id = user.lease(sim, key, signers).unwrap().remove(0);
    let request = user.sign_request(key, signers, &id, &[digest; 32]);
    let parts = signers.map(|node| {
        let reply = user.sign_at(sim, node, request.clone()).unwrap();
        let (partial, node_signature) = (reply.partial, reply.node_signature);
        SignedPart { node: node.into(), partial, node_signature }
    });
    ComplainRequest { request: Some(request), parts: parts.to_vec() }
}

fn sign_as(sim: &Sim, part: &mut SignedPart, node: u8) {
    let cluster = sim.manifest.cluster_id();
    let said = statement::partial(&cluster, part.node, &[9; 32], &part.partial);
    part.node_signature = said.sign(&node_key(node));
}

/// The answers as they are when the second member lies in its share, and signs the lie.
fn lie(sim: &Sim, mut complaint: ComplainRequest) -> ComplainRequest {
    let node = complaint.parts[1].node as u8;
    *complaint.parts[1].partial.last_mut().unwrap() ^= 1;
    sign_as(sim, &mut complaint.parts[1], node);
    complaint
}

fn complain(sim: &mut Sim, user: &mut User, node: u8, complaint: &ComplainRequest) -> Outcome<()> {
    user.call(sim, node, Op::Complain(complaint.clone())).map(drop)
}

#[test]
fn signed_answers_that_make_no_signature_count_against_their_set_alone() {
    let (mut sim, mut user, key) = ready(80);
    for digest in 1..=2 {
        let complaint = answers(&mut sim, &mut user, &key, [1, 2], digest);
        let complaint = lie(&sim, complaint);
        for _ in 0..3 {
            complain(&mut sim, &mut user, 1, &complaint).unwrap();
        }
        let sets = status(&mut sim, &mut user, 1).failed_sets;
        assert_eq!(
            (sets.len(), &sets[0].signers, sets[0].failed_signatures),
            (1, &vec![1, 2], u64::from(digest))
        );
        let refused = user.lease(&mut sim, &key, [1, 2]).unwrap_err();
        assert_eq!((refused.code(), refused.nodes), (Code::Unavailable, vec![]), "nobody is named");
        for signers in [[1, 3], [2, 3]] {
            assert!(user.sign(&mut sim, &key, signers, &[3; 32]).is_ok());
        }
        assert!(status(&mut sim, &mut user, 1).peers.iter().all(|peer| !peer.quarantined));
        sim.run(600_000);
        user.connect(&mut sim);
        user.login(&mut sim);
    }
    assert_eq!(sim.logged(1, "SignatureFailed"), 2);
    assert!(user.sign(&mut sim, &key, [1, 2], &[4; 32]).is_ok(), "the set is tried again later");
}

#[test]
fn a_member_that_heard_of_it_refuses_the_set_to_a_lying_coordinator() {
    let (mut sim, mut user, key) = ready(81);
    let complaint = answers(&mut sim, &mut user, &key, [1, 2], 1);
    let complaint = lie(&sim, complaint);
    // Node 1 coordinates the set and hears nothing.
    complain(&mut sim, &mut user, 2, &complaint).unwrap();
    // What it had ready in the background is worth nothing, and no more is made.
    while let Ok(ids) = user.lease(&mut sim, &key, [1, 2]) {
        let request = user.sign_request(&key, [1, 2], &ids[0], &[1; 32]);
        assert_eq!(user.sign_at(&mut sim, 2, request).unwrap_err().code(), Code::PresignatureGone);
    }
    assert_eq!(user.lease(&mut sim, &key, [1, 2]).unwrap_err().code(), Code::Unavailable);
    assert!(user.sign(&mut sim, &key, [2, 3], &[1; 32]).is_ok());
}

/// What a client tries that wants honest nodes blamed.
fn refused(name: &str, change: impl FnOnce(&mut Sim, &mut User, &Key, ComplainRequest) -> ComplainRequest) {
    let (mut sim, mut user, key) = ready(82);
    let honest = answers(&mut sim, &mut user, &key, [1, 2], 1);
    let complaint = change(&mut sim, &mut user, &key, honest);
    for node in [1, 2] {
        let error: Error = complain(&mut sim, &mut user, node, &complaint).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{name}: {}", error.message);
        let status = status(&mut sim, &mut user, node);
        assert_eq!((status.failed_sets.len(), status.counters.unwrap().failed_checks), (0, 0), "{name}");
    }
    assert!(user.sign(&mut sim, &key, [1, 2], &[2; 32]).is_ok(), "{name}");
}

#[test]
fn honest_answers_blame_nobody() {
    refused("that make a signature", |_, _, _, honest| honest);
}

#[test]
fn forged_answers_blame_nobody() {
    refused("altered", |_, _, _, mut honest| {
        *honest.parts[1].partial.last_mut().unwrap() ^= 1;
        honest
    });
    refused("altered and signed by another node", |sim, _, _, mut honest| {
        *honest.parts[1].partial.last_mut().unwrap() ^= 1;
        sign_as(sim, &mut honest.parts[1], 3);
        honest
    });
    refused("not decodable", |sim, _, _, mut honest| {
        honest.parts[1].partial.pop();
        sign_as(sim, &mut honest.parts[1], 2);
        honest
    });
}

#[test]
fn answers_mixed_from_two_signatures_blame_nobody() {
    refused("of two presignatures", |sim, user, key, honest| {
        let mut other = answers(sim, user, key, [1, 2], 1);
        other.parts[0] = honest.parts[0].clone();
        other
    });
    refused("one member's twice", |_, _, _, mut honest| {
        honest.parts[1] = honest.parts[0].clone();
        honest
    });
    refused("one too few", |_, _, _, mut honest| {
        honest.parts.pop();
        honest
    });
}

#[test]
fn answers_under_another_request_blame_nobody() {
    let change = |edit: fn(&mut SignRequest)| {
        move |_: &mut Sim, _: &mut User, _: &Key, mut honest: ComplainRequest| {
            edit(honest.request.as_mut().unwrap());
            honest
        }
    };
    refused("another digest", change(|request| request.digest = vec![7; 32]));
    refused("another nonce", change(|request| request.request_nonce = vec![7; 32]));
    refused("another presignature", change(|request| request.presignature_id = vec![7; 32]));
    refused("another mechanism", change(|request| request.mechanism = 0x1044));
}

#[test]
fn answers_to_another_client_blame_nobody() {
    let (mut sim, mut user, key) = ready(83);
    let complaint = answers(&mut sim, &mut user, &key, [1, 2], 1);
    let complaint = lie(&sim, complaint);
    let mut thief = User::new(61, 7);
    thief.enrol(&mut sim);
    (thief.so, thief.pin_key) = (user.so.clone(), user.pin_key.clone());
    assert_eq!(complain(&mut sim, &mut thief, 1, &complaint).unwrap_err().code(), Code::NotLoggedIn);
    thief.login(&mut sim);
    assert_eq!(complain(&mut sim, &mut thief, 1, &complaint).unwrap_err().code(), Code::InvalidArgument);
    // The nodes look at a few complaints a minute, whoever is right.
    for _ in 0..7 {
        assert_eq!(complain(&mut sim, &mut thief, 1, &complaint).unwrap_err().code(), Code::InvalidArgument);
    }
    assert_eq!(complain(&mut sim, &mut thief, 1, &complaint).unwrap_err().code(), Code::ResourceExhausted);
    assert!(status(&mut sim, &mut user, 1).failed_sets.is_empty());
    assert!(complain(&mut sim, &mut user, 1, &complaint).is_ok(), "another client's flood is its own");
}

/// FROST's answers can be checked one by one, so a wrong one names its author. That the answers were masked,
/// which nobody can check, cannot be made up.
#[test]
fn a_wrong_schnorr_answer_names_its_author() {
    wrong_answer_names_its_author(SigningScheme::Ed25519);
    wrong_answer_names_its_author(SigningScheme::FrostP256);
    wrong_answer_names_its_author(SigningScheme::Bip340);
}

fn wrong_answer_names_its_author(scheme: SigningScheme) {
    let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, 85), scheme);
    let honest = answers(&mut sim, &mut user, &key, [1, 2], 1);
    let mut strict = honest.clone();
    strict.request.as_mut().unwrap().grant = vec![1; 64];
    for complaint in [&honest, &strict, &lie(&sim, strict.clone())] {
        let refused = complain(&mut sim, &mut user, 1, complaint).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let complaint = lie(&sim, honest);
    complain(&mut sim, &mut user, 1, &complaint).unwrap();
    let named = |event: &Event| matches!(event, Event::SignatureFailed { named, .. } if named == "2");
    assert!(sim.nodes[0].events.iter().any(named));
    assert!(user.sign(&mut sim, &key, [1, 3], &[3; 32]).is_ok());
}
