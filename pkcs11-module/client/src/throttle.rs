//! How many signatures of one process are on their way at once.
//!
//! Nodes that have more to do than they can give each request too little: every answer comes late, clients give
//! up, and what was done for them is lost. So a process sends less while its answers take long, and more again when
//! they come quickly: all processes of a busy cluster see the same delay, and those that send more give up more
//! (additive increase and multiplicative decrease about a target delay, as Kumar et al., Swift, SIGCOMM 2020, section 3.1).
//! Who waits here costs the nodes nothing, and keeps its turn.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::sync::lock;

/// All signatures of a process.
#[derive(Default)]
pub(crate) struct Throttle {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    under_way: usize,
    /// How many may be.
    most: f64,
    /// Who waits, in order.
    waiting: VecDeque<u64>,
    next_ticket: u64,
    /// The least that a signature took.
    least: Option<Duration>,
    /// What they took of late, in s.
    mean: f64,
    lowered_at: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        let waiting = VecDeque::new();
        Self { under_way: 0, most: FIRST, waiting, next_ticket: 0, least: None, mean: 0.0, lowered_at: None }
    }
}

/// One signature on its way; gives its place back when dropped.
pub(crate) struct Turn<'a> {
    throttle: &'a Throttle,
    since: Instant,
    is_signed: bool,
    has_leased: bool,
}

impl Throttle {
    /// Waits until it is this call's turn; `None` when too little of its time is left before that.
    pub(crate) fn enter(&self, deadline: Deadline) -> Option<Turn<'_>> {
        let mut state = lock(&self.state);
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        while state.waiting.front() != Some(&ticket) || state.under_way as f64 + 1.0 > state.most {
            let left = deadline.remaining().unwrap_or_default();
            let Some(patience) = left.checked_sub(LEFT_MIN) else {
                state.waiting.retain(|other| *other != ticket);
                self.changed.notify_all();
                return None;
            };
            (state, _) = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.pop_front();
        state.under_way += 1;
        if !state.waiting.is_empty() {
            self.changed.notify_all();
        }
        Some(Turn { throttle: self, since: Instant::now(), is_signed: false, has_leased: true })
    }

    /// Whether signatures wait for others.
    pub(crate) fn is_full(&self) -> bool {
        !lock(&self.state).waiting.is_empty()
    }
}

impl State {
    /// A signature was made in so long, or was not.
    fn took(&mut self, time: Duration, (is_signed, has_leased): (bool, bool), now: Instant) {
        if is_signed {
            self.least = Some(self.least.map_or(time, |least| least.min(time)));
        }
        let target = self.least.unwrap_or_default().saturating_mul(2).clamp(TARGET, TARGET_MAX).as_secs_f64();
        let weight = if has_leased { LEASED_WEIGHT } else { READY_WEIGHT };
        self.mean += (time.as_secs_f64() - self.mean) * weight;
        if self.mean <= target {
            self.most = (self.most + self.most.recip()).min(MOST);
        } else if self.lowered_at.is_none_or(|at| (now - at).as_secs_f64() >= self.mean) {
            // What was under way meanwhile is as slow: it says the same once.
            let excess = 1.0 - target / self.mean;
            self.most = (self.most * (1.0 - excess.min(LOWERED_MAX))).max(FIRST);
            self.lowered_at = Some(now);
        }
    }
}

impl Turn<'_> {
    /// Whether the signature is there, and whether a presignature had to be waited for.
    pub(crate) fn ends(&mut self, is_signed: bool, has_leased: bool) {
        (self.is_signed, self.has_leased) = (is_signed, has_leased);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.throttle.state);
        state.under_way -= 1;
        state.took(self.since.elapsed(), (self.is_signed, self.has_leased), Instant::now());
        if !state.waiting.is_empty() {
            self.throttle.changed.notify_all();
        }
    }
}

/// Until it is known how fast the nodes are, and always.
const FIRST: f64 = 2.0;
const MOST: f64 = 1024.0;
/// How long a signature may take, or twice the least where that is more and up to a bound: nodes may be far away.
const TARGET: Duration = Duration::from_millis(300);
const TARGET_MAX: Duration = Duration::from_secs(1);
/// How much the latest counts. Who finds presignatures ready learns little about those who wait for theirs.
const LEASED_WEIGHT: f64 = 1.0 / 8.0;
const READY_WEIGHT: f64 = 1.0 / 128.0;
/// The largest part that is given up at once.
const LOWERED_MAX: f64 = 0.5;
/// Who has waited and has no more time left than this does not begin: the nodes would work for nothing.
const LEFT_MIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn quick_answers_add_and_slow_ones_lower() {
        let (mut state, now) = (State::default(), Instant::now());
        (0..50).for_each(|_| state.took(TARGET / 10, (true, true), now));
        assert!((9.0..11.0).contains(&state.most), "about one each time that all have been answered");
        let before = state.most;
        state.took(10 * TARGET, (true, true), now);
        let lowered = state.most;
        assert!((before / 2.0..before).contains(&lowered));
        (0..16).for_each(|_| state.took(10 * TARGET, (true, true), now));
        assert_eq!(state.most.to_bits(), lowered.to_bits(), "those of one moment count once");
        (1..9).for_each(|at| state.took(10 * TARGET, (false, true), now + at * 100 * TARGET));
        assert!((FIRST..FIRST + 0.1).contains(&state.most), "and no less than that");
    }

    #[test]
    fn far_nodes_are_not_slow_ones() {
        let (mut state, now) = (State::default(), Instant::now());
        state.took(TARGET / 100, (false, true), now);
        (0..50).for_each(|_| state.took(TARGET * 3 / 2, (true, true), now));
        assert!(state.most > 9.0, "that is how long they take at best");
    }

    #[test]
    fn processes_of_one_delay_come_to_the_same() {
        let (mut one, mut other, now) = (State::default(), State::default(), Instant::now());
        one.least = Some(TARGET / 10);
        other.least = one.least;
        other.most = 64.0;
        for round in 1..400 {
            // 32 at a time take the target; more take longer.
            let delay = TARGET.mul_f64((one.most + other.most) / 32.0);
            for state in [&mut one, &mut other] {
                (0..state.most as usize)
                    .for_each(|_| state.took(delay, (true, true), now + round * 4 * TARGET));
            }
        }
        assert!(one.most / other.most > 0.8 && one.most / other.most < 1.25, "{} {}", one.most, other.most);
    }

    #[test]
    fn no_more_than_that_are_under_way_and_each_has_its_turn() {
        let throttle = Throttle::default();
        let deadline = Deadline::after(Duration::from_secs(60));
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        lock(&throttle.state).least = Some(Duration::ZERO);
        lock(&throttle.state).mean = (2 * TARGET).as_secs_f64();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let turn = throttle.enter(deadline).unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(TARGET + TARGET / 5);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(turn);
                });
            }
        });
        assert!(most.into_inner() <= 2);
        let turn = throttle.enter(deadline);
        lock(&throttle.state).most = 1.0;
        assert!(throttle.enter(Deadline::after(2 * LEFT_MIN)).is_none());
        drop(turn);
        assert!(throttle.enter(deadline).is_some(), "who gave up is not waited for");
    }
}
