//! Pools follow demand, keep their bounds, and die with what they were made of (nonce rules R2, R6, R7).

use engine::Limits;
use proto::client::v1::{
    Code, PoolStatus, StatusReply, StatusRequest, request::Op, response::Result as Reply,
};
use proto::registry::v1::{DestroyObject, Role, command::Body};
use proto::statement::record_hash;

use crate::curves::scheme_of_seed;
use crate::refusals::list;
use crate::service::{ready, ready_on};
use crate::sim::{NODES, Sim};
use crate::user::{Key, User, key_attributes};

const LIFE_MS: u64 = 10 * 60 * 1000;

fn limits(presign_pool: u32, presignatures_max: u32) -> Limits {
    Limits { presign_pool, presignatures_max, ..Limits::default() }
}

pub fn status(sim: &mut Sim, user: &mut User, node: u8) -> StatusReply {
    match user.call(sim, node, Op::Status(StatusRequest {})).unwrap() {
        Reply::Status(status) => status,
        _ => panic!("another answer"),
    }
}

fn pool(sim: &mut Sim, user: &mut User, node: u8, key: &Key) -> PoolStatus {
    let pools = status(sim, user, node).pools;
    pools.into_iter().find(|pool| pool.key_id == key.id).unwrap_or_default()
}

/// Presignatures of a key at each node.
fn held(sim: &mut Sim, user: &mut User, key: &Key) -> Vec<u32> {
    (1..=NODES).map(|node| pool(sim, user, node, key).ready).collect()
}

fn another_key(sim: &mut Sim, user: &mut User, id: u8) -> Key {
    user.generate_key(sim, 1, [id; 16], &key_attributes(true)).unwrap()
}

#[test]
fn a_pool_grows_with_use_shrinks_without_and_is_gone_when_cold() {
    let (mut sim, mut user, key) = ready_on(Sim::with(70, limits(64, 1000)), scheme_of_seed(70));
    assert_eq!(held(&mut sim, &mut user, &key), [0, 0, 0], "a key that was never used keeps none");
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
    sim.run(500);
    let once = pool(&mut sim, &mut user, 1, &key);
    assert!(once.free == once.level && (1..10).contains(&once.level), "{once:?}");
    for digest in 0..20 {
        user.sign(&mut sim, &key, [1, 2], &[digest; 32]).unwrap();
    }
    sim.run(1_000);
    let busy = pool(&mut sim, &mut user, 1, &key);
    assert!(busy.free == busy.level && busy.level > once.level, "{once:?} {busy:?}");
    sim.run(120_000);
    let quiet = pool(&mut sim, &mut user, 1, &key);
    assert!(quiet.level < busy.level && quiet.uses_per_1000_s < busy.uses_per_1000_s, "{quiet:?}");
    sim.run(LIFE_MS + 2_000);
    assert_eq!(held(&mut sim, &mut user, &key), [0, 0, 0]);
    assert_eq!(status(&mut sim, &mut user, 2).pools_total.unwrap().bytes, 0);
    assert!(user.sign(&mut sim, &key, [1, 2], &[3; 32]).is_ok(), "a cold key signs");
}

#[test]
fn the_coldest_pool_makes_room_and_no_limit_is_passed() {
    let (mut sim, mut user, cold) = ready_on(Sim::with(71, limits(4, 6)), scheme_of_seed(71));
    let hot = another_key(&mut sim, &mut user, 2);
    user.sign(&mut sim, &cold, [1, 2], &[1; 32]).unwrap();
    sim.run(20_000);
    assert_eq!(held(&mut sim, &mut user, &cold), [4, 4, 0]);
    for digest in 0..6 {
        user.sign(&mut sim, &hot, [1, 2], &[digest; 32]).unwrap();
        sim.run(100);
        for node in 1..=NODES {
            let all = status(&mut sim, &mut user, node).pools_total.unwrap();
            assert!(all.bytes <= all.bytes_max, "node {node}: {all:?}");
        }
    }
    assert_eq!(held(&mut sim, &mut user, &hot), [4, 4, 0], "the key in use has its level");
    assert_eq!(held(&mut sim, &mut user, &cold), [2, 2, 0], "both members dropped the same number");
    assert!(status(&mut sim, &mut user, 1).pools_total.unwrap().evicted > 0);
    for digest in 0..4 {
        assert!(user.sign(&mut sim, &cold, [1, 2], &[digest; 32]).is_ok());
    }
}

