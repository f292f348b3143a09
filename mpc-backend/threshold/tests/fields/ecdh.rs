//! Key agreement: the answers of two nodes to a client, of whom the second lies.

use elliptic_curve::ff::PrimeField as _;
use threshold::ecdh::{AgreementCurve, CombineError, Request, answer, combine};
use threshold::fault::{Fault, Rule};
use threshold::group::{Curve, P256, Point as _};
use threshold::party::{SignerSet, Threshold};
use threshold::secret::Secret;
use threshold::sharing::evaluate;
use threshold::sim::{self, fields::Field};

use crate::common::{party, rng};
use crate::{Ended, Protocol, Tamper, Variant, Wire};

type Scalar = <P256 as Curve>::Scalar;
type Point = <P256 as Curve>::Point;

pub struct Agreement;

impl Protocol for Agreement {
    const NAME: &'static str = "Key agreement: a node's answer";
    const ROUNDS: &'static [&'static str] = &["answer"];
    const LIAR: u8 = 2;
    const VICTIM: u8 = 0;
    const VARIANTS: &'static [Variant] =
        &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Key, Variant::Receiver];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        sim::fields::of_agreement::<P256>(message)
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut random = rng(variant as u64);
        let secret = if variant == Variant::Key { 78_u64 } else { 77 };
        let coefficients = [Scalar::from(secret), Scalar::from(1000_u64)];
        let commitments: Vec<Vec<u8>> = coefficients.iter().map(|c| Point::mul_base(c).encode()).collect();
        let mut request = Request {
            cluster_id: [1; 32],
            key_id: [2; 16],
            epoch: 1,
            curve: AgreementCurve::P256,
            public_key: commitments[0].clone(),
            quorum: SignerSet::new([party(1), party(2)]).unwrap(),
            client: [3; 32],
            mechanism: 0x1050,
            peer: Point::mul_base(&Scalar::from(99_u64)).encode(),
            request_nonce: [4; 32],
        };
        match variant {
            Variant::Session => request.request_nonce = [9; 32],
            Variant::Epoch => request.epoch = 2,
            Variant::Receiver => request.client = [9; 32],
            Variant::Usual | Variant::Key => {}
        }
        let (mut answers, mut ended) = (vec![], Ended::default());
        for from in [1, 2] {
            let share = evaluate(&coefficients, party(from)).to_repr().to_vec();
            let message = answer(party(from), &Secret::new(share), &request, &mut random).unwrap();
            let arrived = tamper(Wire { from, to: 0, round: 1, message: &message });
            answers.extend(arrived.into_iter().map(|message| (party(from), message)));
        }
        match combine(&answers, &commitments, Threshold::new(2, 3).unwrap(), &request) {
            Ok(_) => ended.finished.insert(0),
            Err(CombineError::Faults(faults)) => ended.faults.insert(0, faults[0]).is_none(),
            // Not one answer of each: the caller asked for exactly two.
            Err(CombineError::Misuse(_)) => {
                ended.faults.insert(0, Fault::of_nobody(Rule::AnswersDiffer)).is_none()
            }
        };
        ended
    }
}
