//! Strict mode (nonce rule R3): a presignature names a witness outside its signer set at birth, and each
//! signer answers only with that witness's grant. So a signer whose memory was copied gives two answers
//! only to one and the same request (specification of ECDSA, section 7).
//!
//! A witness writes its grants into a book in memory. The first book bears the boot id; a full one is
//! closed and the next begun, and presignatures that name an earlier book are dead.

use std::collections::BTreeMap;

use proto::statement::Statement;
use rand_core::CryptoRngCore;
use threshold::ecdsa::Witness;

use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::peers::Why;
use crate::sessions::{PoolKey, PresignatureId, party};

/// What this node granted, since its start or since the last book was full.
pub(crate) struct Book {
    id: [u8; 16],
    grants: BTreeMap<PresignatureId, [u8; 32]>,
}

impl Book {
    pub(crate) fn new(id: [u8; 16]) -> Self {
        Self { id, grants: BTreeMap::new() }
    }

    pub(crate) fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// Writes down what is granted: one statement for each presignature, which may be given again.
    pub(crate) fn grant(
        &mut self,
        book_id: &[u8],
        presignature: PresignatureId,
        statement: &Statement,
    ) -> Result<(), Why> {
        if book_id != self.id {
            return Err("this witness has begun another book: the presignature is older than its last start");
        }
        let granted = self.grants.entry(presignature).or_insert(statement.0);
        if *granted == statement.0 { Ok(()) } else { Err("the presignature was granted to another request") }
    }

    pub(crate) fn is_full(&self, grants_max: u32) -> bool {
        self.grants.len() >= grants_max as usize
    }
}

impl Engine {
    /// The nodes that may witness for this signer set.
    fn witnesses(&self, pool: &PoolKey) -> impl Iterator<Item = Witness> {
        let outside = self.peers.iter().filter(|(node, _)| !pool.signers.contains(node));
        let usable = outside.filter(|(node, peer)| self.peers.is_up(*node) && peer.quarantined.is_none());
        usable.filter_map(|(node, peer)| Some(Witness { party: party(node), book: peer.book? }))
    }

    /// Whether strict mode lacks a witness; then the nodes outside the set, none of which is there.
    pub(crate) fn missing_witness(&self, pool: &PoolKey) -> Option<Vec<NodeIndex>> {
        let missing = self.me.limits.strict && self.witnesses(pool).next().is_none();
        let outside = self.peers.iter().map(|(node, _)| node).filter(|node| !pool.signers.contains(node));
        missing.then(|| outside.collect())
    }

    /// The witness of the presignature of this number: all that are up take turns.
    pub(crate) fn choose_witness(&self, pool: &PoolKey, number: u64) -> Result<Option<Witness>, Why> {
        if !self.me.limits.strict {
            return Ok(None);
        }
        let mut usable: Vec<Witness> = self.witnesses(pool).collect();
        let turn = number.checked_rem(usable.len() as u64).ok_or("no witness is connected")?;
        Ok(Some(usable.swap_remove(usize::try_from(turn).unwrap_or_default())))
    }

    /// The witness that a coordinator ordered. It chooses freely: whom it chooses does not matter as
    /// long as it stands outside the set.
    pub(crate) fn check_witness(
        &self,
        pool: &PoolKey,
        node: u32,
        book_id: &[u8],
    ) -> Result<Option<Witness>, Why> {
        if node == 0 && !self.me.limits.strict {
            return Ok(None);
        }
        if node == 0 {
            return Err("presign order without a witness, and this node is in strict mode");
        }
        let mut usable = self.witnesses(pool);
        let named = usable.find(|witness| u32::from(witness.party.get()) == node && witness.book == book_id);
        named.map(Some).ok_or("presign order whose witness is not connected, or has another book")
    }

    /// Begins the next book, and tells the peers.
    pub(crate) fn turn_book(&mut self, rng: &mut dyn CryptoRngCore) {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        self.book = Book::new(id);
        let up: Vec<NodeIndex> =
            self.peers.iter().map(|(peer, _)| peer).filter(|peer| self.peers.is_up(*peer)).collect();
        up.into_iter().for_each(|peer| self.send_hello(peer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_grants_a_presignature_to_one_request() {
        let mut book = Book::new([1; 16]);
        let (one, other) = (Statement([1; 32]), Statement([2; 32]));
        assert!(book.grant(&[2; 16], [7; 32], &one).is_err(), "another book");
        assert!(book.grant(&[1; 16], [7; 32], &one).is_ok());
        assert!(book.grant(&[1; 16], [7; 32], &one).is_ok(), "the same again");
        assert!(book.grant(&[1; 16], [7; 32], &other).is_err());
        assert!(book.grant(&[1; 16], [8; 32], &other).is_ok());
    }
}
