//! Every operation against the `p256` crate, bit for bit: random values and every edge we know.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use arith::p256::{Point, verify_prehashed};
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::group::Group;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use p256::{AffinePoint, EncodedPoint, ProjectivePoint, Scalar, U256};

const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// A splitmix64 stream: the values only need variety, and a seed makes a failure repeatable.
struct Stream(u64);

impl Stream {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.word().to_be_bytes());
        }
        bytes
    }
}

fn unhex(text: &str) -> [u8; 32] {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().unwrap()
}

fn small(value: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = value;
    bytes
}

fn edge_scalars() -> Vec<[u8; 32]> {
    let mut edges: Vec<_> = (0..=33).map(small).collect();
    let order = unhex(ORDER);
    for delta in 0..=3u8 {
        let mut below = order;
        below[31] -= delta;
        edges.push(below);
        let mut above = order;
        above[31] += delta;
        edges.push(above);
    }
    for bit in 0..256 {
        let mut power = [0; 32];
        power[31 - bit / 8] = 1 << (bit % 8);
        edges.push(power);
        let mut run = [0; 32];
        for low in 0..=bit {
            run[31 - low / 8] |= 1 << (low % 8);
        }
        edges.push(run);
    }
    edges
}

fn scalar(bytes: &[u8; 32]) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&(*bytes).into())
}

fn encode(point: ProjectivePoint) -> Option<[u8; 33]> {
    if bool::from(point.is_identity()) {
        return None;
    }
    Some(point.to_affine().to_encoded_point(true).as_bytes().try_into().unwrap())
}

#[test]
fn base_multiplication_agrees_on_random_scalars() {
    let mut stream = Stream(1);
    for _ in 0..3000 {
        let bytes = stream.bytes();
        let expected = encode(ProjectivePoint::GENERATOR * scalar(&bytes));
        assert_eq!(Point::mul_base(&bytes).to_compressed(), expected);
    }
}

#[test]
fn multiplications_agree_on_edge_scalars() {
    let mut stream = Stream(2);
    let seed = stream.bytes();
    let (ours, theirs) = (Point::mul_base(&seed), ProjectivePoint::GENERATOR * scalar(&seed));
    for bytes in edge_scalars() {
        let k = scalar(&bytes);
        assert_eq!(Point::mul_base(&bytes).to_compressed(), encode(ProjectivePoint::GENERATOR * k));
        assert_eq!(ours.mul(&bytes).to_compressed(), encode(theirs * k));
        assert!(Point::identity().mul(&bytes).is_identity());
    }
}

#[test]
fn variable_base_addition_and_negation_agree_on_random_points() {
    let mut stream = Stream(3);
    let mut ours = Point::mul_base(&small(1));
    let mut theirs = ProjectivePoint::GENERATOR;
    for _ in 0..2000 {
        let (k, m) = (stream.bytes(), stream.bytes());
        let product = ours.mul(&k);
        let base = Point::mul_base(&m);
        let their_base = ProjectivePoint::GENERATOR * scalar(&m);
        let their_product = theirs * scalar(&k);
        ours = product.add(&base.neg());
        theirs = their_product - their_base;
        let expected = encode(theirs);
        assert_eq!(ours.to_compressed(), expected);
        assert_eq!(ours.x_bytes().unwrap()[..], expected.unwrap()[1..]);
        assert!(Point::from_compressed(&expected.unwrap()).unwrap() == ours);
    }
}

#[test]
fn addition_is_complete() {
    let p = Point::mul_base(&small(7));
    let q = Point::mul_base(&small(5)).add(&Point::mul_base(&small(2)));
    let identity = Point::identity();
    assert!(p == q, "equal points in different coordinates are equal");
    assert!(p.add(&p) == Point::mul_base(&small(14)));
    assert!(p.add(&q) == Point::mul_base(&small(14)), "doubling in different coordinates");
    assert!(p.add(&q.neg()).is_identity());
    assert!(p.add(&identity) == p && identity.add(&p) == p);
    assert!(identity.add(&identity).is_identity() && identity.neg().is_identity());
    assert!(identity == Point::identity());
    assert!(identity != p);
    assert!(p != p.neg());
    assert!(Point::generator() == Point::mul_base(&small(1)));
    assert!(p.clone() == p);
    assert!(identity.to_compressed().is_none() && identity.x_bytes().is_none());
}

