//! NIST P-256 (FIPS 186-5, SP 800-186): points by AWS-LC, scalars by RustCrypto.

use ::p256::elliptic_curve::ops::Reduce as _;
use ::p256::elliptic_curve::sec1::{FromEncodedPoint as _, ToEncodedPoint as _};
use ::p256::{AffinePoint, EncodedPoint, FieldBytes, Scalar};
use arith::point::Point;

use super::Curve;
use super::nist::{Nist, NistPoint, reduce_wide, x_mod_order};
use super::wide::{Limbs, Order};

/// P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P256;

/// A point of P-256.
pub type P256Point = NistPoint<arith::p256::P256>;

impl P256 {
    /// HashToCurve of RFC 9380, suite P256_XMD:SHA-256_SSWU_RO_, with this domain separation tag, which is not empty.
    pub fn hash_to_curve(tag: &[u8], message: &[u8]) -> P256Point {
        P256Point::new(Point::hash(tag, message))
    }
}

impl Curve for P256 {
    const NAME: &'static str = "P-256";
    const KAPPA: usize = 256;
    type Scalar = Scalar;
    type Point = P256Point;
    type Late = Limbs<Self, 4, 6, 11>;

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        reduce_wide::<arith::p256::P256>(bytes)
    }

    fn x_mod_order(point: &P256Point) -> Scalar {
        x_mod_order(point)
    }
}

impl Order<4> for P256 {
    type Scalar = Scalar;
    const ORDER: [u64; 4] =
        [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000];
    const RECIPROCAL: [u64; 2] = [0xffff_fffe_ffff_ffff, 0xffff_ffff];
}

impl Nist for arith::p256::P256 {
    type Scalar = Scalar;
    const TWO_POW_KAPPA: Scalar = Scalar::ONE.double().pow_vartime(&[256]);

    fn reduce(bytes: &FieldBytes) -> Scalar {
        Scalar::reduce_bytes(bytes)
    }

    /// By RustCrypto's square root, which is faster than AWS-LC's generic one; AWS-LC then checks
    /// itself that the point is on the curve.
    fn decompress(bytes: &[u8]) -> Option<Point<Self>> {
        let compressed = EncodedPoint::from_bytes(bytes).ok().filter(EncodedPoint::is_compressed)?;
        let point = Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&compressed))?;
        Point::from_uncompressed(point.to_encoded_point(false).as_bytes())
    }
}
