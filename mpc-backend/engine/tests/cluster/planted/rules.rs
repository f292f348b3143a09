//! Nonce rules (R1 to R10) that the nodes break.

use engine::Input;
use engine::bugs::Bug;
use prost::Message;
use proto::client::v1::Code;
use proto::limits::FORMAT;
use proto::peer::v1::{Control, Envelope, PresignStart, Protocol, control::Body};

use threshold::signing::SigningScheme;

use crate::nonce_rules::masks_are_missing;
use crate::sim::{Delivery, Sim, TWO_OF_THREE, World};
use crate::strict::a_copy_repeats_its_nonce;
use crate::user::{Key, User};

/// A running cluster with a bug in all nodes, its user, and a second client of the same token.
fn buggy(world: &'static World, bug: Option<Bug>, seed: u64) -> (Sim, User, User) {
    let (sim, user) = world.running(seed, |sim| {
        sim.limits.presignatures_max = 12;
        sim.nodes.iter_mut().for_each(|node| node.bug = bug);
    });
    let mut thief = User::new(61, 7);
    thief.number_from(2 << 48);
    (sim, user, thief)
}

/// Runs what shows a bug of a nonce rule; what was noticed.
fn noticed(scheme: SigningScheme, bug: Bug, planted: bool) -> Vec<String> {
    let world = World::on(TWO_OF_THREE, scheme.curve());
    let (mut sim, mut user, mut thief) = buggy(world, planted.then_some(bug), 9);
    let key = world.key.by(scheme);
    let expect = |held: bool, what: &str, sim: &mut Sim| {
        if !held {
            sim.ledger.violation(what.to_owned());
        }
    };
    match bug {
        Bug::Unchecked(_) | Bug::ModulusKept => unreachable!("it has its own test"),
        Bug::PresignatureOnDisk | Bug::CopiedRandomness => {
            (1..4).for_each(|number| drop(user.sign(&mut sim, &key, [1, 2], &[number; 32])));
        }
        Bug::Deterministic => {
            // Numbers of a coordinator begin again with its boot.
            for _ in 0..2 {
                drop(user.sign(&mut sim, &key, [1, 2], &[1; 32]));
                sim.stop(1);
                sim.start(1);
                sim.run(1_000);
                user.connect(&mut sim);
                user.login(&mut sim);
            }
        }
        Bug::KeptAfterRestart => {
            user.lease(&mut sim, &key, [1, 2]).unwrap();
            sim.stop(2);
            sim.start(2);
            let ready = sim.logged(1, "PeerReady");
            while sim.logged(1, "PeerReady") == ready {
                assert!(sim.step(u64::MAX));
            }
            let kept = sim.node(1).engine.as_ref().unwrap().ready_with(Some(2));
            expect(kept == 0, "presignatures outlive the boot of a member", &mut sim);
        }
        Bug::NotRemoved | Bug::AnswerKept => {
            let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
            for digest in [1, 2] {
                let request = user.sign_request(&key, [1, 2], &id, &[digest; 32]);
                drop(user.sign_at(&mut sim, 1, request));
            }
        }
        Bug::OtherClient => {
            thief.enrol(&mut sim);
            thief.pin_key = user.pin_key.clone();
            thief.login(&mut sim);
            let id = user.lease(&mut sim, &key, [1, 2]).unwrap().remove(0);
            sim.run(50);
            let stolen = thief.sign_request(&key, [1, 2], &id, &[1; 32]);
            drop(thief.sign_at(&mut sim, 2, stolen));
            let own = user.sign_request(&key, [1, 2], &id, &[1; 32]);
            let answer = user.sign_at(&mut sim, 2, own);
            expect(answer.is_ok(), "another client's request burns a presignature", &mut sim);
        }
        Bug::NoGrant | Bug::GrantedTwice => {
            let repeats = a_copy_repeats_its_nonce(scheme, planted.then_some(bug));
            expect(!repeats, "a copied node answers two requests in strict mode", &mut sim);
        }
        Bug::NumberTwice => {
            user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
            let order = order(&sim, &user, &key, 1);
            let before = sim.logged(2, "PeerMessageRefused");
            sim.input(2, Input::PeerMessage { peer: 1, envelope: order });
            let refused = sim.logged(2, "PeerMessageRefused") > before;
            expect(refused, "a number of presigning is accepted again", &mut sim);
        }
        Bug::NoCaps => {
            for _ in 0..20 {
                drop(user.lease(&mut sim, &key, [1, 2]));
                sim.check_bounds();
            }
        }
        Bug::NoMasks => {
            let missing = masks_are_missing(scheme, planted.then_some(bug));
            expect(!missing, "one node's answers to three requests are linearly dependent", &mut sim);
        }
        Bug::AnyNonce => {
            let opens = crate::kms::past_opens_with_leave_to_encrypt(&mut sim, &mut user);
            expect(!opens, "leave to encrypt opens what was encrypted", &mut sim);
        }
        Bug::NoStatement => {
            let answered = crate::kms::pair_is_used_without_a_statement(&mut sim, &mut user);
            expect(!answered, "a pair of the KMS interface is used without a statement", &mut sim);
        }
        Bug::AnySigners => {
            for set in [vec![1, 1], vec![1], vec![1, 2, 3], vec![1, 9]] {
                let error = user.lease(&mut sim, &key, &set).err();
                let refused = error.is_some_and(|error| error.code() == Code::InvalidArgument);
                expect(refused, "a signer set that is none is not refused as such", &mut sim);
            }
        }
    }
    sim.ledger.violations
}

