//! The ciphersuites: a group, FROST's hashes over it, and the challenge of the scheme that verifiers know.

use core::fmt;

use alloc::vec::Vec;

use curve25519_dalek::{EdwardsPoint, Scalar};
use elliptic_curve::ff::PrimeField;
use frost_core::{Ciphersuite, Field, Group};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroize;

use crate::group::p256::P256Point;
use crate::group::secp256k1::Secp256k1Point;
use crate::group::{Curve, P256, Point, Secp256k1};

/// A scheme of Schnorr signatures with FROST's hashes for it.
pub trait Schnorr: Copy + fmt::Debug + Eq + Send + Sync + 'static {
    /// Whose H1, H4 and H5 are used (RFC 9591, section 6).
    type Frost: Ciphersuite<Group: Group<Field: Field<Scalar = Self::Scalar>>>;
    /// Integers mod the group order; `to_repr` is the suite's own byte order.
    type Scalar: PrimeField + Zeroize;
    /// Group elements.
    type Point: Point<Scalar = Self::Scalar>;

    /// Name that enters transcripts: of the ciphersuite.
    const NAME: &'static str = Self::Frost::ID;
    /// Bytes of an encoded point.
    const POINT_BYTES: usize;
    /// Bytes of a scalar.
    const SCALAR_BYTES: usize;
    /// Bytes of R as it stands in a signature.
    const NONCE_BYTES: usize;

    /// 64 bytes as an integer mod the order, constant time: the bias is at most 2^-128.
    fn reduce_wide(bytes: &[u8; 64]) -> Self::Scalar;

    /// Whether this is a message of the scheme. [`Self::challenge`] is asked for no other.
    fn accepts(message: Message<'_>) -> bool;

    /// R as it stands in a signature.
    fn encode_nonce(nonce: &Self::Point) -> Vec<u8> {
        nonce.encode()
    }

    /// Whether the scheme takes the negative of this point instead of it, as R and as public key.
    fn takes_negative(_point: &Self::Point) -> bool {
        false
    }

    /// c, over R as it stands in a signature.
    fn challenge(nonce: &[u8], public_key: &Self::Point, message: Message<'_>) -> Self::Scalar;
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The variant of the scheme, in the scheme's own encoding; empty for the plain one.
    pub parameter: &'a [u8],
    /// The message, or its digest where the variant says so; at most [`super::MESSAGE_BYTES_MAX`].
    pub bytes: &'a [u8],
}

/// Ed25519 of RFC 8032, with FROST(Ed25519, SHA-512).
///
/// The parameter is empty for pure Ed25519. Else it is one byte, 0 for Ed25519ctx and 1 for Ed25519ph, and
/// then the context of up to 255 bytes; the message of Ed25519ph is its SHA-512.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519;

impl Schnorr for Ed25519 {
    type Frost = frost_ed25519::Ed25519Sha512;
    type Scalar = Scalar;
    type Point = EdwardsPoint;

    const POINT_BYTES: usize = 32;
    const SCALAR_BYTES: usize = 32;
    const NONCE_BYTES: usize = 32;

    fn reduce_wide(bytes: &[u8; 64]) -> Scalar {
        Scalar::from_bytes_mod_order_wide(bytes)
    }

    fn accepts(Message { parameter, bytes }: Message<'_>) -> bool {
        match parameter.split_first() {
            None => true,
            Some((flag, context)) => {
                let fits = match flag {
                    0 => true,
                    1 => bytes.len() == 64,
                    _ => false,
                };
                fits && context.len() <= CONTEXT_BYTES_MAX
            }
        }
    }

    fn challenge(nonce: &[u8], public_key: &EdwardsPoint, message: Message<'_>) -> Scalar {
        let mut hash = Sha512::new();
        if let Some((flag, context)) = message.parameter.split_first() {
            // dom2(F, C) of RFC 8032, section 2; `accepts` has bounded the context.
            hash.update(b"SigEd25519 no Ed25519 collisions");
            hash.update([*flag, context.len() as u8]);
            hash.update(context);
        }
        hash.update(nonce);
        hash.update(public_key.compress().as_bytes());
        hash.update(message.bytes);
        Self::reduce_wide(&hash.finalize().into())
    }
}

/// Schnorr on P-256 as FROST(P-256, SHA-256) defines it (RFC 9591, 6.4): R in compressed form, then z.
///
/// There is no parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrostP256;

impl Schnorr for FrostP256 {
    type Frost = frost_p256::P256Sha256;
    type Scalar = p256::Scalar;
    type Point = P256Point;

    const POINT_BYTES: usize = P256::POINT_BYTES;
    const SCALAR_BYTES: usize = P256::SCALAR_BYTES;
    const NONCE_BYTES: usize = P256::POINT_BYTES;

    fn reduce_wide(bytes: &[u8; 64]) -> p256::Scalar {
        P256::reduce_wide(bytes)
    }

    fn accepts(message: Message<'_>) -> bool {
        message.parameter.is_empty()
    }

    fn challenge(nonce: &[u8], public_key: &P256Point, message: Message<'_>) -> p256::Scalar {
        Self::Frost::H2(&[nonce, &public_key.encode(), message.bytes].concat())
    }
}

/// BIP-340 on secp256k1, with FROST as `frost-secp256k1-tr` has it: R and public key are x-coordinates, which stand
/// for the point with an even y-coordinate, and so the negative of another is taken in its place.
///
/// There is no parameter, and no tweak: the key of the signature is Q's x-coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bip340;

impl Schnorr for Bip340 {
    type Frost = frost_secp256k1_tr::Secp256K1Sha256TR;
    type Scalar = k256::Scalar;
    type Point = Secp256k1Point;

    const POINT_BYTES: usize = Secp256k1::POINT_BYTES;
    const SCALAR_BYTES: usize = Secp256k1::SCALAR_BYTES;
    const NONCE_BYTES: usize = Secp256k1::SCALAR_BYTES;

    fn reduce_wide(bytes: &[u8; 64]) -> k256::Scalar {
        Secp256k1::reduce_wide(bytes)
    }

    fn accepts(message: Message<'_>) -> bool {
        message.parameter.is_empty()
    }

    fn encode_nonce(nonce: &Secp256k1Point) -> Vec<u8> {
        x_coordinate(nonce)
    }

    fn takes_negative(point: &Secp256k1Point) -> bool {
        // Tag 3 of SEC1's compressed form: y is odd.
        point.encode().first() == Some(&3)
    }

    fn challenge(nonce: &[u8], public_key: &Secp256k1Point, message: Message<'_>) -> k256::Scalar {
        Self::Frost::H2(&[nonce, &x_coordinate(public_key), message.bytes].concat())
    }
}

fn x_coordinate(point: &Secp256k1Point) -> Vec<u8> {
    point.encode().split_off(1)
}

/// Longest context of Ed25519ctx and Ed25519ph, in bytes (RFC 8032, section 5.1).
const CONTEXT_BYTES_MAX: usize = 255;
