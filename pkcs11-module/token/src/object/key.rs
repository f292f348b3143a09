//! EC keys: what follows from the public point, and the DER around it.
//!
//! RFC 5480 for SubjectPublicKeyInfo, SEC 1 for points, PKCS#11 3.0 section 6.3 for the attributes.

use cryptoki_sys::{CKA_EC_POINT, CKA_ID, CKA_PUBLIC_KEY_INFO};
use sha1::{Digest, Sha1};

use crate::backend::{Attributes, Curve};

/// Adds to a public key's attributes what follows from its point: `CKA_EC_POINT` (DER OCTET STRING),
/// `CKA_PUBLIC_KEY_INFO`, and `CKA_ID` where the application gave none.
///
/// `point` is uncompressed SEC1, 65 bytes for P-256. Running it twice changes nothing.
pub fn complete_public(attributes: &mut Attributes, curve: Curve, point: &[u8]) {
    attributes.insert(CKA_EC_POINT, octet_string(point));
    complete_private(attributes, curve, point);
}

/// Adds to a private key's attributes what follows from its public point: `CKA_PUBLIC_KEY_INFO`, and `CKA_ID` where
/// the application gave none. The id is SHA-1 of the point, the same for both halves, as NSS has it.
pub fn complete_private(attributes: &mut Attributes, curve: Curve, point: &[u8]) {
    attributes.insert(CKA_PUBLIC_KEY_INFO, subject_public_key_info(curve, point));
    attributes
        .entry(CKA_ID)
        .or_insert_with(|| Sha1::digest(point).to_vec());
}

/// The uncompressed SEC1 point inside a `CKA_EC_POINT`: a DER OCTET STRING, or the bare point that some
/// applications pass.
pub fn point_of(curve: Curve, ec_point: &[u8]) -> Option<&[u8]> {
    let length = 1 + 2 * curve.field_bytes();
    let point = match ec_point {
        [DER_OCTET_STRING, len, point @ ..]
            if usize::from(*len) == point.len() && point.len() == length =>
        {
            point
        }
        bare if bare.len() == length => bare,
        _ => return None,
    };
    (point.first() == Some(&SEC1_UNCOMPRESSED)).then_some(point)
}

/// The named curve's OBJECT IDENTIFIER in DER, our form of `CKA_EC_PARAMS`.
pub fn curve_oid(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &OID_PRIME256V1,
    }
}

/// The curve that a `CKA_EC_PARAMS` names: by OBJECT IDENTIFIER or by curveName as PrintableString (PKCS#11 3.0
/// section 6.3.3). Explicit parameters are refused: accepting a curve described by its user has led to forgeries.
pub fn curve_of(ec_params: &[u8]) -> Option<Curve> {
    if ec_params == OID_PRIME256V1 {
        return Some(Curve::P256);
    }
    match ec_params {
        [DER_PRINTABLE_STRING, len, name @ ..] if usize::from(*len) == name.len() => {
            NAMES_P256.contains(&name).then_some(Curve::P256)
        }
        _ => None,
    }
}

/// `SubjectPublicKeyInfo ::= SEQUENCE { SEQUENCE { id-ecPublicKey, curve }, BIT STRING point }`. Every length is
/// below 128 for the curves we have, so the short form does.
fn subject_public_key_info(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = [&OID_EC_PUBLIC_KEY[..], curve_oid(curve)].concat();
    let bits = [&[0u8][..], point].concat();
    der(
        DER_SEQUENCE,
        &[der(DER_SEQUENCE, &algorithm), der(DER_BIT_STRING, &bits)].concat(),
    )
}

fn octet_string(bytes: &[u8]) -> Vec<u8> {
    der(DER_OCTET_STRING, bytes)
}

/// One DER value in the short form of the length, or the one-byte long form.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len())
        .expect("a point of the curves we have is shorter than 200 bytes");
    let header: &[u8] = if len < 128 {
        &[tag, len]
    } else {
        &[tag, 0x81, len]
    };
    [header, content].concat()
}

const DER_OCTET_STRING: u8 = 0x04;
const DER_BIT_STRING: u8 = 0x03;
const DER_PRINTABLE_STRING: u8 = 0x13;
const DER_SEQUENCE: u8 = 0x30;
const SEC1_UNCOMPRESSED: u8 = 0x04;

/// 1.2.840.10045.2.1, id-ecPublicKey.
const OID_EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, prime256v1.
const OID_PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The names under which P-256 goes as curveName.
const NAMES_P256: [&[u8]; 4] = [b"secp256r1", b"prime256v1", b"P-256", b"nistp256"];
