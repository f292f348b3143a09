//! Generation of an RSA key by three parties, with the keys from which the pieces of all of them follow as secrets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use threshold::rsa::Exponent;

use constant_time::taint;
use threshold::fault::Checks;
use threshold::party::{PartyIndex, Threshold};
use threshold::round::Outbox;
use threshold::rsa::generate::{Generation, Progress, Wanted};
use threshold::sharing::replicated::keys::{self, EpochKeys, KeysContext, KeysSession};
use threshold::sim::rsa::{said, said_of_keys};

use crate::sections::{plain, secret_rng};

/// Messages on their way; in order, so that nobody is ahead of what it has not sent.
type Wire = VecDeque<(PartyIndex, PartyIndex, Vec<u8>)>;

pub fn generation() {
    let wanted = Wanted { bits: 2048, exponent: Exponent::F4 };
    let (mut generations, mut wire, mut done) = (BTreeMap::new(), Wire::new(), 0);
    for keys in epoch_keys(Threshold::new(2, 3).unwrap()) {
        let me = keys.me();
        let rng = &mut plain(u64::from(me.get()));
        let started = Generation::start(Arc::new(keys), wanted, &[3; 32], Checks::all(), rng);
        let (generation, outbox) = started.unwrap();
        generations.insert(me, generation);
        send(&mut wire, me, outbox);
    }
    while let Some((from, to, message)) = wire.pop_front() {
        let generation = generations.get_mut(&to).unwrap();
        match generation.receive(from, &message).unwrap() {
            Progress::Continue(outbox) => {
                // It is sent, and so no secret where its sender keeps it.
                taint::public(said(generation));
                send(&mut wire, to, outbox);
            }
            Progress::Done(_) => done += 1,
        }
    }
    assert_eq!(done, 3);
}

fn send(wire: &mut Wire, from: PartyIndex, outbox: Outbox) {
    for (to, mut message) in outbox {
        taint::public(message.as_mut_slice());
        wire.push_back((from, to, message));
    }
}

/// Keys whose contributions are secret, sent or not.
fn epoch_keys(threshold: Threshold) -> Vec<EpochKeys> {
    let (mut sessions, mut wire, mut done) = (BTreeMap::new(), Wire::new(), Vec::new());
    for me in threshold.all().iter() {
        let context = KeysContext { cluster_id: [1; 32], session_id: [2; 32], epoch: 1, threshold, me };
        let rng = &mut secret_rng(u64::from(me.get()));
        let (mut session, outbox) = KeysSession::start(&context, Checks::all(), rng).unwrap();
        taint::public(said_of_keys(&mut session));
        sessions.insert(me, session);
        send_of_keys(&mut wire, me, outbox);
    }
    while let Some((from, to, message)) = wire.pop_front() {
        let session = sessions.get_mut(&to).unwrap();
        let outbox = match session.receive(from, &message).unwrap() {
            keys::Progress::Continue(outbox) => outbox,
            keys::Progress::Done(keys, outbox) => {
                done.push(keys);
                outbox
            }
        };
        taint::public(said_of_keys(session));
        send_of_keys(&mut wire, to, outbox);
    }
    done
}

/// Contributions, which one peer gets, stay secret.
fn send_of_keys(wire: &mut Wire, from: PartyIndex, outbox: Outbox) {
    for (to, mut message) in outbox {
        let public = if message[0] == 2 { ROUND_AND_VIEW } else { message.len() };
        taint::public(&mut message[..public]);
        wire.push_back((from, to, message));
    }
}

/// What stands before the contributions in the message of the second round.
const ROUND_AND_VIEW: usize = 1 + 32;
