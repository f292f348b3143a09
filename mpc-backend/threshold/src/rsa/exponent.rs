//! Public exponents.

use alloc::format;
use alloc::string::String;

use arith::integer::Integer;
use arith::prime;

use super::public::KeyError;

/// A public exponent: odd, above 2^16 and below 2^256 (FIPS 186-5, A.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exponent([u8; LONG]);

/// Bytes of an exponent that fits in them, wherever it is hashed or stored.
pub(super) const SHORT: usize = 8;
/// Bytes of any exponent.
pub(super) const LONG: usize = 32;

impl Exponent {
    /// 65537.
    pub const F4: Self = {
        let mut bytes = [0; LONG];
        (bytes[LONG - 3], bytes[LONG - 1]) = (1, 1);
        Self(bytes)
    };

    /// The big-endian `number`; leading zeros do not matter.
    ///
    /// # Errors
    /// [`KeyError::Exponent`].
    pub fn new(number: &[u8]) -> Result<Self, KeyError> {
        let number = significant(number);
        let mut bytes = [0; LONG];
        let missing = LONG.checked_sub(number.len()).ok_or(KeyError::Exponent)?;
        bytes.iter_mut().skip(missing).zip(number).for_each(|(out, byte)| *out = *byte);
        let exponent = Self(bytes);
        // Three bytes, odd: 2^16 itself is even.
        let is_odd = number.last().is_some_and(|last| last % 2 == 1);
        if number.len() > 2 && is_odd { Ok(exponent) } else { Err(KeyError::Exponent) }
    }

    /// Without leading zeros.
    pub fn to_be_bytes(&self) -> &[u8] {
        significant(&self.0)
    }

    /// In eight bytes where it fits, else in 32.
    pub(super) fn padded(&self) -> &[u8] {
        let [zeros @ .., _, _, _, _, _, _, _, _] = &self.0;
        let start = if zeros.iter().all(|byte| *byte == 0) { LONG - SHORT } else { 0 };
        self.0.get(start..).unwrap_or_default()
    }

    /// Whether it is prime, as those of generated keys are.
    pub fn is_prime(&self) -> bool {
        *self == Self::F4 || prime::is_prime(&self.0)
    }

    /// As a number that has room for a sign.
    pub(super) fn to_integer(self, limbs: usize) -> Integer {
        Integer::from_be_bytes(&self.0, limbs)
    }

    /// Limbs of [`Self::to_integer`] at least.
    pub(super) fn limbs(&self) -> usize {
        self.to_be_bytes().len() / 8 + 1
    }

    /// Decimal where it fits 64 bits, else hexadecimal.
    pub(super) fn name(&self) -> String {
        match self.padded().try_into() {
            Ok(short) => format!("{}", u64::from_be_bytes(short)),
            Err(_) => self.to_be_bytes().iter().fold("0x".into(), |name, byte| name + &format!("{byte:02x}")),
        }
    }

    /// What [`Self::name`] names; another spelling of it as well.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let Some(digits) = name.strip_prefix("0x") else {
            return Self::new(&name.parse::<u64>().ok()?.to_be_bytes()).ok();
        };
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: alloc::vec::Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
        Self::new(&bytes).ok().filter(|_| rest.is_empty())
    }
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn exponents_are_odd_and_in_range() {
        for bad in
            [&[][..], &[3], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 2], &[[1; 1].as_slice(), &[1; 32]].concat()]
        {
            assert_eq!(Exponent::new(bad), Err(KeyError::Exponent), "{bad:?}");
        }
        assert_eq!(Exponent::new(&[0, 0, 1, 0, 1]), Ok(Exponent::F4));
        assert_eq!(Exponent::new(&[0xff; 32]).unwrap().to_be_bytes(), [0xff; 32]);
    }

    #[test]
    fn names_and_encodings_are_one_each() {
        let names = ["65537", "18446744073709551615", "0x010000000000000001"];
        for (name, bytes) in names.into_iter().zip([SHORT, SHORT, LONG]) {
            let exponent = Exponent::of_name(name).unwrap();
            assert_eq!((exponent.name().as_str(), exponent.padded().len()), (name, bytes));
            assert_eq!(Exponent::new(exponent.padded()), Ok(exponent));
        }
        for bad in ["", "0x", "3", "0x3", "0x1000001x", "-65537", "0x0100000000000000001"] {
            assert_eq!(Exponent::of_name(bad), None, "{bad}");
        }
    }
}
