//! Failed checks: what they leave behind, whom they stop, and whom they must not.

use engine::Input;
use proto::client::v1::{
    ClientFrame, Code, LeaseRequest, NodeFrame, RenewPairRequest, Request, StatusReply, StatusRequest,
    client_frame, node_frame, request::Op, response::Result as Reply,
};
use proto::peer::v1::Protocol;
use sha2::{Digest, Sha256};
use threshold::signing::SigningScheme;

use crate::curves::mechanism_of;
use crate::service::{ready, ready_on};
use crate::sim::{Delivery, Sim, TWO_OF_THREE, operator_key};
use crate::user::{Key, Outcome, User, key_attributes};

pub fn status(sim: &mut Sim, user: &mut User, node: u8) -> StatusReply {
    let Ok(Reply::Status(status)) = user.call(sim, node, Op::Status(StatusRequest {})) else {
        panic!("no status")
    };
    status
}

fn code<T>(outcome: Outcome<T>) -> Code {
    outcome.err().map_or(Code::Unspecified, |error| error.code())
}

/// Asks the lowest member for a presignature and does not wait for the answer.
fn ask_for_lease(sim: &mut Sim, user: &User, key: &Key, signers: [u8; 2], deadline_ms: u32) -> u64 {
    let conn = user.conns[&signers[0]].id;
    let signers = signers.map(u32::from).to_vec();
    let op = Some(Op::Lease(LeaseRequest {
        key_id: key.id.to_vec(),
        signers,
        count: 1,
        mechanism: mechanism_of(key.scheme),
    }));
    let request = Request { id: 1 << 60, deadline_ms, min_registry_index: 0, op };
    let frame = ClientFrame { frame: Some(client_frame::Frame::Request(request)) };
    let node = user.conns.iter().find(|(_, known)| known.id == conn).unwrap();
    sim.input(*node.0, Input::ClientFrame { conn, frame });
    conn
}

fn refusal(frames: Option<Vec<NodeFrame>>) -> Option<(Code, Vec<u32>)> {
    let frame = frames.unwrap_or_default().pop()?.frame?;
    let node_frame::Frame::Response(response) = frame else { return None };
    match response.result? {
        Reply::Error(error) => Some((error.code(), error.nodes)),
        _ => None,
    }
}

/// Flips a bit in the last byte of every presigning message on its way; what was sent then.
fn tamper(sim: &mut Sim, sender: u8, receiver: u8) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    for delivery in sim.queue.values_mut() {
        if let Delivery::Peer { from, to, envelope, .. } = delivery
            && (*from, *to) == (sender, receiver)
            && envelope.protocol() == Protocol::Presign
        {
            *envelope.payload.last_mut().unwrap() ^= 1;
            sent.push(envelope.payload.clone());
        }
    }
    sent
}

/// The lowest node of the set lies to the other in an extension.
fn cheat(sim: &mut Sim, user: &User, key: &Key, signers: [u8; 2]) -> Vec<Vec<u8>> {
    let conn = ask_for_lease(sim, user, key, signers, 20_000);
    let sent = tamper(sim, signers[0], signers[1]);
    sim.run(200);
    let refused = refusal(sim.replies.remove(&conn));
    assert_eq!(refused, Some((Code::Unavailable, vec![u32::from(signers[1])])));
    sent
}

fn is_quarantined(sim: &mut Sim, user: &mut User, at: u8, peer: u8) -> bool {
    let status = status(sim, user, at);
    let peer = status.peers.iter().find(|status| status.node == u32::from(peer)).unwrap();
    assert_eq!(peer.quarantined, peer.quarantine.is_some());
    peer.quarantined
}

fn restart(sim: &mut Sim, user: &mut User, node: u8) {
    sim.stop(node);
    sim.start(node);
    sim.run(40_000);
    user.connect(sim);
    user.login(sim);
}

fn renew(sim: &mut Sim, user: &mut User, node: u8, peer: u32) -> Outcome<Reply> {
    let conn = user.connect_as(sim, node, &operator_key(1)).unwrap();
    user.call_on(sim, node, conn.id, Op::RenewPair(RenewPairRequest { peer }))
}

#[test]
fn a_failed_check_leaves_evidence_of_the_message_and_its_sender() {
    let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, 70), SigningScheme::EcdsaSecp256k1);
    let sent = cheat(&mut sim, &user, &key, [1, 2]);
    assert_eq!(sent.len(), 1);
    let status = status(&mut sim, &mut user, 2);
    let liar = &status.peers[0];
    let evidence = liar.quarantine.clone().unwrap();
    assert_eq!(
        (liar.node, liar.failed_checks[0].rule.as_str(), liar.failed_checks[0].count),
        (1, "Extension", 1)
    );
    assert_eq!(liar.evidence, vec![evidence.clone()]);
    assert_eq!((evidence.node, evidence.named, evidence.protocol.as_str()), (1, true, "PRESIGN"));
    assert_eq!(evidence.messages[0].sha256, Sha256::digest(&sent[0]).to_vec());
    assert_eq!((evidence.messages[0].length as usize, evidence.messages[0].round), (sent[0].len(), 1));
    assert!(evidence.at_unix_ms > 0 && evidence.session.len() == 32);
    assert_eq!((sim.logged(2, "CheckFailed"), sim.logged(2, "PeerQuarantined")), (1, 1));
    assert_eq!(status.counters.unwrap().failed_checks, 1);
}

