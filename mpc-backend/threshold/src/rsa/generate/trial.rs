//! Division of public numbers by all small primes.

use alloc::vec::Vec;

/// Odd primes in groups whose product fits a word.
pub(super) struct Divisors(Vec<Group>);

struct Group {
    product: u64,
    /// -1 over the product, modulo 2^64.
    inverse: u64,
    primes: Vec<u32>,
}

/// Groups whose division runs side by side, so that one waits less for its own products.
const LANES: usize = 4;

impl Divisors {
    /// For ascending odd primes.
    pub(super) fn new(primes: &[u32]) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for prime in primes {
            let factor = u64::from(*prime);
            match groups.last_mut().and_then(|group| Some((group.product.checked_mul(factor)?, group))) {
                Some((product, group)) => {
                    group.product = product;
                    group.primes.push(*prime);
                }
                None => groups.push(Group { product: factor, inverse: 0, primes: Vec::from([*prime]) }),
            }
        }
        for group in &mut groups {
            // Newton's iteration doubles the right bits; an odd number is its own inverse modulo 8.
            let mut inverse = group.product;
            for _ in 0..5 {
                inverse = inverse.wrapping_mul(2_u64.wrapping_sub(group.product.wrapping_mul(inverse)));
            }
            group.inverse = inverse;
        }
        Self(groups)
    }

    /// The least of the primes that divides `number`, given in words of 64 bits, the lowest first.
    pub(super) fn least(&self, number: &[u64]) -> Option<u32> {
        self.0.chunks(LANES).find_map(|groups| {
            let mut rests = [0_u64; LANES];
            for word in number {
                for (rest, group) in rests.iter_mut().zip(groups) {
                    // Hensel's division: the rest is the number over a power of 2^64, up to its sign.
                    let (difference, borrow) = word.overflowing_sub(*rest);
                    let quotient = u128::from(difference.wrapping_mul(group.inverse));
                    *rest = ((quotient * u128::from(group.product)) >> 64) as u64 + u64::from(borrow);
                }
            }
            let divides = |rest: u64| move |prime: &u32| rest.is_multiple_of(u64::from(*prime));
            rests
                .iter()
                .zip(groups)
                .find_map(|(rest, group)| group.primes.iter().copied().find(divides(*rest)))
        })
    }
}

/// All odd primes up to `max`, by the sieve of Eratosthenes.
pub(super) fn odd_primes(max: u32) -> Vec<u32> {
    let mut composite = alloc::vec![false; max as usize + 1];
    let mut primes = Vec::new();
    for number in (3..=max).step_by(2) {
        if composite.get(number as usize) == Some(&false) {
            primes.push(number);
            composite.iter_mut().skip(number as usize).step_by(number as usize).for_each(|it| *it = true);
        }
    }
    primes
}

/// The words of a big-endian number, the lowest first.
pub(super) fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |piece: &[u8]| piece.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    bytes.rchunks(8).map(word).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn the_least_prime_factor_is_found() {
        let primes = odd_primes(1 << 13);
        assert_eq!(primes[..4], [3, 5, 7, 11]);
        assert_eq!(primes.len(), 1027, "there are 1028 primes below 2^13");
        let divisors = Divisors::new(&primes);
        // 2^127 - 1 and 2^61 - 1 are prime.
        let large = [u64::MAX, u64::MAX >> 1];
        assert_eq!(divisors.least(&large), None);
        for (at, prime) in primes.iter().enumerate() {
            let mut carry = 0;
            let multiple: Vec<u64> = large
                .iter()
                .chain([&0])
                .map(|word| {
                    let product = u128::from(*word) * u128::from(*prime) + carry;
                    carry = product >> 64;
                    product as u64
                })
                .collect();
            assert_eq!(divisors.least(&multiple), Some(*prime), "prime {at}");
        }
    }
}
