//! All pools of this node, in memory only, and their bounds: presignatures in total, of one key and of one
//! client. A pool dies with the boot id, the pair set-up or the good name of any member. The lowest member
//! leases ids; every member gives each out once.

use std::collections::BTreeMap;

use proto::client::v1::{PoolStatus, PoolsStatus};
use rand_core::CryptoRngCore;
use threshold::ecdsa::Witness;
use threshold::signing::Presignature;

use super::SessionId;
use super::pool::{Pool, PoolKey, PresignatureId};
use crate::input::{Limits, NodeIndex};
use crate::peers::Why;
use crate::registry::{Id, PublicKey};

/// Memory of one presignature with its place in a pool, in bytes, at most.
pub const PRESIGNATURE_BYTES: usize = 2048;
/// Most pools.
pub(super) const POOLS_MAX: usize = 4096;
/// A pool that was used within this time, in ms, does not make room for the background.
const IDLE_MS: u64 = 5_000;
/// How often what is too old is looked for, in ms.
const SWEEP_MS: u64 = 1_000;

/// Whose presignatures are counted.
#[derive(Clone, Copy)]
pub(super) enum Bound<'a> {
    Total,
    Key(&'a Id),
    Client(&'a PublicKey),
}

impl Bound<'_> {
    /// All bounds that one more presignature of this pool must keep.
    pub(super) fn of(key: &PoolKey) -> [Bound<'_>; 3] {
        [Bound::Client(&key.client), Bound::Key(&key.key_id), Bound::Total]
    }

    pub(super) fn covers(&self, key: &PoolKey) -> bool {
        match self {
            Self::Total => true,
            Self::Key(id) => key.key_id == **id,
            Self::Client(client) => key.client == **client,
        }
    }

    pub(super) fn most(&self, limits: &Limits) -> usize {
        let most = match self {
            Self::Total => limits.presignatures_max,
            Self::Key(_) => limits.presignatures_per_key,
            Self::Client(_) => limits.presignatures_per_client,
        };
        most as usize
    }
}

/// All pools of this node.
#[derive(Default)]
pub(crate) struct Pools {
    pub(super) pools: BTreeMap<PoolKey, Pool>,
    total: usize,
    by_key: BTreeMap<Id, usize>,
    by_client: BTreeMap<PublicKey, usize>,
    /// Last use of any pool: signing goes before refilling.
    pub(super) used_at: u64,
    /// Presignatures that made room for others.
    evicted: u64,
    swept_at: u64,
    /// Number of the last presigning that this node began.
    last_number: u64,
    /// The same of each peer, within its boot id.
    peers_number: BTreeMap<NodeIndex, u64>,
}

impl Pools {
    pub(super) fn next_number(
        &mut self,
        key: &PoolKey,
        now: u64,
        rng: &mut dyn CryptoRngCore,
    ) -> ([u8; 16], u64) {
        let pool = self.pools.entry(key.clone()).or_insert_with(|| {
            let mut block_id = [0; 16];
            rng.fill_bytes(&mut block_id);
            Pool::new(block_id, now)
        });
        self.last_number += 1;
        (pool.block_id, self.last_number)
    }

    /// Takes a number of a peer once: they only rise.
    pub(super) fn accept_number(&mut self, peer: NodeIndex, number: u64) -> Result<(), Why> {
        let last = self.peers_number.entry(peer).or_default();
        if number <= *last {
            return Err("presign order with a used number");
        }
        *last = number;
        Ok(())
    }

    /// Another boot of a peer counts anew.
    pub(super) fn forget_numbers(&mut self, peer: NodeIndex) {
        self.peers_number.remove(&peer);
    }

    pub(super) fn put(
        &mut self,
        key: &PoolKey,
        session: SessionId,
        presignature: Presignature,
        coordinates: bool,
        now: u64,
    ) {
        let pool = self.pools.entry(key.clone()).or_insert_with(|| Pool::new([0; 16], now));
        if pool.put(session, presignature, coordinates, now) {
            self.total += 1;
            *self.by_key.entry(key.key_id).or_default() += 1;
            *self.by_client.entry(key.client).or_default() += 1;
        }
    }

