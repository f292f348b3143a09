//! Multiples of a public point: a multiplication of it becomes additions alone.

use alloc::vec::Vec;

use super::prepared::Bare;

/// j 16^i P for each place i of a scalar's hexadecimal digits and j from 1 to 15.
pub(super) struct Multiples<P>(Vec<Vec<P>>);

impl<P: Bare> Multiples<P> {
    /// The table for scalars of `scalar_bytes` bytes.
    pub(super) fn new(point: &P, scalar_bytes: usize) -> Self {
        let mut unit = point.clone();
        let row = |_| {
            let mut row = Vec::with_capacity(15);
            let mut multiple = unit.clone();
            for _ in 1..16 {
                let next = multiple.add(&unit);
                row.push(core::mem::replace(&mut multiple, next));
            }
            unit = multiple;
            row
        };
        Self((0..2 * scalar_bytes).map(row).collect())
    }

    /// The product with a big-endian scalar. Variable time, and the scalar's digits choose addresses.
    pub(super) fn mul(&self, scalar: &[u8]) -> P {
        let digits = scalar.iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
        let chosen = self.0.iter().zip(digits);
        let mut terms = chosen.filter_map(|(row, digit)| row.get(usize::from(digit).checked_sub(1)?));
        let first = terms.next().map_or_else(P::identity, P::clone);
        terms.fold(first, |sum, term| sum.add(term))
    }
}
