//! Lies about the polynomial itself: its proof, its degree, its values. Party 1 lies.
//!
//! The harness knows every honest polynomial before the liar commits, as no real liar can, so the
//! liar keeps to commit-then-open and only the check in question stands in its way.

use super::super::left_out::{part2_without_proofs, prove, scalar};
use super::super::session::State;
use super::super::suite::{encode_package, identifier};
use super::liars::{LIAR, honest_end_with};
use super::*;
use crate::party::SignerSet;
use crate::sharing::lagrange_at_zero;
use elliptic_curve::ff::{Field as _, PrimeField};
use frost_core::keys::SigningShare;
use frost_core::keys::dkg::round1;
use frost_core::{Field, Group, Scalar};

type F<S> = <<S as frost_core::Ciphersuite>::Group as Group>::Field;
type Own<S> = <<S as Suite>::Point as crate::group::Point>::Scalar;

/// The honest parties' values at 1 and at 2, summed.
fn honest_values<S: Suite>(run: &Run<S>) -> [Scalar<S>; 2] {
    let mut sums = [F::<S>::zero(); 2];
    for honest in [2, 3] {
        let State::Commitments(state) = &run.sessions[&honest].state else {
            panic!("everybody has just committed");
        };
        let others = (1..=3).filter(|other| *other != honest).map(|other| {
            let other = identifier::<S>(party(other));
            (other, prove(other, &[F::<S>::one(); 2]).unwrap())
        });
        let (own, shares) = part2_without_proofs(state.secret.clone(), &others.collect()).unwrap();
        for (at, sum) in (1..).zip(&mut sums) {
            let share = shares.get(&identifier::<S>(party(at)));
            let value = share.map_or(own.secret_share(), |share| scalar(share.signing_share()).unwrap());
            *sum = *sum + value;
        }
    }
    sums
}

/// A run in which the liar has the polynomial constant + slope x that `choose` makes of the honest
/// parties' summed values at 1 and 2.
fn with_polynomial<S: Suite>(
    curve: DkgCurve,
    checks: Checks,
    choose: impl Fn([Scalar<S>; 2]) -> [Scalar<S>; 2],
) -> Run<S> {
    let mut run = Run::<S>::start(2, 3, curve, checks);
    let coefficients = choose(honest_values(&run));
    let me = identifier::<S>(party(LIAR));
    let package = prove(me, &coefficients).unwrap();
    let commitment = package.commitment().clone();
    let secret = round1::SecretPackage::new(me, coefficients.to_vec(), commitment, 2, 3);
    replace_liar(&mut run, curve, secret, encode_package(&package));
    run
}

/// Starts the liar's session anew, with what it commits to.
fn replace_liar<S: Suite>(
    run: &mut Run<S>,
    curve: DkgCurve,
    secret: round1::SecretPackage<S>,
    package: Vec<u8>,
) {
    let State::Commitments(honest) = &run.sessions[&2].state else {
        panic!("everybody has just committed");
    };
    let mut setting = Setting::new(&context(LIAR, Threshold::new(2, 3).unwrap(), curve)).unwrap();
    setting.checks = honest.setting.checks;
    let opening = round1_commit::Opening { salt: [6; 32], package };
    let (state, outbox) = round1_commit::commit(setting, secret, opening);
    run.sessions.insert(LIAR, Session::with_state(state));
    run.queue.retain(|(from, _, _)| from.get() != LIAR);
    run.send(party(LIAR), outbox);
}

fn number<S: Suite>(value: u8) -> Scalar<S> {
    (0..value).fold(F::<S>::zero(), |sum, _| sum + F::<S>::one())
}

/// The share of `index` in our own arithmetic.
fn share<S: Suite>(results: &BTreeMap<u8, Result<DkgOutput, Fault>>, index: u8) -> Own<S> {
    let mut repr = <Own<S> as PrimeField>::Repr::default();
    repr.as_mut().copy_from_slice(results[&index].as_ref().unwrap().share.expose());
    Own::<S>::from_repr(repr).unwrap()
}

#[test]
fn cheater_without_proof_of_possession_is_caught_in_round_2() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let lie = |checks| {
            let mut run = Run::<S>::start(2, 3, curve, checks);
            let State::Commitments(state) = &run.sessions[&LIAR].state else {
                panic!("the liar has just committed");
            };
            let (secret, mut package) = (state.secret.clone(), state.opening.package.clone());
            // The proof's scalar stands last; byte 16 of it is never the one that decides its range.
            let position = package.len() - 16;
            package[position] ^= 1;
            replace_liar(&mut run, curve, secret, package);
            run.deliver(|_| ())
        };
        honest_end_with(&lie(Checks::all()), Some(fault(LIAR, Rule::ProofOfPossession)));
        honest_end_with(&lie(Checks::all_but(Rule::ProofOfPossession)), None);
    }
    on_each_suite!(cheat);
}

