//! From start to service: old stores, missing nodes, forks.

use engine::Input;
use prost::Message;
use proto::client::v1::Code;
use proto::limits::FORMAT;
use proto::peer::v1::{Control, Envelope, HeadReport, Protocol, control::Body as ControlBody};
use proto::registry::v1::{CreateToken, HeadStatement, NodeSignature, SignedHead, command::Body};
use proto::statement;

use crate::service::ready;
use crate::sim::{Delivery, Sim, node_key};
use crate::user::key_attributes;

#[test]
fn an_old_store_is_fenced_until_it_has_caught_up() {
    let (mut sim, mut user, key) = ready(30);
    let old = sim.node(1).store.clone();
    user.operate(&mut sim, 2, Body::CreateToken(CreateToken { token_id: vec![77; 16] })).unwrap();
    sim.run(200);
    sim.stop(1);
    sim.node(1).store = old;
    sim.hold_log.insert(1);
    sim.start(1);
    sim.run(10_000);
    assert_eq!(sim.logged(1, "StoreIsOld"), 1);
    assert!(!sim.node(1).voting && !sim.node(1).serving);
    sim.hold_log.clear();
    sim.deliver_log(1);
    sim.run(1_000);
    assert!(sim.node(1).voting && sim.node(1).serving);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
}

#[test]
fn a_restart_on_its_own_store_is_no_alarm() {
    let (mut sim, ..) = ready(31);
    sim.stop(1);
    sim.start(1);
    sim.run(1_000);
    assert_eq!(sim.logged(1, "StoreIsOld"), 0);
    assert!(sim.node(1).voting && sim.node(1).serving);
}

#[test]
fn a_node_that_was_away_serves_only_after_it_caught_up() {
    let (mut sim, mut user, _) = ready(32);
    sim.stop(3);
    user.operate(&mut sim, 2, Body::CreateToken(CreateToken { token_id: vec![78; 16] })).unwrap();
    sim.run(200);
    sim.hold_log.insert(3);
    sim.start(3);
    sim.run(10_000);
    assert!(sim.node(3).voting && !sim.node(3).serving);
    sim.hold_log.clear();
    sim.deliver_log(3);
    sim.run(100);
    assert!(sim.node(3).serving);
}

#[test]
fn two_of_three_start_after_a_grace_and_one_alone_never() {
    let (mut sim, mut user, key) = ready(33);
    (1..=3).for_each(|node| sim.stop(node));
    sim.start(1);
    sim.run(20_000);
    assert!(!sim.node(1).serving && !sim.node(1).voting);
    sim.start(2);
    sim.run(1_000);
    assert!(sim.node(1).serving, "its grace is over and one peer answered");
    assert!(!sim.node(2).serving, "its grace is not over");
    sim.run(3_000);
    assert!(sim.node(2).serving);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
}

#[test]
fn missing_nodes_are_named_at_once() {
    let (mut sim, mut user, key) = ready(34);
    sim.stop(3);
    let before = sim.now;
    let error = user.generate_key(&mut sim, 1, [4; 16], &key_attributes(true)).err().unwrap();
    assert_eq!((error.code(), error.nodes), (Code::Unavailable, vec![3]));
    let error = user.lease(&mut sim, &key, [1, 3]).err().unwrap();
    assert_eq!((error.code(), error.nodes), (Code::Unavailable, vec![3]));
    assert!(sim.now < before + 100);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
    sim.stop(2);
    // Those that were ready before are still good for signing.
    let error = (0..4).find_map(|_| user.lease(&mut sim, &key, [1, 2]).err()).unwrap();
    assert_eq!((error.code(), error.nodes), (Code::Unavailable, vec![2]));
    let create = Body::CreateToken(CreateToken { token_id: vec![79; 16] });
    let error = user.operate(&mut sim, 1, create).err().unwrap();
    assert_eq!((error.code(), error.nodes), (Code::Unavailable, vec![2, 3]));
}

