//! Whole RSA keys of the test double.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::backend::{
    Attributes, BackendError, BackendResult, Padding, PublicExponent, RsaHash, Scheme, without_zeros,
};
use crate::mechanism::rsa::{masked, pkcs1_signature, power, raw};
use crate::object::rsa::{complete_private, complete_public};

/// n and d, big-endian without leading zeros, and e.
#[derive(Clone)]
pub(super) struct RsaKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    public: PublicExponent,
}

impl RsaKey {
    pub(super) fn random(bits: u16, exponent: PublicExponent) -> BackendResult<Self> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return Err(BackendError::Internal(format!("a key of {bits} bits"))),
        };
        // AWS-LC makes no others.
        if exponent != PublicExponent::F4 {
            return Err(BackendError::KeyInvalid);
        }
        let internal = |error: &dyn std::fmt::Display| BackendError::Internal(error.to_string());
        let pair = KeyPair::generate(size).map_err(|error| internal(&error))?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|error| internal(&error))?;
        Self::from_pkcs8(der.as_ref()).ok_or_else(|| internal(&"PKCS#8 of another form"))
    }

    /// Reads `SEQUENCE { version, algorithm, OCTET STRING { SEQUENCE { version, n, e, d, ... } } }`.
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let (info, _) = value(der)?;
        let (_version, rest) = value(info)?;
        let (_algorithm, rest) = value(rest)?;
        let (wrapped, _attributes) = value(rest)?;
        let (numbers, _) = value(wrapped)?;
        let (_version, rest) = value(numbers)?;
        let (modulus, rest) = value(rest)?;
        let (_public, rest) = value(rest)?;
        let (exponent, _primes) = value(rest)?;
        let [modulus, exponent] = [modulus, exponent].map(|number| without_zeros(number).to_vec());
        Some(Self { modulus, exponent, public: PublicExponent::F4 })
    }

    /// A key that is brought; `None` unless d undoes e.
    pub(super) fn of(modulus: &[u8], public: PublicExponent, exponent: &[u8]) -> Option<Self> {
        let two = power(modulus, &[2], public.as_bytes())?;
        let undone = power(modulus, &two, exponent)?;
        let (last, zeros) = undone.split_last()?;
        let fits = *last == 2 && zeros.iter().all(|byte| *byte == 0);
        let (modulus, exponent) = (modulus.to_vec(), exponent.to_vec());
        fits.then_some(Self { modulus, exponent, public })
    }

    pub(super) fn complete(&self, public: &mut Attributes, private: &mut Attributes) {
        complete_public(public, &self.modulus, self.public.as_bytes());
        complete_private(private, &self.modulus, self.public.as_bytes());
    }

    /// A signature; `None` where the message does not fit, and for schemes of curves.
    pub(super) fn sign(&self, scheme: &Scheme, message: &[u8]) -> Option<Vec<u8>> {
        let bytes = self.modulus.len();
        let block = match scheme {
            Scheme::RsaPkcs1 { digest, .. } => pkcs1_signature(bytes, *digest, message)?,
            Scheme::RsaRaw { .. } => raw(bytes, message)?.to_vec(),
            Scheme::RsaPss { hash, mgf, salt_bytes, .. } => {
                pss(bytes, *hash, *mgf, usize::from(*salt_bytes), message)?
            }
            Scheme::Ecdsa { .. } | Scheme::Eddsa { .. } | Scheme::Schnorr { .. } => return None,
        };
        power(&self.modulus, &block, &self.exponent).map(|signature| signature.to_vec())
    }

    /// A plaintext; `None` for whatever is wrong.
    pub(super) fn decrypt(&self, padding: &Padding, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        // Rejection that says nothing is the nodes' (crate `client`); tests of it are there.
        let (hash, mgf, label) = match padding {
            Padding::Oaep { hash, mgf, label } => (hash, mgf, label),
            Padding::Raw => return power(&self.modulus, ciphertext, &self.exponent),
            Padding::Pkcs1 => return None,
        };
        let block = power(&self.modulus, ciphertext, &self.exponent)?;
        let (zero, rest) = block.split_first()?;
        let (seed, data) = rest.split_at_checked(hash.bytes())?;
        let seed = masked(*mgf, data, seed);
        let data = masked(*mgf, &seed, data);
        let (digest, padded) = data.split_at_checked(hash.bytes())?;
        let one = padded.iter().position(|byte| *byte != 0)?;
        let (one, message) = padded.get(one..)?.split_first()?;
        let is_right = *zero == 0 && *one == 1 && *digest == **hash.digest(&[label]);
        is_right.then(|| Zeroizing::new(message.to_vec()))
    }
}

/// EMSA-PSS (RFC 8017, 9.1.1) for a modulus of whole bytes.
fn pss(bytes: usize, hash: RsaHash, mgf: RsaHash, salt_bytes: usize, digest: &[u8]) -> Option<Vec<u8>> {
    let mut salt = vec![0; salt_bytes];
    OsRng.fill_bytes(&mut salt);
    let seed = hash.digest(&[&[0; 8], digest, &salt]);
    let zeros = vec![0; bytes.checked_sub(hash.bytes() + salt_bytes + 2)?];
    let mut data = masked(mgf, &seed, &[&zeros, &[1][..], &salt].concat());
    data.first_mut().map(|first| *first &= 0x7f)?;
    Some([&data, seed.as_slice(), &[0xbc]].concat())
}

/// The content of the first DER value, and what comes after it.
fn value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, len) = match der {
        [_, 0x81, len, ..] => (3, usize::from(*len)),
        [_, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, len, ..] if *len < 0x80 => (2, usize::from(*len)),
        _ => return None,
    };
    der.get(header..)?.split_at_checked(len)
}
