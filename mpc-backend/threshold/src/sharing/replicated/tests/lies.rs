//! Lies in a session: the check that catches each, whom it names, and that without it the lie passes.
//!
//! Rounds: 0 nonces, 1 product, 2 sacrifice, 3 coin, 4 factor, 5 zero, 6 audit.

use super::*;

/// What a session of one product, its check and its audit ended with.
struct Ended {
    /// Of the round in which somebody found a fault, or of the check.
    faults: Faults,
    rounds: usize,
}

impl Ended {
    fn honest(&self) -> impl Iterator<Item = (u8, Option<Fault>)> + '_ {
        self.faults.iter().filter(|(party, _)| **party != LIAR).map(|(party, fault)| (*party, *fault))
    }

    fn all_honest_found(&self, expected: Option<Fault>) {
        for (party, fault) in self.honest() {
            assert_eq!(fault, expected, "party {party} of {:?} after {} rounds", self.faults, self.rounds);
        }
    }
}

/// Which product is audited at the end, whatever the verdict.
#[derive(Clone, Copy)]
enum Audited {
    Neither,
    Product,
    Sacrifice,
}

fn session(needed: u8, checks: Checks, audited: Audited, lie: impl FnMut(&mut Wire<'_>)) -> Ended {
    let keys = honest_keys(needed, 1);
    let mut run = Run::start(&keys, checks, 2, lie);
    let result = steps(&mut run, audited);
    let faults = result.unwrap_or_else(|faults| faults);
    Ended { faults, rounds: run.round }
}

fn steps<L: FnMut(&mut Wire<'_>)>(run: &mut Run<L>, audited: Audited) -> Result<Faults, Faults> {
    let limbs = 9;
    let x = run.each(|session| session.draw(200, limbs));
    let y = run.each(|session| session.draw(200, limbs));
    let none = run.each(|session| session.draw(0, limbs));
    let products = run.multiply(&x, &y, &none)?;
    let z: Vec<Integer> = products.iter().map(|opened| opened.value.resized(limbs)).collect();
    let (verdicts, sacrifices): (Vec<_>, Vec<_>) = run.check(&x, &y, &z)?.into_iter().unzip();
    match audited {
        Audited::Neither => return Ok((1..).zip(verdicts.into_iter().map(Result::err)).collect()),
        Audited::Product => run.audit(products)?,
        Audited::Sacrifice => run.audit(sacrifices.into_iter().flatten().collect())?,
    };
    Ok((1..).zip(x.iter().map(|_| None)).collect())
}

#[test]
fn cheater_echoing_other_messages_is_caught_in_the_next_round() {
    for needed in [2, 3] {
        for round in 1..=6 {
            let lie = |wire: &mut Wire<'_>| {
                if wire.is_lie_of(round) {
                    wire.message[0] ^= 1;
                }
            };
            let ended = session(needed, Checks::all(), Audited::Product, lie);
            assert_eq!(ended.rounds, round + 1);
            ended.all_honest_found(fault(Rule::SharingView));
            let ended = session(needed, Checks::all_but(Rule::SharingView), Audited::Product, lie);
            ended.all_honest_found(None);
        }
    }
}

#[test]
fn equivocated_nonce_stops_everybody() {
    let ended = session(2, Checks::all(), Audited::Neither, |wire| {
        if wire.is_lie_of(0) && wire.to == 3 {
            wire.message[0] ^= 1;
        }
    });
    assert_eq!(ended.rounds, 2);
    assert_eq!(ended.faults[&3], Some(Fault::of_nobody(Rule::SharingView)));
    // Without the echo the honest would draw different pieces, and open different numbers.
    let ended = session(2, Checks::all_but(Rule::SharingView), Audited::Neither, |wire| {
        if wire.is_lie_of(0) && wire.to == 3 {
            wire.message[0] ^= 1;
        }
    });
    assert!(ended.honest().all(|(_, fault)| fault.is_some()));
}

#[test]
fn equivocated_part_stops_everybody() {
    let lie = |wire: &mut Wire<'_>| {
        if wire.is_lie_of(1) && wire.to == 3 {
            wire.message[40] ^= 1;
        }
    };
    let ended = session(2, Checks::all(), Audited::Neither, lie);
    assert_eq!(ended.rounds, 3, "caught before the coin is shown");
    assert_eq!(ended.faults[&3], Some(Fault::of_nobody(Rule::SharingView)));
}

