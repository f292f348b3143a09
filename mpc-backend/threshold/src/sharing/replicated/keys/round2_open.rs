//! Round 2: contributions are opened among the holders of each piece, with the echo of round 1
//! (`spec/replicated.md`).
//!
//! Proves that each contribution was fixed before any was seen. Who opens another is named.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;

use super::round1_commit::commitment;
use super::round3_confirm::{AwaitingConfirmations, ConfirmMessage};
use super::{KEY_BYTES, Setting};
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;
use crate::round::{Inbox, Outbox};
use crate::secret::Secret;
use crate::sharing::replicated::pieces::Piece;
use crate::transcript::{HASH_BYTES, SHARING_KEY, hash_all};

/// Body of the round's message.
pub(super) struct OpenMessage {
    /// Hash over all commitments as the sender saw them.
    pub(super) view: [u8; HASH_BYTES],
    /// Contributions to the keys that sender and receiver share, ascending by piece.
    pub(super) contributions: Vec<Secret<[u8; KEY_BYTES]>>,
}

impl OpenMessage {
    /// Length for a peer with which `pieces` are shared.
    pub(super) const fn bytes(pieces: usize) -> usize {
        HASH_BYTES + pieces * KEY_BYTES
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::bytes(self.contributions.len()));
        writer.bytes(&self.view);
        for one in &self.contributions {
            writer.bytes(one.expose());
        }
        writer.finish()
    }

    /// For a body whose length was checked.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let view = reader.array()?;
        let count = body.len() / KEY_BYTES - 1;
        let contributions = (0..count).map(|_| reader.array().map(Secret::new));
        let contributions = contributions.collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { view, contributions })
    }
}

/// Waits for the peers' contributions.
pub(super) struct AwaitingOpenings {
    pub(super) contributions: BTreeMap<Piece, Secret<[u8; KEY_BYTES]>>,
    /// By party, then ascending by the pieces that it holds.
    pub(super) commitments: BTreeMap<PartyIndex, Vec<[u8; HASH_BYTES]>>,
    pub(super) view: [u8; HASH_BYTES],
    pub(super) setting: Setting,
}

impl AwaitingOpenings {
    /// # Errors
    /// [`Rule::SharingCommitments`] naming nobody; [`Rule::SharingOpening`] naming the sender.
    pub(super) fn finish(self, inbox: &Inbox<OpenMessage>) -> Result<(AwaitingConfirmations, Outbox), Fault> {
        let Self { contributions, commitments, view, setting } = self;
        // Check 2.2
        for (from, message) in inbox.iter() {
            let fault = Fault::of(from, Rule::SharingCommitments);
            setting.checks.enforce(message.view == view, fault)?;
        }
        let mut all: BTreeMap<Piece, BTreeMap<PartyIndex, &Secret<[u8; KEY_BYTES]>>> = contributions
            .iter()
            .map(|(piece, mine)| (*piece, BTreeMap::from([(setting.me, mine)])))
            .collect();
        for (from, message) in inbox.iter() {
            let committed: BTreeMap<_, _> =
                setting.pieces.held_by(from).zip(commitments.get(&from).into_iter().flatten()).collect();
            for (piece, opened) in setting.common(from).zip(&message.contributions) {
                // Check 2.3
                let made = commitment(&setting, from, piece, opened.expose());
                let held = committed.get(&piece).is_some_and(|said| said.ct_eq(&made).into());
                setting.checks.enforce(held, Fault::of(from, Rule::SharingOpening))?;
                all.entry(piece).or_default().insert(from, opened);
            }
        }
        let keys: BTreeMap<_, _> =
            all.iter().map(|(piece, opened)| (*piece, key(&setting, *piece, opened))).collect();

        // Send 3
        let message = ConfirmMessage::new(&setting, &view, &keys);
        let outbox = Outbox::broadcast(setting.peers(), &super::session::framed(3, &message.encode()));
        Ok((AwaitingConfirmations { keys, confirmations: message.confirmations, view, setting }, outbox))
    }
}

/// The key of `piece` from its holders' contributions.
fn key(
    setting: &Setting,
    piece: Piece,
    opened: &BTreeMap<PartyIndex, &Secret<[u8; KEY_BYTES]>>,
) -> Secret<[u8; KEY_BYTES]> {
    let number = piece.to_bytes();
    let context = [setting.id.as_slice(), &number];
    let parts = opened.values().map(|one| one.expose().as_slice());
    Secret::new(hash_all(SHARING_KEY, context.into_iter().chain(parts)))
}
