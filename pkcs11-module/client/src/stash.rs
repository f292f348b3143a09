//! Leased presignature ids: so that a warm signature costs one round trip.
//!
//! An id leaves the stash when it is taken and never comes back, whatever becomes of the signature
//! (design R3). Ids belong to one key, one exact signer set and this process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use proto::limits::LEASE_MAX;
use token::backend::ObjectId;

use crate::sync::lock;

/// Name of a presignature.
pub(crate) type PresignatureId = [u8; 32];

/// All ids leased to this process, shared by its threads.
#[derive(Default)]
pub(crate) struct Stash {
    sets: Mutex<BTreeMap<(ObjectId, Vec<u8>), Leased>>,
}

#[derive(Default)]
struct Leased {
    ids: VecDeque<PresignatureId>,
    /// Signatures on their way.
    in_flight: u32,
}

/// A signature on its way; counts towards demand until dropped.
pub(crate) struct Demand<'a> {
    stash: &'a Stash,
    place: (ObjectId, Vec<u8>),
}

impl Stash {
    /// Announces one signature by `key` and `set`.
    pub(crate) fn demand(&self, key: ObjectId, set: &[u8]) -> Demand<'_> {
        let place = (key, set.to_vec());
        let mut sets = lock(&self.sets);
        if sets.len() >= SETS_MAX && !sets.contains_key(&place) {
            // Ids that are dropped cost the nodes nothing but time: they expire there.
            sets.retain(|_, leased| leased.in_flight > 0);
        }
        sets.entry(place.clone()).or_default().in_flight += 1;
        Demand { stash: self, place }
    }
}

impl Demand<'_> {
    /// The oldest id; it is gone from the stash.
    pub(crate) fn take(&self) -> Option<PresignatureId> {
        lock(&self.stash.sets).get_mut(&self.place)?.ids.pop_front()
    }

    /// How many ids to ask for, so that there are two for each signature on its way.
    pub(crate) fn wanted(&self) -> u32 {
        let sets = lock(&self.stash.sets);
        let Some(leased) = sets.get(&self.place) else { return 1 };
        let ready = u32::try_from(leased.ids.len()).unwrap_or(u32::MAX);
        leased.in_flight.saturating_mul(2).saturating_sub(ready).min(LEASE_MAX)
    }

    /// Puts newly leased ids behind the others. Anything that is not 32 bytes long is no id.
    pub(crate) fn put(&self, ids: Vec<Vec<u8>>) {
        if let Some(leased) = lock(&self.stash.sets).get_mut(&self.place) {
            let room = IDS_MAX.saturating_sub(leased.ids.len());
            let new = ids.into_iter().filter_map(|id| PresignatureId::try_from(id).ok());
            for id in new.take(room) {
                if !leased.ids.contains(&id) {
                    leased.ids.push_back(id);
                }
            }
        }
    }

    /// Drops all ids: the nodes no longer know them.
    pub(crate) fn clear(&self) {
        if let Some(leased) = lock(&self.stash.sets).get_mut(&self.place) {
            leased.ids.clear();
        }
    }
}

impl Drop for Demand<'_> {
    fn drop(&mut self) {
        if let Some(leased) = lock(&self.stash.sets).get_mut(&self.place) {
            leased.in_flight = leased.in_flight.saturating_sub(1);
        }
    }
}

/// Ids kept for one key and signer set.
const IDS_MAX: usize = 64;
/// Keys and signer sets with ids.
const SETS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn id_is_given_once_and_to_its_own_set_only() {
        let stash = Stash::default();
        let one = stash.demand(ObjectId([1; 16]), &[1, 2]);
        let other = stash.demand(ObjectId([1; 16]), &[1, 3]);
        one.put(vec![vec![7; 32], vec![7; 32], vec![8; 5]]);
        assert_eq!(other.take(), None);
        assert_eq!(one.take(), Some([7; 32]));
        assert_eq!(one.take(), None);
    }

    #[test]
    fn demand_follows_the_signatures_on_their_way() {
        let stash = Stash::default();
        let one = stash.demand(ObjectId([1; 16]), &[1, 2]);
        assert_eq!(one.wanted(), 2);
        let two = stash.demand(ObjectId([1; 16]), &[1, 2]);
        one.put(vec![vec![7; 32]]);
        assert_eq!(two.wanted(), 3);
        drop(two);
        assert_eq!(one.wanted(), 1);
        one.clear();
        assert_eq!(one.take(), None);
    }
}
