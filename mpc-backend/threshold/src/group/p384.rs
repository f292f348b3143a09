//! NIST P-384 (FIPS 186-5, SP 800-186): points by AWS-LC, scalars by RustCrypto.

use ::p384::elliptic_curve::ops::Reduce as _;
use ::p384::{FieldBytes, Scalar};

use super::Curve;
use super::nist::{Nist, NistPoint, reduce_wide, x_mod_order};

/// P-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P384;

/// A point of P-384.
pub type P384Point = NistPoint<arith::p384::P384>;

impl Curve for P384 {
    const NAME: &'static str = "P-384";
    const KAPPA: usize = 384;
    type Scalar = Scalar;
    type Point = P384Point;

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        reduce_wide::<arith::p384::P384>(bytes)
    }

    fn x_mod_order(point: &P384Point) -> Scalar {
        x_mod_order(point)
    }
}

impl Nist for arith::p384::P384 {
    type Scalar = Scalar;
    const TWO_POW_KAPPA: Scalar = Scalar::ONE.double().pow_vartime(&[384]);

    fn reduce(bytes: &FieldBytes) -> Scalar {
        Scalar::reduce_bytes(bytes)
    }
}
