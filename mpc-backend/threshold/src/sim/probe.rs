//! A corrupt Bob who learns an honest Alice's Delta when her extension check is left out.
//!
//! In each session he chooses 0 everywhere, but 1 for column 0 of one block. Alice's column 0 is then
//! his own plus Delta in that block only: sixteen cases, of which the check value in her reply confirms
//! one. After one session a block he knows Delta, and with it both pads of every later reply.

use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use super::memory::{InFlight, Memory};
use crate::ecdsa::mul::{BobState, INPUTS, bob_finish};
use crate::ecdsa::ot::extension::{extend, row_bytes};
use crate::ecdsa::ot::{BLOCK_BITS, BLOCKS, LEAVES};
use crate::ecdsa::presign::round1_commit::CommitmentMessage;
use crate::ecdsa::presign::round2_open::OpeningMessage;
use crate::ecdsa::presign::session::State;
use crate::group::Curve;
use crate::party::PartyIndex;
use crate::secret::Secret;

/// The cheating Bob, through all his sessions with one Alice.
pub struct Prober<C: Curve> {
    bob: PartyIndex,
    alice: PartyIndex,
    /// Blocks of Delta that are known, in order.
    delta: Vec<u8>,
    cheating: Option<BobState<C>>,
}

impl<C: Curve> Prober<C> {
    /// `bob` is corrupt, `alice` honest.
    pub const fn new(bob: PartyIndex, alice: PartyIndex) -> Self {
        Self { bob, alice, delta: Vec::new(), cheating: None }
    }

    /// Whether all of Delta is known.
    pub fn knows_all(&self) -> bool {
        self.delta.len() == BLOCKS
    }

    /// Replaces Bob's first message, and reads Alice's second.
    pub fn tamper(
        &mut self,
        wire: &mut InFlight<'_, C>,
        memory: &mut Memory<C>,
        rng: &mut dyn CryptoRngCore,
    ) {
        if (wire.from, wire.to) == (self.bob, self.alice) && !self.knows_all() {
            self.cheat(wire, rng);
        }
        if (wire.from, wire.to) == (self.alice, self.bob) && wire.message.first() == Some(&2) {
            if let Some(cheating) = self.cheating.take() {
                self.delta.extend(self.guess(wire, cheating));
                // His own session cannot use this reply, and would kill his half of the pair.
                wire.message.clear();
            } else if let Some(opened) = self.open(wire) {
                memory.opened.insert((self.alice, self.bob), opened);
            }
        }
    }

    fn cheat(&mut self, wire: &mut InFlight<'_, C>, rng: &mut dyn CryptoRngCore) -> Option<()> {
        let mut first = CommitmentMessage::decode(wire.message, C::XI).ok()?;
        let pair =
            wire.parties.get_mut(&self.bob)?.pairs.iter_mut().find(|pair| pair.peer() == self.alice)?;
        let (side, zeros) = (&mut pair.bob, alloc::vec![0; C::XI / 8]);
        let (mut message, columns) = extend(&side.sid, &side.leaves, first.extension.number, &zeros, rng);
        *message.corrections.get_mut(self.delta.len() * row_bytes(C::XI))? ^= 1;
        self.cheating = Some(BobState::choosing_zeros(side, columns, message.digest()));
        first.extension = message;
        *wire.message = first.encode(C::XI);
        Some(())
    }

    /// The one block of Delta that agrees with Alice's check value.
    fn guess(&self, wire: &InFlight<'_, C>, mut cheating: BobState<C>) -> Option<u8> {
        let message = OpeningMessage::<C>::decode(wire.message).ok()?;
        let pair = wire.parties.get(&self.bob)?.pairs.get(self.alice)?;
        let own = *cheating.columns().first()?;
        (0..LEAVES as u8).find(|guess| {
            let column = own ^ (u128::from(*guess) << (BLOCK_BITS * self.delta.len()));
            cheating.replace_column(0, column);
            let verdict = bob_finish(&pair.bob.sid, &cheating, &message.opening.view, &message.reply).1;
            bool::from(verdict)
        })
    }

    /// c of Alice: minus what Bob would get from her own columns, which Delta gives him.
    fn open(&self, wire: &mut InFlight<'_, C>) -> Option<[C::Scalar; INPUTS]> {
        let message = OpeningMessage::<C>::decode(wire.message).ok()?;
        let State::Openings(state) = &wire.session?.state else { return None };
        let pair =
            wire.parties.get_mut(&self.bob)?.pairs.iter_mut().find(|pair| pair.peer() == self.alice)?;
        let bob = state.bobs.get(&self.alice)?;
        let delta =
            self.delta.iter().rev().fold(0_u128, |sum, block| (sum << BLOCK_BITS) | u128::from(*block));
        let hers = bob.columns().iter().zip(bob.choices()).map(
            |(column, chosen)| {
                if chosen { column ^ delta } else { *column }
            },
        );
        let columns = Secret::new(hers.collect());
        let hers = BobState::choosing_zeros(&mut pair.bob, columns, bob.digest());
        let (outputs, verdict) = bob_finish(&pair.bob.sid, &hers, &state.opening.view, &message.reply);
        bool::from(verdict).then(|| outputs.expose().map(|output| -output))
    }
}
