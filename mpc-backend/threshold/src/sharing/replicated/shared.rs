//! One party's pieces of a shared integer.

use alloc::collections::BTreeMap;

use arith::integer::Integer;
use subtle::Choice;

use super::pieces::{Piece, Pieces};
use crate::fault::Misuse;
use crate::party::{PartyIndex, SignerSet};

/// One party's pieces of an integer, by piece; all of one width. Wiped when dropped.
///
/// Sums and multiples are computed piece by piece, without a message. Two operands belong to the same
/// party and width: others are a mistake of the program, and panic.
pub struct Shared {
    pieces: BTreeMap<Piece, Integer>,
    limbs: usize,
}

impl Shared {
    /// The pieces that `piece` gives for those that `party` holds, `limbs` limbs wide each.
    pub fn new(
        layout: &Pieces,
        party: PartyIndex,
        limbs: usize,
        mut piece: impl FnMut(Piece) -> Integer,
    ) -> Self {
        let made = layout.held_by(party).map(|held| (held, piece(held).resized(limbs)));
        Self { pieces: made.collect(), limbs }
    }

    /// Width of each piece in limbs of 64 bits.
    pub const fn limbs(&self) -> usize {
        self.limbs
    }

    /// A piece that this party holds.
    pub fn get(&self, piece: Piece) -> Option<&Integer> {
        self.pieces.get(&piece)
    }

    /// The pieces, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Piece, &Integer)> + Clone {
        self.pieces.iter().map(|(piece, value)| (*piece, value))
    }

    /// The same integer in another width. Widening is right for pieces whose sum as signed integers is
    /// meant, not modulo 2^(64w).
    #[must_use]
    pub fn resized(&self, limbs: usize) -> Self {
        self.map(limbs, |value| value.resized(limbs))
    }

    /// The sum with `other`.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.map_with(other, |sum, term| sum.add(term))
    }

    /// The difference to `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.map_with(other, |difference, term| difference.subtract(term))
    }

    /// The multiple by a public factor of the same width.
    #[must_use]
    pub fn times(&self, factor: &Integer) -> Self {
        self.map(self.limbs, |value| value.product(factor))
    }

    /// Each piece modulo a public divisor as in [`Integer::divided_by_number`], and as wide: what they sum to modulo the
    /// divisor stays the same.
    #[must_use]
    pub fn modulo(&self, divisor: &Integer) -> Self {
        self.map(divisor.limbs(), |value| value.divided_by_number(divisor).1)
    }

    /// The sum with a public number of the same width: one piece takes it.
    #[must_use]
    pub fn plus_public(&self, number: &Integer) -> Self {
        let mut sum = self.resized(self.limbs);
        if let Some(first) = sum.pieces.get_mut(&Piece::FIRST) {
            first.add(number);
        }
        sum
    }

    /// The negative.
    #[must_use]
    pub fn negated(&self) -> Self {
        self.map(self.limbs, |value| {
            let mut negated = value.resized(self.limbs);
            negated.negate_if(Choice::from(1));
            negated
        })
    }

    /// The sum of those pieces that `party`, whose pieces these are, stands for in `set`. The sums of
    /// all members together are the integer.
    ///
    /// # Errors
    /// As [`Pieces::assigned`]; [`Misuse::NotASigner`] when `party` is not in `set`.
    pub fn part(&self, layout: &Pieces, party: PartyIndex, set: &SignerSet) -> Result<Integer, Misuse> {
        if !set.contains(party) {
            return Err(Misuse::NotASigner);
        }
        let mut sum = Integer::zero(self.limbs);
        let assigned = layout.assigned(set)?;
        for (piece, _) in layout.all().zip(&assigned).filter(|(_, member)| **member == party) {
            sum.add(self.get(piece).ok_or(Misuse::NotASigner)?);
        }
        Ok(sum)
    }

    fn map(&self, limbs: usize, change: impl Fn(&Integer) -> Integer) -> Self {
        let pieces = self.pieces.iter().map(|(piece, value)| (*piece, change(value))).collect();
        Self { pieces, limbs }
    }

    fn map_with(&self, other: &Self, change: impl Fn(&mut Integer, &Integer)) -> Self {
        assert!(self.pieces.keys().eq(other.pieces.keys()), "both belong to the same party");
        let mut result = self.resized(self.limbs);
        result.pieces.values_mut().zip(other.pieces.values()).for_each(|(value, term)| change(value, term));
        result
    }
}
