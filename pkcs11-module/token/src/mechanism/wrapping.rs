//! Wrapping keys for a public RSA key, and what is inside of such an envelope (PKCS#11 3.1 sections 6.1.8 and 6.1.19).
//!
//! The inner key of `CKM_RSA_AES_KEY_WRAP` is drawn for one envelope and wraps by RFC 5649.

use aes_kw::{KekAes128, KekAes192, KekAes256};
use cryptoki_sys::CKM_RSA_AES_KEY_WRAP;
use zeroize::Zeroizing;

use super::rsa::{self, PublicKey, rsa};
use super::{Mechanism, Use, Work};
use crate::backend::Padding;
use crate::provider::Parameter;
use crate::rv::{Error, Result};

/// Large enough for a private RSA key, which OAEP alone is not.
pub(crate) static RSA_AES_KEY_WRAP: Mechanism =
    rsa(CKM_RSA_AES_KEY_WRAP, &[Use::Wrap, Use::Unwrap], Work::RsaAesKeyWrap);

/// How a key is wrapped.
pub(crate) struct Envelope {
    padding: Padding,
    /// Bytes of the inner AES key, if there is one.
    aes_bytes: Option<usize>,
}

impl Envelope {
    /// OAEP alone.
    pub(crate) fn oaep(padding: Padding) -> Self {
        Self { padding, aes_bytes: None }
    }

    /// `CK_RSA_AES_KEY_WRAP_PARAMS`.
    ///
    /// # Errors
    /// [`Error::MechanismParamInvalid`] for another structure, a size that AES does not have, and what [`rsa::oaep`] says.
    pub(crate) fn aes(parameter: Parameter<'_>) -> Result<Self> {
        let Parameter::RsaAesKeyWrap { aes_bits, hash, mgf, source, label } = parameter else {
            return Err(Error::MechanismParamInvalid);
        };
        let aes_bytes = match aes_bits {
            128 => 16,
            192 => 24,
            256 => 32,
            _ => return Err(Error::MechanismParamInvalid),
        };
        let padding = rsa::oaep(Parameter::RsaOaep { hash, mgf, source, label })?;
        Ok(Self { padding, aes_bytes: Some(aes_bytes) })
    }

    /// How its outer part is padded.
    pub(crate) fn padding(&self) -> &Padding {
        &self.padding
    }

    /// Length of a wrapped key.
    ///
    /// # Errors
    /// [`Error::KeySizeRange`] for a key that is empty or too long.
    pub(crate) fn wrapped_bytes(&self, modulus_bytes: usize, key_bytes: usize) -> Result<usize> {
        let most = rsa::message_bytes_max(&self.padding, modulus_bytes).ok_or(Error::KeySizeRange)?;
        let (outer, inner) = match self.aes_bytes {
            None => (key_bytes, 0),
            Some(aes_bytes) => (aes_bytes, key_bytes.next_multiple_of(BLOCK_BYTES) + BLOCK_BYTES),
        };
        let fits = (1..=KEY_BYTES_MAX).contains(&key_bytes) && outer <= most;
        if fits { Ok(modulus_bytes + inner) } else { Err(Error::KeySizeRange) }
    }

    /// Wraps; `random` fills buffers.
    ///
    /// # Errors
    /// What `random` says, and [`Error::KeySizeRange`].
    pub(crate) fn wrap(
        &self,
        public: &PublicKey,
        key: &[u8],
        mut random: impl FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let Some(aes_bytes) = self.aes_bytes else {
            return rsa::encrypt(public, &self.padding, key, random);
        };
        let mut aes = Zeroizing::new(vec![0; aes_bytes]);
        random(&mut aes)?;
        let outer = rsa::encrypt(public, &self.padding, &aes, &mut random)?;
        let inner = kwp(&aes, |kek| match kek {
            Kek::Aes128(kek) => kek.wrap_with_padding_vec(key),
            Kek::Aes192(kek) => kek.wrap_with_padding_vec(key),
            Kek::Aes256(kek) => kek.wrap_with_padding_vec(key),
        });
        Ok([outer, inner.ok_or(Error::KeySizeRange)?].concat())
    }

