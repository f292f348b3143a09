//! Integers that are reduced late: sums of products are taken over limbs, and divided by q once.
//!
//! A multiplication works on thousands of pads. Reducing each, and each product with it, is most of
//! what the RustCrypto scalars would do there. Constant time: the sequence of operations depends on
//! lengths only, and every selection is a mask. Limbs are 64 bits, least significant first.

use core::hint::black_box;
use core::marker::PhantomData;

use elliptic_curve::ff::PrimeField;
use subtle::Choice;
use zeroize::Zeroize;

use crate::secret::Words;

/// Late reduction for one scalar field.
pub trait Late: 'static {
    /// Integers mod q.
    type Scalar;
    /// A reduced integer, kappa bits.
    type Short: Copy + Zeroize + Words;
    /// A pad, kappa + 128 bits.
    type Long: Copy + Zeroize + Words;
    /// A sum of up to 2^64 products of a short and a long one.
    type Sum: Zeroize;

    /// The limbs of a scalar.
    fn short(scalar: &Self::Scalar) -> Self::Short;

    /// `WIDE_BYTES` big-endian bytes; what is missing in front is zero.
    fn long(bytes: &[u8]) -> Self::Long;

    /// The empty sum.
    fn zero() -> Self::Sum;

    /// Adds a long integer.
    fn add(sum: &mut Self::Sum, long: &Self::Long);

    /// Adds a short integer when `choice` is true.
    fn add_chosen(sum: &mut Self::Sum, short: &Self::Short, choice: Choice);

    /// Adds a product.
    fn add_product(sum: &mut Self::Sum, short: &Self::Short, long: &Self::Long);

    /// A long integer congruent to `long`, plus `short` when `choice` is true.
    fn plus_chosen(long: &Self::Long, short: &Self::Short, choice: Choice) -> Self::Long;

    /// `left - right + short` mod q.
    fn difference(left: &Self::Long, right: &Self::Long, short: &Self::Short) -> Self::Scalar;

    /// The sum mod q.
    fn reduce(sum: &Self::Sum) -> Self::Scalar;
}

/// The constants of one order q, between 2^(64 N - 1) and 2^(64 N).
pub trait Order<const N: usize>: 'static {
    /// Integers mod q.
    type Scalar: PrimeField;
    /// q.
    const ORDER: [u64; N];
    /// 2^(64 (N + 2)) / q, rounded down, without its leading 2^128.
    const RECIPROCAL: [u64; 2];
}

/// Late reduction over `N` limbs, with `LONG` = N + 2 and `SUM` = 2 N + 3.
pub struct Limbs<O, const N: usize, const LONG: usize, const SUM: usize>(PhantomData<O>);

impl<O: Order<N>, const N: usize, const LONG: usize, const SUM: usize> Late for Limbs<O, N, LONG, SUM> {
    type Scalar = O::Scalar;
    type Short = [u64; N];
    type Long = [u64; LONG];
    type Sum = [u64; SUM];

    fn short(scalar: &O::Scalar) -> [u64; N] {
        from_be_bytes(scalar.to_repr().as_ref())
    }

    fn long(bytes: &[u8]) -> [u64; LONG] {
        from_be_bytes(bytes)
    }

    fn zero() -> [u64; SUM] {
        const { assert!(LONG == N + 2 && SUM == 2 * N + 3) };
        [0; SUM]
    }

    fn add(sum: &mut [u64; SUM], long: &[u64; LONG]) {
        add_masked(sum, long, u64::MAX);
    }

    fn add_chosen(sum: &mut [u64; SUM], short: &[u64; N], choice: Choice) {
        add_masked(sum, short, mask(choice.unwrap_u8()));
    }

    fn add_product(sum: &mut [u64; SUM], short: &[u64; N], long: &[u64; LONG]) {
        let mut product = [0; SUM];
        for (offset, factor) in long.iter().enumerate() {
            let row = product.get_mut(offset..).unwrap_or_default();
            let mut carry = 0;
            for (limb, other) in row.iter_mut().zip(short) {
                let value = u128::from(*limb) + u128::from(*factor) * u128::from(*other) + u128::from(carry);
                *limb = value as u64;
                carry = (value >> 64) as u64;
            }
            // Rows come in ascending order: nothing has reached this limb yet.
            if let Some(limb) = row.get_mut(N) {
                *limb = carry;
            }
        }
        add_masked(sum, &product, u64::MAX);
    }

