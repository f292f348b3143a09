//! Lies in the key set-up: the check that catches each, whom it names, and that without it the lie passes.

use super::*;
use alloc::collections::BTreeSet;

/// A lie told in `round` to everybody is caught by everybody as `rule`, and by nobody without it.
fn caught_by_all(round: usize, rule: Rule, lie: impl Fn(&mut Vec<u8>)) {
    for needed in [2, 3] {
        let told = |wire: &mut Wire<'_>| {
            if wire.is_lie_of(round) {
                lie(wire.message);
            }
        };
        for honest in 2..2 * needed {
            let results = set_up(threshold(needed), Checks::all(), 1, told);
            assert_eq!(results[&honest].as_ref().err().copied(), fault(rule), "party {honest}");
            let results = set_up(threshold(needed), Checks::all_but(rule), 1, told);
            assert!(results[&honest].is_ok(), "party {honest} without the check");
        }
    }
}

#[test]
fn cheater_in_another_context_is_caught_in_round_1() {
    caught_by_all(1, Rule::SharingContext, |message| message[1] ^= 1);
}

#[test]
fn cheater_echoing_other_commitments_is_caught_in_round_2() {
    caught_by_all(2, Rule::SharingCommitments, |message| message[1] ^= 1);
}

#[test]
fn equivocated_commitment_of_a_key_stops_everybody() {
    let results = set_up(threshold(2), Checks::all(), 1, |wire| {
        if wire.is_lie_of(1) && wire.to == 3 {
            wire.message[1 + 32] ^= 1;
        }
    });
    for honest in [2, 3] {
        let expected = Some(Fault::of_nobody(Rule::SharingCommitments));
        assert_eq!(results[&honest].as_ref().err().copied(), expected);
    }
}

/// Every receiver shares a piece with the liar, and is told another contribution to its first.
#[test]
fn cheater_opening_another_contribution_is_caught_in_round_2() {
    for needed in [2, 3] {
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_of(2) {
                wire.message[1 + 32] ^= 1;
            }
        };
        let results = set_up(threshold(needed), Checks::all(), 1, lie);
        for honest in 2..2 * needed {
            let found = results[&honest].as_ref().err().copied();
            assert_eq!(found, fault(Rule::SharingOpening), "party {honest}");
        }
    }
    // Told to one receiver, and not checked, the holders of a piece have two keys: round 3 sees it.
    let lie = |wire: &mut Wire<'_>| {
        if wire.is_lie_of(2) && wire.to == 2 {
            wire.message[1 + 32] ^= 1;
        }
    };
    let results = set_up(threshold(3), Checks::all_but(Rule::SharingOpening), 1, lie);
    let disagreed = results.values().filter_map(|result| result.as_ref().err());
    assert!(
        disagreed.clone().count() > 0 && disagreed.clone().all(|fault| fault.rule == Rule::SharingConfirm)
    );
    // In 2-of-3 the piece has one honest holder, who is left with a key that the liar chose last.
    let results = set_up(threshold(2), Checks::all_but(Rule::SharingOpening), 1, |wire| {
        let confirmations = wire.is_lie_of(2) && wire.to == 2;
        if confirmations {
            wire.message[1 + 32] ^= 1;
        }
    });
    assert_eq!(results[&2].as_ref().err().map(|fault| fault.rule), Some(Rule::SharingConfirm));
}

#[test]
fn cheater_confirming_another_key_is_caught_in_round_3() {
    for needed in [2, 3] {
        let layout = Pieces::new(threshold(needed)).unwrap();
        let first = layout.held_by(party(LIAR)).next().unwrap();
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_of(3) {
                wire.message[1] ^= 1;
            }
        };
        let results = set_up(threshold(needed), Checks::all(), 1, lie);
        let unchecked = set_up(threshold(needed), Checks::all_but(Rule::SharingConfirm), 1, lie);
        for honest in 2..2 * needed {
            let expected =
                layout.holds(party(honest), first).then_some(fault(Rule::SharingConfirm)).flatten();
            assert_eq!(results[&honest].as_ref().err().copied(), expected, "party {honest}");
            assert!(unchecked[&honest].is_ok());
        }
    }
}

#[test]
fn every_part_of_the_context_changes_its_identity() {
    let context = KeysContext {
        cluster_id: [1; 32],
        session_id: [2; 32],
        epoch: 3,
        threshold: threshold(2),
        me: party(1),
    };
    let identity = |change: &dyn Fn(&mut KeysContext)| {
        let mut changed = context.clone();
        change(&mut changed);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (_, outbox) = KeysSession::start(&changed, Checks::all(), &mut rng).unwrap();
        outbox.into_iter().next().unwrap().1[1..33].to_vec()
    };
    let changes: [&dyn Fn(&mut KeysContext); 5] = [
        &|_| (),
        &|context| context.cluster_id[31] ^= 1,
        &|context| context.session_id[31] ^= 1,
        &|context| context.epoch = 4,
        &|context| context.threshold = threshold(3),
    ];
    let identities: BTreeSet<_> = changes.iter().map(|change| identity(*change)).collect();
    assert_eq!(identities.len(), changes.len());
    let stranger = KeysContext { me: party(4), ..context };
    assert!(KeysSession::start(&stranger, Checks::all(), &mut ChaCha20Rng::seed_from_u64(1)).is_err());
}
