//! The operations on secrets one by one, with the secrets laid open: for checks that time says nothing
//! about them.

use alloc::vec::Vec;

use rand_core::CryptoRngCore;
use subtle::Choice;

use super::Party;
use crate::ecdsa::Presignature;
use crate::ecdsa::mul::{BobState, CHECKS, Outputs, Reply, alice_check, alice_reply, bob_finish, bob_start};
use crate::ecdsa::ot::extension::{Columns, ExtensionMessage};
use crate::ecdsa::ot::{BLOCKS, LEAVES, Leaves};
use crate::ecdsa::pair::{AliceSide, BobSide};
use crate::ecdsa::presign::zero_part;
use crate::group::Curve;
use crate::party::PartyIndex;
use crate::secret::Secret;
use crate::transcript::ZERO_KEY;

const SID: [u8; 32] = [9; 32];
const VIEW: [u8; 32] = [1; 32];

/// One multiplication between two parties, over ideal base OTs, step by step.
///
/// # Panics
/// Every step does when those before it were left out.
pub struct Multiplication<C: Curve> {
    alice: AliceSide,
    bob: BobSide,
    state: Option<BobState<C>>,
    message: Option<ExtensionMessage>,
    columns: Option<Columns>,
    reply: Option<Reply<C>>,
    outputs: Vec<Outputs<C>>,
}

const ORDER: &str = "the steps are taken in order";

impl<C: Curve> Multiplication<C> {
    /// A fresh direction. The gadget, which is public, is derived here.
    pub fn new(rng: &mut dyn CryptoRngCore) -> Self {
        let mut all = [[[0; 16]; LEAVES]; BLOCKS];
        rng.fill_bytes(all.as_flattened_mut().as_flattened_mut());
        let mut delta = [0_u8; BLOCKS];
        rng.fill_bytes(&mut delta);
        let mut known = all;
        for (leaves, hole) in known.iter_mut().zip(&mut delta) {
            *hole %= LEAVES as u8;
            if let Some(leaf) = leaves.get_mut(usize::from(*hole)) {
                *leaf = [0; 16];
            }
        }
        let mut alice = AliceSide::new(SID, Leaves::new(known), Secret::new(delta));
        let mut bob = BobSide::new(SID, Leaves::new(all));
        alice.gadgets.of::<C>(&SID);
        bob.gadgets.of::<C>(&SID);
        Self { alice, bob, state: None, message: None, columns: None, reply: None, outputs: Vec::new() }
    }

    /// Alice's leaves and Delta, Bob's leaves.
    pub fn secrets(&mut self) -> [&mut [u8]; 3] {
        [
            self.alice.leaves.expose_mut().as_flattened_mut().as_flattened_mut(),
            self.alice.delta.expose_mut(),
            self.bob.leaves.expose_mut().as_flattened_mut().as_flattened_mut(),
        ]
    }

    /// Bob draws his choice bits and the gadget product, and extends.
    pub fn bob_starts(&mut self, rng: &mut dyn CryptoRngCore) {
        let (state, message) = bob_start(&mut self.bob, rng);
        (self.state, self.message) = (Some(state), Some(message));
    }

    /// What Bob has sent.
    pub fn message(&mut self) -> &mut ExtensionMessage {
        self.message.as_mut().expect(ORDER)
    }

    /// Alice's check of the extension.
    pub fn alice_checks(&mut self) -> Choice {
        let (columns, verdict) = alice_check::<C>(&self.alice, self.message.as_ref().expect(ORDER));
        self.columns = Some(columns);
        verdict
    }

    /// Alice's reply for her two inputs.
    pub fn alice_replies(&mut self, inputs: [&Secret<C::Scalar>; 2], rng: &mut dyn CryptoRngCore) {
        let digest = self.message.as_ref().expect(ORDER).digest();
        let columns = self.columns.as_ref().expect(ORDER);
        let (reply, outputs) =
            alice_reply::<C, CHECKS>(&mut self.alice, columns, &digest, &VIEW, inputs, rng);
        self.reply = Some(reply);
        self.outputs.push(outputs);
    }

    /// Bob's outputs and his check of Alice's reply.
    pub fn bob_finishes(&mut self) -> Choice {
        let (state, reply) = (self.state.as_ref().expect(ORDER), self.reply.as_ref().expect(ORDER));
        let (outputs, verdict) = bob_finish(&SID, state, &VIEW, reply);
        self.outputs.push(outputs);
        verdict
    }
}

/// One peer's part of a share of zero.
pub fn zero_share<C: Curve>(me: PartyIndex, peer: PartyIndex, key: &Secret<[u8; 32]>) -> C::Scalar {
    zero_part::<C>(ZERO_KEY, me, peer, key, &VIEW)
}

/// phi_i, u_i and v_i.
pub fn presignature_secrets<C: Curve>(presignature: &mut Presignature<C>) -> [&mut C::Scalar; 3] {
    let Presignature { mask, masked_nonce, masked_key, .. } = presignature;
    [mask, masked_nonce, masked_key].map(Secret::expose_mut)
}

/// The keys of the online masks, shared with each peer.
pub fn online_keys<C: Curve>(party: &mut Party<C>) -> impl Iterator<Item = &mut [u8; 32]> {
    party.pairs.iter_mut().flat_map(|pair| [&mut pair.online_u, &mut pair.online_w].map(Secret::expose_mut))
}