    fn plus_chosen(long: &[u64; LONG], short: &[u64; N], choice: Choice) -> [u64; LONG] {
        let mut sum = *long;
        Self::add_modular(&mut sum, short, mask(choice.unwrap_u8()));
        sum
    }

    fn difference(left: &[u64; LONG], right: &[u64; LONG], short: &[u64; N]) -> O::Scalar {
        let mut difference = [0; LONG];
        let mut borrow = 0;
        for ((out, left), right) in difference.iter_mut().zip(left).zip(right) {
            (*out, borrow) = subtract(*left, *right, borrow);
        }
        Self::add_modular(&mut difference, &Self::MINUS_CARRY, mask(borrow as u8));
        Self::add_modular(&mut difference, short, u64::MAX);
        scalar::<O, N>(&divide::<O, N>(&difference))
    }

    fn reduce(sum: &[u64; SUM]) -> O::Scalar {
        // All limbs that weigh 2^(64 N) or more at once: cheaper than a quotient for each. What is
        // left is below (N + 4) 2^(64 (N + 1)).
        let (low, high) = sum.split_at(N);
        let mut folded = [0; LONG];
        for (folded, limb) in folded.iter_mut().zip(low) {
            *folded = *limb;
        }
        for (limb, power) in high.iter().zip(&Self::POWERS) {
            let mut carry = 0;
            let (head, tail) = folded.split_at_mut(N);
            for (folded, power) in head.iter_mut().zip(power) {
                let value = u128::from(*folded) + u128::from(*limb) * u128::from(*power) + u128::from(carry);
                *folded = value as u64;
                carry = (value >> 64) as u64;
            }
            add_masked(tail, &[carry], u64::MAX);
        }
        scalar::<O, N>(&divide::<O, N>(&folded))
    }
}

impl<O: Order<N>, const N: usize, const LONG: usize, const SUM: usize> Limbs<O, N, LONG, SUM> {
    /// 2^(64 (N + i)) mod q.
    const POWERS: [[u64; N]; SUM] = powers(O::ORDER);
    /// 2^(64 (N + 2)) mod q: what a carry out of a long integer is worth.
    const CARRY: [u64; N] = Self::POWERS[2];
    /// What a borrow is worth, mod q.
    const MINUS_CARRY: [u64; N] = less(O::ORDER, Self::CARRY).0;

    /// Adds `short` under a mask, mod q.
    fn add_modular(long: &mut [u64; LONG], short: &[u64; N], chosen: u64) {
        let carry = add_masked(long, short, chosen);
        // After a carry the rest is below 2^(64 N), and the carry's worth fits on top of it.
        add_masked(long, &Self::CARRY, mask(carry as u8));
    }
}

/// 2^(64 (N + i)) mod `order`, for compile time: an index out of range does not compile.
#[allow(clippy::indexing_slicing)]
const fn powers<const N: usize, const COUNT: usize>(order: [u64; N]) -> [[u64; N]; COUNT] {
    // The first is 2^(64 N) - q, since q is more than its half.
    let mut value = less([0; N], order).0;
    let mut powers = [[0; N]; COUNT];
    let mut at = 0;
    while at < COUNT {
        powers[at] = value;
        let mut doublings = 0;
        while doublings < 64 {
            let (mut doubled, mut carry, mut limb) = ([0; N], 0, 0);
            while limb < N {
                doubled[limb] = value[limb] << 1 | carry;
                carry = value[limb] >> 63;
                limb += 1;
            }
            let (reduced, borrow) = less(doubled, order);
            value = if carry >= borrow { reduced } else { doubled };
            doublings += 1;
        }
        at += 1;
    }
    powers
}

/// `left - right`, and the borrow. Its time depends on nothing but N.
#[allow(clippy::indexing_slicing)]
const fn less<const N: usize>(left: [u64; N], right: [u64; N]) -> ([u64; N], u64) {
    let (mut difference, mut borrow, mut limb) = ([0; N], 0, 0);
    while limb < N {
        (difference[limb], borrow) = subtract(left[limb], right[limb], borrow);
        limb += 1;
    }
    (difference, borrow)
}