    fn gone(&mut self, key: &PoolKey, count: usize) {
        self.total -= count;
        subtract(&mut self.by_key, &key.key_id, count);
        subtract(&mut self.by_client, &key.client, count);
    }

    /// Removes a presignature for its one use.
    pub(super) fn take(
        &mut self,
        key: &PoolKey,
        id: &PresignatureId,
        now: u64,
    ) -> Option<(Presignature, bool)> {
        self.used_at = now;
        let taken = self.pools.get_mut(key)?.take(id, now)?;
        self.gone(key, 1);
        Some(taken)
    }

    /// The witness of a presignature that is here.
    pub(crate) fn witness(&self, key: &PoolKey, id: &PresignatureId) -> Option<Option<Witness>> {
        self.pools.get(key)?.witness(id)
    }

    /// Drops all that a node can no longer witness in these pools: it has another book now, or none.
    pub(super) fn drop_witnessed(
        &mut self,
        node: NodeIndex,
        book: Option<[u8; 16]>,
        concerned: impl Fn(&PoolKey) -> bool,
    ) -> Vec<(PoolKey, SessionId)> {
        let mut dropped = Vec::new();
        for (key, pool) in self.pools.iter_mut().filter(|(key, _)| concerned(key)) {
            let sessions = pool.drop_witnessed(node, book);
            dropped.extend(sessions.into_iter().map(|session| (key.clone(), session)));
        }
        dropped.iter().for_each(|(key, _)| self.gone(key, 1));
        dropped
    }

    /// Leases up to `count` ids; the pool is warm for a while.
    pub(super) fn lease(&mut self, key: &PoolKey, count: usize, now: u64) -> Vec<PresignatureId> {
        self.used_at = now;
        self.pools.get_mut(key).map_or_else(Vec::new, |pool| pool.lease(count, now))
    }

    /// Whether nothing of this pool was used for long.
    pub(crate) fn is_unused(&mut self, key: &PoolKey, now: u64) -> bool {
        self.pools.get_mut(key).is_none_or(|pool| pool.is_unused(now))
    }

    /// Whether an id could be leased.
    pub(crate) fn has_free(&self, key: &PoolKey) -> bool {
        self.pools.get(key).is_some_and(|pool| pool.free() > 0)
    }

    /// Takes back what this node leased to a client and was not used. Returns how many.
    pub(super) fn give_back(&mut self, client: &PublicKey, me: NodeIndex) -> usize {
        let pools = self.pools.iter_mut();
        let own = pools.filter(|(key, _)| key.client == *client && key.coordinator() == me);
        own.map(|(_, pool)| pool.give_back()).sum()
    }

    /// What a member learns to be of no use: another member ended its session.
    pub(super) fn drop_session(&mut self, peer: NodeIndex, session: &SessionId) {
        let mut pools = self.pools.iter_mut().filter(|(key, _)| key.signers.contains(&peer));
        let found = pools.find_map(|(key, pool)| pool.drop_session(session).then(|| key.clone()));
        if let Some(key) = found {
            self.gone(&key, 1);
        }
    }

    pub(super) fn drop_where(&mut self, doomed: impl Fn(&PoolKey) -> bool) {
        let doomed: Vec<PoolKey> = self.pools.keys().filter(|key| doomed(key)).cloned().collect();
        for key in doomed {
            let held = self.pools.remove(&key).map_or(0, |pool| pool.len());
            self.gone(&key, held);
        }
    }

    /// How many presignatures a bound counts.
    pub(super) fn held(&self, bound: Bound<'_>) -> usize {
        match bound {
            Bound::Total => self.total,
            Bound::Key(id) => self.by_key.get(id).copied().unwrap_or_default(),
            Bound::Client(client) => self.by_client.get(client).copied().unwrap_or_default(),
        }
    }

