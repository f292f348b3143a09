//! Nonce rules under crashes, old stores and clones. The ledger of the simulation must never see a nonce twice,
//! but where a live clone answers beside its original, which is the control.

use elliptic_curve::ff::Field;
use engine::Input;
use engine::bugs::Bug;
use proto::client::v1::Code;
use proto::statement;
use threshold::ecdsa::{OnlineRequest, PartialSignature};
use threshold::frost::{Bip340, Ed25519, FrostP256};
use threshold::group::{Curve, P256, P384, Point, Secp256k1};
use threshold::signing::{PublicKey, SigningCurve, SigningScheme};
use threshold::sim::{shift, values};

use crate::curves::{curve_of_seed, key_attributes_on, named, scheme_of_seed, usual_scheme};
use crate::sim::{Shape, Sim, THREE_OF_FIVE, TWO_OF_THREE, World};
use crate::strict::a_schnorr_answer_is_bare;
use crate::user::{Key, User};

/// A cluster at the point where a presignature is leased and nobody has answered. One seed, one memory: two
/// of them are a node and its live clone.
fn leased(scheme: SigningScheme, seed: u64, bug: Option<Bug>) -> (Sim, User, Key, Vec<u8>) {
    let world = World::on(TWO_OF_THREE, scheme.curve());
    let (mut sim, mut user) = world.running(seed, |sim| sim.nodes.iter_mut().for_each(|node| node.bug = bug));
    let key = world.key.by(scheme);
    let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
    (sim, user, key, id)
}

/// What the copies of these nodes answer to one digest, and the request.
fn copies<C: Curve>(seed: u64, bug: Option<Bug>, nodes: &[u8], digest: u8) -> Copies<C> {
    let (mut sim, mut user, key, id) = leased(usual_scheme(named::<C>()), seed, bug);
    let answers = nodes.iter().map(|node| {
        let request = user.sign_request(&key, [1, 2], &id, &[digest; 32]);
        let reply = user.sign_at(&mut sim, *node, request).unwrap();
        let said = statement::partial(&sim.manifest.cluster_id(), u32::from(*node), &[9; 32], &reply.partial);
        assert!(said.verify(&sim.manifest.node(*node).unwrap().key, &reply.node_signature));
        PartialSignature::decode(&reply.partial).unwrap()
    });
    let answers = answers.collect();
    let public_key = C::Point::decode(&key.birth.public_key).unwrap();
    let request = user.signing_request(&sim, &key, &[1, 2], &[digest; 32], [9; 32]).with_key(&public_key);
    Copies { request, answers, sim }
}

struct Copies<C: Curve> {
    request: OnlineRequest<C>,
    answers: Vec<PartialSignature<C>>,
    sim: Sim,
}

fn inverse<F: Field>(scalar: F) -> F {
    scalar.invert().unwrap()
}

/// Whether what a node answers lacks its zero-shares (R9). FROST's has them in strict mode.
pub fn masks_are_missing(scheme: SigningScheme, bug: Option<Bug>) -> bool {
    let strict = || {
        let world = World::on(TWO_OF_THREE, scheme.curve());
        let (sim, user) = world.running(14, |sim| {
            sim.limits.strict = true;
            sim.nodes.iter_mut().for_each(|node| node.bug = bug);
        });
        (sim, user, world.key.clone())
    };
    match scheme {
        SigningScheme::EcdsaP256 => answers_are_dependent::<P256>(bug),
        SigningScheme::EcdsaP384 => answers_are_dependent::<P384>(bug),
        SigningScheme::EcdsaSecp256k1 => answers_are_dependent::<Secp256k1>(bug),
        SigningScheme::Ed25519 => a_schnorr_answer_is_bare::<Ed25519>(scheme, strict(), |key| match key {
            PublicKey::Edwards25519(point) => Some(point),
            _ => None,
        }),
        SigningScheme::FrostP256 => {
            a_schnorr_answer_is_bare::<FrostP256>(scheme, strict(), |key| match key {
                PublicKey::P256(point) => Some(point),
                _ => None,
            })
        }
        SigningScheme::Bip340 => a_schnorr_answer_is_bare::<Bip340>(scheme, strict(), |key| match key {
            PublicKey::Secp256k1(point) => Some(point),
            _ => None,
        }),
    }
}

/// Three answers of one node's copies: without zero-shares u is linear in delta, so each pair of answers gives
/// the same slope, the node's mask.
fn answers_are_dependent<C: Curve>(bug: Option<Bug>) -> bool {
    let points = [1, 2, 3].map(|digest| {
        let Copies { request, answers, .. } = copies::<C>(11, bug, &[1], digest);
        (shift(&answers[0], &request).0, values(&answers[0]).0)
    });
    let slope = |one: usize, other: usize| {
        (points[one].1 - points[other].1) * inverse(points[one].0 - points[other].0)
    };
    slope(0, 1) == slope(1, 2)
}

