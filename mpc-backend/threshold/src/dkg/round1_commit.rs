//! Round 1: every party commits to its package before it sees another (`spec/dkg.md`).
//!
//! Proves nothing yet. A different context names nobody: who is right cannot be told from here.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use frost_core::keys::dkg::{part1, round1};
use rand_core::CryptoRngCore;

use super::context::Setting;
use super::round2_open::{AwaitingOpenings, OpenMessage};
use super::suite::{Suite, encode_package, identifier};
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;
use crate::round::{Inbox, Outbox};
use crate::transcript::{DKG_COMMITMENT, DKG_COMMITMENTS, HASH_BYTES, hash, hash_all};

/// Number of this round on the wire.
pub(super) const ROUND: u8 = 1;

/// Body of the round's message.
pub(super) struct CommitMessage {
    /// Identity of the generation that the sender takes part in.
    pub(super) context: [u8; HASH_BYTES],
    /// Hash of context, sender, salt and package.
    pub(super) commitment: [u8; HASH_BYTES],
}

impl CommitMessage {
    pub(super) const BYTES: usize = 2 * HASH_BYTES;

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        writer.bytes(&self.context).bytes(&self.commitment);
        writer.finish()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let message = Self { context: reader.array()?, commitment: reader.array()? };
        reader.finish()?;
        Ok(message)
    }
}

/// What a commitment hides.
pub(super) struct Opening {
    pub(super) salt: [u8; HASH_BYTES],
    pub(super) package: Vec<u8>,
}

/// The commitment of `party` to its opening.
pub(super) fn commitment(setting: &Setting, party: PartyIndex, opening: &Opening) -> [u8; HASH_BYTES] {
    hash(DKG_COMMITMENT, &[&setting.id, &party.to_bytes(), &opening.salt, &opening.package])
}

/// Draws this party's polynomial and commits to its package.
pub(super) fn start<S: Suite>(
    setting: Setting,
    rng: &mut dyn CryptoRngCore,
) -> (AwaitingCommitments<S>, Outbox) {
    let (parties, needed) = (setting.threshold.parties(), setting.threshold.needed());
    let drawn = part1(identifier::<S>(setting.me), parties.into(), needed.into(), &mut *rng);
    let (secret, package) = drawn.expect("a threshold keeps 2 <= needed <= parties");
    let mut salt = [0; HASH_BYTES];
    rng.fill_bytes(&mut salt);
    commit(setting, secret, Opening { salt, package: encode_package(&package) })
}

/// Commits to a package that was drawn.
pub(super) fn commit<S: Suite>(
    setting: Setting,
    secret: round1::SecretPackage<S>,
    opening: Opening,
) -> (AwaitingCommitments<S>, Outbox) {
    let commitment = commitment(&setting, setting.me, &opening);
    let message = CommitMessage { context: setting.id, commitment };
    let outbox = setting.broadcast(ROUND, &message.encode());
    (AwaitingCommitments { secret, opening, commitment, setting }, outbox)
}

/// Waits for the peers' commitments.
pub(super) struct AwaitingCommitments<S: Suite> {
    pub(super) secret: round1::SecretPackage<S>,
    pub(super) opening: Opening,
    commitment: [u8; HASH_BYTES],
    pub(super) setting: Setting,
}

impl<S: Suite> AwaitingCommitments<S> {
    /// # Errors
    /// [`Rule::KeygenContext`], naming nobody.
    pub(super) fn finish(self, inbox: &Inbox<CommitMessage>) -> Result<(AwaitingOpenings<S>, Outbox), Fault> {
        let setting = self.setting;
        // Check 1.2
        for (from, message) in inbox.iter() {
            let fault = Fault::of(from, Rule::KeygenContext);
            setting.checks.enforce(message.context == setting.id, fault)?;
        }
        let mut commitments: BTreeMap<_, _> =
            inbox.iter().map(|(from, message)| (from, message.commitment)).collect();
        commitments.insert(setting.me, self.commitment);

        // Send 2
        let parts = commitments.values().map(|commitment| commitment.as_slice());
        let view = hash_all(DKG_COMMITMENTS, core::iter::once(setting.id.as_slice()).chain(parts));
        let message = OpenMessage { view, opening: self.opening };
        let outbox = setting.broadcast(super::round2_open::ROUND, &message.encode());
        let state =
            AwaitingOpenings { secret: self.secret, opening: message.opening, commitments, view, setting };
        Ok((state, outbox))
    }
}
