//! One lie each: the check that catches it, whom it names, and that without it the lie passes.
//! Party 1 lies; 2 and 3 are honest. Both suites.

use super::super::session::State;
use super::super::suite::{encode_package, identifier};
use super::*;
use crate::group::Point;
use frost_core::keys::dkg::part1;

pub(super) const LIAR: u8 = 1;

/// Both honest parties end with `expected`, or with a key for `None`.
pub(super) fn honest_end_with(results: &BTreeMap<u8, Result<DkgOutput, Fault>>, expected: Option<Fault>) {
    for honest in [2, 3] {
        let result = results.get(&honest).map(|result| result.as_ref().err().copied());
        assert_eq!(result, Some(expected), "party {honest}");
    }
}

/// A lie on the wire, told to every receiver unless it chooses: caught as `rule`, and passing when
/// only that rule is left out.
fn caught_on_the_wire<S: Suite>(curve: DkgCurve, rule: Rule, lie: impl Fn(Wire<'_>)) {
    let told = |wire: Wire<'_>| {
        if wire.from == LIAR {
            lie(wire);
        }
    };
    let results = Run::<S>::start(2, 3, curve, Checks::all()).deliver(told);
    honest_end_with(&results, Some(fault(LIAR, rule)));
    let results = Run::<S>::start(2, 3, curve, Checks::all_but(rule)).deliver(told);
    honest_end_with(&results, None);
}

/// Draws a second polynomial for the liar, after its commitment went out.
fn change_polynomial<S: Suite>(run: &mut Run<S>) {
    let Some(State::Commitments(state)) = run.sessions.get_mut(&LIAR).map(|session| &mut session.state)
    else {
        panic!("the liar has just committed");
    };
    let (secret, package) = part1(identifier::<S>(party(LIAR)), 3, 2, &mut run.rng).unwrap();
    state.secret = secret;
    state.opening.package = encode_package(&package);
}

#[test]
fn cheater_in_another_context_is_caught_in_round_1() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        caught_on_the_wire::<S>(curve, Rule::KeygenContext, |wire| {
            if wire.round == 1 {
                wire.message[1] ^= 1;
            }
        });
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_echoing_other_commitments_is_caught_in_round_2() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        caught_on_the_wire::<S>(curve, Rule::KeygenCommitments, |wire| {
            if wire.round == 2 {
                wire.message[1] ^= 1;
            }
        });
    }
    on_each_suite!(cheat);
}

#[test]
fn equivocated_commitment_blames_nobody_and_stops_everybody() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let results = Run::<S>::start(2, 3, curve, Checks::all()).deliver(|wire| {
            if wire.from == LIAR && wire.to == 3 && wire.round == 1 {
                wire.message[40] ^= 1;
            }
        });
        honest_end_with(&results, Some(Fault::of_nobody(Rule::KeygenCommitments)));
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_changing_its_package_after_commitment_is_caught_in_round_2() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let mut run = Run::<S>::start(2, 3, curve, Checks::all());
        change_polynomial(&mut run);
        honest_end_with(&run.deliver(|_| ()), Some(fault(LIAR, Rule::KeygenOpening)));
        // The rushing attack itself: without the commitment the changed key is accepted.
        let mut run = Run::<S>::start(2, 3, curve, Checks::all_but(Rule::KeygenOpening));
        change_polynomial(&mut run);
        honest_end_with(&run.deliver(|_| ()), None);
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_opening_with_another_salt_is_caught_in_round_2() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let results = Run::<S>::start(2, 3, curve, Checks::all()).deliver(|wire| {
            if wire.from == LIAR && wire.round == 2 {
                wire.message[40] ^= 1;
            }
        });
        honest_end_with(&results, Some(fault(LIAR, Rule::KeygenOpening)));
    }
    on_each_suite!(cheat);
}

/// Opens another valid package towards party 3 only.
fn equivocate_package<S: Suite>(curve: DkgCurve, checks: Checks) -> BTreeMap<u8, Result<DkgOutput, Fault>> {
    let mut run = Run::<S>::start(2, 3, curve, checks);
    let (_, package) = part1(identifier::<S>(party(LIAR)), 3, 2, &mut run.rng).unwrap();
    let package = encode_package(&package);
    run.deliver(|wire| {
        if wire.from == LIAR && wire.to == 3 && wire.round == 2 {
            wire.message.truncate(wire.message.len() - package.len());
            wire.message.extend_from_slice(&package);
        }
    })
}

#[test]
fn equivocated_package_names_its_sender_where_it_differs() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let results = equivocate_package::<S>(curve, Checks::all());
        assert_eq!(results[&3].as_ref().err(), Some(&fault(LIAR, Rule::KeygenOpening)));
        assert!(!results.contains_key(&2), "party 2 saw no lie and waits for party 3");
        // Were the commitments not binding, the echo of round 2 would still catch it.
        let results = equivocate_package::<S>(curve, Checks::all_but(Rule::KeygenOpening));
        honest_end_with(&results, Some(Fault::of_nobody(Rule::KeygenPackages)));
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_echoing_other_packages_is_caught_in_round_3() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        caught_on_the_wire::<S>(curve, Rule::KeygenPackages, |wire| {
            if wire.round == 3 {
                wire.message[1] ^= 1;
            }
        });
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_with_share_out_of_range_is_caught_by_its_receiver() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let results = Run::<S>::start(2, 3, curve, Checks::all()).deliver(|wire| {
            if wire.from == LIAR && wire.to == 3 && wire.round == 3 {
                wire.message[1 + 32..].fill(0xff);
            }
        });
        assert_eq!(results[&3].as_ref().err(), Some(&fault(LIAR, Rule::Malformed)));
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_confirming_another_transcript_is_caught_in_round_4() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        caught_on_the_wire::<S>(curve, Rule::KeygenTranscript, |wire| {
            if wire.round == 4 {
                wire.message[1] ^= 1;
            }
        });
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_confirming_another_verification_share_is_caught_in_round_4() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let other = S::Point::mul_base(&<S::Point as Point>::Scalar::from(5)).encode();
        caught_on_the_wire::<S>(curve, Rule::VerificationShare, |wire| {
            if wire.round == 4 {
                wire.message.truncate(1 + 32);
                wire.message.extend_from_slice(&other);
            }
        });
    }
    on_each_suite!(cheat);
}
