//! The product of two shared integers, opened with one broadcast (`spec/replicated.md`, section 4).
//!
//! A wrong part is not caught here: see [`super::check`] and [`super::audit`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use zeroize::Zeroizing;

use super::open::{decode, encode};
use super::pieces::{Piece, Pieces};
use super::session::{Draw, Session};
use super::shared::Shared;
use crate::codec::Reader;
use crate::fault::{Fault, Misuse};
use crate::party::PartyIndex;
use crate::round::{Outbox, RawRound};

/// Waits for the peers' parts.
pub struct AwaitingParts {
    factors: Factors,
    body: Zeroizing<Vec<u8>>,
}

/// What a part is made of.
pub(super) struct Factors {
    pub(super) x: Shared,
    pub(super) y: Shared,
    pub(super) plus: Shared,
    pub(super) zero: Draw,
}

/// A product that was opened, with what an audit would need.
pub struct Opened {
    /// x y + r modulo the width.
    pub value: Integer,
    pub(super) factors: Factors,
    /// What each party sent.
    pub(super) parts: BTreeMap<PartyIndex, Integer>,
}

/// Opens `x y + plus`, all of one width.
///
/// # Errors
/// [`Misuse::Threshold`] when N < 2T - 1.
pub fn multiply(
    session: &mut Session<'_>,
    x: &Shared,
    y: &Shared,
    plus: &Shared,
) -> Result<(AwaitingParts, Outbox), Misuse> {
    let limbs = x.limbs();
    let terms = Terms::new(session.pieces())?;
    let (mut part, zero) = session.draw_zero(limbs);
    let piece = |shared: &Shared, piece| shared.get(piece).map(|value| value.resized(limbs));
    part.add(&terms.sum(session.me(), limbs, |at| Some([piece(x, at)?, piece(y, at)?, piece(plus, at)?])));
    let body = encode(core::iter::once(&part));
    let outbox = session.broadcast(&body);
    let [x, y, plus] = [x, y, plus].map(|shared| shared.resized(limbs));
    Ok((AwaitingParts { factors: Factors { x, y, plus, zero }, body }, outbox))
}

impl AwaitingParts {
    /// The opened product.
    ///
    /// # Errors
    /// [`crate::fault::Rule::Malformed`] naming the sender, [`crate::fault::Rule::SharingView`].
    pub fn finish(self, session: &mut Session<'_>, raw: &RawRound) -> Result<Opened, Fault> {
        let limbs = self.factors.x.limbs();
        let parts = session.accept(raw, &self.body, |_, body| {
            let mut reader = Reader::new(body);
            let part = decode(&mut reader, 1, limbs)?;
            reader.finish()?;
            Ok(part)
        })?;
        let mut value = Integer::zero(limbs);
        parts.values().flatten().for_each(|part| value.add(part));
        let parts = parts.into_iter().flat_map(|(from, part)| part.into_iter().map(move |one| (from, one)));
        Ok(Opened { value, factors: self.factors, parts: parts.collect() })
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

    /// The part of `party` without its zero share; `pieces` gives those of x, y and r.
    pub(super) fn sum(
        &self,
        party: PartyIndex,
        limbs: usize,
        pieces: impl Fn(Piece) -> Option<[Integer; 3]>,
    ) -> Integer {
        let mut sum = Integer::zero(limbs);
        for (left, right) in self.products.get(&party).into_iter().flatten() {
            if let (Some([x, _, _]), Some([_, y, _])) = (pieces(*left), pieces(*right)) {
                sum.add(&x.product(&y));
            }
        }
        for (piece, _) in self.sums.iter().filter(|(_, holder)| *holder == party) {
            if let Some([_, _, plus]) = pieces(*piece) {
                sum.add(&plus);
            }
        }
        sum
    }
}
