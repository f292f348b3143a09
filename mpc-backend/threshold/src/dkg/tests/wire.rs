//! Messages that are malformed, replayed, repeated, early or from outside.

use super::super::suite::{decode_package, encode_package, identifier};
use super::*;
use crate::codec::DecodeError;
use frost_core::keys::dkg::part1;
use frost_p256::P256Sha256;

fn p256_run() -> Run<P256Sha256> {
    Run::start(2, 3, DkgCurve::P256, Checks::all())
}

#[test]
fn truncated_and_oversized_messages_name_their_sender_in_every_round() {
    for round in 1..=4 {
        let changes: [fn(&mut Vec<u8>); 4] = [
            |message| message.truncate(message.len() - 1),
            |message| message.push(0),
            |message| message.truncate(1),
            // One commitment more and one less than T.
            |message| message.extend_from_slice(&[2; 33]),
        ];
        for change in changes {
            let results = p256_run().deliver(|wire| {
                if wire.from == 1 && wire.to == 2 && wire.round == round {
                    change(wire.message);
                }
            });
            assert_eq!(results[&2].as_ref().err(), Some(&fault(1, Rule::Malformed)), "round {round}");
            let blamed = results.values().filter_map(|result| result.as_ref().err()?.culprit);
            assert!(blamed.into_iter().all(|culprit| culprit == party(1)), "no honest party is blamed");
        }
    }
}

#[test]
fn a_package_with_another_number_of_commitments_names_its_sender() {
    for bytes in [33_usize, 66] {
        let results = p256_run().deliver(|wire| {
            if wire.from == 1 && wire.round == 2 {
                let shorter = wire.message.len() - bytes;
                wire.message.truncate(shorter);
            }
        });
        for honest in [2, 3] {
            assert_eq!(results[&honest].as_ref().err(), Some(&fault(1, Rule::Malformed)));
        }
    }
}

#[test]
fn unknown_rounds_and_empty_messages_name_their_sender() {
    for bytes in [&[][..], &[0], &[5], &[255; 65]] {
        let mut session = p256_run().sessions.remove(&2).unwrap();
        assert_eq!(session.receive(party(1), bytes).map(|_| ()), Err(fault(1, Rule::Malformed)));
    }
}

#[test]
fn messages_of_another_session_are_refused_in_every_round() {
    let expected =
        [Rule::KeygenContext, Rule::KeygenCommitments, Rule::KeygenPackages, Rule::KeygenTranscript];
    // Another generation by the same parties, under another session id.
    let mut recorded: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let threshold = Threshold::new(2, 3).unwrap();
    let mut other = Run::<P256Sha256> {
        sessions: BTreeMap::new(),
        queue: VecDeque::new(),
        results: BTreeMap::new(),
        rng: ChaCha20Rng::seed_from_u64(8),
    };
    for me in 1..=3 {
        let context = DkgContext { session_id: [9; 32], ..context(me, threshold, DkgCurve::P256) };
        let (state, outbox) = round1_commit::start(Setting::new(&context).unwrap(), &mut other.rng);
        other.sessions.insert(me, Session::with_state(state));
        other.send(party(me), outbox);
    }
    other.deliver(|wire| {
        if wire.from == 1 && wire.to == 2 {
            recorded.insert(wire.round, wire.message.clone());
        }
    });
    for (round, rule) in (1..=4).zip(expected) {
        let results = p256_run().deliver(|wire| {
            if wire.from == 1 && wire.to == 2 && wire.round == round {
                *wire.message = recorded[&round].clone();
            }
        });
        assert_eq!(results[&2].as_ref().err(), Some(&Fault::of_nobody(rule)), "round {round}");
    }
}

#[test]
fn repeats_and_strangers_change_nothing() {
    let mut run = p256_run();
    let mut copies: Vec<_> = run.queue.iter().cloned().collect();
    for (_, _, message) in &mut copies {
        message[50] ^= 1;
    }
    // First the true messages to party 2, then changed repeats of them, and strangers.
    let mut session = run.sessions.remove(&2).unwrap();
    let first = run.queue.iter().find(|(from, to, _)| (from.get(), to.get()) == (1, 2)).unwrap();
    assert!(session.receive(first.0, &first.2).is_ok());
    for (from, _, message) in copies.iter().filter(|(from, to, _)| (from.get(), to.get()) == (1, 2)) {
        assert!(session.receive(*from, message).is_ok(), "a repeat is dropped");
    }
    for stranger in [2, 4, 255] {
        assert!(session.receive(party(stranger), &[]).is_ok(), "nobody outside is heard");
    }
    run.sessions.insert(2, session);
    let results = run.deliver(|_| ());
    assert!(results.values().all(Result::is_ok) && results.len() == 3);
}

#[test]
fn a_session_that_failed_stays_silent() {
    let mut run = p256_run();
    let mut session = run.sessions.remove(&2).unwrap();
    assert!(session.receive(party(1), &[]).is_err());
    for (from, _, message) in run.queue.iter().filter(|(_, to, _)| to.get() == 2) {
        let progress = session.receive(*from, message);
        assert!(matches!(progress, Ok(Progress::Continue(outbox)) if outbox.is_empty()));
    }
}

#[test]
fn packages_have_one_encoding() {
    fn check<S: Suite>(_: DkgCurve) {
        let threshold = Threshold::new(2, 3).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (_, package) = part1(identifier::<S>(party(1)), 3, 2, &mut rng).unwrap();
        let bytes = encode_package::<S>(&package);
        let decode = |bytes: &[u8]| decode_package::<S>(bytes, threshold).map(|_| ());
        assert_eq!(decode(&bytes), Ok(()));
        assert_eq!(decode(&bytes[1..]), Err(DecodeError::Truncated));
        assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(DecodeError::Trailing));
        for element in 0..3 {
            let mut identity = bytes.clone();
            identity[element * S::ELEMENT_BYTES..][..S::ELEMENT_BYTES].fill(0);
            assert_eq!(decode(&identity), Err(DecodeError::Value), "element {element} is the identity");
        }
        let mut above = bytes.clone();
        let end = above.len();
        above[end - S::SCALAR_BYTES..].fill(0xff);
        assert_eq!(decode(&above), Err(DecodeError::Value));
        if S::ELEMENT_BYTES > S::SCALAR_BYTES {
            for tag in [0, 1, 4, 5, 6, 7] {
                for element in 0..3 {
                    let mut other = bytes.clone();
                    other[element * S::ELEMENT_BYTES] = tag;
                    assert_eq!(decode(&other), Err(DecodeError::Value), "tag {tag}");
                }
            }
        }
    }
    on_each_suite!(check);
}
