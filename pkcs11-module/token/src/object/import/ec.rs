//! Keys on curves (PKCS#11 3.1 section 6.3.4): from the value of a template to the scalar that is shared.

use cryptoki_sys::*;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::attribute::Class;
use crate::backend::{Attributes, Curve, PrivateValue};
use crate::object::key;
use crate::rv::{Error, Result};
use crate::template::Template;

/// Takes the value out of the template, and tells what follows from its public half.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without curve or value, [`Error::CurveNotSupported`], [`Error::Contradiction`] for a
/// curve of another key type, [`Error::AttributeValueInvalid`] for a value out of range, and for the point of another.
pub(super) fn take(template: &mut Template, wanted: u64) -> Result<(PrivateValue, Attributes)> {
    let value = Zeroizing::new(template.take(CKA_VALUE).unwrap_or_default());
    let point = template.take(CKA_EC_POINT);
    let params = template.attributes().get(&CKA_EC_PARAMS).ok_or(Error::TemplateIncomplete)?;
    let curve = key::named_curve(params)?;
    if key::key_type(curve) != wanted {
        return Err(Error::contradiction(CKA_EC_PARAMS, "is a curve of another key type"));
    }
    if value.is_empty() {
        return Err(Error::TemplateIncomplete);
    }
    let scalar = scalar(curve, &value).ok_or(Error::AttributeValueInvalid)?;
    let public = public_point(curve, &scalar).ok_or(Error::AttributeValueInvalid)?;
    if point.is_some_and(|given| key::point_of(curve, &given) != Some(public.as_slice())) {
        return Err(Error::AttributeValueInvalid);
    }
    template.set(CKA_EC_PARAMS, key::curve_oid(curve).to_vec());
    key::default_uses(template, curve, Class::PrivateKey);
    let mut derived = Attributes::new();
    key::complete_private(&mut derived, curve, &public);
    Ok((PrivateValue::Curve { curve, scalar }, derived))
}

/// The scalar that a value stands for, as the backend takes it.
fn scalar(curve: Curve, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match curve {
        Curve::P256 | Curve::P384 | Curve::Secp256k1 => padded(curve, value),
        Curve::Edwards25519 => of_seed(value),
        // RFC 7748, 5.
        Curve::Curve25519 => Some(reduced(Zeroizing::new(value.try_into().ok()?))),
    }
}

/// RFC 8032, 5.1.5: the first half of the seed's SHA-512, clamped, and reduced by the order. The other half makes
/// nonces where one party has the key; shared keys do not need it.
fn of_seed(seed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let seed: &[u8; 32] = seed.try_into().ok()?;
    let hash: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(seed).into());
    Some(reduced(Zeroizing::new(*hash.first_chunk()?)))
}

/// A clamped integer mod the order of the subgroup.
fn reduced(bytes: Zeroizing<[u8; 32]>) -> Zeroizing<Vec<u8>> {
    let clamped = Zeroizing::new(clamp_integer(*bytes));
    let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
    Zeroizing::new(scalar.as_bytes().to_vec())
}

/// The value in the length of the curve: applications leave leading zeros out, or put one before.
fn padded(curve: Curve, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let length = curve.field_bytes();
    let (zeros, significant) = value.split_at(value.len().saturating_sub(length));
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    let mut padded = Zeroizing::new(vec![0; length]);
    let start = length.checked_sub(significant.len())?;
    padded.get_mut(start..)?.copy_from_slice(significant);
    Some(padded)
}

/// The public point of a scalar, uncompressed SEC1 or the encoding of RFC 8032 or 7748; `None` for zero and for
/// anything not below the order.
fn public_point(curve: Curve, value: &[u8]) -> Option<Vec<u8>> {
    macro_rules! point {
        ($portable:ident) => {{
            use $portable::elliptic_curve::sec1::ToEncodedPoint as _;
            let key = $portable::SecretKey::from_slice(value).ok()?;
            key.public_key().to_encoded_point(false).as_bytes().to_vec()
        }};
    }
    Some(match curve {
        Curve::P256 => point!(p256),
        Curve::P384 => point!(p384),
        Curve::Secp256k1 => point!(k256),
        Curve::Edwards25519 => product_25519(value)?.compress().to_bytes().to_vec(),
        Curve::Curve25519 => product_25519(value)?.to_montgomery().to_bytes().to_vec(),
    })
}

fn product_25519(scalar: &[u8]) -> Option<EdwardsPoint> {
    let scalar = Zeroizing::new(Scalar::from_canonical_bytes(scalar.try_into().ok()?).into_option()?);
    Some(EdwardsPoint::mul_base(&scalar))
}