/// A liar that cancels the others' highest coefficient, which no proof covers: the key is then
/// shared one degree lower, here with every party whole.
#[test]
fn cheater_lowering_the_degree_is_caught_in_round_2() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let lie = |checks| {
            let run = with_polynomial::<S>(curve, checks, |[one, two]| [number::<S>(5), one - two]);
            run.deliver(|_| ())
        };
        honest_end_with(&lie(Checks::all()), Some(Fault::of_nobody(Rule::KeygenZero)));
        let results = lie(Checks::all_but(Rule::KeygenZero));
        honest_end_with(&results, None);
        let key = <S::Point as crate::group::Point>::mul_base(&share::<S>(&results, 2));
        let public = &results[&2].as_ref().unwrap().public_key;
        assert_eq!(crate::group::Point::encode(&key), *public, "one share alone is the key");
    }
    on_each_suite!(cheat);
}

#[test]
fn cheater_with_wrong_share_is_caught_by_its_receiver() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let lie = |checks| {
            Run::<S>::start(2, 3, curve, checks).deliver(|wire| {
                if wire.from == LIAR && wire.to == 3 && wire.round == 3 {
                    wire.message[1 + 32 + 16] ^= 1;
                }
            })
        };
        let results = lie(Checks::all());
        assert_eq!(results[&3].as_ref().err(), Some(&fault(LIAR, Rule::SecretShare)));
        assert!(!results.contains_key(&2), "party 2 waits for the confirmation of party 3");
        let results = lie(Checks::all_but(Rule::SecretShare));
        honest_end_with(&results, None);
        let set = SignerSet::new([party(2), party(3)]).unwrap();
        let key = set.iter().fold(Own::<S>::ZERO, |sum, i| {
            sum + lagrange_at_zero::<Own<S>>(i, &set).unwrap() * share::<S>(&results, i.get())
        });
        let key = <S::Point as crate::group::Point>::mul_base(&key);
        let public = &results[&2].as_ref().unwrap().public_key;
        assert_ne!(crate::group::Point::encode(&key), *public, "the shares are of another key");
    }
    on_each_suite!(cheat);
}

/// A liar whose value at 2 cancels the others': party 2 would hold zero, which everybody knows.
#[test]
fn cheater_making_a_share_zero_is_caught_by_its_owner() {
    fn cheat<S: Suite>(curve: DkgCurve) {
        let half = F::<S>::invert(&number::<S>(2)).unwrap();
        let lie = |checks| {
            let choose =
                |[_, two]: [Scalar<S>; 2]| [number::<S>(5), (F::<S>::zero() - two - number::<S>(5)) * half];
            with_polynomial::<S>(curve, checks, choose).deliver(|_| ())
        };
        let results = lie(Checks::all());
        assert_eq!(results[&2].as_ref().err(), Some(&Fault::of_nobody(Rule::ZeroShare)));
        assert!(!results.contains_key(&3), "party 3 waits for the confirmation of party 2");
        let results = lie(Checks::all_but(Rule::ZeroShare));
        honest_end_with(&results, None);
        assert_eq!(share::<S>(&results, 2), Own::<S>::ZERO);
    }
    on_each_suite!(cheat);
}

/// What stands in for frost's second part gives the same shares, and its proofs hold.
#[test]
fn the_parts_with_a_check_left_out_give_the_shares_of_frost() {
    fn same<S: Suite>(curve: DkgCurve) {
        let shares = |checks| {
            let results = Run::<S>::start(2, 3, curve, checks).deliver(|_| ());
            [1, 2, 3].map(|index| share::<S>(&results, index))
        };
        let honest = shares(Checks::all());
        assert_eq!(shares(Checks::all_but(Rule::ProofOfPossession)), honest);
        assert_eq!(shares(Checks::all_but(Rule::SecretShare)), honest);
        let proven = with_polynomial::<S>(curve, Checks::all(), |_| [number::<S>(5), number::<S>(6)]);
        honest_end_with(&proven.deliver(|_| ()), None);
        let zero = SigningShare::<S>::deserialize(F::<S>::serialize(&F::<S>::zero()).as_ref()).unwrap();
        assert!(scalar(&zero).unwrap() == F::<S>::zero());
    }
    on_each_suite!(same);
}
