//! Keys of sessions: shared by all nodes, held in memory, of use to one process and gone with it.

use engine::{Input, Limits};
use prost::Message;
use proto::client::v1::{
    Code, CopyKeyRequest, Error, GenerateRequest, HoldKeysRequest, request::Op, response::Result as Reply,
};
use proto::registry::v1::{
    Attribute, BirthCertificate, BirthStatement, NodeSignature, RevokeClient, Role, command::Body,
};
use proto::statement;

use crate::curves::{curve_of, curve_of_seed, key_attributes_on, scheme_of_seed, usual_scheme, verifies};
use crate::service::{ready, ready_on};
use crate::sim::Sim;
use crate::user::{Key, Outcome, User, attribute};

/// As `session_keys` of the engine has it.
const LEASE_MS: u64 = 15 * 60 * 1000;
const SETS: [[u8; 2]; 3] = [[1, 2], [1, 3], [2, 3]];

fn code<T>(outcome: Outcome<T>) -> Code {
    outcome.err().map_or(Code::Unspecified, |error| error.code())
}

/// The same key, of a session.
pub fn of_session(mut attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes[1] = attribute(0x1, &[0]);
    attributes
}

fn request(user: &User, id: [u8; 16], attributes: &[Attribute]) -> GenerateRequest {
    GenerateRequest { attributes: attributes.to_vec(), ..user.key_request(id, attributes) }
}

fn generate(
    sim: &mut Sim,
    user: &mut User,
    node: u8,
    id: [u8; 16],
    attributes: &[Attribute],
) -> Outcome<Key> {
    let birth = user.generate(sim, node, request(user, id, attributes))?;
    let statement = BirthStatement::decode(birth.statement.as_slice()).unwrap();
    assert_eq!((statement.instance.as_slice(), birth.signatures.len()), (&user.instance[..], 3));
    let scheme = usual_scheme(curve_of(attributes));
    Ok(Key { id, birth: statement, scheme })
}

/// A cluster, a logged-in user and a session key.
fn with_session_key(seed: u64) -> (Sim, User, Key) {
    let (mut sim, mut user, _) = ready(seed);
    let attributes = of_session(key_attributes_on(curve_of_seed(seed), true));
    let key = generate(&mut sim, &mut user, 2, [9; 16], &attributes).unwrap();
    (sim, user, key)
}

fn close_all(sim: &mut Sim, user: &User) {
    for (node, conn) in &user.conns {
        sim.input(*node, Input::ClientClosed { conn: conn.id });
    }
}

fn come_again(sim: &mut Sim, user: &mut User) {
    user.connect(sim);
    user.login(sim);
}

/// Lets time pass, with ticks in between.
fn wait(sim: &mut Sim, ms: u64) {
    sim.run(ms);
    (1..=3).for_each(|node| sim.input(node, Input::Tick));
}

#[test]
fn every_signer_set_signs_and_nothing_is_written() {
    for seed in 1..=3 {
        let (mut sim, mut user, key) = with_session_key(seed);
        let commands = sim.log.len();
        for set in SETS {
            let digest = vec![7; key.curve().group().scalar_bytes()];
            let signature = user.sign(&mut sim, &key, set, &digest).unwrap();
            assert!(verifies(key.scheme, &key.birth.public_key, &digest, &signature));
        }
        assert_eq!(sim.log.len(), commands, "the registry heard of it");
        for node in &sim.nodes {
            let written = |(_, name): &&(String, Vec<u8>)| name.as_slice() == key.id;
            assert_eq!(node.store.keys().find(written), None);
            let record = |value: &Vec<u8>| value.windows(16).any(|bytes| bytes == key.id);
            assert!(!node.store.values().any(record));
        }
        assert_eq!(sim.ledger.violations, Vec::<String>::new());
    }
}

