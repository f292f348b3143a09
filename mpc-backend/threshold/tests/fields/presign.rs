//! Presigning by three of three, then a signature if nothing was found before.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use threshold::ecdsa::{PresignSession, Presignature, answer};
use threshold::fault::Checks;
use threshold::party::PartyIndex;
use threshold::round::Step;
use threshold::sim::{self, Cluster, fields::Field};

use crate::common::{Suite, cluster, digest_of, party, rng, signers};
use crate::{Ended, Protocol, Tamper, Variant, Wire};

pub struct Presign<C>(pub PhantomData<C>);

/// Presigns in a fresh cluster of `count`, always the same one.
pub fn presigned<C: Suite>(
    count: u8,
    variant: Variant,
    ended: &mut Ended,
    tamper: &mut Tamper<'_>,
) -> (Cluster<C>, BTreeMap<PartyIndex, Presignature<C>>) {
    let mut cluster = cluster::<C>(count, count);
    let (mut sessions, mut wire, mut done) = (BTreeMap::new(), VecDeque::new(), BTreeMap::new());
    let mut random = rng(variant as u64);
    for me in 1..=count {
        let number = if variant == Variant::Session { 2 } else { 1 };
        let mut context = cluster.presign_context(&signers(count), party(me), number, Checks::all());
        match variant {
            Variant::Epoch => context.epoch += 1,
            Variant::Key => context.key_id = [9; 16],
            Variant::Receiver => context.client = [9; 32],
            Variant::Usual | Variant::Session => {}
        }
        let member = cluster.parties.get_mut(&party(me)).unwrap();
        let started = PresignSession::start(context, &member.share, &mut member.pairs, &mut random);
        let (session, outbox) = started.unwrap();
        sessions.insert(me, session);
        wire.extend(outbox.into_iter().map(|(to, message)| (me, to.get(), message)));
    }
    while let Some((from, to, message)) = wire.pop_front() {
        for arrived in tamper(Wire { from, to, round: message[0], message: &message }) {
            let Some(session) = sessions.remove(&to) else { continue };
            let pairs = &mut cluster.parties.get_mut(&party(to)).unwrap().pairs;
            match session.receive(party(from), &arrived, pairs, &mut random) {
                Ok(Step::Next(session, outbox)) => {
                    sessions.insert(to, session);
                    wire.extend(outbox.into_iter().map(|(peer, message)| (to, peer.get(), message)));
                }
                Ok(Step::Done(presignature, outbox)) => {
                    done.insert(party(to), presignature);
                    wire.extend(outbox.into_iter().map(|(peer, message)| (to, peer.get(), message)));
                }
                Err(fault) => {
                    ended.faults.insert(to, fault);
                }
            }
        }
    }
    for (one, other) in (1..=count).flat_map(|one| (1..=count).map(move |other| (one, other))) {
        if one != other && !cluster.parties[&party(one)].pairs.is_ready(party(other)) {
            ended.dead.insert((one, other));
        }
    }
    (cluster, done)
}

impl<C: Suite> Protocol for Presign<C> {
    const NAME: &'static str = "Presigning";
    const ROUNDS: &'static [&'static str] = &["commitment", "opening"];
    const LIAR: u8 = 3;
    const VICTIM: u8 = 1;
    const VARIANTS: &'static [Variant] = &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Key];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        sim::fields::of_presign::<C>(message)
    }

    fn generator() -> Vec<u8> {
        sim::fields::generator::<C>()
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut ended = Ended::default();
        let (cluster, done) = presigned::<C>(3, variant, &mut ended, tamper);
        if variant != Variant::Usual || done.len() < 3 {
            return ended;
        }
        // A lie that no signer can see is found by whoever combines; it is counted as party 1's.
        let request = cluster.request(&signers(3), &digest_of(1, 32), [1; 32]);
        let answers: Vec<_> = done
            .into_iter()
            .map(|(party, one)| (party, answer(one, &cluster.parties[&party].pairs, &request).unwrap()))
            .collect();
        match sim::combine(&answers, &request, Checks::all()) {
            Ok(_) => ended.finished.extend(1..=3),
            Err(fault) => {
                ended.faults.insert(1, fault);
            }
        }
        ended
    }
}
