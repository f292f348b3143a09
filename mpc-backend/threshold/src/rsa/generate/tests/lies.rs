//! Lies: the check that catches each, whom it names, and that without it the lie passes or is caught
//! only later.

use super::*;

fn caught(needed: u8, rule: Rule, lie: impl FnMut(&mut Wire<'_>)) -> Ended {
    let ended = generate(needed, Checks::all(), 11, lie);
    ended.all_honest_found(rule);
    ended
}

#[test]
fn truncated_messages_name_their_sender_in_every_step() {
    for step in [
        Step::Nonces,
        Step::Sieve,
        Step::Products,
        Step::Tests,
        Step::Choice,
        Step::Audit,
        Step::Seed,
        Step::Powers,
        Step::Check,
        Step::Inverse,
        Step::Exponent,
        Step::Values,
        Step::Trials,
        Step::Confirmations,
    ] {
        for longer in [false, true] {
            let lie = |wire: &mut Wire<'_>| {
                if wire.is_lie_in(step) {
                    if longer { wire.message.push(0) } else { wire.message.truncate(wire.message.len() - 1) }
                }
            };
            if (step, longer) == (Step::Confirmations, false) {
                continue;
            }
            let ended = caught(2, Rule::Malformed, lie);
            assert_eq!(ended.steps.last(), Some(&step));
        }
    }
}

#[test]
fn cheater_in_the_sieve_is_named() {
    for needed in [2, 3] {
        // Parts of the first prime are a byte each. Zero products seem to be units, and some are chosen.
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_in(Step::Sieve) {
                for at in 0..60 {
                    wire.message[BODY + at] = (wire.message[BODY + at] + 1) % 3;
                }
            }
        };
        let ended = caught(needed, Rule::SharingPart, lie);
        assert_eq!(
            ended.steps[2..],
            [Step::Products, Step::Accuse, Step::Residue],
            "found in the first batch"
        );
        // Without the check the candidates are dropped as any with a small factor are.
        let ended = generate(needed, Checks::all_but(Rule::RsaCandidate), 11, lie);
        assert!(ended.honest().all(|(_, fault)| fault.is_none()));
    }
}

#[test]
fn cheater_with_a_wrong_part_of_a_product_is_named() {
    for needed in [2, 3] {
        // One more: no number of this form is a product of p and q.
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_in(Step::Products) {
                let last = BODY + 8 * (BITS / 64 + 1) - 1;
                wire.message[last] = wire.message[last].wrapping_add(1);
            }
        };
        let ended = caught(needed, Rule::SharingPart, lie);
        assert_eq!(ended.steps[2..], [Step::Products, Step::Accuse]);
        let ended = generate(needed, Checks::all_but(Rule::RsaCandidate), 11, lie);
        assert!(ended.honest().all(|(_, fault)| fault.is_none()));
    }
}

#[test]
fn cheater_rejecting_candidates_is_named() {
    for needed in [2, 3] {
        let mut batches = 0;
        let lie = |batches: &mut u32, wire: &mut Wire<'_>| {
            *batches += u32::from(wire.is_lie_in(Step::Sieve) && wire.to == 2);
            if wire.is_lie_in(Step::Tests) && *batches == 1 {
                // Below n still: the lowest bit of each power.
                wire.message[BODY..].chunks_exact_mut(BITS / 8).for_each(|power| power[BITS / 8 - 1] ^= 1);
            }
        };
        let ended = caught(needed, Rule::RsaPower, |wire| lie(&mut batches, wire));
        assert_eq!(ended.steps.last(), Some(&Step::Audit), "found in the first batch");
        batches = 0;
        let without = Checks::all_but(Rule::RsaPower);
        let ended = generate(needed, without, 11, |wire| lie(&mut batches, wire));
        assert!(ended.honest().all(|(_, fault)| fault.is_none()));
    }
}

#[test]
fn cheater_with_a_wrong_power_of_the_winner_is_named_by_its_holders() {
    for needed in [2, 3] {
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_in(Step::Powers) {
                wire.message[BODY + BITS / 8 - 1] ^= 1;
            }
        };
        let ended = caught(needed, Rule::RsaPower, lie);
        assert!(ended.steps.contains(&Step::Powers));
        // Without the check the product is wrong, and nobody is named.
        let ended = generate(needed, Checks::all_but(Rule::RsaPower), 11, lie);
        let wrong = Fault::of_nobody(Rule::RsaBiprime);
        assert!(ended.honest().all(|(_, fault)| fault == Some(wrong)), "after {:?}", ended.steps);
    }
}

/// A candidate that failed its test goes on as if it had passed: what parties that answer with the others'
/// powers in their hands can bring about once.
fn with_a_false_winner(checks: Checks) -> Ended {
    let mut cluster = Cluster::start(2, WANTED, checks, 11);
    while cluster.step() != Step::Choice {
        cluster.round(&mut |_| ());
    }
    for generation in cluster.generations.values_mut() {
        let State::Choice(state) = &mut generation.state else { unreachable!() };
        state.accept_a_rejected_one(&generation.setting);
    }
    cluster.run(|_| ())
}

#[test]
fn composite_that_passed_one_test_is_found() {
    let ended = with_a_false_winner(Checks::all());
    assert_eq!(ended.steps.last(), Some(&Step::Accuse));
    assert!(
        ended
            .results
            .values()
            .all(|result| result.as_ref().err() == Some(&Fault::of_nobody(Rule::RsaBiprime)))
    );
    assert_eq!(ended.results.len(), 3);
    // Without the tests, exponents modulo (p - 1)(q - 1) are not inverse modulo n.
    let ended = with_a_false_winner(Checks::all_but(Rule::RsaBiprime));
    assert!(ended.honest().all(|(_, fault)| fault == Some(Fault::of_nobody(Rule::RsaInverse))));
}

