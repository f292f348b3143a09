//! Curves and schemes of signing keys, each scheme with an independent verifier.

use proto::registry::v1::Attribute;
use threshold::ecdh::AgreementCurve;
use threshold::ecdsa::PresignSession;
use threshold::group::{Curve, P384};
use threshold::signing::{SigningCurve, SigningScheme};

use crate::user::attribute;

/// CKA_EC_PARAMS.
const EC_PARAMS: u64 = 0x180;

/// DER of id-X25519.
const X25519_PARAMS: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x6e];

/// DER of the curve's object identifier.
fn params(curve: SigningCurve) -> Vec<u8> {
    let der = match curve {
        SigningCurve::P256 => "06082a8648ce3d030107",
        SigningCurve::P384 => "06052b81040022",
        SigningCurve::Secp256k1 => "06052b8104000a",
        SigningCurve::Edwards25519 => "06032b6570",
    };
    hex::decode(der).unwrap()
}

/// The mechanism that signs by a scheme.
pub fn mechanism_of(scheme: SigningScheme) -> u64 {
    match scheme {
        SigningScheme::Ed25519 => 0x1057,
        SigningScheme::FrostP256 => 0xc346_0001,
        SigningScheme::Bip340 => 0xc346_0002,
        SigningScheme::EcdsaP256 | SigningScheme::EcdsaP384 | SigningScheme::EcdsaSecp256k1 => 0x1041,
    }
}

/// The schemes of keys on a curve, the usual one first.
pub fn schemes_on(curve: SigningCurve) -> Vec<SigningScheme> {
    SigningScheme::ALL.into_iter().filter(|scheme| scheme.curve() == curve).collect()
}

/// The scheme that most use keys on a curve with.
pub fn usual_scheme(curve: SigningCurve) -> SigningScheme {
    schemes_on(curve)[0]
}

/// A private EC key.
pub fn key_attributes_on(curve: SigningCurve, sign: bool) -> Vec<Attribute> {
    let key_type = if curve == SigningCurve::Edwards25519 { 0x40_u64 } else { 0x3 };
    let mechanisms = schemes_on(curve).into_iter().map(mechanism_of).chain([0x1044, 0x1050]);
    let mechanisms: Vec<u8> = mechanisms.flat_map(u64::to_be_bytes).collect();
    vec![
        attribute(0x0, &3u64.to_be_bytes()),
        attribute(0x1, &[1]),
        attribute(0x2, &[1]),
        attribute(0x100, &key_type.to_be_bytes()),
        attribute(0x103, &[1]),
        attribute(0x108, &[u8::from(sign)]),
        attribute(0x10c, &[1]),
        attribute(0x162, &[0]),
        attribute(0x163, &[1]),
        attribute(EC_PARAMS, &params(curve)),
        attribute(0x4000_0600, &mechanisms),
    ]
}

/// A private key of X25519, which derives.
pub fn x25519_attributes() -> Vec<Attribute> {
    let mut attributes = key_attributes_on(SigningCurve::P256, false);
    for attribute in &mut attributes {
        match attribute.r#type {
            0x100 => attribute.value = 0x41_u64.to_be_bytes().to_vec(),
            EC_PARAMS => attribute.value = X25519_PARAMS.to_vec(),
            _ => {}
        }
    }
    attributes
}

/// The name of the curve that a key's attributes name, as the nodes have it.
pub fn name_of(attributes: &[Attribute]) -> &'static str {
    let is_x25519 = |attribute: &Attribute| attribute.r#type == EC_PARAMS && attribute.value == X25519_PARAMS;
    match attributes.iter().any(is_x25519) {
        true => AgreementCurve::Curve25519.name(),
        false => curve_of(attributes).name(),
    }
}

/// The curve that a signing key's attributes name.
pub fn curve_of(attributes: &[Attribute]) -> SigningCurve {
    let named = &attributes.iter().find(|attribute| attribute.r#type == EC_PARAMS).unwrap().value;
    SigningCurve::ALL.into_iter().find(|curve| params(*curve) == *named).unwrap()
}

/// The curve that a seed is for.
pub fn curve_of_seed(seed: u64) -> SigningCurve {
    SigningCurve::ALL[seed as usize % SigningCurve::ALL.len()]
}

/// The scheme that a seed is for.
pub fn scheme_of_seed(seed: u64) -> SigningScheme {
    let schemes = schemes_on(curve_of_seed(seed));
    schemes[(seed as usize / SigningCurve::ALL.len()) % schemes.len()]
}

/// Bytes of the nonce point in an opening of presigning.
pub fn point_bytes(opening: &[u8]) -> usize {
    // The openings of the two curves of 256 bits are equally long.
    let curve = match opening.len() == PresignSession::<P384>::MESSAGE_BYTES_MAX {
        true => SigningCurve::P384,
        false => SigningCurve::P256,
    };
    curve.group().element_bytes()
}

/// Whether a signature is valid by another implementation than ours: the portable crate of its curve, or frost-core.
pub fn verifies(scheme: SigningScheme, public_key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    macro_rules! verify {
        ($portable:ident) => {{
            use $portable::ecdsa::signature::hazmat::PrehashVerifier as _;
            let key = $portable::ecdsa::VerifyingKey::from_sec1_bytes(public_key).unwrap();
            let signature = $portable::ecdsa::Signature::from_slice(signature).unwrap();
            key.verify_prehash(digest, &signature).is_ok()
        }};
    }
    match scheme {
        SigningScheme::EcdsaP256 => verify!(p256),
        SigningScheme::EcdsaP384 => verify!(p384),
        SigningScheme::EcdsaSecp256k1 => verify!(k256),
        SigningScheme::FrostP256 => {
            let key = frost_p256::VerifyingKey::deserialize(public_key).unwrap();
            key.verify(digest, &frost_p256::Signature::deserialize(signature).unwrap()).is_ok()
        }
        SigningScheme::Bip340 => {
            let key = k256::schnorr::VerifyingKey::from_bytes(&public_key[1..]).unwrap();
            key.verify_raw(digest, &k256::schnorr::Signature::try_from(signature).unwrap()).is_ok()
        }
        SigningScheme::Ed25519 => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(public_key.try_into().unwrap()).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
            key.verify_strict(digest, &signature).is_ok()
        }
    }
}

/// A curve as the type that protocols are generic over.
pub fn named<C: Curve>() -> SigningCurve {
    SigningCurve::of_name(C::NAME).unwrap()
}
