//! How long answers take: a mean and its deviation that follow the last few dozen (as RFC 6298
//! follows round trips), and from them the bound after which an answer counts as slow.

use std::time::Duration;

/// Of answers that came, in microseconds.
#[derive(Default)]
pub(crate) struct Pace {
    mean: u64,
    deviation: u64,
}

impl Pace {
    /// One more answer took this long.
    pub(crate) fn took(&mut self, time: Duration) {
        let micros = u64::try_from(time.min(PATIENCE_MAX).as_micros()).unwrap_or(u64::MAX);
        if self.mean == 0 {
            (self.mean, self.deviation) = (micros, micros / 2);
            return;
        }
        self.deviation = (self.deviation * 15 + self.mean.abs_diff(micros)) / 16;
        self.mean = (self.mean * 15 + micros) / 16;
    }

    /// Four times what hardly any answer exceeds, within fixed bounds: a busy machine is no sick
    /// one, and asking a second set of nodes costs as much as the first.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_micros(4 * (self.mean + 4 * self.deviation)).clamp(PATIENCE_MIN, PATIENCE_MAX)
    }
}

const PATIENCE_MIN: Duration = Duration::from_millis(20);
const PATIENCE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_answers_within_its_bounds() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(), PATIENCE_MIN);
        (0..100).for_each(|_| pace.took(Duration::from_micros(300)));
        assert_eq!(pace.patience(), PATIENCE_MIN);
        (0..100).for_each(|_| pace.took(Duration::from_millis(40)));
        assert!(pace.patience() >= Duration::from_millis(150) && pace.patience() < PATIENCE_MAX);
        (0..100).for_each(|_| pace.took(Duration::from_secs(60)));
        assert_eq!(pace.patience(), PATIENCE_MAX);
    }
}
