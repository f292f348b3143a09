#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use elliptic_curve::Field as _;
use elliptic_curve::ff::PrimeField as _;
use p256::Scalar;

use super::*;
use crate::fault::{Fault, Rule};
use crate::group::{P256, Point as _};
use crate::sharing::evaluate;

type Element = <P256 as crate::group::Curve>::Point;

fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

/// A key shared among nodes, whole at one place for the test.
struct Shared {
    threshold: Threshold,
    coefficients: Vec<Scalar>,
    commitments: Vec<Vec<u8>>,
}

impl Shared {
    fn of(coefficients: Vec<Scalar>, parties: u8) -> Self {
        let commitments = coefficients.iter().map(|c| Element::mul_base(c).encode()).collect();
        let threshold = Threshold::new(coefficients.len() as u8, parties).unwrap();
        Self { threshold, coefficients, commitments }
    }

    fn request(&self, quorum: &[u8], input: [u8; 32]) -> Request {
        Request {
            cluster_id: [1; 32],
            key_id: [2; 16],
            epoch: 3,
            public_key: self.commitments[0].clone(),
            quorum: SignerSet::new(quorum.iter().copied().map(party)).unwrap(),
            client: [4; 32],
            input,
            request_nonce: [5; 32],
        }
    }

    fn answers(&self, request: &Request) -> Vec<(PartyIndex, Vec<u8>)> {
        let share = |at| Secret::new(evaluate(&self.coefficients, at).to_repr().to_vec());
        let answer = |at| answer(at, &share(at), request, &mut rand_core::OsRng).unwrap();
        request.quorum.iter().map(|at| (at, answer(at))).collect()
    }

    fn combine(
        &self,
        answers: &[(PartyIndex, Vec<u8>)],
        request: &Request,
    ) -> Result<[u8; 32], CombineError> {
        combine(answers, &self.commitments, self.threshold, request).map(|value| *value.expose())
    }

    fn value(&self, quorum: &[u8], input: [u8; 32]) -> [u8; 32] {
        let request = self.request(quorum, input);
        self.combine(&self.answers(&request), &request).unwrap()
    }
}

fn two_of_three() -> Shared {
    Shared::of(alloc::vec![Scalar::from(77_u64), Scalar::random(&mut rand_core::OsRng)], 3)
}

/// Appendix J.1.1 of RFC 9380: x-coordinates, and the parity of y.
#[test]
fn rfc9380_p256_xmd_sha256_sswu_ro() {
    let tag = b"QUUX-V01-CS02-with-P256_XMD:SHA-256_SSWU_RO_";
    for (message, expected) in [
        ("", "032c15230b26dbc6fc9a37051158c95b79656e17a1a920b11394ca91c44247d3e4"),
        ("abc", "020bb8b87485551aa43ed54f009230450b492fead5f1cc91658775dac4a3388a0f"),
    ] {
        assert_eq!(hex::encode(P256::hash_to_curve(tag, message.as_bytes()).encode()), expected);
    }
}

/// HashToCurve by p256 alone.
fn portable(input: &[u8], tag: &[u8]) -> p256::ProjectivePoint {
    use p256::elliptic_curve::hash2curve::{ExpandMsgXmd, GroupDigest as _};
    p256::NistP256::hash_from_bytes::<ExpandMsgXmd<sha2::Sha256>>(&[input], &[tag]).unwrap()
}

#[test]
fn the_portable_crate_has_the_same_points() {
    use p256::elliptic_curve::sec1::ToEncodedPoint as _;
    for number in 0..64_u8 {
        let input = alloc::vec![number; usize::from(number)];
        let expected = portable(&input, POINT_TAG).to_affine().to_encoded_point(true);
        assert_eq!(P256::hash_to_curve(POINT_TAG, &input).encode(), expected.as_bytes());
    }
}

/// Made by this code, so that no later change of it makes old ciphertexts unreadable. The point is computed by
/// p256 alone.
#[test]
fn values_of_version_1_stay_as_they_are() {
    use p256::elliptic_curve::sec1::ToEncodedPoint as _;
    let key = two_of_three();
    let hashed = portable(&[7; 32], POINT_TAG);
    let common = (hashed * Scalar::from(77_u64)).to_affine().to_encoded_point(false);
    let mut whole = [0; 32];
    transcript::expand(DPRF_VALUE, &[&[7; 32], common.x().unwrap()], &mut whole);
    assert_eq!(key.value(&[1, 2], [7; 32]), whole);
    assert_eq!(hex::encode(whole), VALUE_1);
}

const VALUE_1: &str = "90cb4c317def17c23a6c76af84cfa94f8bfa8b679862819045e226326d339607";

