//! No honest party is ever named: not for messages that crossed with a new pair set-up or came very
//! late, and not for any bit that a liar flips towards some of its peers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, VecDeque};

use common::{Suite, cluster, on_each_curve, party, rng, signers};
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;
use threshold::ecdsa::PresignSession;
use threshold::fault::{Checks, Fault, Rule};
use threshold::party::{PartyIndex, SignerSet};
use threshold::round::Step;
use threshold::sim::{self, Cluster};

type Wire = BTreeMap<PartyIndex, Vec<u8>>;

on_each_curve! {
    a_pair_set_up_that_only_one_side_has_finished_blames_nobody,
    a_message_of_a_former_pair_set_up_names_nobody,
    a_message_that_many_sessions_overtook_names_nobody,
    a_flipped_bit_to_some_receivers_never_names_an_honest_party,
}

fn start<C: Suite>(
    cluster: &mut Cluster<C>,
    set: &SignerSet,
    me: u8,
    number: u64,
    checks: Checks,
) -> (PresignSession<C>, Wire) {
    let context = cluster.presign_context(set, party(me), number, checks);
    let member = cluster.parties.get_mut(&party(me)).unwrap();
    let seed = number * 256 + u64::from(me);
    let started = PresignSession::start(context, &member.share, &mut member.pairs, &mut rng(seed));
    let (session, outbox) = started.unwrap();
    (session, outbox.into_iter().collect())
}

/// Gives `me` the first messages of two peers; what it makes of them.
fn deliver<C: Suite>(
    cluster: &mut Cluster<C>,
    me: u8,
    session: PresignSession<C>,
    messages: [(u8, &[u8]); 2],
) -> Option<Fault> {
    let pairs = &mut cluster.parties.get_mut(&party(me)).unwrap().pairs;
    let [(one, first), (other, second)] = messages;
    let Ok(Step::Next(session, _)) = session.receive(party(one), first, pairs, &mut rng(1)) else {
        panic!("the first of two messages ended the session");
    };
    session.receive(party(other), second, pairs, &mut rng(1)).err()
}

/// A fresh set-up of two parties, finished at both.
fn renew<C: Suite>(cluster: &mut Cluster<C>, low: u8, high: u8, seed: u64) {
    let (of_low, of_high) =
        sim::pair_up(party(low), party(high), Checks::all(), &mut |_, _| {}, &mut rng(seed));
    cluster.parties.get_mut(&party(low)).unwrap().pairs.insert(of_low.unwrap());
    cluster.parties.get_mut(&party(high)).unwrap().pairs.insert(of_high.unwrap());
}

fn a_pair_set_up_that_only_one_side_has_finished_blames_nobody<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let (_, of_2) = sim::pair_up(party(1), party(2), Checks::all(), &mut |_, _| {}, &mut rng(77));
    cluster.parties.get_mut(&party(2)).unwrap().pairs.insert(of_2.unwrap());
    let outcome = sim::presign(&mut cluster, &signers(2), 1, Checks::all(), None, &mut rng(1));
    assert_eq!(outcome.faults.len(), 2);
    for (who, fault) in &outcome.faults {
        assert_eq!(*fault, Fault::of_nobody(Rule::OtherPair));
        let peer = party(3 - who.get());
        assert!(cluster.parties[who].pairs.is_ready(peer), "the pair lives");
    }
}

/// Party 2's first message was made before it restarted, and waited at party 1 for the order to begin.
fn former_set_up<C: Suite>(checks: Checks) -> Option<Fault> {
    let mut cluster = cluster::<C>(3, 5);
    let set = signers(3);
    let stale = start(&mut cluster, &set, 2, 1, checks).1;
    renew(&mut cluster, 1, 2, 77);
    let (session, _) = start(&mut cluster, &set, 1, 1, checks);
    let from_3 = start(&mut cluster, &set, 3, 1, checks).1;
    deliver(&mut cluster, 1, session, [(2, &stale[&party(1)]), (3, &from_3[&party(1)])])
}

fn a_message_of_a_former_pair_set_up_names_nobody<C: Suite>() {
    assert_eq!(former_set_up::<C>(Checks::all()), Some(Fault::of_nobody(Rule::OtherPair)));
    let unchecked = former_set_up::<C>(Checks::all_but(Rule::OtherPair));
    assert_eq!(unchecked, Some(Fault::of(party(2), Rule::Extension)), "an honest party would be named");
}

