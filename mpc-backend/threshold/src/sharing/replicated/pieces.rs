//! Who holds which piece, who computes which term (`spec/replicated.md`, section 1).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::fault::Misuse;
use crate::party::{PartyIndex, SignerSet, Threshold};

/// Most pieces: those of 5-of-9.
pub const PIECES_MAX: usize = 126;

/// Position of a piece in [`Pieces`], 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece(u8);

impl Piece {
    /// The first piece, to which public numbers are added.
    pub const FIRST: Self = Self(0);

    /// The piece at `position`, if there can be one.
    pub(crate) fn at(position: usize) -> Option<Self> {
        u8::try_from(position).ok().filter(|_| position < PIECES_MAX).map(Self)
    }

    /// Its position.
    pub const fn position(self) -> usize {
        self.0 as usize
    }

    /// The form in transcripts.
    pub const fn to_bytes(self) -> [u8; 1] {
        [self.0]
    }
}

/// The pieces of a threshold: one for each set of T - 1 parties, in lexicographic order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    threshold: Threshold,
    /// The parties that do not hold the piece.
    excluded: Vec<SignerSet>,
}

impl Pieces {
    /// The pieces for `threshold`.
    ///
    /// # Errors
    /// [`Misuse::Threshold`] for more than [`PIECES_MAX`].
    pub fn new(threshold: Threshold) -> Result<Self, Misuse> {
        let all: Vec<PartyIndex> = threshold.all().iter().collect();
        let corruptible = usize::from(threshold.needed() - 1);
        let (mut sets, mut count) = (Vec::from([Vec::new()]), 1_usize);
        for step in 0..corruptible {
            // C(n, k + 1) = C(n, k) (n - k) / (k + 1): never more than PIECES_MAX (k + 1) on the way.
            count = count * (all.len() - step) / (step + 1);
            if count > PIECES_MAX {
                return Err(Misuse::Threshold);
            }
            let longer = |set: &Vec<PartyIndex>| {
                let last = set.last().copied();
                let later = all.iter().filter(move |party| last.is_none_or(|last| **party > last));
                later.map(|party| [set.as_slice(), &[*party]].concat()).collect::<Vec<_>>()
            };
            sets = sets.iter().flat_map(longer).collect();
        }
        let excluded = sets.into_iter().map(SignerSet::new).collect::<Result<_, _>>()?;
        Ok(Self { threshold, excluded })
    }

    /// T and N.
    pub const fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// Every piece, ascending.
    pub fn all(&self) -> impl ExactSizeIterator<Item = Piece> + Clone + use<> {
        (0..self.excluded.len()).map(|position| Piece(position as u8))
    }

    /// Whether `party` holds `piece`.
    pub fn holds(&self, party: PartyIndex, piece: Piece) -> bool {
        party.get() <= self.threshold.parties()
            && self.excluded.get(piece.position()).is_some_and(|excluded| !excluded.contains(party))
    }

    /// The pieces of `party`, ascending.
    pub fn held_by(&self, party: PartyIndex) -> impl Iterator<Item = Piece> + Clone + '_ {
        self.all().filter(move |piece| self.holds(party, *piece))
    }

    /// The holders of `piece`, ascending: at least one of them is honest.
    pub fn holders(&self, piece: Piece) -> Vec<PartyIndex> {
        self.threshold.all().iter().filter(|party| self.holds(*party, piece)).collect()
    }

    /// How many hold a piece: N - T + 1.
    pub fn holders_each(&self) -> usize {
        usize::from(self.threshold.parties() - self.threshold.needed() + 1)
    }

    /// One holder in `set` for every piece, by piece: of those with the fewest pieces so far the first.
    ///
    /// # Errors
    /// [`Misuse::SignerSet`] when `set` has fewer than T members, or a member above N.
    pub fn assigned(&self, set: &SignerSet) -> Result<Vec<PartyIndex>, Misuse> {
        let strangers = set.iter().any(|party| party.get() > self.threshold.parties());
        if strangers || set.len() < usize::from(self.threshold.needed()) {
            return Err(Misuse::SignerSet);
        }
        let mut loads = Loads::default();
        let holder = |piece| loads.least(set.iter().filter(|party| self.holds(*party, piece)));
        self.all().map(holder).collect::<Option<_>>().ok_or(Misuse::SignerSet)
    }

    /// One party for every ordered pair of pieces, who holds both; by party.
    ///
    /// # Errors
    /// [`Misuse::Threshold`] when N < 2T - 1: nobody then holds two pieces that exclude different
    /// parties only.
    pub fn terms(&self) -> Result<BTreeMap<PartyIndex, Vec<(Piece, Piece)>>, Misuse> {
        let all = self.threshold.all();
        let mut terms: BTreeMap<_, Vec<_>> = all.iter().map(|party| (party, Vec::new())).collect();
        let mut loads = Loads::default();
        for (left, right) in self.all().flat_map(|left| self.all().map(move |right| (left, right))) {
            let both = all.iter().filter(|party| self.holds(*party, left) && self.holds(*party, right));
            let party = loads.least(both).ok_or(Misuse::Threshold)?;
            terms.entry(party).or_default().push((left, right));
        }
        Ok(terms)
    }
}

/// How much each party was given.
#[derive(Default)]
struct Loads(BTreeMap<PartyIndex, usize>);

impl Loads {
    /// The least loaded of the candidates, the first of several; its load grows by one.
    fn least(&mut self, candidates: impl Iterator<Item = PartyIndex>) -> Option<PartyIndex> {
        let party = candidates.min_by_key(|party| self.0.get(party).copied().unwrap_or(0))?;
        *self.0.entry(party).or_default() += 1;
        Some(party)
    }
}
