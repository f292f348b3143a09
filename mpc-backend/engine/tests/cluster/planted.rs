//! Planted bugs: each is switched on in honest nodes, and something that the suite watches must notice it; with
//! the bug off, the same run must be clean. `docs/simulation.md` is the list, checked below against the code.

use engine::Input;
use engine::bugs::Bug;
use prost::Message;
use proto::client::v1::Code;
use proto::limits::FORMAT;
use proto::peer::v1::{Control, Envelope, PresignStart, Protocol, control::Body};
use threshold::fault::{Checks, Rule};

use crate::liars::{Liar, Patch, Place, Strategy};
use crate::nonce_rules::masks_are_missing;
use crate::population::{Worker, work};
use crate::sim::{Delivery, Sim, TWO_OF_THREE, World, node_key};
use crate::user::{User, key_attributes};

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
    let mut sim = world.sim(7);
    let cluster = sim.manifest.cluster_id();
    sim.liars.insert(2, Liar::new(vec![lie], 0, cluster, node_key(2)));
    for node in [1, 3] {
        sim.node(node).bug = bug;
    }
    let setup = matches!(lie, Strategy::Surgical(SETUP, ..));
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
    let mut sim = world.sim(8);
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

/// A running cluster with a bug in all nodes, its user, and a second client of the same token.
fn buggy(bug: Option<Bug>, seed: u64) -> (Sim, User, User) {
    let world = World::of(TWO_OF_THREE);
    let mut sim = world.sim(seed);
    sim.limits.presignatures_max = 12;
    sim.nodes.iter_mut().for_each(|node| node.bug = bug);
    sim.start_all();
    sim.run(1_000);
    let mut user = world.user(1);
    user.connect(&mut sim);
    user.login(&mut sim);
    let mut thief = User::new(61, 7);
    thief.number_from(2 << 48);
    (sim, user, thief)
}

/// Runs what shows a bug of a nonce rule; what was noticed.
fn noticed(bug: Bug, planted: bool) -> Vec<String> {
    let (mut sim, mut user, mut thief) = buggy(planted.then_some(bug), 9);
    let key = World::of(TWO_OF_THREE).key.clone();
    let expect = |held: bool, what: &str, sim: &mut Sim| {
        if !held {
            sim.ledger.violation(what.to_owned());
        }
    };
    match bug {
        Bug::Unchecked(_) => unreachable!("checks have their own test"),
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
        Bug::NumberTwice => {
            user.sign(&mut sim, &key, [1, 2], &[1; 32]).unwrap();
            let order = repeated_order(&sim, &user, &key.id, &key.birth.public_key);
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
            let missing = masks_are_missing(planted.then_some(bug));
            expect(!missing, "one node's answers to three requests are linearly dependent", &mut sim);
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

fn repeated_order(sim: &Sim, user: &User, key_id: &[u8], public_key: &[u8]) -> Envelope {
    let start = PresignStart {
        key_id: key_id.to_vec(),
        signers: vec![1, 2],
        client_key: user.public().to_vec(),
        block_id: vec![5; 16],
        number: 1,
        public_key: public_key.to_vec(),
        registry_index: sim.log.len() as u64,
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
const NONCE_BUGS: [Bug; 11] = [
    Bug::PresignatureOnDisk,
    Bug::KeptAfterRestart,
    Bug::NotRemoved,
    Bug::OtherClient,
    Bug::CopiedRandomness,
    Bug::NumberTwice,
    Bug::AnswerKept,
    Bug::NoCaps,
    Bug::Deterministic,
    Bug::NoMasks,
    Bug::AnySigners,
];

#[test]
fn each_bug_of_a_nonce_rule_is_found() {
    for bug in NONCE_BUGS {
        assert_eq!(noticed(bug, false), Vec::<String>::new(), "{bug:?} off");
        assert!(!noticed(bug, true).is_empty(), "{bug:?} is not found");
    }
}

/// R4 is kept by the shell, which gives the boot id: here it gives the old one.
#[test]
fn a_boot_id_used_again_is_found() {
    for (boot_id, found) in [(None, false), (Some([7; 16]), true)] {
        let mut sim = World::of(TWO_OF_THREE).sim(10);
        sim.node(2).boot_id = boot_id;
        sim.start_all();
        sim.run(300);
        sim.stop(2);
        sim.schedule(10, Delivery::Start { node: 2 });
        sim.run(300);
        assert_eq!(!sim.ledger.violations.is_empty(), found, "{:?}", sim.ledger.violations);
    }
}

/// Names of the variants of an enum in a source file, in order.
fn variants(source: &str, name: &str) -> Vec<String> {
    let body = source.split(&format!("pub enum {name} {{")).nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.split([',', '(']).next().unwrap().to_owned()).collect()
}

/// The list has a row for each check and each bug, and each row names a test that exists.
#[test]
fn the_list_of_planted_bugs_is_complete() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let list = read("docs/simulation.md");
    let rows: Vec<Vec<&str>> = list
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    let listed: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let mut wanted = variants(&read("threshold/src/fault.rs"), "Rule");
    wanted
        .extend(variants(&read("engine/src/bugs.rs"), "Bug").into_iter().filter(|name| name != "Unchecked"));
    wanted.push("BootIdAgain".into());
    for name in &wanted {
        assert!(listed.contains(&name.as_str()), "{name} is not in docs/simulation.md");
    }
    assert_eq!(listed.len(), wanted.len(), "the list has rows that the code does not have");
    let mut sources = String::new();
    let mut folders =
        vec![root.join("engine/tests"), root.join("threshold/tests"), root.join("threshold/src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push_str(&std::fs::read_to_string(path).unwrap_or_default()),
            }
        }
    }
    for row in rows {
        let test = row.last().unwrap().trim_matches('`');
        assert!(sources.contains(&format!("fn {test}")), "{}: there is no test {test}", row[0]);
    }
}
