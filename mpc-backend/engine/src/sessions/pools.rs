//! Presignatures that are ready, by key, exact signer set and client. In memory only; a pool dies with the
//! boot id, the pair set-up or the good name of any member. The lowest member leases ids; every member
//! gives each out once.

use std::collections::{BTreeMap, VecDeque};

use proto::client::v1::PoolStatus;
use rand_core::CryptoRngCore;
use threshold::ecdsa::presign::Presignature;
use threshold::group::P256;

use super::{SessionId, party};
use crate::client::Failure;
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::peers::Why;
use crate::registry::{Id, PublicKey};

/// Most presignatures in one pool.
const POOL_MAX: usize = 1024;
/// Most pools.
const POOLS_MAX: usize = 4096;
/// Background presignings at a time.
const REFILL_AT_ONCE: usize = 4;
/// How long a pool is refilled after its last use, in ms.
const HOT_MS: u64 = 10 * 60 * 1000;
/// A pool that was used within this time, in ms, is refilled only when it runs low: presigning takes
/// a core for milliseconds, and the requests that drain the pool would wait behind it.
const QUIET_MS: u64 = 20;
/// The part of the level below which a pool in use runs low.
const LOW: usize = 4;

/// What a presignature is good for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PoolKey {
    pub(crate) key_id: Id,
    /// Exactly T nodes, ascending.
    pub(crate) signers: Vec<NodeIndex>,
    pub(crate) client: PublicKey,
}

impl PoolKey {
    /// The lowest member.
    pub(crate) fn coordinator(&self) -> NodeIndex {
        self.signers.first().copied().unwrap_or_default()
    }

    pub(crate) fn peers_of(&self, me: NodeIndex) -> impl Iterator<Item = NodeIndex> + use<> {
        let peers: Vec<NodeIndex> = self.signers.iter().copied().filter(|node| *node != me).collect();
        peers.into_iter()
    }
}

#[derive(Default)]
struct Pool {
    /// Names the pool in each session of it.
    block_id: [u8; 16],
    ready: BTreeMap<[u8; 32], (SessionId, Presignature<P256>)>,
    /// At the coordinator: those that are not leased, oldest first.
    free: VecDeque<[u8; 32]>,
    hot_until: u64,
    quiet_at: u64,
}

impl Pool {
    /// Up to how many free ids it is filled now.
    fn target(&self, level: usize, now: u64) -> usize {
        if now < self.quiet_at { level.div_ceil(LOW) } else { level }
    }
}

/// All pools of this node.
#[derive(Default)]
pub(crate) struct Pools {
    pools: BTreeMap<PoolKey, Pool>,
    total: usize,
    /// Number of the last presigning that this node began.
    last_number: u64,
    /// The same of each peer, within its boot id.
    peers_number: BTreeMap<NodeIndex, u64>,
}

impl Pools {
    pub(super) fn next_number(&mut self, key: &PoolKey, rng: &mut dyn CryptoRngCore) -> ([u8; 16], u64) {
        let pool = self.pools.entry(key.clone()).or_insert_with(|| {
            let mut block_id = [0; 16];
            rng.fill_bytes(&mut block_id);
            Pool { block_id, ..Pool::default() }
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

    pub(super) fn put(
        &mut self,
        key: PoolKey,
        session: SessionId,
        presignature: Presignature<P256>,
        coordinates: bool,
    ) {
        let id = *presignature.id();
        let pool = self.pools.entry(key).or_default();
        if coordinates {
            pool.free.push_back(id);
        }
        if pool.ready.insert(id, (session, presignature)).is_none() {
            self.total += 1;
        }
    }

    /// Removes a presignature for its one use.
    pub(crate) fn take(&mut self, key: &PoolKey, id: &[u8; 32]) -> Option<Presignature<P256>> {
        let pool = self.pools.get_mut(key)?;
        let (_, presignature) = pool.ready.remove(id)?;
        pool.free.retain(|free| free != id);
        self.total -= 1;
        Some(presignature)
    }

    /// Leases up to `count` ids; the pool is hot for a while.
    pub(crate) fn lease(&mut self, key: &PoolKey, count: usize, now: u64) -> Vec<[u8; 32]> {
        let Some(pool) = self.pools.get_mut(key) else { return Vec::new() };
        pool.hot_until = now + HOT_MS;
        pool.quiet_at = now + QUIET_MS;
        let count = count.min(pool.free.len());
        pool.free.drain(..count).collect()
    }

    /// Whether an id could be leased.
    pub(crate) fn has_free(&self, key: &PoolKey) -> bool {
        self.pools.get(key).is_some_and(|pool| !pool.free.is_empty())
    }

    /// Takes back what was leased and never used: each node still gives it out once.
    pub(crate) fn give_back(&mut self, key: &PoolKey, ids: impl IntoIterator<Item = [u8; 32]>) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        for id in ids {
            if pool.ready.contains_key(&id) && !pool.free.contains(&id) {
                pool.free.push_back(id);
            }
        }
    }

    /// What a member learns to be of no use: another member ended its session.
    pub(super) fn drop_session(&mut self, peer: NodeIndex, session: &SessionId) {
        for (_, pool) in self.pools.iter_mut().filter(|(key, _)| key.signers.contains(&peer)) {
            let before = pool.ready.len();
            pool.ready.retain(|_, (made_in, _)| made_in != session);
            self.total -= before - pool.ready.len();
            pool.free.retain(|id| pool.ready.contains_key(id));
        }
    }

    /// When the next pool in use becomes quiet enough to be refilled.
    pub(super) fn timeout(&self, now: u64) -> Option<u64> {
        self.pools.values().map(|pool| pool.quiet_at).filter(|quiet_at| *quiet_at > now).min()
    }

    fn drop_where(&mut self, doomed: impl Fn(&PoolKey) -> bool) {
        self.pools.retain(|key, pool| {
            let keep = !doomed(key);
            if !keep {
                self.total -= pool.ready.len();
            }
            keep
        });
    }

    pub(crate) fn status(&self) -> Vec<PoolStatus> {
        let status = |(key, pool): (&PoolKey, &Pool)| PoolStatus {
            key_id: key.key_id.to_vec(),
            signers: key.signers.iter().copied().map(u32::from).collect(),
            ready: pool.ready.len() as u32,
        };
        self.pools.iter().map(status).collect()
    }
}

impl Engine {
    pub(crate) fn drop_pools_of_key(&mut self, key_id: &Id) {
        self.sessions.pools.drop_where(|key| key.key_id == *key_id);
    }

    pub(crate) fn drop_pools_of_set(&mut self, signers: &[NodeIndex]) {
        self.sessions.pools.drop_where(|key| key.signers == signers);
    }

    pub(crate) fn drop_pools_with(&mut self, peer: NodeIndex) {
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::KeptAfterRestart) {
            return;
        }
        self.sessions.pools.drop_where(|key| key.signers.contains(&peer));
    }

    pub(crate) fn drop_pools_of_client(&mut self, client: &PublicKey) {
        self.sessions.pools.drop_where(|key| key.client == *client);
    }

    /// Another boot of a peer: nothing of its former life can be finished, and its numbers begin again.
    pub(crate) fn new_boot_of(&mut self, peer: NodeIndex) {
        self.sessions.pools.peers_number.remove(&peer);
        self.sessions.early.forget(peer);
        self.drop_pair(peer);
        self.drop_pools_with(peer);
    }

    /// Whether one more presignature may be made for a pool.
    pub(crate) fn has_room(&self, key: &PoolKey) -> bool {
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::NoCaps) {
            return true;
        }
        let pools = &self.sessions.pools;
        let known = pools.pools.get(key);
        let in_flight = self.sessions.presigns.values();
        let of_pool = in_flight.clone().filter(|presign| presign.pool == *key).count();
        pools.total + in_flight.count() < self.me.limits.presignatures_max as usize
            && (known.is_some() || pools.pools.len() < POOLS_MAX)
            && known.map_or(0, |pool| pool.ready.len()) + of_pool < POOL_MAX
    }

