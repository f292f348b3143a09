//! What each node refuses by itself, whoever else agreed.

use engine::Input;
use proto::client::v1::{
    Code, GenerateRequest, ListObjectsRequest, OprfRequest, ReadObjectsRequest, StatusRequest, request::Op,
    response::Result as Reply,
};
use proto::limits::{FORMAT, PEER_PAYLOAD_BYTES_MAX};
use proto::peer::v1::{Envelope, Protocol};
use proto::registry::v1::{
    DestroyObject, EnrolClient, ObjectRecord, Purpose, RevokeClient, Role, command::Body,
};
use proto::statement;

use crate::service::ready;
use crate::sim::{NODES, Sim};
use crate::user::{Key, User, attribute, key_attributes};

fn code<T>(outcome: Result<T, proto::client::v1::Error>) -> Code {
    outcome.err().map_or(Code::Unspecified, |error| error.code())
}

/// Asks every node directly with a presignature id that does not matter.
fn sign_everywhere(sim: &mut Sim, user: &mut User, key: &Key, mechanism: u64, digest: &[u8]) -> Vec<Code> {
    let sets = [(1, [1, 2]), (2, [2, 3]), (3, [1, 3])];
    let ask = |(node, signers)| {
        let mut request = user.sign_request(key, signers, &[0; 32], digest);
        request.mechanism = mechanism;
        code(user.sign_at(sim, node, request))
    };
    sets.map(ask).to_vec()
}

#[test]
fn unenrolled_clients_are_told_so_at_every_node() {
    let (mut sim, ..) = ready(10);
    let mut stranger = User::new(60, 7);
    let key = stranger.key.clone();
    for node in 1..=NODES {
        assert_eq!(code(stranger.connect_as(&mut sim, node, &key)), Code::NotEnrolled);
    }
}

#[test]
fn a_key_is_used_only_by_its_tokens_user() {
    let (mut sim, mut user, key) = ready(11);
    let mut other = User::new(60, 8);
    other.enrol(&mut sim);
    assert_eq!(sign_everywhere(&mut sim, &mut other, &key, 0x1041, &[1; 32]), [Code::NotLoggedIn; 3]);
    other.set_up_token(&mut sim);
    other.login(&mut sim);
    assert_eq!(sign_everywhere(&mut sim, &mut other, &key, 0x1041, &[1; 32]), [Code::NotLoggedIn; 3]);
    assert_eq!(code(other.lease(&mut sim, &key, [1, 2])), Code::NotLoggedIn);
    for node in 1..=NODES {
        user.login_at(&mut sim, node, Role::SecurityOfficer).unwrap();
    }
    assert_eq!(sign_everywhere(&mut sim, &mut user, &key, 0x1041, &[1; 32]), [Code::Forbidden; 3]);
}

/// One node of three decides nothing, and proposes nothing that would be decided when nobody waits for it.
#[test]
fn without_most_of_the_nodes_a_command_is_refused_at_once() {
    let (mut sim, mut user, _) = ready(10);
    sim.stop(2);
    sim.stop(3);
    sim.run(100);
    let name = EnrolClient { client_key: vec![9; 32], name: "late".into(), ..EnrolClient::default() };
    let refused = user.operate(&mut sim, 1, Body::EnrolClient(name)).unwrap_err();
    assert_eq!((refused.code(), refused.nodes), (Code::Unavailable, vec![2, 3]));
}

#[test]
fn attributes_and_lengths_bind_every_node() {
    let (mut sim, mut user, key) = ready(12);
    let not_listed = sign_everywhere(&mut sim, &mut user, &key, 0x1045, &[1; 48]);
    assert_eq!(not_listed, [Code::Forbidden; 3]);
    assert_eq!(sign_everywhere(&mut sim, &mut user, &key, 0x1044, &[1; 31]), [Code::InvalidArgument; 3]);
    assert_eq!(sign_everywhere(&mut sim, &mut user, &key, 0x40, &[1; 32]), [Code::InvalidArgument; 3]);
    assert_eq!(sign_everywhere(&mut sim, &mut user, &key, 0x1041, &[1; 65]), [Code::InvalidArgument; 3]);
    let mute = user.generate_key(&mut sim, 2, [2; 16], &key_attributes(false)).unwrap();
    assert_eq!(sign_everywhere(&mut sim, &mut user, &mute, 0x1041, &[1; 32]), [Code::Forbidden; 3]);
    assert_eq!(code(user.lease(&mut sim, &mute, [1, 2])), Code::Forbidden);
}

