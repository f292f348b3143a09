//! What is known of one node's health.

use std::time::{Duration, Instant};

use crate::failure::NodeFailure;
use crate::pool::Heard;

/// One node, as this client has found it.
pub(crate) struct Health {
    /// Position in this client's own order, 0 first.
    pub(crate) preference: usize,
    /// Round trip of a TCP handshake.
    pub(crate) latency: Option<Duration>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) slow: Option<Slow>,
    /// Times that answers in which it had part did not combine, in a row, and when that is forgotten.
    pub(crate) doubt: Option<(u32, Instant)>,
    /// Highest registry index that the node claimed.
    pub(crate) registry_index: u64,
}

/// It kept a call waiting that others had answered.
pub(crate) struct Slow {
    pub(crate) in_a_row: u32,
    /// When to look again.
    pub(crate) until: Instant,
    /// An answer of it is still due.
    pub(crate) silent: bool,
}

pub(crate) struct Trouble {
    pub(crate) failure: NodeFailure,
    pub(crate) in_a_row: u32,
    /// When it failed first.
    pub(crate) since: Instant,
    pub(crate) until: Instant,
}

impl Health {
    /// Of a node that was never asked.
    pub(crate) fn new(preference: usize) -> Self {
        Self { preference, latency: None, trouble: None, slow: None, doubt: None, registry_index: 0 }
    }

    /// Order of choice: those that answer first, then those whose answers combine (a lie costs a
    /// presignature), those in time, then by magnitude of latency, then by preference. Only the
    /// magnitude, so that jitter does not change the set.
    pub(crate) fn rank(&self, now: Instant) -> (bool, u32, bool, u32, usize) {
        let micros = self.latency.unwrap_or_default().as_micros();
        let magnitude = (micros / LATENCY_UNIT_MICROS).checked_ilog(LATENCY_STEP).map_or(0, |log| log + 1);
        let doubt = self.doubt.filter(|(_, until)| *until > now).map_or(0, |(times, _)| times);
        (self.is_in_trouble(now), doubt, self.is_slow(now), magnitude, self.preference)
    }

    fn is_in_trouble(&self, now: Instant) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.until > now)
    }

    fn is_slow(&self, now: Instant) -> bool {
        self.slow.as_ref().is_some_and(|slow| slow.until > now)
    }

    /// Whether nothing speaks against asking it.
    pub(crate) fn is_well(&self, now: Instant) -> bool {
        !self.is_in_trouble(now) && !self.is_slow(now)
    }

    /// Whether asking it now would cost time that is likely lost. A refused connection costs
    /// nothing, so such a node may be asked again at once when it is needed; so may one that is too
    /// slow, until it has been silent for so long that it hangs: on a busy machine all nodes are slow.
    pub(crate) fn is_costly(&self, now: Instant) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| {
            let costly = match trouble.failure {
                NodeFailure::TimedOut => now.saturating_duration_since(trouble.since) > HANGS_AFTER,
                NodeFailure::Misbehaved(_) => true,
                _ => false,
            };
            trouble.until > now && costly
        })
    }

    /// It failed once more; how often in a row.
    pub(crate) fn failed(&mut self, failure: &NodeFailure) -> u32 {
        let now = Instant::now();
        let (times, since) =
            self.trouble.as_ref().map_or((0, now), |trouble| (trouble.in_a_row, trouble.since));
        let in_a_row = times + 1;
        let until = now + backoff(in_a_row);
        // What others say of it does not replace what was found here.
        let found = self.trouble.take().map(|trouble| trouble.failure);
        let found = found.filter(|found| failure.code().is_some() && found.code().is_none());
        let failure = found.unwrap_or_else(|| failure.clone());
        self.trouble = Some(Trouble { failure, in_a_row, since, until });
        in_a_row
    }

    /// Whether another node misses it, and nothing else speaks against it.
    pub(crate) fn is_missed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.failure.code().is_some())
    }

    /// Whether it refused the last connection.
    pub(crate) fn is_unreachable(&self) -> bool {
        let failure = self.trouble.as_ref().map(|trouble| &trouble.failure);
        matches!(failure, Some(NodeFailure::Unreachable(_)))
    }

    /// It kept a call waiting once more; how often in a row.
    pub(crate) fn lags(&mut self) -> u32 {
        let in_a_row = self.slow.as_ref().map_or(0, |slow| slow.in_a_row) + 1;
        self.slow = Some(Slow { in_a_row, until: Instant::now() + LOOK_EVERY, silent: true });
        in_a_row
    }

    /// What was found of a slow node. One that has answered serves again, the later the more often
    /// it was slow.
    pub(crate) fn looked_at(&mut self, heard: Heard) {
        let Some(slow) = &mut self.slow else { return };
        slow.silent = heard == Heard::Silence;
        let wait = match heard {
            Heard::Silence => LOOK_EVERY,
            Heard::Nothing => Duration::ZERO,
            Heard::Answer => backoff(slow.in_a_row),
        };
        slow.until = Instant::now() + wait;
    }

    /// Longest wait for a new connection while other nodes could be asked.
    pub(crate) fn opening_limit(&self) -> Duration {
        if self.trouble.is_some() || self.slow.is_some() {
            OPENING_TROUBLED
        } else if self.latency.is_some() {
            OPENING_KNOWN
        } else {
            OPENING_UNKNOWN
        }
    }
}

/// How long a node is left out after so many failures in a row.
fn backoff(in_a_row: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(1 << in_a_row.saturating_sub(1).min(8)).min(BACKOFF_MAX)
}

/// Without any answer for so long, a node that lets calls time out hangs.
const HANGS_AFTER: Duration = Duration::from_secs(10);
/// How often to look whether a slow node has answered.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// For a node that failed last, one that was reached before, and one never reached. A TLS handshake
/// takes 2 ms and three round trips.
const OPENING_TROUBLED: Duration = Duration::from_millis(100);
const OPENING_KNOWN: Duration = Duration::from_millis(250);
const OPENING_UNKNOWN: Duration = Duration::from_secs(2);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Latencies below this are all alike: one site, or a busy machine.
const LATENCY_UNIT_MICROS: u128 = 5_000;
/// One magnitude: a node must be this many times nearer to be preferred.
const LATENCY_STEP: u128 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_hangs_after_a_long_silence_and_not_before() {
        let mut health = Health::new(0);
        let begin = Instant::now();
        for _ in 0..20 {
            health.failed(&NodeFailure::TimedOut);
        }
        assert!(!health.is_costly(Instant::now()));
        // As if the last of those timeouts had come now.
        let later = begin + HANGS_AFTER + BACKOFF_MAX;
        health.trouble.iter_mut().for_each(|trouble| trouble.until = later + BACKOFF_MAX);
        assert!(health.is_costly(later));
        assert!(!health.is_costly(later + 2 * BACKOFF_MAX), "then one call tries it");
    }
}
