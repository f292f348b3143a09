//! One pool: the presignatures of one key, scheme, exact signer set and client, and how many it should hold.

use std::collections::{BTreeMap, BTreeSet};

use threshold::ecdsa::Witness;
use threshold::signing::{Presignature, SigningScheme};

use super::SessionId;
use crate::input::NodeIndex;
use crate::registry::{Id, PublicKey};

/// Name of a presignature.
pub(crate) type PresignatureId = [u8; 32];

/// How long a presignature is kept, in ms. Also how long a pool stays warm after its last use.
pub(super) const LIFE_MS: u64 = 10 * 60 * 1000;
/// Least level of a pool in use: what a key that was just used keeps ready.
const FLOOR: u64 = 4;
/// The level is what the key used in this time at its measured rate, in ms.
const LEAD_MS: u64 = 1_000;
/// The rate is counted in steps of this length, in ms.
const STEP_MS: u64 = 1_000;
/// After each step the rate falls by one part in this many, unless more was used: a half-life of 11 s.
const DECAY: u64 = 16;
/// Steps after which nothing is left of a rate.
const STEPS_MAX: u64 = 512;

/// What a presignature is good for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PoolKey {
    pub(crate) key_id: Id,
    /// What it is made for: nothing of it is of use for the key's other schemes.
    pub(crate) scheme: SigningScheme,
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

/// Use of a pool: the highest number of uses in one step, forgotten step by step.
#[derive(Default)]
pub(super) struct Demand {
    step: u64,
    /// Uses in the present step.
    count: u64,
    /// Thousandths of a use per step.
    rate: u64,
}

impl Demand {
    fn roll(&mut self, now: u64) {
        let step = now / STEP_MS;
        for _ in 0..(step - self.step).min(STEPS_MAX) {
            self.rate = (self.rate - self.rate.div_ceil(DECAY)).max(self.count * 1000);
            self.count = 0;
        }
        self.step = step;
    }

    pub(super) fn used(&mut self, count: usize, now: u64) {
        self.roll(now);
        self.count += count as u64;
    }

    /// Thousandths of a use per second.
    pub(super) fn rate(&mut self, now: u64) -> u64 {
        self.roll(now);
        self.rate.max(self.count * 1000) * 1000 / STEP_MS
    }
}

/// A presignature that is ready.
struct Ready {
    id: PresignatureId,
    session: SessionId,
    made_at: u64,
    presignature: Presignature,
}

/// All presignatures of one [`PoolKey`] at this node, oldest first.
#[derive(Default)]
pub(crate) struct Pool {
    /// Names the pool in each session of it.
    pub(super) block_id: [u8; 16],
    ready: BTreeMap<u64, Ready>,
    ids: BTreeMap<PresignatureId, u64>,
    sessions: BTreeMap<SessionId, u64>,
    /// At the coordinator: those that are not leased.
    free: BTreeSet<u64>,
    next: u64,
    /// When it was last of use to its client.
    pub(super) used_at: u64,
    demand: Demand,
}

