//! RSA keys: what follows from modulus and public exponent, and the DER around them.
//!
//! RFC 8017, A.1 and RFC 3279, 2.3.1 for SubjectPublicKeyInfo, PKCS#11 3.1 section 6.1 for the attributes.

use cryptoki_sys::*;
use sha1::{Digest, Sha1};

use crate::attribute::{Class, canonical_bool, canonical_ulong};
use crate::backend::{Attributes, KeySpec, PublicExponent, without_zeros};
use crate::mechanism::rsa::{GENERATED_BITS, PublicKey};
use crate::rv::{Error, Result};
use crate::template::Template;

/// Adds to a public key's attributes what follows from its modulus and exponent: `CKA_MODULUS`, `CKA_MODULUS_BITS`,
/// `CKA_PUBLIC_EXPONENT`, `CKA_PUBLIC_KEY_INFO`, and `CKA_ID` where the application gave none.
///
/// Both are big-endian without leading zeros. Running it twice changes nothing.
pub fn complete_public(attributes: &mut Attributes, modulus: &[u8], exponent: &[u8]) {
    attributes.insert(CKA_MODULUS_BITS, canonical_ulong(bits(modulus)));
    complete_private(attributes, modulus, exponent);
}

/// Adds to a private key's attributes what follows from its public half: `CKA_MODULUS`, `CKA_PUBLIC_EXPONENT`,
/// `CKA_PUBLIC_KEY_INFO`, and `CKA_ID` where the application gave none. The id is SHA-1 of the modulus, the same for
/// both halves, as NSS has it.
pub fn complete_private(attributes: &mut Attributes, modulus: &[u8], exponent: &[u8]) {
    attributes.insert(CKA_MODULUS, modulus.to_vec());
    attributes.insert(CKA_PUBLIC_EXPONENT, exponent.to_vec());
    attributes.insert(CKA_PUBLIC_KEY_INFO, subject_public_key_info(modulus, exponent));
    attributes.entry(CKA_ID).or_insert_with(|| Sha1::digest(modulus).to_vec());
}

/// The attributes of a public key that the application brings along, but for where it comes from.
///
/// # Errors
/// [`Error::TemplateIncomplete`], [`Error::AttributeValueInvalid`] for numbers that are no key ([`PublicKey::new`]),
/// [`Error::Contradiction`] for the length of the modulus beside the modulus; what [`Template::build`] says.
pub(crate) fn create_public(mut template: Template) -> Result<Attributes> {
    if template.attributes().contains_key(&CKA_MODULUS_BITS) {
        return Err(Error::contradiction(CKA_MODULUS_BITS, "is for keys that are generated"));
    }
    template.set_default(CKA_ENCRYPT, canonical_bool(true));
    let mut attributes = template.build(Class::PublicKey, &[])?;
    let number = |id| attributes.get(&id).map(Vec::as_slice).unwrap_or_default();
    let key = PublicKey::new(number(CKA_MODULUS), number(CKA_PUBLIC_EXPONENT))?;
    complete_public(&mut attributes, key.modulus(), key.exponent().as_bytes());
    Ok(attributes)
}