#[test]
fn only_the_process_that_made_it_may_use_it() {
    let (mut sim, mut user, key) = with_session_key(4);
    let own = user.instance;
    // Another process of the same client, another client with the same login, and one without a name.
    let mut thief = User::new(61, 7);
    thief.enrol(&mut sim);
    (thief.so, thief.pin_key, thief.instance) = (user.so.clone(), user.pin_key.clone(), own);
    thief.login(&mut sim);
    assert_eq!(code(thief.sign(&mut sim, &key, [1, 2], &[1; 32])), Code::NotFound);
    user.instance = [77; 16];
    come_again(&mut sim, &mut user);
    for node in 1..=3 {
        let other = if node == 1 { 2 } else { 1 };
        let mut set = [node, other];
        set.sort_unstable();
        let sign = user.sign_request(&key, set, &[0; 32], &[1; 32]);
        assert_eq!(code(user.sign_at(&mut sim, node, sign)), Code::NotFound);
    }
    // Neither may end it, which they are not told.
    let destroyed = vec![key.id.to_vec()];
    for node in 1..=3 {
        let hold = HoldKeysRequest { destroyed: destroyed.clone() };
        user.call(&mut sim, node, Op::HoldKeys(hold)).unwrap();
    }
    user.instance = own;
    come_again(&mut sim, &mut user);
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
    // Its own process needs the login all the same.
    user.connect(&mut sim);
    assert_eq!(code(user.sign(&mut sim, &key, [1, 2], &[1; 32])), Code::NotLoggedIn);
}

#[test]
fn it_lives_as_long_as_its_process_and_a_lease() {
    let (mut sim, mut user, key) = with_session_key(5);
    wait(&mut sim, 3 * LEASE_MS);
    user.sign(&mut sim, &key, [2, 3], &[1; 32]).unwrap();
    close_all(&mut sim, &user);
    wait(&mut sim, LEASE_MS / 2);
    come_again(&mut sim, &mut user);
    wait(&mut sim, 2 * LEASE_MS);
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
    close_all(&mut sim, &user);
    wait(&mut sim, LEASE_MS + 1);
    come_again(&mut sim, &mut user);
    for set in SETS {
        assert_eq!(code(user.sign(&mut sim, &key, set, &[1; 32])), Code::NotFound);
    }
    for node in 1..=3 {
        assert!(sim.logged(node, "KeyErased") > 0, "node {node} says nothing of it");
    }
}

#[test]
fn its_end_is_final_at_each_node_that_hears_of_it() {
    let (mut sim, mut user, key) = with_session_key(6);
    let hold = HoldKeysRequest { destroyed: vec![key.id.to_vec()] };
    for node in [1, 2] {
        user.call(&mut sim, node, Op::HoldKeys(hold.clone())).unwrap();
        user.call(&mut sim, node, Op::HoldKeys(hold.clone())).unwrap();
    }
    for set in SETS {
        assert_ne!(code(user.sign(&mut sim, &key, set, &[1; 32])), Code::Unspecified);
    }
}

#[test]
fn it_outlasts_one_restart_and_not_two() {
    let (mut sim, mut user, key) = with_session_key(7);
    let restart = |sim: &mut Sim, user: &mut User, node| {
        sim.stop(node);
        sim.start(node);
        sim.run(8_000);
        come_again(sim, user);
    };
    restart(&mut sim, &mut user, 1);
    user.sign(&mut sim, &key, [2, 3], &[1; 32]).unwrap();
    let sign = user.sign_request(&key, [1, 2], &[0; 32], &[1; 32]);
    assert_eq!(code(user.sign_at(&mut sim, 1, sign)), Code::NotFound);
    restart(&mut sim, &mut user, 2);
    for set in SETS {
        assert_ne!(code(user.sign(&mut sim, &key, set, &[1; 32])), Code::Unspecified);
    }
}

#[test]
fn a_flood_meets_the_limits_of_node_and_client() {
    let limits =
        Limits { session_keys_per_client: 3, session_keys_max: 4, presign_pool: 0, ..Limits::default() };
    let (mut sim, mut user, _) = ready_on(Sim::with(8, limits), scheme_of_seed(1));
    let attributes = of_session(key_attributes_on(curve_of_seed(1), true));
    for id in 20..23 {
        generate(&mut sim, &mut user, 1, [id; 16], &attributes).unwrap();
    }
    let refused = generate(&mut sim, &mut user, 2, [23; 16], &attributes);
    assert!(
        matches!(&refused, Err(Error { message, .. }) if message.contains("client")),
        "{:?}",
        code(refused)
    );
    assert_eq!(code(generate(&mut sim, &mut user, 3, [24; 16], &attributes)), Code::ResourceExhausted);
    let mut other = User::new(61, 7);
    other.enrol(&mut sim);
    (other.so, other.pin_key) = (user.so.clone(), user.pin_key.clone());
    other.login(&mut sim);
    generate(&mut sim, &mut other, 1, [30; 16], &attributes).unwrap();
    assert_eq!(code(generate(&mut sim, &mut other, 1, [31; 16], &attributes)), Code::ResourceExhausted);
    // What ends makes room.
    for node in 1..=3 {
        let hold = HoldKeysRequest { destroyed: vec![vec![20; 16], vec![21; 16]] };
        user.call(&mut sim, node, Op::HoldKeys(hold)).unwrap();
    }
    generate(&mut sim, &mut other, 1, [32; 16], &attributes).unwrap();
}

