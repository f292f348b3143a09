//! A solver that looks for the key in all that T - 1 corrupt parties know: their memory, their traffic
//! and the answers. It finds the key where a rule is broken on purpose, and nowhere else: so the rules
//! carry weight, and the solver is not blind.
//!
//! One solver for all variants: `model` writes what was seen as equations, `linear` solves them. A
//! variant differs only in which rule is broken. Secrets that a cheat draws out by guessing (Delta, in
//! blocks of four bits) enter as known values.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod linear;
mod model;

use common::{Suite, cluster, digest_of, on_each_curve, party, rng};
use model::{Model, Seen};
use threshold::ecdsa::{OnlineRequest, PartialSignature, Presignature, answer};
use threshold::fault::{Checks, Rule};
use threshold::group::Curve;
use threshold::party::{PartyIndex, SignerSet};
use threshold::sim::{self, Cluster, Lie, Memory, Outcome, Prober};

/// A cluster whose last `corrupt` signers of 1..=T work together.
struct Attack<C: Curve> {
    cluster: Cluster<C>,
    signers: SignerSet,
    corrupt: Vec<PartyIndex>,
    model: Model<C>,
}

impl<C: Suite> Attack<C> {
    fn new(needed: u8, corrupt: u8) -> Self {
        let cluster = cluster(needed, 2 * needed - 1);
        let corrupt: Vec<_> = (needed - corrupt + 1..=needed).map(party).collect();
        let model = Model::new(&cluster, &corrupt);
        Self { cluster, signers: SignerSet::new((1..=needed).map(party)).unwrap(), corrupt, model }
    }

    fn presign(&mut self, number: u64, checks: Checks, lie: Option<Lie>) -> (Memory<C>, Outcome<C>) {
        let mut memory = Memory::new(self.corrupt.iter().copied());
        let outcome = sim::presign_watched(
            &mut self.cluster,
            &self.signers,
            number,
            checks,
            lie,
            &mut rng(number),
            &mut |wire| memory.see(wire),
        );
        (memory, outcome)
    }

    fn request(&self, number: u64) -> OnlineRequest<C> {
        self.cluster.request(&self.signers, &digest_of(number, 32), [number as u8; 32])
    }

    /// A copy of an honest signer's presignature answers.
    fn answer(&self, one: &Presignature<C>, member: PartyIndex, number: u64, masks: bool) -> Answered<C> {
        let (request, pairs) = (self.request(number), &self.cluster.parties[&member].pairs);
        let give = if masks { answer } else { sim::unmasked };
        let answer = give(sim::duplicate(one), pairs, &request).unwrap();
        Answered { member, request, answer, masks }
    }

    fn learn(&mut self, seen: &mut Seen<C>, told: &Answered<C>) {
        let said = (&told.request, &told.answer);
        self.model.answer(&self.cluster, seen, told.member, said, told.masks);
    }

    /// One presigning, of which every honest signer answers the requests that `requests` gives it.
    fn sign(&mut self, number: u64, checks: Checks, masks: bool, requests: impl Fn(u8) -> Vec<u64>) {
        let (memory, outcome) = self.presign(number, checks, None);
        assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
        let mut seen = self.model.see(&self.signers, &memory);
        for (member, presignature) in &outcome.presignatures {
            if !self.corrupt.contains(member) {
                for request in requests(member.get()) {
                    let told = self.answer(presignature, *member, request, masks);
                    self.learn(&mut seen, &told);
                }
            }
        }
    }

    /// Whether the solver finds the planted key; a wrong one is a failure of its own.
    fn finds_the_key(&mut self) -> bool {
        let found = self.model.key(&self.cluster.public_key);
        assert!(found.is_none_or(|key| key == self.cluster.secret_key));
        found.is_some()
    }
}

struct Answered<C: Curve> {
    member: PartyIndex,
    request: OnlineRequest<C>,
    answer: PartialSignature<C>,
    masks: bool,
}

/// T, and how many of the T signers are corrupt: all but one, or one of three.
const SETTINGS: [(u8, u8); 3] = [(2, 1), (3, 2), (3, 1)];

