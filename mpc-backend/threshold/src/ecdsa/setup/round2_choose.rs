//! Set-up round 2 (`spec/ecdsa.md`, step 3.1): the base OTs' choices cross.
//!
//! As Bob this side derives both keys of every instance and grows its trees; the base-OT secret a
//! ends here. A point that is not canonical is the peer's fault. The step has no selective failure
//! of its own: the keys are a function of a and of the peer's message.

use alloc::vec::Vec;

use super::round3_grow::AwaitingTrees;
use super::{Direction, SetupContext, body};
use crate::codec::Writer;
use crate::ecdsa::ot::Delta;
use crate::ecdsa::ot::base::{CHOICES_BYTES, ReceiverKeys, Sender};
use crate::ecdsa::ot::tree;
use crate::ecdsa::pair::PairKey;
use crate::fault::Fault;

pub(super) const ROUND: u8 = 2;

/// Awaits the peer's choices.
pub(super) struct AwaitingChoices {
    pub(super) context: SetupContext,
    /// Sigma.
    pub(super) id: [u8; 32],
    /// P.
    pub(super) secret: PairKey,
    /// This side as Bob.
    pub(super) sender: Sender,
    /// This side as Alice.
    pub(super) delta: Delta,
    pub(super) keys: ReceiverKeys,
    pub(super) as_alice: Direction,
    pub(super) as_bob: Direction,
}

impl AwaitingChoices {
    pub(super) fn finish(self, message: &[u8]) -> Result<(AwaitingTrees, Vec<u8>), Fault> {
        let context = self.context;
        let choices = body(message, ROUND, CHOICES_BYTES).map_err(|error| context.malformed(error))?;
        let mut as_bob = self.as_bob;
        as_bob.choices = choices.to_vec();
        let keys = self.sender.keys(&as_bob.sid, choices).map_err(|rule| Fault::of(context.peer, rule))?;
        // Step 3.2 as Bob.
        let (leaves, trees) = tree::grow(&as_bob.sid, &keys);
        let mut writer = Writer::with_capacity(1 + trees.len());
        writer.u8(super::round3_grow::ROUND).bytes(&trees);
        let next = AwaitingTrees {
            context,
            id: self.id,
            secret: self.secret,
            delta: self.delta,
            keys: self.keys,
            leaves,
            as_alice: self.as_alice,
            bob_transcript: as_bob.transcript(&trees),
            bob_sid: as_bob.sid,
        };
        Ok((next, writer.finish()))
    }
}
