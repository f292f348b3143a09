//! Ed25519 (PKCS#11 3.1 sections 6.3.14 and 6.3.15; RFC 8032): pure without a parameter, Ed25519ctx or Ed25519ph as
//! `CK_EDDSA_PARAMS` asks. The backend hashes the message itself, but for Ed25519ph, which is hashed here;
//! verification is done here.

use cryptoki_sys::{CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

use super::{Keys, Mechanism, Use, Work};
use crate::backend::Curve;
use crate::provider::Parameter;
use crate::rv::{Error, Result};

const CURVES: &[Curve] = &[Curve::Edwards25519];

pub(crate) static EC_EDWARDS_KEY_PAIR_GEN: Mechanism = Mechanism {
    id: CKM_EC_EDWARDS_KEY_PAIR_GEN,
    uses: &[Use::GenerateKeyPair],
    keys: Keys::Ec(CURVES),
    work: Work::EcKeyPair,
};

pub(crate) static EDDSA: Mechanism =
    Mechanism { id: CKM_EDDSA, uses: &[Use::Sign, Use::Verify], keys: Keys::Ec(CURVES), work: Work::Eddsa };

/// One of the schemes that `CKM_EDDSA` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Ed25519.
    Pure,
    /// Ed25519ph if `prehashed`, else Ed25519ctx.
    Contextual { prehashed: bool, context: Vec<u8> },
}

impl Variant {
    /// The scheme that a parameter asks for.
    ///
    /// # Errors
    /// [`Error::MechanismParamInvalid`] for another parameter, and for a context above 255 bytes.
    pub(crate) fn of(parameter: Parameter<'_>) -> Result<Self> {
        match parameter {
            Parameter::Bytes([]) => Ok(Self::Pure),
            Parameter::Eddsa { prehashed, context } if context.len() <= CONTEXT_BYTES_MAX => {
                Ok(Self::Contextual { prehashed, context: context.to_vec() })
            }
            _ => Err(Error::MechanismParamInvalid),
        }
    }

    /// As the backend has it: nothing, or 0 or 1 for Ed25519ctx or Ed25519ph and then the context.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Pure => Vec::new(),
            Self::Contextual { prehashed, context } => [&[u8::from(*prehashed)], context.as_slice()].concat(),
        }
    }

    /// Whether it is over SHA-512 of the message.
    pub(crate) fn is_prehashed(&self) -> bool {
        matches!(self, Self::Contextual { prehashed: true, .. })
    }
}

/// A public key: its encoding, and the point.
pub(crate) type PublicKey = ([u8; 32], EdwardsPoint);

/// The key with this encoding.
///
/// # Errors
/// [`Error::PublicKeyInvalid`] for what RFC 8032 does not decode, and for points of small order, under which
/// everything is signed.
pub(crate) fn public_key(point: &[u8]) -> Result<PublicKey> {
    let bytes: [u8; 32] = point.try_into().map_err(|_| Error::PublicKeyInvalid)?;
    let point = CompressedEdwardsY(bytes).decompress().ok_or(Error::PublicKeyInvalid)?;
    let canonical = point.compress().0 == bytes;
    if canonical && !point.is_small_order() { Ok((bytes, point)) } else { Err(Error::PublicKeyInvalid) }
}

/// Checks a signature over a message, or over its SHA-512 for Ed25519ph: `[s]B = R + [k]A`, with s below the group
/// order, R compared as bytes.
///
/// # Errors
/// [`Error::SignatureLenRange`], [`Error::SignatureInvalid`].
pub(crate) fn verify(key: &PublicKey, variant: &Variant, message: &[u8], signature: &[u8]) -> Result<()> {
    let signature: &[u8; 64] = signature.try_into().map_err(|_| Error::SignatureLenRange)?;
    let (nonce, response) = signature.split_at(32);
    let response =
        response.try_into().map(Scalar::from_canonical_bytes).map_err(|_| Error::SignatureInvalid)?;
    let response = Option::<Scalar>::from(response).ok_or(Error::SignatureInvalid)?;
    let (encoded, point) = key;
    let challenge = challenge(variant, nonce, encoded, message);
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &-point, &response);
    if expected.compress().as_bytes() == nonce { Ok(()) } else { Err(Error::SignatureInvalid) }
}

/// k = SHA-512(dom2 || R || A || M) mod the group order (RFC 8032, 5.1.7).
pub(crate) fn challenge(variant: &Variant, nonce: &[u8], key: &[u8; 32], message: &[u8]) -> Scalar {
    let mut hash = Sha512::new();
    if let Variant::Contextual { prehashed, context } = variant {
        hash.update(b"SigEd25519 no Ed25519 collisions");
        // `Variant::of` has bounded the context.
        hash.update([u8::from(*prehashed), context.len() as u8]);
        hash.update(context);
    }
    let hash = hash.chain_update(nonce).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// Longest context (RFC 8032, 5.1).
const CONTEXT_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// RFC 8032, 7.1 test 2: what is altered in it is refused.
    #[test]
    fn an_altered_signature_is_invalid() {
        let key =
            public_key(&hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")).unwrap();
        let signature = hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ));
        let check =
            |variant: &Variant, message: &[u8], signature: &[u8]| verify(&key, variant, message, signature);
        assert_eq!(check(&Variant::Pure, &[0x72], &signature), Ok(()));
        assert_eq!(check(&Variant::Pure, &[0x73], &signature), Err(Error::SignatureInvalid));
        assert_eq!(check(&Variant::Pure, &[0x72], &signature[1..]), Err(Error::SignatureLenRange));
        let contextual = Variant::Contextual { prehashed: false, context: vec![] };
        assert_eq!(check(&contextual, &[0x72], &signature), Err(Error::SignatureInvalid));
        // s + L is the same number mod L, and no signature.
        let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut malleable = signature.clone();
        let mut carry = 0;
        for (byte, add) in malleable[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(check(&Variant::Pure, &[0x72], &malleable), Err(Error::SignatureInvalid));
    }

    #[test]
    fn keys_of_small_order_or_not_canonical_are_invalid() {
        let identity = [&[1_u8][..], &[0; 31]].concat();
        assert_eq!(public_key(&identity).unwrap_err(), Error::PublicKeyInvalid);
        assert_eq!(public_key(&[0; 32]).unwrap_err(), Error::PublicKeyInvalid, "of order 4");
        let above = [&[0xf0_u8][..], &[0xff; 30], &[0x7f]].concat();
        assert_eq!(public_key(&above).unwrap_err(), Error::PublicKeyInvalid, "y = p + 3");
        assert_eq!(public_key(&[2; 31]).unwrap_err(), Error::PublicKeyInvalid);
    }

    #[test]
    fn a_parameter_names_its_variant() {
        let parameter = |context| Parameter::Eddsa { prehashed: true, context };
        assert_eq!(Variant::of(Parameter::Bytes(&[])), Ok(Variant::Pure));
        assert_eq!(Variant::of(Parameter::Bytes(&[1])), Err(Error::MechanismParamInvalid));
        assert_eq!(Variant::of(parameter(&[3; 256])), Err(Error::MechanismParamInvalid));
        let variant = Variant::of(parameter(&[3; 255])).unwrap();
        assert_eq!(variant.encode(), [&[1_u8][..], &[3; 255]].concat());
        assert!(variant.is_prehashed() && !Variant::Pure.is_prehashed());
    }
}
