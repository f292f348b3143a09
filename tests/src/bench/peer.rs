//! Other implementations, measured by the program of `tests/peers`, and ours over theirs.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Report;

/// Built by `make bench` from its own workspace.
const PROGRAM: &str = "target/peers/release/peers";

/// The peers' rows.
pub fn measure(report: &mut Report) -> Result<()> {
    let output = Command::new(PROGRAM)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{PROGRAM}: is it built? `make bench` does"))?;
    ensure!(output.status.success(), "{PROGRAM}: {}", output.status);
    for line in String::from_utf8(output.stdout)?.lines() {
        let (name, value) = line.split_once(' ').with_context(|| format!("{PROGRAM}: odd line {line:?}"))?;
        report.insert(name.to_owned(), value.parse()?);
    }
    Ok(())
}

/// For each of our rows that a peer has too: ours over the peer's.
pub fn ratios(report: &mut Report) {
    let ratio = |(name, ours): (&String, &f64)| {
        let what = name.strip_prefix("protocol.")?;
        let theirs = report.get(&format!("peer.dkls23-core.{what}"))?;
        Some((format!("ratio.{}", name.trim_end_matches("_us")), ours / theirs))
    };
    let ratios: Vec<_> = report.iter().filter_map(ratio).collect();
    report.extend(ratios);
}