/// Node 1's order to node 2 to make presignature `number` with it, by the key's scheme.
pub fn order(sim: &Sim, user: &User, key: &Key, number: u64) -> Envelope {
    let start = PresignStart {
        key_id: key.id.to_vec(),
        scheme: key.scheme.name().into(),
        signers: vec![1, 2],
        client_key: user.public().to_vec(),
        block_id: vec![5; 16],
        number,
        public_key: key.birth.public_key.clone(),
        registry_index: sim.log.len() as u64,
        ..PresignStart::default()
    };
    Envelope {
        format: FORMAT,
        protocol: Protocol::Control as i32,
        session: vec![6; 32],
        sender: 1,
        receiver: 2,
        epoch: 1,
        payload: Control { body: Some(Body::PresignStart(start)) }.encode_to_vec(),
        ..Envelope::default()
    }
}

/// Every bug of a nonce rule.
pub const NONCE_BUGS: [Bug; 15] = [
    Bug::PresignatureOnDisk,
    Bug::KeptAfterRestart,
    Bug::NotRemoved,
    Bug::OtherClient,
    Bug::NoGrant,
    Bug::GrantedTwice,
    Bug::CopiedRandomness,
    Bug::NumberTwice,
    Bug::AnswerKept,
    Bug::NoCaps,
    Bug::Deterministic,
    Bug::NoMasks,
    Bug::AnyNonce,
    Bug::NoStatement,
    Bug::AnySigners,
];

fn each_bug_is_found(scheme: SigningScheme) {
    for bug in NONCE_BUGS {
        assert_eq!(noticed(scheme, bug, false), Vec::<String>::new(), "{bug:?} off, {scheme:?}");
        assert!(!noticed(scheme, bug, true).is_empty(), "{bug:?} is not found, {scheme:?}");
    }
}

#[test]
fn each_bug_of_a_nonce_rule_is_found() {
    SigningScheme::ALL.into_iter().for_each(each_bug_is_found);
}

/// R4 is kept by the shell, which gives the boot id: here it gives the old one.
#[test]
fn a_boot_id_used_again_is_found() {
    for (boot_id, found) in [(None, false), (Some([7; 16]), true)] {
        let mut sim = World::of(TWO_OF_THREE).cold(10);
        sim.node(2).boot_id = boot_id;
        sim.start_all();
        sim.run(300);
        sim.stop(2);
        sim.schedule(10, Delivery::Start { node: 2 });
        sim.run(300);
        assert_eq!(!sim.ledger.violations.is_empty(), found, "{:?}", sim.ledger.violations);
    }
}