fn the_solver_finds_no_key_in_what_is_shipped<C: Suite>() {
    for (needed, corrupt) in SETTINGS {
        let mut attack = Attack::<C>::new(needed, corrupt);
        for number in 1..=6 {
            attack.sign(number, Checks::all(), true, |_| vec![number]);
            assert!(!attack.finds_the_key(), "{needed}, {corrupt}, {number}");
        }
        assert!(attack.model.system.freedom() > 6, "each session hides behind values of its own");
    }
}

fn the_solver_finds_no_key_behind_any_lie_that_the_checks_meet<C: Suite>() {
    for (needed, corrupt) in [(2, 1), (3, 2)] {
        for (lie, _) in Lie::ALL {
            let mut attack = Attack::<C>::new(needed, corrupt);
            attack.sign(1, Checks::all(), true, |_| vec![1]);
            let (memory, outcome) = attack.presign(2, Checks::all(), Some(lie));
            // An aborted session is heard in part: each of its values has an unknown of its own.
            if memory.is_complete(&attack.signers) {
                let mut seen = attack.model.see(&attack.signers, &memory);
                for (member, one) in outcome.presignatures.iter().filter(|(m, _)| m.get() == 1) {
                    let told = attack.answer(one, *member, 2, true);
                    attack.learn(&mut seen, &told);
                }
            }
            assert!(!attack.finds_the_key(), "{lie:?} of {needed}");
        }
    }
}

fn a_presignature_answered_twice_gives_the_key_away<C: Suite>() {
    for (needed, corrupt) in SETTINGS {
        let mut attack = Attack::<C>::new(needed, corrupt);
        attack.sign(1, Checks::all(), true, |_| vec![1]);
        assert!(!attack.finds_the_key());
        attack.sign(2, Checks::all(), true, |_| vec![2, 3]);
        assert!(attack.finds_the_key(), "{needed}, {corrupt}");
    }
}

/// Both honest signers of three are copied and answer twice, but never two of them the same request:
/// the masks do not cancel, and keep the key. Without masks it is lost.
fn split_views_of_a_copied_presignature_give_the_key_away_only_without_masks<C: Suite>() {
    let split = |member: u8| vec![10 * u64::from(member), 10 * u64::from(member) + 1];
    for masks in [true, false] {
        let mut attack = Attack::<C>::new(3, 1);
        attack.sign(1, Checks::all(), masks, split);
        assert_eq!(attack.finds_the_key(), !masks, "masks: {masks}");
    }
}

/// Without copies a split view gives nothing even without masks: what honest signers share between
/// them hides each single answer. Masks are the second line behind using a presignature once.
fn a_split_view_of_single_answers_gives_nothing_even_without_masks<C: Suite>() {
    let mut attack = Attack::<C>::new(3, 1);
    for number in 1..=4 {
        attack.sign(number, Checks::all(), false, |member| vec![10 * number + u64::from(member)]);
        assert!(!attack.finds_the_key(), "{number}");
    }
}

/// The honest Bob repeats extension number and choices. His masks then differ by what is seen.
fn a_repeated_ot_session_gives_the_key_away<C: Suite>() {
    for (needed, corrupt) in [(2, 1), (3, 2)] {
        let mut attack = Attack::<C>::new(needed, corrupt);
        let honest = attack.cluster.parties.get_mut(&party(1)).unwrap();
        sim::repeat_ot_sessions(honest);
        // The corrupt Alice does not mind the repeated number.
        let checks = Checks::all_but(Rule::ExtensionReplay);
        for number in 1..=2 {
            attack.sign(number, checks, true, |_| vec![number]);
            assert!(!attack.finds_the_key());
        }
        attack.sign(3, checks, true, |_| vec![3]);
        assert!(attack.finds_the_key(), "{needed}, {corrupt}");
    }
}

/// Corrupt Bob cheats in one block of each extension and confirms one of sixteen guesses by the reply.
fn probed<C: Suite>(checks: Checks) -> Attack<C> {
    let mut attack = Attack::<C>::new(2, 1);
    let mut prober = Prober::new(party(2), party(1));
    let mut random = rng(99);
    for number in 1..=33 {
        let mut memory = Memory::new(attack.corrupt.iter().copied());
        if !attack.cluster.parties[&party(1)].pairs.is_ready(party(2)) {
            break;
        }
        sim::presign_watched(
            &mut attack.cluster,
            &attack.signers,
            number,
            checks,
            None,
            &mut rng(number),
            &mut |wire| {
                prober.tamper(wire, &mut memory, &mut random);
                memory.see(wire);
            },
        );
        if memory.is_complete(&attack.signers) {
            attack.model.see(&attack.signers, &memory);
        }
    }
    attack
}

