//! RSA keys that are made ahead: each becomes one key at most, whoever lies, dies or asks twice.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use engine::Limits;
use engine::bugs::Bug;
use prost::Message;
use proto::client::v1::{Code, GenerateReply, ModuliStatus, request::Op, response::Result as Reply};
use proto::peer::v1::{Control, Envelope, Protocol, control::Body};
use proto::registry::v1::BirthStatement;
use threshold::rsa::Hash;
use threshold::rsa::encode::Block;
use threshold::signing::SigningScheme;

use crate::liars::{Liar, Strategy};
use crate::rsa::{SHA256_RSA_PKCS, asked, attributes, generate, public, request, result};
use crate::service::ready_on;
use crate::sim::{Delivery, Sim, node_key};
use crate::user::{Key, User};

/// One key of 512 bits for each node.
fn limits() -> Limits {
    Limits {
        presign_pool: 2,
        presignatures_max: 100,
        rsa_pool: [(512, 1), (2048, 0), (3072, 0)],
        ..Limits::default()
    }
}

/// Long enough for three keys of this size, and for those that gave way to be begun again.
const FILLED_MS: u64 = 120_000;

/// A cluster whose pools are full.
fn filled(seed: u64) -> (Sim, User) {
    let (mut sim, user, _) = ready_on(Sim::with(seed, limits()), SigningScheme::EcdsaP256);
    fill(&mut sim);
    (sim, user)
}

/// Runs until every node has one more of its own than were taken or lost.
fn fill(sim: &mut Sim) {
    let all: Vec<u8> = sim.all().collect();
    for _ in 0..FILLED_MS / 1_000 {
        if all.iter().all(|node| ready(sim, *node) == 1) {
            return sim.run(2_000);
        }
        sim.run(1_000);
    }
    panic!("not filled: {:?}", all.iter().map(|node| ready(sim, *node)).collect::<Vec<_>>());
}

/// Node 3 starts anew, and nobody has any.
fn emptied(sim: &mut Sim, user: &mut User) {
    sim.stop(3);
    sim.start(3);
    sim.run(1_000);
    for node in sim.all() {
        assert_eq!(ready(sim, node), 0, "node {node}");
    }
    user.connect(sim);
    user.login(sim);
}

/// How many a node says that it has ready.
fn ready(sim: &mut Sim, node: u8) -> u32 {
    status(sim, node).ready
}

fn status(sim: &mut Sim, node: u8) -> ModuliStatus {
    let mut observer = User::new(50, 7);
    observer.number_from((u64::from(node) << 40) + sim.now);
    let key = observer.key.clone();
    let conn = observer.connect_as(sim, node, &key).unwrap().id;
    let id = observer.send(sim, node, conn, Op::Status(proto::client::v1::StatusRequest {}));
    match observer.answer(sim, conn, id) {
        Ok(Reply::Status(status)) => status.moduli[0].clone(),
        _ => panic!("another answer"),
    }
}

fn signs(sim: &mut Sim, user: &mut User, key: &Key) {
    let block = Block::pkcs1(&public(key), Hash::Sha256, &[7; 32]).unwrap();
    for quorum in [[1, 2], [1, 3], [2, 3]] {
        let request = asked(key, quorum, SHA256_RSA_PKCS, &[7; 32]);
        result(sim, user, key, &request, &block);
    }
}

/// Keys that were made while their client waited.
fn waited_for(sim: &Sim) -> usize {
    sim.logged(1, "RsaKeyMade")
}

#[test]
fn a_key_that_was_made_ahead_signs_with_every_quorum_and_is_nobody_elses() {
    let (mut sim, mut user) = filled(70);
    let first = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    assert_eq!(waited_for(&sim), 0, "it was ready");
    // The pool of node 1 is empty now.
    let second = generate(&mut sim, &mut user, 6, &attributes(true, true)).unwrap();
    assert_eq!(waited_for(&sim), 1);
    assert_ne!(public(&first).n(), public(&second).n());
    fill(&mut sim);
    let third = generate(&mut sim, &mut user, 7, &attributes(true, true)).unwrap();
    assert_eq!(waited_for(&sim), 1, "it was ready again");
    for key in [&first, &second, &third] {
        signs(&mut sim, &mut user, key);
    }
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}

