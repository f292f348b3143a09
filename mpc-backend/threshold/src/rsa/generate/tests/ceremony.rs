//! The key set-up and the generation after it as one session, with messages in any order of arrival.

use super::*;
use crate::party::Threshold;
use crate::rsa::generate::{Ceremony, Step as Outcome};
use crate::rsa::{PublicKey, Stored};
use crate::sharing::replicated::Pieces;
use crate::sharing::replicated::keys::KeysContext;
use rand_core::RngCore as _;

const NEEDED: u8 = 2;

fn context(me: u8) -> KeysContext {
    let threshold = Threshold::new(NEEDED, 2 * NEEDED - 1).unwrap();
    KeysContext { cluster_id: [1; 32], session_id: [2; 32], epoch: 1, threshold, me: party(me) }
}

/// Runs three parties, the next message being anyone's; `lie` changes one on its way.
fn run(seed: u64, mut lie: impl FnMut(u8, &mut Vec<u8>)) -> Vec<Result<Box<Generated>, Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let wanted = WANTED;
    let (mut wire, mut parties, mut ends) = (Vec::new(), Vec::new(), BTreeMap::new());
    for me in 1..=3 {
        let started = Ceremony::start(&context(me), wanted, &[3; 32], Checks::all(), &mut rng);
        let (ceremony, outbox) = started.unwrap();
        parties.push(ceremony);
        wire.extend(outbox.into_iter().map(|(to, message)| (me, to.get(), message)));
    }
    while !wire.is_empty() {
        // Between two parties messages keep their order.
        let (from, to, _) = wire[rng.next_u32() as usize % wire.len()];
        let first = wire.iter().position(|(a, b, _)| (*a, *b) == (from, to)).unwrap();
        let (_, _, mut message) = wire.remove(first);
        lie(from, &mut message);
        let mut outbox = Outbox::default();
        let ceremony = &mut parties[usize::from(to) - 1];
        match ceremony.receive(party(from), &message, &mut outbox, &mut rng) {
            Ok(Outcome::Continue) => {}
            Ok(Outcome::Done(key)) => drop(ends.insert(to, Ok(key))),
            Err(error) => drop(ends.insert(to, Err(error))),
        }
        wire.extend(outbox.into_iter().map(|(receiver, message)| (to, receiver.get(), message)));
    }
    ends.into_values().collect()
}

#[test]
fn messages_that_come_early_are_kept_and_stored_shares_are_read_again() {
    for seed in 0..4 {
        let ends = run(seed, |_, _| ());
        assert_eq!(ends.len(), 3);
        let layout = Pieces::new(Threshold::new(NEEDED, 2 * NEEDED - 1).unwrap()).unwrap();
        for (end, me) in ends.into_iter().zip(1..) {
            let Generated { key, share, values, .. } = *end.map_err(|_| ()).unwrap();
            let bytes = Stored::encode(&share, &values);
            assert_eq!(bytes.len(), Stored::bytes(&layout, party(me), BITS));
            let read = Stored::decode(key, &layout, party(me), &bytes).unwrap();
            assert_eq!(read.values(), values.encode());
            let key = || PublicKey::new(read.key().n(), read.key().e()).unwrap();
            assert!(Stored::decode(key(), &layout, party(me), &bytes[1..]).is_err());
            assert!(Stored::decode(key(), &layout, party(me), &[]).is_err());
        }
    }
}

#[test]
fn an_empty_message_names_its_sender_before_and_after_the_key_set_up() {
    for first in [1, 2, 3, 4] {
        let ends = run(7, |from, message| {
            if from == LIAR && message.first() == Some(&first) {
                message.clear();
            }
        });
        let named = ends.iter().filter(|end| {
            matches!(end, Err(Error::Fault(fault)) if *fault == Fault::of(party(LIAR), Rule::Malformed))
        });
        assert_eq!(named.count(), 2, "messages that begin with {first}");
    }
}

#[test]
fn names_say_exactly_what_is_offered() {
    let wanted = Wanted { bits: 2048, exponent: E };
    assert_eq!(wanted.name(), "RSA-2048-65537");
    assert_eq!(Wanted::of_name("RSA-2048-65537"), Some(wanted));
    for other in
        ["RSA-2048-3", "RSA-1024-65537", "RSA-02048-65537", "RSA-2048-+65537", "RSA-2048", "P-256", ""]
    {
        assert_eq!(Wanted::of_name(other), None, "{other}");
    }
}
