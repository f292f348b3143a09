//! Checks that the specifications number, left out of honest nodes while one node lies.

use engine::bugs::Bug;
use proto::peer::v1::Protocol;
use threshold::fault::{Checks, Rule};

use crate::liars::{Liar, Patch, Place, Strategy};
use crate::population::{Worker, work};
use crate::sim::{Sim, TWO_OF_THREE, World, node_key};
use crate::user::key_attributes;

const PRESIGN: Protocol = Protocol::Presign;
const GENERATION: Protocol = Protocol::Generation;
const SETUP: Protocol = Protocol::PairSetup;
/// Bytes of round 2 of presigning after its multiplication reply: two points and a scalar.
const AFTER_REPLY: usize = 2 * 33 + 32;

/// One lie for each check that an altered message can break, and the check.
const LIES: [(Rule, Protocol, u8, Place, Patch); 19] = [
    (Rule::SetupContext, SETUP, 1, Place::At(1), Patch::Flip),
    (Rule::SenderPoint, SETUP, 1, Place::End(32), Patch::Zero(32)),
    (Rule::Tree, SETUP, 3, Place::End(1), Patch::Flip),
    (Rule::SetupConfirm, SETUP, 4, Place::End(1), Patch::Flip),
    (Rule::OtherPair, PRESIGN, 1, Place::At(1), Patch::Flip),
    (Rule::ExtensionReplay, PRESIGN, 1, Place::At(97), Patch::One),
    (Rule::Extension, PRESIGN, 1, Place::End(1), Patch::Flip),
    (Rule::ViewsDiffer, PRESIGN, 2, Place::At(99), Patch::Flip),
    (Rule::IdentityPoint, PRESIGN, 2, Place::At(1), Patch::Zero(33)),
    (Rule::Commitment, PRESIGN, 2, Place::At(34), Patch::Flip),
    (Rule::Multiplication, PRESIGN, 2, Place::End(AFTER_REPLY + 1), Patch::Flip),
    (Rule::NonceInput, PRESIGN, 2, Place::End(AFTER_REPLY), Patch::Generator),
    (Rule::KeyInput, PRESIGN, 2, Place::End(AFTER_REPLY - 33), Patch::Generator),
    (Rule::KeygenContext, GENERATION, 1, Place::At(1), Patch::Flip),
    (Rule::KeygenCommitments, GENERATION, 2, Place::At(1), Patch::Flip),
    (Rule::KeygenOpening, GENERATION, 2, Place::At(40), Patch::Flip),
    (Rule::KeygenPackages, GENERATION, 3, Place::At(1), Patch::Flip),
    (Rule::KeygenTranscript, GENERATION, 4, Place::At(1), Patch::Flip),
    (Rule::VerificationShare, GENERATION, 4, Place::At(33), Patch::Generator),
];

/// Whether honest nodes reached the verdict of `rule` on the lie of node 2, and no other one before it.
fn caught(rule: Rule, lie: Strategy, bug: Option<Bug>) -> bool {
    let world = World::of(TWO_OF_THREE);
    let setup = matches!(lie, Strategy::Surgical(SETUP, ..));
    let mut sim = if setup { world.cold(7) } else { world.warm(7) };
    let cluster = sim.manifest.cluster_id();
    sim.liars.insert(2, Liar::new(vec![lie], 0, cluster, node_key(2)));
    for node in [1, 3] {
        sim.node(node).bug = bug;
    }
    let chance = |sim: &mut Sim| sim.liars.get_mut(&2).unwrap().chance = 1000;
    if setup {
        chance(&mut sim);
    }
    sim.start_all();
    sim.run(1_000);
    let mut user = world.user(1);
    user.connect(&mut sim);
    user.login(&mut sim);
    if !setup {
        // One honest presigning first: there must be a number to repeat.
        user.sign(&mut sim, &world.key, [1, 2], &[1; 32]).unwrap();
        sim.run(100);
        chance(&mut sim);
        if matches!(lie, Strategy::Surgical(GENERATION, ..)) {
            let _refused = user.generate_key(&mut sim, 1, [9; 16], &key_attributes(true));
        } else {
            for number in 2..6 {
                let _refused = user.sign(&mut sim, &world.key, [1, 2], &[number; 32]);
            }
        }
    }
    let verdict = rule.to_string();
    let said = |node: u8, text: &str| {
        sim.nodes[usize::from(node) - 1].events.iter().any(|e| e.to_string().contains(text))
    };
    match rule {
        // Nobody is named, and the set-up ends where the check stands.
        Rule::SetupContext | Rule::SenderPoint | Rule::SetupConfirm => {
            sim.logged(1, "PairReady") == 1 && sim.logged(1, "PeerQuarantined") == 0
        }
        _ => [1, 3].into_iter().any(|node| said(node, &verdict)),
    }
}

#[test]
fn each_check_left_out_is_found_by_its_verdict() {
    for (rule, protocol, round, place, patch) in LIES {
        let lie = Strategy::Surgical(protocol, round, place, patch);
        assert!(caught(rule, lie, None), "{rule:?} is not caught");
        assert!(!caught(rule, lie, Some(Bug::Unchecked(rule))), "{rule:?} left out is not found");
    }
}

/// Violations of a client that accepts what does not verify, with a node that answers wrongly.
fn accepted(checks: Checks) -> Vec<String> {
    let world = World::of(TWO_OF_THREE);
    let mut sim = world.warm(8);
    let cluster = sim.manifest.cluster_id();
    let psi = Strategy::Surgical(PRESIGN, 2, Place::End(1), Patch::Flip);
    sim.liars.insert(2, Liar::new(vec![psi], 1000, cluster, node_key(2)));
    sim.start_all();
    let mut workers = vec![Worker::new(world, 1)];
    workers[0].checks = checks;
    work(&mut sim, &mut workers, 2_000);
    assert!(workers[0].signatures > 0);
    sim.ledger.violations
}

#[test]
fn a_client_that_does_not_verify_is_found() {
    assert_eq!(accepted(Checks::all()), Vec::<String>::new());
    let found = accepted(Checks::all_but(Rule::FinalVerification));
    assert!(found.iter().any(|line| line.contains("does not verify")), "{found:?}");
}
