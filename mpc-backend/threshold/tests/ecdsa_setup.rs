//! Pair set-up: honest, and one lie for each of its checks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{party, rng};
use threshold::ecdsa::{PairSetup, SetupStep};
use threshold::fault::{Checks, Fault, Rule};
use threshold::sim::{pair_up, setup_context};

/// Party 2 alters its message of one round; what party 1 makes of it.
fn lie(checks: Checks, round: u8, alter: fn(&mut Vec<u8>)) -> Result<(), Fault> {
    let mut tamper = |sender, message: &mut Vec<u8>| {
        if sender == party(2) && message[0] == round {
            alter(message);
        }
    };
    let (honest, _) = pair_up(party(1), party(2), checks, &mut tamper, &mut rng(1));
    honest.map(|_| ())
}

/// What a lie must lead to, and that it passes its point without the check.
fn caught(rule: Rule, round: u8, alter: fn(&mut Vec<u8>)) {
    let expected = Fault { culprit: rule.names_culprit().then_some(party(2)), rule };
    assert_eq!(lie(Checks::all(), round, alter), Err(expected));
    assert_ne!(lie(Checks::all_but(rule), round, alter), Err(expected));
}

#[test]
fn both_sides_end_with_the_same_pair_and_every_run_with_another() {
    let run = |seed| pair_up(party(1), party(2), Checks::all(), &mut |_, _| {}, &mut rng(seed));
    let (low, high) = run(1);
    let (low, high) = (low.unwrap(), high.unwrap());
    assert_eq!(low.id(), high.id());
    assert_eq!((low.peer(), high.peer()), (party(2), party(1)));
    assert_ne!(low.id(), run(2).0.unwrap().id());
}

#[test]
fn a_hello_for_another_cluster_epoch_pair_or_boot_is_refused() {
    // cluster 1..33, epoch 33..41, sender 41..43, receiver 43..45, boots 45..61 and 61..77.
    let places: [fn(&mut Vec<u8>); 5] = [
        |hello| hello[1] ^= 1,
        |hello| hello[40] ^= 1,
        |hello| hello[42] ^= 1,
        |hello| hello[45] ^= 1,
        |hello| hello[61] ^= 1,
    ];
    for alter in places {
        caught(Rule::SetupContext, 1, alter);
    }
}

#[test]
fn a_hello_sent_back_is_refused() {
    let (mine, hello) = PairSetup::start(setup_context(party(1), party(2), Checks::all()), &mut rng(1));
    let fault = mine.handle(&hello, &mut rng(2)).err().unwrap();
    assert_eq!(fault.rule, Rule::SetupContext);
}

#[test]
fn the_identity_as_sender_point_is_refused() {
    caught(Rule::SenderPoint, 1, |hello| {
        let at = hello.len() - 32;
        hello[at..].fill(0);
    });
}

#[test]
fn wrong_corrections_or_proofs_fail_the_tree_check() {
    // Both corrections of the first level: whatever Delta is, one of them is read.
    caught(Rule::Tree, 3, |trees| {
        trees[1] ^= 1;
        trees[17] ^= 1;
    });
    caught(Rule::Tree, 3, |trees| *trees.last_mut().unwrap() ^= 1);
    caught(Rule::Tree, 3, |trees| trees[1 + 96] ^= 1);
}

#[test]
fn a_wrong_confirmation_leaves_no_pair_and_blames_nobody() {
    caught(Rule::SetupConfirm, 4, |confirm| confirm[1] ^= 1);
    assert_eq!(lie(Checks::all_but(Rule::SetupConfirm), 4, |confirm| confirm[1] ^= 1), Ok(()));
}

/// A man in the middle of the hello (or a liar about its own values) is seen at the latest here.
#[test]
fn an_altered_nonce_or_secret_part_ends_the_setup() {
    for (offset, rule) in [(77, Rule::Tree), (109, Rule::SetupConfirm)] {
        let mut tamper = |sender, message: &mut Vec<u8>| {
            if sender == party(2) && message[0] == 1 {
                message[offset] ^= 1;
            }
        };
        let (low, _) = pair_up(party(1), party(2), Checks::all(), &mut tamper, &mut rng(1));
        assert_eq!(low.err().map(|fault| fault.rule), Some(rule));
    }
}

#[test]
fn malformed_messages_of_every_round_name_their_sender() {
    let malformed = Err(Fault { culprit: Some(party(2)), rule: Rule::Malformed });
    for round in 1..=4 {
        assert_eq!(lie(Checks::all(), round, |message| message.truncate(message.len() - 1)), malformed);
        assert_eq!(lie(Checks::all(), round, |message| message.push(0)), malformed);
        assert_eq!(lie(Checks::all(), round, |message| message[0] = 9), malformed);
        assert_eq!(lie(Checks::all(), round, |message| message.clear()), malformed);
    }
    let non_canonical: fn(&mut Vec<u8>) = |message| {
        let at = message.len() - 32;
        message[at..].fill(0xff);
    };
    assert_eq!(lie(Checks::all(), 1, non_canonical), malformed);
    assert_eq!(lie(Checks::all(), 2, non_canonical), malformed);
    assert_eq!(lie(Checks::all(), 1, |hello| hello[41..43].fill(0)), malformed);
}

#[test]
fn a_finished_setup_is_done_after_four_messages() {
    let (mut state, mut message) =
        PairSetup::start(setup_context(party(1), party(2), Checks::all()), &mut rng(1));
    let (mut other, mut reply) =
        PairSetup::start(setup_context(party(2), party(1), Checks::all()), &mut rng(2));
    for expected in [173, 8193, 5121] {
        assert_eq!((message.len(), reply.len()), (expected, expected));
        let (SetupStep::Continue(next, out), SetupStep::Continue(other_next, other_out)) =
            (state.handle(&reply, &mut rng(3)).unwrap(), other.handle(&message, &mut rng(4)).unwrap())
        else {
            panic!("set-up ended early");
        };
        (state, message, other, reply) = (next, out, other_next, other_out);
    }
    assert_eq!(message.len(), 33);
    assert!(matches!(state.handle(&reply, &mut rng(5)), Ok(SetupStep::Done(_))));
}