fn without_the_extension_check_delta_and_the_key_are_lost<C: Suite>() {
    assert!(!probed::<C>(Checks::all()).finds_the_key());
    assert!(probed::<C>(Checks::all_but(Rule::Extension)).finds_the_key());
}

/// A wrong column shows one choice bit of that session, by whether the next check fails; where it
/// passes the answers hide the key as before, and where it fails the pair is dead.
fn without_the_multiplication_check_a_choice_bit_is_lost_and_the_key_is_not<C: Suite>() {
    let (mut passed, mut failed) = (0, 0);
    for number in 1..=12 {
        let mut attack = Attack::<C>::new(2, 1);
        let checks = Checks::all_but(Rule::Multiplication);
        let (memory, outcome) = attack.presign(number, checks, Some(Lie::WrongColumn));
        match outcome.faults.get(&party(1)) {
            Some(fault) => {
                assert_eq!((fault.rule, fault.culprit), (Rule::NonceInput, Some(party(2))));
                assert!(!attack.cluster.parties[&party(1)].pairs.is_ready(party(2)));
                failed += 1;
            }
            None => {
                let mut seen = attack.model.see(&attack.signers, &memory);
                let one = &outcome.presignatures[&party(1)];
                let told = attack.answer(one, party(1), number, true);
                attack.learn(&mut seen, &told);
                passed += 1;
            }
        }
        assert!(!attack.finds_the_key());
    }
    assert!(passed > 0 && failed > 0, "{passed} and {failed}");
}

/// Without the check of R a liar who cancels the nonces knows the nonce of the signature.
fn a_cancelled_nonce_gives_the_key_away_if_r_is_not_checked<C: Suite>() {
    let mut attack = Attack::<C>::new(2, 1);
    let checks = Checks::all_but(Rule::NoncePoint);
    let (memory, outcome) = attack.presign(1, checks, Some(Lie::CancelledNonce));
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    let mut seen = attack.model.see(&attack.signers, &memory);
    let told = attack.answer(&outcome.presignatures[&party(1)], party(1), 1, true);
    attack.learn(&mut seen, &told);
    assert!(attack.finds_the_key());
}

on_each_curve! {
    the_solver_finds_no_key_in_what_is_shipped,
    the_solver_finds_no_key_behind_any_lie_that_the_checks_meet,
    a_presignature_answered_twice_gives_the_key_away,
    split_views_of_a_copied_presignature_give_the_key_away_only_without_masks,
    a_split_view_of_single_answers_gives_nothing_even_without_masks,
    a_repeated_ot_session_gives_the_key_away,
    without_the_extension_check_delta_and_the_key_are_lost,
    without_the_multiplication_check_a_choice_bit_is_lost_and_the_key_is_not,
    a_cancelled_nonce_gives_the_key_away_if_r_is_not_checked,
}

/// The solver's own arithmetic, on numbers that a reader can follow.
#[test]
fn the_solver_uses_products_and_reports_what_stays_free() {
    use ::p256::Scalar;
    use linear::{Expression, System};
    let number = |value: u64| Expression::constant(Scalar::from(value));
    let mut system = System::new();
    let [x, y, z] = core::array::from_fn(|_| Expression::of(system.unknown()));
    let product = system.product(&x, &y);
    // x + z = 5, xy = 6, z = 2: x = 3, and so y = 2.
    system.equal(&x.clone().add(&z), &number(5));
    system.equal(&product, &number(6));
    system.close();
    assert_eq!((system.value(&y), system.freedom()), (None, 2));
    system.equal(&z, &number(2));
    system.close();
    assert_eq!(system.value(&y), Some(Scalar::from(2_u64)));
    assert!(!system.contradicts());
    system.equal(&y, &number(3));
    assert!(system.contradicts());
}
