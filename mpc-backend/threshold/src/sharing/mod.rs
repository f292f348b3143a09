//! Shamir sharing over a prime field, and Feldman's public commitments to it; [`replicated`] sharing
//! over the integers stands apart.
//!
//! A key is f(0) of a polynomial of degree T - 1; party i holds f(i). Any T shares give
//! f(0) = sum of lambda_i f(i), and T - 1 shares say nothing about it (Shamir, 1979). The
//! commitments f_k G of the coefficients let anybody compute f(i) G (Feldman, 1987).
//!
//! A party's evaluation point is its [`PartyIndex`], in 1..=255: never 0, and distinct positions
//! stay distinct modulo the group orders used here, all above 2^250.

mod commitments;
pub mod dealing;
pub mod replicated;

use alloc::vec::Vec;

use elliptic_curve::ff::PrimeField;

pub use self::commitments::Commitments;
use crate::fault::Misuse;
use crate::party::{PartyIndex, SignerSet};

/// f(`at`) for the polynomial with these coefficients, the constant term first. Constant time in
/// the coefficients.
pub fn evaluate<F: PrimeField>(coefficients: &[F], at: PartyIndex) -> F {
    let x = F::from(u64::from(at.get()));
    coefficients.iter().rev().fold(F::ZERO, |sum, coefficient| sum * x + coefficient)
}

/// lambda_i of `party` at 0 when exactly `set` takes part: the product of j / (j - i) over the
/// other members j. Public.
///
/// # Errors
/// [`Misuse::NotASigner`] when `party` is not in `set`.
pub fn lagrange_at_zero<F: PrimeField>(party: PartyIndex, set: &SignerSet) -> Result<F, Misuse> {
    let (numerator, denominator) = lagrange_fraction::<F>(party, set)?;
    let inverse = Option::<F>::from(denominator.invert());
    Ok(numerator * inverse.expect("members of a signer set are distinct"))
}

/// [`lagrange_at_zero`] before its division: numerator, and denominator, which is not zero.
///
/// # Errors
/// As [`lagrange_at_zero`].
pub(crate) fn lagrange_fraction<F: PrimeField>(party: PartyIndex, set: &SignerSet) -> Result<(F, F), Misuse> {
    if !set.contains(party) {
        return Err(Misuse::NotASigner);
    }
    let x = F::from(u64::from(party.get()));
    Ok(set.peers_of(party).fold((F::ONE, F::ONE), |(top, bottom), peer| {
        let other = F::from(u64::from(peer.get()));
        (top * other, bottom * (other - x))
    }))
}

/// lambda_i of each member at 0, ascending, as integers over one common denominator; `None` if they do not fit, which no
/// set of a few dozen parties does. Points are multiplied by them in a few additions.
pub(crate) fn integer_lagrange(set: &SignerSet) -> Option<(Vec<i64>, u64)> {
    let at = |party: PartyIndex| i64::from(party.get());
    let fraction = |party| {
        set.peers_of(party).try_fold((1_i64, 1_i64), |(top, bottom), peer| {
            Some((top.checked_mul(at(peer))?, bottom.checked_mul(at(peer) - at(party))?))
        })
    };
    let fractions = set.iter().map(fraction).collect::<Option<Vec<(i64, i64)>>>()?;
    let common = fractions.iter().try_fold(1_i64, |common, (_, bottom)| {
        let divisor = greatest_common_divisor(common, bottom.checked_abs()?);
        common.checked_mul(bottom.checked_abs()?.checked_div(divisor)?)
    })?;
    let numerators = fractions.iter().map(|(top, bottom)| top.checked_mul(common.checked_div(*bottom)?));
    Some((numerators.collect::<Option<_>>()?, u64::try_from(common).ok()?))
}

fn greatest_common_divisor(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use elliptic_curve::Field;

    fn party(index: u8) -> PartyIndex {
        PartyIndex::new(index).unwrap()
    }

    fn any_t_shares_give_the_constant_term<F: PrimeField>() {
        let mut rng = rand_core::OsRng;
        for needed in 2..=5_u8 {
            let coefficients: Vec<F> = (0..needed).map(|_| F::random(&mut rng)).collect();
            for first in 1..=5_u8 {
                // Spread positions, not only 1..=T.
                let set = SignerSet::new((0..needed).map(|step| party(first + 50 * step))).unwrap();
                let key: F = set
                    .iter()
                    .map(|i| lagrange_at_zero::<F>(i, &set).unwrap() * evaluate(&coefficients, i))
                    .fold(F::ZERO, |sum, term| sum + term);
                assert_eq!(key, coefficients[0]);
            }
        }
    }

    #[test]
    fn any_t_shares_give_the_key_on_both_fields() {
        any_t_shares_give_the_constant_term::<p256::Scalar>();
        any_t_shares_give_the_constant_term::<curve25519_dalek::Scalar>();
    }

    #[test]
    fn fewer_shares_give_something_else() {
        let mut rng = rand_core::OsRng;
        let coefficients: Vec<p256::Scalar> = (0..3).map(|_| p256::Scalar::random(&mut rng)).collect();
        let set = SignerSet::new([party(1), party(2)]).unwrap();
        let guess = set.iter().fold(p256::Scalar::ZERO, |sum, i| {
            sum + lagrange_at_zero::<p256::Scalar>(i, &set).unwrap() * evaluate(&coefficients, i)
        });
        assert_ne!(guess, coefficients[0]);
    }

    #[test]
    fn integers_over_their_common_denominator_are_the_coefficients() {
        let set = |members: &[u8]| SignerSet::new(members.iter().copied().map(party)).unwrap();
        assert_eq!(integer_lagrange(&set(&[1, 2])), Some((alloc::vec![2, -1], 1)));
        assert_eq!(integer_lagrange(&set(&[1, 3])), Some((alloc::vec![3, -1], 2)));
        for members in [
            &[1, 2][..],
            &[2, 9],
            &[1, 2, 3],
            &[2, 5, 9],
            &[5, 6, 7, 8, 9],
            &[1, 3, 4, 7, 9],
            &[2, 52, 102, 152, 202],
        ] {
            let set = set(members);
            let (numerators, common) = integer_lagrange(&set).unwrap();
            let common = p256::Scalar::from(common);
            for (i, numerator) in set.iter().zip(numerators) {
                let size = p256::Scalar::from(numerator.unsigned_abs());
                let signed = if numerator < 0 { -size } else { size };
                assert_eq!(lagrange_at_zero::<p256::Scalar>(i, &set).unwrap() * common, signed);
            }
        }
        assert_eq!(integer_lagrange(&SignerSet::new((100..120).map(party)).unwrap()), None);
    }

    #[test]
    fn outsiders_have_no_coefficient() {
        let set = SignerSet::new([party(1), party(2)]).unwrap();
        assert_eq!(lagrange_at_zero::<p256::Scalar>(party(3), &set), Err(Misuse::NotASigner));
    }
}
