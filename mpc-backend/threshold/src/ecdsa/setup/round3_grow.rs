//! Set-up round 3 (`spec/ecdsa.md`, step 3.2): the trees cross, and Alice checks hers.
//!
//! A failed tree check is the peer's fault and ends the set-up with its Delta: a peer who guessed
//! bits of Delta learns whether he was right, once. The keys of step 3.1 end here.

use alloc::vec::Vec;

use super::round4_confirm::{AwaitingConfirmation, confirmation};
use super::{Direction, SetupContext, body};
use crate::codec::Writer;
use crate::ecdsa::ot::base::ReceiverKeys;
use crate::ecdsa::ot::tree::{TREES_BYTES, puncture};
use crate::ecdsa::ot::{Delta, Leaves};
use crate::ecdsa::pair::{AliceSide, BobSide, Boots, Pair, PairKey};
use crate::fault::{Fault, Rule};
use crate::secret::Secret;
use crate::transcript::{PAIR_ONLINE_U, PAIR_ONLINE_W, PAIR_ZERO_KEY, hash};

pub(super) const ROUND: u8 = 3;

/// Awaits the peer's trees.
pub(super) struct AwaitingTrees {
    pub(super) context: SetupContext,
    /// Sigma.
    pub(super) id: [u8; 32],
    /// P.
    pub(super) secret: PairKey,
    pub(super) delta: Delta,
    pub(super) keys: ReceiverKeys,
    /// All leaves of this side's own trees.
    pub(super) leaves: Leaves,
    pub(super) as_alice: Direction,
    pub(super) bob_transcript: [u8; 32],
    pub(super) bob_sid: [u8; 32],
}

impl AwaitingTrees {
    pub(super) fn finish(self, message: &[u8]) -> Result<(AwaitingConfirmation, Vec<u8>), Fault> {
        let context = self.context;
        let trees = body(message, ROUND, TREES_BYTES).map_err(|error| context.malformed(error))?;
        let sid = self.as_alice.sid;
        let (known, verdict) = puncture(&sid, &self.keys, &self.delta, trees);
        context.checks.enforce(verdict.into(), Fault::of(context.peer, Rule::Tree))?;

        // Step 3.3: the pair's keys by label.
        let key = |label| Secret::new(hash(label, &[self.secret.expose()]));
        let pair = Pair::new(
            context.peer,
            self.id,
            Boots { mine: context.my_boot, peers: context.peer_boot },
            AliceSide::new(sid, known, self.delta),
            BobSide::new(self.bob_sid, self.leaves),
            [key(PAIR_ZERO_KEY), key(PAIR_ONLINE_U), key(PAIR_ONLINE_W)],
        );
        // Step 3.4: the transcript of the direction whose Alice is low stands first.
        let alice_transcript = self.as_alice.transcript(trees);
        let transcripts = context.low_high(&alice_transcript, &self.bob_transcript);
        let confirm = |sender| confirmation(&self.id, transcripts, &self.secret, sender);
        let mut writer = Writer::with_capacity(33);
        writer.u8(super::round4_confirm::ROUND).bytes(&confirm(context.me));
        let expected = confirm(context.peer);
        Ok((AwaitingConfirmation { context, pair, expected }, writer.finish()))
    }
}