#[test]
fn a_presignature_is_given_out_once_and_to_its_client_only() {
    let (mut sim, mut user, key) = ready(13);
    let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
    let mut thief = User::new(61, 7);
    thief.enrol(&mut sim);
    (thief.so, thief.pin_key) = (user.so.clone(), user.pin_key.clone());
    thief.login(&mut sim);
    for node in [1, 2] {
        let stolen = thief.sign_request(&key, [1, 2], &id, &[1; 32]);
        assert_eq!(code(thief.sign_at(&mut sim, node, stolen)), Code::PresignatureGone);
        let request = user.sign_request(&key, [1, 2], &id, &[1; 32]);
        assert!(user.sign_at(&mut sim, node, request.clone()).is_ok());
        assert_eq!(code(user.sign_at(&mut sim, node, request)), Code::PresignatureGone);
        let other_digest = user.sign_request(&key, [1, 2], &id, &[2; 32]);
        assert_eq!(code(user.sign_at(&mut sim, node, other_digest)), Code::PresignatureGone);
    }
}

#[test]
fn unused_leases_return_when_the_connection_closes() {
    let (mut sim, mut user, key) = ready(14);
    let first = user.lease(&mut sim, &key, [1, 2]).unwrap();
    sim.run(1_000);
    let conn = user.conns[&1].id;
    sim.input(1, Input::ClientClosed { conn });
    user.connect(&mut sim);
    user.login(&mut sim);
    let again: Vec<Vec<u8>> = (0..3).flat_map(|_| user.lease(&mut sim, &key, [1, 2]).unwrap()).collect();
    assert!(again.contains(&first[0]));
    assert!(user.sign(&mut sim, &key, [1, 2], &[3; 32]).is_ok());
}

#[test]
fn generation_is_refused_without_login_and_for_a_taken_id() {
    let (mut sim, mut user, key) = ready(15);
    let taken = user.generate_key(&mut sim, 3, key.id, &key_attributes(true));
    assert_eq!(code(taken), Code::Forbidden);
    let mut other = User::new(60, 7);
    other.enrol(&mut sim);
    let request = |purpose: Purpose, pin_version| GenerateRequest {
        purpose: purpose as i32,
        token_id: vec![7; 16],
        key_id: vec![9; 16],
        curve: if purpose == Purpose::SigningKey { "P-256" } else { "ristretto255" }.into(),
        role: Role::User as i32,
        pin_version,
        ..GenerateRequest::default()
    };
    assert_eq!(code(other.generate(&mut sim, 1, request(Purpose::SigningKey, 0))), Code::NotLoggedIn);
    assert_eq!(code(other.generate(&mut sim, 1, request(Purpose::LoginOprf, 1))), Code::Forbidden);
    assert!(other.generate(&mut sim, 1, request(Purpose::LoginOprf, 2)).is_ok());
}

#[test]
fn a_login_proof_counts_at_its_node_and_connection_only() {
    let (mut sim, mut user, _) = ready(16);
    user.connect(&mut sim);
    let moved = user.conns.remove(&2).unwrap();
    let relayed = user.conns.remove(&1).unwrap();
    user.conns.insert(1, crate::user::Conn { challenge: moved.challenge.clone(), ..relayed });
    assert_eq!(code(user.login_at(&mut sim, 1, Role::User)), Code::Forbidden);
    user.pin_key = user.so.clone();
    assert_eq!(code(user.login_at(&mut sim, 3, Role::User)), Code::Forbidden);
}