    /// Members of a set with whom no presigning can begin now, and why.
    pub(crate) fn check_members(&self, key: &PoolKey) -> Result<(), Failure> {
        let peers = || key.peers_of(self.me.index);
        let quarantined = |peer: &NodeIndex| self.peers.get(*peer).is_some_and(|p| p.quarantined.is_some());
        let named: Vec<NodeIndex> = peers().filter(quarantined).collect();
        if !named.is_empty() {
            return Err(Failure::missing("a member of the signer set is quarantined", named));
        }
        let missing: Vec<NodeIndex> = peers().filter(|peer| !self.peers.is_up(*peer)).collect();
        if !missing.is_empty() {
            return Err(Failure::missing("a member of the signer set is not connected", missing));
        }
        let late: Vec<NodeIndex> = peers().filter(|peer| self.pair_is_late(*peer)).collect();
        if !late.is_empty() {
            return Err(Failure::missing("no pair set-up with a member of the signer set", late));
        }
        self.sessions.sets.check(&key.signers, self.now)
    }

    pub(crate) fn pairs_ready(&self, key: &PoolKey) -> bool {
        key.peers_of(self.me.index).all(|peer| self.sessions.pairs.is_ready(party(peer)))
    }

    pub(crate) fn presigning(&self, key: &PoolKey) -> usize {
        self.sessions.presigns.values().filter(|presign| presign.pool == *key).count()
    }

    /// Whether [`Self::refill_pools`] has something to do.
    pub(crate) fn wants_refill(&self) -> bool {
        let (level, now) = (self.me.limits.presign_pool as usize, self.now);
        let low = |pool: &Pool| pool.hot_until > now && pool.free.len() < pool.target(level, now);
        let mut pools = self.sessions.pools.pools.iter();
        self.sessions.presigns.len() < REFILL_AT_ONCE
            && pools.any(|(key, pool)| key.coordinator() == self.me.index && low(pool))
    }

    /// Keeps hot pools at their level, a few presignings at a time, behind the requests of clients.
    pub(crate) fn refill_pools(&mut self, rng: &mut dyn CryptoRngCore) {
        let (level, now) = (self.me.limits.presign_pool as usize, self.now);
        // A cold pool that is used up is forgotten; its next use makes it anew.
        let presigns = &self.sessions.presigns;
        let in_flight = |key: &PoolKey| presigns.values().any(|presign| presign.pool == *key);
        let used = |pool: &Pool| pool.hot_until > now || !pool.ready.is_empty();
        self.sessions.pools.pools.retain(|key, pool| used(pool) || in_flight(key));
        let coordinates = |key: &PoolKey| key.coordinator() == self.me.index;
        let hot = self.sessions.pools.pools.iter().filter(|(key, pool)| {
            coordinates(key) && pool.hot_until > now && pool.free.len() < pool.target(level, now)
        });
        let wanting: Vec<(PoolKey, usize)> =
            hot.map(|(key, pool)| (key.clone(), pool.target(level, now) - pool.free.len())).collect();
        for (key, wanted) in wanting {
            let ready = self.pairs_ready(&key) && self.check_members(&key).is_ok();
            while ready
                && self.sessions.presigns.len() < REFILL_AT_ONCE
                && self.presigning(&key) < wanted
                && self.has_room(&key)
            {
                if self.begin_presign(&key, rng).is_err() {
                    break;
                }
            }
        }
    }
}
