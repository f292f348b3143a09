//! FROST: the one message of making nonces, of three signers, and the answers of two.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use threshold::fault::{Checks, Error};
use threshold::frost::{NonceSession, Nonces, OnlineRequest, PartialSignature, Schnorr, answer};
use threshold::group::{P256, Point as _};
use threshold::party::{PartyIndex, Threshold};
use threshold::round::Step;
use threshold::sim::fields::{Field, of_frost_answer, of_nonces};
use threshold::sim::frost::{Dealt, combine_with};
use threshold::sim::{Cluster, duplicate_pairs};

use crate::common::{cluster, party, rng, signers};
use crate::{Ended, Protocol, Tamper, Variant, Wire, malformed};

/// The making of nonces.
pub struct MakeNonces<S>(pub PhantomData<S>);

/// Answers with them.
pub struct FrostAnswer<S>(pub PhantomData<S>);

struct Made<S: Schnorr> {
    pairs: Cluster<P256>,
    key: Dealt<S>,
    nonces: BTreeMap<PartyIndex, Nonces<S>>,
}

/// Makes nonces among `count`, always with the same key and pairs.
fn made<S: Schnorr>(count: u8, variant: Variant, ended: &mut Ended, tamper: &mut Tamper<'_>) -> Made<S> {
    let pairs = cluster::<P256>(count, count);
    let key = Dealt::<S>::new(Threshold::new(count, count).unwrap(), &mut rng(4));
    let (mut sessions, mut wire, mut nonces) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    let mut random = rng(variant as u64);
    for me in 1..=count {
        let number = if variant == Variant::Session { 2 } else { 1 };
        let mut context = key.context(&signers(count), party(me), number);
        match variant {
            Variant::Epoch => context.epoch += 1,
            Variant::Key => context.key_id = [9; 16],
            Variant::Receiver => context.client = [9; 32],
            Variant::Usual | Variant::Session => {}
        }
        let own = duplicate_pairs(&pairs.parties[&party(me)].pairs);
        let share = &key.shares[&party(me)];
        let (session, outbox) =
            NonceSession::start(context, key.public_key.clone(), share, &own, &mut random).unwrap();
        sessions.insert(me, session);
        wire.extend(outbox.into_iter().map(|(to, message)| (me, to.get(), message)));
    }
    for (from, to, message) in wire {
        for arrived in tamper(Wire { from, to, round: message[0], message: &message }) {
            let Some(session) = sessions.remove(&to) else { continue };
            match session.receive(party(from), &arrived) {
                Ok(Step::Next(session, _)) => drop(sessions.insert(to, session)),
                Ok(Step::Done(own, _)) => drop(nonces.insert(party(to), own)),
                Err(fault) => drop(ended.faults.insert(to, fault)),
            }
        }
    }
    Made { pairs, key, nonces }
}

/// Counts what the client finds as party `who`'s.
fn combined<S: Schnorr>(
    made: &Made<S>,
    answers: &[(PartyIndex, PartialSignature<S>)],
    request: &OnlineRequest<S>,
    who: std::ops::RangeInclusive<u8>,
    ended: &mut Ended,
) {
    match combine_with(answers, request, &made.key.commitments, Checks::all()) {
        Ok(_) => ended.finished.extend(who),
        Err(fault) => drop(ended.faults.insert(*who.start(), fault)),
    }
}

impl<S: Schnorr> Protocol for MakeNonces<S> {
    const NAME: &'static str = "FROST: nonces";
    const ROUNDS: &'static [&'static str] = &["commitment"];
    const LIAR: u8 = 3;
    const VICTIM: u8 = 1;
    const VARIANTS: &'static [Variant] = &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Key];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        of_nonces::<S>(message)
    }

    fn generator() -> Vec<u8> {
        S::Point::generator().encode()
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut ended = Ended::default();
        let mut made = made::<S>(3, variant, &mut ended, tamper);
        if variant != Variant::Usual || made.nonces.len() < 3 {
            return ended;
        }
        let request = made.key.request(&signers(3), &[], b"message");
        let nonces = std::mem::take(&mut made.nonces);
        let own = |party| &made.pairs.parties[&party].pairs;
        let answers: Vec<_> = nonces
            .into_iter()
            .map(|(party, one)| (party, answer(one, own(party), &request).unwrap()))
            .collect();
        combined(&made, &answers, &request, 1..=3, &mut ended);
        ended
    }
}

impl<S: Schnorr> Protocol for FrostAnswer<S> {
    const NAME: &'static str = "FROST: answer to the client";
    const ROUNDS: &'static [&'static str] = &["answer"];
    const LIAR: u8 = 2;
    const VICTIM: u8 = 0;
    const VARIANTS: &'static [Variant] =
        &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Key, Variant::Receiver];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        of_frost_answer::<S>(message)
    }

    fn generator() -> Vec<u8> {
        S::Point::generator().encode()
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut ended = Ended::default();
        let mut made = made::<S>(2, variant, &mut ended, &mut |wire| vec![wire.message.to_vec()]);
        let mut request = made.key.request(&signers(2), &[], b"message");
        match variant {
            Variant::Epoch => request.epoch += 1,
            Variant::Key => request.key_id = [9; 16],
            Variant::Receiver => request.client = [9; 32],
            Variant::Usual | Variant::Session => {}
        }
        let mut answers = vec![];
        for (from, nonces) in std::mem::take(&mut made.nonces) {
            let pairs = &made.pairs.parties[&from].pairs;
            let message = answer(nonces, pairs, &request).map_err(|error: Error| error).unwrap().encode();
            for arrived in tamper(Wire { from: from.get(), to: 0, round: 1, message: &message }) {
                match PartialSignature::<S>::decode(&arrived) {
                    Ok(decoded) => answers.push((from, decoded)),
                    Err(_) => drop(ended.faults.insert(0, malformed(from.get()))),
                }
            }
        }
        if ended.faults.is_empty() {
            combined(&made, &answers, &request, 0..=0, &mut ended);
        }
        ended
    }
}
