//! The message of a signature, or its digest, as it comes in, and the public key that it is held against.

use super::digest::Hasher;
use super::{Mechanism, Work, ecdsa, rsa, schnorr};
use crate::backend::{Attributes, Curve, KeySpec, Scheme};
use crate::object::key;
use crate::provider::Parameter;
use crate::rv::{Error, Result};
use cryptoki_sys::CKA_EC_POINT;

/// A message to which parts are added.
pub(crate) enum Message {
    /// We hash.
    Hashed(Hasher),
    /// The application hashed, or whoever signs or verifies does: the parts are gathered.
    Gathered {
        bytes: Vec<u8>,
        /// So many bytes it must have in the end.
        least: usize,
        /// So many it can have.
        most: usize,
    },
    /// Whoever signs or verifies hashes: the parts are gathered, and nothing is cut or padded.
    Whole {
        bytes: Vec<u8>,
        /// So many it can have.
        most: usize,
    },
}

impl Message {
    /// An empty message that is gathered.
    pub(crate) const fn gathered(least: usize, most: usize) -> Self {
        Self::Gathered { bytes: Vec::new(), least, most }
    }

    /// Adds a part.
    ///
    /// # Errors
    /// [`Error::DataLenRange`] if a message that is gathered becomes too long.
    pub(crate) fn update(&mut self, part: &[u8]) -> Result<()> {
        match self {
            Self::Gathered { bytes, most, .. } | Self::Whole { bytes, most }
                if bytes.len() + part.len() > *most =>
            {
                return Err(Error::DataLenRange);
            }
            Self::Gathered { bytes, .. } | Self::Whole { bytes, .. } => bytes.extend_from_slice(part),
            Self::Hashed(hasher) => hasher.update(part),
        }
        Ok(())
    }

    /// What is signed with a key: the message or its digest, for ECDSA as the curve takes it: its leftmost bytes if
    /// longer than the order, as the number it stands for if shorter. Leaves an empty message.
    ///
    /// # Errors
    /// [`Error::DataLenRange`] if a message that was gathered is too short.
    pub(crate) fn finish(&mut self, key: KeySpec) -> Result<Vec<u8>> {
        let message = match self {
            Self::Gathered { bytes, least, .. } if bytes.len() < *least => return Err(Error::DataLenRange),
            Self::Gathered { bytes, .. } => std::mem::take(bytes),
            Self::Hashed(hasher) => hasher.finalize_reset().into_vec(),
            Self::Whole { bytes, .. } => return Ok(std::mem::take(bytes)),
        };
        let wanted = match key {
            KeySpec::Curve(Curve::Edwards25519) | KeySpec::Rsa { .. } => return Ok(message),
            KeySpec::Curve(curve) => curve.field_bytes(),
        };
        let missing = wanted.saturating_sub(message.len());
        Ok(std::iter::repeat_n(0, missing).chain(message).take(wanted).collect())
    }
}

/// A public key that signatures of one scheme are held against.
pub(crate) enum Verifier {
    Curve(ecdsa::VerifyingKey),
    Rsa(rsa::PublicKey, Scheme),
}

impl Verifier {
    /// The key of a stored object, for what a mechanism and its parameter ask for.
    ///
    /// # Errors
    /// [`Error::KeyTypeInconsistent`], [`Error::PublicKeyInvalid`], [`Error::MechanismParamInvalid`].
    pub(crate) fn new(
        mechanism: &Mechanism,
        parameter: Parameter<'_>,
        spec: KeySpec,
        attributes: &Attributes,
    ) -> Result<Self> {
        let KeySpec::Curve(curve) = spec else {
            return Ok(Self::Rsa(rsa::PublicKey::of(attributes)?, mechanism.scheme(spec, parameter)?));
        };
        let point = attributes.get(&CKA_EC_POINT).and_then(|value| key::point_of(curve, value));
        let point = point.ok_or(Error::KeyTypeInconsistent)?;
        if mechanism.work == Work::Schnorr {
            let key = schnorr::PublicKey::from_point(curve, point)?;
            return Ok(Self::Curve(ecdsa::VerifyingKey::Schnorr(key)));
        }
        let mut key = ecdsa::VerifyingKey::from_point(curve, point)?;
        key.set_variant(parameter)?;
        Ok(Self::Curve(key))
    }

    /// Checks a signature over what [`Message::finish`] gives.
    ///
    /// # Errors
    /// [`Error::SignatureLenRange`], [`Error::SignatureInvalid`].
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        match self {
            Self::Curve(key) => key.verify(message, signature),
            Self::Rsa(key, scheme) => rsa::verify(key, scheme, message, signature),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;
    use crate::backend::PublicExponent;

    const P256: KeySpec = KeySpec::Curve(Curve::P256);

    #[test]
    fn a_long_digest_is_cut_on_the_right_and_a_short_one_padded_on_the_left() {
        let mut message = Message::gathered(1, 64);
        message.update(&(0..48).collect::<Vec<u8>>()).unwrap();
        assert_eq!(message.finish(P256).unwrap(), (0..32).collect::<Vec<u8>>());
        message.update(&[7; 20]).unwrap();
        assert_eq!(message.finish(P256).unwrap(), [&[0; 12][..], &[7; 20]].concat());
    }

    #[test]
    fn a_gathered_message_keeps_to_its_lengths() {
        let mut message = Message::gathered(1, 64);
        assert_eq!(message.finish(P256), Err(Error::DataLenRange));
        message.update(&[1; 64]).unwrap();
        assert_eq!(message.update(&[1]), Err(Error::DataLenRange));
        let rsa = KeySpec::Rsa { bits: 2048, exponent: PublicExponent::F4 };
        assert_eq!(message.finish(rsa).unwrap(), [1; 64]);
    }
}
