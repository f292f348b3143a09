#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::group::{Curve, P256, P384, Secp256k1};
use alloc::vec::Vec;
use elliptic_curve::ff::Field;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

type Of<C> = <C as Curve>::Late;

/// 2^(64 power) by doubling.
fn power<S: Field>(power: usize) -> S {
    (0..64 * power).fold(S::ONE, |value, _| value.double())
}

/// The value of limbs by Horner's rule with the library's arithmetic.
fn value<S: PrimeField>(limbs: &[u64]) -> S {
    let shift = power::<S>(1);
    limbs.iter().rev().fold(S::ZERO, |sum, limb| sum * shift + S::from(*limb))
}

/// q x multiple, which is below 2^(64 L).
fn times<const L: usize>(order: &[u64], multiple: &[u64]) -> [u64; L] {
    let mut product = [0; L];
    for (i, a) in order.iter().enumerate() {
        let mut carry = 0_u128;
        for (j, b) in multiple.iter().chain(&[0; L]).take(L - i).enumerate() {
            let sum = u128::from(product[i + j]) + u128::from(*a) * u128::from(*b) + carry;
            product[i + j] = sum as u64;
            carry = sum >> 64;
        }
    }
    product
}

/// Zeros, ones, and everything around multiples of the order, where a quotient is easily one off.
fn edges<const N: usize, const L: usize>(order: &[u64; N], rng: &mut ChaCha20Rng) -> Vec<[u64; L]> {
    let mut edges = alloc::vec![[0; L], [u64::MAX; L], core::array::from_fn(|at| u64::from(at == 0))];
    for _ in 0..200 {
        edges.push(core::array::from_fn(|_| match rng.next_u32() % 4 {
            0 => 0,
            1 => u64::MAX,
            _ => rng.next_u64(),
        }));
    }
    let mut multiples: Vec<Vec<u64>> = alloc::vec![alloc::vec![1], alloc::vec![u64::MAX; L - N]];
    multiples.extend((0..200).map(|_| (0..L - N).map(|_| rng.next_u64()).collect()));
    for multiple in multiples {
        let exact = times::<L>(order, &multiple);
        let mut below = exact;
        let mut borrow = 1;
        below.iter_mut().for_each(|limb| (*limb, borrow) = subtract(*limb, 0, borrow));
        let mut above = exact;
        add_masked(&mut above, &[1], u64::MAX);
        edges.extend([exact, below, above]);
    }
    edges
}

fn agrees<C, const N: usize, const LONG: usize, const SUM: usize>()
where
    C: Curve<Late = Limbs<C, N, LONG, SUM>> + Order<N, Scalar = <C as Curve>::Scalar>,
{
    type S<C> = <C as Curve>::Scalar;
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    // The constants.
    assert_eq!(value::<S<C>>(&C::ORDER), S::<C>::ZERO);
    for (at, limbs) in Of::<C>::POWERS.iter().enumerate() {
        assert_eq!(Of::<C>::short(&power::<S<C>>(N + at)), *limbs);
    }
    let [fine, coarse] = C::RECIPROCAL;
    let mut product = alloc::vec![0; N + 4];
    product[..N + 3].copy_from_slice(&times::<SUM>(&C::ORDER, &[fine, coarse, 1])[..N + 3]);
    let quotient_is_largest = product[N + 2] == 0 && {
        let carry = add_masked(&mut product, &C::ORDER, u64::MAX);
        carry == 0 && product[N + 2] == 1
    };
    let exact = product[N + 2] == 1 && product[..N + 2].iter().all(|limb| *limb == 0);
    assert!(quotient_is_largest || exact, "2^(64 (N + 2)) is between two multiples of the order");

    let longs: Vec<[u64; LONG]> = edges(&C::ORDER, rng);
    for (left, right) in longs.iter().zip(longs.iter().rev()) {
        let [a, b] = [left, right].map(|limbs| value::<S<C>>(limbs));
        for short in [S::<C>::ZERO, -S::<C>::ONE, a] {
            let limbs = Of::<C>::short(&short);
            assert_eq!(value::<S<C>>(&limbs), short);
            assert_eq!(Of::<C>::difference(left, right, &limbs), a - b + short);
            let kept = Of::<C>::plus_chosen(left, &limbs, Choice::from(0));
            assert_eq!(kept, *left);
            let added = Of::<C>::plus_chosen(left, &limbs, Choice::from(1));
            assert_eq!(value::<S<C>>(&added), a + short);
            let mut sum = Of::<C>::zero();
            Of::<C>::add(&mut sum, left);
            Of::<C>::add_chosen(&mut sum, &limbs, Choice::from(1));
            Of::<C>::add_chosen(&mut sum, &limbs, Choice::from(0));
            Of::<C>::add_product(&mut sum, &limbs, right);
            Of::<C>::add_product(&mut sum, &limbs, right);
            assert_eq!(Of::<C>::reduce(&sum), a + short + (short * b).double());
        }
    }
    for sum in edges::<N, SUM>(&C::ORDER, rng) {
        assert_eq!(Of::<C>::reduce(&sum), value::<S<C>>(&sum));
    }
    let mut bytes = alloc::vec![0; C::WIDE_BYTES];
    rng.fill_bytes(&mut bytes);
    assert_eq!(value::<S<C>>(&Of::<C>::long(&bytes)), C::reduce_wide(&bytes));
    assert_eq!(value::<S<C>>(&Of::<C>::long(&bytes[..21])), C::reduce_wide(&bytes[..21]));
}

#[test]
fn p256_agrees_with_the_library() {
    agrees::<P256, 4, 6, 11>();
}

#[test]
fn secp256k1_agrees_with_the_library() {
    agrees::<Secp256k1, 4, 6, 11>();
}

#[test]
fn p384_agrees_with_the_library() {
    agrees::<P384, 6, 8, 15>();
}
