//! Every operation against the portable crate of the same curve, bit for bit: random values and every
//! edge we know. One suite, instantiated for each curve.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod reference;

use arith::Bytes;
use arith::ecdsa::verify_prehashed;
use elliptic_curve::Group;
use reference::{P256, P384, Point, Reference, Stream, Word, edge_scalars, plus, small, unhex, width, word};

macro_rules! suite {
    ($($test:ident($rounds256:literal, $rounds384:literal);)*) => {
        mod p256 {
            $(#[test] fn $test() { super::$test::<super::P256>($rounds256); })*
        }
        mod p384 {
            $(#[test] fn $test() { super::$test::<super::P384>($rounds384); })*
        }
    };
}

// Rounds on P-256, and on P-384, whose portable twin is slower.
suite! {
    base_multiplication_agrees_on_random_scalars(3000, 400);
    multiplications_agree_on_edge_scalars(1, 1);
    variable_base_addition_and_negation_agree_on_random_points(2000, 200);
    addition_is_complete(1, 1);
    decoding_accepts_exactly_canonical_compressed_points(1, 1);
    decoding_agrees_on_random_strings(2000, 400);
    verification_agrees_and_refuses_every_change(300, 40);
    points_cross_threads(1, 1);
}

fn encode<R: Reference>(point: &Point<R>) -> Option<Vec<u8>> {
    point.to_compressed().map(|bytes| bytes.as_ref().to_vec())
}

fn base_multiplication_agrees_on_random_scalars<R: Reference>(rounds: usize) {
    let mut stream = Stream(1);
    for _ in 0..rounds {
        let k = stream.word::<R>();
        let expected = R::encode(R::Theirs::generator() * R::scalar(k.as_ref()));
        assert_eq!(encode::<R>(&Point::<R>::mul_base(&k)), expected);
    }
}

fn multiplications_agree_on_edge_scalars<R: Reference>(_rounds: usize) {
    let seed = Stream(2).word::<R>();
    let (ours, theirs) = (Point::<R>::mul_base(&seed), R::Theirs::generator() * R::scalar(seed.as_ref()));
    for bytes in edge_scalars::<R>() {
        let k = R::scalar(bytes.as_ref());
        let expected = R::encode(R::Theirs::generator() * k);
        assert_eq!(encode::<R>(&Point::<R>::mul_base(&bytes)), expected);
        assert_eq!(encode::<R>(&Point::<R>::generator().mul(&bytes)), expected);
        assert_eq!(encode::<R>(&ours.mul(&bytes)), R::encode(theirs * k));
        assert!(Point::<R>::identity().mul(&bytes).is_identity());
    }
}

fn variable_base_addition_and_negation_agree_on_random_points<R: Reference>(rounds: usize) {
    let mut stream = Stream(3);
    let mut ours = Point::<R>::mul_base(&small::<R>(1));
    let mut theirs = R::Theirs::generator();
    for _ in 0..rounds {
        let (k, m) = (stream.word::<R>(), stream.word::<R>());
        ours = ours.mul(&k).add(&Point::<R>::mul_base(&m).neg());
        theirs = theirs * R::scalar(k.as_ref()) - R::Theirs::generator() * R::scalar(m.as_ref());
        let expected = R::encode(theirs).unwrap();
        assert_eq!(encode::<R>(&ours).unwrap(), expected);
        assert_eq!(ours.x_bytes().unwrap().as_ref(), &expected[1..]);
        assert!(Point::<R>::from_compressed(&expected).unwrap() == ours);
    }
}

fn addition_is_complete<R: Reference>(_rounds: usize) {
    let times = |k| Point::<R>::mul_base(&small::<R>(k));
    let p = times(7);
    let q = times(5).add(&times(2));
    let identity = Point::<R>::identity();
    assert!(p == q, "equal points in different coordinates are equal");
    assert!(p.add(&p) == times(14));
    assert!(p.add(&q) == times(14), "doubling in different coordinates");
    assert!(p.add(&q.neg()).is_identity());
    assert!(p.add(&identity) == p && identity.add(&p) == p);
    assert!(identity.add(&identity).is_identity() && identity.neg().is_identity());
    assert!(identity == Point::<R>::identity());
    assert!(identity != p);
    assert!(p != p.neg());
    assert!(Point::<R>::generator() == times(1));
    assert!(p.clone() == p);
    assert!(identity.to_compressed().is_none() && identity.x_bytes().is_none());
}

fn decoding_accepts_exactly_canonical_compressed_points<R: Reference>(_rounds: usize) {
    let decodes = |bytes: &[u8]| Point::<R>::from_compressed(bytes).is_some();
    let good = encode::<R>(&Point::<R>::mul_base(&small::<R>(9))).unwrap();
    assert!(decodes(&good));
    for tag in (0..=255u8).filter(|tag| *tag != 2 && *tag != 3) {
        let mut bytes = good.clone();
        bytes[0] = tag;
        assert!(!decodes(&bytes), "tag {tag}");
    }
    assert!(!decodes(&[]));
    assert!(!decodes(&[0]), "the identity's SEC1 octet");
    assert!(!decodes(&vec![0; good.len()]));
    assert!(!decodes(&good[..good.len() - 1]));
    assert!(!decodes(&[&good[..], &[0]].concat()));
    assert!(!decodes(&R::uncompress(&good).unwrap()));
    // x = p + i: the same residue as x = i, where that is on the curve, but not canonical.
    let field = unhex(R::FIELD);
    let mut residues = 0;
    for i in 0..20 {
        let low = [&[2][..], small::<R>(i).as_ref()].concat();
        assert_eq!(decodes(&low), R::uncompress(&low).is_some());
        residues += usize::from(decodes(&low));
        assert!(!decodes(&[&[2][..], &plus(&field, i.into())].concat()));
    }
    assert!(residues > 3);
    assert!(!decodes(&[&[2][..], &vec![0xff; width::<R>()]].concat()));
}

fn decoding_agrees_on_random_strings<R: Reference>(rounds: usize) {
    let mut stream = Stream(4);
    for _ in 0..rounds {
        let x = stream.word::<R>();
        let bytes = [&[2 | x.as_ref().last().unwrap() & 1][..], x.as_ref()].concat();
        let ours = Point::<R>::from_compressed(&bytes);
        assert_eq!(ours.is_some(), R::uncompress(&bytes).is_some());
        assert!(ours.is_none_or(|point| encode::<R>(&point).unwrap() == bytes));
    }
}

fn verification_agrees_and_refuses_every_change<R: Reference>(rounds: usize) {
    let mut stream = Stream(5);
    let ones = word::<R>(&vec![0xff; width::<R>()]);
    for round in 0..rounds {
        let key = stream.word::<R>();
        // Every tenth digest is at or above the order: taken modulo it.
        let z = if round % 10 == 0 { ones } else { stream.word::<R>() };
        let public = Point::<R>::mul_base(&key);
        let (r, s) = R::sign(key.as_ref(), z.as_ref());
        let (r, s) = (word::<R>(&r), word::<R>(&s));
        assert!(verify_prehashed(&public, &r, &s, &z));
        let changed = stream.number() as usize % width::<R>();
        for target in 0..3 {
            let mut parts = [r, s, z];
            parts[target].as_mut()[changed] ^= 1 << (round % 8);
            let [r, s, z] = &parts;
            assert!(!R::verify(key.as_ref(), r.as_ref(), s.as_ref(), z.as_ref()));
            assert!(!verify_prehashed(&public, r, s, z));
        }
        assert!(!verify_prehashed(&public.neg(), &r, &s, &z));
        assert!(!verify_prehashed(&Point::<R>::identity(), &r, &s, &z));
        // The twin with s negated is valid as well; a caller that wants low s normalises.
        let twin = word::<R>(&R::scalar_bytes(-R::scalar(s.as_ref())));
        assert!(verify_prehashed(&public, &r, &twin, &z));
        for bad in [Word::<R>::ZERO, word::<R>(&unhex(R::ORDER)), ones] {
            assert!(!verify_prehashed(&public, &bad, &s, &z));
            assert!(!verify_prehashed(&public, &r, &bad, &z));
        }
    }
}

fn points_cross_threads<R: Reference>(_rounds: usize) {
    let point = Point::<R>::mul_base(&small::<R>(3));
    let doubled = std::thread::scope(|scope| {
        let shared = &point;
        let first = scope.spawn(move || shared.add(shared));
        let second = scope.spawn(move || shared.mul(&small::<R>(2)));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert!(doubled.0 == doubled.1);
}
