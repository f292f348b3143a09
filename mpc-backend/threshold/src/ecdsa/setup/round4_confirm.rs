//! Set-up round 4 (`spec/ecdsa.md`, step 3.4): both sides show that they hold the same transcripts and secret.
//!
//! Only after it is the pair ready. A difference ends the set-up and names nobody.

use subtle::ConstantTimeEq;

use super::{SetupContext, body};
use crate::ecdsa::pair::{Pair, PairKey};
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;
use crate::transcript::{HASH_BYTES, SETUP_CONFIRM, hash};

pub(super) const ROUND: u8 = 4;

/// Awaits the peer's confirmation.
pub(super) struct AwaitingConfirmation {
    pub(super) context: SetupContext,
    pub(super) pair: Pair,
    pub(super) expected: [u8; HASH_BYTES],
}

impl AwaitingConfirmation {
    pub(super) fn finish(self, message: &[u8]) -> Result<Pair, Fault> {
        let confirmed = body(message, ROUND, HASH_BYTES).map_err(|error| self.context.malformed(error))?;
        let same = bool::from(confirmed.ct_eq(&self.expected));
        self.context.checks.enforce(same, Fault::of(self.context.peer, Rule::SetupConfirm))?;
        Ok(self.pair)
    }
}

/// H(setup/confirm; Sigma, both transcripts, P, sender). The sender is hashed so that a
/// confirmation sent back is not one.
pub(super) fn confirmation(
    id: &[u8; 32],
    transcripts: [&[u8]; 2],
    secret: &PairKey,
    sender: PartyIndex,
) -> [u8; HASH_BYTES] {
    let [low, high] = transcripts;
    hash(SETUP_CONFIRM, &[id, low, high, secret.expose(), &sender.to_bytes()])
}