#[test]
fn guesses_are_counted_until_a_login_resets_them() {
    let (mut sim, mut user, _) = ready(17);
    let registry = sim.node(1).engine.as_ref().unwrap().registry();
    let birth = registry.login(&[7; 16], Role::User).unwrap().oprf.clone().unwrap();
    let right = user.evaluate(&mut sim, &birth, b"1234", [1, 2]).unwrap();
    assert_eq!(Some(right.to_bytes()), user.pin_key.as_ref().map(|key| key.to_bytes()));
    let wrong = user.evaluate(&mut sim, &birth, b"1235", [1, 2]).unwrap();
    assert_ne!(right.to_bytes(), wrong.to_bytes());
    // Whichever nodes are asked, and though a node starts again: ten in all.
    user.connect(&mut sim);
    for nodes in [[1, 2], [2, 3], [1, 3], [3, 2], [3, 1], [1, 2], [2, 3]] {
        user.evaluate(&mut sim, &birth, b"0000", nodes).unwrap();
    }
    sim.stop(2);
    sim.start(2);
    sim.run(5_000);
    user.connect(&mut sim);
    user.evaluate(&mut sim, &birth, b"0000", [2, 3]).unwrap();
    for nodes in [[1, 2], [2, 3], [1, 3]] {
        let refused = code(user.evaluate(&mut sim, &birth, b"0000", nodes));
        // No try is left at one of them, or none with the same number at both.
        assert!(matches!(refused, Code::PinLocked | Code::InvalidArgument), "{nodes:?}: {refused:?}");
    }
    let bad = OprfRequest { key_id: vec![0; 16], blinded: vec![0; 32], try_number: 1, only_ask: false };
    assert_eq!(code(user.call(&mut sim, 1, Op::Oprf(bad))), Code::NotFound);
    user.login(&mut sim);
    assert!(user.evaluate(&mut sim, &birth, b"1234", [1, 2]).is_ok());
}

#[test]
fn a_revoked_client_is_cut_off_at_once() {
    let (mut sim, mut user, key) = ready(18);
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
    let conns: Vec<u64> = user.conns.values().map(|conn| conn.id).collect();
    let body = Body::RevokeClient(RevokeClient { client_key: user.public().to_vec() });
    user.operate(&mut sim, 1, body).unwrap();
    sim.run(100);
    assert!(conns.iter().all(|conn| sim.closed.contains(conn)));
    let identity = user.key.clone();
    assert_eq!(code(user.connect_as(&mut sim, 2, &identity)), Code::NotEnrolled);
}

/// What node 1 shows of the token: the digest, and all records.
pub fn list(user: &mut User, sim: &mut Sim) -> (Vec<u8>, Vec<ObjectRecord>) {
    let op = ListObjectsRequest { token_id: vec![7; 16], digest_only: false };
    let Ok(Reply::ListObjects(list)) = user.call(sim, 1, Op::ListObjects(op)) else { panic!("no list") };
    let all = (0..256).collect();
    let op = ReadObjectsRequest { token_id: vec![7; 16], parts: all, after: Vec::new() };
    let Ok(Reply::ReadObjects(read)) = user.call(sim, 1, Op::ReadObjects(op)) else { panic!("no records") };
    let (parts, _) = list.parts.as_chunks();
    assert_eq!(list.digest, statement::list_digest(parts));
    for (number, digest) in parts.iter().enumerate() {
        let part = read.objects.iter().filter(|record| record.object_id[15] == number as u8);
        let hashes: Vec<[u8; 32]> = part.map(statement::record_hash).collect();
        assert_eq!(*digest, statement::part_digest(&hashes), "part {number}");
    }
    (list.digest, read.objects)
}

#[test]
fn private_objects_are_listed_to_the_user_only() {
    let (mut sim, mut user, key) = ready(19);
    let (digest, objects) = list(&mut user, &mut sim);
    assert_eq!(objects.len(), 1);
    user.connect(&mut sim);
    let hidden = list(&mut user, &mut sim);
    assert!(hidden.1.is_empty() && hidden.0 != digest);
    // Destroyed by the user: the share is gone from every store.
    user.login(&mut sim);
    let destroy = DestroyObject {
        token_id: vec![7; 16],
        object_id: key.id.to_vec(),
        predecessor: statement::record_hash(&objects[0]).to_vec(),
    };
    let authors = [user.login_author(Role::User)];
    user.propose(&mut sim, 1, Body::DestroyObject(destroy), &authors).unwrap();
    sim.run(100);
    let place = ("share".to_owned(), key.id.to_vec());
    assert!(sim.nodes.iter().all(|node| !node.store.contains_key(&place)));
    assert_eq!(code(user.lease(&mut sim, &key, [1, 2])), Code::NotFound);
}

