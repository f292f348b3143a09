//! What two parties keep of a set-up: in memory only, for both directions and every curve.
//!
//! A pair dies at once and for good when a check on it fails (specification, section 3, "defences
//! against selective failure"). All access is through `&mut`, so a verdict and the reply that
//! depends on it cannot be separated by another session of the same pair.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroize as _;

use super::BootId;
use super::ot::{Delta, Leaves};
use crate::codec::Writer;
use crate::fault::{Fault, Misuse, Rule};
use crate::group::Curve;
use crate::party::PartyIndex;
use crate::secret::Secret;
use crate::transcript::{GADGET, hash_to_scalar};

/// A 32-byte key that both sides of a pair hold.
pub(crate) type PairKey = Secret<[u8; 32]>;

/// One party's half of a pair set-up.
pub struct Pair {
    pub(crate) peer: PartyIndex,
    pub(crate) id: [u8; 32],
    boots: Boots,
    pub(crate) alice: AliceSide,
    pub(crate) bob: BobSide,
    pub(crate) zero_key: PairKey,
    pub(crate) online_u: PairKey,
    pub(crate) online_w: PairKey,
    dead: bool,
}

/// The two processes that made a pair: it ends with either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boots {
    pub(crate) mine: BootId,
    pub(crate) peers: BootId,
}

/// The direction in which this party is Alice: she holds Delta and all leaves but one a tree.
pub(crate) struct AliceSide {
    pub(crate) sid: [u8; 32],
    pub(crate) leaves: Leaves,
    pub(crate) delta: Delta,
    pub(crate) accepted: ReplayWindow,
    pub(crate) gadgets: Gadgets,
}

/// The direction in which this party is Bob: he holds all leaves.
pub(crate) struct BobSide {
    pub(crate) sid: [u8; 32],
    pub(crate) leaves: Leaves,
    next_number: u64,
    pub(crate) gadgets: Gadgets,
    /// Planted bug: one extension number and one choice vector for all sessions.
    #[cfg(feature = "sim")]
    repeats: bool,
}

impl Pair {
    pub(crate) fn new(
        peer: PartyIndex,
        id: [u8; 32],
        boots: Boots,
        alice: AliceSide,
        bob: BobSide,
        [zero_key, online_u, online_w]: [PairKey; 3],
    ) -> Self {
        Self { peer, id, boots, alice, bob, zero_key, online_u, online_w, dead: false }
    }

    /// The copy that the shipped code cannot make: this pair as it was before its first session.
    #[cfg(feature = "sim")]
    pub(crate) fn duplicate(&self) -> Self {
        let leaves = |leaves: &Leaves| Leaves::new(*leaves.expose());
        let delta = Delta::new(*self.alice.delta.expose());
        let alice = AliceSide::new(self.alice.sid, leaves(&self.alice.leaves), delta);
        let bob = BobSide::new(self.bob.sid, leaves(&self.bob.leaves));
        let keys = [&self.zero_key, &self.online_u, &self.online_w].map(|key| PairKey::new(*key.expose()));
        Self::new(self.peer, self.id, self.boots, alice, bob, keys)
    }

    /// The other party.
    pub const fn peer(&self) -> PartyIndex {
        self.peer
    }

    /// Sigma, the name of this set-up: equal at both sides, different for each set-up.
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// Whether the pair was made by these two processes.
    pub(crate) fn was_made_by(&self, boots: Boots) -> bool {
        self.boots == boots
    }

    /// Whether a check on this pair has failed.
    pub const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Ends the use of both directions and wipes their secrets at once.
    pub fn kill(&mut self) {
        self.dead = true;
        self.alice.leaves.expose_mut().zeroize();
        self.alice.delta.expose_mut().zeroize();
        self.bob.leaves.expose_mut().zeroize();
        for key in [&mut self.zero_key, &mut self.online_u, &mut self.online_w] {
            key.expose_mut().zeroize();
        }
    }
}

impl AliceSide {
    pub(crate) fn new(sid: [u8; 32], leaves: Leaves, delta: Delta) -> Self {
        Self { sid, leaves, delta, accepted: ReplayWindow::new(), gadgets: Gadgets::default() }
    }
}