#[test]
fn each_node_holds_its_use_against_its_attributes() {
    let (mut sim, mut user, key) = with_session_key(9);
    let mut sign = user.sign_request(&key, [1, 2], &[0; 32], &[1; 48]);
    sign.mechanism = 0x1045;
    assert_eq!(code(user.sign_at(&mut sim, 1, sign.clone())), Code::Forbidden);
    assert_eq!(code(user.sign_at(&mut sim, 2, sign)), Code::Forbidden);
    let mute = of_session(key_attributes_on(curve_of_seed(9), false));
    let mute = generate(&mut sim, &mut user, 1, [8; 16], &mute).unwrap();
    assert_eq!(code(user.lease(&mut sim, &mute, [1, 2])), Code::Forbidden);
}

#[test]
fn attributes_that_no_session_key_has_are_refused_before_generation() {
    let (mut sim, mut user, _) = ready(10);
    let good = of_session(key_attributes_on(curve_of_seed(10), true));
    let with = |position: usize, r#type, value: &[u8]| {
        let mut attributes = good.clone();
        attributes[position] = attribute(r#type, value);
        attributes
    };
    let large = vec![5; 5_000];
    for bad in [
        with(0, 0x0, &2u64.to_be_bytes()),
        with(1, 0x1, &[1]),
        with(3, 0x11, &[1; 32]),
        with(8, 0x163, &[0]),
        with(5, 0x102, &large),
    ] {
        assert_eq!(code(generate(&mut sim, &mut user, 1, [8; 16], &bad)), Code::Forbidden);
    }
    let mut other = request(&user, [8; 16], &good);
    other.attributes_hash = vec![1; 32];
    assert_eq!(code(user.generate(&mut sim, 1, other)), Code::Forbidden);
}

#[test]
fn the_registry_records_no_session_key() {
    let (mut sim, mut user, _) = ready(11);
    let attributes = of_session(key_attributes_on(curve_of_seed(11), true));
    let birth = user.generate(&mut sim, 1, request(&user, [9; 16], &attributes)).unwrap();
    let authors = [user.login_author(Role::User)];
    let refused = user.propose(&mut sim, 1, user.create_key([9; 16], &attributes, birth), &authors);
    assert!(refused.is_err_and(|error| error.message.contains("session key")));
}

#[test]
fn it_goes_with_its_client_and_its_token() {
    let (mut sim, mut user, key) = with_session_key(12);
    user.operate(&mut sim, 1, Body::RevokeClient(RevokeClient { client_key: user.public().to_vec() }))
        .unwrap();
    sim.run(1_000);
    for node in 1..=3 {
        assert_eq!(sim.logged(node, "KeyErased"), 1, "node {node} holds {:?}", key.id);
    }
}

/// Asks every node for its word on a copy of `key` with these attributes.
pub fn copy(
    sim: &mut Sim,
    user: &mut User,
    key: &Key,
    id: [u8; 16],
    attributes: &[Attribute],
) -> Outcome<BirthCertificate> {
    let base_index = sim.log.len() as u64;
    let birth = BirthStatement {
        key_id: id.to_vec(),
        attributes_hash: statement::attributes_hash(attributes).to_vec(),
        base_index,
        instance: if attributes[1].value == [0] { user.instance.to_vec() } else { Vec::new() },
        ..key.birth.clone()
    };
    let (key_id, attributes) = (id.to_vec(), attributes.to_vec());
    let copy = CopyKeyRequest { source_id: key.id.to_vec(), key_id, attributes, base_index };
    let mut signatures = Vec::new();
    for node in 1..=3 {
        let Reply::CopyKey(reply) = user.call(sim, node, Op::CopyKey(copy.clone()))? else {
            panic!("another answer")
        };
        let signature = reply.signature;
        assert!(
            statement::birth(&birth.encode_to_vec())
                .verify(&sim.manifest.node(node).unwrap().key, &signature)
        );
        signatures.push(NodeSignature { node: node.into(), signature });
    }
    Ok(BirthCertificate { statement: birth.encode_to_vec(), signatures })
}

