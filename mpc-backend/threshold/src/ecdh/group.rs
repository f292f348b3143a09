//! What key agreement needs of a group of prime order.

use alloc::vec::Vec;

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use elliptic_curve::ff::PrimeField;
use zeroize::{Zeroize, Zeroizing};

use crate::codec::{scalar, scalar_from_bytes};
use crate::group::edwards25519::{EDWARDS25519_BYTES, WIDE_BYTES, reduce_wide};
use crate::group::{Curve, Point, curve25519};

/// Integers mod the order of `G`.
pub(super) type ScalarOf<G> = <<G as Group>::Point as Point>::Scalar;

/// A group of prime order, and how peers' public keys and secrets are written in it.
pub(super) trait Group: 'static {
    /// Elements.
    type Point: Point<Scalar: PrimeField + Zeroize>;
    /// Bytes of an encoded element.
    const POINT_BYTES: usize;
    /// Bytes of an encoded scalar.
    const SCALAR_BYTES: usize;
    /// Bytes that are reduced to one scalar.
    const WIDE_BYTES: usize;

    /// The scalar with exactly this canonical encoding.
    fn scalar(bytes: &[u8]) -> Option<ScalarOf<Self>>;

    /// [`Self::WIDE_BYTES`] as an integer mod the order, constant time.
    fn reduce_wide(bytes: &[u8]) -> ScalarOf<Self>;

    /// The element that a peer's public key stands for: of the group, and not its identity. Public.
    fn peer(bytes: &[u8]) -> Option<Self::Point>;

    /// What both sides know in the end, from the element that they have in common.
    fn secret(common: &Self::Point) -> Zeroizing<Vec<u8>>;
}

/// Curves of prime order: the secret is the x-coordinate (SEC 1, 3.3.1), a peer's key a compressed point.
impl<C: Curve> Group for C {
    type Point = C::Point;
    const POINT_BYTES: usize = C::POINT_BYTES;
    const SCALAR_BYTES: usize = C::SCALAR_BYTES;
    const WIDE_BYTES: usize = C::WIDE_BYTES;

    fn scalar(bytes: &[u8]) -> Option<C::Scalar> {
        scalar_from_bytes::<C>(bytes).ok()
    }

    fn reduce_wide(bytes: &[u8]) -> C::Scalar {
        C::reduce_wide(bytes)
    }

    /// The cofactor is 1: every point of the curve but the identity has the group's order.
    fn peer(bytes: &[u8]) -> Option<C::Point> {
        C::Point::decode(bytes)
    }

    fn secret(common: &C::Point) -> Zeroizing<Vec<u8>> {
        let compressed = Zeroizing::new(common.encode());
        Zeroizing::new(compressed.iter().skip(1).copied().collect())
    }
}

/// X25519: elements and scalars are those of edwards25519, public keys and secrets u-coordinates.
pub(super) struct X25519;

impl Group for X25519 {
    type Point = EdwardsPoint;
    const POINT_BYTES: usize = EDWARDS25519_BYTES;
    const SCALAR_BYTES: usize = EDWARDS25519_BYTES;
    const WIDE_BYTES: usize = WIDE_BYTES;

    fn scalar(bytes: &[u8]) -> Option<Scalar> {
        scalar(bytes).ok()
    }

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        reduce_wide(bytes)
    }

    fn peer(bytes: &[u8]) -> Option<EdwardsPoint> {
        curve25519::element(bytes)
    }

    fn secret(common: &EdwardsPoint) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(Zeroizing::new(curve25519::u_coordinate(common)).to_vec())
    }
}