impl BobSide {
    pub(crate) fn new(sid: [u8; 32], leaves: Leaves) -> Self {
        Self {
            sid,
            leaves,
            next_number: 1,
            gadgets: Gadgets::default(),
            #[cfg(feature = "sim")]
            repeats: false,
        }
    }

    /// From now on every session repeats the first number and one choice vector.
    #[cfg(feature = "sim")]
    pub(crate) const fn repeat_sessions(&mut self) {
        self.repeats = true;
    }

    /// Replaces the choices just drawn if sessions repeat. Derived from a leaf, which Alice may lack.
    #[cfg(feature = "sim")]
    pub(crate) fn repeat_choices(&mut self, choices: &mut [u8]) {
        if self.repeats {
            self.next_number = 1;
            let leaves = self.leaves.expose().as_flattened().as_flattened();
            crate::transcript::expand(GADGET, &[leaves], choices);
        }
    }

    /// A liar's step back to the first number.
    #[cfg(feature = "sim")]
    pub(crate) const fn forget_numbers(&mut self) {
        self.next_number = 1;
    }

    /// What `count` sessions with the same peer would use up.
    #[cfg(feature = "sim")]
    pub(crate) const fn skip_numbers(&mut self, count: u64) {
        self.next_number += count;
    }

    /// ext_no++: used once whatever becomes of the session.
    pub(crate) fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = number.checked_add(1).expect("2^64 extensions outlast every process");
        number
    }
}

/// Gadget vectors of a direction, by curve: public, derived once.
#[derive(Default)]
pub(crate) struct Gadgets(BTreeMap<&'static str, Arc<Vec<u8>>>);

impl Gadgets {
    /// g_j = H2S(mul/gadget; sid, curve name, j), encoded one after the other.
    pub(crate) fn of<C: Curve>(&mut self, sid: &[u8; 32]) -> Arc<Vec<u8>> {
        let derive = || {
            let mut writer = Writer::with_capacity(C::XI * C::SCALAR_BYTES);
            for position in (0_u16..).take(C::XI) {
                let parts: [&[u8]; 3] = [sid, C::NAME.as_bytes(), &position.to_be_bytes()];
                writer.scalar::<C>(&hash_to_scalar::<C>(GADGET, &parts));
            }
            Arc::new(writer.finish())
        };
        Arc::clone(self.0.entry(C::NAME).or_insert_with(derive))
    }
}

/// What Alice makes of an extension number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptance {
    /// Never accepted before, and now it is.
    New,
    /// Accepted before, or no number at all.
    Used,
    /// Behind the window: an honest message that came very late looks the same as a replay.
    TooOld,
}

/// Extension numbers that Alice has accepted: the last 4096 are told apart.
pub(crate) struct ReplayWindow {
    highest: u64,
    /// Ring of `WINDOW` bits; bit (number mod `WINDOW`) is set for an accepted number.
    seen: Box<[u64; WINDOW as usize / 64]>,
}

/// Numbers that are told apart behind the highest accepted one.
const WINDOW: u64 = 4096;

impl ReplayWindow {
    fn new() -> Self {
        Self { highest: 0, seen: Box::new([0; WINDOW as usize / 64]) }
    }

    /// Accepts `number` unless it was accepted before or is too old to tell. Bob begins with 1.
    pub(crate) fn accept(&mut self, number: u64) -> Acceptance {
        if number > self.highest {
            // Positions between the old and the new highest are reused: they must be empty.
            let passed = (number - self.highest).min(WINDOW);
            for skipped in (0..passed).map(|back| number - back) {
                self.set(skipped, false);
            }
            self.highest = number;
        } else if number == 0 || self.is_used(number) {
            return Acceptance::Used;
        } else if self.highest - number >= WINDOW {
            return Acceptance::TooOld;
        }
        self.set(number, true);
        Acceptance::New
    }

