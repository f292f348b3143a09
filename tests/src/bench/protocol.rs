//! Our own protocols: signatures, their online step, pair set-ups and key generation.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rand_core::{OsRng, RngCore as _};
use threshold::dkg::DkgCurve;
use threshold::ecdsa::mul::CHECKS;
use threshold::group::{Curve, P256, P384, Secp256k1};
use threshold::party::Threshold;

use super::Report;
use super::cluster::{Cluster, generate, pair_all};
use super::cpu::{Runs, timed};

/// T and N of the clusters whose cost is compared.
pub const SETS: [(u8, u8); 4] = [(2, 3), (3, 5), (4, 7), (5, 9)];

/// Our rows.
pub fn measure(report: &mut Report) -> Result<()> {
    for (needed, parties) in SETS {
        let threshold = Threshold::new(needed, parties)?;
        let set = format!("p256.{needed}of{parties}");
        let mut cluster = Cluster::<P256>::new(threshold, DkgCurve::P256)?;
        signatures::<_, CHECKS>(&mut cluster, &set, SIGN_TIME, report)?;
        if (needed, parties) == (2, 3) {
            // The conservative parameters of the specification.
            signatures::<_, 2>(&mut cluster, &format!("{set}.two_columns"), SIGN_TIME, report)?;
        }
        generation(threshold, DkgCurve::P256, &set, report)?;
        let runs = repeat(SETUP_RUNS, || Ok(timed(|| pair_all(threshold))))?;
        report.insert(format!("protocol.pairs.{parties}nodes.cpu_us"), runs.best_us());
    }
    other_curve::<Secp256k1>(DkgCurve::Secp256k1, "secp256k1.2of3", report)?;
    other_curve::<P384>(DkgCurve::P384, "p384.2of3", report)?;
    if let [Some(other), Some(own)] =
        ["p384", "p256"].map(|curve| report.get(&format!("protocol.sign.{curve}.2of3.cpu_us")).copied())
    {
        report.insert("ratio.protocol.sign.p384_over_p256.cpu".into(), other / own);
    }
    Ok(())
}

/// Signatures and keys of 2-of-3 on one more curve.
fn other_curve<C: Curve>(curve: DkgCurve, set: &str, report: &mut Report) -> Result<()> {
    let threshold = Threshold::new(2, 3)?;
    signatures::<_, CHECKS>(&mut Cluster::<C>::new(threshold, curve)?, set, SIGN_TIME, report)?;
    generation(threshold, curve, set, report)
}

/// 2-of-3 signatures for a profile.
pub fn many_signatures(report: &mut Report) -> Result<()> {
    let mut cluster = Cluster::<P256>::new(Threshold::new(2, 3)?, DkgCurve::P256)?;
    signatures::<_, CHECKS>(&mut cluster, "p256.2of3", PROFILED_TIME, report)
}

/// A whole signature of all signers and the client, and the online step of it.
fn signatures<C: Curve, const RHO: usize>(
    cluster: &mut Cluster<C>,
    set: &str,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let (mut whole, mut online, mut bytes) = (Runs::default(), Runs::default(), 0);
    while whole.total() < time {
        let mut digest = [0; 32];
        OsRng.fill_bytes(&mut digest);
        let (presigned, before) = timed(|| cluster.presign::<RHO>());
        let presigned = presigned?;
        bytes = presigned.bytes;
        let request = cluster.request(&digest)?;
        let (signature, after) = timed(|| cluster.sign(presigned.presignatures, &request));
        // Returned only when it verifies under the public key.
        signature?;
        whole.add(before + after);
        online.add(after);
    }
    report.insert(format!("protocol.sign.{set}.cpu_us"), whole.best_us());
    report.insert(format!("protocol.sign.{set}.median.cpu_us"), whole.median_us());
    report.insert(format!("protocol.sign.{set}.bytes"), bytes as f64);
    report.insert(format!("protocol.online.{set}.cpu_us"), online.best_us());
    report.insert(format!("protocol.online.{set}.median.cpu_us"), online.median_us());
    Ok(())
}

/// A key of all parties, and what each keeps of it as a secret.
fn generation(threshold: Threshold, curve: DkgCurve, set: &str, report: &mut Report) -> Result<()> {
    let mut secret_bytes = 0;
    let runs = repeat(KEYGEN_RUNS, || {
        let (outputs, used) = timed(|| generate(threshold, curve));
        let outputs = outputs?;
        let (_, first) = outputs.first_key_value().context("a key has parties")?;
        secret_bytes = first.share.expose().len();
        Ok((Ok(()), used))
    })?;
    report.insert(format!("protocol.keygen.{set}.cpu_us"), runs.best_us());
    report.insert(format!("protocol.state.{set}.secret_bytes"), secret_bytes as f64);
    Ok(())
}

fn repeat<T>(count: usize, mut run: impl FnMut() -> Result<(Result<T>, Duration)>) -> Result<Runs> {
    let mut runs = Runs::default();
    for _ in 0..count {
        let (result, used) = run()?;
        result?;
        runs.add(used);
    }
    Ok(runs)
}

/// CPU time that signatures of one kind are measured for, as long as a peer's: what else the machine
/// does then disturbs both alike.
const SIGN_TIME: Duration = Duration::from_secs(2);
const PROFILED_TIME: Duration = Duration::from_secs(5);
const SETUP_RUNS: usize = 5;
const KEYGEN_RUNS: usize = 10;
