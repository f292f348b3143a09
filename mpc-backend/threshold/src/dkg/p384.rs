//! FROST on P-384 with SHA-384, for which there is no published suite: RFC 9591, section 6, with the
//! sizes of P-384, and hashing to scalars by RFC 9380 as its NIST suite does.
//!
//! Key generation is all that uses it. Constant time where secrets are: scalars and points are those
//! of the `p384` crate (fiat-crypto fields, complete formulas).

use elliptic_curve::Group as _;
use elliptic_curve::ff::{Field as _, PrimeField as _};
use elliptic_curve::hash2curve::{ExpandMsgXmd, hash_to_field};
use elliptic_curve::sec1::{FromEncodedPoint as _, ToEncodedPoint as _};
use frost_core::{Ciphersuite, Field, FieldError, Group, GroupError};
use p384::{AffinePoint, EncodedPoint, ProjectivePoint, Scalar};
use rand_core::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha384};

use super::suite::Suite;
use crate::group::{Curve as _, P384};

const ELEMENT_BYTES: usize = P384::POINT_BYTES;
const SCALAR_BYTES: usize = P384::SCALAR_BYTES;

/// Integers mod the order of P-384.
#[derive(Clone, Copy)]
pub struct P384Field;

/// The group of P-384.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct P384Group;

/// FROST(P-384, SHA-384).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct P384Sha384;

impl Suite for P384Sha384 {
    type Point = crate::group::p384::P384Point;
    const ELEMENT_BYTES: usize = ELEMENT_BYTES;
    const SCALAR_BYTES: usize = SCALAR_BYTES;
}

impl Field for P384Field {
    type Scalar = Scalar;
    type Serialization = [u8; SCALAR_BYTES];

    fn zero() -> Scalar {
        Scalar::ZERO
    }

    fn one() -> Scalar {
        Scalar::ONE
    }

    fn invert(scalar: &Scalar) -> Result<Scalar, FieldError> {
        Option::from(scalar.invert()).ok_or(FieldError::InvalidZeroScalar)
    }

    fn random<R: RngCore + CryptoRng>(rng: &mut R) -> Scalar {
        Scalar::random(rng)
    }

    fn serialize(scalar: &Scalar) -> [u8; SCALAR_BYTES] {
        scalar.to_bytes().into()
    }

    fn little_endian_serialize(scalar: &Scalar) -> [u8; SCALAR_BYTES] {
        let mut bytes = Self::serialize(scalar);
        bytes.reverse();
        bytes
    }

    fn deserialize(bytes: &[u8; SCALAR_BYTES]) -> Result<Scalar, FieldError> {
        Option::from(Scalar::from_repr((*bytes).into())).ok_or(FieldError::MalformedScalar)
    }
}

impl Group for P384Group {
    type Field = P384Field;
    type Element = ProjectivePoint;
    type Serialization = [u8; ELEMENT_BYTES];

    fn cofactor() -> Scalar {
        Scalar::ONE
    }

    fn identity() -> ProjectivePoint {
        ProjectivePoint::IDENTITY
    }

    fn generator() -> ProjectivePoint {
        ProjectivePoint::GENERATOR
    }

    fn serialize(element: &ProjectivePoint) -> Result<[u8; ELEMENT_BYTES], GroupError> {
        // The identity has one byte in SEC1, so the lengths differ.
        let encoded = element.to_affine().to_encoded_point(true);
        encoded.as_bytes().try_into().map_err(|_| GroupError::InvalidIdentityElement)
    }

    fn deserialize(bytes: &[u8; ELEMENT_BYTES]) -> Result<ProjectivePoint, GroupError> {
        let encoded = EncodedPoint::from_bytes(bytes).map_err(|_| GroupError::MalformedElement)?;
        let point = Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded));
        let point = point.map(ProjectivePoint::from).ok_or(GroupError::MalformedElement)?;
        if bool::from(point.is_identity()) { Err(GroupError::InvalidIdentityElement) } else { Ok(point) }
    }
}

impl Ciphersuite for P384Sha384 {
    const ID: &'static str = CONTEXT;
    type Group = P384Group;
    type HashOutput = [u8; 48];
    type SignatureSerialization = [u8; ELEMENT_BYTES + SCALAR_BYTES];

    fn H1(message: &[u8]) -> Scalar {
        hash_to_scalar(b"rho", message)
    }

    fn H2(message: &[u8]) -> Scalar {
        hash_to_scalar(b"chal", message)
    }

    fn H3(message: &[u8]) -> Scalar {
        hash_to_scalar(b"nonce", message)
    }

    fn H4(message: &[u8]) -> [u8; 48] {
        hash(b"msg", message)
    }

    fn H5(message: &[u8]) -> [u8; 48] {
        hash(b"com", message)
    }

    fn HDKG(message: &[u8]) -> Option<Scalar> {
        Some(hash_to_scalar(b"dkg", message))
    }

    fn HID(message: &[u8]) -> Option<Scalar> {
        Some(hash_to_scalar(b"id", message))
    }
}

fn hash(purpose: &[u8], message: &[u8]) -> [u8; 48] {
    let hash = Sha384::new().chain_update(CONTEXT).chain_update(purpose).chain_update(message);
    hash.finalize().into()
}

fn hash_to_scalar(purpose: &[u8], message: &[u8]) -> Scalar {
    let mut scalar = [Scalar::ZERO];
    hash_to_field::<ExpandMsgXmd<Sha384>, Scalar>(&[message], &[CONTEXT.as_bytes(), purpose], &mut scalar)
        .expect("the lengths of output and domain are constants within RFC 9380's bounds");
    let [scalar] = scalar;
    scalar
}

/// As RFC 9591, section 6.4, has it for P-256.
const CONTEXT: &str = "FROST-P384-SHA384-v1";