#[test]
fn every_quorum_gives_the_same_value_and_other_inputs_and_keys_give_others() {
    let random = || Scalar::random(&mut rand_core::OsRng);
    let key = Shared::of(alloc::vec![random(), random(), random()], 5);
    let value = key.value(&[1, 2, 3], [7; 32]);
    for quorum in [[1, 3, 5], [3, 4, 5], [1, 2, 5]] {
        assert_eq!(key.value(&quorum, [7; 32]), value);
    }
    assert_ne!(key.value(&[1, 2, 3], [8; 32]), value);
    assert_ne!(Shared::of(alloc::vec![random(), random(), random()], 5).value(&[1, 2, 3], [7; 32]), value);
    // New shares of the same key: a refresh.
    let refreshed = Shared::of(alloc::vec![key.coefficients[0], random(), random()], 5);
    let mut request = refreshed.request(&[2, 3, 4], [7; 32]);
    request.epoch = 4;
    assert_eq!(refreshed.combine(&refreshed.answers(&request), &request), Ok(value));
}

#[test]
fn a_lie_in_every_field_of_an_answer_names_its_party() {
    let key = two_of_three();
    let request = key.request(&[1, 3], [7; 32]);
    let honest = key.answers(&request);
    let good = &honest[1].1;
    let named = |rule| Err(CombineError::Faults(alloc::vec![Fault { culprit: Some(party(3)), rule }]));
    let lie = |bytes: Vec<u8>| alloc::vec![honest[0].clone(), (party(3), bytes)];

    // The element, its proof being that of the right one; each of the two scalars; each with another value.
    let other = key.answers(&key.request(&[1, 3], [8; 32])).remove(1).1;
    for (from, to) in [(0, 33), (33, 65), (65, 97), (0, 97)] {
        let mut bytes = good.clone();
        bytes[from..to].copy_from_slice(&other[from..to]);
        assert_eq!(key.combine(&lie(bytes), &request), named(Rule::EcdhProof), "bytes {from} to {to}");
    }
    for bytes in [good[1..].to_vec(), [&good[..], &[0]].concat(), Vec::new(), alloc::vec![0xff; 97]] {
        assert_eq!(key.combine(&lie(bytes), &request), named(Rule::Malformed));
    }
    // Without the check a value comes out that nobody will ever find again.
    let mut bytes = good.clone();
    bytes[..33].copy_from_slice(&other[..33]);
    let unchecked = combine_with(
        &lie(bytes),
        &key.commitments,
        key.threshold,
        &request,
        Checks::all_but(Rule::EcdhProof),
    );
    assert_ne!(*unchecked.unwrap().expose(), key.value(&[1, 3], [7; 32]));
}

#[test]
fn an_answer_is_good_for_one_request_of_one_client_only() {
    let key = two_of_three();
    let request = key.request(&[1, 3], [7; 32]);
    let honest = key.answers(&request);
    let lies: [fn(&mut Request); 7] = [
        |lie| lie.cluster_id = [9; 32],
        |lie| lie.key_id = [9; 16],
        |lie| lie.epoch = 9,
        |lie| lie.client = [9; 32],
        |lie| lie.input = [9; 32],
        |lie| lie.request_nonce = [9; 32],
        |lie| lie.quorum = SignerSet::new([party(1), party(2)]).unwrap(),
    ];
    for alter in lies {
        let mut other = request.clone();
        alter(&mut other);
        assert!(key.combine(&honest, &other).is_err());
    }
    // Nor is the answer of a key agreement with the same point, should anybody ever give the two one key.
    let (mut agreement, _) = request.agreement();
    agreement.mechanism = 0x1050;
    let share = |at| Secret::new(evaluate(&key.coefficients, at).to_repr().to_vec());
    let answer = |at| ecdh::answer(at, &share(at), &agreement, &mut rand_core::OsRng).unwrap();
    let agreed: Vec<_> = agreement.quorum.iter().map(|at| (at, answer(at))).collect();
    assert!(matches!(key.combine(&agreed, &request), Err(CombineError::Faults(_))));
}

#[test]
fn outsiders_do_not_answer_and_exactly_the_quorum_is_wanted() {
    let key = two_of_three();
    let request = key.request(&[1, 3], [7; 32]);
    let share = Secret::new(Scalar::from(5_u64).to_repr().to_vec());
    assert_eq!(answer(party(2), &share, &request, &mut rand_core::OsRng), Err(Misuse::NotASigner));
    let honest = key.answers(&request);
    for answers in [&honest[..1], &[honest[0].clone(), honest[0].clone()]] {
        assert!(matches!(key.combine(answers, &request), Err(CombineError::Misuse(_))));
    }
}
