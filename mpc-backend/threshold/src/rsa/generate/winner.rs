//! The candidate that passed: every test by every holder, and its product (`spec/rsa-generation.md`,
//! steps 5 and 6).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use zeroize::Zeroizing;

use super::Setting;
use super::accuse::{self, Suspect};
use super::exponent::{self, Primes};
use super::session::{Next, State};
use super::test::{Sent, agree, equal_up_to_sign};
use crate::codec::{DecodeError, Reader};
use crate::fault::{Error, Fault, Rule};
use crate::party::PartyIndex;
use crate::round::RawRound;
use crate::sharing::replicated::check::{
    AwaitingCoin, AwaitingFactor, AwaitingSacrifice, AwaitingZero, SLACK_BITS, check,
};
use crate::sharing::replicated::open::{AwaitingPieces, open};
use crate::sharing::replicated::product::Opened;
use crate::sharing::replicated::session::Session;
use crate::sharing::replicated::{Piece, Shared};

/// Tests of the winner: a composite passes each with chance 1/2 at most.
pub(super) const TESTS: u32 = 128;

/// Tests of a round.
const TESTS_PER_ROUND: u32 = 16;

/// Bits of the coin from which bases follow.
const SEED_LIMBS: usize = 4;

/// A candidate that passed one test.
pub(super) struct Winner {
    /// u + w.
    pub(super) sum: Shared,
    pub(super) product: Opened,
    pub(super) sent: Sent,
}

/// Waits for the coin from which bases follow.
pub(super) struct AwaitingSeed {
    winner: Winner,
    seed: AwaitingPieces,
}

/// Waits for the powers of some bases.
pub(super) struct AwaitingPowers {
    winner: Winner,
    seed: Zeroizing<Vec<u8>>,
    /// Number of the first base.
    first: u32,
    /// This party's powers: for each base those of its pieces.
    own: Vec<BTreeMap<Piece, Vec<u8>>>,
}

/// The check of the product, in its four rounds.
pub(super) enum Checking {
    Sacrifice(AwaitingSacrifice),
    Coin(AwaitingCoin),
    Factor(AwaitingFactor),
    Zero(AwaitingZero),
}

/// Waits for the next message of the check of the product.
pub(super) struct AwaitingCheck {
    winner: Winner,
    checking: Checking,
}

/// Step 5: a coin, now that n is fixed.
pub(super) fn start(winner: Winner, session: &mut Session) -> Next {
    let seed = session.draw(64 * SEED_LIMBS, SEED_LIMBS);
    let (seed, outbox) = open(session, &seed);
    Next::Round(State::Seed(AwaitingSeed { winner, seed }), outbox)
}

impl AwaitingSeed {
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let seed = self.seed.finish(session, raw)?.to_be_bytes();
        powers(self.winner, seed, 0, setting, session)
    }
}

/// Sends the powers of the next bases.
fn powers(
    winner: Winner,
    seed: Zeroizing<Vec<u8>>,
    first: u32,
    setting: &Setting,
    session: &mut Session,
) -> Result<Next, Error> {
    let (mut own, mut body) = (Vec::new(), Zeroizing::new(Vec::new()));
    for index in first..first + TESTS_PER_ROUND {
        let base = match winner.sent.candidate.base(&seed, index) {
            Ok(base) => base,
            Err(fault) => return Ok(accuse::start(winner.suspect(fault), session)),
        };
        let power = |(piece, part): (Piece, &Integer)| {
            (piece, base.power_secret(&part.to_be_bytes()).to_be_bytes().to_vec())
        };
        let powers: BTreeMap<Piece, Vec<u8>> = winner.sum.iter().map(power).collect();
        let assigned = setting.assigned_to(setting.me).filter_map(|piece| powers.get(&piece));
        assigned.for_each(|power| body.extend_from_slice(power));
        own.push(powers);
    }
    let outbox = session.broadcast(body);
    Ok(Next::Round(State::Powers(AwaitingPowers { winner, seed, first, own }), outbox))
}