#[test]
fn cheater_in_the_check_of_the_product_is_named() {
    for needed in [2, 3] {
        let mut checks = 0;
        let lie = |checks: &mut u32, wire: &mut Wire<'_>| {
            *checks += u32::from(wire.is_lie_in(Step::Check) && wire.to == 2);
            // The sacrificed product, to all.
            if wire.is_lie_in(Step::Check) && *checks <= 1 {
                let last = wire.message.len() - 1;
                wire.message[last] ^= 1;
            }
        };
        let ended = caught(needed, Rule::SharingPart, |wire| lie(&mut checks, wire));
        assert!(ended.steps.ends_with(&[Step::Check, Step::Accuse, Step::Accuse]));
        checks = 0;
        let without = Checks::all_but(Rule::SharingProduct);
        let ended = generate(needed, without, 11, |wire| lie(&mut checks, wire));
        assert!(ended.honest().all(|(_, fault)| fault.is_none()));
    }
}

#[test]
fn cheater_with_a_wrong_part_of_the_exponent_is_named() {
    for needed in [2, 3] {
        for step in [Step::Inverse, Step::Exponent] {
            let lie = |wire: &mut Wire<'_>| {
                if wire.is_lie_in(step) {
                    // More than e, so that no rounding takes it away.
                    let high = wire.message.len() - 3;
                    wire.message[high] ^= 0x10;
                }
            };
            let ended = caught(needed, Rule::SharingPart, lie);
            assert!(!ended.steps.contains(&Step::Values));
            // Without the check the public values tell, and the same audit names.
            let ended = generate(needed, Checks::all_but(Rule::RsaExponent), 11, lie);
            ended.all_honest_found(Rule::SharingPart);
            assert!(ended.steps.contains(&Step::Values));
        }
    }
}

#[test]
fn cheater_shifting_the_exponent_is_named() {
    for needed in [2, 3] {
        // e more: still divisible, so d is one too large.
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_in(Step::Exponent) {
                let low = wire.message.last_chunk_mut::<8>().unwrap();
                *low = u64::from_be_bytes(*low).wrapping_add(65_537).to_be_bytes();
            }
        };
        let ended = caught(needed, Rule::SharingPart, lie);
        assert!(ended.steps.contains(&Step::Values));
        // Without the check the trial signatures tell.
        let ended = generate(needed, Checks::all_but(Rule::RsaInverse), 11, lie);
        let wrong = Fault::of_nobody(Rule::RsaResult);
        assert!(ended.honest().all(|(_, fault)| fault == Some(wrong)));
    }
}

#[test]
fn cheater_with_a_wrong_public_value_is_named_by_its_holders() {
    for needed in [2, 3] {
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_in(Step::Values) {
                wire.message[BODY + BITS / 8 - 1] ^= 1;
            }
        };
        caught(needed, Rule::RsaValue, lie);
        let ended = generate(needed, Checks::all_but(Rule::RsaValue), 11, lie);
        let wrong = Fault::of_nobody(Rule::RsaInverse);
        assert!(ended.honest().all(|(_, fault)| fault == Some(wrong)));
    }
}

#[test]
fn cheater_with_a_wrong_trial_partial_stops_everybody() {
    for needed in [2, 3] {
        let lie = |wire: &mut Wire<'_>| {
            if wire.is_lie_in(Step::Trials) {
                wire.message[BODY + BITS / 8 - 1] ^= 1;
            }
        };
        let ended = generate(needed, Checks::all(), 11, lie);
        let wrong = Fault::of_nobody(Rule::RsaResult);
        assert!(ended.honest().count() > 0 && ended.honest().all(|(_, fault)| fault == Some(wrong)));
        let ended = generate(needed, Checks::all_but(Rule::RsaResult), 11, lie);
        assert!(ended.honest().all(|(_, fault)| fault.is_none()));
    }
}

#[test]
fn cheater_that_saw_other_messages_leaves_nobody_with_a_key() {
    let lie = |wire: &mut Wire<'_>| {
        if wire.is_lie_in(Step::Confirmations) {
            wire.message[4] ^= 1;
        }
    };
    caught(2, Rule::SharingView, lie);
    let ended = generate(2, Checks::all_but(Rule::SharingView), 11, lie);
    assert!(ended.honest().all(|(_, fault)| fault.is_none()));
}

#[test]
fn silence_and_repeats_end_nothing() {
    let mut cluster = Cluster::start(2, WANTED, Checks::all(), 11);
    let strangers = [party(9), party(2)];
    let second = cluster.generations.get_mut(&party(2)).unwrap();
    for from in strangers {
        assert!(
            matches!(second.receive(from, &[0; 40]), Ok(Progress::Continue(outbox)) if outbox.is_empty())
        );
    }
    assert_eq!(second.missing(), [party(1), party(3)]);
    // A later round than the next, and one that is over.
    for round in [2_u32, u32::MAX] {
        assert!(second.receive(party(1), &round.to_be_bytes()).is_ok());
    }
    assert_eq!(second.missing(), [party(1), party(3)]);
    let ended = cluster.run(|_| ());
    assert_eq!(ended.generated().len(), 3);
}
