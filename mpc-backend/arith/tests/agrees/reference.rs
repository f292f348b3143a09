//! The RustCrypto crates behind one face, and inputs for every curve.

use arith::{Bytes, Curve};
use elliptic_curve::Group;

/// A curve as AWS-LC and as a portable crate know it. Byte strings are big-endian.
pub trait Reference {
    type Ours: Curve;
    type Theirs: Group;
    /// n.
    const ORDER: &'static str;
    /// p.
    const FIELD: &'static str;

    /// An integer modulo n.
    fn scalar(bytes: &[u8]) -> <Self::Theirs as Group>::Scalar;
    fn scalar_bytes(scalar: <Self::Theirs as Group>::Scalar) -> Vec<u8>;
    /// The compressed form; `None` for the identity.
    fn encode(point: Self::Theirs) -> Option<Vec<u8>>;
    /// The uncompressed form of a compressed point; `None` when there is no such point.
    fn uncompress(compressed: &[u8]) -> Option<Vec<u8>>;
    /// r and s of a signature over `digest`.
    fn sign(key: &[u8], digest: &[u8]) -> (Vec<u8>, Vec<u8>);
    fn verify(key: &[u8], r: &[u8], s: &[u8], digest: &[u8]) -> bool;
}

macro_rules! reference {
    ($name:ident, $module:ident, $uint:ident, $order:literal, $field:literal) => {
        pub struct $name;

        impl Reference for $name {
            type Ours = arith::$module::$name;
            type Theirs = $module::ProjectivePoint;
            const ORDER: &'static str = $order;
            const FIELD: &'static str = $field;

            fn scalar(bytes: &[u8]) -> $module::Scalar {
                use elliptic_curve::ops::Reduce;
                <$module::Scalar as Reduce<$module::$uint>>::reduce_bytes($module::FieldBytes::from_slice(
                    bytes,
                ))
            }

            fn scalar_bytes(scalar: $module::Scalar) -> Vec<u8> {
                scalar.to_bytes().to_vec()
            }

            fn encode(point: $module::ProjectivePoint) -> Option<Vec<u8>> {
                use elliptic_curve::sec1::ToEncodedPoint;
                let finite = !bool::from(point.is_identity());
                finite.then(|| point.to_affine().to_encoded_point(true).as_bytes().to_vec())
            }

            fn uncompress(compressed: &[u8]) -> Option<Vec<u8>> {
                use elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
                let encoded = $module::EncodedPoint::from_bytes(compressed).unwrap();
                let point = $module::AffinePoint::from_encoded_point(&encoded);
                Option::<$module::AffinePoint>::from(point)
                    .map(|p| p.to_encoded_point(false).as_bytes().to_vec())
            }

            fn sign(key: &[u8], digest: &[u8]) -> (Vec<u8>, Vec<u8>) {
                use $module::ecdsa::signature::hazmat::PrehashSigner;
                let key = $module::ecdsa::SigningKey::from_slice(key).unwrap();
                let signature: $module::ecdsa::Signature = key.sign_prehash(digest).unwrap();
                let (r, s) = signature.split_bytes();
                (r.to_vec(), s.to_vec())
            }

            fn verify(key: &[u8], r: &[u8], s: &[u8], digest: &[u8]) -> bool {
                use $module::ecdsa::signature::hazmat::PrehashVerifier;
                let key = $module::ecdsa::SigningKey::from_slice(key).unwrap();
                let signature = $module::ecdsa::Signature::from_slice(&[r, s].concat());
                signature
                    .is_ok_and(|signature| key.verifying_key().verify_prehash(digest, &signature).is_ok())
            }
        }
    };
}

reference!(
    P256,
    p256,
    U256,
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
);
reference!(
    P384,
    p384,
    U384,
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"
);

pub type Word<R> = <<R as Reference>::Ours as Curve>::Word;
pub type Point<R> = arith::point::Point<<R as Reference>::Ours>;

/// Bytes of a word.
pub fn width<R: Reference>() -> usize {
    Word::<R>::ZERO.as_ref().len()
}

pub fn word<R: Reference>(bytes: &[u8]) -> Word<R> {
    let mut word = Word::<R>::ZERO;
    word.as_mut().copy_from_slice(bytes);
    word
}

pub fn small<R: Reference>(value: u8) -> Word<R> {
    let mut word = Word::<R>::ZERO;
    *word.as_mut().last_mut().unwrap() = value;
    word
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// `bytes + addend`, which must not overflow.
pub fn plus(bytes: &[u8], addend: u16) -> Vec<u8> {
    let mut sum = bytes.to_vec();
    let mut carry = addend;
    for byte in sum.iter_mut().rev() {
        let column = u16::from(*byte) + (carry & 0xff);
        *byte = column as u8;
        carry = (carry >> 8) + (column >> 8);
    }
    assert_eq!(carry, 0);
    sum
}

/// A splitmix64 stream: the values only need variety, and a seed makes a failure repeatable.
pub struct Stream(pub u64);

impl Stream {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn word<R: Reference>(&mut self) -> Word<R> {
        let mut word = Word::<R>::ZERO;
        for chunk in word.as_mut().chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_be_bytes());
        }
        word
    }
}

/// Small numbers, the order and what surrounds it, every power of two and one less.
pub fn edge_scalars<R: Reference>() -> Vec<Word<R>> {
    let mut edges: Vec<_> = (0..=33).map(small::<R>).collect();
    let order = unhex(R::ORDER);
    // n - 38 is the one scalar at which AWS-LC's P-384 base multiplication doubles.
    for below in (0..=3).chain([38]) {
        let mut scalar = word::<R>(&order);
        *scalar.as_mut().last_mut().unwrap() -= below;
        edges.push(scalar);
    }
    edges.extend((1..=3).map(|above| word::<R>(&plus(&order, above))));
    let width = width::<R>();
    for bit in 0..8 * width {
        let mut power = Word::<R>::ZERO;
        power.as_mut()[width - 1 - bit / 8] = 1 << (bit % 8);
        edges.push(power);
        let mut run = Word::<R>::ZERO;
        for low in 0..=bit {
            run.as_mut()[width - 1 - low / 8] |= 1 << (low % 8);
        }
        edges.push(run);
    }
    edges
}
