//! Keys that no party holds, whole: OpenSSL verifies what each quorum signs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use threshold::rsa::Exponent;

use threshold::rsa::generate::{Generated, Generation, Progress, Wanted};
use threshold::sharing::replicated::keys::{self, KeysContext, KeysSession};

use super::*;

const E: Exponent = Exponent::F4;

/// Messages on their way between sessions.
type Queue = VecDeque<(PartyIndex, PartyIndex, Vec<u8>)>;

fn send(queue: &mut Queue, from: PartyIndex, outbox: threshold::round::Outbox) {
    queue.extend(outbox.into_iter().map(|(to, message)| (from, to, message)));
}

fn epoch_keys(threshold: Threshold, seed: u64) -> BTreeMap<PartyIndex, Arc<keys::EpochKeys>> {
    let mut rng = rng(seed);
    let (mut sessions, mut queue, mut done) = (BTreeMap::new(), Queue::new(), BTreeMap::new());
    for me in threshold.all().iter() {
        let context = KeysContext { cluster_id: [1; 32], session_id: [2; 32], epoch: 1, threshold, me };
        let (session, outbox) = KeysSession::start(&context, Checks::all(), &mut rng).unwrap();
        sessions.insert(me, session);
        send(&mut queue, me, outbox);
    }
    while let Some((from, to, message)) = queue.pop_front() {
        match sessions.get_mut(&to).unwrap().receive(from, &message).unwrap() {
            keys::Progress::Continue(outbox) => send(&mut queue, to, outbox),
            keys::Progress::Done(keys, outbox) => {
                send(&mut queue, to, outbox);
                done.insert(to, Arc::new(keys));
            }
        }
    }
    done
}

/// Every party's part of a key, and what each has sent.
fn generate(needed: u8, bits: usize, seed: u64) -> (Vec<Generated>, usize) {
    let threshold = Threshold::new(needed, 2 * needed - 1).unwrap();
    let mut rng = rng(seed);
    let (mut sessions, mut queue, mut done) = (BTreeMap::new(), Queue::new(), BTreeMap::new());
    for (me, keys) in epoch_keys(threshold, seed) {
        let wanted = Wanted { bits, exponent: E };
        let (session, outbox) = Generation::start(keys, wanted, &[3; 32], Checks::all(), &mut rng).unwrap();
        sessions.insert(me, session);
        send(&mut queue, me, outbox);
    }
    let mut bytes = 0;
    while let Some((from, to, message)) = queue.pop_front() {
        bytes += message.len();
        match sessions.get_mut(&to).unwrap().receive(from, &message).unwrap() {
            Progress::Continue(outbox) => send(&mut queue, to, outbox),
            Progress::Done(generated) => assert!(done.insert(to, *generated).is_none()),
        }
    }
    assert_eq!(done.len(), usize::from(threshold.parties()));
    (done.into_values().collect(), bytes / usize::from(threshold.parties()))
}

/// `RSA_KEYS` of 2048 bits, of three and of five parties in turn; one for each by default.
#[test]
fn generated_keys_sign_as_openssl_verifies() {
    let count = std::env::var("RSA_KEYS").map_or(2, |count| count.parse().unwrap());
    for number in 0..count {
        let (needed, seed) = (2 + (number % 2) as u8, 100 + number);
        let (generated, bytes) = generate(needed, 2048, seed);
        let public = PublicKey::new(generated[0].key.n(), E).unwrap();
        let layout = Pieces::new(Threshold::new(needed, 2 * needed - 1).unwrap()).unwrap();
        let values = generated[0].values.clone();
        let shares = generated.into_iter().map(|one| one.share).collect();
        let dealt = Dealt { public, layout, shares, values };
        let message = format!("generated key {number}");
        let digest = Hash::Sha256.digest(&[message.as_bytes()]);
        let block = Block::pkcs1(&dealt.public, Hash::Sha256, &digest).unwrap();
        let verifier = OpensslKey::of_public(dealt.public.n(), dealt.public.e());
        let options = ["digest:sha256".to_owned()];
        let quorums = dealt.quorums();
        for set in &quorums {
            assert!(verifier.accepts(&digest, &dealt.result(&block, set), &options));
        }
        println!(
            "key {number}: {needed} needed, {} quorums sign, {bytes} bytes sent by a party",
            quorums.len()
        );
    }
}
