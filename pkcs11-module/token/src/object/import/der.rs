//! Private keys as files and envelopes have them: PKCS#8 (RFC 5958), and what is inside of it.

use cryptoki_sys::*;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Encode};
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use zeroize::Zeroizing;

/// The attributes that a key file stands for: the key type, and what makes the key.
pub struct PrivateKeyDer(Vec<(u64, Zeroizing<Vec<u8>>)>);

impl PrivateKeyDer {
    /// Reads RFC 5958: RSA (RFC 8017), a curve in the algorithm (RFC 5480) or as the algorithm (RFC 8410).
    ///
    /// # Errors
    /// What it is instead.
    pub fn pkcs8(der: &[u8]) -> Result<Self, &'static str> {
        let info = PrivateKeyInfo::try_from(der).map_err(|_| "not PKCS#8")?;
        match info.algorithm.oid {
            RSA_ENCRYPTION => Self::pkcs1(info.private_key),
            EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters_oid().map_err(|_| "the curve is not named")?;
                Self::on_curve(info.private_key, curve.to_der().ok())
            }
            curve @ (ED25519 | X25519) => {
                let value = OctetStringRef::from_der(info.private_key)
                    .map_err(|_| "not a private key of RFC 8410")?;
                let params = curve.to_der().map_err(|_| "the curve is not named")?;
                let key_type = if curve == X25519 { CKK_EC_MONTGOMERY } else { CKK_EC_EDWARDS };
                let mut key = Self::of_type(key_type);
                key.add(CKA_EC_PARAMS, &params);
                key.add(CKA_VALUE, value.as_bytes());
                info.public_key.iter().for_each(|point| key.add(CKA_EC_POINT, point));
                Ok(key)
            }
            _ => Err("neither RSA nor a key on a curve that we have"),
        }
    }

    /// Reads RFC 5915, which names its curve.
    ///
    /// # Errors
    /// What it is instead.
    pub fn sec1(der: &[u8]) -> Result<Self, &'static str> {
        Self::on_curve(der, None)
    }

    /// Reads RFC 8017, A.1.2.
    ///
    /// # Errors
    /// What it is instead.
    pub fn pkcs1(der: &[u8]) -> Result<Self, &'static str> {
        let numbers =
            pkcs1::RsaPrivateKey::try_from(der).map_err(|_| "not an RSA private key of two primes")?;
        let mut key = Self::of_type(CKK_RSA);
        for (id, number) in [
            (CKA_MODULUS, numbers.modulus),
            (CKA_PUBLIC_EXPONENT, numbers.public_exponent),
            (CKA_PRIVATE_EXPONENT, numbers.private_exponent),
            (CKA_PRIME_1, numbers.prime1),
            (CKA_PRIME_2, numbers.prime2),
        ] {
            key.add(id, number.as_bytes());
        }
        Ok(key)
    }

    fn on_curve(der: &[u8], params: Option<Vec<u8>>) -> Result<Self, &'static str> {
        let numbers = sec1::EcPrivateKey::try_from(der).map_err(|_| "not an EC private key")?;
        let named = numbers.parameters.and_then(|parameters| parameters.named_curve());
        let params = params.or_else(|| named.and_then(|curve| curve.to_der().ok()));
        let mut key = Self::of_type(CKK_EC);
        key.add(CKA_EC_PARAMS, &params.ok_or("the curve is not named")?);
        key.add(CKA_VALUE, numbers.private_key);
        numbers.public_key.iter().for_each(|point| key.add(CKA_EC_POINT, point));
        Ok(key)
    }

    /// Whether the key agrees on secrets and does nothing else.
    pub(super) fn agrees_only(&self) -> bool {
        self.attributes().any(|(id, value)| id == CKA_KEY_TYPE && value == CKK_EC_MONTGOMERY.to_ne_bytes())
    }

    /// The attributes, in the form of a template.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.0.iter().map(|(id, value)| (*id, value.as_slice()))
    }

    fn of_type(key_type: u64) -> Self {
        Self(vec![(CKA_KEY_TYPE, Zeroizing::new(key_type.to_ne_bytes().to_vec()))])
    }

    fn add(&mut self, id: u64, value: &[u8]) {
        self.0.push((id, Zeroizing::new(value.to_vec())));
    }
}

/// rsaEncryption.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-ecPublicKey.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// id-X25519.
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