#[test]
fn a_copy_on_the_token_is_a_key_like_any_other() {
    let (mut sim, mut user, key) = with_session_key(13);
    let attributes = key_attributes_on(curve_of_seed(13), true);
    let birth = copy(&mut sim, &mut user, &key, [40; 16], &attributes).unwrap();
    let authors = [user.login_author(Role::User)];
    let command = user.create_key([40; 16], &attributes, birth);
    user.propose(&mut sim, 1, command, &authors).unwrap();
    sim.run(100);
    let kept = Key { id: [40; 16], ..key.clone() };
    user.sign(&mut sim, &kept, [1, 2], &[1; 32]).unwrap();
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
    close_all(&mut sim, &user);
    wait(&mut sim, LEASE_MS + 1);
    for node in [1, 2, 3] {
        sim.stop(node);
        sim.start(node);
    }
    sim.run(10_000);
    user.instance = [88; 16];
    come_again(&mut sim, &mut user);
    for set in SETS {
        user.sign(&mut sim, &kept, set, &[2; 32]).unwrap();
        assert_ne!(code(user.sign(&mut sim, &key, set, &[2; 32])), Code::Unspecified);
    }
}

/// The other way: what was recorded serves one process under an id of its own, and its end ends nothing else.
#[test]
fn a_copy_of_a_session_is_a_session_key() {
    let (mut sim, mut user, key) = ready(15);
    let attributes = of_session(key_attributes_on(curve_of_seed(15), true));
    let commands = sim.log.len();
    copy(&mut sim, &mut user, &key, [44; 16], &attributes).unwrap();
    let own = Key { id: [44; 16], ..key.clone() };
    for set in SETS {
        user.sign(&mut sim, &own, set, &[1; 32]).unwrap();
    }
    assert_eq!(sim.log.len(), commands, "the registry heard of it");
    let instance = std::mem::replace(&mut user.instance, [77; 16]);
    come_again(&mut sim, &mut user);
    assert_eq!(code(user.sign(&mut sim, &own, [1, 2], &[1; 32])), Code::NotFound);
    user.instance = instance;
    come_again(&mut sim, &mut user);
    for node in 1..=3 {
        let hold = HoldKeysRequest { destroyed: vec![own.id.to_vec()] };
        user.call(&mut sim, node, Op::HoldKeys(hold)).unwrap();
    }
    assert_eq!(code(user.sign(&mut sim, &own, [1, 2], &[1; 32])), Code::NotFound);
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
}

#[test]
fn a_copy_is_no_way_around_what_is_sticky() {
    let (mut sim, mut user, key) = with_session_key(14);
    let good = key_attributes_on(curve_of_seed(14), true);
    let with = |r#type, value: &[u8]| {
        let mut attributes = good.clone();
        let position = attributes.iter().position(|attribute| attribute.r#type == r#type).unwrap();
        attributes[position] = attribute(r#type, value);
        attributes
    };
    for bad in [
        with(0x2, &[0]),            // public
        with(0x103, &[0]),          // not sensitive
        with(0x162, &[1]),          // extractable
        with(0x163, &[0]),          // not local
        with(0x4000_0600, &[0; 8]), // other mechanisms
    ] {
        assert_eq!(code(copy(&mut sim, &mut user, &key, [41; 16], &bad)), Code::Forbidden, "{bad:?}");
    }
    let taken = user.generate_key(&mut sim, 1, [42; 16], &good).unwrap();
    assert_eq!(code(copy(&mut sim, &mut user, &key, taken.id, &good)), Code::Forbidden);
    user.instance = [77; 16];
    come_again(&mut sim, &mut user);
    assert_eq!(code(copy(&mut sim, &mut user, &key, [43; 16], &good)), Code::NotFound);
}
