//! The answers of two signers to a client, of whom the second lies.

use std::marker::PhantomData;

use threshold::ecdsa::{PartialSignature, answer};
use threshold::fault::{Checks, Error};
use threshold::sim::{self, fields::Field};

use crate::common::{Suite, digest_of, party, signers};
use crate::presign::presigned;
use crate::{Ended, Protocol, Tamper, Variant, Wire, malformed};

pub struct Online<C>(pub PhantomData<C>);

impl<C: Suite> Protocol for Online<C> {
    const NAME: &'static str = "Answer to the client";
    const ROUNDS: &'static [&'static str] = &["answer"];
    const LIAR: u8 = 2;
    const VICTIM: u8 = 0;
    const VARIANTS: &'static [Variant] =
        &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Key, Variant::Receiver];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        sim::fields::of_answer::<C>(message)
    }

    fn generator() -> Vec<u8> {
        sim::fields::generator::<C>()
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut ended = Ended::default();
        let (cluster, done) = presigned::<C>(2, variant, &mut ended, &mut |wire| vec![wire.message.to_vec()]);
        let mut request = cluster.request(&signers(2), &digest_of(1, 32), [1; 32]);
        match variant {
            Variant::Epoch => request.epoch += 1,
            Variant::Key => request.key_id = [9; 16],
            Variant::Receiver => request.client = [9; 32],
            Variant::Usual | Variant::Session => {}
        }
        let mut answers = vec![];
        for (from, presignature) in done {
            let pairs = &cluster.parties[&from].pairs;
            let message =
                answer(presignature, pairs, &request).map_err(|error: Error| error).unwrap().encode();
            for arrived in tamper(Wire { from: from.get(), to: 0, round: 1, message: &message }) {
                match PartialSignature::<C>::decode(&arrived) {
                    Ok(decoded) => answers.push((from, decoded)),
                    Err(_) => {
                        ended.faults.insert(0, malformed(from.get()));
                    }
                }
            }
        }
        if ended.faults.is_empty() {
            match sim::combine(&answers, &request, Checks::all()) {
                Ok(_) => {
                    ended.finished.insert(0);
                }
                Err(fault) => {
                    ended.faults.insert(0, fault);
                }
            }
        }
        assert!(answers.iter().all(|(from, _)| *from == party(1) || *from == party(2)));
        ended
    }
}