/// The key that the two templates of `C_GenerateKeyPair` ask for, with the exponent in both. Java and others say nothing of
/// what the pair is for: it may then do all that RSA keys can do here.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without a length, [`Error::KeySizeRange`], [`Error::AttributeValueInvalid`] for an
/// exponent that is even, or not between 2^16 and 2^256, the nodes making keys for primes only; [`Error::Contradiction`].
pub(crate) fn request(public: &mut Template, private: &mut Template) -> Result<KeySpec> {
    let bits = public.ulong(CKA_MODULUS_BITS).ok_or(Error::TemplateIncomplete)?;
    let bits = GENERATED_BITS.into_iter().find(|size| u64::from(*size) == bits).ok_or(Error::KeySizeRange)?;
    for template in [&mut *public, &mut *private] {
        if template.attributes().contains_key(&CKA_MODULUS) {
            return Err(Error::contradiction(CKA_MODULUS, "is not the application's to choose"));
        }
    }
    let given = public.attributes().get(&CKA_PUBLIC_EXPONENT);
    let exponent = given.map_or(Some(PublicExponent::F4), |given| PublicExponent::new(given));
    let exponent = exponent.filter(PublicExponent::is_of_private_keys).ok_or(Error::AttributeValueInvalid)?;
    let other = Error::contradiction(CKA_PUBLIC_EXPONENT, "is not that of the public key's template");
    let given = private.attributes().get(&CKA_PUBLIC_EXPONENT);
    if given.is_some_and(|given| PublicExponent::new(given) != Some(exponent)) {
        return Err(other);
    }
    public.set(CKA_PUBLIC_EXPONENT, exponent.as_bytes().to_vec());
    private.set(CKA_PUBLIC_EXPONENT, exponent.as_bytes().to_vec());
    public.set_default(CKA_ENCRYPT, canonical_bool(true));
    private.set_default(CKA_DECRYPT, canonical_bool(true));
    Ok(KeySpec::Rsa { bits, exponent })
}

/// Bits of a number.
pub(crate) fn bits(number: &[u8]) -> u64 {
    let number = without_zeros(number);
    number.first().map_or(0, |first| 8 * number.len() as u64 - u64::from(first.leading_zeros()))
}

/// `SubjectPublicKeyInfo ::= SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { n, e } } }`.
fn subject_public_key_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let numbers = der(DER_SEQUENCE, &[integer(modulus), integer(exponent)].concat());
    let algorithm = der(DER_SEQUENCE, &RSA_ENCRYPTION);
    let bits = der(DER_BIT_STRING, &[&[0], numbers.as_slice()].concat());
    der(DER_SEQUENCE, &[algorithm, bits].concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    let number = without_zeros(number);
    // A first bit that is set would make it negative, and no bytes are no number.
    let sign: &[u8] = if number.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    der(DER_INTEGER, &[sign, number].concat())
}

/// One DER value with a length below 2^16, more than any key here has.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let header: &[u8] = match (high, low) {
        (0, 0..0x80) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [header, content].concat()
}

const DER_INTEGER: u8 = 0x02;
const DER_BIT_STRING: u8 = 0x03;
const DER_SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1, rsaEncryption, and its NULL.
const RSA_ENCRYPTION: [u8; 13] =
    [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn a_pair_shares_its_numbers_and_the_info_is_rfc3279() {
        let modulus = [0xc5; 256];
        let (mut public, mut private) = (Attributes::new(), Attributes::new());
        complete_public(&mut public, &modulus, &[1, 0, 1]);
        complete_private(&mut private, &modulus, &[1, 0, 1]);
        assert_eq!(public[&CKA_MODULUS_BITS], canonical_ulong(2048));
        assert_eq!(public[&CKA_PUBLIC_EXPONENT], [1, 0, 1]);
        for id in [CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PUBLIC_KEY_INFO, CKA_ID] {
            assert_eq!(public[&id], private[&id]);
        }
        // As `openssl pkey -pubout -outform DER` writes a key of 2048 bits.
        let header =
            hex::decode("30820122300d06092a864886f70d01010105000382010f003082010a0282010100").unwrap();
        assert_eq!(public[&CKA_PUBLIC_KEY_INFO], [&header[..], &modulus, &[2, 3, 1, 0, 1]].concat());
    }

    #[test]
    fn numbers_have_bits_without_their_zeros() {
        assert_eq!((bits(&[]), bits(&[0, 0]), bits(&[0, 1]), bits(&[0x80]), bits(&[1, 0])), (0, 0, 1, 8, 9));
        assert_eq!(integer(&[0]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0x80]), [2, 2, 0, 0x80]);
    }
}
