//! What this node remembers of clients so that nothing is done twice: the nonces that it has given and not taken back,
//! and the statements that it has heard. In memory alone: after a restart none of the nonces is good any more, and no
//! connection on which a statement could come again stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_core::CryptoRngCore;

use crate::registry::PublicKey;

/// Most nonces that are outstanding for one client; the oldest are forgotten first.
const NONCES_OF_CLIENT_MAX: usize = 1024;
/// Most statements that are remembered of one client: those of four seconds at the usual quota, so that one that was
/// on its way for so long is still taken. Half a megabyte.
const HEARD_OF_CLIENT_MAX: usize = 8192;

/// Of all clients.
#[derive(Default)]
pub(in crate::client) struct Fresh {
    nonces: BTreeMap<PublicKey, VecDeque<[u8; 16]>>,
    heard: BTreeMap<PublicKey, Heard>,
}

/// Statements of one client that are not over yet. Those that expire no later than `floor` are refused, so that
/// forgetting one never lets it in again.
#[derive(Default)]
struct Heard {
    open: BTreeSet<(u64, [u8; 32])>,
    floor: u64,
}

impl Fresh {
    pub(super) fn give(
        &mut self,
        client: &PublicKey,
        count: u32,
        rng: &mut dyn CryptoRngCore,
    ) -> Vec<Vec<u8>> {
        if count == 0 {
            return Vec::new();
        }
        let of_client = self.nonces.entry(*client).or_default();
        let mut given = Vec::new();
        for _ in 0..count {
            let mut nonce = [0; 16];
            rng.fill_bytes(&mut nonce);
            given.push(nonce.to_vec());
            of_client.push_back(nonce);
        }
        while of_client.len() > NONCES_OF_CLIENT_MAX {
            of_client.pop_front();
        }
        given
    }

    /// Whether the nonce was outstanding for this client; it is not any more.
    pub(super) fn take(&mut self, client: &PublicKey, nonce: &[u8; 16]) -> bool {
        let Some(of_client) = self.nonces.get_mut(client) else { return false };
        // The newest are used first.
        let found = of_client.iter().rposition(|known| known == nonce);
        found.and_then(|at| of_client.remove(at)).is_some()
    }

    /// Whether this statement is heard for the first time.
    pub(super) fn hear(&mut self, client: &PublicKey, now_ms: u64, expires_ms: u64, nonce: [u8; 32]) -> bool {
        let heard = self.heard.entry(*client).or_default();
        while heard.open.first().is_some_and(|(expires, _)| *expires < now_ms) {
            heard.open.pop_first();
        }
        if expires_ms <= heard.floor || !heard.open.insert((expires_ms, nonce)) {
            return false;
        }
        while heard.open.len() > HEARD_OF_CLIENT_MAX {
            if let Some((expires, _)) = heard.open.pop_first() {
                heard.floor = heard.floor.max(expires);
            }
        }
        true
    }

    /// The client's last connection is gone.
    pub(in crate::client) fn forget(&mut self, client: &PublicKey) {
        self.nonces.remove(client);
    }

    /// Forgets clients that are not enrolled any more.
    pub(in crate::client) fn keep(&mut self, is_enrolled: impl Fn(&PublicKey) -> bool) {
        self.nonces.retain(|client, _| is_enrolled(client));
        self.heard.retain(|client, _| is_enrolled(client));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_and_by_its_client_only() {
        let mut fresh = Fresh::default();
        let mut rng = rand_core::OsRng;
        let given = fresh.give(&[1; 32], 2, &mut rng);
        let nonce: [u8; 16] =
            given.first().and_then(|nonce| nonce.as_slice().try_into().ok()).unwrap_or_default();
        assert!(!fresh.take(&[2; 32], &nonce));
        assert!(fresh.take(&[1; 32], &nonce));
        assert!(!fresh.take(&[1; 32], &nonce));
        fresh.give(&[1; 32], 2 * NONCES_OF_CLIENT_MAX as u32, &mut rng);
        assert_eq!(fresh.nonces.get(&[1; 32]).map(VecDeque::len), Some(NONCES_OF_CLIENT_MAX));
    }

    #[test]
    fn a_statement_is_heard_once_even_when_it_had_to_be_forgotten() {
        let mut fresh = Fresh::default();
        assert!(fresh.hear(&[1; 32], 0, 1000, [0; 32]));
        assert!(!fresh.hear(&[1; 32], 0, 1000, [0; 32]));
        assert!(fresh.hear(&[2; 32], 0, 1000, [0; 32]));
        for (at, expires) in (1001..).enumerate().take(2 * HEARD_OF_CLIENT_MAX) {
            let mut nonce = [1; 32];
            nonce.iter_mut().zip(at.to_be_bytes()).for_each(|(to, from)| *to = from);
            assert!(fresh.hear(&[1; 32], 0, expires, nonce));
        }
        assert_eq!(fresh.heard.get(&[1; 32]).map(|heard| heard.open.len()), Some(HEARD_OF_CLIENT_MAX));
        assert!(!fresh.hear(&[1; 32], 0, 1000, [0; 32]));
        // What is over makes room by itself.
        assert!(fresh.hear(&[1; 32], 100_000, 101_000, [9; 32]));
        assert_eq!(fresh.heard.get(&[1; 32]).map(|heard| heard.open.len()), Some(1));
    }
}
