//! Sessions: a fresh id, the view of all messages, and draws (`spec/replicated.md`, section 4).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use arith::integer::Integer;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::keys::EpochKeys;
use super::pieces::{Piece, Pieces};
use super::shared::Shared;
use crate::codec::{DecodeError, Reader};
use crate::fault::{Checks, Fault, Rule};
use crate::party::PartyIndex;
use crate::round::{Inbox, Outbox, RawRound};
use crate::transcript::{
    HASH_BYTES, Label, SHARING_PIECE, SHARING_SESSION, SHARING_VIEW, SHARING_ZERO, expand, hash, hash_all,
};

/// Bytes of the session's first message.
pub const NONCE_BYTES: usize = 32;

/// Draws nonces; the message opens the session. `purpose` is a hash of what the session is for, equal
/// at all parties.
pub fn start(
    keys: Arc<EpochKeys>,
    purpose: [u8; HASH_BYTES],
    checks: Checks,
    rng: &mut dyn CryptoRngCore,
) -> (AwaitingNonces, Outbox) {
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let outbox = Outbox::broadcast(keys.peers(), &nonce);
    (AwaitingNonces { keys, purpose, nonce, checks }, outbox)
}

/// Waits for the peers' nonces.
pub struct AwaitingNonces {
    keys: Arc<EpochKeys>,
    purpose: [u8; HASH_BYTES],
    nonce: [u8; NONCE_BYTES],
    checks: Checks,
}

impl AwaitingNonces {
    /// The session, once there is a nonce of every peer.
    ///
    /// # Errors
    /// [`Rule::Malformed`].
    pub fn finish(self, raw: &RawRound) -> Result<Session, Fault> {
        let nonces = Inbox::decode(raw, |body| -> Result<[u8; NONCE_BYTES], DecodeError> {
            let mut reader = Reader::new(body);
            let nonce = reader.array()?;
            reader.finish()?;
            Ok(nonce)
        })?;
        let mut all: BTreeMap<PartyIndex, [u8; NONCE_BYTES]> =
            nonces.iter().map(|(from, nonce)| (from, *nonce)).collect();
        all.insert(self.keys.me(), self.nonce);
        let parts = [self.keys.id().as_slice(), &self.purpose];
        let nonces = all.values().map(|nonce| nonce.as_slice());
        let id = hash_all(SHARING_SESSION, parts.into_iter().chain(nonces));
        Ok(Session {
            keys: self.keys,
            id,
            view: id,
            draws: 0,
            checks: self.checks,
            said: Zeroizing::default(),
        })
    }
}

/// A session in which all parties do the same steps in the same order.
pub struct Session {
    keys: Arc<EpochKeys>,
    id: [u8; HASH_BYTES],
    /// Hash of all messages so far.
    view: [u8; HASH_BYTES],
    /// Draws so far. Only counts up, so that no output of the PRF has two uses.
    draws: u64,
    checks: Checks,
    /// This party's own message of the round that is not over.
    said: Zeroizing<Vec<u8>>,
}

/// Number of a draw, which cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(u64);

impl Session {
    /// The keys that the session draws from.
    pub const fn keys(&self) -> &Arc<EpochKeys> {
        &self.keys
    }

    /// Who holds what.
    pub fn pieces(&self) -> &Pieces {
        self.keys.pieces()
    }

    /// This party.
    pub fn me(&self) -> PartyIndex {
        self.keys.me()
    }

    /// The session's identity, equal at all parties.
    pub const fn id(&self) -> &[u8; HASH_BYTES] {
        &self.id
    }

    /// Hash of all messages so far.
    pub(crate) const fn view(&self) -> &[u8; HASH_BYTES] {
        &self.view
    }

    /// Lets a liar believe that it said `body`.
    #[cfg(test)]
    pub(crate) fn say(&mut self, body: &[u8]) {
        self.said = Zeroizing::new(body.to_vec());
    }

    /// This party's own message of the round that is not over.
    #[cfg(feature = "sim")]
    pub(crate) fn said_mut(&mut self) -> &mut [u8] {
        &mut self.said
    }

    /// Passes when the check `held`.
    ///
    /// # Errors
    /// `fault` when it did not.
    pub(crate) fn enforce(&self, held: bool, fault: Fault) -> Result<(), Fault> {
        self.checks.enforce(held, fault)
    }

    pub(crate) const fn checks(&self) -> Checks {
        self.checks
    }

    /// A random shared integer: each piece uniform in 0..2^`bits`, for `bits` up to the width.
    pub fn draw(&mut self, bits: usize, limbs: usize) -> Shared {
        let draw = self.next_draw();
        Shared::new(self.pieces(), self.me(), limbs, |piece| {
            self.stream(SHARING_PIECE, piece, draw, 0, bits.min(64 * limbs), limbs)
        })
    }

