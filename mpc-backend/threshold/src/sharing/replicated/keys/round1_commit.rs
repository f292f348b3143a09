//! Round 1: every holder commits to its contribution to each key (`spec/replicated.md`).
//!
//! Proves nothing yet. Another context names nobody: who is right cannot be told from here.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use super::round2_open::{AwaitingOpenings, OpenMessage};
use super::{KEY_BYTES, Setting};
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;
use crate::round::{Inbox, Outbox};
use crate::secret::Secret;
use crate::sharing::replicated::pieces::Piece;
use crate::transcript::{HASH_BYTES, SHARING_COMMITMENT, SHARING_COMMITMENTS, hash, hash_all};

/// Body of the round's message.
pub(super) struct CommitMessage {
    /// Identity of the set-up that the sender takes part in.
    pub(super) id: [u8; HASH_BYTES],
    /// One commitment for each piece that the sender holds, ascending.
    pub(super) commitments: Vec<[u8; HASH_BYTES]>,
}

impl CommitMessage {
    /// Length for a party that holds `pieces`.
    pub(super) const fn bytes(pieces: usize) -> usize {
        (1 + pieces) * HASH_BYTES
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::bytes(self.commitments.len()));
        writer.bytes(&self.id).bytes(self.commitments.as_flattened());
        writer.finish()
    }

    /// For a body whose length was checked.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let id = reader.array()?;
        let count = body.len() / HASH_BYTES - 1;
        let commitments = (0..count).map(|_| reader.array()).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { id, commitments })
    }
}

/// The commitment of `party` to its contribution to the key of `piece`.
pub(super) fn commitment(
    setting: &Setting,
    party: PartyIndex,
    piece: Piece,
    contribution: &[u8; KEY_BYTES],
) -> [u8; HASH_BYTES] {
    hash(SHARING_COMMITMENT, &[&setting.id, &party.to_bytes(), &piece.to_bytes(), contribution])
}

/// Draws contributions and commits to them.
pub(super) fn start(setting: Setting, rng: &mut dyn CryptoRngCore) -> (AwaitingCommitments, Outbox) {
    let drawn = setting.pieces.held_by(setting.me).map(|piece| (piece, Secret::random(&mut *rng)));
    let contributions: BTreeMap<Piece, Secret<[u8; KEY_BYTES]>> = drawn.collect();
    let made = contributions.iter();
    let commitments =
        made.map(|(piece, mine)| commitment(&setting, setting.me, *piece, mine.expose())).collect();
    let message = CommitMessage { id: setting.id, commitments };
    let outbox = Outbox::broadcast(setting.peers(), &super::session::framed(1, &message.encode()));
    (AwaitingCommitments { contributions, commitments: message.commitments, setting }, outbox)
}

/// Waits for the peers' commitments.
pub(super) struct AwaitingCommitments {
    pub(super) contributions: BTreeMap<Piece, Secret<[u8; KEY_BYTES]>>,
    pub(super) commitments: Vec<[u8; HASH_BYTES]>,
    pub(super) setting: Setting,
}

impl AwaitingCommitments {
    /// # Errors
    /// [`Rule::SharingContext`], naming nobody.
    pub(super) fn finish(self, inbox: &Inbox<CommitMessage>) -> Result<(AwaitingOpenings, Outbox), Fault> {
        let setting = self.setting;
        // Check 1.2
        for (from, message) in inbox.iter() {
            let fault = Fault::of(from, Rule::SharingContext);
            setting.checks.enforce(message.id == setting.id, fault)?;
        }
        let mut commitments: BTreeMap<_, _> =
            inbox.iter().map(|(from, message)| (from, message.commitments.clone())).collect();
        commitments.insert(setting.me, self.commitments);
        let parts = commitments.values().map(|of_party| of_party.as_flattened());
        let view = hash_all(SHARING_COMMITMENTS, core::iter::once(setting.id.as_slice()).chain(parts));

        // Send 2
        let mut outbox = Outbox::default();
        for peer in setting.peers() {
            let common = setting.common(peer).filter_map(|piece| self.contributions.get(&piece));
            let message =
                OpenMessage { view, contributions: common.map(|mine| Secret::new(*mine.expose())).collect() };
            outbox.push(peer, super::session::framed(2, &message.encode()));
        }
        Ok((AwaitingOpenings { contributions: self.contributions, commitments, view, setting }, outbox))
    }
}