    /// The part of a wrapped key that the private key decrypts, and the rest.
    ///
    /// # Errors
    /// [`Error::WrappedKeyLenRange`].
    pub(crate) fn split<'a>(&self, modulus_bytes: usize, wrapped: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        let parts = wrapped.split_at_checked(modulus_bytes).ok_or(Error::WrappedKeyLenRange)?;
        let has_length = match self.aes_bytes {
            None => parts.1.is_empty(),
            Some(_) => {
                parts.1.len().is_multiple_of(BLOCK_BYTES)
                    && (2 * BLOCK_BYTES..=KEY_BYTES_MAX + 2 * BLOCK_BYTES).contains(&parts.1.len())
            }
        };
        if has_length { Ok(parts) } else { Err(Error::WrappedKeyLenRange) }
    }

    /// The key, from what the private key decrypted and the rest.
    ///
    /// # Errors
    /// [`Error::WrappedKeyInvalid`] for whatever is wrong.
    pub(crate) fn open(&self, decrypted: Zeroizing<Vec<u8>>, rest: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let Some(aes_bytes) = self.aes_bytes else { return Ok(decrypted) };
        if decrypted.len() != aes_bytes {
            return Err(Error::WrappedKeyInvalid);
        }
        let key = kwp(&decrypted, |kek| match kek {
            Kek::Aes128(kek) => kek.unwrap_with_padding_vec(rest),
            Kek::Aes192(kek) => kek.unwrap_with_padding_vec(rest),
            Kek::Aes256(kek) => kek.unwrap_with_padding_vec(rest),
        });
        key.map(Zeroizing::new).ok_or(Error::WrappedKeyInvalid)
    }
}

/// AES keys that wrap.
enum Kek {
    Aes128(KekAes128),
    Aes192(KekAes192),
    Aes256(KekAes256),
}

/// Does something with the AES key of these bytes.
fn kwp(aes: &[u8], work: impl FnOnce(&Kek) -> aes_kw::Result<Vec<u8>>) -> Option<Vec<u8>> {
    let kek = match aes.len() {
        16 => Kek::Aes128(KekAes128::try_from(aes).ok()?),
        24 => Kek::Aes192(KekAes192::try_from(aes).ok()?),
        _ => Kek::Aes256(KekAes256::try_from(aes).ok()?),
    };
    work(&kek).ok()
}

/// Half a block of AES, of which wrapped keys are made (RFC 5649).
const BLOCK_BYTES: usize = 8;
/// Longest key; one of RSA with 4096 bits has 2400 bytes in PKCS#8.
const KEY_BYTES_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    /// RFC 5649, section 6.
    #[test]
    fn rfc5649_6() {
        let aes = Zeroizing::new(hex::decode("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8").unwrap());
        let padding = Padding::Oaep {
            hash: crate::backend::RsaHash::Sha1,
            mgf: crate::backend::RsaHash::Sha1,
            label: Vec::new(),
        };
        let envelope = Envelope { padding, aes_bytes: Some(24) };
        for (key, wrapped) in [
            (
                "c37b7e6492584340bed12207808941155068f738",
                "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
            ),
            ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
        ] {
            let wrapped = hex::decode(wrapped).unwrap();
            assert_eq!(**envelope.open(aes.clone(), &wrapped).unwrap(), hex::decode(key).unwrap());
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[at] ^= 1;
                assert_eq!(envelope.open(aes.clone(), &changed).err(), Some(Error::WrappedKeyInvalid));
            }
        }
        let short = Zeroizing::new(vec![1; 16]);
        assert_eq!(envelope.open(short, &[0; 16]).err(), Some(Error::WrappedKeyInvalid));
    }

    #[test]
    fn lengths_that_no_wrapped_key_has_are_refused() {
        let padding = rsa::oaep(Parameter::RsaOaep {
            hash: cryptoki_sys::CKM_SHA256,
            mgf: cryptoki_sys::CKG_MGF1_SHA256,
            source: cryptoki_sys::CKZ_DATA_SPECIFIED,
            label: b"",
        });
        let padding = padding.unwrap();
        let aes = Envelope { padding: padding.clone(), aes_bytes: Some(32) };
        let oaep = Envelope::oaep(padding);
        assert_eq!(oaep.wrapped_bytes(256, 190), Ok(256));
        assert_eq!(oaep.wrapped_bytes(256, 191), Err(Error::KeySizeRange));
        assert_eq!(oaep.wrapped_bytes(256, 0), Err(Error::KeySizeRange));
        assert_eq!(aes.wrapped_bytes(256, 33), Ok(256 + 48));
        assert_eq!(aes.wrapped_bytes(256, 9000), Err(Error::KeySizeRange));
        assert!(oaep.split(256, &[0; 256]).is_ok() && aes.split(256, &[0; 272]).is_ok());
        for length in [0, 255, 257, 264] {
            assert_eq!(oaep.split(256, &vec![0; length]), Err(Error::WrappedKeyLenRange));
            assert_eq!(aes.split(256, &vec![0; length]), Err(Error::WrappedKeyLenRange));
        }
        assert_eq!(aes.split(256, &vec![0; 256 + 8224]), Err(Error::WrappedKeyLenRange));
    }
}
