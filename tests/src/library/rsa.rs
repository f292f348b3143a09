//! RSA keys that the nodes make together: how long they take, what they send, and signing with them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Report, judged, up};
use crate::application::{Load, Target};
use crate::lab::Lab;
use crate::openssl::accept_all_rsa;
use crate::process::percentile;
use crate::softhsm::SoftHsm;

/// Signing with a key of 2048 bits, here and by SoftHSM.
pub fn signing(seconds: u64, report: &mut Report) -> Result<()> {
    let softhsm = SoftHsm::new()?;
    signatures(&softhsm.target()?, "softhsm.", "rsa2048", seconds, report)?;
    let lab = up(3, 2)?;
    signatures(&lab.target()?, "", "rsa2048.2of3", seconds, report)?;
    for what in ["p50_us", "sustained.8thr.ops_per_s"] {
        let [ours, theirs] = ["sign.rsa2048.2of3", "softhsm.sign.rsa2048"]
            .map(|row| report.get(&format!("{row}.{what}")).copied());
        let name = what.trim_end_matches("_us").trim_end_matches(".ops_per_s");
        let ratio = ours.context("measured above")? / theirs.context("measured above")?;
        report.insert(format!("ratio.sign.rsa2048.{name}"), ratio);
    }
    Ok(())
}

fn signatures(target: &Target, prefix: &str, set: &str, seconds: u64, report: &mut Report) -> Result<()> {
    let modulus = target.keygen_rsa(2048, "bench rsa")?;
    for threads in [1, 8] {
        let load = target.load("bench rsa", seconds, threads)?;
        check(&modulus, &load)?;
        let mut put = |name: &str, value: f64| report.insert(format!("{prefix}sign.{set}.{name}"), value);
        put(&format!("sustained.{threads}thr.ops_per_s"), load.per_second);
        if threads == 1 {
            put("p50_us", load.p50_us as f64);
            put("p99_us", load.p99_us as f64);
        }
    }
    Ok(())
}

/// So many keys without a dealer, and what a node sends for one.
pub fn generation(bits: u32, count: usize, report: &mut Report) -> Result<()> {
    let lab = up(3, 2)?;
    let (times, _) = lab.target()?.cold_rsa(bits, count, Duration::ZERO)?;
    let set = format!("keygen.rsa{bits}.2of3");
    report.insert(format!("{set}.p50_s"), percentile(&times, 50) as f64 / 1e6);
    report.insert(format!("{set}.max_s"), percentile(&times, 100) as f64 / 1e6);
    let (batches, sent_bytes) = made(&lab, count)?;
    for (name, total) in [("batches", batches), ("sent_bytes", sent_bytes)] {
        report.insert(format!("{set}.{name}"), total as f64 / count as f64);
    }
    Ok(())
}

/// Keys out of a filled pool. The pool is given back what was taken between any two.
pub fn pooled(report: &mut Report) -> Result<()> {
    let lab = up(3, 2)?;
    for node in lab.nodes() {
        lab.kill(node)?;
        let config = lab.folder().join(format!("node{node}/node.toml"));
        let mut text = std::fs::read_to_string(&config)?;
        text.push_str(&format!("rsa_pool_2048 = {POOLED}\n"));
        std::fs::write(config, text)?;
    }
    lab.start_all()?;
    wait_filled(&lab)?;
    let (times, _) = lab.target()?.cold_rsa(2048, POOLED, Duration::ZERO)?;
    report.insert("keygen.rsa2048.2of3.pooled.p50_us".into(), percentile(&times, 50) as f64);
    report.insert("keygen.rsa2048.2of3.pooled.max_us".into(), percentile(&times, 100) as f64);
    Ok(())
}

/// Waits until every node has as many keys ready as it keeps.
fn wait_filled(lab: &Lab) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let status = lab.status()?;
        let nodes = status.get("nodes").and_then(serde_json::Value::as_array).context("no nodes")?;
        let ready = |node: &serde_json::Value| {
            node.pointer("/rsa_pools/0/ready").and_then(serde_json::Value::as_u64) == Some(POOLED as u64)
        };
        if nodes.iter().all(ready) {
            // The last one is handed out a moment after it was made.
            std::thread::sleep(Duration::from_secs(2));
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(600), "the pools are not filled: {status}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Batches and bytes sent of the last keys, as the log of node 1 counts them.
fn made(lab: &Lab, keys: usize) -> Result<(u64, u64)> {
    let log = std::fs::read_to_string(lab.folder().join("node1/log"))?;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("RsaKeyMade")).collect();
    let lines = lines.get(lines.len().saturating_sub(keys)..).unwrap_or_default();
    ensure!(lines.len() == keys, "{} keys in the log", lines.len());
    let sum = |field: &str| -> Result<u64> {
        let value = |line: &&str| {
            let (_, rest) = line.split_once(field).context("a line without its fields")?;
            let digits = rest.split(|other: char| !other.is_ascii_digit()).next().unwrap_or_default();
            Ok(digits.parse::<u64>()?)
        };
        lines.iter().map(value).sum()
    };
    Ok((sum(" batches=")?, sum(" sent_bytes=")?))
}

/// Warm P-256 signatures with and without the generation of a key beside them.
pub fn beside(seconds: u64, report: &mut Report) -> Result<()> {
    let lab = up(3, 2)?;
    let target = lab.target()?;
    target.keygen("beside")?;
    let without = target.load_warm("beside", seconds, 1)?;
    // A key of this size takes longer than the load, almost always; and there is a next one.
    let mut generation = target.start_rsa(4096)?;
    std::thread::sleep(Duration::from_secs(1));
    let with = target.load_warm("beside", seconds, 1);
    let running = generation.try_wait()?.is_none();
    generation.kill()?;
    generation.wait()?;
    let with = with?;
    ensure!(running, "the generation ended early");
    ensure!(with.failures + without.failures == 0, "failed calls: {:?}", with.first_error);
    report.insert("sign.p256.2of3.warm.beside_rsa.p50_us".into(), with.p50_us as f64);
    report.insert("sign.p256.2of3.warm.beside_rsa.p99_us".into(), with.p99_us as f64);
    report.insert("ratio.sign.p256.beside_rsa.p50".into(), with.p50_us as f64 / without.p50_us as f64);
    Ok(())
}

fn check(modulus: &[u8], load: &Load) -> Result<()> {
    ensure!(load.failures == 0, "{} failed calls, first: {:?}", load.failures, load.first_error);
    accept_all_rsa(modulus, judged(load))?;
    Ok(())
}

/// Keys that each node keeps ready.
const POOLED: usize = 4;
