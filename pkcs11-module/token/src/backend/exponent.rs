//! Public exponents of RSA keys.

/// A public exponent: odd, at least 3 and below 2^256, as FIPS 186-5 (A.1.1) has it for the nodes' own keys, which are
/// above 2^16 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicExponent([u8; BYTES]);

const BYTES: usize = 32;

impl PublicExponent {
    /// 65537.
    pub const F4: Self = {
        let mut bytes = [0; BYTES];
        (bytes[BYTES - 3], bytes[BYTES - 1]) = (1, 1);
        Self(bytes)
    };

    /// The big-endian `number`, if it is one; leading zeros do not matter.
    pub fn new(number: &[u8]) -> Option<Self> {
        let number = without_zeros(number);
        let mut bytes = [0; BYTES];
        bytes.get_mut(BYTES.checked_sub(number.len())?..)?.copy_from_slice(number);
        let is_odd = number.last().is_some_and(|last| last % 2 == 1);
        (is_odd && number != [1]).then_some(Self(bytes))
    }

    /// Big-endian, without leading zeros.
    pub fn as_bytes(&self) -> &[u8] {
        without_zeros(&self.0)
    }

    /// Whether it is large enough for a private key of the nodes: above 2^16.
    pub fn is_of_private_keys(&self) -> bool {
        self.as_bytes().len() > 2
    }
}

/// A number without its leading zeros.
pub(crate) fn without_zeros(number: &[u8]) -> &[u8] {
    number.iter().position(|byte| *byte != 0).and_then(|first| number.get(first..)).unwrap_or_default()
}