    /// Whether a number not above the highest is in the window and was accepted.
    fn is_used(&self, number: u64) -> bool {
        let position = number % WINDOW;
        self.highest - number < WINDOW
            && self.seen.get((position / 64) as usize).is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    fn set(&mut self, number: u64, value: bool) {
        let position = number % WINDOW;
        let word = self.seen.get_mut((position / 64) as usize).expect("a position is below the window");
        let bit = 1 << (position % 64);
        if value { *word |= bit } else { *word &= !bit }
    }
}

/// The pair set-ups of one party, by peer.
#[derive(Default)]
pub struct Pairs(BTreeMap<PartyIndex, Pair>);

impl Pairs {
    /// No pairs yet.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a pair; returns the one it replaces.
    pub fn insert(&mut self, pair: Pair) -> Option<Pair> {
        self.0.insert(pair.peer, pair)
    }

    /// Takes the pair with `peer` out.
    pub fn remove(&mut self, peer: PartyIndex) -> Option<Pair> {
        self.0.remove(&peer)
    }

    /// The pair with `peer`, dead or alive.
    pub fn get(&self, peer: PartyIndex) -> Option<&Pair> {
        self.0.get(&peer)
    }

    /// Every pair, to be copied.
    #[cfg(feature = "sim")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.0.values()
    }

    /// Every pair, to be lied with.
    #[cfg(feature = "sim")]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pair> {
        self.0.values_mut()
    }

    /// Whether there is a live pair with `peer`.
    pub fn is_ready(&self, peer: PartyIndex) -> bool {
        self.get(peer).is_some_and(|pair| !pair.is_dead())
    }

    /// Ends the pair with `peer`, if there is one.
    pub fn kill(&mut self, peer: PartyIndex) {
        if let Some(pair) = self.0.get_mut(&peer) {
            pair.kill();
        }
    }

    /// The live pair with `peer`, to start a session with.
    pub(crate) fn ready(&mut self, peer: PartyIndex) -> Result<&mut Pair, Misuse> {
        self.0.get_mut(&peer).filter(|pair| !pair.dead).ok_or(Misuse::NoPair(peer))
    }

    /// The same live pair that a session began with.
    pub(crate) fn same(&mut self, peer: PartyIndex, id: &[u8; 32]) -> Result<&mut Pair, Fault> {
        self.0
            .get_mut(&peer)
            .filter(|pair| !pair.dead && pair.id == *id)
            .ok_or(Fault::of_nobody(Rule::PairDead))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Acceptance::{New, TooOld, Used};
    use super::*;

    #[test]
    fn a_number_is_accepted_once() {
        let mut window = ReplayWindow::new();
        let verdicts = [0, 2, 1, 1, 2].map(|number| window.accept(number));
        assert_eq!(verdicts, [Used, New, New, Used, Used]);
    }

    #[test]
    fn numbers_behind_the_window_are_too_old_and_positions_are_reused() {
        let mut window = ReplayWindow::new();
        let numbers =
            [1, WINDOW + 1, 1, 2, u64::MAX, WINDOW, u64::MAX - WINDOW + 1, u64::MAX - WINDOW, u64::MAX];
        let verdicts = numbers.map(|number| window.accept(number));
        assert_eq!(verdicts, [New, New, TooOld, New, New, TooOld, New, TooOld, Used]);
    }

    #[test]
    fn a_killed_pair_holds_no_secrets() {
        let leaves = || Leaves::new([[[1; 16]; 16]; 32]);
        let boots = Boots { mine: [1; 16], peers: [2; 16] };
        let alice = AliceSide::new([3; 32], leaves(), Delta::new([1; 32]));
        let bob = BobSide::new([4; 32], leaves());
        let keys = [5, 6, 7].map(|byte| Secret::new([byte; 32]));
        let mut pair = Pair::new(PartyIndex::new(2).unwrap(), [8; 32], boots, alice, bob, keys);
        pair.kill();
        assert!(pair.is_dead());
        assert!(pair.alice.leaves.expose().as_flattened().as_flattened().iter().all(|byte| *byte == 0));
        assert!(pair.bob.leaves.expose().as_flattened().as_flattened().iter().all(|byte| *byte == 0));
        assert_eq!(pair.alice.delta.expose(), &[0; 32]);
        for key in [&pair.zero_key, &pair.online_u, &pair.online_w] {
            assert_eq!(key.expose(), &[0; 32]);
        }
    }
}
