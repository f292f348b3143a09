//! How many signatures of one process are on their way at once.
//!
//! Nodes that have more to do than they can give each request too little: every answer comes late, clients give
//! up, and what was done for them is lost. So a process sends less while its answers take long, and more again when
//! they come quickly (additive growth per answer and halving, as TCP's congestion avoidance, RFC 5681, but by delay).
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
    most: usize,
    /// Who waits, in order.
    waiting: VecDeque<u64>,
    next_ticket: u64,
    /// The least that a signature took, [`SLOW`] at most.
    least: Duration,
    halved_at: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        let (waiting, least) = (VecDeque::new(), SLOW);
        Self { under_way: 0, most: FIRST, waiting, next_ticket: 0, least, halved_at: None }
    }
}

/// One signature on its way; gives its place back when dropped.
pub(crate) struct Turn<'a> {
    throttle: &'a Throttle,
    since: Instant,
}

impl Throttle {
    /// Waits until it is this call's turn; `None` when its time is over first.
    pub(crate) fn enter(&self, deadline: Deadline) -> Option<Turn<'_>> {
        let mut state = lock(&self.state);
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        while state.waiting.front() != Some(&ticket) || state.under_way >= state.most {
            let Some(left) = deadline.remaining() else {
                state.waiting.retain(|other| *other != ticket);
                self.changed.notify_all();
                return None;
            };
            (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.pop_front();
        state.under_way += 1;
        if !state.waiting.is_empty() {
            self.changed.notify_all();
        }
        Some(Turn { throttle: self, since: Instant::now() })
    }
}

impl State {
    /// A signature took so long, whatever came of it.
    fn took(&mut self, time: Duration, now: Instant) {
        // Who comes when all is slow does not know how quick it could be.
        self.least = self.least.min(time).min(SLOW);
        if time <= QUICK.max(2 * self.least).min(SLOW) {
            self.most = (self.most + 1).min(MOST);
        } else if time >= SLOW.max(4 * self.least) && self.halved_at.is_none_or(|at| now - at >= SLOW) {
            // What is under way is as slow: it says the same once.
            (self.most, self.halved_at) = ((self.most / 2).max(1), Some(now));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.throttle.state);
        state.under_way -= 1;
        state.took(self.since.elapsed(), Instant::now());
        if !state.waiting.is_empty() {
            self.throttle.changed.notify_all();
        }
    }
}

/// Until it is known how fast the nodes are.
const FIRST: usize = 2;
const MOST: usize = 1024;
/// Signatures that take no longer, or no more than twice the least and [`SLOW`], let more on their way.
const QUICK: Duration = Duration::from_millis(100);
/// Those that take as long, and four times the least, halve them, once in this time.
const SLOW: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn slow_answers_halve_and_quick_ones_add() {
        let (mut state, now) = (State::default(), Instant::now());
        (0..4).for_each(|_| state.took(2 * SLOW, now));
        assert_eq!(state.most, FIRST, "so far that is how long they take");
        state.took(Duration::from_millis(3), now);
        (0..4).for_each(|_| state.took(Duration::from_secs(2), now));
        assert_eq!(state.most, FIRST.div_ceil(2), "those of one moment count once");
        (1..9).for_each(|at| state.took(Duration::from_secs(2), now + at * SLOW));
        assert_eq!(state.most, 1);
        (0..9).for_each(|_| state.took(2 * QUICK, now));
        assert_eq!(state.most, 1);
        (0..9).for_each(|_| state.took(QUICK, now));
        assert_eq!(state.most, 10);
    }

    #[test]
    fn no_more_than_that_are_under_way_and_each_has_its_turn() {
        let throttle = Throttle::default();
        let deadline = Deadline::after(Duration::from_secs(60));
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        lock(&throttle.state).most = 2;
        lock(&throttle.state).least = Duration::ZERO;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let turn = throttle.enter(deadline).unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(QUICK + QUICK / 5);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(turn);
                });
            }
        });
        assert!(most.into_inner() <= 2);
        let turns = [throttle.enter(deadline), throttle.enter(deadline)];
        assert!(throttle.enter(Deadline::after(Duration::from_millis(1))).is_none());
        drop(turns);
        assert!(throttle.enter(deadline).is_some(), "who gave up is not waited for");
    }
}