#[test]
fn an_attribute_that_no_birth_covers_is_refused_by_the_registry() {
    let (mut sim, mut user, _) = ready(20);
    let mut changed = key_attributes(true);
    changed.push(attribute(0x8000_0001, &[1]));
    let hash = statement::attributes_hash(&key_attributes(true)).to_vec();
    let request = GenerateRequest {
        purpose: Purpose::SigningKey as i32,
        token_id: vec![7; 16],
        key_id: vec![3; 16],
        curve: "P-256".into(),
        attributes_hash: hash,
        ..GenerateRequest::default()
    };
    let birth = user.generate(&mut sim, 1, request).unwrap();
    let object =
        proto::registry::v1::NewObject { object_id: vec![3; 16], attributes: changed, birth: Some(birth) };
    let create = proto::registry::v1::CreateObjects { token_id: vec![7; 16], objects: vec![object] };
    let authors = [user.login_author(Role::User)];
    let refused = user.propose(&mut sim, 1, Body::CreateObjects(create), &authors);
    assert_eq!(code(refused), Code::Forbidden);
}

#[test]
fn peers_messages_are_refused_and_counted_without_growth() {
    let (mut sim, mut user, key) = ready(21);
    let good = Envelope {
        format: FORMAT,
        protocol: Protocol::Presign as i32,
        session: vec![1; 32],
        round: 0,
        sender: 2,
        receiver: 1,
        epoch: 1,
        payload: vec![0; 16],
    };
    let wrong = [
        Envelope { format: 2, ..good.clone() },
        Envelope { protocol: 99, ..good.clone() },
        Envelope { session: vec![1; 31], ..good.clone() },
        Envelope { sender: 3, ..good.clone() },
        Envelope { receiver: 2, ..good.clone() },
        Envelope { epoch: 2, ..good.clone() },
        Envelope { payload: vec![0; PEER_PAYLOAD_BYTES_MAX + 1], ..good.clone() },
        Envelope { protocol: Protocol::Control as i32, payload: vec![0xff; 9], ..good.clone() },
        Envelope { protocol: Protocol::Hello as i32, ..good.clone() },
    ];
    let refused = |sim: &mut Sim| sim.node(1).engine.as_ref().unwrap().counters().refused_messages;
    let before = refused(&mut sim);
    for envelope in wrong.iter().cloned() {
        sim.input(1, Input::PeerMessage { peer: 2, envelope });
    }
    assert_eq!(refused(&mut sim), before + wrong.len() as u64);
    for number in 0..200u8 {
        let envelope = Envelope { session: vec![number; 32], ..good.clone() };
        sim.input(1, Input::PeerMessage { peer: 2, envelope });
    }
    assert_eq!(refused(&mut sim), before + wrong.len() as u64 + 200 - 64, "64 early messages are kept");
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
    let Ok(Reply::Status(status)) = user.call(&mut sim, 1, Op::Status(StatusRequest {})) else { panic!() };
    assert!(status.serving && status.peers.iter().all(|peer| peer.pair_ready && !peer.quarantined));
}

#[test]
fn a_pair_set_up_that_fails_without_a_lie_is_made_anew_after_a_pause() {
    let (mut sim, mut user, key) = ready(22);
    let ready_before = sim.logged(2, "PairReady");
    for number in 0..20 {
        let envelope = Envelope {
            format: FORMAT,
            protocol: Protocol::PairSetup as i32,
            session: vec![number; 32],
            round: 0,
            sender: 1,
            receiver: 2,
            epoch: 1,
            payload: vec![1; 16],
        };
        sim.input(2, Input::PeerMessage { peer: 1, envelope });
        sim.run(50);
    }
    let counters = sim.node(2).engine.as_ref().unwrap().counters();
    assert_eq!(counters.failed_checks, 1, "during the pause no set-up is begun");
    assert_eq!((sim.logged(2, "PeerQuarantined"), sim.logged(2, "PairReady")), (0, ready_before));
    sim.run(6_000);
    assert_eq!(sim.logged(2, "PairReady"), ready_before + 1);
    assert!(user.sign(&mut sim, &key, [1, 2], &[1; 32]).is_ok());
}