/// The remainder of a division by q, one limb of the quotient after the other.
fn divide<O: Order<N>, const N: usize>(limbs: &[u64]) -> [u64; N] {
    let (low, high) = limbs.split_at(limbs.len().saturating_sub(N));
    let mut rest = [0; N];
    for (rest, limb) in rest.iter_mut().zip(high) {
        *rest = *limb;
    }
    // The order exceeds half of 2^(64 N): one subtraction reduces the leading limbs.
    subtract_order::<O, N>(&mut rest, 0);
    for limb in low.iter().rev() {
        let quotient = estimate::<O, N>(&rest);
        // rest = rest 2^64 + limb - quotient q, which is below 2 q.
        let (mut shifted, mut carry, mut borrow) = (*limb, 0, 0);
        for (slot, order) in rest.iter_mut().zip(O::ORDER) {
            let product = u128::from(quotient) * u128::from(order) + u128::from(carry);
            carry = (product >> 64) as u64;
            let next = *slot;
            (*slot, borrow) = subtract(shifted, product as u64, borrow);
            shifted = next;
        }
        let top = shifted.wrapping_sub(carry).wrapping_sub(borrow);
        subtract_order::<O, N>(&mut rest, top);
    }
    rest
}

/// The quotient of (rest 2^64 + anything below 2^64) by q, or one less; `rest` is below q.
///
/// With X = the two top limbs of `rest` it is X 2^(64 (N - 1)) / q, from X (2^128 + reciprocal)
/// without products that weigh less than 2^-64: what is left out, X's tail included, stays below one.
fn estimate<O: Order<N>, const N: usize>(rest: &[u64; N]) -> u64 {
    let [.., low, high] = rest.as_slice() else { return 0 };
    let [fine, coarse] = O::RECIPROCAL.map(u128::from);
    let (low, high) = (u128::from(*low), u128::from(*high));
    let fraction = high * coarse + ((high * fine) >> 64) + ((low * coarse) >> 64);
    (((high << 64 | low) + fraction) >> 64) as u64
}

/// Takes q from top 2^(64 N) + rest when that is not below q. `top` is 0 or 1.
fn subtract_order<O: Order<N>, const N: usize>(rest: &mut [u64; N], top: u64) {
    let mut reduced = [0; N];
    let mut borrow = 0;
    for ((out, limb), order) in reduced.iter_mut().zip(rest.iter()).zip(O::ORDER) {
        (*out, borrow) = subtract(*limb, order, borrow);
    }
    let keep = mask((borrow & !top) as u8);
    for (limb, reduced) in rest.iter_mut().zip(reduced) {
        *limb = (*limb & keep) | (reduced & !keep);
    }
}

/// Adds `other` under a mask; the carry out of `sum`.
fn add_masked(sum: &mut [u64], other: &[u64], mask: u64) -> u64 {
    let mut carry = 0;
    let (head, tail) = sum.split_at_mut(other.len().min(sum.len()));
    for (limb, other) in head.iter_mut().zip(other) {
        (*limb, carry) = add(*limb, other & mask, carry);
    }
    for limb in tail {
        (*limb, carry) = add(*limb, 0, carry);
    }
    carry
}

/// `left + right + carry`, and the carry out of it. Written so that compilers see an add-with-carry.
const fn add(left: u64, right: u64, carry: u64) -> (u64, u64) {
    let (value, first) = left.overflowing_add(right);
    let (value, second) = value.overflowing_add(carry);
    (value, first as u64 | second as u64)
}

/// `left - right - borrow`, and the borrow out of it. Written as [`add`].
const fn subtract(left: u64, right: u64, borrow: u64) -> (u64, u64) {
    let (value, first) = left.overflowing_sub(right);
    let (value, second) = value.overflowing_sub(borrow);
    (value, first as u64 | second as u64)
}

/// All ones for 1, zeros for 0; the compiler does not learn that there are only two values.
fn mask(bit: u8) -> u64 {
    u64::from(black_box(bit)).wrapping_neg()
}

fn from_be_bytes<const L: usize>(bytes: &[u8]) -> [u64; L] {
    let mut limbs = [0; L];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks(8)) {
        *limb = match chunk.first_chunk::<8>() {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => chunk.iter().fold(0, |limb, byte| (limb << 8) | u64::from(*byte)),
        };
    }
    limbs
}

/// The scalar of limbs that are below q.
fn scalar<O: Order<N>, const N: usize>(limbs: &[u64; N]) -> O::Scalar {
    let mut repr = <O::Scalar as PrimeField>::Repr::default();
    for (chunk, limb) in repr.as_mut().rchunks_exact_mut(8).zip(limbs) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    Option::from(O::Scalar::from_repr(repr)).expect("a remainder is below q")
}

#[cfg(test)]
mod tests;