#[test]
fn quarantine_outlives_restarts_of_both_and_ends_by_an_operator_only() {
    let (mut sim, mut user, key) = ready_on(Sim::of(TWO_OF_THREE, 71), SigningScheme::EcdsaP256);
    cheat(&mut sim, &user, &key, [1, 2]);
    for node in [1, 2] {
        restart(&mut sim, &mut user, node);
        assert!(is_quarantined(&mut sim, &mut user, 2, 1), "after a restart of node {node}");
        // The set is refused at once, by name; the others sign.
        let before = sim.now;
        let refused = user.lease(&mut sim, &key, [1, 2]).unwrap_err();
        assert_eq!((refused.code(), refused.nodes), (Code::Unavailable, vec![2]));
        assert!(sim.now - before < 100);
        for signers in [[1, 3], [2, 3]] {
            assert!(user.sign(&mut sim, &key, signers, &[1; 32]).is_ok());
        }
    }
    let by_a_client = user.call(&mut sim, 2, Op::RenewPair(RenewPairRequest { peer: 1 }));
    assert_eq!(code(by_a_client), Code::Forbidden);
    assert_eq!(code(renew(&mut sim, &mut user, 2, 9)), Code::InvalidArgument);
    assert!(is_quarantined(&mut sim, &mut user, 2, 1));

    let setups = sim.logged(2, "PairReady");
    renew(&mut sim, &mut user, 2, 1).unwrap();
    assert_eq!(code(renew(&mut sim, &mut user, 2, 1)), Code::ResourceExhausted);
    sim.run(20_000);
    assert!(!is_quarantined(&mut sim, &mut user, 2, 1));
    assert_eq!(sim.logged(2, "PairReady"), setups + 1, "the pair secrets are fresh");
    assert!(user.sign(&mut sim, &key, [1, 2], &[2; 32]).is_ok());
    assert_eq!(status(&mut sim, &mut user, 2).peers[0].evidence.len(), 0, "counted since the restart");
    restart(&mut sim, &mut user, 2);
    assert!(!is_quarantined(&mut sim, &mut user, 2, 1), "lifted for good");
}

#[test]
fn a_liar_that_accuses_everybody_stops_nobody_else() {
    let (mut sim, mut user, key) = ready(72);
    // What comes from honest nodes is wrong, says node 3.
    cheat(&mut sim, &user, &key, [1, 3]);
    cheat(&mut sim, &user, &key, [2, 3]);
    for digest in 0..5 {
        for signers in [[1, 3], [2, 3]] {
            let refused = user.lease(&mut sim, &key, signers).unwrap_err();
            assert_eq!((refused.code(), refused.nodes), (Code::Unavailable, vec![3]));
        }
        assert!(user.sign(&mut sim, &key, [1, 2], &[digest; 32]).is_ok());
    }
    for node in [1, 2] {
        assert_eq!(status(&mut sim, &mut user, node).counters.unwrap().failed_checks, 0);
    }
}

#[test]
fn a_silent_member_is_named_before_the_client_gives_up() {
    let (mut sim, mut user, key) = ready(73);
    let silent = |delivery: &Delivery| matches!(delivery, Delivery::Peer { from: 2, envelope, .. } if envelope.protocol() == Protocol::Presign);
    for id in 21..=23 {
        // Without presignatures.
        let cold = user.generate_key(&mut sim, 1, [id; 16], &key_attributes(true)).unwrap();
        let conn = ask_for_lease(&mut sim, &user, &cold, [1, 2], 4_000);
        let (begun, limit) = (sim.now, sim.now + 4_000);
        let refused = loop {
            if let Some(refused) = refusal(sim.replies.remove(&conn)) {
                break refused;
            }
            sim.queue.retain(|_, delivery| !silent(delivery));
            assert!(sim.step(limit), "no answer while the client waits");
        };
        assert_eq!(refused, (Code::Unavailable, vec![2]));
        assert!(sim.now <= begun + 3_000);
        assert!(user.sign(&mut sim, &key, [1, 3], &[1; 32]).is_ok());
    }
    sim.run(5_000);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok(), "silence is forgiven");
    assert_eq!(status(&mut sim, &mut user, 1).counters.unwrap().failed_checks, 0);
}
