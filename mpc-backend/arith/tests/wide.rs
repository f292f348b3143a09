//! Integers and residues against `crypto-bigint`, value for value.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use arith::integer::Integer;
use arith::modulus::{MODULUS_BYTES_MAX, Modulus, Residue};
use elliptic_curve::bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use elliptic_curve::bigint::{Encoding, NonZero, U512, U2048, U4096};
use elliptic_curve::subtle::{Choice, ConstantTimeEq};
use proptest::collection::vec;
use proptest::prelude::*;

/// Limbs of a 2048-bit integer.
const LIMBS: usize = 32;

fn ours(value: U2048) -> Integer {
    Integer::from_be_bytes(&value.to_be_bytes(), LIMBS)
}

fn same(ours: &Integer, theirs: U2048) -> bool {
    *ours.to_be_bytes() == theirs.to_be_bytes().as_ref()
}

fn bytes(residue: &Residue<'_>) -> Vec<u8> {
    residue.to_be_bytes().to_vec()
}

/// Random integers, and those with long runs of equal bits, where carries go far.
fn integers() -> impl Strategy<Value = U2048> {
    let random = vec(any::<u8>(), 256).prop_map(|bytes| U2048::from_be_slice(&bytes));
    let runs = (0..2048_usize, any::<bool>(), any::<u8>()).prop_map(|(shift, low, small)| {
        let run = U2048::MAX.shr_vartime(shift).wrapping_sub(&U2048::from_u8(small));
        if low { run } else { U2048::ZERO.wrapping_sub(&run) }
    });
    prop_oneof![random, runs]
}

fn odd_moduli() -> impl Strategy<Value = U2048> {
    integers().prop_map(|value| value | U2048::ONE | (U2048::ONE << 2047))
}

