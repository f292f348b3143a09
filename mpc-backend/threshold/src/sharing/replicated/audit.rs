//! Who sent the wrong part of a product that failed a check (`spec/replicated.md`, section 4).
//!
//! Everything about the product is opened, so it must be worthless: a candidate that was thrown away.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::open::{accept_copies, encode};
use super::product::{Opened, Terms};
use super::session::{Session, zero_share};
use crate::fault::{Fault, Misuse, Rule};
use crate::round::{Outbox, RawRound};

/// Waits for the peers' openings.
pub struct AwaitingAccounts {
    product: Opened,
    terms: Terms,
    body: Zeroizing<Vec<u8>>,
}

/// Opens everything about `product`.
///
/// # Errors
/// As [`super::product::multiply`].
pub fn audit(session: &Session<'_>, product: Opened) -> Result<(AwaitingAccounts, Outbox), Misuse> {
    let terms = Terms::new(session.pieces())?;
    let factors = &product.factors;
    let limbs = factors.x.limbs();
    let mut account = Vec::new();
    for piece in session.pieces().held_by(session.me()) {
        let shared = [&factors.x, &factors.y, &factors.plus].map(|shared| shared.get(piece));
        account.extend(shared.into_iter().flatten().map(|value| value.resized(limbs)));
        account.append(&mut session.zero_stream(piece, factors.zero, limbs));
    }
    let body = encode(account.iter());
    let outbox = session.broadcast(&body);
    Ok((AwaitingAccounts { product, terms, body }, outbox))
}

impl AwaitingAccounts {
    /// Passes when every part was right.
    ///
    /// # Errors
    /// [`Rule::SharingPart`], [`Rule::SharingCopy`] and [`Rule::Malformed`] naming who lied;
    /// [`Rule::SharingView`] and [`Rule::SharingCopies`] naming nobody.
    pub fn finish(self, session: &mut Session<'_>, raw: &RawRound) -> Result<(), Fault> {
        let limbs = self.product.value.limbs();
        let layout = session.pieces();
        let threshold = layout.threshold();
        let holders = usize::from(threshold.parties() - threshold.needed() + 1);
        // Checks 7.2 and 7.3
        let accounts = accept_copies(session, raw, &self.body, 3 + holders, limbs)?;
        let pieces = |at| {
            let [x, y, plus] = accounts.get(&at)?.first_chunk()?;
            Some([x, y, plus].map(|value| value.resized(limbs)))
        };
        let zeros: BTreeMap<_, Vec<Integer>> = accounts
            .iter()
            .map(|(piece, values)| {
                (*piece, values.iter().skip(3).map(|value| value.resized(limbs)).collect())
            })
            .collect();
        // Check 7.4
        for (party, sent) in &self.product.parts {
            let mut part = self.terms.sum(*party, limbs, pieces);
            part.add(&zero_share(layout, *party, &zeros, limbs));
            let right = part.ct_eq(sent).into();
            session.checks().enforce(right, Fault::of(*party, Rule::SharingPart))?;
        }
        Ok(())
    }
}
