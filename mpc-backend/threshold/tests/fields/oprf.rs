//! The login OPRF: a lying client asks node 1, and a lying node 2 answers a client.

use curve25519_dalek::{RistrettoPoint, Scalar};
use threshold::fault::Fault;
use threshold::group::Point as _;
use threshold::oprf::{
    CombineError, ELEMENT_BYTES, Evaluation, EvaluationKey, KeyCommitments, PROOF_BYTES, blind,
};
use threshold::party::Threshold;
use threshold::secret::Secret;
use threshold::sharing::evaluate;
use threshold::sim::{
    self,
    fields::{Field, Kind},
};

use crate::common::{party, rng};
use crate::{Ended, Protocol, Tamper, Variant, Wire, malformed};

const CONTEXT: [u8; 32] = [0x21; 32];

/// A key shared 2-of-3: shares of parties 1 and 2, and the commitments.
fn key(variant: Variant) -> ([EvaluationKey; 2], KeyCommitments) {
    let secret = if variant == Variant::Key { 78_u64 } else { 77 };
    let coefficients = [Scalar::from(secret), Scalar::from(1000_u64)];
    let committed = coefficients.map(|c| RistrettoPoint::mul_base(&c).encode());
    let shares = [1, 2].map(|index| {
        let share = Secret::new(evaluate(&coefficients, party(index)).to_bytes());
        EvaluationKey::new(party(index), &share).unwrap()
    });
    (shares, KeyCommitments::decode(&committed, Threshold::new(2, 3).unwrap()).unwrap())
}

pub struct Request;

impl Protocol for Request {
    const NAME: &'static str = "Login: the client's element";
    const ROUNDS: &'static [&'static str] = &["element"];
    // The client, in whose place no party stands.
    const LIAR: u8 = 2;
    const VICTIM: u8 = 1;
    const VARIANTS: &'static [Variant] = &[Variant::Usual, Variant::Session];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        Some(vec![Field { name: "B", kind: Kind::Point, bytes: message.to_vec() }])
    }

    fn passes(lie: &str) -> Option<&'static str> {
        // Some single bits lead to another element, too.
        ["flip", "other", "session", "twice"].contains(&lie).then_some("an element is what the client says")
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut random = rng(variant as u64);
        let ([node, _], _) = key(variant);
        let (_, message) = blind(b"1234", &mut random).unwrap();
        let mut ended = Ended::default();
        for arrived in tamper(Wire { from: Self::LIAR, to: 1, round: 1, message: &message }) {
            match node.evaluate(&arrived, &CONTEXT, &mut random) {
                Ok(_) => ended.finished.insert(1),
                Err(_) => ended.faults.insert(1, malformed(Self::LIAR)).is_none(),
            };
        }
        ended
    }
}

pub struct Answer;

impl Protocol for Answer {
    const NAME: &'static str = "Login: a node's evaluation";
    const ROUNDS: &'static [&'static str] = &["evaluation"];
    const LIAR: u8 = 2;
    const VICTIM: u8 = 0;
    const VARIANTS: &'static [Variant] = &[Variant::Usual, Variant::Session, Variant::Key, Variant::Receiver];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        decode(message).map(|evaluation| sim::fields::of_evaluation(&evaluation))
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut random = rng(variant as u64);
        let (nodes, commitments) = key(variant);
        let context = if variant == Variant::Receiver { [0; 32] } else { CONTEXT };
        let (blinded, element) = blind(b"1234", &mut random).unwrap();
        let (mut answers, mut ended) = (vec![], Ended::default());
        for (from, node) in (1..).zip(&nodes) {
            let Evaluation { element, proof } = node.evaluate(&element, &context, &mut random).unwrap();
            let message = [&element[..], &proof].concat();
            for arrived in tamper(Wire { from, to: 0, round: 1, message: &message }) {
                match decode(&arrived) {
                    Some(evaluation) => answers.push((party(from), evaluation)),
                    None => {
                        ended.faults.insert(0, malformed(from));
                    }
                }
            }
        }
        if ended.faults.is_empty() {
            match blinded.combine(&answers, &commitments, &context) {
                Ok(_) => {
                    ended.finished.insert(0);
                }
                Err(CombineError::Fault(fault)) => {
                    ended.faults.insert(0, fault);
                }
                // Not one answer of each: the caller asked for exactly two.
                Err(CombineError::Misuse(_)) => {
                    ended.faults.insert(0, Fault::of_nobody(threshold::fault::Rule::AnswersDiffer));
                }
            }
        }
        ended
    }
}

/// As `client/v1` carries it: element and proof of their exact lengths.
fn decode(message: &[u8]) -> Option<Evaluation> {
    let (element, proof) = message.split_at_checked(ELEMENT_BYTES)?;
    let proof: [u8; PROOF_BYTES] = proof.try_into().ok()?;
    Some(Evaluation { element: element.try_into().ok()?, proof })
}
