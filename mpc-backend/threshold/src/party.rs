//! Positions in a protocol: who takes part, and how many must.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU8;

use crate::fault::Misuse;

/// Position of a party, 1-based: also its Shamir evaluation point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyIndex(NonZeroU8);

impl PartyIndex {
    /// The position `index`, or `None` for 0: a share at 0 would be the key itself.
    pub const fn new(index: u8) -> Option<Self> {
        match NonZeroU8::new(index) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }

    /// The position as a number, 1..=255.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// Two bytes, big-endian: the form in messages and transcripts.
    pub const fn to_bytes(self) -> [u8; 2] {
        (self.get() as u16).to_be_bytes()
    }

    /// The inverse of [`Self::to_bytes`]; refuses 0 and anything above 255.
    pub fn from_bytes(bytes: [u8; 2]) -> Option<Self> {
        u8::try_from(u16::from_be_bytes(bytes)).ok().and_then(Self::new)
    }
}

impl fmt::Display for PartyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// How many parties must act together, and how many there are. `corruptible = needed - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    needed: u8,
    parties: u8,
}

impl Threshold {
    /// `needed` of `parties`, with 2 <= `needed` <= `parties`.
    ///
    /// # Errors
    /// [`Misuse::Threshold`] otherwise: one needed party would hold the key alone.
    pub const fn new(needed: u8, parties: u8) -> Result<Self, Misuse> {
        if needed < 2 || needed > parties {
            return Err(Misuse::Threshold);
        }
        Ok(Self { needed, parties })
    }

    /// Parties that must act together (the T of T-of-N).
    pub const fn needed(self) -> u8 {
        self.needed
    }

    /// All parties (the N of T-of-N).
    pub const fn parties(self) -> u8 {
        self.parties
    }

    /// Every position, ascending.
    pub fn all(self) -> SignerSet {
        SignerSet((1..=self.parties).filter_map(PartyIndex::new).collect())
    }
}

/// A set of parties: ascending, distinct, not empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignerSet(Vec<PartyIndex>);

impl SignerSet {
    /// The set of `members`, in whatever order they are given.
    ///
    /// # Errors
    /// [`Misuse::SignerSet`] for no members or a repeated one.
    pub fn new(members: impl IntoIterator<Item = PartyIndex>) -> Result<Self, Misuse> {
        let mut members: Vec<PartyIndex> = members.into_iter().collect();
        members.sort_unstable();
        let distinct = members.iter().zip(members.iter().skip(1)).all(|(low, high)| low < high);
        if members.is_empty() || !distinct {
            return Err(Misuse::SignerSet);
        }
        Ok(Self(members))
    }

    /// Number of members.
    #[allow(clippy::len_without_is_empty, reason = "a signer set is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `party` is a member.
    pub fn contains(&self, party: PartyIndex) -> bool {
        self.0.binary_search(&party).is_ok()
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = PartyIndex> + ExactSizeIterator + Clone + '_ {
        self.0.iter().copied()
    }

    /// The members other than `me`, ascending.
    pub fn peers_of(&self, me: PartyIndex) -> impl Iterator<Item = PartyIndex> + Clone + '_ {
        self.iter().filter(move |party| *party != me)
    }

    /// Two bytes for each member, ascending: the form in transcripts.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(PartyIndex::to_bytes).collect()
    }

    /// The inverse of [`Self::to_bytes`]; refuses any other order, repeats and the empty set.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let members: Option<Vec<PartyIndex>> =
            pairs.iter().map(|pair| PartyIndex::from_bytes(*pair)).collect();
        let members = members.filter(|members| rest.is_empty() && members.is_sorted())?;
        Self::new(members).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn party(index: u8) -> PartyIndex {
        PartyIndex::new(index).unwrap()
    }

    #[test]
    fn zero_is_no_party() {
        assert!(PartyIndex::new(0).is_none());
        assert!(PartyIndex::from_bytes([0, 0]).is_none());
        assert!(PartyIndex::from_bytes([1, 0]).is_none());
        assert_eq!(PartyIndex::from_bytes([0, 7]), Some(party(7)));
    }

    #[test]
    fn thresholds_keep_at_least_two_parties_together() {
        assert!(Threshold::new(1, 3).is_err());
        assert!(Threshold::new(4, 3).is_err());
        assert_eq!(Threshold::new(2, 3).unwrap().all().len(), 3);
    }

    #[test]
    fn signer_sets_are_ascending_and_distinct() {
        let set = SignerSet::new([party(3), party(1)]).unwrap();
        assert_eq!(set.to_bytes(), [0, 1, 0, 3]);
        assert!(SignerSet::new([party(1), party(1)]).is_err());
        assert!(SignerSet::new([]).is_err());
        assert_eq!(SignerSet::from_bytes(&[0, 1, 0, 3]), Some(set));
        assert!(SignerSet::from_bytes(&[0, 3, 0, 1]).is_none());
        assert!(SignerSet::from_bytes(&[0, 3, 0]).is_none());
    }
}
