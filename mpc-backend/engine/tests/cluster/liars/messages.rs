//! Lies to peers.

use prost::Message;
use proto::limits::{FORMAT, PEER_PAYLOAD_BYTES_MAX};
use proto::peer::v1::{
    Control, Envelope, GenerationStart, HeadReport, Hello, PresignStart, Protocol, SessionFailed,
    control::Body,
};
use proto::registry::v1::{BirthStatement, HeadStatement, NodeSignature, SignedHead};
use proto::statement;
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;
use threshold::group::{Curve, P256, Point};

use super::{Liar, Patch, Place, Strategy};

/// One of the list.
fn pick<'a, T>(list: &'a [T], rng: &mut ChaCha20Rng) -> Option<&'a T> {
    list.get(rng.next_u32() as usize % list.len().max(1))
}

pub fn flip(bytes: &mut [u8], rng: &mut ChaCha20Rng) {
    if let Some(bit) = (rng.next_u32() as usize).checked_rem(bytes.len() * 8) {
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

fn cut(payload: &mut [u8], place: Place, patch: Patch) {
    let at = match place {
        Place::At(at) => at,
        Place::End(back) => payload.len() - back,
    };
    let generator = || <P256 as Curve>::Point::generator().encode();
    match patch {
        Patch::Flip => payload[at] ^= 1,
        Patch::Zero(count) => payload[at..at + count].fill(0),
        Patch::Generator => payload[at..at + 33].copy_from_slice(&generator()),
        Patch::One => payload[at..at + 8].copy_from_slice(&1u64.to_be_bytes()),
    }
}

fn random<const BYTES: usize>(rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut bytes = [0; BYTES];
    rng.fill_bytes(&mut bytes);
    bytes.to_vec()
}

impl Liar {
    /// Alters what goes to `to`, and adds to it.
    pub(super) fn distort(
        &self,
        strategy: Strategy,
        to: u8,
        truth: &Envelope,
        told: &mut Vec<(u8, Envelope)>,
        rng: &mut ChaCha20Rng,
    ) {
        use Strategy::*;
        let is = |protocol: Protocol| truth.protocol() == protocol;
        match strategy {
            WrongBit(protocol) if is(protocol) => {
                told.iter_mut().for_each(|(_, envelope)| flip(&mut envelope.payload, rng));
            }
            Equivocate(protocol) if is(protocol) && to.is_multiple_of(2) => {
                told.iter_mut().for_each(|(_, envelope)| flip(&mut envelope.payload, rng));
            }
            Silent(protocol) if is(protocol) => told.clear(),
            Abort(protocol) if is(protocol) => {
                told.push((to, self.failed(truth, truth.session.clone())));
            }
            Replay => {
                let earlier: Vec<_> = self.said.iter().filter(|(receiver, _)| *receiver == to).collect();
                if let Some((_, old)) = pick(&earlier, rng) {
                    told.push((to, old.clone()));
                    told.push((to, Envelope { session: truth.session.clone(), ..old.clone() }));
                }
            }
            OtherReceiver => {
                let others: Vec<_> = self.said.iter().filter(|(receiver, _)| *receiver != to).collect();
                if let Some((_, other)) = pick(&others, rng) {
                    told.push((to, other.clone()));
                    told.push((to, Envelope { receiver: u32::from(to), ..other.clone() }));
                }
            }
            Reflect => {
                let theirs: Vec<_> = self.heard.iter().filter(|(from, _)| *from == to).collect();
                if let Some((_, heard)) = pick(&theirs, rng) {
                    told.push((to, heard.clone()));
                    let (sender, receiver) = (truth.sender, truth.receiver);
                    told.push((to, Envelope { sender, receiver, ..heard.clone() }));
                }
            }
            Sizes => {
                let mut altered = truth.clone();
                match rng.next_u32() % 4 {
                    0 => altered.payload.clear(),
                    1 => altered.payload.truncate(altered.payload.len() / 2),
                    2 => altered.payload.extend_from_slice(&truth.payload),
                    _ => altered.payload = vec![1; PEER_PAYLOAD_BYTES_MAX + 1],
                }
                told.push((to, altered));
            }
            OtherEnvelope => told.push((to, strange(truth, rng))),
            FalseFailures => {
                let heard = pick(&self.heard, rng).map(|(_, envelope)| envelope.session.clone());
                for session in heard.into_iter().chain([random::<32>(rng)]) {
                    told.push((to, self.failed(truth, session)));
                }
            }
            FalseHeads => {
                // In place of a true answer to the receiver's query, and without being asked.
                let control =
                    is(Protocol::Control).then(|| Control::decode(truth.payload.as_slice()).ok()).flatten();
                if control.is_some_and(|control| matches!(control.body, Some(Body::HeadReport(_)))) {
                    told.clear();
                }
                told.push((to, self.false_head(truth, rng)));
            }
            Orders => (0..4).for_each(|_| told.push((to, order(truth, rng)))),
            NewBoots if is(Protocol::Hello) => {
                let mut hello = Hello::decode(truth.payload.as_slice()).expect("an engine's hello");
                hello.boot_id = random::<16>(rng);
                told.push((to, Envelope { payload: hello.encode_to_vec(), ..truth.clone() }));
            }
            Surgical(protocol, first, place, patch)
                if is(protocol) && truth.payload.first() == Some(&first) =>
            {
                told.iter_mut().for_each(|(_, envelope)| cut(&mut envelope.payload, place, patch));
            }
            _ => {}
        }
    }

    fn failed(&self, truth: &Envelope, session: Vec<u8>) -> Envelope {
        let failed = SessionFailed { session: session.clone(), reason: 1 };
        control(truth, session, Body::SessionFailed(failed))
    }

    /// A head of this node that no registry has.
    fn false_head(&self, truth: &Envelope, rng: &mut ChaCha20Rng) -> Envelope {
        let index = 1_000 + u64::from(rng.next_u32());
        let encoded = HeadStatement { index, chain_hash: random::<32>(rng) }.encode_to_vec();
        let signature = statement::head(&self.cluster, &encoded).sign(&self.key);
        let head = SignedHead {
            statement: encoded,
            signature: Some(NodeSignature { node: truth.sender, signature }),
        };
        // Also as the answer to the receiver's query, if one was heard.
        let queried = self.heard.iter().rev().filter(|(from, _)| u32::from(*from) == truth.receiver);
        let mut nonces = queried.filter_map(|(_, envelope)| {
            match Control::decode(envelope.payload.as_slice()).ok()?.body? {
                Body::HeadQuery(query) => Some(query.nonce),
                _ => None,
            }
        });
        let nonce = nonces.next().unwrap_or_default();
        let report = HeadReport { nonce, own: Some(head.clone()), yours: Some(head) };
        let report =
            if rng.next_u32().is_multiple_of(2) { HeadReport { yours: None, ..report } } else { report };
        control(truth, Vec::new(), Body::HeadReport(report))
    }
}

fn control(truth: &Envelope, session: Vec<u8>, body: Body) -> Envelope {
    let payload = Control { body: Some(body) }.encode_to_vec();
    Envelope { protocol: Protocol::Control as i32, session, payload, ..truth.clone() }
}

/// An envelope with one field wrong.
fn strange(truth: &Envelope, rng: &mut ChaCha20Rng) -> Envelope {
    let mut altered = truth.clone();
    match rng.next_u32() % 7 {
        0 => altered.format = FORMAT + 1,
        1 => altered.sender = truth.receiver,
        2 => altered.receiver += 1,
        3 => altered.epoch += 1,
        4 => altered.protocol = rng.next_u32() as i32,
        5 => altered.session.truncate(31),
        _ => altered.session = random::<32>(rng),
    }
    altered
}

/// An order to begin something that nobody asked for.
fn order(truth: &Envelope, rng: &mut ChaCha20Rng) -> Envelope {
    let index = u64::MAX - u64::from(rng.next_u32() % 1_000);
    let body = if rng.next_u32().is_multiple_of(2) {
        Body::PresignStart(PresignStart {
            key_id: vec![1; 16],
            signers: vec![truth.sender.min(truth.receiver), truth.sender.max(truth.receiver)],
            client_key: random::<32>(rng),
            block_id: random::<16>(rng),
            number: u64::from(rng.next_u32()),
            public_key: random::<33>(rng),
            registry_index: index,
            ..PresignStart::default()
        })
    } else {
        let statement =
            BirthStatement { base_index: index, key_id: random::<16>(rng), ..BirthStatement::default() };
        Body::GenerationStart(GenerationStart {
            statement: statement.encode_to_vec(),
            ..GenerationStart::default()
        })
    };
    control(truth, random::<32>(rng), body)
}
