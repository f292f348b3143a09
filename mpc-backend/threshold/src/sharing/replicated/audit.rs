//! Who sent the wrong part of a product that failed a check (`spec/replicated.md`, section 4).
//!
//! Everything about the product is opened, so it must be worthless: a candidate that was thrown away.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use subtle::ConstantTimeEq as _;

use super::open::{accept_copies, encode};
use super::pieces::Piece;
use super::product::Opened;
use super::session::{Session, zero_share};
use crate::fault::{Fault, Misuse, Rule};
use crate::round::{Outbox, RawRound};

/// Waits for the peers' openings.
pub struct AwaitingAccounts {
    product: Opened,
}

/// What a product was made of: the pieces of x, y and r, now public.
pub struct Account(BTreeMap<Piece, Vec<Integer>>);

/// Opens everything about `product`.
pub fn audit(session: &mut Session, product: Opened) -> (AwaitingAccounts, Outbox) {
    let limbs = product.value.limbs();
    let mut account = Vec::new();
    for piece in session.pieces().held_by(session.me()) {
        let shared = product.factors.at(piece).into_iter().flatten();
        account.extend(shared.map(|value| value.resized(limbs)));
        account.append(&mut session.zero_stream(piece, product.zero, limbs));
    }
    let body = encode(account.iter());
    let outbox = session.broadcast(body);
    (AwaitingAccounts { product }, outbox)
}

impl Account {
    /// The pieces of x, y and r.
    pub fn at(&self, piece: Piece) -> Option<[&Integer; 3]> {
        let [x, y, plus] = self.0.get(&piece)?.first_chunk()?;
        Some([x, y, plus])
    }

    /// What the zero shares were made of.
    fn zeros(&self) -> BTreeMap<Piece, &[Integer]> {
        self.0.iter().map(|(piece, values)| (*piece, values.get(3..).unwrap_or_default())).collect()
    }
}

impl AwaitingAccounts {
    /// Passes when every part was right.
    ///
    /// # Errors
    /// [`Rule::SharingPart`], [`Rule::SharingCopy`] and [`Rule::Malformed`] naming who lied;
    /// [`Rule::SharingView`] and [`Rule::SharingCopies`] naming nobody.
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<Account, Fault> {
        let limbs = self.product.value.limbs();
        let keys = session.keys().clone();
        let holders = keys.pieces().holders_each();
        // Checks 7.2 and 7.3
        let account = Account(accept_copies(session, raw, 3 + holders, limbs)?);
        let zeros = account.zeros();
        let malformed = |_: Misuse| Fault::of_nobody(Rule::Malformed);
        let terms = keys.terms().map_err(malformed)?;
        // Check 7.4
        for (party, sent) in &self.product.parts {
            let mut part = terms.sum(*party, limbs, |piece| account.at(piece));
            part.add(&zero_share(keys.pieces(), *party, &zeros, limbs));
            let right = part.ct_eq(sent).into();
            session.checks().enforce(right, Fault::of(*party, Rule::SharingPart))?;
        }
        drop(zeros);
        Ok(account)
    }
}
