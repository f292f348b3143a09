//! Key generation on one curve, 2-of-3.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use threshold::dkg::{DkgContext, DkgCurve, DkgSession, Progress};
use threshold::group::Curve;
use threshold::party::Threshold;
use threshold::round::Outbox;
use threshold::signing::SigningCurve;
use threshold::sim::{self, fields::Field};

use crate::common::{party, rng};
use crate::{Ended, Protocol, Tamper, Variant, Wire};

pub struct Keygen<C>(pub PhantomData<C>);

fn threshold() -> Threshold {
    Threshold::new(2, 3).unwrap()
}

fn curve<C: Curve>() -> DkgCurve {
    SigningCurve::of_name(C::NAME).unwrap().group()
}

impl<C: Curve> Protocol for Keygen<C> {
    const NAME: &'static str = "Key generation";
    const ROUNDS: &'static [&'static str] = &["commit", "open", "share", "confirm"];
    const LIAR: u8 = 3;
    const VICTIM: u8 = 1;
    const VARIANTS: &'static [Variant] = &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Key];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        sim::of_keygen(message, threshold(), curve::<C>())
    }

    fn generator() -> Vec<u8> {
        sim::fields::generator::<C>()
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut random = rng(variant as u64);
        let (mut sessions, mut wire, mut ended) = (BTreeMap::new(), VecDeque::new(), Ended::default());
        let send = |wire: &mut VecDeque<(u8, u8, Vec<u8>)>, from: u8, outbox: Outbox| {
            wire.extend(outbox.into_iter().map(|(to, message)| (from, to.get(), message)));
        };
        for me in 1..=3 {
            let context = DkgContext {
                cluster_id: [1; 32],
                session_id: [if variant == Variant::Session { 9 } else { 2 }; 32],
                key_id: [if variant == Variant::Key { 9 } else { 3 }; 16],
                epoch: if variant == Variant::Epoch { 9 } else { 4 },
                threshold: threshold(),
                curve: curve::<C>(),
                purpose: [5; 32],
                me: party(me),
            };
            let (session, outbox) = DkgSession::start(&context, &mut random).unwrap();
            sessions.insert(me, session);
            send(&mut wire, me, outbox);
        }
        while let Some((from, to, message)) = wire.pop_front() {
            for arrived in tamper(Wire { from, to, round: message[0], message: &message }) {
                let session = sessions.get_mut(&to).unwrap();
                match session.receive(party(from), &arrived) {
                    Ok(Progress::Continue(outbox)) => {
                        let over = ended.faults.contains_key(&to) || ended.finished.contains(&to);
                        assert!(!over || outbox.is_empty(), "a session that ended still speaks");
                        send(&mut wire, to, outbox);
                    }
                    Ok(Progress::Done(_, outbox)) => {
                        ended.finished.insert(to);
                        send(&mut wire, to, outbox);
                    }
                    Err(fault) => {
                        assert!(session.missing().is_empty(), "a session that failed still waits");
                        ended.faults.insert(to, fault);
                    }
                }
            }
        }
        ended
    }
}