#[test]
fn two_clients_at_once_get_two_moduli() {
    let (mut sim, mut user) = filled(71);
    // Two at node 1, whose pool has one: the second waits for one of its own.
    let asking: Vec<(u64, u64)> = [(1, 5), (2, 6), (1, 7)]
        .into_iter()
        .map(|(node, id)| {
            let conn = user.conns[&node].id;
            let asked = request(&user, [id; 16], &attributes(true, true));
            (conn, user.send(&mut sim, node, conn, Op::Generate(asked)))
        })
        .collect();
    let births: Vec<BirthStatement> = asking
        .into_iter()
        .map(|(conn, id)| match user.answer(&mut sim, conn, id) {
            Ok(Reply::Generate(GenerateReply { birth: Some(birth) })) => {
                BirthStatement::decode(birth.statement.as_slice()).unwrap()
            }
            _ => panic!("another answer"),
        })
        .collect();
    assert_eq!(waited_for(&sim), 1);
    let moduli: BTreeSet<&[u8]> = births.iter().map(|birth| birth.public_key.as_slice()).collect();
    assert_eq!(moduli.len(), 3);
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}

#[test]
fn a_restart_of_one_node_empties_all_pools() {
    let (mut sim, mut user) = filled(72);
    emptied(&mut sim, &mut user);
    fill(&mut sim);
    let key = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    assert_eq!(waited_for(&sim), 0);
    signs(&mut sim, &mut user, &key);
}

#[test]
fn a_node_without_a_pool_makes_none_for_others_and_takes_part_in_keys() {
    let (mut sim, mut user) = filled(73);
    sim.stop(3);
    sim.limits.rsa_pool = [(2048, 0); 3];
    sim.start(3);
    sim.run(20_000);
    assert_eq!([1, 2].map(|node| ready(&mut sim, node)), [0, 0]);
    assert!(sim.logged(3, "PeerMessageRefused") > 0);
    user.connect(&mut sim);
    user.login(&mut sim);
    let key = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    assert_eq!(waited_for(&sim), 1);
    signs(&mut sim, &mut user, &key);
}

#[test]
fn a_node_that_dies_while_one_is_made_leaves_nothing_behind() {
    let (mut sim, mut user, _) = ready_on(Sim::with(74, limits()), SigningScheme::EcdsaP256);
    for _ in 0..2 {
        let begun = (0..10_000).any(|_| {
            sim.run(3);
            status(&mut sim, 1).filling
        });
        assert!(begun);
        sim.stop(2);
        sim.run(100);
        for node in [1, 3] {
            assert!(!status(&mut sim, node).filling, "node {node}");
        }
        sim.start(2);
        sim.run(1_000);
        assert_eq!([1, 2, 3].map(|node| ready(&mut sim, node)), [0; 3]);
    }
    user.connect(&mut sim);
    user.login(&mut sim);
    fill(&mut sim);
    let key = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    signs(&mut sim, &mut user, &key);
}

#[test]
fn a_liar_spoils_what_is_made_ahead_and_is_in_nobodys_key() {
    for (seed, strategy) in
        (75..).zip([Strategy::WrongBit(Protocol::Generation), Strategy::Equivocate(Protocol::Generation)])
    {
        let (mut sim, mut user, _) = ready_on(Sim::with(seed, limits()), SigningScheme::EcdsaP256);
        let cluster = sim.manifest.cluster_id();
        sim.liars.insert(3, Liar::new(vec![strategy], 1000, cluster, node_key(3)));
        emptied(&mut sim, &mut user);
        sim.run(30_000);
        assert_eq!([1, 2].map(|node| ready(&mut sim, node)), [0, 0], "{strategy:?}");
        assert!(sim.logged(1, "ModulusFailed") > 0);
        sim.liars.clear();
        fill(&mut sim);
        let key = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
        signs(&mut sim, &mut user, &key);
    }
}

