//! Failed checks in status: what nodes know against peers and against signer sets.

use std::time::{Duration, SystemTime};

use proto::client::v1::{Evidence, PeerStatus, SetStatus, StatusReply};
use serde_json::{Value, json};

/// Lines for people; none when no check failed.
pub fn lines(reply: &StatusReply) -> Vec<String> {
    let node = reply.node;
    let of_peer = |peer: &PeerStatus| {
        let counts: Vec<String> =
            peer.failed_checks.iter().map(|rule| format!("{} x {}", rule.count, rule.rule)).collect();
        let head = format!("check node {node} on messages of node {}: {}", peer.node, counts.join(", "));
        let latest = peer.evidence.iter().map(|evidence| format!("      {}", line(evidence)));
        let head = (!counts.is_empty()).then_some(head);
        head.into_iter().chain(latest).collect::<Vec<_>>()
    };
    let sets = reply.failed_sets.iter().map(|set| {
        format!(
            "set   node {node} signers {:?}: {} signatures failed, {} presignings in a row failed, refused for {} ms",
            set.signers, set.failed_signatures, set.failed_presignings, set.refused_ms
        )
    });
    reply.peers.iter().flat_map(of_peer).chain(sets).collect()
}

/// Sets in which a signature failed: one of each lies or is broken.
pub fn bad_sets(reply: &StatusReply) -> impl Iterator<Item = &SetStatus> {
    reply.failed_sets.iter().filter(|set| set.failed_signatures > 0)
}

/// How many such sets a node is in. More than others tells where to look first, and proves nothing.
pub fn bad_sets_with(reply: &StatusReply, node: u32) -> usize {
    bad_sets(reply).filter(|set| set.signers.contains(&node)).count()
}

/// One piece of evidence, on one line.
pub fn line(evidence: &Evidence) -> String {
    let who = if evidence.named { "at fault" } else { "nobody named" };
    format!(
        "{}: {} ({}), {who}, {} session {}",
        ago(evidence.at_unix_ms),
        evidence.rule,
        evidence.text,
        evidence.protocol,
        hex::encode(&evidence.session)
    )
}

/// One piece of evidence for scripts.
pub fn json(evidence: &Evidence) -> Value {
    json!({
        "rule": evidence.rule,
        "text": evidence.text,
        "node": evidence.node,
        "named": evidence.named,
        "protocol": evidence.protocol,
        "session": hex::encode(&evidence.session),
        "at_unix_ms": evidence.at_unix_ms,
        "messages": evidence.messages.iter().map(|message| json!({
            "round": message.round,
            "length": message.length,
            "sha256": hex::encode(&message.sha256),
        })).collect::<Vec<_>>(),
    })
}

/// What is known against a peer, for scripts.
pub fn of_peer(peer: &PeerStatus) -> Value {
    let counts = peer.failed_checks.iter().map(|rule| (rule.rule.clone(), Value::from(rule.count)));
    json!({
        "quarantine": peer.quarantine.as_ref().map(json),
        "failed_checks": Value::Object(counts.collect()),
        "evidence": peer.evidence.iter().map(json).collect::<Vec<_>>(),
        "refused_messages": peer.refused_messages,
    })
}

/// What is known against signer sets, for scripts.
pub fn of_sets(reply: &StatusReply) -> Value {
    let set = |set: &SetStatus| {
        json!({
            "signers": set.signers,
            "failed_signatures": set.failed_signatures,
            "failed_presignings": set.failed_presignings,
            "refused_ms": set.refused_ms,
        })
    };
    reply.failed_sets.iter().map(set).collect()
}

/// How long ago, by this machine's clock.
fn ago(unix_ms: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = now.saturating_sub(Duration::from_millis(unix_ms)).as_secs();
    match seconds {
        0..=119 => format!("{seconds} s ago"),
        120..=7199 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3600),
    }
}
