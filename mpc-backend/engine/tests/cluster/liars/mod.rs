//! A dishonest node: an honest engine whose messages and answers are altered on their way out, by one or more
//! strategies of the library below. It knows its identity key and everything it said and heard.

mod answers;
mod messages;

use ed25519_dalek::SigningKey;
use proto::client::v1::NodeFrame;
use proto::peer::v1::{Envelope, Protocol};
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;

/// Messages that a liar remembers, each way.
const REMEMBERED: usize = 64;

/// A way to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// One bit of a message of this protocol is another one.
    WrongBit(Protocol),
    /// The same, but receivers with odd indices get the true message.
    Equivocate(Protocol),
    /// Says nothing in this protocol.
    Silent(Protocol),
    /// Gives up a session of this protocol after its first message.
    Abort(Protocol),
    /// Repeats an earlier message of the same receiver, as it was and under the present session.
    Replay,
    /// Sends what it said to another receiver.
    OtherReceiver,
    /// Sends back what the receiver said.
    Reflect,
    /// Truncated, empty, doubled and giant payloads.
    Sizes,
    /// Another format, sender, receiver, epoch, protocol or session.
    OtherEnvelope,
    /// Claims that random sessions, and those that it hears of, have failed.
    FalseFailures,
    /// Signs heads far ahead of the registry.
    FalseHeads,
    /// Orders presignings and generations that rest on an absurd registry index.
    Orders,
    /// Says hello as another process again and again.
    NewBoots,
    /// Wrong partial signatures: every field, signed by the node.
    WrongPartials,
    /// Answers clients with errors that name honest nodes.
    FalseErrors,
    /// Leases ids that do not exist, or none.
    FalseLeases,
    /// Does not answer clients.
    Mute,
    /// One message of a protocol, told by its first byte, with these bytes in it.
    Surgical(Protocol, u8, Place, Patch),
}

/// Where in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// From its first byte.
    At(usize),
    /// From its last byte.
    End(usize),
}

/// What to put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// The lowest bit of one byte is flipped.
    Flip,
    /// So many bytes become zero.
    Zero(usize),
    /// The generator of P-256, compressed.
    Generator,
    /// The number 1, eight bytes.
    One,
}

use Strategy::*;

impl Strategy {
    /// The library.
    pub const ALL: [Self; 23] = [
        WrongBit(Protocol::PairSetup),
        WrongBit(Protocol::Generation),
        WrongBit(Protocol::Presign),
        Equivocate(Protocol::Generation),
        Equivocate(Protocol::Presign),
        Silent(Protocol::PairSetup),
        Silent(Protocol::Generation),
        Silent(Protocol::Presign),
        Abort(Protocol::Generation),
        Abort(Protocol::Presign),
        Replay,
        OtherReceiver,
        Reflect,
        Sizes,
        OtherEnvelope,
        FalseFailures,
        FalseHeads,
        Orders,
        NewBoots,
        WrongPartials,
        FalseErrors,
        FalseLeases,
        Mute,
    ];
}

/// What a dishonest node is at.
pub struct Liar {
    strategies: Vec<Strategy>,
    /// Chance in 1000 to lie where it could.
    pub chance: u32,
    key: SigningKey,
    cluster: [u8; 32],
    heard: Vec<(u8, Envelope)>,
    said: Vec<(u8, Envelope)>,
}

impl Liar {
    pub fn new(strategies: Vec<Strategy>, chance: u32, cluster: [u8; 32], key: SigningKey) -> Self {
        Self { strategies, chance, key, cluster, heard: Vec::new(), said: Vec::new() }
    }

    fn remember(list: &mut Vec<(u8, Envelope)>, one: (u8, Envelope)) {
        if list.len() >= REMEMBERED {
            list.remove(0);
        }
        list.push(one);
    }

    /// Hears a message.
    pub fn hear(&mut self, from: u8, envelope: &Envelope) {
        Self::remember(&mut self.heard, (from, envelope.clone()));
    }

    fn lies(&self, rng: &mut ChaCha20Rng) -> bool {
        rng.next_u32() % 1000 < self.chance
    }

    /// What it says in place of a true message.
    pub fn tell(&mut self, to: u8, truth: Envelope, rng: &mut ChaCha20Rng) -> Vec<(u8, Envelope)> {
        let mut told = vec![(to, truth.clone())];
        for strategy in self.strategies.clone() {
            if self.lies(rng) {
                self.distort(strategy, to, &truth, &mut told, rng);
            }
        }
        Self::remember(&mut self.said, (to, truth));
        told
    }

    /// Alters an answer to a client.
    pub fn answer(&mut self, frame: &mut NodeFrame, me: (&[u8; 32], u8, &SigningKey), rng: &mut ChaCha20Rng) {
        for strategy in self.strategies.clone() {
            if self.lies(rng) {
                answers::distort(strategy, frame, me, rng);
            }
        }
    }
}