/// The documented limit: a live clone of an honest node, beside T-1 others that answer twice, gives the key
/// away. This is why memory must not be copied, and what the strict mode is for.
fn clones_give_the_key_away<C: Curve>() {
    let one = copies::<C>(12, None, &[1, 2], 1);
    let other = copies::<C>(12, None, &[1, 2], 2);
    let same = one.answers[0].presignature == other.answers[0].presignature;
    assert!(same, "an exact clone has the same presignature");
    assert!(one.sim.ledger.violations.is_empty() && other.sim.ledger.violations.is_empty());
    assert!(one.sim.ledger.overlaps(&other.sim.ledger), "the ledger sees it over both");
    let sum = |copies: &Copies<C>| {
        let zero = (C::Scalar::ZERO, C::Scalar::ZERO);
        let add = |sum: (C::Scalar, C::Scalar), one: (C::Scalar, C::Scalar)| (sum.0 + one.0, sum.1 + one.1);
        (copies.answers.iter().map(values).fold(zero, add), shift(&copies.answers[0], &copies.request))
    };
    let (((u1, w1), (delta1, r1)), ((u2, _), (delta2, _))) = (sum(&one), sum(&other));
    let phi = (u1 - u2) * inverse(delta1 - delta2);
    let secret = (w1 - C::digest_to_scalar(&one.request.digest) * phi) * inverse(r1) * inverse(phi);
    assert!(C::Point::mul_base(&secret) == one.request.public_key, "the key is found");
}

#[test]
fn a_live_clone_beside_corrupt_signers_is_seen_and_gives_the_key_away() {
    clones_give_the_key_away::<P256>();
    clones_give_the_key_away::<P384>();
    clones_give_the_key_away::<Secp256k1>();
}

/// A copy that was started, not cloned, has another boot id and nothing to answer with; peers that hear of it
/// drop what they had with the original, which goes on beside it and does not know.
#[test]
fn a_copied_node_process_answers_nothing_of_its_original() {
    let (mut sim, mut user, key, id) = leased(SigningScheme::Bip340, 13, None);
    let original = sim.node(1).engine.take();
    let to_original = user.conns.remove(&1).unwrap();
    [2, 3].into_iter().for_each(|peer| sim.disconnect(1, peer));
    sim.start(1);
    sim.run(4_000);
    user.connect(&mut sim);
    user.login(&mut sim);
    for node in [1, 2] {
        let request = user.sign_request(&key, [1, 2], &id, &[1; 32]);
        assert_eq!(user.sign_at(&mut sim, node, request).err().unwrap().code(), Code::PresignatureGone);
    }
    let copy = std::mem::replace(&mut sim.node(1).engine, original);
    let to_copy = user.conns.insert(1, to_original).unwrap();
    [2, 3].into_iter().for_each(|peer| sim.input(1, Input::PeerDisconnected { peer }));
    let ask = |sim: &mut Sim, user: &mut User, digest| {
        let request = user.sign_request(&key, [1, 2], &id, &[digest; 32]);
        user.sign_at(sim, 1, request)
    };
    assert!(ask(&mut sim, &mut user, 2).is_ok(), "one answer of T, that nobody can complete");
    assert!(ask(&mut sim, &mut user, 3).is_err(), "and no second one");
    sim.node(1).engine = copy;
    user.conns.insert(1, to_copy);
    user.sign(&mut sim, &key, [1, 2], &[4; 32]).unwrap();
    assert_eq!(sim.ledger.violations, Vec::<String>::new());
}

