//! A public key and its operation. Exponents are public; what is raised to them may be a secret, and is in constant
//! time: `crypto-bigint`'s Montgomery form has no branch on it.

use crypto_bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use crypto_bigint::{Integer as _, U2048, U3072, U4096, U8192, Uint};
use cryptoki_sys::{CKA_MODULUS, CKA_PUBLIC_EXPONENT};
use zeroize::{Zeroize as _, Zeroizing};

use super::MODULUS_BITS;
use crate::backend::{Attributes, KeySpec, PublicExponent, without_zeros};
use crate::object::rsa::bits;
use crate::rv::{Error, Result};

/// A modulus and a public exponent.
pub(crate) struct PublicKey {
    modulus: Vec<u8>,
    exponent: PublicExponent,
}

impl PublicKey {
    /// The key of these numbers, big-endian; leading zeros do not matter.
    ///
    /// # Errors
    /// [`Error::AttributeValueInvalid`] for a modulus that is even or of another size than [`MODULUS_BITS`], and for
    /// what is no [`PublicExponent`].
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let modulus = without_zeros(modulus);
        let (least, most) = MODULUS_BITS;
        let has_size = (least..=most).contains(&bits(modulus));
        let is_odd = modulus.last().is_some_and(|last| last % 2 == 1);
        let exponent = PublicExponent::new(exponent).filter(|_| has_size && is_odd);
        let exponent = exponent.ok_or(Error::AttributeValueInvalid)?;
        Ok(Self { modulus: modulus.to_vec(), exponent })
    }

    /// The key of an object.
    ///
    /// # Errors
    /// [`Error::KeyTypeInconsistent`] if it has none.
    pub(crate) fn of(object: &Attributes) -> Result<Self> {
        let number = |id| object.get(&id).map(Vec::as_slice).unwrap_or_default();
        Self::new(number(CKA_MODULUS), number(CKA_PUBLIC_EXPONENT)).map_err(|_| Error::KeyTypeInconsistent)
    }

    /// Its size and exponent.
    pub(crate) fn spec(&self) -> KeySpec {
        KeySpec::Rsa { bits: u16::try_from(self.bits()).unwrap_or(u16::MAX), exponent: self.exponent }
    }

    /// The modulus, without leading zeros.
    pub(crate) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The exponent.
    pub(crate) const fn exponent(&self) -> PublicExponent {
        self.exponent
    }

    /// Bytes of the modulus, and of every signature and ciphertext.
    pub(crate) fn bytes(&self) -> usize {
        self.modulus.len()
    }

    /// Bits of the modulus.
    pub(crate) fn bits(&self) -> usize {
        bits(&self.modulus) as usize
    }

    /// A number to the public exponent, as long as the modulus; `None` for one that is not below the modulus.
    pub(crate) fn raise(&self, number: &[u8]) -> Option<Vec<u8>> {
        power(&self.modulus, number, self.exponent.as_bytes()).map(|power| power.to_vec())
    }
}

/// `base` to the `exponent` modulo an odd `modulus`, as long as it; `None` unless `base` is below the modulus. Time
/// depends on the length of the exponent, and on no value but that of the modulus.
pub(crate) fn power(modulus: &[u8], base: &[u8], exponent: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match 8 * modulus.len() {
        0..=2048 => power_of::<{ U2048::LIMBS }>(modulus, base, exponent),
        2049..=3072 => power_of::<{ U3072::LIMBS }>(modulus, base, exponent),
        3073..=4096 => power_of::<{ U4096::LIMBS }>(modulus, base, exponent),
        4097..=8192 => power_of::<{ U8192::LIMBS }>(modulus, base, exponent),
        _ => None,
    }
}

fn power_of<const LIMBS: usize>(modulus: &[u8], base: &[u8], exponent: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = modulus.len();
    let (modulus, exponent_bits) = (number::<LIMBS>(modulus)?, 8 * exponent.len());
    let exponent = Zeroizing::new(number::<LIMBS>(exponent)?);
    let base = Zeroizing::new(number::<LIMBS>(base)?);
    // Montgomery's form is for odd numbers only.
    if *base >= modulus || bool::from(modulus.is_even()) {
        return None;
    }
    let mut residue =
        DynResidue::new(&base, DynResidueParams::new(&modulus)).pow_bounded_exp(&exponent, exponent_bits);
    let words = Zeroizing::new(residue.retrieve().to_words());
    residue.as_montgomery_mut().zeroize();
    let all: Zeroizing<Vec<u8>> =
        Zeroizing::new(words.iter().rev().flat_map(|word| word.to_be_bytes()).collect());
    let start = all.len().checked_sub(bytes)?;
    all.get(start..).map(|power| Zeroizing::new(power.to_vec()))
}

/// A big-endian number, if it fits.
fn number<const LIMBS: usize>(bytes: &[u8]) -> Option<Uint<LIMBS>> {
    let missing = Uint::<LIMBS>::BYTES.checked_sub(bytes.len())?;
    let mut padded = Zeroizing::new(vec![0; missing]);
    padded.extend_from_slice(bytes);
    Some(Uint::from_be_slice(&padded))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn powers_agree_with_repeated_multiplication() {
        // (2^2048 - 1) - 2 = -2 modulo 2^2048 - 1: its cube is -8, at every size of a number.
        for bytes in [256, 257, 384, 512, 1024] {
            let modulus = vec![0xff; bytes];
            let mut base = modulus.clone();
            base[bytes - 1] = 0xfd;
            let mut cube = modulus.clone();
            cube[bytes - 1] = 0xf7;
            assert_eq!(*power(&modulus, &base, &[3]).unwrap(), cube);
            assert_eq!(power(&modulus, &modulus, &[3]), None, "not below the modulus");
            assert_eq!(*power(&modulus, &[], &[3]).unwrap(), vec![0; bytes]);
        }
        assert_eq!(power(&[0xff; 1025], &[2], &[3]), None);
        assert_eq!(power(&[0xfe; 256], &[2], &[3]), None, "even");
    }

    #[test]
    fn keys_of_other_sizes_and_even_numbers_are_refused() {
        let key = |modulus: &[u8], exponent: &[u8]| PublicKey::new(modulus, exponent).map(|key| key.spec());
        let modulus = [0xff; 256];
        let spec = |exponent: &[u8]| {
            PublicExponent::new(exponent).map(|exponent| KeySpec::Rsa { bits: 2048, exponent })
        };
        for exponent in [&[3][..], &[1, 0, 0, 0, 0, 0, 0, 0, 1], &[0xff; 32]] {
            assert_eq!(key(&modulus, exponent).ok(), spec(exponent));
        }
        let with_zeros = [&[0; 9][..], &modulus].concat();
        assert_eq!(key(&with_zeros, &[0, 1, 0, 1]).ok(), spec(&[1, 0, 1]));
        for (modulus, exponent) in [
            (&[0xff; 255][..], &[3][..]),
            (&[0x7f; 256], &[3]),
            (&[0xff; 1025], &[3]),
            (&[0xfe; 256], &[3]),
            (&[], &[3]),
            (&modulus, &[]),
            (&modulus, &[1]),
            (&modulus, &[4]),
            (&modulus, &[1; 33]),
        ] {
            assert_eq!(key(modulus, exponent), Err(Error::AttributeValueInvalid), "{modulus:?} {exponent:?}");
        }
    }
}
