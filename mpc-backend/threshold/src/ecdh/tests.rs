//! Agreement by every quorum of every curve, against the portable crates, and every lie of a node.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use elliptic_curve::Field;

use super::group::{Group, ScalarOf, X25519};
use super::*;
use crate::dkg::DkgCurve;
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::group::{Curve, P256, P384, Point, Secp256k1, curve25519};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::secret::Secret;
use crate::sharing::evaluate;
use alloc::vec::Vec;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::clamp_integer;
use elliptic_curve::ff::PrimeField;

fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

fn set(members: &[u8]) -> SignerSet {
    SignerSet::new(members.iter().copied().map(party)).unwrap()
}

/// A group as the tests go through it.
trait Tested: Group {
    const CURVE: AgreementCurve;

    /// A peer's public key.
    fn wire(peer: &Self::Point) -> Vec<u8>;

    /// The secret of an element.
    fn known(common: &Self::Point) -> Vec<u8> {
        Self::secret(common).to_vec()
    }
}

macro_rules! tested {
    ($($curve:ident)*) => {$(
        impl Tested for $curve {
            const CURVE: AgreementCurve = AgreementCurve::$curve;
            fn wire(peer: &<$curve as Curve>::Point) -> Vec<u8> {
                peer.encode()
            }
        }
    )*};
}
tested!(P256 P384 Secp256k1);

impl Tested for X25519 {
    const CURVE: AgreementCurve = AgreementCurve::Curve25519;
    fn wire(peer: &EdwardsPoint) -> Vec<u8> {
        curve25519::u_coordinate(peer).to_vec()
    }
}

/// A key shared among nodes, whole at one place for the test.
struct SharedKey<C: Tested> {
    threshold: Threshold,
    coefficients: Vec<ScalarOf<C>>,
    commitments: Vec<Vec<u8>>,
}

impl<C: Tested> SharedKey<C> {
    fn new(needed: u8, parties: u8) -> Self {
        let mut rng = rand_core::OsRng;
        Self::of((0..needed).map(|_| ScalarOf::<C>::random(&mut rng)).collect(), parties)
    }

    fn of(coefficients: Vec<ScalarOf<C>>, parties: u8) -> Self {
        let commitments = coefficients.iter().map(|c| C::Point::mul_base(c).encode()).collect();
        let threshold = Threshold::new(coefficients.len() as u8, parties).unwrap();
        Self { threshold, coefficients, commitments }
    }

    fn share(&self, index: u8) -> Secret<Vec<u8>> {
        Secret::new(evaluate(&self.coefficients, party(index)).to_repr().as_ref().to_vec())
    }

    fn request(&self, quorum: &[u8], peer: &C::Point) -> Request {
        Request {
            cluster_id: [1; 32],
            key_id: [2; 16],
            epoch: 3,
            curve: C::CURVE,
            public_key: self.commitments[0].clone(),
            quorum: set(quorum),
            client: [4; 32],
            mechanism: 0x1050,
            peer: C::wire(peer),
            request_nonce: [5; 32],
        }
    }

    fn answers(&self, request: &Request) -> Vec<(PartyIndex, Vec<u8>)> {
        let answer = |at: PartyIndex| answer(at, &self.share(at.get()), request, &mut rand_core::OsRng);
        request.quorum.iter().map(|at| (at, answer(at).unwrap())).collect()
    }

    fn combine(&self, answers: &[(PartyIndex, Vec<u8>)], request: &Request) -> Result<Vec<u8>, CombineError> {
        let secret = combine(answers, &self.commitments, self.threshold, request)?;
        Ok(secret.expose().clone())
    }
}

fn random_point<C: Tested>() -> C::Point {
    C::Point::mul_base(&ScalarOf::<C>::random(&mut rand_core::OsRng))
}

/// x or u of k times P, computed at one place.
fn whole<C: Tested>(key: &SharedKey<C>, peer: &C::Point) -> Vec<u8> {
    C::known(&peer.mul(&key.coefficients[0]))
}

/// The same by the portable crate of the curve.
macro_rules! portable {
    ($portable:ident, $key:expr, $peer:expr) => {{
        use $portable::elliptic_curve::sec1::ToEncodedPoint as _;
        let peer = $portable::PublicKey::from_sec1_bytes(&$peer.encode()).unwrap();
        let common = peer.to_projective() * $key.coefficients[0];
        common.to_affine().to_encoded_point(false).x().unwrap().to_vec()
    }};
}

