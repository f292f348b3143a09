//! Nonces that nodes have given to this process. One is used once: it is what makes an input fresh.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use proto::kms::NONCES_MAX;

use crate::sync::lock;

/// Nonces in stock, by node.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<BTreeMap<u8, VecDeque<[u8; 16]>>>);

impl Nonces {
    /// One of this node, if there is one. The newest: nodes forget the oldest.
    pub(super) fn take(&self, node: u8) -> Option<[u8; 16]> {
        lock(&self.0).get_mut(&node)?.pop_back()
    }

    /// Keeps what a node gave; anything else than 16 bytes is no nonce.
    pub(super) fn keep(&self, node: u8, nonces: Vec<Vec<u8>>) {
        let mut all = lock(&self.0);
        let of_node = all.entry(node).or_default();
        let nonces = nonces.into_iter().take(NONCES_MAX as usize);
        of_node.extend(nonces.filter_map(|nonce| <[u8; 16]>::try_from(nonce).ok()));
        while of_node.len() > STOCK_MAX {
            of_node.pop_front();
        }
    }

    /// How many to ask of a node with the next request.
    pub(super) fn wanted(&self, node: u8) -> u32 {
        let stock = lock(&self.0).get(&node).map_or(0, VecDeque::len);
        if stock < STOCK_LOW { NONCES_MAX } else { 0 }
    }

    /// Drops those of a node that does not know one of them: it has restarted.
    pub(super) fn clear(&self, node: u8) {
        lock(&self.0).remove(&node);
    }
}

/// Below this many of a node, more are asked for.
const STOCK_LOW: usize = 24;
/// Most of one node: fewer than it keeps for a client.
const STOCK_MAX: usize = 64;
