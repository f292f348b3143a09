//! NIST P-256 (FIPS 186-5, SP 800-186): points by AWS-LC, scalars by RustCrypto.

use ::p256::elliptic_curve::ops::Reduce as _;
use ::p256::{FieldBytes, Scalar};

use super::Curve;
use super::nist::{Nist, NistPoint, reduce_wide, x_mod_order};

/// P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P256;

/// A point of P-256.
pub type P256Point = NistPoint<arith::p256::P256>;

impl Curve for P256 {
    const NAME: &'static str = "P-256";
    const KAPPA: usize = 256;
    type Scalar = Scalar;
    type Point = P256Point;

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        reduce_wide::<arith::p256::P256>(bytes)
    }

    fn x_mod_order(point: &P256Point) -> Scalar {
        x_mod_order(point)
    }
}

impl Nist for arith::p256::P256 {
    type Scalar = Scalar;
    const TWO_POW_KAPPA: Scalar = Scalar::ONE.double().pow_vartime(&[256]);

    fn reduce(bytes: &FieldBytes) -> Scalar {
        Scalar::reduce_bytes(bytes)
    }
}