proptest! {
    #[test]
    fn ring_operations_agree(a in integers(), b in integers()) {
        let (mut sum, mut difference) = (ours(a), ours(a));
        sum.add(&ours(b));
        difference.subtract(&ours(b));
        prop_assert!(same(&sum, a.wrapping_add(&b)));
        prop_assert!(same(&difference, a.wrapping_sub(&b)));
        prop_assert!(same(&ours(a).product(&ours(b)), a.wrapping_mul(&b)));
        prop_assert_eq!(bool::from(ours(a).ct_eq(&ours(b))), a == b);
        prop_assert_eq!(ours(a).bits(), a.bits_vartime());
    }

    #[test]
    fn signs_agree(a in integers()) {
        let negative = a.bits_vartime() == 2048;
        prop_assert_eq!(bool::from(ours(a).is_negative()), negative);
        let mut negated = ours(a);
        negated.negate_if(Choice::from(1));
        prop_assert!(same(&negated, U2048::ZERO.wrapping_sub(&a)));
        negated.negate_if(Choice::from(0));
        prop_assert!(same(&negated, U2048::ZERO.wrapping_sub(&a)));
        // Sign extension, seen as the same number again in the old width.
        let wide = ours(a).resized(2 * LIMBS);
        let fill = if negative { 0xff } else { 0 };
        prop_assert!(wide.to_be_bytes()[..256].iter().all(|byte| *byte == fill));
        prop_assert!(same(&wide.resized(LIMBS), a));
    }

    #[test]
    fn division_by_a_word_agrees(a in integers(), divisor in 1..=u64::MAX) {
        let divisor_wide = NonZero::new(U2048::from_u64(divisor)).unwrap();
        let (quotient, remainder) = a.div_rem(&divisor_wide);
        let (our_quotient, our_remainder) = ours(a).divided_by(divisor).unwrap();
        prop_assert!(same(&our_quotient, quotient));
        prop_assert_eq!(U2048::from_u64(our_remainder), remainder);
    }

    #[test]
    fn division_by_a_number_agrees(a in integers(), divisor in integers(), shift in 1..2048_usize) {
        let divisor = divisor.shr_vartime(shift);
        let divisor = Option::from(NonZero::new(divisor)).unwrap_or(NonZero::new(U2048::ONE).unwrap());
        let (quotient, remainder) = a.div_rem(&divisor);
        let (our_quotient, our_remainder) = ours(a).divided_by_number(&ours(*divisor));
        prop_assert!(same(&our_quotient, quotient));
        prop_assert!(same(&our_remainder, remainder));
    }

    #[test]
    fn residues_agree(modulus in odd_moduli(), a in integers(), b in integers()) {
        let theirs = DynResidueParams::new(&modulus);
        let modulus_of_ours = Modulus::new(&modulus.to_be_bytes()).unwrap();
        let not_zero = NonZero::new(modulus).unwrap();
        let (a, b) = (a.rem(&not_zero), b.rem(&not_zero));
        let [x, y] = [a, b].map(|value| modulus_of_ours.residue(&value.to_be_bytes()).unwrap());
        let [u, v] = [a, b].map(|value| DynResidue::new(&value, theirs));
        prop_assert_eq!(bytes(&x.times(&y)), u.mul(&v).retrieve().to_be_bytes().to_vec());
        prop_assert_eq!(bytes(&x.negated()), u.neg().retrieve().to_be_bytes().to_vec());
        let (inverse, exists) = u.invert();
        let expected = bool::from(exists).then(|| inverse.retrieve().to_be_bytes().to_vec());
        prop_assert_eq!(x.inverse().map(|inverse| bytes(&inverse)), expected);
        prop_assert!(modulus_of_ours.residue(&modulus.to_be_bytes()).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Exponents longer than the modulus, as shares are, and of every odd length.
    #[test]
    fn powers_agree(modulus in odd_moduli(), base in integers(), exponent in vec(any::<u8>(), 0..290)) {
        let theirs = DynResidueParams::new(&modulus);
        let modulus_of_ours = Modulus::new(&modulus.to_be_bytes()).unwrap();
        let base = base.rem(&NonZero::new(modulus).unwrap());
        let mut wide = [0; 512];
        wide[512 - exponent.len()..].copy_from_slice(&exponent);
        let expected = DynResidue::new(&base, theirs).pow(&U4096::from_be_slice(&wide)).retrieve();
        let residue = modulus_of_ours.residue(&base.to_be_bytes()).unwrap();
        prop_assert_eq!(bytes(&residue.power_secret(&exponent)), expected.to_be_bytes().to_vec());
        prop_assert_eq!(bytes(&residue.power(&exponent)), expected.to_be_bytes().to_vec());
        prop_assert_eq!(bytes(&residue.power_secret(&wide)), expected.to_be_bytes().to_vec());
    }

    /// A width that AWS-LC's special paths do not have.
    #[test]
    fn powers_agree_in_another_width(modulus in vec(any::<u8>(), 64), base in vec(any::<u8>(), 64), exponent in vec(any::<u8>(), 80)) {
        let modulus = U512::from_be_slice(&modulus) | U512::ONE | (U512::ONE << 511);
        let modulus_of_ours = Modulus::new(&modulus.to_be_bytes()).unwrap();
        let base = U512::from_be_slice(&base).rem(&NonZero::new(modulus).unwrap());
        let mut wide = [0; 256];
        wide[176..].copy_from_slice(&exponent);
        let power = DynResidue::new(&base, DynResidueParams::new(&modulus)).pow(&U2048::from_be_slice(&wide));
        let residue = modulus_of_ours.residue(&base.to_be_bytes()).unwrap();
        prop_assert_eq!(bytes(&residue.power_secret(&exponent)), power.retrieve().to_be_bytes().to_vec());
    }
}

#[test]
fn edges_of_residues() {
    let modulus = Modulus::new(&U512::MAX.to_be_bytes()).unwrap();
    let at = |bytes: [u8; 64]| modulus.residue(&bytes).unwrap();
    let zero = at([0; 64]);
    assert!(zero.power_secret(&[]) == modulus.one(), "anything to the nothing is one");
    assert!(zero.power_secret(&[0; 8]) == modulus.one());
    assert!(zero.power_secret(&[3]) == zero && zero.power(&[3]) == zero);
    assert!(zero.inverse().is_none() && zero.negated() == zero);
    // -1 squared, and as its own inverse.
    let minus_one = at(U512::MAX.wrapping_sub(&U512::ONE).to_be_bytes());
    assert!(minus_one.times(&minus_one) == modulus.one());
    assert!(minus_one.inverse().unwrap() == minus_one);
    assert!(minus_one.power_secret(&[0, 5]) == minus_one);
    // 2^512 - 1 is divisible by 3.
    assert!(at(U512::from_u8(3).to_be_bytes()).inverse().is_none());
}

#[test]
fn only_odd_canonical_moduli_of_a_bounded_length_are_taken() {
    assert!(Modulus::new(&[3]).is_some() && Modulus::new(&[0xff; MODULUS_BYTES_MAX]).is_some());
    for bad in [&[][..], &[0], &[1], &[2], &[0, 3], &[5, 4], &[0xff; MODULUS_BYTES_MAX + 1]] {
        assert!(Modulus::new(bad).is_none(), "{bad:?}");
    }
    let modulus = Modulus::new(&[7]).unwrap();
    assert!(modulus.residue(&[6]).is_some());
    for bad in [&[][..], &[7], &[0, 6], &[255]] {
        assert!(modulus.residue(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn division_by_zero_is_refused() {
    assert!(Integer::from_word(5, 2).divided_by(0).is_none());
    assert_eq!(Integer::zero(2).bits(), 0);
}
