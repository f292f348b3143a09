//! EC keys: what follows from the public point, and the DER around it.
//!
//! RFC 5480 and RFC 8410 for SubjectPublicKeyInfo, SEC 1 and RFC 8032 for points, PKCS#11 3.1 section 6.3 for the
//! attributes.

use cryptoki_sys::*;
use sha1::{Digest, Sha1};

use super::rsa;
use crate::attribute::{Class, Family, canonical_bool, canonical_ulong, family_of};
use crate::backend::{Attributes, Curve, KeySpec};
use crate::mechanism::ecdsa::VerifyingKey;
use crate::mechanism::rsa::PublicKey;
use crate::mechanism::x25519;
use crate::rv::{Error, Result};
use crate::template::Template;

/// Adds to a public key's attributes what follows from its point: `CKA_EC_POINT` (DER OCTET STRING),
/// `CKA_PUBLIC_KEY_INFO`, and `CKA_ID` where the application gave none.
///
/// `point` is uncompressed SEC1, 1 + 2 x [`Curve::field_bytes`], or the encoding of RFC 8032 or 7748. Running it twice changes nothing.
pub fn complete_public(attributes: &mut Attributes, curve: Curve, point: &[u8]) {
    attributes.insert(CKA_EC_POINT, octet_string(point));
    complete_private(attributes, curve, point);
}

/// Adds to a private key's attributes what follows from its public point: `CKA_PUBLIC_KEY_INFO`, and `CKA_ID` where
/// the application gave none. The id is SHA-1 of the point, the same for both halves, as NSS has it.
pub fn complete_private(attributes: &mut Attributes, curve: Curve, point: &[u8]) {
    attributes.insert(CKA_PUBLIC_KEY_INFO, subject_public_key_info(curve, point));
    attributes.entry(CKA_ID).or_insert_with(|| Sha1::digest(point).to_vec());
}

/// The attributes of a public key that the application brings along.
///
/// # Errors
/// [`Error::TemplateIncomplete`], [`Error::AttributeValueInvalid`] for other keys than EC and RSA,
/// what [`named_curve`] says, [`Error::Contradiction`] for a curve of another key type,
/// [`Error::PublicKeyInvalid`]; what [`rsa::create_public`] and [`Template::build`] say.
pub(crate) fn create_public(mut template: Template) -> Result<Attributes> {
    let wanted = template.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?;
    if wanted == CKK_RSA {
        return rsa::create_public(template).map(brought);
    }
    if !Curve::ALL.iter().any(|curve| key_type(*curve) == wanted) {
        return Err(Error::AttributeValueInvalid);
    }
    let params = template.attributes().get(&CKA_EC_PARAMS).ok_or(Error::TemplateIncomplete)?;
    let curve = named_curve(params)?;
    if key_type(curve) != wanted {
        return Err(Error::contradiction(CKA_KEY_TYPE, "is not that of the curve"));
    }
    template.set(CKA_EC_PARAMS, curve_oid(curve).to_vec());
    default_uses(&mut template, curve, Class::PublicKey);
    let mut attributes = template.build(Class::PublicKey, &[])?;
    let point = attributes.get(&CKA_EC_POINT).and_then(|value| point_of(curve, value));
    let point = point.ok_or(Error::PublicKeyInvalid)?.to_vec();
    check_point(curve, &point)?;
    complete_public(&mut attributes, curve, &point);
    Ok(brought(attributes))
}

/// Marks a key as one that was not generated here.
fn brought(mut attributes: Attributes) -> Attributes {
    attributes.insert(CKA_LOCAL, canonical_bool(false));
    attributes.insert(CKA_KEY_GEN_MECHANISM, canonical_ulong(CK_UNAVAILABLE_INFORMATION));
    attributes
}

/// What kind of key an object is.
pub fn spec_of(object: &Attributes) -> Option<KeySpec> {
    let is_rsa = family_of(object)? == Family::Rsa;
    if is_rsa { Some(PublicKey::of(object).ok()?.spec()) } else { curve_of_key(object).map(KeySpec::Curve) }
}

/// What keys on a curve are for, where the template does not say: those of X25519 agree on secrets and do nothing else.
pub(crate) fn default_uses(template: &mut Template, curve: Curve, class: Class) {
    let uses: &[(u64, bool)] = match (curve, class) {
        (Curve::Curve25519, Class::PrivateKey) => &[(CKA_SIGN, false), (CKA_DERIVE, true)],
        (Curve::Curve25519, Class::PublicKey) => &[(CKA_VERIFY, false)],
        _ => &[],
    };
    for (id, value) in uses {
        if !template.attributes().contains_key(id) {
            template.set(*id, canonical_bool(*value));
        }
    }
}

/// Whether this is a public key on the curve, encoded as [`point_of`] finds it.
///
/// # Errors
/// [`Error::PublicKeyInvalid`].
pub(crate) fn check_point(curve: Curve, point: &[u8]) -> Result<()> {
    match curve {
        Curve::Curve25519 => x25519::eightfold(point).map(drop),
        _ => VerifyingKey::from_point(curve, point).map(drop),
    }
}