/// A lie about the liar's first piece in `round`, with `rule` left out or none.
fn about_a_piece(needed: u8, round: usize, checks: Checks) -> Ended {
    session(needed, checks, Audited::Product, |wire| {
        if wire.is_lie_of(round) {
            wire.message[32 + 7] ^= 1;
        }
    })
}

/// Holders of the piece name the liar, everybody else stops; each by its own check.
fn pieces_are_compared(round: usize) {
    for needed in [2, 3] {
        let layout = Pieces::new(threshold(needed)).unwrap();
        let first = layout.held_by(party(LIAR)).next().unwrap();
        let holds = |index: u8| layout.holds(party(index), first);
        let ended = about_a_piece(needed, round, Checks::all());
        assert_eq!(ended.rounds, round + 1);
        for (honest, found) in ended.honest() {
            let rule = if holds(honest) { Rule::SharingCopy } else { Rule::SharingCopies };
            assert_eq!(found, fault(rule), "party {honest}");
        }
        for rule in [Rule::SharingCopy, Rule::SharingCopies] {
            for (honest, found) in about_a_piece(needed, round, Checks::all_but(rule)).honest() {
                let checks = holds(honest) == (rule == Rule::SharingCopy);
                // In an audit the wrong copy, once believed, accuses somebody of a wrong part.
                let passed = found.is_none_or(|fault| fault.rule == Rule::SharingPart);
                assert_eq!(passed, checks, "party {honest} without {rule:?}");
            }
        }
    }
}

#[test]
fn cheater_opening_another_piece_is_named_by_its_holders() {
    pieces_are_compared(4);
}

#[test]
fn cheater_opening_another_piece_stops_those_who_do_not_hold_it() {
    // The coin, and what must be zero: with the last a wrong product could be made to look right.
    pieces_are_compared(3);
    pieces_are_compared(5);
}

#[test]
fn cheater_lying_in_the_audit_is_named_by_the_holders() {
    pieces_are_compared(6);
}

fn wrong_part(round: usize) -> impl Fn(&mut Wire<'_>) {
    move |wire| {
        if wire.is_lie_of(round) {
            let last = wire.message.len() - 1;
            wire.message[last] ^= 1;
        }
    }
}

#[test]
fn cheater_with_a_wrong_part_is_caught_by_the_check() {
    for needed in [2, 3] {
        let ended = session(needed, Checks::all(), Audited::Neither, wrong_part(1));
        ended.all_honest_found(Some(Fault::of_nobody(Rule::SharingProduct)));
        let ended = session(needed, Checks::all_but(Rule::SharingProduct), Audited::Neither, wrong_part(1));
        ended.all_honest_found(None);
    }
}

#[test]
fn cheater_with_a_wrong_part_of_the_sacrifice_is_caught_by_the_check() {
    for needed in [2, 3] {
        let ended = session(needed, Checks::all(), Audited::Neither, wrong_part(2));
        ended.all_honest_found(Some(Fault::of_nobody(Rule::SharingProduct)));
    }
}

/// An error that is a multiple of a high power of two, which a check modulo 2^64w alone would let pass
/// half of the time.
#[test]
fn a_wrong_part_is_caught_whichever_bit_it_changes() {
    // z has 400 bits and less, the width 9 limbs leave 129 bits above any lie of its size.
    for bit in [0, 1, 63, 64, 300, 399, 440] {
        let ended = session(2, Checks::all(), Audited::Neither, |wire| {
            if wire.is_lie_of(1) {
                let at = wire.message.len() - 1 - bit / 8;
                wire.message[at] ^= 1 << (bit % 8);
            }
        });
        ended.all_honest_found(Some(Fault::of_nobody(Rule::SharingProduct)));
    }
}

#[test]
fn audit_names_the_party_with_the_wrong_part() {
    for needed in [2, 3] {
        for (round, guilty, innocent) in
            [(1, Audited::Product, Audited::Sacrifice), (2, Audited::Sacrifice, Audited::Product)]
        {
            let ended = session(needed, Checks::all(), guilty, wrong_part(round));
            ended.all_honest_found(fault(Rule::SharingPart));
            let ended = session(needed, Checks::all_but(Rule::SharingPart), guilty, wrong_part(round));
            ended.all_honest_found(None);
            let ended = session(needed, Checks::all(), innocent, wrong_part(round));
            ended.all_honest_found(None);
        }
    }
}