/// The control of the ledger: nodes that keep what they hand out make two keys of one modulus.
#[test]
fn a_modulus_that_is_kept_is_found() {
    for planted in [false, true] {
        let (mut sim, mut user) = filled(81);
        if planted {
            sim.nodes.iter_mut().for_each(|node| node.engine.as_mut().unwrap().plant(Bug::ModulusKept));
        }
        let [one, other] =
            [5, 6].map(|id| generate(&mut sim, &mut user, id, &attributes(true, true)).unwrap());
        assert_eq!(public(&one).n() == public(&other).n(), planted);
        assert_eq!(!sim.ledger.violations.is_empty(), planted, "{:?}", sim.ledger.violations);
    }
}

/// The sessions that made something for each node, as its orders named them.
type Sessions = Rc<RefCell<BTreeMap<u8, Vec<Vec<u8>>>>>;

fn control(envelope: &Envelope) -> Option<Body> {
    if envelope.protocol() != Protocol::Control {
        return None;
    }
    Control::decode(envelope.payload.as_slice()).ok()?.body
}

/// A liar that names a modulus of another owner, one that is spent, or one that never was.
#[test]
fn an_owner_hands_out_its_own_and_each_once() {
    let (sessions, told) = (Sessions::default(), Rc::new(RefCell::new(None::<Vec<u8>>)));
    let (mut sim, mut user, _) = ready_on(Sim::with(77, limits()), SigningScheme::EcdsaP256);
    let (seen, lie) = (sessions.clone(), told.clone());
    sim.alter = Some(Box::new(move |from, envelope| {
        match control(envelope) {
            Some(Body::ModulusStart(_)) => {
                let mut seen = seen.borrow_mut();
                let of_node = seen.entry(from).or_default();
                if of_node.last() != Some(&envelope.session) {
                    of_node.push(envelope.session.clone());
                }
                false
            }
            Some(Body::GenerationStart(mut start)) if from == 1 => match &*lie.borrow() {
                Some(modulus) => {
                    start.modulus = modulus.clone();
                    envelope.payload = Control { body: Some(Body::GenerationStart(start)) }.encode_to_vec();
                    true
                }
                None => {
                    // The true one, to be named again later.
                    seen.borrow_mut().insert(0, vec![start.modulus]);
                    false
                }
            },
            _ => false,
        }
    }));
    emptied(&mut sim, &mut user);
    fill(&mut sim);
    let first = generate(&mut sim, &mut user, 5, &attributes(true, true)).unwrap();
    assert_eq!(waited_for(&sim), 0);
    let spent = sessions.borrow()[&0][0].clone();
    assert_eq!(spent.len(), 32);
    let of_another = sessions.borrow()[&2].last().unwrap().clone();
    for (id, modulus) in (6..).zip([spent, of_another, vec![9; 32], vec![1]]) {
        fill(&mut sim);
        let refused = sim.logged(2, "PeerMessageRefused");
        *told.borrow_mut() = Some(modulus);
        let error = generate(&mut sim, &mut user, id, &attributes(true, true)).err().unwrap();
        assert_eq!(error.code(), Code::Unavailable, "{}", error.message);
        assert!(sim.logged(2, "PeerMessageRefused") > refused);
        *told.borrow_mut() = None;
    }
    fill(&mut sim);
    let last = generate(&mut sim, &mut user, 20, &attributes(true, true)).unwrap();
    assert_ne!(public(&first).n(), public(&last).n());
    signs(&mut sim, &mut user, &last);
}

