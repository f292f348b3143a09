//! What `/proc` tells of a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

/// User and system time that a live process has used so far.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The command name may hold spaces; fields count from behind its closing bracket.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(|| anyhow!("odd stat line of {pid}"))?;
    let field = |index: usize| -> Result<u64> {
        fields
            .split_whitespace()
            .nth(index)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| anyhow!("odd stat line of {pid}"))
    };
    Ok(Duration::from_micros((field(11)? + field(12)?) * MICROSECONDS_PER_TICK))
}

/// User and system time of this process.
pub fn own_cpu_time() -> Result<Duration> {
    cpu_time(std::process::id())
}

/// Memory of a live process that is not swapped out, in bytes.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.ok_or_else(|| anyhow!("odd status of {pid}"))? << 10)
}

/// Open descriptors of a process.
pub fn descriptors(pid: u32) -> Result<u64> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64)
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(pid.try_into()?).ok_or_else(|| anyhow!("no process has id 0"))?;
    kill_process(pid, signal).with_context(|| format!("signal to process {}", pid.as_raw_nonzero()))
}

/// Percentile of sorted samples: the smallest that at least `percent` of them do not exceed.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

/// The kernel reports ticks of USER_HZ, which is 100 on every Linux that we run on (proc(5)).
const MICROSECONDS_PER_TICK: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let samples: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&samples, 50), percentile(&samples, 99), percentile(&[7], 99)), (50, 99, 7));
    }
}
