//! Many applications at once on one cluster, each with many sessions: no call fails, and neither nodes nor applications
//! grow while they work.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use tests::application::finish_load;
use tests::lab::Lab;
use tests::process::{descriptors, resident_bytes};

use crate::setting;

/// What growth is still noise: allocators keep what they once needed, connections come and go.
const BYTES_NOISE: u64 = 16 << 20;
const DESCRIPTORS_NOISE: u64 = 32;

#[test]
fn many_applications_sign_at_once_and_nothing_grows() {
    let processes = setting("LOAD_PROCESSES", 6);
    let sessions = setting("LOAD_SESSIONS", 5);
    let seconds = setting("LOAD_SECONDS", 8);
    let lab = Lab::up(3, 2).unwrap();
    // More sessions than two cores can sign for at once wait for each other.
    let config = lab.folder().join("client/client.toml");
    let usual = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("deadline_ms = 30000\n{usual}")).unwrap();
    let target = lab.target().unwrap();
    target.keygen("busy").unwrap();
    let begin = Instant::now();
    let loads: Vec<_> = (0..processes)
        .map(|_| target.start_load("busy", seconds, usize::try_from(sessions).unwrap()).unwrap())
        .collect();
    let nodes: Vec<u32> = lab.pids().into_values().collect();
    let all: Vec<u32> = nodes.iter().copied().chain(loads.iter().map(std::process::Child::id)).collect();
    let sample = |part: f64| {
        let at = Duration::from_secs(seconds).mul_f64(part);
        std::thread::sleep(at.saturating_sub(begin.elapsed()));
        // An application that is still starting, or has ended, has nothing to compare.
        let look = |pid: &u32| Some((*pid, (resident_bytes(*pid).ok()?, descriptors(*pid).ok()?)));
        all.iter().filter_map(look).collect::<BTreeMap<u32, (u64, u64)>>()
    };
    let (middle, late) = (sample(0.5), sample(0.95));
    let (mut operations, mut failures, mut error) = (0, 0, None);
    for child in loads {
        let load = finish_load(child).unwrap();
        operations += load.operations;
        failures += load.failures;
        error = error.or(load.first_error);
    }
    assert_eq!(failures, 0, "beside {operations} signatures: {error:?}\n{}", lab.client_log().unwrap());
    assert!(operations >= processes * sessions, "{operations} signatures");
    let who = |pid: &u32| if nodes.contains(pid) { "a node" } else { "an application" };
    let mut most = (0, 0);
    for (pid, (bytes, open)) in &late {
        let Some((bytes_before, open_before)) = middle.get(pid).copied() else { continue };
        let grown = (bytes.saturating_sub(bytes_before), open.saturating_sub(open_before));
        most = (most.0.max(grown.0), most.1.max(grown.1));
        assert!(
            grown.0 <= bytes_before / 4 + BYTES_NOISE,
            "{} grew from {bytes_before} to {bytes} bytes",
            who(pid)
        );
        // A connection of each session to each node, once all of them were at work.
        let descriptors_noise = DESCRIPTORS_NOISE + sessions * lab.nodes().count() as u64;
        assert!(grown.1 <= descriptors_noise, "{} had {open_before} and has {open} descriptors", who(pid));
    }
    println!(
        "{processes} processes with {sessions} sessions for {seconds} s: {operations} signatures, 0 failed; \
         the most that one process grew in the second half: {} KiB, {} descriptors",
        most.0 >> 10,
        most.1
    );
}
