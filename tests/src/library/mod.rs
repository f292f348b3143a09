//! What an application sees of the built library, measured on labs of real nodes on this machine,
//! with SoftHSM through the same harness in the same run.

pub mod gates;
pub mod kms;
pub mod rsa;
pub mod stopped;

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::application::{Load, Target};
use crate::bench::Report;
use crate::curve::{EDWARDS25519, P256, SECP256K1};
use crate::lab::Lab;
use crate::nginx::Nginx;
use crate::openssl::{accept_all, accept_all_on};
use crate::process::{cpu_time, percentile};
use crate::softhsm::SoftHsm;

/// All rows; each load takes `seconds`, the sustained one of 8 threads six times as long.
pub fn measure(seconds: u64, report: &mut Report) -> Result<()> {
    let softhsm = SoftHsm::new()?;
    everything(&softhsm.target()?, "softhsm.", seconds, report)?;
    {
        let lab = up(3, 2)?;
        let target = lab.target()?;
        cpu_per_signature(&lab, &target, CPU_SECONDS.min(6 * seconds), report)?;
        everything(&target, "", seconds, report)?;
        ed25519(&target, seconds, report)?;
        schnorr(&target, seconds, report)?;
        stopped::measure(&lab, &target, seconds, report)?;
    }
    cold(&up(5, 3)?.target()?, "", "p256.3of5", report)?;
    ratios(report);
    Ok(())
}

fn up(nodes: u8, threshold: u8) -> Result<Lab> {
    let lab = Lab::up(nodes, threshold)?;
    lab.wait_healthy(Duration::from_secs(30))?;
    Ok(lab)
}

/// Everything that an application sees of one library.
fn everything(target: &Target, prefix: &str, seconds: u64, report: &mut Report) -> Result<()> {
    // A library with the whole key is always warm: the same pace goes by the plain name there.
    let (set, warm) = if prefix.is_empty() { ("p256.2of3", ".warm") } else { ("p256", "") };
    cold(target, prefix, set, report)?;
    let point = target.keygen("bench")?;
    let mut put = |name: String, value: f64| report.insert(format!("{prefix}{name}"), value);
    for threads in [1, 8] {
        // A pool that nobody has used is empty.
        let fresh = format!("sustained {threads}");
        let fresh_point = target.keygen(&fresh)?;
        let sustained_seconds = if threads == 8 && prefix.is_empty() { 6 * seconds } else { seconds };
        for (state, point, load) in [
            (warm, &point, target.load_warm("bench", seconds, threads)?),
            (".sustained", &fresh_point, target.load(&fresh, sustained_seconds, threads)?),
        ] {
            check(point, &load)?;
            put(format!("sign.{set}{state}.{threads}thr.ops_per_s"), load.per_second);
            if threads == 1 {
                put(format!("sign.{set}{state}.p50_us"), load.p50_us as f64);
                put(format!("sign.{set}{state}.p99_us"), load.p99_us as f64);
            }
        }
    }
    let times = target.derivations(DERIVATIONS)?;
    put(format!("derive.{set}.p50_us"), percentile(&times, 50) as f64);
    put(format!("derive.{set}.p99_us"), percentile(&times, 99) as f64);
    let nginx = Nginx::start(target, "bench")?;
    put(format!("tls.nginx.{set}.handshakes_per_s"), nginx.handshakes(seconds)?.1);
    Ok(())
}

/// Making keys, and the first signature of each.
fn cold(target: &Target, prefix: &str, set: &str, report: &mut Report) -> Result<()> {
    let (keygen, first) = target.cold(COLD_KEYS)?;
    let mut put = |name: String, value: u64| report.insert(format!("{prefix}{name}"), value as f64);
    put(format!("keygen.{set}.p50_us"), percentile(&keygen, 50));
    put(format!("keygen.{set}.p99_us"), percentile(&keygen, 99));
    put(format!("sign.{set}.first.p50_us"), percentile(&first, 50));
    Ok(())
}

