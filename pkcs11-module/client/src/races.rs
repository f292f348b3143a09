//! How many signer sets the signatures of one process have at work beyond one for each.

use std::sync::atomic::{AtomicUsize, Ordering};

/// All [`crate::race`]s of a process.
#[derive(Default)]
pub(crate) struct Races {
    under_way: AtomicUsize,
    extra: AtomicUsize,
}

impl Races {
    /// One more signature is on its way.
    pub(crate) fn begins(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// It is there, or has failed.
    pub(crate) fn ends(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether one more set may start beside another. `busy` when more is to be signed than the nodes can at once:
    /// then they are slow because of that, and each set more makes them slower.
    pub(crate) fn may_grow(&self, busy: bool) -> bool {
        let under_way = self.under_way.load(Ordering::Relaxed);
        let least = if busy { 1 } else { EXTRA_MIN };
        self.extra.load(Ordering::Relaxed) < (under_way / RACES_PER_EXTRA).max(least)
    }

    /// A race had `before` sets at work and has `after`.
    pub(crate) fn has_sets(&self, before: usize, after: usize) {
        let (before, after) = (before.saturating_sub(1), after.saturating_sub(1));
        if after > before {
            self.extra.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.extra.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

/// Of so many signatures on their way one may have one more set at work.
const RACES_PER_EXTRA: usize = 8;
/// As many are always allowed: whoever signs alone is not held up by a node that hangs.
const EXTRA_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_may_race_but_not_all_of_many() {
        let races = Races::default();
        (0..24).for_each(|_| races.begins());
        races.has_sets(0, 1);
        for extra in 1..=3 {
            assert!(races.may_grow(true));
            races.has_sets(extra, extra + 1);
        }
        assert!(!races.may_grow(false));
        (24..40).for_each(|_| races.begins());
        assert!(races.may_grow(true), "more calls, more races");
        (0..40).for_each(|_| races.ends());
        assert!(!races.may_grow(false));
        races.has_sets(4, 2);
        assert!(races.may_grow(false) && !races.may_grow(true), "fewer where all is slow");
    }
}