/// The curve of a stored EC key.
pub(crate) fn curve_of_key(attributes: &Attributes) -> Option<Curve> {
    curve_of(attributes.get(&CKA_EC_PARAMS)?)
}

/// The point inside a `CKA_EC_POINT`, uncompressed SEC1 or the encoding of RFC 8032 or 7748: a DER OCTET STRING, or the bare point that some
/// applications pass.
pub fn point_of(curve: Curve, ec_point: &[u8]) -> Option<&[u8]> {
    let is_bare = matches!(curve, Curve::Edwards25519 | Curve::Curve25519);
    let length = if is_bare { curve.field_bytes() } else { 1 + 2 * curve.field_bytes() };
    let point = match ec_point {
        [DER_OCTET_STRING, len, point @ ..] if usize::from(*len) == point.len() && point.len() == length => {
            point
        }
        bare if bare.len() == length => bare,
        _ => return None,
    };
    (is_bare || point.first() == Some(&SEC1_UNCOMPRESSED)).then_some(point)
}

/// The point inside a stored `CKA_EC_POINT`, for applications that expect no DER around it.
pub(crate) fn bare_point(ec_point: &[u8]) -> &[u8] {
    Curve::ALL.iter().find_map(|curve| point_of(*curve, ec_point)).unwrap_or(ec_point)
}

/// A `CKA_EC_POINT` in the form that is stored, from either.
pub(crate) fn stored_point(ec_point: &[u8]) -> Vec<u8> {
    match Curve::ALL.iter().find_map(|curve| point_of(*curve, ec_point)) {
        Some(point) => octet_string(point),
        None => ec_point.to_vec(),
    }
}

/// `CKK_` of the keys on a curve.
pub(crate) fn key_type(curve: Curve) -> u64 {
    match curve {
        Curve::P256 | Curve::P384 | Curve::Secp256k1 => CKK_EC,
        Curve::Edwards25519 => CKK_EC_EDWARDS,
        Curve::Curve25519 => CKK_EC_MONTGOMERY,
    }
}

/// The named curve's OBJECT IDENTIFIER in DER, our form of `CKA_EC_PARAMS`.
pub fn curve_oid(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &OID_PRIME256V1,
        Curve::P384 => &OID_SECP384R1,
        Curve::Secp256k1 => &OID_SECP256K1,
        Curve::Edwards25519 => &OID_ED25519,
        Curve::Curve25519 => &OID_X25519,
    }
}

/// The curve that a `CKA_EC_PARAMS` names: by OBJECT IDENTIFIER or by curveName as PrintableString (PKCS#11 3.1
/// section 6.3). Explicit parameters are refused: accepting a curve described by its user has led to forgeries.
pub fn curve_of(ec_params: &[u8]) -> Option<Curve> {
    let name = match ec_params {
        [DER_PRINTABLE_STRING, len, name @ ..] if usize::from(*len) == name.len() => Some(name),
        // What OpenSC's pkcs11-tool sends for X25519 up to its version 0.23, which Debian 12 has: the length of eleven.
        b"\x13\x0bcurve25519" => Some(&b"curve25519"[..]),
        _ => None,
    };
    let is_named = |curve: &Curve| name.is_some_and(|name| curve_names(*curve).contains(&name));
    Curve::ALL.iter().copied().find(|curve| ec_params == curve_oid(*curve) || is_named(curve))
}

/// As [`curve_of`].
///
/// # Errors
/// [`Error::CurveNotSupported`] for another name, [`Error::DomainParamsInvalid`] for what is none, such as a curve that is
/// described (PKCS#11 3.1 section 6.3).
pub(crate) fn named_curve(ec_params: &[u8]) -> Result<Curve> {
    match (curve_of(ec_params), ec_params) {
        (Some(curve), _) => Ok(curve),
        (None, [DER_OBJECT_IDENTIFIER | DER_PRINTABLE_STRING, ..]) => Err(Error::CurveNotSupported),
        (None, _) => Err(Error::DomainParamsInvalid),
    }
}

/// The names under which a curve goes as curveName.
const fn curve_names(curve: Curve) -> &'static [&'static [u8]] {
    match curve {
        Curve::P256 => &[b"secp256r1", b"prime256v1", b"P-256", b"nistp256"],
        Curve::P384 => &[b"secp384r1", b"P-384", b"nistp384"],
        Curve::Secp256k1 => &[b"secp256k1"],
        Curve::Edwards25519 => &[b"edwards25519", b"Ed25519"],
        Curve::Curve25519 => &[b"curve25519", b"X25519"],
    }
}

/// `SubjectPublicKeyInfo ::= SEQUENCE { SEQUENCE { id-ecPublicKey, curve }, BIT STRING point }`; on edwards25519 and
/// curve25519 the algorithm is id-Ed25519 or id-X25519 alone (RFC 8410, section 4). Every length is
/// below 128 for the curves we have, so the short form does.
fn subject_public_key_info(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = match curve {
        Curve::Edwards25519 | Curve::Curve25519 => curve_oid(curve).to_vec(),
        _ => [&OID_EC_PUBLIC_KEY[..], curve_oid(curve)].concat(),
    };
    let bits = [&[0u8][..], point].concat();
    der(DER_SEQUENCE, &[der(DER_SEQUENCE, &algorithm), der(DER_BIT_STRING, &bits)].concat())
}

