//! Batches of candidates until one passes a test (`spec/rsa-generation.md`, steps 1 to 4).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use zeroize::Zeroizing;

use super::Setting;
use super::accuse::{self, Suspect};
use super::session::{Next, State};
use super::shape::BATCH;
use super::test::{self, Candidate, Sent};
use super::trial::words;
use super::winner::{self, Winner};
use crate::codec::{DecodeError, Reader};
use crate::fault::{Error, Fault, Rule};
use crate::party::PartyIndex;
use crate::round::RawRound;
use crate::sharing::replicated::Shared;
use crate::sharing::replicated::audit::{AwaitingAccounts, audit};
use crate::sharing::replicated::open::{AwaitingPieces, open};
use crate::sharing::replicated::product::{AwaitingParts, Factors, Opened, multiply};
use crate::sharing::replicated::session::Session;
use crate::sharing::replicated::words::{self as residues, AwaitingWords, OpenedWords};

/// Where the residues of a batch came from.
pub(super) struct Sieve {
    pub(super) opened: OpenedWords,
    /// By prime, the products that are no zero: number i takes the i-th.
    pub(super) units: Vec<Vec<usize>>,
}

/// Waits for the parts of the sieve.
pub(super) struct AwaitingSieve(AwaitingWords);

/// Waits for the parts of n.
pub(super) struct AwaitingProducts {
    sieve: Sieve,
    /// u + w of each candidate.
    sums: Vec<Shared>,
    products: AwaitingParts,
}

/// A candidate that is tested.
struct Tested {
    sum: Shared,
    product: Opened,
    candidate: Candidate,
    leader: PartyIndex,
}

/// Waits for the powers.
pub(super) struct AwaitingTests {
    tested: Vec<Tested>,
}

/// Waits for the coin that chooses whom to audit.
pub(super) struct AwaitingChoice {
    rejected: Vec<(Opened, Sent)>,
    winner: Option<Winner>,
    coin: AwaitingPieces,
}

/// Waits for everything about a rejected candidate.
pub(super) struct AwaitingAudit {
    sent: Sent,
    winner: Option<Winner>,
    accounts: AwaitingAccounts,
}

/// Step 1: residues of the next batch.
///
/// # Errors
/// [`crate::fault::Misuse::Threshold`] when N < 2T - 1.
pub(super) fn start(setting: &Setting, session: &mut Session) -> Result<Next, Error> {
    let (words, outbox) = residues::multiply(session, setting.shape.runs())?;
    Ok(Next::Round(State::Sieve(AwaitingSieve(words)), outbox))
}

impl AwaitingSieve {
    /// Step 2: opens n = p q for numbers made of the residues.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let opened = self.0.finish(session, raw)?;
        let units: Vec<Vec<usize>> = opened.units().collect();
        // Too few units for a whole batch make it smaller.
        let count = units.iter().map(|units| units.len() / 2).min().unwrap_or(0).min(BATCH);
        let limbs = setting.shape.bits / 64 + 1;
        let mut number = |at: usize| {
            let above = session.draw(setting.shape.above_bits(), 1);
            setting.shape.combine(&setting.layout, setting.me, &above, |piece, prime| {
                let unit = units.get(prime).and_then(|units| units.get(at));
                unit.map_or(0, |unit| opened.piece(piece, *unit))
            })
        };
        let pairs: Vec<[Shared; 2]> = (0..count).map(|at| [2 * at, 2 * at + 1].map(&mut number)).collect();
        let prime = |u: &Shared| {
            let four = Integer::from_word(4, limbs);
            u.resized(limbs).times(&four).plus_public(&Integer::from_word(3, limbs))
        };
        let none = || Shared::new(&setting.layout, setting.me, limbs, |_| Integer::zero(limbs));
        let factors = pairs.iter().map(|[u, w]| Factors { x: prime(u), y: prime(w), plus: none() });
        let (products, outbox) = multiply(session, factors.collect())?;
        let sums = pairs.iter().map(|[u, w]| u.plus(w)).collect();
        let next = AwaitingProducts { sieve: Sieve { opened, units }, sums, products };
        Ok(Next::Round(State::Products(next), outbox))
    }
}

impl AwaitingProducts {
    /// p and q of all candidates.
    #[cfg(test)]
    pub(super) fn factors(&self) -> Vec<&Shared> {
        self.products.factors().flatten().collect()
    }

