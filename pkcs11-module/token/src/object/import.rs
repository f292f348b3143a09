//! Private EC and Ed25519 keys that the application brings along (PKCS#11 3.1 sections 4.9 and 6.3.4). They are marked for their
//! whole life: not local, and never was their value out of reach of whoever brought them.

use cryptoki_sys::*;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use super::{check_dates, key, pair};
use crate::attribute::{Class, canonical_bool, canonical_ulong};
use crate::backend::{Attributes, Curve, PrivateKeyImport};
use crate::provider::TemplateItem;
use crate::rv::{Error, Result};
use crate::template::Template;

/// Checks the template of `C_CreateObject` and takes the value out of it.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without key type, curve or value; [`Error::Contradiction`] for keys of other
/// types, which are not imported, and for a private session key; [`Error::CurveNotSupported`];
/// [`Error::AttributeValueInvalid`] for a value out of range, for a public half that is not the key's, and for a key
/// that could leave the token; what [`Template::build`] says.
pub(crate) fn request(mut template: Template) -> Result<PrivateKeyImport> {
    let value = Zeroizing::new(template.take(CKA_VALUE).unwrap_or_default());
    let (point, info) = (template.take(CKA_EC_POINT), template.take(CKA_PUBLIC_KEY_INFO));
    let wanted = template.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?;
    if !Curve::ALL.iter().any(|curve| key::key_type(*curve) == wanted) {
        return Err(Error::contradiction(CKA_KEY_TYPE, "private keys of this type are not imported"));
    }
    let params = template.attributes().get(&CKA_EC_PARAMS).ok_or(Error::TemplateIncomplete)?;
    let curve = key::curve_of(params).ok_or(Error::CurveNotSupported)?;
    if key::key_type(curve) != wanted {
        return Err(Error::contradiction(CKA_EC_PARAMS, "is a curve of another key type"));
    }
    if value.is_empty() {
        return Err(Error::TemplateIncomplete);
    }
    let value = scalar(curve, &value).ok_or(Error::AttributeValueInvalid)?;
    let public = public_point(curve, &value).ok_or(Error::AttributeValueInvalid)?;
    if point.is_some_and(|given| key::point_of(curve, &given) != Some(public.as_slice())) {
        return Err(Error::AttributeValueInvalid);
    }
    let mut derived = Attributes::new();
    key::complete_private(&mut derived, curve, &public);
    if info.is_some_and(|given| derived.get(&CKA_PUBLIC_KEY_INFO) != Some(&given)) {
        return Err(Error::AttributeValueInvalid);
    }
    pair::check_private(&mut template)?;
    if template.bool(CKA_TOKEN) != Some(true) {
        return Err(Error::contradiction(CKA_TOKEN, "imported private keys are kept on the token"));
    }
    template.set(CKA_EC_PARAMS, key::curve_oid(curve).to_vec());
    let mut private = template.build(Class::PrivateKey, &[])?;
    check_dates(&private)?;
    for id in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        private.insert(id, canonical_bool(false));
    }
    private.insert(CKA_KEY_GEN_MECHANISM, canonical_ulong(CK_UNAVAILABLE_INFORMATION));
    Ok(PrivateKeyImport { curve, value, private })
}

/// The scalar that a value stands for, as the backend takes it.
fn scalar(curve: Curve, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match curve {
        Curve::P256 | Curve::P384 | Curve::Secp256k1 => padded(curve, value),
        Curve::Edwards25519 => of_seed(value),
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

/// The public point of a scalar, uncompressed SEC1 or RFC 8032's encoding; `None` for zero and for anything not below
/// the order.
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
        Curve::Edwards25519 => {
            let scalar = Zeroizing::new(Scalar::from_canonical_bytes(value.try_into().ok()?).into_option()?);
            EdwardsPoint::mul_base(&scalar).compress().to_bytes().to_vec()
        }
    })
}

/// A private key as a file has it, for tools that import without going through the C interface.
pub struct KeyFile<'a> {
    /// DER of the curve's object identifier.
    pub params: &'a [u8],
    /// The private value, big-endian; of Ed25519 the seed.
    pub value: &'a [u8],
    /// The public point, uncompressed or of RFC 8032, if the file has it.
    pub point: Option<&'a [u8]>,
}

/// What becomes of an imported key.
pub struct Purpose<'a> {
    /// `CKA_LABEL`.
    pub label: &'a str,
    /// `CKA_ID`; SHA-1 of the public point without it.
    pub id: Option<&'a [u8]>,
    /// `CKA_SIGN`.
    pub sign: bool,
    /// `CKA_DERIVE`.
    pub derive: bool,
}

/// What `C_CreateObject` would make of the key.
///
/// # Errors
/// As that function: [`Error::CurveNotSupported`], [`Error::AttributeValueInvalid`] for a value out of range or another
/// key's public half.
pub fn of_file(file: &KeyFile<'_>, purpose: &Purpose<'_>) -> Result<PrivateKeyImport> {
    let curve = key::curve_of(file.params).ok_or(Error::CurveNotSupported)?;
    let (class, kind) = (CKO_PRIVATE_KEY.to_ne_bytes(), key::key_type(curve).to_ne_bytes());
    let [sign, derive] = [purpose.sign, purpose.derive].map(|flag| [u8::from(flag)]);
    let mut items = vec![
        (CKA_CLASS, &class[..]),
        (CKA_KEY_TYPE, &kind),
        (CKA_TOKEN, &[CK_TRUE]),
        (CKA_LABEL, purpose.label.as_bytes()),
        (CKA_SIGN, &sign),
        (CKA_DERIVE, &derive),
        (CKA_EC_PARAMS, file.params),
        (CKA_VALUE, file.value),
    ];
    items.extend(purpose.id.map(|id| (CKA_ID, id)));
    items.extend(file.point.map(|point| (CKA_EC_POINT, point)));
    let items: Vec<TemplateItem<'_>> =
        items.into_iter().map(|(kind, value)| TemplateItem { kind, value }).collect();
    request(Template::parse(&items)?)
}