impl AwaitingPowers {
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { winner, seed, first, own } = self;
        let candidate = &winner.sent.candidate;
        let said = session.accept(raw, |from, body| {
            let mut reader = Reader::new(body);
            let powers = own.iter().map(|_| {
                let power = |piece| {
                    let power = reader.bytes(setting.bytes())?;
                    candidate.read(power).map(|_| (piece, power.to_vec())).ok_or(DecodeError::Value)
                };
                setting.assigned_to(from).map(power).collect::<Result<BTreeMap<_, _>, _>>()
            });
            let powers = powers.collect::<Result<Vec<_>, _>>()?;
            reader.finish()?;
            Ok(powers)
        })?;
        compare(&said, &own, session)?;
        let public = candidate.public_exponent().to_be_bytes();
        let mut by_party: Vec<_> = said.values().map(|powers| powers.iter()).collect();
        for index in first..first + TESTS_PER_ROUND {
            let powers = by_party.iter_mut().filter_map(Iterator::next).flat_map(BTreeMap::values);
            let product = candidate.product(powers.map(Vec::as_slice));
            let left = candidate.base(&seed, index)?.power(&public);
            // Check 5.3
            let passes = product.is_some_and(|right| equal_up_to_sign(&left, &right));
            let verdict = session.enforce(passes, Fault::of_nobody(Rule::RsaBiprime));
            if let Err(fault) = verdict {
                return Ok(accuse::start(winner.suspect(fault), session));
            }
        }
        let next = first + TESTS_PER_ROUND;
        if next < TESTS {
            powers(winner, seed, next, setting, session)
        } else {
            begin_check(winner, setting, session)
        }
    }
}

/// Check 5.2: what others say of pieces that this party holds.
fn compare(
    said: &BTreeMap<PartyIndex, Vec<BTreeMap<Piece, Vec<u8>>>>,
    own: &[BTreeMap<Piece, Vec<u8>>],
    session: &Session,
) -> Result<(), Fault> {
    for (from, powers) in said {
        for (theirs, own) in powers.iter().zip(own) {
            session.enforce(agree(own, theirs), Fault::of(*from, Rule::RsaPower))?;
        }
    }
    Ok(())
}

/// Step 6: that n is the product of p and q.
fn begin_check(winner: Winner, setting: &Setting, session: &mut Session) -> Result<Next, Error> {
    let limbs = (setting.shape.bits + SLACK_BITS).div_ceil(64);
    let [p, q] = winner.product.factors();
    let (state, outbox) = check(session, p, q, &winner.product.value, limbs)?;
    Ok(Next::Round(State::Check(AwaitingCheck { winner, checking: Checking::Sacrifice(state) }), outbox))
}

impl AwaitingCheck {
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { winner, checking } = self;
        let (checking, outbox) = match checking {
            Checking::Sacrifice(state) => {
                let (next, outbox) = state.finish(session, raw)?;
                (Checking::Coin(next), outbox)
            }
            Checking::Coin(state) => {
                let (next, outbox) = state.finish(session, raw)?;
                (Checking::Factor(next), outbox)
            }
            Checking::Factor(state) => {
                let (next, outbox) = state.finish(session, raw)?;
                (Checking::Zero(next), outbox)
            }
            Checking::Zero(state) => {
                // Check 6.1
                let (verdict, sacrifice) = state.finish(session, raw)?;
                if let Err(fault) = verdict {
                    let mut suspect = winner.suspect(fault);
                    suspect.products.extend(sacrifice);
                    return Ok(accuse::start(suspect, session));
                }
                let Winner { sent, product, .. } = winner;
                return exponent::start(Primes { candidate: sent.candidate, product }, setting, session);
            }
        };
        Ok(Next::Round(State::Check(Self { winner, checking }), outbox))
    }
}

impl Winner {
    /// The candidate is burnt: everything about it may be opened.
    fn suspect(self, fault: Fault) -> Suspect {
        Suspect { fault, products: Vec::from([self.product]), sent: Some(self.sent), sieve: None }
    }
}
