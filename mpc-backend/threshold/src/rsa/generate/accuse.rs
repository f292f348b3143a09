//! Who spoilt a candidate that failed a check: everything about it is opened
//! (`spec/rsa-generation.md`, step 10). The session ends with the answer.

use alloc::vec::Vec;

use arith::integer::Integer;

use super::Setting;
use super::batch::Sieve;
use super::session::{Next, State};
use super::test::Sent;
use crate::fault::{Error, Fault};
use crate::round::RawRound;
use crate::sharing::replicated::audit::{Account, AwaitingAccounts, audit};
use crate::sharing::replicated::product::Opened;
use crate::sharing::replicated::session::Session;
use crate::sharing::replicated::words::AwaitingWordAccounts;

/// A candidate that is burnt, and what is known of it.
pub(super) struct Suspect {
    /// The check that failed, which names nobody.
    pub(super) fault: Fault,
    /// Products to audit, that of p and q first.
    pub(super) products: Vec<Opened>,
    /// The test that it passed.
    pub(super) sent: Option<Sent>,
    /// Its sieve, and the number of the candidate in the batch.
    pub(super) sieve: Option<(Sieve, usize)>,
}

/// Waits for everything about a product.
pub(super) struct AwaitingAnswers {
    suspect: Suspect,
    accounts: AwaitingAccounts,
}

/// Waits for everything about a residue of the sieve.
pub(super) struct AwaitingResidue {
    fault: Fault,
    accounts: AwaitingWordAccounts,
}

/// Begins with the first product.
pub(super) fn start(mut suspect: Suspect, session: &mut Session) -> Next {
    if suspect.products.is_empty() {
        return Next::Failed(suspect.fault);
    }
    let (accounts, outbox) = audit(session, suspect.products.remove(0));
    Next::Round(State::Accuse(AwaitingAnswers { suspect, accounts }), outbox)
}

impl AwaitingAnswers {
    /// # Errors
    /// The answer: who lied, or what failed when nobody is found.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { mut suspect, accounts } = self;
        // Check 10.1
        let account = accounts.finish(session, raw)?;
        if let Some(sent) = suspect.sent.take() {
            sent.audit(setting, &account, session.checks())?;
        }
        if let Some((sieve, candidate)) = suspect.sieve.take()
            && let Some((prime, factor)) = small_factor(setting, &account)
            && let Some(unit) = sieve.units.get(prime).and_then(|units| units.get(2 * candidate + factor))
        {
            let unit = *unit;
            let (accounts, outbox) = sieve.opened.audit(session, unit);
            let next = AwaitingResidue { fault: suspect.fault, accounts };
            return Ok(Next::Round(State::Residue(next), outbox));
        }
        Ok(start(suspect, session))
    }
}

impl AwaitingResidue {
    /// # Errors
    /// As [`AwaitingAnswers::finish`].
    pub(super) fn finish(self, session: &mut Session, raw: &RawRound) -> Result<Next, Error> {
        // Check 10.2
        self.accounts.finish(session, raw)?;
        Ok(Next::Failed(self.fault))
    }
}

/// Which prime of the sieve divides which of p and q, that were opened.
fn small_factor(setting: &Setting, account: &Account) -> Option<(usize, usize)> {
    let limbs = setting.shape.bits / 64 + 1;
    let [mut p, mut q] = [0, 1].map(|_| Integer::zero(limbs));
    for [x, y, _] in setting.layout.all().filter_map(|piece| account.at(piece)) {
        p.add(x);
        q.add(y);
    }
    let divides =
        |prime: u32, number: &Integer| number.divided_by(u64::from(prime)).is_some_and(|(_, rest)| rest == 0);
    setting.shape.primes().enumerate().find_map(|(at, prime)| {
        let factor = [&p, &q].iter().position(|number| divides(prime, number))?;
        Some((at, factor))
    })
}
