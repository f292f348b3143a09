//! Room for presignatures, and the background that refills pools in use, behind the requests of clients.

use proto::client::v1::Code;
use rand_core::CryptoRngCore;
use threshold::signing::Presignature;

use super::pool::{PoolKey, PresignatureId};
use super::pools::{Bound, POOLS_MAX};
use super::{SessionId, party};
use crate::client::Failure;
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::registry::{Id, PublicKey};

/// Presignings at a time of one pool, for clients that wait.
const URGENT_AT_ONCE: usize = 8;
/// Background presignings at a time.
const REFILL_AT_ONCE: usize = 4;
/// While signatures were answered within this time, in ms, only pools that run low are refilled:
/// presigning takes a core for milliseconds, and the requests that drain the pool would wait behind it.
const BREATH_MS: u64 = 3;
/// Until so long after the last signature, in ms, one presigning at a time fills the gaps.
const QUIET_MS: u64 = 20;
/// The part of the level below which a pool runs low.
const LOW: usize = 4;
/// Most presignings at a time.
const OPEN_MAX: usize = 128;
/// Most presignings at a time of one key, and of one client.
const OPEN_EACH_MAX: usize = 32;

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
        self.sessions.quotas.forget(client);
    }

    /// Another boot of a peer: nothing of its former life can be finished, and its numbers begin again.
    pub(crate) fn new_boot_of(&mut self, peer: NodeIndex) {
        self.sessions.pools.forget_numbers(peer);
        self.sessions.early.forget(peer);
        self.drop_pair(peer);
        self.drop_pools_with(peer);
        self.drop_moduli();
    }

    /// A peer has another book: what it was to witness in an older one is of no use.
    pub(crate) fn book_turned(&mut self, peer: NodeIndex, book: [u8; 16]) {
        for (pool, session) in self.sessions.pools.drop_witnessed(peer, Some(book), |_| true) {
            self.tell_dropped(&pool, &session);
        }
    }

    /// A peer is gone: what it was to witness is not leased. Where another node leases, that node decides.
    pub(crate) fn witness_lost(&mut self, peer: NodeIndex) {
        let me = self.me.index;
        let own = |key: &PoolKey| key.coordinator() == me;
        for (pool, session) in self.sessions.pools.drop_witnessed(peer, None, own) {
            self.tell_dropped(&pool, &session);
        }
    }

    /// Whether the client has not wasted too many.
    pub(crate) fn may_lease(&mut self, client: &PublicKey) -> bool {
        self.sessions.quotas.allows(client, self.me.limits.unanswered_per_client, self.now)
    }

    /// Leases up to `count` ids. Each counts as wasted until it is answered.
    pub(crate) fn lease_ids(&mut self, key: &PoolKey, count: usize) -> Vec<PresignatureId> {
        let ids = self.sessions.pools.lease(key, count, self.now);
        self.sessions.quotas.spend(&key.client, ids.len(), self.now);
        ids
    }

    /// Removes a presignature for its one use. It counts as wasted until it is answered.
    pub(crate) fn take_presignature(&mut self, key: &PoolKey, id: &PresignatureId) -> Option<Presignature> {
        let (presignature, leased) = self.sessions.pools.take(key, id, self.now)?;
        if !leased || key.coordinator() != self.me.index {
            self.sessions.quotas.spend(&key.client, 1, self.now);
        }
        Some(presignature)
    }

    /// The client's last connection is gone: what it had leased can be leased again.
    pub(crate) fn give_back_leases(&mut self, client: &PublicKey) {
        let count = self.sessions.pools.give_back(client, self.me.index);
        self.sessions.quotas.settle(client, count);
    }

    /// Makes sure that one more presignature of this pool keeps all bounds: others make room for what
    /// a client waits for, idle ones also for the background.
    pub(crate) fn make_room(&mut self, key: &PoolKey, urgent: bool) -> Result<(), Failure> {
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::NoCaps) {
            return Ok(());
        }
        let full = |what: &str| Err(Failure::new(Code::ResourceExhausted, what));
        let pools = &self.sessions.pools.pools;
        if pools.len() >= POOLS_MAX && !pools.contains_key(key) {
            return full("too many pools of presignatures");
        }
        for bound in Bound::of(key) {
            let open = self.sessions.presigns.values().filter(|presign| bound.covers(&presign.pool)).count();
            if open >= if let Bound::Total = bound { OPEN_MAX } else { OPEN_EACH_MAX } {
                return full("too many presignings at a time");
            }
            let most = bound.most(&self.me.limits);
            while self.sessions.pools.held(bound) + open >= most {
                // What the coordinator has used and a member was not asked for stays with the member: the
                // oldest of the same pool makes room for the next.
                let own = urgent || key.coordinator() != self.me.index;
                let evicted = self.sessions.pools.evict(bound, key, urgent, own, self.now);
                let Some((pool, session)) = evicted else { return full("too many presignatures are unused") };
                self.tell_dropped(&pool, &session);
            }
        }
        Ok(())
    }

    /// The other members need not keep their parts.
    fn tell_dropped(&mut self, pool: &PoolKey, session: &SessionId) {
        pool.peers_of(self.me.index).for_each(|peer| self.send_failed(peer, session));
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
        if let Some(missing) = self.missing_witness(key) {
            let needed = self.me.threshold.needed() + 1;
            let what =
                format!("strict mode needs {needed} nodes: no witness outside the signer set is connected");
            return Err(Failure::missing(&what, missing));
        }
        self.sessions.sets.check(&key.signers, self.now)
    }

    pub(crate) fn pairs_ready(&self, key: &PoolKey) -> bool {
        key.peers_of(self.me.index).all(|peer| self.sessions.pairs.is_ready(party(peer)))
    }

    /// Presignings that this node coordinates.
    fn coordinated(&self) -> usize {
        let own = |pool: &PoolKey| pool.coordinator() == self.me.index;
        self.sessions.presigns.values().filter(|presign| own(&presign.pool)).count()
    }

    pub(crate) fn presigning(&self, key: &PoolKey) -> usize {
        self.sessions.presigns.values().filter(|presign| presign.pool == *key).count()
    }

    /// Drops what is too old or belongs to a cold pool, and forgets cold pools that are used up.
    pub(crate) fn expire_pools(&mut self) {
        for (pool, session) in self.sessions.pools.expire(self.now) {
            self.tell_dropped(&pool, &session);
        }
        let (presigns, now) = (&self.sessions.presigns, self.now);
        let in_flight = |key: &PoolKey| presigns.values().any(|presign| presign.pool == *key);
        let pools = &mut self.sessions.pools.pools;
        pools.retain(|key, pool| pool.len() > 0 || pool.is_warm(now) || in_flight(key));
    }

    /// When refilling may go on, if a pool is below its level.
    pub(crate) fn refill_timeout(&self) -> Option<u64> {
        let used_at = self.sessions.pools.used_at;
        [BREATH_MS, QUIET_MS].into_iter().map(|pause| used_at + pause).find(|at| *at > self.now)
    }

    /// Pools below their level that this node refills now, the emptiest first: how many each wants, and
    /// how many presignings at a time it may have.
    fn wanting(&mut self) -> Vec<(PoolKey, usize, usize)> {
        let (ceiling, now) = (self.me.limits.presign_pool as usize, self.now);
        let since_use = now.saturating_sub(self.sessions.pools.used_at);
        let coordinated = self.coordinated();
        let mut wanting = Vec::new();
        for (key, pool) in &mut self.sessions.pools.pools {
            // The first presigning of a key has the cores to itself: a client waits for it.
            if pool.is_unused(now) {
                continue;
            }
            let level = pool.level(ceiling, now);
            let low = pool.free() < level.div_ceil(LOW);
            let target = if since_use < BREATH_MS { level.div_ceil(LOW) } else { level };
            let at_once = if low || since_use >= QUIET_MS { REFILL_AT_ONCE } else { 1 };
            if key.coordinator() == self.me.index && pool.free() < target && coordinated < at_once {
                wanting.push((pool.free() * 1000 / level, (key.clone(), target - pool.free(), at_once)));
            }
        }
        wanting.sort_by_key(|one| one.0);
        wanting.into_iter().map(|(_, one)| one).collect()
    }

    /// Whether [`Self::refill_pools`] has something to do.
    pub(crate) fn wants_refill(&mut self) -> bool {
        !self.wanting().is_empty()
    }

    /// Presigns for those who wait, as many at a time as wait, within a bound: no pool stands still behind those that this
    /// node refills.
    pub(crate) fn presign_for_waiting(&mut self, rng: &mut dyn CryptoRngCore) {
        for (key, waiting) in self.clients.waiting_leases() {
            let able = self.pairs_ready(&key) && self.check_members(&key).is_ok();
            let wanted = waiting.min(URGENT_AT_ONCE).min(self.me.limits.presign_pool as usize);
            while able && self.presigning(&key) < wanted && self.make_room(&key, true).is_ok() {
                if self.begin_presign(&key, true, rng).is_err() {
                    break;
                }
            }
        }
    }

    /// Keeps warm pools at their level, a few presignings at a time.
    pub(crate) fn refill_pools(&mut self, rng: &mut dyn CryptoRngCore) {
        for (key, wanted, at_once) in self.wanting() {
            let able =
                self.pairs_ready(&key) && self.check_members(&key).is_ok() && self.may_lease(&key.client);
            while able
                && self.coordinated() < at_once
                && self.presigning(&key) < wanted
                && self.make_room(&key, false).is_ok()
            {
                if self.begin_presign(&key, false, rng).is_err() {
                    break;
                }
            }
        }
    }
}
