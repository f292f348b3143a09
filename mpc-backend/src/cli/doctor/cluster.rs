//! Configuration and nodes, before the library is loaded: it would say no more than that something failed.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use client::config::Config;
use client::failure::NodeFailure;
use proto::client::v1::{Code, StatusReply};

use super::{Finding, Report};
use crate::cli::remote::Caller;

/// Clocks that differ by more are worth a word, in ms: log lines and evidence of two nodes cannot be put in order.
const SKEW_MS: u64 = 30_000;

/// Reads the configuration and asks every node.
pub(super) fn examine(path: &Path, report: &mut Report) -> Result<(), Finding> {
    let config = Config::load(path).map_err(Finding::line)?;
    report.good(format!("configuration {}", path.display()));
    let (manifest, key) = (&config.manifest, hex::encode(config.identity.public()));
    let (mut serving, mut away) = (0, Vec::new());
    for (node, answer) in Caller::new(manifest, config.identity.key()).status() {
        let address = manifest.node(node).map(|entry| entry.client.clone()).unwrap_or_default();
        match answer {
            Ok(status) => serving += usize::from(is_serving(node, &status, report)),
            Err(failure) => {
                let finding = why(node, &address, &key, &failure);
                match failure {
                    NodeFailure::Refused { .. } | NodeFailure::Misbehaved(_) => report.bad(finding),
                    _ => report.note(&finding),
                }
                away.push(node.to_string());
            }
        }
    }
    let (needed, all) = (usize::from(manifest.threshold), manifest.nodes.len());
    if serving < needed {
        let away = away.join(", ");
        let what = format!("{serving} of {all} nodes serve and {needed} are needed (away: node {away})");
        let remedy = "start these nodes, or open the network from this host to their client ports";
        return Err(Finding::new(what, remedy));
    }
    report.good(format!("{serving} of {all} nodes serve, {needed} are needed"));
    Ok(())
}

fn is_serving(node: u8, status: &StatusReply, report: &mut Report) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let skew = status.wall_clock_ms.abs_diff(now);
    if status.wall_clock_ms != 0 && skew > SKEW_MS {
        let what = format!("the clocks of node {node} and of this host differ by {} s", skew / 1000);
        report.note(&Finding::new(what, "set both by NTP"));
    }
    for peer in status.peers.iter().filter(|peer| peer.quarantined) {
        let what = format!("node {node} has node {} in quarantine", peer.node);
        report
            .note(&Finding::new(what, "read `counterfoil status` and operate.md, \"When a node is caught\""));
    }
    if !status.serving {
        let what = format!("node {node} does not serve yet: {}", status.phase);
        report.note(&Finding::new(what, "wait, and look at its log if it lasts"));
    }
    status.serving
}

fn why(node: u8, address: &str, key: &str, failure: &NodeFailure) -> Finding {
    let what = format!("node {node} at {address}: {failure}");
    let remedy = match failure {
        NodeFailure::Refused { code: Code::NotEnrolled, .. } => {
            let remedy = format!("have T operators run `counterfoil client enrol --client-key {key}`");
            return Finding::new(what, &remedy);
        }
        NodeFailure::Refused { code: Code::WrongCluster, .. } => "use the manifest of this node's cluster",
        NodeFailure::Refused { code: Code::FormatUnsupported, .. } => {
            "bring node and client to versions that fit"
        }
        NodeFailure::Refused { .. } => "look at the node's log",
        NodeFailure::Misbehaved(_) => {
            "something else answers there, or the manifest is old: compare its cluster id with the operators"
        }
        NodeFailure::Unreachable(_) | NodeFailure::TimedOut | NodeFailure::Dropped(_) => {
            "see that the node runs and that its port can be reached from here"
        }
    };
    Finding::new(what, remedy)
}
