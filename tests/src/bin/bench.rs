//! `make bench`: what users feel and what it costs, through the built library on a 2-of-3 lab, with
//! SoftHSM through the same harness in the same run.
//!
//! Before them the protocols alone, in this process, beside other implementations; with the argument
//! `protocols` nothing else, with `signatures` only many signatures, for a profiler. Prints a table and writes `target/bench/report.json`: dotted name with
//! its unit, and a number; and `target/bench/growth.svg`.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use tests::application::{Load, Target};
use tests::bench::{Report, protocols, signatures};
use tests::lab::Lab;
use tests::nginx::Nginx;
use tests::openssl::accept_all;
use tests::process::{cpu_time, percentile};
use tests::softhsm::SoftHsm;

fn main() -> Result<()> {
    let seconds = std::env::var("BENCH_SECONDS").map_or(Ok(10), |text| text.parse())?;
    let folder = Path::new("target/bench");
    std::fs::create_dir_all(folder)?;
    let mut report = Report::new();
    match std::env::args().nth(1).as_deref() {
        Some("signatures") => signatures(&mut report)?,
        Some("protocols") => protocols(&mut report, folder)?,
        _ => {
            protocols(&mut report, folder)?;
            cluster(seconds, &mut report)?;
        }
    }
    for (name, value) in &report {
        println!("{name:<56} {value:>14.3}");
    }
    std::fs::write(folder.join("report.json"), serde_json::to_string_pretty(&report)?)?;
    Ok(())
}

/// A cluster of real nodes, and SoftHSM.
fn cluster(seconds: u64, report: &mut Report) -> Result<()> {
    let softhsm = SoftHsm::new()?;
    measure(&softhsm.target()?, "softhsm.", seconds, report)?;
    let lab = Lab::up(3, 2)?;
    lab.wait_healthy(Duration::from_secs(20))?;
    let target = lab.target()?;
    cpu_per_signature(&lab, &target, report)?;
    measure(&target, "", seconds, report)?;
    ratios(report);
    Ok(())
}

/// Everything that an application sees of one library.
fn measure(target: &Target, prefix: &str, seconds: u64, report: &mut Report) -> Result<()> {
    // A library with the whole key is always warm: the same pace goes by the plain name there.
    let (set, warm) = if prefix.is_empty() { ("p256.2of3", ".warm") } else { ("p256", "") };
    let point = target.keygen("bench")?;
    let mut put = |name: String, value: f64| report.insert(format!("{prefix}{name}"), value);
    let (keygen, first) = target.cold(COLD_KEYS)?;
    put(format!("keygen.{set}.p50_us"), percentile(&keygen, 50) as f64);
    put(format!("keygen.{set}.p99_us"), percentile(&keygen, 99) as f64);
    put(format!("sign.{set}.first.p50_us"), percentile(&first, 50) as f64);
    for threads in [1, 8] {
        for (state, load) in [
            (warm, target.load_warm("bench", seconds, threads)?),
            (".sustained", target.load("bench", seconds, threads)?),
        ] {
            check(&point, &load)?;
            put(format!("sign.{set}{state}.{threads}thr.ops_per_s"), load.per_second);
            if threads == 1 {
                put(format!("sign.{set}{state}.p50_us"), load.p50_us as f64);
                put(format!("sign.{set}{state}.p99_us"), load.p99_us as f64);
            }
        }
    }
    let nginx = Nginx::start(target, "bench")?;
    put(format!("tls.nginx.{set}.handshakes_per_s"), nginx.handshakes(seconds)?.1);
    Ok(())
}

/// CPU of all processes for a signature, counted over a minute from an empty pool, so that every
/// presignature spent in it was also made in it.
fn cpu_per_signature(lab: &Lab, target: &Target, report: &mut Report) -> Result<()> {
    let point = target.keygen("cpu")?;
    let nodes = || -> Result<Duration> { lab.pids().values().map(|pid| cpu_time(*pid)).sum() };
    let before = nodes()?;
    let load = target.load("cpu", CPU_SECONDS, 2)?;
    let used = nodes()?.saturating_sub(before);
    check(&point, &load)?;
    let per_signature = |us: u128| us as f64 / load.operations as f64;
    report.insert("cpu.sign.p256.2of3.nodes_us".into(), per_signature(used.as_micros()));
    report.insert(
        "cpu.sign.p256.2of3.all_us".into(),
        per_signature(used.as_micros() + u128::from(load.cpu_us)),
    );
    report.insert("cpu.sign.p256.2of3.counted".into(), load.operations as f64);
    Ok(())
}

fn check(point: &[u8], load: &Load) -> Result<()> {
    ensure!(load.failures == 0, "{} failed calls, first: {:?}", load.failures, load.first_error);
    accept_all(point, load.samples.get(..SAMPLES_JUDGED.min(load.samples.len())).unwrap_or_default())?;
    Ok(())
}

/// Ours over SoftHSM's, of one run.
fn ratios(report: &mut Report) {
    for (ours, theirs, name) in [
        ("sign.p256.2of3.warm.p50_us", "softhsm.sign.p256.p50_us", "ratio.sign.p256.warm.p50"),
        ("keygen.p256.2of3.p50_us", "softhsm.keygen.p256.p50_us", "ratio.keygen.p256.p50"),
    ] {
        if let (Some(ours), Some(theirs)) = (report.get(ours).copied(), report.get(theirs).copied()) {
            report.insert(name.into(), ours / theirs);
        }
    }
}

const COLD_KEYS: usize = 30;
const CPU_SECONDS: u64 = 60;
/// Samples of each load that OpenSSL judges.
const SAMPLES_JUDGED: usize = 50;