/// A liar that owns one and orders it for one key at node 2, and for another at node 3; then each other way round.
#[test]
fn an_owner_that_names_two_keys_gets_neither() {
    let named = Rc::new(RefCell::new(Vec::<Vec<u8>>::new()));
    let (mut sim, mut user) = filled(79);
    let seen = named.clone();
    sim.alter = Some(Box::new(move |from, envelope| {
        let Some(Body::GenerationStart(mut start)) = control(envelope).filter(|_| from == 1) else {
            return false;
        };
        let mut statement = BirthStatement::decode(start.statement.as_slice()).unwrap();
        let first = seen.borrow().first().cloned().unwrap_or_else(|| start.modulus.clone());
        seen.borrow_mut().push(first.clone());
        start.modulus = first;
        if envelope.receiver == 3 {
            // 5 there is 6 here, and 6 is 5.
            statement.key_id.iter_mut().for_each(|byte| *byte ^= 3);
            start.statement = statement.encode_to_vec();
        }
        envelope.payload = Control { body: Some(Body::GenerationStart(start)) }.encode_to_vec();
        true
    }));
    let signed = |sim: &Sim| [2, 3].map(|node| sim.logged(node, "KeyGenerated"));
    let before = signed(&sim);
    let told = generate(&mut sim, &mut user, 5, &attributes(true, true)).err().unwrap();
    assert_eq!(told.code(), Code::Unavailable, "{}", told.message);
    let spent = named.borrow()[0].clone();
    assert_eq!(spent.len(), 32);
    // Both have bound it: node 2 to key 5, node 3 to key 6.
    let bound = signed(&sim);
    assert_eq!(bound, before.map(|count| count + 1));
    let told = generate(&mut sim, &mut user, 6, &attributes(true, true)).err().unwrap();
    assert_eq!(told.code(), Code::Unavailable, "{}", told.message);
    assert_eq!(signed(&sim), bound);
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
    sim.alter = None;
    fill(&mut sim);
    let key = generate(&mut sim, &mut user, 7, &attributes(true, true)).unwrap();
    signs(&mut sim, &mut user, &key);
}

/// A link breaks at each moment of a hand-out: whatever arrived where, no modulus is in two keys, and a client that asks
/// again gets its key.
#[test]
fn a_link_that_breaks_costs_a_try_and_never_gives_a_modulus_twice() {
    let (mut sim, mut user) = filled(79);
    let (mut births, mut failed) = (Vec::new(), 0);
    for (id, steps) in (10..).zip([1, 3, 6, 9, 12, 18]) {
        let conn = user.conns[&1].id;
        let asked = request(&user, [id; 16], &attributes(true, true));
        let sent = user.send(&mut sim, 1, conn, Op::Generate(asked));
        for _ in 0..steps {
            sim.step(u64::MAX);
        }
        sim.disconnect(1, 3);
        sim.schedule(50, Delivery::Connect { one: 1, other: 3 });
        match user.answer(&mut sim, conn, sent) {
            Ok(Reply::Generate(GenerateReply { birth: Some(birth) })) => {
                births.push(BirthStatement::decode(birth.statement.as_slice()).unwrap());
            }
            Err(error) => {
                assert_eq!(error.code(), Code::Unavailable, "{}", error.message);
                failed += 1;
            }
            _ => panic!("another answer"),
        }
        fill(&mut sim);
    }
    let moduli: BTreeSet<&[u8]> = births.iter().map(|birth| birth.public_key.as_slice()).collect();
    assert_eq!(moduli.len(), births.len());
    assert!(failed > 0, "no link broke in time");
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
    let key = generate(&mut sim, &mut user, 50, &attributes(true, true)).unwrap();
    signs(&mut sim, &mut user, &key);
}

/// Links break while keys are made ahead: what some nodes have and others have not is handed out to nobody for good.
#[test]
fn links_that_break_while_keys_are_made_ahead_spoil_only_those() {
    let (mut sim, mut user, _) = ready_on(Sim::with(80, limits()), SigningScheme::EcdsaP256);
    (sim.delay_max_ms, sim.breaks) = (10, 2);
    sim.run(60_000);
    assert!(sim.logged(1, "ModulusFailed") > 0 && sim.logged(1, "ModulusReady") > 0);
    (sim.delay_max_ms, sim.breaks) = (3, 0);
    sim.run(1_000);
    fill(&mut sim);
    let made = (50..53).find_map(|id| generate(&mut sim, &mut user, id, &attributes(true, true)).ok());
    signs(&mut sim, &mut user, &made.expect("no key in three tries"));
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}
