//! What corrupt parties know: the memory of their sessions and their part of the traffic.
//!
//! For solvers that look for leaks. Honest parties' states are never read.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Party;
use crate::ecdsa::mul::{INPUTS, bob_finish};
use crate::ecdsa::presign::round1_commit::CommitmentMessage;
use crate::ecdsa::presign::round2_open::{AwaitingOpenings, OpeningMessage};
use crate::ecdsa::presign::session::State;
use crate::ecdsa::presign::zero_part;
use crate::ecdsa::{Pairs, PresignSession};
use crate::group::{Curve, Point};
use crate::party::{PartyIndex, SignerSet};
use crate::transcript::{ONLINE_U, ONLINE_W, ZERO_KEY};

/// A message on its way, before its receiver sees it.
pub struct InFlight<'a, C: Curve> {
    /// Who sends it.
    pub from: PartyIndex,
    /// Who will get it.
    pub to: PartyIndex,
    /// Its bytes, to be read or replaced.
    pub message: &'a mut Vec<u8>,
    /// The receiver's session, if it still has one.
    pub session: Option<&'a PresignSession<C>>,
    /// All parties with their pairs.
    pub parties: &'a mut BTreeMap<PartyIndex, Party<C>>,
}

/// One corrupt party's secrets of one session.
pub struct Held<C: Curve> {
    /// r.
    pub nonce_share: C::Scalar,
    /// phi.
    pub mask: C::Scalar,
    /// sk: its weighted share with the zero share.
    pub key_share: C::Scalar,
    /// Its part of the zero share with each peer.
    pub zero_parts: BTreeMap<PartyIndex, C::Scalar>,
    /// chi as Bob, by Alice.
    pub product_shares: BTreeMap<PartyIndex, C::Scalar>,
    /// c as Alice, by Bob.
    pub as_alice: BTreeMap<PartyIndex, [C::Scalar; INPUTS]>,
    /// d as Bob, by Alice.
    pub as_bob: BTreeMap<PartyIndex, [C::Scalar; INPUTS]>,
}

/// What the corrupt parties of one presigning hold together.
pub struct Memory<C: Curve> {
    corrupt: BTreeSet<PartyIndex>,
    /// Secrets, by corrupt party.
    pub held: BTreeMap<PartyIndex, Held<C>>,
    /// psi from one to another, of every message that a corrupt party sent or got.
    pub mask_differences: BTreeMap<(PartyIndex, PartyIndex), C::Scalar>,
    /// Extension number and hidden choices, from Bob to corrupt Alice. Under one number the hidden
    /// choices are equal exactly if the choices are.
    pub hidden_choices: BTreeMap<(PartyIndex, PartyIndex), (u64, Vec<u8>)>,
    /// R of each party, from the openings.
    nonce_points: BTreeMap<PartyIndex, C::Point>,
    /// c of an honest Alice, by her and corrupt Bob, once her Delta is known.
    pub opened: BTreeMap<(PartyIndex, PartyIndex), [C::Scalar; INPUTS]>,
}

impl<C: Curve> Memory<C> {
    /// Nothing yet, for these corrupt parties.
    pub fn new(corrupt: impl IntoIterator<Item = PartyIndex>) -> Self {
        Self {
            corrupt: corrupt.into_iter().collect(),
            held: BTreeMap::new(),
            mask_differences: BTreeMap::new(),
            hidden_choices: BTreeMap::new(),
            nonce_points: BTreeMap::new(),
            opened: BTreeMap::new(),
        }
    }

    /// Whether every corrupt party of `signers` has heard the second round of all its peers.
    pub fn is_complete(&self, signers: &SignerSet) -> bool {
        let mut members = signers.iter().filter(|party| self.corrupt.contains(party));
        members.all(|party| self.held.get(&party).is_some_and(|held| held.as_bob.len() + 1 == signers.len()))
    }

    /// Whether the opened nonce points cancel: the one case in which R says something linear.
    pub fn nonces_cancel(&self) -> bool {
        let sum = self.nonce_points.values().fold(C::Point::identity(), |sum, point| sum.add(point));
        sum.is_identity()
    }

    /// Takes in a message that a corrupt party sends or gets, and the receiver's state if it is one.
    pub fn see(&mut self, wire: &InFlight<'_, C>) {
        let (from, to) = (wire.from, wire.to);
        if !self.corrupt.contains(&from) && !self.corrupt.contains(&to) {
            return;
        }
        if let Ok(second) = OpeningMessage::<C>::decode(wire.message) {
            self.mask_differences.insert((from, to), *second.mask_difference.expose());
            self.nonce_points.insert(from, second.opening.nonce_point.clone());
        }
        if !self.corrupt.contains(&to) {
            return;
        }
        if let Ok(first) = CommitmentMessage::decode(wire.message, C::XI) {
            let row = first.extension.corrections.get(..C::XI / 8).unwrap_or_default();
            self.hidden_choices.insert((from, to), (first.extension.number, row.to_vec()));
        }
        if let Some(State::Openings(state)) = wire.session.map(|session| &session.state)
            && let Some(pairs) = wire.parties.get(&to).map(|party| &party.pairs)
        {
            let held = self.held.entry(to).or_insert_with(|| held(state, pairs));
            let reply = OpeningMessage::<C>::decode(wire.message).ok();
            if let Some(((message, bob), pair)) = reply.zip(state.bobs.get(&from)).zip(pairs.get(from)) {
                let (outputs, _) = bob_finish(&pair.bob.sid, bob, &state.opening.view, &message.reply);
                held.as_bob.insert(from, *outputs.expose());
            }
        }
    }
}

fn held<C: Curve>(state: &AwaitingOpenings<C>, pairs: &Pairs) -> Held<C> {
    let me = state.session.context.me;
    let view = &state.opening.view;
    let zero = |peer: &PartyIndex| {
        let pair = pairs.get(*peer)?;
        Some((*peer, zero_part::<C>(ZERO_KEY, me, *peer, &pair.zero_key, view)))
    };
    Held {
        nonce_share: *state.nonce_share.expose(),
        mask: *state.mask.expose(),
        key_share: *state.key_share.expose(),
        zero_parts: state.bobs.keys().filter_map(zero).collect(),
        product_shares: state.bobs.iter().map(|(peer, bob)| (*peer, *bob.product_share.expose())).collect(),
        as_alice: state.outputs.iter().map(|(peer, outputs)| (*peer, *outputs.expose())).collect(),
        as_bob: BTreeMap::new(),
    }
}

/// The parts of the masks of u and w that `me` shares with `peer`.
pub fn mask_parts<C: Curve>(
    pairs: &Pairs,
    me: PartyIndex,
    peer: PartyIndex,
    context: &[u8; 32],
) -> Option<[C::Scalar; 2]> {
    let pair = pairs.get(peer)?;
    Some([
        zero_part::<C>(ONLINE_U, me, peer, &pair.online_u, context),
        zero_part::<C>(ONLINE_W, me, peer, &pair.online_w, context),
    ])
}