fn every_quorum_agrees<C: Tested>(portable: fn(&SharedKey<C>, &C::Point) -> Vec<u8>) {
    let key = SharedKey::<C>::new(3, 5);
    let peer = random_point::<C>();
    let expected = portable(&key, &peer);
    assert_eq!(expected, whole(&key, &peer));
    assert_eq!(expected.len(), C::SCALAR_BYTES);
    for quorum in [[1, 2, 3], [1, 3, 5], [3, 4, 5], [1, 2, 5]] {
        let request = key.request(&quorum, &peer);
        assert_eq!(key.combine(&key.answers(&request), &request), Ok(expected.clone()));
    }
}

#[test]
fn every_quorum_of_every_curve_agrees_with_the_portable_crate() {
    every_quorum_agrees::<P256>(|key, peer| portable!(p256, key, peer));
    every_quorum_agrees::<P384>(|key, peer| portable!(p384, key, peer));
    every_quorum_agrees::<Secp256k1>(|key, peer| portable!(k256, key, peer));
    every_quorum_agrees::<X25519>(|key, peer| {
        // The integer of X25519: 0 mod 8, and the key mod the order.
        let eighth = key.coefficients[0] * curve25519_dalek::Scalar::from(8_u8).invert();
        (peer.to_montgomery() * eighth * curve25519_dalek::Scalar::from(8_u8)).to_bytes().to_vec()
    });
}

/// A key that was whole before: shares of its clamped integer mod the order give what X25519 gives, for points outside
/// the subgroup too.
#[test]
fn every_quorum_gives_what_x25519_gives_for_every_point_of_the_curve() {
    let whole = [0xa7; 32];
    let scalar = curve25519_dalek::Scalar::from_bytes_mod_order(clamp_integer(whole));
    let random = curve25519_dalek::Scalar::random(&mut rand_core::OsRng);
    let key = SharedKey::<X25519>::of(alloc::vec![scalar, random], 3);
    for torsion in EIGHT_TORSION {
        let peer: MontgomeryPoint = (random_point::<X25519>() + torsion).to_montgomery();
        for quorum in [[1, 2], [1, 3], [2, 3]] {
            let mut request = key.request(&quorum, &random_point::<X25519>());
            request.peer = peer.0.to_vec();
            let secret = key.combine(&key.answers(&request), &request);
            assert_eq!(secret, Ok(peer.mul_clamped(whole).0.to_vec()));
        }
    }
}

/// What an answer is worth that is wrong in one way: its party is named, and both are if both are wrong.
fn wrong_answers_are_named<C: Tested>() {
    let key = SharedKey::<C>::new(2, 3);
    let peer = random_point::<C>();
    let request = key.request(&[1, 3], &peer);
    let honest = key.answers(&request);
    let named = |rule, parties: &[u8]| {
        Err(CombineError::Faults(
            parties.iter().map(|at| Fault { culprit: Some(party(*at)), rule }).collect(),
        ))
    };
    let swapped = |bytes: Vec<u8>| alloc::vec![honest[0].clone(), (party(3), bytes)];

    // Another element with the proof of the right one: without the check a wrong secret comes out.
    let (_, proof) = honest[1].1.split_at(C::POINT_BYTES);
    let lie = swapped([&random_point::<C>().encode(), proof].concat());
    assert_eq!(key.combine(&lie, &request), named(Rule::EcdhProof, &[3]));
    let unchecked =
        combine_with(&lie, &key.commitments, key.threshold, &request, Checks::all_but(Rule::EcdhProof));
    assert_ne!(*unchecked.unwrap().expose(), whole(&key, &peer), "a wrong secret looks like any other");

    // Consistent in itself, under another share.
    let other = SharedKey::<C>::new(2, 3).answers(&request).remove(1);
    assert_eq!(key.combine(&swapped(other.1.clone()), &request), named(Rule::EcdhProof, &[3]));
    let both = alloc::vec![(party(1), other.1.clone()), (party(3), other.1)];
    assert_eq!(key.combine(&both, &request), named(Rule::EcdhProof, &[1, 3]));
    // The other node's answer in its own name.
    assert_eq!(key.combine(&swapped(honest[0].1.clone()), &request), named(Rule::EcdhProof, &[3]));

    // Malformed: too short, too long, the identity, scalars not below the order.
    let good = &honest[1].1;
    let mut malformed = alloc::vec![good[1..].to_vec(), [&good[..], &[0]].concat(), Vec::new()];
    malformed.push([&alloc::vec![0; C::POINT_BYTES], proof].concat());
    for scalar in [C::POINT_BYTES, C::POINT_BYTES + C::SCALAR_BYTES] {
        let mut bytes = good.clone();
        bytes[scalar..][..C::SCALAR_BYTES].fill(0xff);
        malformed.push(bytes);
    }
    for bytes in malformed {
        assert_eq!(key.combine(&swapped(bytes), &request), named(Rule::Malformed, &[3]));
    }
}

