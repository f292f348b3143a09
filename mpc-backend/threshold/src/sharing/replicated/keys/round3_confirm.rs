//! Round 3: every holder shows that it has the same key (`spec/replicated.md`).
//!
//! Views and openings were checked, so all honest holders have one key, and who confirms another is
//! named.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{EpochKeys, KEY_BYTES, Setting};
use crate::codec::{DecodeError, Reader};
use crate::fault::{Fault, Rule};
use crate::round::Inbox;
use crate::secret::Secret;
use crate::sharing::replicated::pieces::Piece;
use crate::transcript::{HASH_BYTES, SHARING_CONFIRM, hash};

/// Body of the round's message.
pub(super) struct ConfirmMessage {
    /// A hash of each key that the sender holds, ascending by piece.
    pub(super) confirmations: Vec<[u8; HASH_BYTES]>,
}

impl ConfirmMessage {
    /// Length for a party that holds `pieces`.
    pub(super) const fn bytes(pieces: usize) -> usize {
        pieces * HASH_BYTES
    }

    pub(super) fn new(
        setting: &Setting,
        view: &[u8; HASH_BYTES],
        keys: &BTreeMap<Piece, Secret<[u8; KEY_BYTES]>>,
    ) -> Self {
        let confirmation = |(piece, key): (&Piece, &Secret<[u8; KEY_BYTES]>)| {
            hash(SHARING_CONFIRM, &[&setting.id, view, &piece.to_bytes(), key.expose()])
        };
        Self { confirmations: keys.iter().map(confirmation).collect() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.confirmations.as_flattened().to_vec()
    }

    /// For a body whose length was checked.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let count = body.len() / HASH_BYTES;
        let confirmations = (0..count).map(|_| reader.array()).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { confirmations })
    }
}

/// Waits for the peers' confirmations.
pub(super) struct AwaitingConfirmations {
    pub(super) keys: BTreeMap<Piece, Secret<[u8; KEY_BYTES]>>,
    pub(super) confirmations: Vec<[u8; HASH_BYTES]>,
    pub(super) view: [u8; HASH_BYTES],
    pub(super) setting: Setting,
}

impl AwaitingConfirmations {
    /// # Errors
    /// [`Rule::SharingConfirm`], naming the sender.
    pub(super) fn finish(self, inbox: &Inbox<ConfirmMessage>) -> Result<EpochKeys, Fault> {
        let setting = self.setting;
        let mine: BTreeMap<_, _> = setting.pieces.held_by(setting.me).zip(&self.confirmations).collect();
        for (from, message) in inbox.iter() {
            for (piece, theirs) in setting.pieces.held_by(from).zip(&message.confirmations) {
                // Check 3.2
                let same = mine.get(&piece).is_none_or(|own| *own == theirs);
                setting.checks.enforce(same, Fault::of(from, Rule::SharingConfirm))?;
            }
        }
        Ok(EpochKeys::new(setting, self.keys, self.view))
    }
}