#[test]
fn decoding_accepts_exactly_canonical_compressed_points() {
    let good = Point::mul_base(&small(9)).to_compressed().unwrap();
    assert!(Point::from_compressed(&good).is_some());
    for tag in (0..=255u8).filter(|tag| *tag != 2 && *tag != 3) {
        let mut bytes = good;
        bytes[0] = tag;
        assert!(Point::from_compressed(&bytes).is_none(), "tag {tag}");
    }
    assert!(Point::from_compressed(&[]).is_none());
    assert!(Point::from_compressed(&[0]).is_none(), "the identity's SEC1 octet");
    assert!(Point::from_compressed(&[0; 33]).is_none());
    assert!(Point::from_compressed(&good[..32]).is_none());
    assert!(Point::from_compressed(&[&good[..], &[0]].concat()).is_none());
    let affine = Option::<AffinePoint>::from(AffinePoint::from_encoded_point(
        &EncodedPoint::from_bytes(good).unwrap(),
    ));
    let uncompressed = affine.unwrap().to_encoded_point(false);
    assert!(Point::from_compressed(uncompressed.as_bytes()).is_none());
    // x = p + 5: the same residue as x = 5 (which is on the curve), not canonical.
    let field = unhex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    let mut five = [0; 33];
    five[0] = 2;
    five[32] = 5;
    assert!(Point::from_compressed(&five).is_some());
    let mut sum = field;
    let mut carry = 5u16;
    for byte in sum.iter_mut().rev() {
        let column = u16::from(*byte) + carry;
        *byte = column as u8;
        carry = column >> 8;
    }
    assert!(Point::from_compressed(&[&[2][..], &sum[..]].concat()).is_none());
    assert!(Point::from_compressed(&[&[2][..], &[0xff; 32][..]].concat()).is_none());
}

#[test]
fn decoding_agrees_on_random_strings() {
    let mut stream = Stream(4);
    for _ in 0..2000 {
        let mut bytes = [2; 33];
        bytes[1..].copy_from_slice(&stream.bytes());
        bytes[0] |= bytes[32] & 1;
        let theirs = EncodedPoint::from_bytes(bytes).unwrap();
        let theirs = Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&theirs));
        let ours = Point::from_compressed(&bytes);
        assert_eq!(ours.is_some(), theirs.is_some());
        assert!(ours.is_none_or(|point| point.to_compressed() == Some(bytes)));
    }
}

#[test]
fn verification_agrees_and_refuses_every_change() {
    let mut stream = Stream(5);
    for round in 0..300 {
        let key = SigningKey::from_slice(&stream.bytes()).unwrap();
        let mut z = stream.bytes();
        if round % 10 == 0 {
            z = [0xff; 32]; // at or above the order: taken modulo it
        }
        let signature: Signature = key.sign_prehash(&z).unwrap();
        let point = VerifyingKey::from(&key).to_encoded_point(true);
        let public = Point::from_compressed(point.as_bytes()).unwrap();
        let (r, s) = signature.split_bytes();
        let (r, s): ([u8; 32], [u8; 32]) = (r.into(), s.into());
        assert!(verify_prehashed(&public, &r, &s, &z));
        let changed = stream.word() as usize % 32;
        for target in 0..3 {
            let mut parts = [r, s, z];
            parts[target][changed] ^= 1 << (round % 8);
            let expected = Signature::from_scalars(parts[0], parts[1]).is_ok_and(|signature| {
                VerifyingKey::from(&key).verify_prehash(&parts[2], &signature).is_ok()
            });
            assert!(!expected);
            assert!(!verify_prehashed(&public, &parts[0], &parts[1], &parts[2]));
        }
        assert!(!verify_prehashed(&public.neg(), &r, &s, &z));
        assert!(!verify_prehashed(&Point::identity(), &r, &s, &z));
        // The twin with s negated is valid as well; a caller that wants low s normalises.
        let twin: [u8; 32] = (-scalar(&s)).to_bytes().into();
        assert!(verify_prehashed(&public, &r, &twin, &z));
        for bad in [[0; 32], unhex(ORDER), [0xff; 32]] {
            assert!(!verify_prehashed(&public, &bad, &s, &z));
            assert!(!verify_prehashed(&public, &r, &bad, &z));
        }
    }
}

#[test]
fn points_cross_threads() {
    let point = Point::mul_base(&small(3));
    let doubled = std::thread::scope(|scope| {
        let shared = &point;
        let first = scope.spawn(move || shared.add(shared));
        let second = scope.spawn(move || shared.mul(&small(2)));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert!(doubled.0 == doubled.1);
}
