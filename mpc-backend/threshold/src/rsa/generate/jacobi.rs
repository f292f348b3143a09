//! The Jacobi symbol of public numbers (Cohen, A Course in Computational Algebraic Number Theory,
//! algorithm 1.4.10, with subtraction in place of division).

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::trial::words;

/// (a / n) for an odd `n`, both big-endian: 1, -1, or 0 when they have a common factor.
/// Variable-time: public numbers only.
pub(super) fn jacobi(a: &[u8], n: &[u8]) -> i8 {
    let (mut a, mut n) = (words(a), words(n));
    let length = a.len().max(n.len());
    a.resize(length, 0);
    n.resize(length, 0);
    let mut symbol = 1;
    loop {
        trim(&mut a, &mut n);
        let Some(zeros) = trailing_zeros(&a) else {
            let one = n.first() == Some(&1) && n.iter().skip(1).all(|word| *word == 0);
            return if one { symbol } else { 0 };
        };
        shift_right(&mut a, zeros);
        // (2 / n) is -1 for n = 3 and 5 modulo 8.
        if zeros % 2 == 1 && matches!(low(&n) & 7, 3 | 5) {
            symbol = -symbol;
        }
        if a.iter().rev().cmp(n.iter().rev()) == Ordering::Less {
            core::mem::swap(&mut a, &mut n);
            // Reciprocity: both 3 modulo 4.
            if low(&a) & low(&n) & 3 == 3 {
                symbol = -symbol;
            }
        }
        let mut borrow = false;
        for (word, less) in a.iter_mut().zip(&n) {
            (*word, borrow) = word.borrowing_sub(*less, borrow);
        }
    }
}

fn low(number: &[u64]) -> u64 {
    number.first().copied().unwrap_or(0)
}

/// Drops words that are zero at the top of both.
fn trim(a: &mut Vec<u64>, n: &mut Vec<u64>) {
    while a.len() > 1 && a.last() == Some(&0) && n.last() == Some(&0) {
        a.pop();
        n.pop();
    }
}

/// `None` for zero.
fn trailing_zeros(number: &[u64]) -> Option<usize> {
    let at = number.iter().position(|word| *word != 0)?;
    Some(64 * at + number.get(at)?.trailing_zeros() as usize)
}

fn shift_right(number: &mut [u64], bits: usize) {
    let (words, bits) = (bits / 64, bits % 64);
    for at in 0..number.len() {
        let word = |index: usize| number.get(index).copied().unwrap_or(0);
        let (low, high) = (word(at + words), word(at + words + 1));
        let shifted = if bits == 0 { low } else { low >> bits | high << (64 - bits) };
        if let Some(slot) = number.get_mut(at) {
            *slot = shifted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(a: u64, n: u64) -> i8 {
        jacobi(&a.to_be_bytes(), &n.to_be_bytes())
    }

    #[test]
    fn symbols_of_primes_are_those_of_euler() {
        for n in [3_u64, 5, 7, 11, 13, 101, 997] {
            for a in 0..2 * n {
                let euler = (0..(n - 1) / 2).fold(1, |power, _| power * (a % n) % n);
                let symbol = if euler == n - 1 { -1 } else { euler as i8 };
                assert_eq!(small(a, n), symbol, "({a} / {n})");
            }
        }
    }

    #[test]
    fn symbols_multiply_in_both_places_and_over_words() {
        for (a, b, n, m) in [(1001, 9907, 15, 77), (2, 3, 1155, 13), (65_537, 30, 91, 9)] {
            assert_eq!(small(a * b, n), small(a, n) * small(b, n));
            assert_eq!(small(a, n * m), small(a, n) * small(a, m));
        }
        assert_eq!(small(15, 21), 0);
        // (a / n) = (a + k n / n), for numbers of several words.
        let n = [0xff; 40];
        let mut more = [0; 41];
        more[0] = 1;
        // 2^320 = 1 modulo 2^320 - 1.
        assert_eq!(jacobi(&more, &n), 1);
        more[40] = 5;
        assert_eq!(jacobi(&more, &n), jacobi(&[6], &n));
    }
}
