//! Whether a public number is prime.

use core::ffi::c_int;
use core::ptr::null_mut;

use aws_lc_sys::BN_primality_test;

use crate::modulus::Scratch;
use crate::number::Number;

/// Whether the big-endian `number` is prime: Miller and Rabin's test with [`ROUNDS`] random bases, so that no composite
/// number can be made to pass (Albrecht, Massimo, Paterson, Somorovsky, CCS 2018). Variable-time.
#[must_use]
pub fn is_prime(number: &[u8]) -> bool {
    let (number, mut scratch, mut answer) = (Number::from_be_bytes(number), Scratch::new(), 0);
    // SAFETY: a live number that is only read, a live scratch area and a place for the answer; there is no callback.
    let ok = unsafe {
        BN_primality_test(&raw mut answer, number.as_ptr(), ROUNDS, scratch.as_mut_ptr(), 1, null_mut())
    };
    assert_eq!(ok, 1, "the test fails only out of memory or without random numbers");
    answer == 1
}

/// A composite number passes each with a chance of at most 1/4.
const ROUNDS: c_int = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_other_numbers() {
        let is_prime = |number: u128| is_prime(&number.to_be_bytes());
        for prime in [2, 3, 5, 65_537, 0xffff_fffb, (1 << 61) - 1, (1 << 127) - 1] {
            assert!(is_prime(prime), "{prime}");
        }
        // 561 is a Carmichael number; 3_215_031_751 is a strong pseudoprime to the bases 2, 3, 5 and 7.
        let squares = [65_537 * 65_537, ((1 << 61) - 1) * ((1 << 61) - 1)];
        for other in [0, 1, 4, 9, 561, 65_535, 3_215_031_751, (1 << 67) - 1].into_iter().chain(squares) {
            assert!(!is_prime(other), "{other}");
        }
    }
}
