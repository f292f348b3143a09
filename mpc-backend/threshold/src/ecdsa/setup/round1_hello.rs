//! Set-up round 1 (`spec/ecdsa.md`, steps 3.0 and 3.3): both sides say who they are and give fresh values.
//!
//! Sends the context, a nonce, a part of the pair's secret and the base-OT sender's point.
//! A hello for another context ends the set-up without blame: the peer may have restarted. A sender
//! point that is not canonical, or the identity, is the peer's fault.

use alloc::vec::Vec;

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::round2_choose::AwaitingChoices;
use super::{BootId, Direction, SetupContext, body};
use crate::codec::{DecodeError, Reader, Writer};
use crate::ecdsa::ot::base::{self, Sender};
use crate::ecdsa::ot::{Delta, LEAVES};
use crate::ecdsa::pair::PairKey;
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;
use crate::secret::Secret;
use crate::transcript::{PAIR_SECRET, SETUP_ID, hash};

pub(super) const ROUND: u8 = 1;
const BODY_BYTES: usize = 32 + 8 + 2 + 2 + 16 + 16 + 32 + 32 + 32;

/// What a hello says.
pub(super) struct HelloMessage {
    pub(super) cluster_id: [u8; 32],
    pub(super) epoch: u64,
    pub(super) sender: PartyIndex,
    pub(super) receiver: PartyIndex,
    pub(super) sender_boot: BootId,
    pub(super) receiver_boot: BootId,
    pub(super) nonce: [u8; 32],
    /// s: this side's part of the pair's secret.
    pub(super) secret_part: Secret<[u8; 32]>,
    /// A: the base-OT sender's point.
    pub(super) point: [u8; 32],
}

impl HelloMessage {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::with_capacity(1 + BODY_BYTES);
        writer.u8(ROUND).bytes(&self.cluster_id).u64(self.epoch);
        writer.bytes(&self.sender.to_bytes()).bytes(&self.receiver.to_bytes());
        writer.bytes(&self.sender_boot).bytes(&self.receiver_boot).bytes(&self.nonce);
        writer.bytes(self.secret_part.expose()).bytes(&self.point);
        Zeroizing::new(writer.finish())
    }

    pub(super) fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body(message, ROUND, BODY_BYTES)?);
        Ok(Self {
            cluster_id: reader.array()?,
            epoch: reader.u64()?,
            sender: PartyIndex::from_bytes(reader.array()?).ok_or(DecodeError::Value)?,
            receiver: PartyIndex::from_bytes(reader.array()?).ok_or(DecodeError::Value)?,
            sender_boot: reader.array()?,
            receiver_boot: reader.array()?,
            nonce: reader.array()?,
            secret_part: Secret::new(reader.array()?),
            point: reader.array()?,
        })
    }
}

/// Awaits the peer's hello.
pub(super) struct AwaitingHello {
    context: SetupContext,
    sender: Sender,
    secret_part: Secret<[u8; 32]>,
    nonce: [u8; 32],
}

pub(super) fn start(
    context: SetupContext,
    rng: &mut dyn CryptoRngCore,
) -> (AwaitingHello, Zeroizing<Vec<u8>>) {
    let sender = Sender::new(rng);
    let secret_part = Secret::random(rng);
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    let hello = HelloMessage {
        cluster_id: context.cluster_id,
        epoch: context.epoch,
        sender: context.me,
        receiver: context.peer,
        sender_boot: context.my_boot,
        receiver_boot: context.peer_boot,
        nonce,
        secret_part: Secret::new(*secret_part.expose()),
        point: *sender.point(),
    };
    let message = hello.encode();
    (AwaitingHello { context, sender, secret_part, nonce }, message)
}

impl AwaitingHello {
    pub(super) fn finish(
        self,
        message: &[u8],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(AwaitingChoices, Vec<u8>), Fault> {
        let context = self.context;
        let hello = HelloMessage::decode(message).map_err(|error| context.malformed(error))?;
        // Step 3.0: same cluster, epoch, pair and boots. A reflected hello names us as its sender.
        let same = hello.cluster_id == context.cluster_id
            && hello.epoch == context.epoch
            && (hello.sender, hello.receiver) == (context.peer, context.me)
            && (hello.sender_boot, hello.receiver_boot) == (context.peer_boot, context.my_boot);
        context.checks.enforce(same, Fault::of(context.peer, Rule::SetupContext))?;

        // Step 3.1, check: with the identity as sender point every key would be known to the peer.
        let usable = hello.point != base::IDENTITY;
        context.checks.enforce(usable, Fault::of(context.peer, Rule::SenderPoint))?;

        // Sigma, then one sid for each direction.
        let mine = context.me.to_bytes();
        let peers = context.peer.to_bytes();
        let [low_id, high_id] = context.low_high(&mine, &peers);
        let [low_boot, high_boot] = context.low_high(&context.my_boot, &context.peer_boot);
        let [low_nonce, high_nonce] = context.low_high(&self.nonce, &hello.nonce);
        let epoch = context.epoch.to_be_bytes();
        let parts: [&[u8]; 8] =
            [&context.cluster_id, &epoch, low_id, high_id, low_boot, high_boot, low_nonce, high_nonce];
        let id = hash(SETUP_ID, &parts);

        // Step 3.3: P = H(pair/secret; Sigma, s_low, s_high).
        let [low_part, high_part] = context.low_high(self.secret_part.expose(), hello.secret_part.expose());
        let secret: PairKey = Secret::new(hash(PAIR_SECRET, &[&id, low_part, high_part]));

        // Step 3.1 as Alice: Delta, then the choices that it prescribes.
        let mut as_alice = Direction::new(&id, context.me, context.peer, hello.point);
        let as_bob = Direction::new(&id, context.peer, context.me, *self.sender.point());
        let delta = draw_delta(rng);
        let (keys, choices) = base::receive(&as_alice.sid, &delta, &hello.point, rng)
            .map_err(|rule| Fault::of(context.peer, rule))?;
        let mut writer = Writer::with_capacity(1 + choices.len());
        writer.u8(super::round2_choose::ROUND).bytes(&choices);
        as_alice.choices = choices;
        let next =
            AwaitingChoices { context, id, secret, sender: self.sender, delta, keys, as_alice, as_bob };
        Ok((next, writer.finish()))
    }
}

/// Delta: each block uniform in 0..16.
fn draw_delta(rng: &mut dyn CryptoRngCore) -> Delta {
    let mut delta = Delta::random(rng);
    for block in delta.expose_mut() {
        *block %= LEAVES as u8;
    }
    delta
}
