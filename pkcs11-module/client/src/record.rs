//! Registry records as the token sees them.

use std::collections::BTreeMap;
use std::sync::Arc;

use p256::elliptic_curve::sec1::{FromEncodedPoint, ModulusSize, ToEncodedPoint};
use p256::elliptic_curve::{self, CurveArithmetic, FieldBytesSize};
use prost::Message;
use proto::limits::FORMAT;
use proto::manifest::Manifest;
use proto::registry::v1::{Attribute, BirthStatement, ObjectRecord as WireRecord, Purpose, TokenRecord};
use proto::statement;
use threshold::dkg::DkgCurve;
use threshold::dprf;
use threshold::group::curve25519;
use threshold::rsa::Exponent;
use threshold::signing::{PublicKey, SigningCurve, SigningScheme};
use token::backend::{Attributes, Curve, ObjectId, ObjectRecord, Scheme, TokenId, TokenState};
use token::object::{key, rsa};

use crate::birth::{self, Birth, BirthFault};

/// A record that may be believed: its key, if it has one, was certified.
#[derive(Debug)]
pub(crate) struct Trusted {
    /// As the registry holds it.
    pub(crate) wire: WireRecord,
    /// What a successor names.
    pub(crate) hash: [u8; 32],
    /// As the token sees it, completed with what follows from the public key.
    pub(crate) record: Arc<ObjectRecord>,
    /// Of a private key.
    pub(crate) birth: Option<Birth>,
}

/// Why a record is left out of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordFault {
    #[error("the record has another format, token or id")]
    Malformed,
    #[error("an attribute stands twice in the record")]
    Attributes,
    #[error("the public key is no point of its curve")]
    Point,
    #[error(transparent)]
    Birth(#[from] BirthFault),
}

/// Checks a record. A private key needs a certificate of at least T nodes for this token and id.
pub(crate) fn check(manifest: &Manifest, token: TokenId, wire: WireRecord) -> Result<Trusted, RecordFault> {
    let id: [u8; 16] = wire.object_id.as_slice().try_into().map_err(|_| RecordFault::Malformed)?;
    if wire.format != FORMAT || wire.token_id != token.0 {
        return Err(RecordFault::Malformed);
    }
    let mut attributes = from_wire(&wire.attributes)?;
    let is_private_key = attributes.get(&CKA_CLASS).is_some_and(|class| *class == CKO_PRIVATE_KEY);
    let birth = if is_private_key || wire.birth.is_some() {
        let birth = birth::verify(manifest, wire.birth.as_ref(), usize::from(manifest.threshold))?;
        birth.is_for(Purpose::SigningKey, &token.0, &id)?;
        // A key of the pseudorandom function has no public half that anybody needs to see.
        if birth.statement().curve != dprf::NAME {
            public_half(&birth)?.complete_private(&mut attributes);
        }
        Some(birth)
    } else {
        None
    };
    let hash = statement::record_hash(&wire);
    let record = Arc::new(ObjectRecord { id: ObjectId(id), version: wire.version, attributes });
    Ok(Trusted { wire, hash, record, birth })
}

/// Whether these are of an object that no registry records.
pub(crate) fn is_of_session(attributes: &Attributes) -> bool {
    attributes.get(&CKA_TOKEN).is_some_and(|token| *token == [0])
}

/// The public half of a key.
pub(crate) enum PublicHalf {
    /// The point, uncompressed SEC1 or the encoding of RFC 8032 or 7748.
    Point(Curve, Vec<u8>),
    /// Modulus and public exponent.
    Rsa(Vec<u8>, Exponent),
}

impl PublicHalf {
    /// Adds to a private key's attributes what follows from it.
    pub(crate) fn complete_private(&self, attributes: &mut Attributes) {
        match self {
            Self::Point(curve, point) => key::complete_private(attributes, *curve, point),
            Self::Rsa(modulus, exponent) => {
                rsa::complete_private(attributes, modulus, exponent.to_be_bytes())
            }
        }
    }

    /// Adds to a public key's attributes what follows from it.
    pub(crate) fn complete_public(&self, attributes: &mut Attributes) {
        match self {
            Self::Point(curve, point) => key::complete_public(attributes, *curve, point),
            Self::Rsa(modulus, exponent) => rsa::complete_public(attributes, modulus, exponent.to_be_bytes()),
        }
    }
}

/// The public half of a key.
pub(crate) fn public_half(birth: &Birth) -> Result<PublicHalf, RecordFault> {
    if let Some(key) = birth.rsa_key() {
        return Ok(PublicHalf::Rsa(key.n().to_vec(), key.e()));
    }
    let sec1 = &birth.statement().public_key;
    let curve = curve_of(birth.statement()).ok_or(RecordFault::Point)?;
    let point = match curve {
        Curve::P256 => uncompressed::<p256::NistP256>(sec1),
        Curve::P384 => uncompressed::<p384::NistP384>(sec1),
        Curve::Secp256k1 => uncompressed::<k256::Secp256k1>(sec1),
        Curve::Edwards25519 => birth.public_key().map(PublicKey::encode),
        Curve::Curve25519 => curve25519::public_key(sec1).map(|u| u.to_vec()),
    };
    Ok(PublicHalf::Point(curve, point.ok_or(RecordFault::Point)?))
}