/// Old stores of some nodes are put back after a key was made and presignatures of it were answered by one
/// member each; with those of all nodes, the registry goes back too.
fn put_back(shape: Shape, nodes: &[u8], seed: u64) {
    let scheme = scheme_of_seed(seed);
    let world = World::on(shape, scheme.curve());
    let key = world.key.by(scheme);
    let mut sim = world.warm(seed);
    let past = sim.log.len();
    sim.limits.presign_pool = 0;
    sim.start_all();
    sim.run(1_000);
    let mut user = world.user(1);
    user.connect(&mut sim);
    user.login(&mut sim);
    let newer =
        user.generate_key(&mut sim, 1, [0x77; 16], &key_attributes_on(key.curve(), true)).unwrap().by(scheme);
    let mut leased = Vec::new();
    for set in sim.signer_sets() {
        let id = user.lease(&mut sim, &newer, &set).unwrap().remove(0);
        let request = user.sign_request(&newer, &set, &id, &[1; 32]);
        user.sign_at(&mut sim, set[0], request).unwrap();
        leased.push((set, id));
    }
    sim.run(1_000);

    nodes.iter().for_each(|node| sim.stop(*node));
    for node in nodes {
        sim.node(*node).store = sim.node(*node).old_stores[0].clone();
    }
    let all = nodes.len() == usize::from(shape.parties);
    if all {
        sim.log.truncate(past);
    }
    nodes.iter().for_each(|node| sim.start(*node));
    sim.run(15_000);
    for node in nodes {
        assert_eq!(sim.logged(*node, "StoreIsOld") > 0, !all, "node {node} of {nodes:?}");
    }
    user.connect(&mut sim);
    user.login(&mut sim);
    for (set, id) in leased {
        let touched = set.iter().any(|node| nodes.contains(node));
        for node in &set {
            let request = user.sign_request(&newer, &set, &id, &[2; 32]);
            let answered = user.sign_at(&mut sim, *node, request).is_ok();
            assert!(!answered || !touched && *node != set[0], "node {node} of {set:?} after {nodes:?}");
        }
        assert!(user.sign(&mut sim, &key, &set, &[3; 32]).is_ok(), "{set:?} after {nodes:?}");
        let serves = user.sign(&mut sim, &newer, &set, &[4; 32]).is_ok();
        assert_eq!(serves, !touched, "{set:?} after {nodes:?}: a rolled back disk has no share");
    }
    assert_eq!(sim.ledger.violations, Vec::<String>::new(), "{nodes:?}");
}

#[test]
fn old_stores_of_one_some_and_all_nodes_bring_no_nonce_back() {
    put_back(TWO_OF_THREE, &[2], 20);
    put_back(TWO_OF_THREE, &[1, 3], 21);
    put_back(TWO_OF_THREE, &[1, 2, 3], 22);
    put_back(THREE_OF_FIVE, &[1, 4], 23);
    put_back(THREE_OF_FIVE, &[1, 2, 4], 24);
    put_back(THREE_OF_FIVE, &[1, 2, 3, 4, 5], 25);
}

/// The whole life of a key, with one node dying at its `step`th effect. Whether it died; if it did not, all
/// went well.
fn dies_at(sim: &mut Sim, user: &mut User, curve: SigningCurve, victim: u8, step: u32) -> bool {
    let mut id = [0xdd; 16];
    id[..4].copy_from_slice(&step.to_be_bytes());
    sim.crashed = false;
    sim.crash_after = Some((victim, step));
    let (mut leases, mut answers) = (Vec::new(), 0);
    if let Ok(key) = user.generate_key(sim, 3, id, &key_attributes_on(curve, true)) {
        for number in 0..2 {
            let Ok(ids) = user.lease(sim, &key, [1, 2]) else { break };
            for node in [1, 2] {
                let request = user.sign_request(&key, [1, 2], &ids[0], &[number; 32]);
                answers += u32::from(user.sign_at(sim, node, request).is_ok());
            }
            leases.extend(ids.into_iter().map(|lease| (key.clone(), lease)));
        }
    }
    sim.crash_after = None;
    let crashed = std::mem::take(&mut sim.crashed);
    assert!(crashed || answers == 4, "{answers} answers without a crash");
    if !sim.runs(victim) {
        sim.start(victim);
    }
    sim.run(20_000);
    user.connect(sim);
    user.login(sim);
    // What was leased before is asked for again, for another digest.
    for (key, lease) in leases {
        for node in [1, 2] {
            let request = user.sign_request(&key, [1, 2], &lease, &[0xee; 32]);
            drop(user.sign_at(sim, node, request));
        }
    }
    assert_eq!(sim.ledger.violations, Vec::<String>::new(), "node {victim} died at effect {step}");
    crashed
}

#[test]
fn a_node_killed_at_every_effect_of_a_keys_life_never_uses_a_nonce_twice() {
    for victim in [1, 2] {
        let curve = curve_of_seed(victim.into());
        let world = World::on(TWO_OF_THREE, curve);
        let mut sim = world.warm(30 + u64::from(victim));
        sim.limits.presign_pool = 0;
        sim.start_all();
        sim.run(1_000);
        let mut user = world.user(1);
        user.connect(&mut sim);
        user.login(&mut sim);
        let last = (0..400).find(|step| !dies_at(&mut sim, &mut user, curve, victim, *step));
        assert!(last.is_some_and(|last| last > 20), "{last:?} effects");
    }
}