    /// This party's share of zero: a sum over all parties.
    pub(super) fn draw_zero(&mut self, limbs: usize) -> (Integer, Draw) {
        let draw = self.next_draw();
        let held = self.pieces().held_by(self.me());
        let known: BTreeMap<_, _> = held.map(|piece| (piece, self.zero_stream(piece, draw, limbs))).collect();
        (zero_share(self.pieces(), self.me(), &known, limbs), draw)
    }

    /// What the zero shares of a draw are made of, for one piece: a value for each holder.
    pub(super) fn zero_stream(&self, piece: Piece, draw: Draw, limbs: usize) -> Vec<Integer> {
        let holders = self.pieces().holders_each();
        let value = |position| self.stream(SHARING_ZERO, piece, draw, position, 64 * limbs, limbs);
        (0..holders).map(|position| value(position as u8)).collect()
    }

    pub(super) fn next_draw(&mut self) -> Draw {
        let draw = Draw(self.draws);
        self.draws = self.draws.checked_add(1).expect("no session draws 2^64 times");
        draw
    }

    fn stream(
        &self,
        label: Label,
        piece: Piece,
        draw: Draw,
        position: u8,
        bits: usize,
        limbs: usize,
    ) -> Integer {
        let mut bytes = Zeroizing::new(alloc::vec![0; bits.div_ceil(8)]);
        self.expand(label, piece, draw, &[position], &mut bytes);
        let unused = 8 * bytes.len() - bits;
        bytes.iter_mut().take(1).for_each(|top| *top &= 0xff >> unused);
        Integer::from_be_bytes(&bytes, limbs)
    }

    /// PRF_A(label, draw, index).
    pub(super) fn expand(&self, label: Label, piece: Piece, draw: Draw, index: &[u8], bytes: &mut [u8]) {
        let key = self.keys.key(piece).expect("a party draws its own pieces only");
        expand(label, &[key, &self.id, &piece.to_bytes(), &draw.0.to_be_bytes(), index], bytes);
    }

    /// The same `body` for every peer, behind the view. Kept until the round is complete.
    pub(crate) fn broadcast(&mut self, body: Zeroizing<Vec<u8>>) -> Outbox {
        self.said = body;
        Outbox::broadcast(self.keys.peers(), &[&self.view, self.said.as_slice()].concat())
    }

    /// Bodies of a complete round by sender, decoded; what this party broadcast included. The view moves on.
    ///
    /// # Errors
    /// [`Rule::Malformed`] naming the sender of a body that does not decode, [`Rule::SharingView`].
    pub(crate) fn accept<M>(
        &mut self,
        raw: &RawRound,
        decode: impl Fn(PartyIndex, &[u8]) -> Result<M, DecodeError>,
    ) -> Result<BTreeMap<PartyIndex, M>, Fault> {
        let said = core::mem::take(&mut self.said);
        let mut bodies: BTreeMap<PartyIndex, &[u8]> = BTreeMap::from([(self.me(), said.as_slice())]);
        for (from, message) in raw {
            let (view, body) =
                message.split_first_chunk::<HASH_BYTES>().ok_or(Fault::of(*from, Rule::Malformed))?;
            // Check 4.2
            self.checks.enforce(*view == self.view, Fault::of(*from, Rule::SharingView))?;
            bodies.insert(*from, body);
        }
        let mut decoded = BTreeMap::new();
        for (from, body) in &bodies {
            decoded.insert(*from, decode(*from, body).map_err(|_| Fault::of(*from, Rule::Malformed))?);
        }
        let digests: Vec<_> = bodies
            .iter()
            .map(|(from, body)| hash(SHARING_VIEW, &[from.to_bytes().as_slice(), body]))
            .collect();
        let parts = core::iter::once(self.view.as_slice()).chain(digests.iter().map(|one| one.as_slice()));
        self.view = hash_all(SHARING_VIEW, parts);
        Ok(decoded)
    }
}

/// The zero share of `party` from what it knows: the values of [`Session::zero_stream`] for every piece
/// that it holds.
pub(super) fn zero_share(
    layout: &Pieces,
    party: PartyIndex,
    known: &BTreeMap<Piece, impl AsRef<[Integer]>>,
    limbs: usize,
) -> Integer {
    let mut share = Integer::zero(limbs);
    for piece in layout.held_by(party) {
        let Some(values) = known.get(&piece) else { continue };
        let position = layout.holders(piece).iter().position(|holder| *holder == party);
        let mut around = values.as_ref().iter().cycle().skip(position.unwrap_or(0));
        if let (Some(own), Some(next)) = (around.next(), around.next()) {
            share.add(own);
            share.subtract(next);
        }
    }
    share
}
