//! Round 4: all parties confirm that they ended with the same key (`spec/dkg.md`).
//!
//! Proves that every party accepted its shares and knows the same public key and commitments. A
//! verification share off the summed polynomial names its sender; different transcripts nobody.

use alloc::vec::Vec;

use super::DkgOutput;
use super::context::Setting;
use super::suite::Suite;
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Fault, Rule};
use crate::group::Point;
use crate::round::Inbox;
use crate::secret::Secret;
use crate::sharing::Commitments;
use crate::transcript::HASH_BYTES;

/// Number of this round on the wire.
pub(super) const ROUND: u8 = 4;

/// Body of the round's message.
pub(super) struct ConfirmMessage {
    /// Hash over the whole generation.
    pub(super) transcript: [u8; HASH_BYTES],
    /// The sender's share times the generator, encoded.
    pub(super) verification_share: Vec<u8>,
}

impl ConfirmMessage {
    /// Bytes for a suite with elements of this length.
    pub(super) const fn bytes(element_bytes: usize) -> usize {
        HASH_BYTES + element_bytes
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::bytes(self.verification_share.len()));
        writer.bytes(&self.transcript).bytes(&self.verification_share);
        writer.finish()
    }

    pub(super) fn decode(body: &[u8], element_bytes: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let transcript = reader.array()?;
        let verification_share = reader.bytes(element_bytes)?.to_vec();
        reader.finish()?;
        Ok(Self { transcript, verification_share })
    }
}

/// Waits for the peers' confirmations.
pub(super) struct AwaitingConfirmations<S: Suite> {
    pub(super) share: Secret<Vec<u8>>,
    pub(super) sum: Commitments<S::Point>,
    pub(super) transcript: [u8; HASH_BYTES],
    pub(super) setting: Setting,
}

impl<S: Suite> AwaitingConfirmations<S> {
    /// # Errors
    /// [`Rule::KeygenTranscript`] naming nobody; [`Rule::VerificationShare`] naming the sender.
    pub(super) fn finish(self, inbox: &Inbox<ConfirmMessage>) -> Result<DkgOutput, Fault> {
        let checks = self.setting.checks;
        // Check 4.2
        for (from, message) in inbox.iter() {
            let fault = Fault::of(from, Rule::KeygenTranscript);
            checks.enforce(message.transcript == self.transcript, fault)?;
        }
        // Check 4.3: bytes are compared, so another encoding of the right point fails as well.
        for (from, message) in inbox.iter() {
            let expected = self.sum.verification_share(from).encode();
            let fault = Fault::of(from, Rule::VerificationShare);
            checks.enforce(message.verification_share == expected, fault)?;
        }
        Ok(DkgOutput {
            share: self.share,
            public_key: self.sum.public_key().encode(),
            commitments: self.sum.encode(),
            transcript: self.transcript,
        })
    }
}