#[test]
fn one_client_does_not_drive_out_another() {
    let bounds = Limits { presignatures_per_client: 6, presignatures_per_key: 5, ..limits(4, 12) };
    let (mut sim, mut user, key) = ready_on(Sim::with(72, bounds), scheme_of_seed(72));
    user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
    let mut greedy = User::new(51, 8);
    greedy.enrol(&mut sim);
    greedy.set_up_token(&mut sim);
    greedy.login(&mut sim);
    sim.run(1_000);
    let before = held(&mut sim, &mut user, &key);
    assert_eq!(before, [4, 4, 0]);
    for id in 0..2 {
        let own = another_key(&mut sim, &mut greedy, 100 + id);
        for digest in 0..2 {
            greedy.sign(&mut sim, &own, [1, 2], &[digest; 32]).unwrap();
        }
        greedy.lease_some(&mut sim, &own, [1, 2], 4).unwrap();
        sim.run(6_000);
        for node in 1..=2 {
            let of_greedy: u32 = status(&mut sim, &mut user, node)
                .pools
                .iter()
                .filter(|pool| pool.client_key == greedy.public())
                .inspect(|pool| assert!(pool.ready <= bounds.presignatures_per_key))
                .map(|pool| pool.ready)
                .sum();
            assert!(of_greedy <= bounds.presignatures_per_client, "{of_greedy}");
        }
    }
    assert_eq!(held(&mut sim, &mut user, &key), before);
}

#[test]
fn leases_that_are_never_used_stop_and_are_forgiven_with_time() {
    let bounds = Limits { unanswered_per_client: 6, ..limits(4, 100) };
    let (mut sim, mut user, key) = ready_on(Sim::with(73, bounds), scheme_of_seed(73));
    let refused = (0..10).find_map(|_| user.lease_some(&mut sim, &key, [1, 2], 2).err());
    assert_eq!(refused.unwrap().code(), Code::ResourceExhausted);
    sim.run(2_000);
    for digest in 0..20 {
        // What is answered does not count.
        user.sign(&mut sim, &key, [1, 2], &[digest; 32]).unwrap();
    }
}

#[test]
fn connections_of_a_client_share_its_leases() {
    let (mut sim, mut user, key) = ready(74);
    let first = user.lease_some(&mut sim, &key, [1, 2], 2).unwrap().presignature_ids;
    let other = user.conns.remove(&1).unwrap();
    let identity = user.key.clone();
    let fresh = user.connect_as(&mut sim, 1, &identity).unwrap();
    user.conns.insert(1, fresh);
    user.login_at(&mut sim, 1, Role::User).unwrap();
    sim.input(1, engine::Input::ClientClosed { conn: other.id });
    let second: Vec<Vec<u8>> = (0..4).flat_map(|_| user.lease(&mut sim, &key, [1, 2]).unwrap()).collect();
    assert!(first.iter().all(|id| !second.contains(id)), "the client is still there, and so are its leases");
    let request = user.sign_request(&key, [1, 2], &first[0], &[1; 32]);
    assert!(user.sign_at(&mut sim, 1, request).is_ok());
}

#[test]
fn presignatures_die_with_a_member_and_with_the_key() {
    let (mut sim, mut user, key) = ready(75);
    for signers in [[1, 2], [1, 3]] {
        user.sign(&mut sim, &key, signers, &[1; 32]).unwrap();
    }
    sim.run(1_000);
    let of_set = |sim: &mut Sim, user: &mut User, signers: &[u32]| {
        let pools = status(sim, user, 1).pools;
        pools.iter().find(|pool| pool.signers == signers).map_or(0, |pool| pool.ready)
    };
    assert!(of_set(&mut sim, &mut user, &[1, 2]) > 0 && of_set(&mut sim, &mut user, &[1, 3]) > 0);
    sim.stop(2);
    sim.start(2);
    sim.run(30);
    assert_eq!(of_set(&mut sim, &mut user, &[1, 2]), 0, "made with another boot of node 2");
    assert!(of_set(&mut sim, &mut user, &[1, 3]) > 0);
    sim.run(40_000);
    user.connect(&mut sim);
    user.login(&mut sim);
    let record = list(&mut user, &mut sim).1.remove(0);
    let destroy = DestroyObject {
        token_id: user.token.to_vec(),
        object_id: key.id.to_vec(),
        predecessor: record_hash(&record).to_vec(),
    };
    let authors = [user.login_author(Role::User)];
    user.propose(&mut sim, 1, Body::DestroyObject(destroy), &authors).unwrap();
    sim.run(100);
    for node in 1..=NODES {
        assert_eq!(status(&mut sim, &mut user, node).pools, []);
    }
}

#[test]
fn a_repeated_request_is_refused_and_answers_nothing() {
    let (mut sim, mut user, key) = ready(76);
    let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
    let request = user.sign_request(&key, [1, 2], &id, &[1; 32]);
    user.sign_at(&mut sim, 1, request.clone()).unwrap();
    let signatures = |sim: &mut Sim| sim.node(1).engine.as_ref().unwrap().counters().signatures;
    let answered = signatures(&mut sim);
    // As after a lost reply: the same nonce, on this connection and on another one.
    let again = user.sign_at(&mut sim, 1, request.clone()).unwrap_err();
    user.connect(&mut sim);
    user.login(&mut sim);
    let elsewhere = user.sign_at(&mut sim, 1, request).unwrap_err();
    assert_eq!((again.code(), elsewhere.code()), (Code::PresignatureGone, Code::PresignatureGone));
    assert_eq!(signatures(&mut sim), answered);
}
