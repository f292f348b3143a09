//! The process's CPU clock, and what many runs say.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// `work`'s result and the CPU time that this process spent meanwhile.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = now();
    let result = work();
    (result, now().saturating_sub(before))
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// CPU times of equal runs.
#[derive(Default)]
pub struct Runs(Vec<Duration>);

impl Runs {
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    /// Microseconds of the fastest run.
    pub fn best_us(&self) -> f64 {
        self.0.iter().min().map_or(0.0, micros)
    }

    /// Microseconds of the run in the middle.
    pub fn median_us(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map_or(0.0, micros)
    }
}

fn micros(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