/// Party 3 keeps its first message back while 1 and 2 have 4096 other sessions.
fn overtaken<C: Suite>(checks: Checks) -> Option<Fault> {
    let mut cluster = cluster::<C>(3, 5);
    let set = signers(3);
    let [(_, from_1), (two, _), (_, from_3)] = [1, 2, 3].map(|me| start(&mut cluster, &set, me, 1, checks));
    sim::skip_numbers(cluster.parties.get_mut(&party(1)).unwrap(), 4096);
    let [(_, later_1), (later, _), (_, later_3)] =
        [1, 2, 3].map(|me| start(&mut cluster, &set, me, 2, checks));
    let fault = deliver(&mut cluster, 2, later, [(1, &later_1[&party(2)]), (3, &later_3[&party(2)])]);
    assert_eq!(fault, None);
    deliver(&mut cluster, 2, two, [(1, &from_1[&party(2)]), (3, &from_3[&party(2)])])
}

fn a_message_that_many_sessions_overtook_names_nobody<C: Suite>() {
    assert_eq!(overtaken::<C>(Checks::all()), Some(Fault::of_nobody(Rule::ExtensionTooOld)));
    assert_eq!(overtaken::<C>(Checks::all_but(Rule::ExtensionTooOld)), None);
}

/// Renews the pairs that died.
fn revive<C: Suite>(cluster: &mut Cluster<C>, seed: u64) {
    for (low, high) in [(1, 2), (1, 3), (2, 3)] {
        let live = |me: u8, peer: u8| cluster.parties[&party(me)].pairs.is_ready(party(peer));
        if !(live(low, high) && live(high, low)) {
            renew(cluster, low, high, seed);
        }
    }
}

/// One session of three in which party 3 flips a bit of its message of `round` towards `victims` (bits).
fn flipped<C: Suite>(
    cluster: &mut Cluster<C>,
    number: u64,
    round: u8,
    victims: u32,
    random: &mut ChaCha20Rng,
) {
    let (mut sessions, mut wire) = (BTreeMap::new(), VecDeque::new());
    for me in 1..=3 {
        let (session, sent) = start(cluster, &signers(3), me, number, Checks::all());
        sessions.insert(party(me), session);
        wire.extend(sent.into_iter().map(|(to, message)| (party(me), to, message)));
    }
    let spot = random.next_u32() as usize;
    while !wire.is_empty() {
        let next = random.next_u32() as usize % wire.len();
        let (from, to, mut message): (PartyIndex, PartyIndex, Vec<u8>) = wire.remove(next).unwrap();
        if from == party(3) && message[0] == round && victims >> (to.get() - 1) & 1 == 1 {
            // Half of the flips hit the short fields at the front.
            let range = if spot.is_multiple_of(2) { message.len() } else { 140 };
            message[1 + (spot / 2) % (range - 1)] ^= 1 << (random.next_u32() % 8);
        }
        let Some(session) = sessions.remove(&to) else { continue };
        let pairs = &mut cluster.parties.get_mut(&to).unwrap().pairs;
        let outbox = match session.receive(from, &message, pairs, &mut *random) {
            Ok(Step::Next(session, outbox)) => {
                sessions.insert(to, session);
                outbox
            }
            Ok(Step::Done(_, outbox)) => outbox,
            Err(fault) => {
                let honest = to != party(3) && fault.culprit.is_some_and(|culprit| culprit != party(3));
                assert!(!honest, "party {to} says {fault:?}");
                continue;
            }
        };
        wire.extend(outbox.into_iter().map(|(receiver, message)| (to, receiver, message)));
    }
}

fn a_flipped_bit_to_some_receivers_never_names_an_honest_party<C: Suite>() {
    let (mut cluster, mut random) = (cluster::<C>(3, 3), rng(5));
    for run in 0..if C::FULL { 40 } else { 6 } {
        revive(&mut cluster, 1000 + run);
        let victims = 1 + random.next_u32() % 3;
        flipped(&mut cluster, run, 1 + (run % 2) as u8, victims, &mut random);
    }
}

#[test]
fn a_flipped_bit_in_set_up_never_names_its_receiver() {
    for run in 0..40_u64 {
        let mut random = rng(run + 900);
        let (round, pick) = (1 + (run % 4) as u8, random.next_u32() as usize);
        let mut tamper = |from, message: &mut Vec<u8>| {
            if from == party(2) && message[0] == round {
                let at = pick % message.len();
                message[at] ^= 4;
            }
        };
        let (low, _) = sim::pair_up(party(1), party(2), Checks::all(), &mut tamper, &mut random);
        assert!(low.err().is_none_or(|fault| fault.culprit.is_none_or(|culprit| culprit == party(2))));
    }
}
