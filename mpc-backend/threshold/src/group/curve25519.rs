//! curve25519 (RFC 7748): keys of X25519 by means of the subgroup of edwards25519, which is the same group written
//! otherwise (RFC 7748, section 4.1).
//!
//! X25519 multiplies by integers that are multiples of 8, so that it sees only the part of a point that lies in the
//! subgroup of prime order l: k P = (k / 8) 8 P = k [1/8 mod l] 8 P, where the last product needs k mod l alone. So
//! a scalar mod l, and with it a share of one, serves every point of the curve. It does not serve
//! the points of the twist, whose subgroup has another order, and they are refused.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::Scalar;

use super::Point;

/// Name that enters transcripts and birth certificates: keys of X25519 are not those of Ed25519.
pub const CURVE25519: &str = "curve25519";

/// The element of the subgroup that X25519 takes for this u-coordinate, up to its sign, which u has not. As RFC
/// 7748, section 5, decodes it: the highest bit counts for nothing, and values not below p are reduced.
///
/// `None` for another length, for points of the twist, and for points of small order, whose secret would be
/// zero whatever the key. Public.
pub fn element(u: &[u8]) -> Option<EdwardsPoint> {
    let point = MontgomeryPoint(u.try_into().ok()?).to_edwards(0)?;
    let eighth = Scalar::from(8_u8).invert();
    let element = point.mul_by_cofactor().mul_public(&eighth);
    (!Point::is_identity(&element)).then_some(element)
}

/// The u-coordinate of an element: X25519's public keys and secrets. Constant time.
pub fn u_coordinate(element: &EdwardsPoint) -> [u8; 32] {
    element.to_montgomery().to_bytes()
}

/// The public key of X25519 that an encoded element stands for; `None` if it is none ([`Point::decode`]).
pub fn public_key(encoded: &[u8]) -> Option<[u8; 32]> {
    <EdwardsPoint as Point>::decode(encoded).map(|element| u_coordinate(&element))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::scalar::clamp_integer;

    use super::*;

    fn hex32(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// X25519 with the scalar reduced, as shares add up to it.
    fn by_reduced(k: [u8; 32], u: &[u8; 32]) -> Option<[u8; 32]> {
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(k));
        element(u).map(|element| u_coordinate(&Point::mul(&element, &scalar)))
    }

    /// RFC 7748, 5.2, the first vector, and 6.1. The second vector of 5.2 is a point of the twist.
    #[test]
    fn rfc7748() {
        let k = hex32("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
        let u = hex32("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        let out = hex32("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(by_reduced(k, &u), Some(out));
        let twist = hex32("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
        assert!(element(&twist).is_none());
        let alice = hex32("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = hex32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let base = u_coordinate(&EdwardsPoint::generator());
        let public = by_reduced(bob, &base).unwrap();
        assert_eq!(public, hex32("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        let shared = hex32("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(by_reduced(alice, &public), Some(shared));
    }

    /// Points outside the subgroup too: the integer that X25519 multiplies by is a multiple of 8.
    #[test]
    fn reduced_scalars_give_what_x25519_gives_for_every_point_of_the_curve() {
        for (number, torsion) in (1..).zip(EIGHT_TORSION) {
            let k = [number; 32];
            let point = (EdwardsPoint::generator() * Scalar::from(99_u8) + torsion).to_montgomery();
            assert_eq!(by_reduced(k, &point.0), Some(point.mul_clamped(k).0));
            // The same u in its other forms: not below p, and with the highest bit set.
            let mut high = point.0;
            high[31] |= 0x80;
            assert_eq!(by_reduced(k, &high), Some(point.mul_clamped(k).0));
        }
        // u = p + 9, the base point.
        let mut above = [0xff; 32];
        (above[0], above[31]) = (0xed + 9, 0x7f);
        assert_eq!(element(&above), Some(EdwardsPoint::generator()));
    }

    #[test]
    fn small_orders_the_twist_and_other_lengths_are_refused() {
        for torsion in EIGHT_TORSION {
            assert!(element(&torsion.to_montgomery().0).is_none());
        }
        // u = -1 and u = 2 are of the twist.
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let mut two = [0; 32];
        two[0] = 2;
        for twist in [minus_one, two] {
            assert!(element(&twist).is_none());
        }
        assert!(element(&[9; 31]).is_none() && element(&[9; 33]).is_none());
    }
}