/// CPU of all processes for a signature, counted over a minute from an empty pool, so that every
/// presignature spent in it was also made in it.
fn cpu_per_signature(lab: &Lab, target: &Target, seconds: u64, report: &mut Report) -> Result<()> {
    let point = target.keygen("cpu")?;
    let nodes = || -> Result<Duration> { lab.pids().values().map(|pid| cpu_time(*pid)).sum() };
    let before = nodes()?;
    let load = target.load("cpu", seconds, 2)?;
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

/// Warm signatures with an Ed25519 key, at the pace of those on P-256.
fn ed25519(target: &Target, seconds: u64, report: &mut Report) -> Result<()> {
    let point = target.keygen_on(&EDWARDS25519, "bench ed25519")?;
    let load = target.load_warm("bench ed25519", seconds, 1)?;
    ensure!(load.failures == 0, "{} failed calls, first: {:?}", load.failures, load.first_error);
    accept_all_on(&EDWARDS25519, &point, judged(&load))?;
    report.insert("sign.ed25519.2of3.warm.1thr.ops_per_s".into(), load.per_second);
    report.insert("sign.ed25519.2of3.warm.p50_us".into(), load.p50_us as f64);
    report.insert("sign.ed25519.2of3.warm.p99_us".into(), load.p99_us as f64);
    if let Some(p256) = report.get("sign.p256.2of3.warm.p50_us").copied() {
        report.insert("ratio.sign.ed25519_over_p256.warm.p50".into(), load.p50_us as f64 / p256);
    }
    Ok(())
}

/// The same by Schnorr, which frost-core judges.
fn schnorr(target: &Target, seconds: u64, report: &mut Report) -> Result<()> {
    for (curve, name) in [(&P256, "frost_p256"), (&SECP256K1, "bip340")] {
        let label = format!("bench {name}");
        let point = target.keygen_on(curve, &label)?;
        let load = target.load_warm_schnorr(curve, &label, seconds)?;
        ensure!(load.failures == 0, "{} failed calls, first: {:?}", load.failures, load.first_error);
        crate::schnorr::accept_all(curve, &point, judged(&load))?;
        report.insert(format!("sign.{name}.2of3.warm.1thr.ops_per_s"), load.per_second);
        report.insert(format!("sign.{name}.2of3.warm.p50_us"), load.p50_us as f64);
        report.insert(format!("sign.{name}.2of3.warm.p99_us"), load.p99_us as f64);
    }
    Ok(())
}

fn check(point: &[u8], load: &Load) -> Result<()> {
    ensure!(load.failures == 0, "{} failed calls, first: {:?}", load.failures, load.first_error);
    accept_all(point, judged(load))?;
    Ok(())
}

/// The samples that OpenSSL judges.
fn judged(load: &Load) -> &[(Vec<u8>, Vec<u8>)] {
    load.samples.get(..SAMPLES_JUDGED.min(load.samples.len())).unwrap_or_default()
}

/// Ours over SoftHSM's, of one run.
fn ratios(report: &mut Report) {
    for (name, ours, theirs) in [
        ("sign.p256.warm.p50", "sign.p256.2of3.warm.p50_us", "sign.p256.p50_us"),
        (
            "sign.p256.sustained.8thr",
            "sign.p256.2of3.sustained.8thr.ops_per_s",
            "sign.p256.sustained.8thr.ops_per_s",
        ),
        ("derive.p256.p50", "derive.p256.2of3.p50_us", "derive.p256.p50_us"),
        ("keygen.p256.p50", "keygen.p256.2of3.p50_us", "keygen.p256.p50_us"),
        ("tls.nginx.p256", "tls.nginx.p256.2of3.handshakes_per_s", "tls.nginx.p256.handshakes_per_s"),
    ] {
        let theirs = report.get(&format!("softhsm.{theirs}")).copied();
        if let (Some(ours), Some(theirs)) = (report.get(ours).copied(), theirs) {
            report.insert(format!("ratio.{name}"), ours / theirs);
        }
    }
}

const COLD_KEYS: usize = 30;
/// Key agreements that are timed.
const DERIVATIONS: usize = 500;
const CPU_SECONDS: u64 = 60;
/// Samples of each load that OpenSSL judges.
const SAMPLES_JUDGED: usize = 50;