    /// Step 3: one test for each n without a small factor.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { sieve, sums, products } = self;
        let opened = products.finish(session, raw)?;
        let largest = setting.shape.primes().next_back().unwrap_or(0);
        let (mut tested, mut body) = (Vec::new(), Zeroizing::new(Vec::new()));
        for (at, (product, sum)) in opened.into_iter().zip(sums).enumerate() {
            let candidate = Candidate::new(setting, &product.value);
            let factor = candidate.as_ref().and_then(|it| setting.shape.divisors.least(&words(it.n())));
            // Check 2.1
            let honest = candidate.is_some() && factor.is_none_or(|factor| factor > largest);
            let verdict = session.enforce(honest, Fault::of_nobody(Rule::RsaCandidate));
            if let Err(fault) = verdict {
                let suspect =
                    Suspect { fault, products: Vec::from([product]), sent: None, sieve: Some((sieve, at)) };
                return Ok(accuse::start(suspect, session));
            }
            if let (Some(candidate), None) = (candidate, factor) {
                let leader = setting.all.iter().nth(tested.len() % setting.all.len()).unwrap_or(setting.me);
                let part = test::part(setting, &sum)?;
                body.extend(test::power(&candidate, leader, setting.me, &part)?);
                tested.push(Tested { sum, product, candidate, leader });
            }
        }
        if tested.is_empty() {
            return start(setting, session);
        }
        let outbox = session.broadcast(body);
        Ok(Next::Round(State::Tests(AwaitingTests { tested }), outbox))
    }
}

impl AwaitingTests {
    /// Step 4: the first that passes is the winner; a coin chooses one of the others.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { tested } = self;
        // Check 3.1
        let said = session.accept(raw, |_, body| {
            let mut reader = Reader::new(body);
            let powers = tested.iter().map(|one| {
                let power = reader.bytes(setting.bytes())?;
                one.candidate.read(power).map(|_| power.to_vec()).ok_or(DecodeError::Value)
            });
            let powers = powers.collect::<Result<Vec<_>, _>>()?;
            reader.finish()?;
            Ok(powers)
        })?;
        let mut by_party: Vec<_> =
            said.into_iter().map(|(from, powers)| (from, powers.into_iter())).collect();
        let (mut rejected, mut winner) = (Vec::new(), None);
        for Tested { sum, product, candidate, leader } in tested {
            let powers = by_party.iter_mut().filter_map(|(from, powers)| Some((*from, powers.next()?)));
            let powers: BTreeMap<PartyIndex, Vec<u8>> = powers.collect();
            let sent = Sent { candidate, leader, powers };
            match (sent.passes(), &winner) {
                (false, _) => rejected.push((product, sent)),
                (true, None) => winner = Some(Winner { sum, product, sent }),
                // A second winner is wiped: no candidate is kept for later.
                (true, Some(_)) => (),
            }
        }
        if rejected.is_empty() {
            return go_on(winner, setting, session);
        }
        let coin = session.draw(64, 1);
        let (coin, outbox) = open(session, &coin);
        Ok(Next::Round(State::Choice(AwaitingChoice { rejected, winner, coin }), outbox))
    }
}

impl AwaitingChoice {
    /// Lets a candidate win that failed.
    #[cfg(test)]
    pub(super) fn accept_a_rejected_one(&mut self, setting: &Setting) {
        let Some((product, sent)) = self.rejected.pop() else { return };
        let [p, q] = product.factors();
        let sum = Shared::new(&setting.layout, setting.me, setting.shape.limbs(), |piece| {
            let mut sum = p.get(piece).map_or(Integer::zero(0), |piece| piece.resized(piece.limbs()));
            q.get(piece).into_iter().for_each(|piece| sum.add(piece));
            let first = Integer::from_word(6 * u64::from(piece.position() == 0), sum.limbs());
            sum.subtract(&first);
            sum.divided_by(4).map_or(Integer::zero(0), |(quarter, _)| quarter)
        });
        self.winner = Some(Winner { sum, product, sent });
    }

    /// Opens the chosen candidate.
    pub(super) fn finish(self, session: &mut Session, raw: &RawRound) -> Result<Next, Error> {
        let Self { mut rejected, winner, coin } = self;
        let coin = coin.finish(session, raw)?.low_word();
        let (product, sent) = rejected.swap_remove((coin % rejected.len().max(1) as u64) as usize);
        let (accounts, outbox) = audit(session, product);
        Ok(Next::Round(State::Audit(AwaitingAudit { sent, winner, accounts }), outbox))
    }
}

impl AwaitingAudit {
    /// Everything about the candidate must be as it was sent.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        // Check 4.1
        let account = self.accounts.finish(session, raw)?;
        self.sent.audit(setting, &account, session.checks())?;
        go_on(self.winner, setting, session)
    }
}

fn go_on(winner: Option<Winner>, setting: &Setting, session: &mut Session) -> Result<Next, Error> {
    match winner {
        Some(winner) => Ok(winner::start(winner, session)),
        None => start(setting, session),
    }
}
