//! Welch's t-test over the times of two classes of inputs (Reparaz, Balasch, Verbauwhede: "Dude, is my
//! code constant time?", ePrint 2016/1123).

use std::time::Instant;

/// |t| from which the classes differ: by chance in one of 147,000 tests.
pub const LIMIT: f64 = 4.5;
/// Inputs that are made at a time.
const BATCH: usize = 500;

/// Times `operation` on inputs of two classes that `input` makes, in the order of a fixed random
/// sequence, and gives the largest |t| over the whole and the faster parts of the samples.
///
/// Slow samples tell of interrupts and neighbours rather than of the operation, so that cut sets are
/// judged as well.
pub fn test<I>(samples: usize, mut input: impl FnMut(bool) -> I, mut operation: impl FnMut(&I)) -> f64 {
    let mut times = Vec::with_capacity(samples);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while times.len() < samples {
        // All inputs of a batch are made before the first is used: what was just written, and which
        // branches wrote it, would show in the time of the operation and differ by class.
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let class = state >> 40 & 1 == 1;
            (class, input(class))
        };
        let batch: Vec<(bool, I)> = (0..BATCH).map(|_| next()).collect();
        for (class, input) in &batch {
            let start = Instant::now();
            operation(input);
            times.push((*class, start.elapsed().as_nanos() as f64));
        }
    }
    // The first ones warm up caches and the processor's clock.
    times.drain(..samples / 20);
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let limit = |part: f64| sorted.get((sorted.len() as f64 * part) as usize).copied().unwrap_or(f64::MAX);
    let cuts = [0.5, 0.75, 0.9, 0.95, 1.0].map(limit);
    cuts.iter().map(|cut| statistic(times.iter().filter(|(_, time)| time <= cut))).fold(0.0, f64::max)
}

/// |t| of two samples whose variances may differ.
fn statistic<'a>(times: impl Iterator<Item = &'a (bool, f64)>) -> f64 {
    // Number, mean and sum of squared deviations of each class (Welford).
    let mut classes = [(0.0, 0.0, 0.0); 2];
    for (class, time) in times {
        let [zero, one] = &mut classes;
        let (count, mean, squares) = if *class { one } else { zero };
        *count += 1.0;
        let deviation = time - *mean;
        *mean += deviation / *count;
        *squares += deviation * (time - *mean);
    }
    let [(n0, mean0, squares0), (n1, mean1, squares1)] = classes;
    let variance = |n: f64, squares: f64| squares / (n - 1.0) / n;
    let spread = (variance(n0, squares0) + variance(n1, squares1)).sqrt();
    if n0 < 2.0 || n1 < 2.0 || spread == 0.0 { 0.0 } else { (mean0 - mean1).abs() / spread }
}