impl Pool {
    pub(super) fn new(block_id: [u8; 16], now: u64) -> Self {
        Self { block_id, used_at: now, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Whether its client used it in its lifetime.
    pub(super) fn is_warm(&self, now: u64) -> bool {
        now < self.used_at + LIFE_MS
    }

    /// Whether nobody has taken anything from it yet, or for long.
    pub(super) fn is_unused(&mut self, now: u64) -> bool {
        self.rate(now) == 0
    }

    /// Uses in thousandths per second.
    pub(super) fn rate(&mut self, now: u64) -> u64 {
        self.demand.rate(now)
    }

    /// How many free ones it should hold, `ceiling` at most; none when it is cold.
    pub(super) fn level(&mut self, ceiling: usize, now: u64) -> usize {
        if !self.is_warm(now) {
            return 0;
        }
        let needed = (self.demand.rate(now) * LEAD_MS).div_ceil(1_000_000);
        usize::try_from(needed.max(FLOOR)).map_or(ceiling, |needed| needed.min(ceiling))
    }

    /// Whether it holds it afterwards; an id comes once.
    pub(super) fn put(
        &mut self,
        session: SessionId,
        presignature: Presignature,
        is_free: bool,
        now: u64,
    ) -> bool {
        let id = *presignature.id();
        if self.ids.contains_key(&id) {
            return false;
        }
        let place = self.next;
        self.next += 1;
        self.ids.insert(id, place);
        self.sessions.insert(session, place);
        self.ready.insert(place, Ready { id, session, made_at: now, presignature });
        if is_free {
            self.free.insert(place);
        }
        true
    }

    fn remove(&mut self, place: u64) -> Option<Ready> {
        let ready = self.ready.remove(&place)?;
        self.ids.remove(&ready.id);
        self.sessions.remove(&ready.session);
        self.free.remove(&place);
        Some(ready)
    }

    /// Removes a presignature for its one use; also whether it was leased.
    pub(super) fn take(&mut self, id: &PresignatureId, now: u64) -> Option<(Presignature, bool)> {
        let place = *self.ids.get(id)?;
        self.used_at = now;
        let leased = !self.free.contains(&place);
        Some((self.remove(place)?.presignature, leased))
    }

    /// Leases the oldest free ids.
    pub(super) fn lease(&mut self, count: usize, now: u64) -> Vec<PresignatureId> {
        self.used_at = now;
        let places: Vec<u64> = self.free.iter().take(count).copied().collect();
        self.demand.used(places.len(), now);
        self.free.retain(|place| !places.contains(place));
        places.iter().filter_map(|place| Some(self.ready.get(place)?.id)).collect()
    }

    /// The witness of a presignature that is here.
    pub(super) fn witness(&self, id: &PresignatureId) -> Option<Option<Witness>> {
        Some(self.ready.get(self.ids.get(id)?)?.presignature.witness())
    }

    /// Drops those whose witness is this node with another book than `book`; their sessions.
    pub(super) fn drop_witnessed(&mut self, node: NodeIndex, book: Option<[u8; 16]>) -> Vec<SessionId> {
        let doomed = |witness: Witness| witness.party.get() == node && Some(witness.book) != book;
        let ready = self.ready.iter();
        let doomed = ready.filter(|(_, ready)| ready.presignature.witness().is_some_and(doomed));
        let places: Vec<u64> = doomed.map(|(place, _)| *place).collect();
        places.into_iter().filter_map(|place| Some(self.remove(place)?.session)).collect()
    }

    /// Takes back all that was leased and not used: each node still gives it out once. Returns how many.
    pub(super) fn give_back(&mut self) -> usize {
        let free = self.free.len();
        self.free = self.ready.keys().copied().collect();
        self.free.len() - free
    }

    /// Whether a presignature was made in this session, which another member ended; it is dropped.
    pub(super) fn drop_session(&mut self, session: &SessionId) -> bool {
        let place = self.sessions.get(session).copied();
        place.and_then(|place| self.remove(place)).is_some()
    }

    /// Drops the oldest one; its session.
    pub(super) fn drop_oldest(&mut self) -> Option<SessionId> {
        let place = *self.ready.first_key_value()?.0;
        self.remove(place).map(|ready| ready.session)
    }

    /// When the oldest one is too old.
    pub(super) fn expires_at(&self) -> Option<u64> {
        self.ready.first_key_value().map(|(_, oldest)| oldest.made_at + LIFE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_follows_use_within_its_bounds_and_falls_when_it_ends() {
        let mut pool = Pool::default();
        assert_eq!(pool.level(100, LIFE_MS), 0, "never used");
        pool.lease(0, LIFE_MS);
        assert_eq!(pool.level(100, LIFE_MS), FLOOR as usize);
        assert_eq!(pool.level(1, LIFE_MS), 1);
        pool.demand.used(40, LIFE_MS);
        assert_eq!(pool.level(100, LIFE_MS), 40, "at once");
        pool.demand.used(400, LIFE_MS + STEP_MS);
        assert_eq!(pool.level(100, LIFE_MS + STEP_MS), 100);
        let later = |steps: u64| LIFE_MS + (1 + steps) * STEP_MS;
        assert_eq!(pool.level(1000, later(1)), 400);
        let falling: Vec<usize> = (2..60).map(|steps| pool.level(1000, later(steps))).collect();
        assert!(falling.iter().zip(falling.iter().skip(1)).all(|(one, next)| one >= next));
        assert!(falling.first() > Some(&350) && falling.get(10) < Some(&220), "{falling:?}");
        assert_eq!(pool.level(1000, later(150)), FLOOR as usize);
        assert_eq!(pool.level(1000, 2 * LIFE_MS), 0, "cold");
    }

    #[test]
    fn a_presignature_takes_no_more_memory_than_is_counted() {
        // In a B-tree at least half of each leaf is in use; beside it stand the two indices, and the
        // heap of the presignature: itself, boot ids, pair ids, the set and three secrets.
        let inline = 2 * (8 + size_of::<Ready>());
        let indices = 2 * (2 * (32 + 8) + 8);
        let own = size_of::<threshold::ecdsa::Presignature<threshold::group::P384>>();
        let heap = own + 12 * (2 + 16) + 12 * (2 + 32) + 2 * 9 + 3 * 48;
        assert!(inline + indices + heap <= super::super::pools::PRESIGNATURE_BYTES, "{inline}");
        // FROST's: the commitments of the five signers there can be at most.
        let own = size_of::<threshold::frost::Nonces<threshold::frost::FrostP256>>()
            .max(size_of::<threshold::frost::Nonces<threshold::frost::Bip340>>())
            .max(size_of::<threshold::frost::Nonces<threshold::frost::Ed25519>>());
        let heap = own + 12 * (2 + 16) + 12 * (2 + 32) + 2 * 9 + 3 * 32 + 5 * (1 + 66);
        assert!(inline + indices + heap <= super::super::pools::PRESIGNATURE_BYTES, "{heap}");
    }
}
