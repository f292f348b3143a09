//! Products of shared integers, opened with one broadcast (`spec/replicated.md`, section 4).
//!
//! A wrong part is not caught here: see [`super::check`] and [`super::audit`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;

use super::open::{decode, encode};
use super::pieces::{Piece, Pieces};
use super::session::{Draw, Session};
use super::shared::Shared;
use crate::codec::Reader;
use crate::fault::{Fault, Misuse};
use crate::party::PartyIndex;
use crate::round::{Outbox, RawRound};

/// The operands of x y + r, all of one width.
pub struct Factors {
    /// x.
    pub x: Shared,
    /// y.
    pub y: Shared,
    /// r.
    pub plus: Shared,
}

/// Waits for the peers' parts.
pub struct AwaitingParts {
    products: Vec<(Factors, Draw)>,
    limbs: usize,
}

/// A product that was opened, with what an audit would need.
pub struct Opened {
    /// x y + r modulo the width.
    pub value: Integer,
    pub(super) factors: Factors,
    pub(super) zero: Draw,
    /// What each party sent.
    pub(super) parts: BTreeMap<PartyIndex, Integer>,
}

/// Opens all `products`, which have one width.
///
/// # Errors
/// [`Misuse::Threshold`] when N < 2T - 1.
pub fn multiply(session: &mut Session, products: Vec<Factors>) -> Result<(AwaitingParts, Outbox), Misuse> {
    let keys = session.keys().clone();
    let terms = keys.terms()?;
    let limbs = products.first().map_or(0, |factors| factors.x.limbs());
    let (mut parts, mut begun) = (Vec::new(), Vec::new());
    for factors in products {
        let (mut part, zero) = session.draw_zero(limbs);
        part.add(&terms.sum(keys.me(), limbs, |piece| factors.at(piece)));
        parts.push(part);
        begun.push((factors, zero));
    }
    let body = encode(parts.iter());
    let outbox = session.broadcast(body);
    Ok((AwaitingParts { products: begun, limbs }, outbox))
}

impl Factors {
    pub(super) fn at(&self, piece: Piece) -> Option<[&Integer; 3]> {
        Some([self.x.get(piece)?, self.y.get(piece)?, self.plus.get(piece)?])
    }
}

impl Opened {
    /// x and y.
    pub const fn factors(&self) -> [&Shared; 2] {
        [&self.factors.x, &self.factors.y]
    }
}

impl AwaitingParts {
    /// x and y of each product.
    #[cfg(test)]
    pub(crate) fn factors(&self) -> impl Iterator<Item = [&Shared; 2]> {
        self.products.iter().map(|(factors, _)| [&factors.x, &factors.y])
    }

    /// The opened products, in order.
    ///
    /// # Errors
    /// [`crate::fault::Rule::Malformed`] naming the sender, [`crate::fault::Rule::SharingView`].
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<Vec<Opened>, Fault> {
        let (count, limbs) = (self.products.len(), self.limbs);
        let said = session.accept(raw, |_, body| {
            let mut reader = Reader::new(body);
            let parts = decode(&mut reader, count, limbs)?;
            reader.finish()?;
            Ok(parts)
        })?;
        let mut by_party: Vec<_> = said.into_iter().map(|(from, parts)| (from, parts.into_iter())).collect();
        let opened = self.products.into_iter().map(|(factors, zero)| {
            let parts = by_party.iter_mut().filter_map(|(from, parts)| Some((*from, parts.next()?)));
            let parts: BTreeMap<PartyIndex, Integer> = parts.collect();
            let mut value = Integer::zero(limbs);
            parts.values().for_each(|part| value.add(part));
            Opened { value, factors, zero, parts }
        });
        Ok(opened.collect())
    }
}

/// Who computes what of a product.
pub(super) struct Terms {
    products: BTreeMap<PartyIndex, Vec<(Piece, Piece)>>,
    /// Who adds each piece of the third operand.
    sums: Vec<(Piece, PartyIndex)>,
}

impl Terms {
    /// # Errors
    /// As [`Pieces::terms`].
    pub(super) fn new(layout: &Pieces) -> Result<Self, Misuse> {
        let products = layout.terms()?;
        let sums = layout.all().zip(layout.assigned(&layout.threshold().all())?).collect();
        Ok(Self { products, sums })
    }

    /// The pairs of pieces whose product `party` computes, ascending.
    pub(super) fn of(&self, party: PartyIndex) -> impl Iterator<Item = (Piece, Piece)> + '_ {
        self.products.get(&party).into_iter().flatten().copied()
    }

    /// The part of `party` without its zero share; `pieces` gives those of x, y and r.
    pub(super) fn sum<'a>(
        &self,
        party: PartyIndex,
        limbs: usize,
        pieces: impl Fn(Piece) -> Option<[&'a Integer; 3]>,
    ) -> Integer {
        let mut sum = Integer::zero(limbs);
        for (left, right) in self.of(party) {
            if let (Some([x, _, _]), Some([_, y, _])) = (pieces(left), pieces(right)) {
                sum.add(&x.product(y));
            }
        }
        for (piece, _) in self.sums.iter().filter(|(_, holder)| *holder == party) {
            if let Some([_, _, plus]) = pieces(*piece) {
                sum.add(plus);
            }
        }
        sum
    }
}