#[test]
fn a_restart_kills_pools_and_pair_setups() {
    let (mut sim, mut user, key) = ready(35);
    let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
    let pairs = sim.logged(1, "PairReady");
    sim.stop(2);
    sim.start(2);
    sim.run(4_000);
    assert_eq!(sim.logged(1, "PairReady"), pairs + 1, "the pair with node 2 was made anew");
    let request = user.sign_request(&key, [1, 2], &id, &[1; 32]);
    let error = user.sign_at(&mut sim, 1, request).err().unwrap();
    assert_eq!(error.code(), Code::PresignatureGone);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
}

fn forged_head(sim: &Sim, index: u64) -> Envelope {
    let encoded = HeadStatement { index, chain_hash: vec![9; 32] }.encode_to_vec();
    let signature = statement::head(&sim.manifest.cluster_id(), &encoded).sign(&node_key(2));
    let signature = Some(NodeSignature { node: 2, signature });
    let own = Some(SignedHead { statement: encoded, signature });
    let report = HeadReport { nonce: vec![], own, yours: None };
    Envelope {
        format: FORMAT,
        protocol: Protocol::Control as i32,
        sender: 2,
        receiver: 1,
        epoch: 1,
        payload: Control { body: Some(ControlBody::HeadReport(report)) }.encode_to_vec(),
        ..Envelope::default()
    }
}

/// Replaces the head of node 2 in its answers that are on their way to node 1.
fn lie_about_head(sim: &mut Sim, index: u64) {
    let Some(ControlBody::HeadReport(lie)) = body(&forged_head(sim, index)) else { panic!("no report") };
    for delivery in sim.queue.values_mut() {
        let Delivery::Peer { from: 2, to: 1, envelope, .. } = delivery else { continue };
        if let Some(ControlBody::HeadReport(report)) = body(envelope) {
            let report = HeadReport { own: lie.own.clone(), ..report };
            envelope.payload = Control { body: Some(ControlBody::HeadReport(report)) }.encode_to_vec();
        }
    }
}

fn body(envelope: &Envelope) -> Option<ControlBody> {
    let control = envelope.protocol() == Protocol::Control;
    control.then(|| Control::decode(envelope.payload.as_slice()).unwrap().body).flatten()
}

#[test]
fn a_head_that_no_registry_has_does_not_keep_a_node_out() {
    let (mut sim, mut user, key) = ready(37);
    sim.stop(1);
    sim.start(1);
    let end = sim.now + 15_000;
    while !sim.node(1).serving && sim.now < end {
        lie_about_head(&mut sim, 1_000_000);
        if !sim.step(sim.now + 100) {
            sim.run(100);
        }
    }
    assert!(sim.node(1).serving, "the head that an honest peer vouches for is enough in the end");
    sim.run(20_000);
    user.connect(&mut sim);
    user.login(&mut sim);
    assert!(user.sign(&mut sim, &key, [1, 3], &[1; 32]).is_ok());
}

#[test]
fn two_heads_at_one_index_stop_registry_writes() {
    let (mut sim, mut user, key) = ready(36);
    let ahead = sim.log.len() as u64 + 1;
    let envelope = forged_head(&sim, ahead);
    sim.input(1, Input::PeerMessage { peer: 2, envelope });
    assert_eq!(sim.logged(1, "HeadsDiffer"), 0, "nothing to compare it with yet");
    user.operate(&mut sim, 3, Body::CreateToken(CreateToken { token_id: vec![80; 16] })).unwrap();
    sim.run(100);
    assert_eq!(sim.logged(1, "HeadsDiffer"), 1);
    let create = Body::CreateToken(CreateToken { token_id: vec![81; 16] });
    assert_eq!(user.operate(&mut sim, 1, create.clone()).err().unwrap().code(), Code::Unavailable);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok(), "keys are not affected");
}