fn uncompressed<C>(sec1: &[u8]) -> Option<Vec<u8>>
where
    C: CurveArithmetic<AffinePoint: FromEncodedPoint<C> + ToEncodedPoint<C>>,
    FieldBytesSize<C>: ModulusSize,
{
    let key = elliptic_curve::PublicKey::<C>::from_sec1_bytes(sec1).ok()?;
    Some(key.to_encoded_point(false).as_bytes().to_vec())
}

/// The group as the nodes call it.
pub(crate) const fn to_group(curve: Curve) -> DkgCurve {
    match curve {
        Curve::P256 => DkgCurve::P256,
        Curve::P384 => DkgCurve::P384,
        Curve::Secp256k1 => DkgCurve::Secp256k1,
        Curve::Edwards25519 => DkgCurve::Edwards25519,
        Curve::Curve25519 => DkgCurve::Curve25519,
    }
}

/// The curve as the nodes call it where its keys sign.
fn to_signing(curve: Curve) -> Option<SigningCurve> {
    SigningCurve::of_name(to_group(curve).name())
}

/// The scheme as the nodes call it; `None` where keys on the curve have none of the kind.
pub(crate) fn to_signing_scheme(scheme: &Scheme) -> Option<SigningScheme> {
    match scheme {
        Scheme::Ecdsa { curve, .. } => to_signing(*curve)?.ecdsa(),
        Scheme::Eddsa { curve: Curve::Edwards25519, .. } => Some(SigningScheme::Ed25519),
        Scheme::Schnorr { curve: Curve::P256, .. } => Some(SigningScheme::FrostP256),
        Scheme::Schnorr { curve: Curve::Secp256k1, .. } => Some(SigningScheme::Bip340),
        Scheme::Eddsa { .. }
        | Scheme::Schnorr { .. }
        | Scheme::RsaPkcs1 { .. }
        | Scheme::RsaRaw { .. }
        | Scheme::RsaPss { .. } => None,
    }
}

/// The curve of a private key.
pub(crate) fn curve_of(statement: &BirthStatement) -> Option<Curve> {
    Curve::ALL.iter().copied().find(|curve| to_group(*curve).name() == statement.curve)
}

/// Attributes in ascending order of type.
pub(crate) fn to_wire(attributes: &Attributes) -> Vec<Attribute> {
    attributes.iter().map(|(kind, value)| Attribute { r#type: *kind, value: value.clone() }).collect()
}

fn from_wire(attributes: &[Attribute]) -> Result<Attributes, RecordFault> {
    let map: BTreeMap<u64, Vec<u8>> =
        attributes.iter().map(|attribute| (attribute.r#type, attribute.value.clone())).collect();
    if map.len() == attributes.len() { Ok(map) } else { Err(RecordFault::Attributes) }
}

/// The attributes to store for `wanted`: what the token sees, without what follows from the public
/// key and was never stored.
pub(crate) fn to_store(before: &Trusted, wanted: &Attributes) -> Attributes {
    let stored = |kind: &u64| before.wire.attributes.iter().any(|attribute| attribute.r#type == *kind);
    let derived = |kind: &u64, value: &Vec<u8>| {
        before.birth.is_some() && !stored(kind) && before.record.attributes.get(kind) == Some(value)
    };
    wanted
        .iter()
        .filter(|(kind, value)| !derived(kind, value))
        .map(|(kind, value)| (*kind, value.clone()))
        .collect()
}

/// A token as PKCS#11 shows it.
pub(crate) fn token_state(wire: &TokenRecord) -> Option<TokenState> {
    let id: [u8; 16] = wire.token_id.as_slice().try_into().ok()?;
    let label = wire.label.as_slice().try_into().unwrap_or([b' '; 32]);
    let mut serial = [0; 16];
    hex::encode_to_slice(id.first_chunk::<8>()?, &mut serial).ok()?;
    Some(TokenState {
        id: TokenId(id),
        label,
        serial,
        initialized: wire.so_login.is_some(),
        user_pin_initialized: wire.user_login.is_some(),
        user_pin_replaced: wire.user_pin_replaced,
    })
}

/// Bytes that are equal for equal token lists.
pub(crate) fn tokens_bytes(tokens: &[TokenRecord]) -> Vec<u8> {
    tokens.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

/// Shared, because listings of one token have most records in common.
pub(crate) type Shared = Arc<Trusted>;

const CKA_CLASS: u64 = 0;
const CKA_TOKEN: u64 = 1;
/// CKO_PRIVATE_KEY as a canonical CK_ULONG.
const CKO_PRIVATE_KEY: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 3];