fn octet_string(bytes: &[u8]) -> Vec<u8> {
    der(DER_OCTET_STRING, bytes)
}

/// One DER value in the short form of the length, or the one-byte long form.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).expect("a point of the curves we have is shorter than 200 bytes");
    let header: &[u8] = if len < 128 { &[tag, len] } else { &[tag, 0x81, len] };
    [header, content].concat()
}

const DER_OCTET_STRING: u8 = 0x04;
const DER_BIT_STRING: u8 = 0x03;
const DER_PRINTABLE_STRING: u8 = 0x13;
const DER_OBJECT_IDENTIFIER: u8 = 0x06;
const DER_SEQUENCE: u8 = 0x30;
const SEC1_UNCOMPRESSED: u8 = 0x04;

/// 1.2.840.10045.2.1, id-ecPublicKey.
const OID_EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, prime256v1.
const OID_PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34, secp384r1.
const OID_SECP384R1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.101.112, id-Ed25519.
const OID_ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];
/// 1.3.101.110, id-X25519.
const OID_X25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x6e];
/// 1.3.132.0.10, secp256k1.
const OID_SECP256K1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    /// The generator of P-256, SEC 2 section 2.4.2.
    fn generator() -> Vec<u8> {
        hex::decode(concat!(
            "04",
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        ))
        .unwrap()
    }

    #[test]
    fn a_pair_shares_its_id_and_an_id_given_by_the_application_stays() {
        let (mut public, mut private) = (Attributes::new(), Attributes::new());
        complete_public(&mut public, Curve::P256, &generator());
        complete_private(&mut private, Curve::P256, &generator());
        assert_eq!(public[&CKA_ID], private[&CKA_ID]);
        let mut named = Attributes::from([(CKA_ID, vec![])]);
        complete_private(&mut named, Curve::P256, &generator());
        assert_eq!(named[&CKA_ID], b"");
    }

    #[test]
    fn the_point_is_a_der_octet_string_and_the_info_is_rfc5480() {
        let mut public = Attributes::new();
        complete_public(&mut public, Curve::P256, &generator());
        assert_eq!(public[&CKA_EC_POINT], [&[0x04, 65][..], &generator()].concat());
        let header = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        assert_eq!(public[&CKA_PUBLIC_KEY_INFO], [header, generator()].concat());
    }

    #[test]
    fn a_point_is_read_with_and_without_its_der_header() {
        let wrapped = octet_string(&generator());
        assert_eq!(point_of(Curve::P256, &wrapped), Some(generator().as_slice()));
        assert_eq!(point_of(Curve::P256, &generator()), Some(generator().as_slice()));
        assert_eq!(point_of(Curve::P256, &wrapped[..66]), None);
        assert_eq!(point_of(Curve::P256, &[]), None);
    }

    /// RFC 8410, 10.1.
    #[test]
    fn an_edwards_key_is_as_rfc8410_has_it() {
        let point = hex::decode("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1").unwrap();
        let mut public = Attributes::new();
        complete_public(&mut public, Curve::Edwards25519, &point);
        assert_eq!(public[&CKA_EC_POINT], [&[0x04, 32][..], &point].concat());
        let header = hex::decode("302a300506032b6570032100").unwrap();
        assert_eq!(public[&CKA_PUBLIC_KEY_INFO], [header, point.clone()].concat());
        assert_eq!(point_of(Curve::Edwards25519, &public[&CKA_EC_POINT]), Some(point.as_slice()));
        assert_eq!(point_of(Curve::Edwards25519, &point), Some(point.as_slice()));
        assert_eq!(point_of(Curve::Edwards25519, &point[1..]), None);
    }

    #[test]
    fn a_curve_is_named_by_oid_or_by_name_and_never_described() {
        assert_eq!(curve_of(curve_oid(Curve::P256)), Some(Curve::P256));
        assert_eq!(curve_of(b"\x13\x09secp256r1"), Some(Curve::P256));
        assert_eq!(curve_of(b"\x13\x09secp384r1"), Some(Curve::P384));
        assert_eq!(curve_of(b"\x13\x09secp256k1"), Some(Curve::Secp256k1));
        assert_eq!(curve_of(b"\x13\x0cedwards25519"), Some(Curve::Edwards25519));
        assert_eq!(curve_of(b"\x13\x0acurve25519"), Some(Curve::Curve25519));
        assert_eq!(curve_of(b"\x13\x0bcurve25519"), Some(Curve::Curve25519));
        assert_eq!(curve_of(b"\x13\x0ccurve25519"), None);
        assert_eq!(curve_of(b"\x13\x09secp521r1"), None);
        assert_eq!(curve_of(b"\x13\x08secp256r1"), None);
        assert!(Curve::ALL.iter().all(|curve| curve_of(curve_oid(*curve)) == Some(*curve)));
        assert_eq!(curve_of(b"\x30\x03\x02\x01\x01"), None);
    }
}
