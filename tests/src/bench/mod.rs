//! Measurements that need no node process: the protocols in memory, beside other implementations.
//!
//! CPU time of this process on one thread is CPU time of all parties. The best of several runs is
//! reported, because what else the machine does can only add to it; the median stands beside it.

mod cluster;
mod cpu;
mod kms;
mod peer;
mod plot;
mod protocol;
mod rsa;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

/// Dotted name with unit → number.
pub type Report = BTreeMap<String, f64>;

/// The protocols alone, the peers, their ratios, and the plot of the cost's growth into `folder`.
pub fn protocols(report: &mut Report, folder: &Path) -> Result<()> {
    protocol::measure(report)?;
    peer::measure(report)?;
    peer::ratios(report);
    plot::growth(report, &folder.join("growth.svg"))
}

/// RSA without a network: the CPU time of a part, and of a whole key.
pub fn rsa(report: &mut Report) -> Result<()> {
    rsa::measure(report)
}

/// Symmetric keys of the KMS interface without a network: the CPU time of one evaluation.
pub fn kms(report: &mut Report) -> Result<()> {
    kms::measure(report)
}

/// Signatures alone, many of them: what a profiler is to look at.
pub fn signatures(report: &mut Report) -> Result<()> {
    protocol::many_signatures(report)
}
