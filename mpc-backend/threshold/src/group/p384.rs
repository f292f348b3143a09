//! NIST P-384 (FIPS 186-5, SP 800-186): points by AWS-LC, scalars by RustCrypto.

use ::p384::elliptic_curve::ops::Reduce as _;
use ::p384::{FieldBytes, Scalar};

use super::Curve;
use super::nist::{Nist, NistPoint, reduce_wide, x_mod_order};
use super::wide::{Limbs, Order};

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
    type Late = Limbs<Self, 6, 8, 15>;

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        reduce_wide::<arith::p384::P384>(bytes)
    }

    fn x_mod_order(point: &P384Point) -> Scalar {
        x_mod_order(point)
    }
}

impl Order<6> for P384 {
    type Scalar = Scalar;
    const ORDER: [u64; 6] = [
        0xecec_196a_ccc5_2973,
        0x581a_0db2_48b0_a77a,
        0xc763_4d81_f437_2ddf,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ];
    const RECIPROCAL: [u64; 2] = [0, 0];
}

impl Nist for arith::p384::P384 {
    type Scalar = Scalar;
    const TWO_POW_KAPPA: Scalar = Scalar::ONE.double().pow_vartime(&[384]);

    fn reduce(bytes: &FieldBytes) -> Scalar {
        Scalar::reduce_bytes(bytes)
    }
}
