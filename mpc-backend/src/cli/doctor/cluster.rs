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
    worth_knowing(node, status, now).iter().for_each(|finding| report.note(finding));
    status.serving
}

/// What a node's answer tells beside that it is there. `now` is this host's clock, in ms since 1970.
fn worth_knowing(node: u8, status: &StatusReply, now: u64) -> Vec<Finding> {
    let mut found = Vec::new();
    let skew = status.wall_clock_ms.abs_diff(now);
    if status.wall_clock_ms != 0 && skew > SKEW_MS {
        let what = format!("the clocks of node {node} and of this host differ by {} s", skew / 1000);
        found.push(Finding::new(what, "set both by NTP"));
    }
    for peer in status.peers.iter().filter(|peer| peer.quarantined) {
        let what = format!("node {node} has node {} in quarantine", peer.node);
        found.push(Finding::new(what, "read `counterfoil status` and operate.md, \"When a node is caught\""));
    }
    if !status.serving {
        let what = format!("node {node} does not serve yet: {}", status.phase);
        found.push(Finding::new(what, "wait, and look at its log if it lasts"));
    }
    found
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

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use proto::client::v1::PeerStatus;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn lines(status: &StatusReply) -> Vec<String> {
        worth_knowing(2, status, NOW).into_iter().map(|finding| finding.0).collect()
    }

    #[test]
    fn clocks_that_differ_are_told_with_the_seconds() {
        let at = |wall_clock_ms| StatusReply { serving: true, wall_clock_ms, ..StatusReply::default() };
        for wrong in [NOW + 90_000, NOW - 90_000] {
            let [line] = &lines(&at(wrong))[..] else { panic!("one line") };
            assert!(line.contains("node 2 and of this host differ by 90 s; set both by NTP"), "{line}");
        }
        assert!(lines(&at(NOW + SKEW_MS)).is_empty() && lines(&at(0)).is_empty());
    }

    #[test]
    fn a_quarantine_is_told_with_both_nodes() {
        let peer = |node, quarantined| PeerStatus { node, quarantined, ..PeerStatus::default() };
        let peers = vec![peer(1, false), peer(3, true)];
        let status = StatusReply { serving: true, peers, ..StatusReply::default() };
        let [line] = &lines(&status)[..] else { panic!("one line") };
        assert!(line.contains("node 2 has node 3 in quarantine; read `counterfoil status`"), "{line}");
    }

    #[test]
    fn a_node_that_starts_is_told_with_its_phase() {
        let status = StatusReply { phase: "heads".into(), ..StatusReply::default() };
        let [line] = &lines(&status)[..] else { panic!("one line") };
        assert!(line.contains("node 2 does not serve yet: heads"), "{line}");
    }
}