#[test]
fn cheater_with_wrong_answer_is_named_and_passes_without_the_check() {
    wrong_answers_are_named::<P256>();
    wrong_answers_are_named::<P384>();
    wrong_answers_are_named::<Secp256k1>();
    wrong_answers_are_named::<X25519>();
}

/// An element outside the subgroup is no answer, whatever is proven of it.
#[test]
fn an_answer_outside_the_subgroup_is_named() {
    let key = SharedKey::<X25519>::new(2, 3);
    let request = key.request(&[1, 3], &random_point::<X25519>());
    let honest = key.answers(&request);
    let (element, proof) = honest[1].1.split_at(X25519::POINT_BYTES);
    let element = <EdwardsPoint as Point>::decode(element).unwrap();
    for torsion in EIGHT_TORSION.iter().skip(1) {
        let lie = [&Point::encode(&(element + torsion)), proof].concat();
        let fault = Fault { culprit: Some(party(3)), rule: Rule::Malformed };
        let answers = [honest[0].clone(), (party(3), lie)];
        assert_eq!(key.combine(&answers, &request), Err(CombineError::Faults(alloc::vec![fault])));
    }
}

/// An answer to any other request is no answer to this one.
#[test]
fn a_proof_is_bound_to_everything_in_the_request() {
    let key = SharedKey::<P256>::new(2, 3);
    let peer = random_point::<P256>();
    let request = key.request(&[1, 3], &peer);
    let honest = key.answers(&request);
    assert!(key.combine(&honest, &request).is_ok());
    type Change = fn(&mut Request);
    let changes: [(&str, Change); 8] = [
        ("cluster", |request| request.cluster_id[0] ^= 1),
        ("key", |request| request.key_id[0] ^= 1),
        ("epoch", |request| request.epoch += 1),
        ("client", |request| request.client[0] ^= 1),
        ("mechanism", |request| request.mechanism += 1),
        ("session", |request| request.request_nonce[0] ^= 1),
        ("quorum", |request| request.quorum = set(&[2, 3])),
        ("peer", |request| request.peer = <P256 as Curve>::Point::generator().encode()),
    ];
    for (what, change) in changes {
        let mut other = request.clone();
        change(&mut other);
        let replayed = answer(party(3), &key.share(3), &other, &mut rand_core::OsRng).unwrap();
        let answers = [honest[0].clone(), (party(3), replayed)];
        let expected = Fault { culprit: Some(party(3)), rule: Rule::EcdhProof };
        assert_eq!(
            key.combine(&answers, &request),
            Err(CombineError::Faults(alloc::vec![expected])),
            "{what}"
        );
    }
    // The curve and the public half: the context covers them, whatever the answers are.
    let mut other = request.clone();
    other.curve = AgreementCurve::Secp256k1;
    assert_ne!(other.context(), request.context());
    let mut other = request.clone();
    other.public_key[1] ^= 1;
    assert_ne!(other.context(), request.context());
}

/// Commitments of another key beside this public key, with answers that prove true of them.
#[test]
fn verification_shares_of_another_key_release_nothing_and_would_without_the_check() {
    let (key, other) = (SharedKey::<P256>::new(2, 3), SharedKey::<P256>::new(2, 3));
    let peer = random_point::<P256>();
    let request = key.request(&[1, 2], &peer);
    let answers = other.answers(&request);
    let expected = CombineError::Faults(alloc::vec![Fault { culprit: None, rule: Rule::EcdhKey }]);
    let result = combine(&answers, &other.commitments, other.threshold, &request);
    assert_eq!(result.map(|_| ()), Err(expected));
    let left_out = Checks::all_but(Rule::EcdhKey);
    let unchecked = combine_with(&answers, &other.commitments, other.threshold, &request, left_out);
    assert_eq!(*unchecked.unwrap().expose(), whole(&other, &peer), "the secret of another key");
}

#[test]
fn exactly_the_quorum_of_t_parties_is_wanted() {
    let key = SharedKey::<P256>::new(2, 3);
    let request = key.request(&[1, 2], &random_point::<P256>());
    let answers = key.answers(&request);
    let misuse = Err(CombineError::Misuse(Misuse::SignerSet));
    assert_eq!(key.combine(&answers[..1], &request), misuse);
    assert_eq!(key.combine(&[], &request), misuse);
    assert_eq!(key.combine(&[answers[0].clone(), answers[0].clone()], &request), misuse);
    assert_eq!(key.combine(&[answers[0].clone(), (party(3), answers[1].1.clone())], &request), misuse);
    // More than T: the weights would be right, but it is not the key's quorum.
    let more = key.request(&[1, 2, 3], &random_point::<P256>());
    assert_eq!(key.combine(&key.answers(&more), &more), misuse);
}