    /// Drops the oldest presignature of the pool that was used longest ago, under this bound and other
    /// than `spared`; what the background asks for spares pools in use, too. With `own` the last resort
    /// is the oldest one of `spared`.
    pub(super) fn evict(
        &mut self,
        bound: Bound<'_>,
        spared: &PoolKey,
        urgent: bool,
        own: bool,
        now: u64,
    ) -> Option<(PoolKey, SessionId)> {
        let others = self.pools.iter().filter(|(key, pool)| {
            let idle = urgent || pool.used_at + IDLE_MS <= now;
            bound.covers(key) && *key != spared && pool.len() > 0 && idle
        });
        let coldest = others.min_by_key(|(_, pool)| pool.used_at).map(|(key, _)| key.clone());
        let key = coldest.or_else(|| own.then(|| spared.clone()))?;
        let session = self.pools.get_mut(&key)?.drop_oldest()?;
        self.gone(&key, 1);
        self.evicted += 1;
        Some((key, session))
    }

    /// Drops presignatures that are too old, and all of pools that are cold.
    pub(super) fn expire(&mut self, now: u64) -> Vec<(PoolKey, SessionId)> {
        let mut dropped = Vec::new();
        if now < self.swept_at + SWEEP_MS {
            return dropped;
        }
        self.swept_at = now;
        for (key, pool) in &mut self.pools {
            let cold = !pool.is_warm(now);
            while pool.expires_at().is_some_and(|at| cold || at <= now) {
                dropped.extend(pool.drop_oldest().map(|session| (key.clone(), session)));
            }
        }
        dropped.iter().for_each(|(key, _)| self.gone(key, 1));
        dropped
    }

    /// When the next presignature is too old.
    pub(super) fn expires_at(&self) -> Option<u64> {
        let oldest = self.pools.values().filter_map(Pool::expires_at).min();
        oldest.map(|at| at.max(self.swept_at + SWEEP_MS))
    }

    /// Presignatures, all or those of sets with this peer.
    #[cfg(feature = "sim")]
    pub(crate) fn ready_with(&self, peer: Option<NodeIndex>) -> usize {
        let wanted = |key: &PoolKey| peer.is_none_or(|peer| key.signers.contains(&peer));
        self.pools.iter().filter(|(key, _)| wanted(key)).map(|(_, pool)| pool.len()).sum()
    }

    /// Each pool, and what all of them hold against the limits.
    pub(crate) fn status(
        &mut self,
        me: NodeIndex,
        limits: &Limits,
        now: u64,
    ) -> (Vec<PoolStatus>, PoolsStatus) {
        // Only the coordinator leases and refills.
        let ceiling = |key: &PoolKey| if key.coordinator() == me { limits.presign_pool as usize } else { 0 };
        let status = |(key, pool): (&PoolKey, &mut Pool)| PoolStatus {
            key_id: key.key_id.to_vec(),
            scheme: key.scheme.name().into(),
            signers: key.signers.iter().copied().map(u32::from).collect(),
            ready: pool.len() as u32,
            client_key: key.client.to_vec(),
            free: pool.free() as u32,
            level: pool.level(ceiling(key), now) as u32,
            uses_per_1000_s: pool.rate(now),
        };
        let bytes = |count: usize| (count * PRESIGNATURE_BYTES) as u64;
        let all = PoolsStatus {
            bytes: bytes(self.total),
            bytes_max: bytes(limits.presignatures_max as usize),
            bytes_max_per_key: bytes(limits.presignatures_per_key as usize),
            bytes_max_per_client: bytes(limits.presignatures_per_client as usize),
            evicted: self.evicted,
        };
        (self.pools.iter_mut().map(status).collect(), all)
    }
}

fn subtract<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K, count: usize) {
    if let Some(held) = counts.get_mut(key) {
        *held -= count;
        if *held == 0 {
            counts.remove(key);
        }
    }
}
