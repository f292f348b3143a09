//! Leased presignature ids: so that a warm signature costs one round trip.
//!
//! An id leaves the stash when it is taken and never comes back, whatever becomes of the signature
//! (design R3). Ids belong to one key, one scheme, one exact signer set and this process.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::iter;
use std::sync::Mutex;

use proto::client::v1::Witness;
use proto::limits::LEASE_MAX;
use threshold::signing::SigningScheme;
use token::backend::ObjectId;

use crate::sync::lock;

/// Name of a presignature.
pub(crate) type PresignatureId = [u8; 32];

/// A presignature for one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) id: PresignatureId,
    /// In strict mode, who must grant its use.
    pub(crate) witness: Option<Witness>,
}

impl Lease {
    /// What a node leased: ids, and in strict mode the witness of each. Anything that is not 32 bytes
    /// long is no id; ids whose witnesses cannot be told apart are dropped.
    pub(crate) fn of_wire(ids: Vec<Vec<u8>>, witnesses: Vec<Witness>) -> Vec<Self> {
        if !witnesses.is_empty() && witnesses.len() != ids.len() {
            return Vec::new();
        }
        let witnesses = witnesses.into_iter().map(Some).chain(iter::repeat(None));
        let each = ids.into_iter().take(LEASE_MAX as usize).zip(witnesses);
        each.filter_map(|(id, witness)| Some(Self { id: id.try_into().ok()?, witness })).collect()
    }
}

/// All ids leased to this process, shared by its threads.
#[derive(Default)]
pub(crate) struct Stash {
    sets: Mutex<BTreeMap<Place, Leased>>,
}

/// Key, scheme and signer set.
type Place = (ObjectId, SigningScheme, Vec<u8>);

#[derive(Default)]
struct Leased {
    ids: VecDeque<Lease>,
    /// Signatures on their way.
    in_flight: u32,
    /// Ids that those have asked for and not got yet.
    asked: u32,
}

/// A signature on its way; counts towards demand until dropped.
pub(crate) struct Demand<'a> {
    stash: &'a Stash,
    place: Place,
    /// This one's part of what is asked for.
    asked: Cell<u32>,
}

impl Stash {
    /// Announces one signature by `key`, `scheme` and `set`.
    pub(crate) fn demand(&self, key: ObjectId, scheme: SigningScheme, set: &[u8]) -> Demand<'_> {
        let place = (key, scheme, set.to_vec());
        let mut sets = lock(&self.sets);
        if sets.len() >= SETS_MAX && !sets.contains_key(&place) {
            // Ids that are dropped cost the nodes nothing but time: they expire there.
            sets.retain(|_, leased| leased.in_flight > 0);
        }
        sets.entry(place.clone()).or_default().in_flight += 1;
        Demand { stash: self, place, asked: Cell::new(0) }
    }
}

impl Demand<'_> {
    /// The oldest id; it is gone from the stash.
    pub(crate) fn take(&self) -> Option<Lease> {
        lock(&self.stash.sets).get_mut(&self.place)?.ids.pop_front()
    }

    /// How many ids to ask for now, so that there are two for each signature on its way, with those
    /// that other threads ask for: what is leased beyond need is wasted.
    pub(crate) fn wanted(&self) -> u32 {
        let mut sets = lock(&self.stash.sets);
        let Some(leased) = sets.get_mut(&self.place) else { return 1 };
        leased.asked = leased.asked.saturating_sub(self.asked.take());
        let ready = u32::try_from(leased.ids.len()).unwrap_or(u32::MAX).saturating_add(leased.asked);
        let wanted = leased.in_flight.saturating_mul(2).saturating_sub(ready).min(LEASE_MAX);
        leased.asked += wanted;
        self.asked.set(wanted);
        wanted
    }

    /// Puts newly leased ids behind the others.
    pub(crate) fn put(&self, new: Vec<Lease>) {
        if let Some(leased) = lock(&self.stash.sets).get_mut(&self.place) {
            leased.asked = leased.asked.saturating_sub(self.asked.take());
            let room = IDS_MAX.saturating_sub(leased.ids.len());
            for lease in new.into_iter().take(room) {
                if leased.ids.iter().all(|known| known.id != lease.id) {
                    leased.ids.push_back(lease);
                }
            }
        }
    }

    /// Drops all that the witness of this one was to witness: it does not.
    pub(crate) fn drop_witnessed(&self, refused: &Lease) {
        let node = |lease: &Lease| lease.witness.as_ref().map(|witness| witness.node);
        if let Some(leased) = lock(&self.stash.sets).get_mut(&self.place) {
            leased.ids.retain(|lease| node(lease) != node(refused));
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
            leased.asked = leased.asked.saturating_sub(self.asked.take());
        }
    }
}

/// Ids kept for one key, scheme and signer set.
const IDS_MAX: usize = 64;
/// Keys, schemes and signer sets with ids.
const SETS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const ECDSA: SigningScheme = SigningScheme::EcdsaP256;

    fn leases(ids: &[u8]) -> Vec<Lease> {
        Lease::of_wire(ids.iter().map(|id| vec![*id; 32]).collect(), Vec::new())
    }

    #[test]
    fn each_id_comes_with_its_own_witness_or_not_at_all() {
        let witness = |node| Witness { node, book_id: vec![1; 16] };
        let ids = || vec![vec![1; 32], vec![2; 5], vec![3; 32]];
        let read = Lease::of_wire(ids(), vec![witness(3), witness(4), witness(5)]);
        assert_eq!(read.len(), 2, "5 bytes are no id");
        assert_eq!(read[1], Lease { id: [3; 32], witness: Some(witness(5)) });
        assert_eq!(Lease::of_wire(ids(), vec![witness(3)]), []);
        let stash = Stash::default();
        let demand = stash.demand(ObjectId([1; 16]), ECDSA, &[1, 2]);
        demand.put(read.clone());
        demand.drop_witnessed(&read[0]);
        assert_eq!(demand.take().unwrap().id, [3; 32]);
    }

    #[test]
    fn id_is_given_once_and_to_its_own_set_and_scheme_only() {
        let stash = Stash::default();
        let one = stash.demand(ObjectId([1; 16]), ECDSA, &[1, 2]);
        let other = stash.demand(ObjectId([1; 16]), ECDSA, &[1, 3]);
        let schnorr = stash.demand(ObjectId([1; 16]), SigningScheme::FrostP256, &[1, 2]);
        one.put(leases(&[7, 7]));
        assert_eq!(other.take(), None);
        assert_eq!(schnorr.take(), None);
        assert_eq!(one.take().unwrap().id, [7; 32]);
        assert_eq!(one.take(), None);
    }

    #[test]
    fn demand_follows_the_signatures_on_their_way() {
        let stash = Stash::default();
        let one = stash.demand(ObjectId([1; 16]), ECDSA, &[1, 2]);
        assert_eq!((one.wanted(), one.wanted()), (2, 2));
        let two = stash.demand(ObjectId([1; 16]), ECDSA, &[1, 2]);
        assert_eq!(two.wanted(), 2, "one has asked for its two");
        one.put(leases(&[7]));
        assert_eq!(two.wanted(), 3);
        drop(two);
        assert_eq!(one.wanted(), 1);
        one.clear();
        assert_eq!(one.take(), None);
    }
}