/// A node tells nothing of its share for a point that is none.
fn hostile_points_are_refused<C: Tested>(twist: &str) {
    let key = SharedKey::<C>::new(2, 3);
    let mut request = key.request(&[1, 2], &random_point::<C>());
    let good = request.peer.clone();
    let off_curve = hex::decode(twist).unwrap();
    assert_eq!(off_curve.len(), C::POINT_BYTES);
    let uncompressed = [&[4], &good[1..], &good[1..]].concat();
    let mut form = good.clone();
    form[0] = 5;
    let above = [&[2], &alloc::vec![0xff; C::SCALAR_BYTES][..]].concat();
    let hostile =
        [Vec::new(), alloc::vec![0; C::POINT_BYTES], alloc::vec![0], off_curve, uncompressed, form, above];
    for peer in hostile {
        request.peer = peer.clone();
        let result = answer(party(1), &key.share(1), &request, &mut rand_core::OsRng);
        assert_eq!(result, Err(Misuse::PeerPoint), "{}", hex::encode(&peer));
        let answers = [(party(1), good.clone()), (party(2), good.clone())];
        assert_eq!(key.combine(&answers, &request), Err(CombineError::Misuse(Misuse::PeerPoint)));
    }
}

#[test]
fn identity_twist_and_odd_encodings_of_the_peer_are_refused_by_every_node() {
    // x for which x^3 + ax + b is no square: the smallest of each curve.
    let on_twist = |bytes: usize, x: u8| alloc::format!("02{:0>width$x}", x, width = 2 * bytes);
    hostile_points_are_refused::<P256>(&on_twist(32, smallest_twist_x::<P256>()));
    hostile_points_are_refused::<P384>(&on_twist(48, smallest_twist_x::<P384>()));
    hostile_points_are_refused::<Secp256k1>(&on_twist(32, smallest_twist_x::<Secp256k1>()));
}

/// u = 2 and u = -1 are of the twist.
#[test]
fn small_orders_the_twist_and_odd_lengths_are_refused_by_every_node() {
    let key = SharedKey::<X25519>::new(2, 3);
    let mut request = key.request(&[1, 2], &random_point::<X25519>());
    let honest = key.answers(&request);
    let mut two = alloc::vec![0; 32];
    two[0] = 2;
    let mut minus_one = alloc::vec![0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let good = request.peer.clone();
    let mut hostile = alloc::vec![two, minus_one, Vec::new(), good[1..].to_vec(), [&good[..], &[0]].concat()];
    hostile.extend(EIGHT_TORSION.iter().map(|torsion| torsion.to_montgomery().0.to_vec()));
    for peer in hostile {
        request.peer = peer.clone();
        let result = answer(party(1), &key.share(1), &request, &mut rand_core::OsRng);
        assert_eq!(result, Err(Misuse::PeerPoint), "{}", hex::encode(&peer));
        assert_eq!(key.combine(&honest, &request), Err(CombineError::Misuse(Misuse::PeerPoint)));
    }
}

fn smallest_twist_x<C: Curve>() -> u8 {
    let encoded = |x: u8| {
        let mut bytes = alloc::vec![0; C::POINT_BYTES];
        bytes[0] = 2;
        bytes[C::POINT_BYTES - 1] = x;
        bytes
    };
    (1..=u8::MAX).find(|x| C::Point::decode(&encoded(*x)).is_none()).unwrap()
}

#[test]
fn outsiders_and_shares_out_of_range_do_not_answer() {
    let key = SharedKey::<P256>::new(2, 3);
    let request = key.request(&[1, 2], &random_point::<P256>());
    let mut rng = rand_core::OsRng;
    assert_eq!(answer(party(3), &key.share(3), &request, &mut rng), Err(Misuse::NotASigner));
    for bad in [alloc::vec![0; 32], alloc::vec![0xff; 32], alloc::vec![1; 31]] {
        let result = answer(party(1), &Secret::new(bad), &request, &mut rng);
        assert_eq!(result, Err(Misuse::StoredKey));
    }
}

#[test]
fn curves_are_found_by_the_names_of_their_groups() {
    for curve in AgreementCurve::ALL {
        assert_eq!(AgreementCurve::of_name(curve.name()), Some(curve));
    }
    assert_eq!(AgreementCurve::of_name(DkgCurve::Ristretto255.name()), None);
}
