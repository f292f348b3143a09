//! Keys of an epoch: for each piece one that its holders know and nobody else (`spec/replicated.md`,
//! section 4).
//!
//! | round | file | sends | kind |
//! |---|---|---|---|
//! | 1 | `round1_commit.rs` | identity, commitments | broadcast |
//! | 2 | `round2_open.rs` | echo of round 1, contributions | direct |
//! | 3 | `round3_confirm.rs` | confirmations | broadcast |
//!
//! All N parties take part; any failure ends the set-up and its secrets. The caller guarantees
//! authenticated, confidential channels and agreement on the [`KeysContext`].

mod round1_commit;
mod round2_open;
mod round3_confirm;
mod session;

use alloc::collections::BTreeMap;

pub use self::session::{KeysSession, Progress};
use super::pieces::{Piece, Pieces};
use super::product::Terms;
use crate::fault::{Checks, Misuse};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::secret::Secret;
use crate::transcript::{HASH_BYTES, SHARING_KEYS_ID, hash};

/// Bytes of a contribution and of a key.
pub const KEY_BYTES: usize = 32;

/// What the parties agree on before they start, and who this party is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysContext {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// Fresh and random for this set-up.
    pub session_id: [u8; 32],
    /// Epoch of the keys.
    pub epoch: u64,
    /// T and N; all N parties take part.
    pub threshold: Threshold,
    /// This party.
    pub me: PartyIndex,
}

/// The keys that a party holds in an epoch.
pub struct EpochKeys {
    pieces: Pieces,
    me: PartyIndex,
    all: SignerSet,
    /// `None` when N < 2T - 1.
    terms: Option<Terms>,
    keys: BTreeMap<Piece, Secret<[u8; KEY_BYTES]>>,
    id: [u8; HASH_BYTES],
}

impl EpochKeys {
    fn new(setting: Setting, keys: BTreeMap<Piece, Secret<[u8; KEY_BYTES]>>, id: [u8; HASH_BYTES]) -> Self {
        let Setting { pieces, all, me, .. } = setting;
        let terms = Terms::new(&pieces).ok();
        Self { pieces, me, all, terms, keys, id }
    }

    /// Who computes what of a product.
    ///
    /// # Errors
    /// [`Misuse::Threshold`] when N < 2T - 1.
    pub(super) fn terms(&self) -> Result<&Terms, Misuse> {
        self.terms.as_ref().ok_or(Misuse::Threshold)
    }

    /// Who holds what.
    pub const fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    /// This party.
    pub const fn me(&self) -> PartyIndex {
        self.me
    }

    /// Hash of context and commitments, equal at all parties.
    pub const fn id(&self) -> &[u8; HASH_BYTES] {
        &self.id
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = PartyIndex> + Clone + '_ {
        self.all.peers_of(self.me)
    }

    pub(super) fn key(&self, piece: Piece) -> Option<&[u8; KEY_BYTES]> {
        self.keys.get(&piece).map(Secret::expose)
    }
}

/// The context with what follows from it; moves from state to state.
struct Setting {
    pieces: Pieces,
    all: SignerSet,
    me: PartyIndex,
    id: [u8; HASH_BYTES],
    checks: Checks,
}

impl Setting {
    /// # Errors
    /// [`Misuse::NotASigner`] when `me` is above N; [`Misuse::Threshold`] for too many pieces.
    fn new(context: &KeysContext, checks: Checks) -> Result<Self, Misuse> {
        let threshold = context.threshold;
        let all = threshold.all();
        if !all.contains(context.me) {
            return Err(Misuse::NotASigner);
        }
        let id = hash(
            SHARING_KEYS_ID,
            &[
                &context.cluster_id,
                &context.session_id,
                &context.epoch.to_be_bytes(),
                &[threshold.needed(), threshold.parties()],
            ],
        );
        Ok(Self { pieces: Pieces::new(threshold)?, all, me: context.me, id, checks })
    }

    fn peers(&self) -> impl Iterator<Item = PartyIndex> + Clone + '_ {
        self.all.peers_of(self.me)
    }

    /// Pieces that both this party and `peer` hold, ascending.
    fn common(&self, peer: PartyIndex) -> impl Iterator<Item = Piece> + Clone + '_ {
        self.pieces.held_by(self.me).filter(move |piece| self.pieces.holds(peer, *piece))
    }
}
