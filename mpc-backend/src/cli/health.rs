//! Whether a cluster is well: what each node says of itself and of its peers.

use client::failure::NodeFailure;
use proto::client::v1::{GenerationStatus, ModuliStatus, StatusReply};
use serde_json::{Value, json};

use crate::cli::evidence;
use crate::cli::remote::Caller;

/// One node's answer, or why there is none.
struct NodeHealth {
    index: u8,
    answer: Result<StatusReply, NodeFailure>,
}

/// All nodes' answers, in the order of the indices.
pub struct Health {
    nodes: Vec<NodeHealth>,
}

impl Health {
    /// Asks every node.
    pub fn ask(caller: &Caller) -> Self {
        let nodes = caller.status().into_iter().map(|(index, answer)| NodeHealth { index, answer }).collect();
        Self { nodes }
    }

    /// What is wrong, one line each; nothing when the cluster is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.nodes.iter().flat_map(NodeHealth::problems).collect();
        let mut leaders: Vec<u32> =
            self.replies().map(|reply| reply.leader).filter(|leader| *leader != 0).collect();
        leaders.sort_unstable();
        leaders.dedup();
        match leaders.as_slice() {
            [] => problems.push("the registry has no leader".to_owned()),
            [_] => {}
            _ => problems.push(format!("the nodes name different leaders: {leaders:?}")),
        }
        let (strict, lax): (Vec<&StatusReply>, _) = self.replies().partition(|reply| reply.strict);
        if !strict.is_empty() && !lax.is_empty() {
            let nodes: Vec<u32> = lax.iter().map(|reply| reply.node).collect();
            problems.push(format!("strict mode is off at nodes {nodes:?} and on at the others"));
        }
        let levels = |reply: &StatusReply| -> Vec<(String, u32)> {
            reply.moduli.iter().map(|moduli| (moduli.kind.clone(), moduli.level)).collect()
        };
        let mut replies = self.replies().map(levels);
        if replies.next().is_some_and(|first| replies.any(|other| other != first)) {
            problems.push(
                "rsa_pool_2048, _3072 or _4096 differ between the nodes: no keys are made ahead".to_owned(),
            );
        }
        problems
    }

    /// A table for people, one line a node, then the pools and what is known against nodes.
    pub fn table(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{:<5} {:<9} {:<12} {:>6} {:>9} {:>6} {:>9} {:>10}  {}",
            "node", "state", "phase", "leader", "registry", "epoch", "uptime", "signatures", "peers"
        )];
        lines.extend(self.nodes.iter().map(NodeHealth::row));
        for reply in self.replies() {
            lines.extend(pools(reply));
            lines.extend(reply.moduli.iter().map(|moduli| keys_ready(reply.node, moduli)));
            lines.extend(reply.generations.iter().filter_map(|making| key_on_its_way(reply.node, making)));
            lines.extend(evidence::lines(reply));
        }
        lines
    }

    /// Everything, for scripts.
    pub fn json(&self) -> Value {
        let problems = self.problems();
        json!({
            "healthy": problems.is_empty(),
            "problems": problems,
            "nodes": self.nodes.iter().map(NodeHealth::json).collect::<Vec<_>>(),
        })
    }

    fn replies(&self) -> impl Iterator<Item = &StatusReply> {
        self.nodes.iter().filter_map(|node| node.answer.as_ref().ok())
    }
}

/// How full a pool of RSA keys is, and whether one is being made for it.
fn keys_ready(node: u32, moduli: &ModuliStatus) -> String {
    let ModuliStatus { kind, ready, level, .. } = moduli;
    let filling = match moduli.filling {
        true => format!(", one is being made ({} batches)", moduli.batches),
        false => String::new(),
    };
    format!("keys  node {node} {kind}: {ready} of {level} ready{filling}")
}

/// How far a key is that a client waits for, as the node says that was asked for it.
fn key_on_its_way(node: u32, making: &GenerationStatus) -> Option<String> {
    let GenerationStatus { kind, coordinator, batches, running_ms, .. } = making;
    let seconds = running_ms / 1_000;
    (*coordinator == node).then(|| {
        format!("keys  node {node} {kind}: being made for a client ({batches} batches, {seconds} s)")
    })
}

/// Memory of a node's presignatures, and each pool with something in it or a level.
fn pools(reply: &StatusReply) -> Vec<String> {
    let all = reply.pools_total.unwrap_or_default();
    let mut lines = vec![format!(
        "pools node {}: {} KiB of {} KiB ({} KiB a key, {} KiB a client), {} made room{}",
        reply.node,
        all.bytes >> 10,
        all.bytes_max >> 10,
        all.bytes_max_per_key >> 10,
        all.bytes_max_per_client >> 10,
        all.evicted,
        if reply.strict { "; strict" } else { "" },
    )];
    for pool in &reply.pools {
        let leases = match pool.signers.first() == Some(&reply.node) {
            true => format!(", {} free of {} wanted", pool.free, pool.level),
            false => String::new(),
        };
        let (key, client) = (hex::encode(&pool.key_id), hex::encode(pool.client_key.get(..8).unwrap_or(&[])));
        lines.push(format!(
            "pool  node {} key {key} signers {:?} client {client}: {} presignatures for {} ready{leases}",
            reply.node, pool.signers, pool.ready, pool.scheme
        ));
    }
    lines
}

impl NodeHealth {
    fn problems(&self) -> Vec<String> {
        let name = format!("node {}", self.index);
        let reply = match &self.answer {
            Ok(reply) => reply,
            Err(reason) => return vec![format!("{name}: {reason}")],
        };
        let mut problems = Vec::new();
        if !reply.serving {
            problems.push(format!("{name} does not serve yet: {}", reply.phase));
        }
        for peer in &reply.peers {
            let about = match (peer.connected, peer.quarantined, peer.pair_ready) {
                (_, true, _) => {
                    let why = peer.quarantine.as_ref().map(evidence::line).unwrap_or_default();
                    format!("has been caught cheating, or broke: quarantined, {why}")
                }
                (false, ..) => "is not connected".to_owned(),
                (true, false, false) => "is connected, the pair set-up runs".to_owned(),
                (true, false, true) => continue,
            };
            problems.push(format!("{name}: peer {} {about}", peer.node));
        }
        problems.extend(evidence::bad_sets(reply).map(|set| {
            let counts = set
                .signers
                .iter()
                .map(|node| format!("node {node} in {} such sets", evidence::bad_sets_with(reply, *node)));
            let counts = counts.collect::<Vec<_>>().join(", ");
            format!(
                "{name}: answers of {:?} made no signature, one of them lies or broke ({counts})",
                set.signers
            )
        }));
        problems
    }

    fn row(&self) -> String {
        let reply = match &self.answer {
            Ok(reply) => reply,
            Err(reason) => return format!("{:<5} {:<9} {reason}", self.index, "no answer"),
        };
        let peers: Vec<String> = reply
            .peers
            .iter()
            .map(|peer| {
                let state = match (peer.quarantined, peer.connected, peer.pair_ready) {
                    (true, ..) => "quarantined",
                    (_, false, _) => "away",
                    (_, true, false) => "pairing",
                    (_, true, true) => "ready",
                };
                format!("{} {state}", peer.node)
            })
            .collect();
        format!(
            "{:<5} {:<9} {:<12} {:>6} {:>9} {:>6} {:>8}s {:>10}  {}",
            self.index,
            if reply.serving { "serving" } else { "waiting" },
            reply.phase,
            reply.leader,
            reply.registry_index,
            reply.epoch,
            reply.uptime_ms / 1000,
            reply.counters.as_ref().map_or(0, |counters| counters.signatures),
            peers.join(", ")
        )
    }

    fn json(&self) -> Value {
        let reply = match &self.answer {
            Ok(reply) => reply,
            Err(reason) => {
                return json!({ "node": self.index, "reachable": false, "error": reason.to_string() });
            }
        };
        let counters = reply.counters.unwrap_or_default();
        let total = reply.pools_total.unwrap_or_default();
        json!({
            "node": self.index,
            "reachable": true,
            "serving": reply.serving,
            "phase": reply.phase,
            "software": reply.software,
            "boot_id": hex::encode(&reply.boot_id),
            "leader": reply.leader,
            "registry_index": reply.registry_index,
            "epoch": reply.epoch,
            "uptime_ms": reply.uptime_ms,
            "peers": reply.peers.iter().map(|peer| json!({
                "node": peer.node,
                "connected": peer.connected,
                "pair_ready": peer.pair_ready,
                "quarantined": peer.quarantined,
                "boot_id": hex::encode(&peer.boot_id),
                "blame": evidence::of_peer(peer),
            })).collect::<Vec<_>>(),
            "failed_sets": evidence::of_sets(reply),
            "pools": reply.pools.iter().map(|pool| json!({
                "key": hex::encode(&pool.key_id),
                "signers": pool.signers,
                "client": hex::encode(&pool.client_key),
                "ready": pool.ready,
                "free": pool.free,
                "level": pool.level,
                "uses_per_1000_s": pool.uses_per_1000_s,
            })).collect::<Vec<_>>(),
            "pools_total": {
                "bytes": total.bytes,
                "bytes_max": total.bytes_max,
                "bytes_max_per_key": total.bytes_max_per_key,
                "bytes_max_per_client": total.bytes_max_per_client,
                "evicted": total.evicted,
            },
            "rsa_pools": reply.moduli.iter().map(|moduli| json!({
                "kind": moduli.kind,
                "ready": moduli.ready,
                "level": moduli.level,
                "filling": moduli.filling,
                "batches": moduli.batches,
            })).collect::<Vec<_>>(),
            "rsa_generations": reply.generations.iter().map(|making| json!({
                "kind": making.kind,
                "coordinator": making.coordinator,
                "batches": making.batches,
                "running_ms": making.running_ms,
            })).collect::<Vec<_>>(),
            "strict": reply.strict,
            "counters": {
                "signatures": counters.signatures,
                "presignatures": counters.presignatures,
                "failed_checks": counters.failed_checks,
                "keys_generated": counters.keys_generated,
                "refused_requests": counters.refused_requests,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proto::client::v1::PeerStatus;

    use super::*;

    fn reply(node: u32, leader: u32) -> NodeHealth {
        let peers = (1..=2)
            .filter(|peer| *peer != node)
            .map(|peer| PeerStatus { node: peer, connected: true, pair_ready: true, ..Default::default() })
            .collect();
        let answer = StatusReply { node, leader, serving: true, peers, ..Default::default() };
        NodeHealth { index: node as u8, answer: Ok(answer) }
    }

    #[test]
    fn quiet_cluster_has_no_problems() {
        let health = Health { nodes: vec![reply(1, 2), reply(2, 2)] };
        assert_eq!(health.problems(), Vec::<String>::new());
        assert_eq!(health.json().get("healthy"), Some(&Value::Bool(true)));
    }

    #[test]
    fn each_thing_that_is_wrong_is_named() {
        let mut waiting = reply(1, 1);
        if let Ok(answer) = &mut waiting.answer {
            answer.serving = false;
            answer.phase = "catching up".to_owned();
            answer.peers.iter_mut().for_each(|peer| peer.quarantined = true);
        }
        let gone =
            NodeHealth { index: 3, answer: Err(NodeFailure::Unreachable("connection refused".to_owned())) };
        let health = Health { nodes: vec![waiting, reply(2, 2), gone] };
        let problems = health.problems().join("\n");
        for part in [
            "node 1 does not serve yet: catching up",
            "peer 2 has been",
            "node 3: not reachable (connection refused)",
            "different leaders",
        ] {
            assert!(problems.contains(part), "{part:?} is missing in {problems}");
        }
    }

    #[test]
    fn nodes_that_differ_in_strict_mode_are_named() {
        let mut strict = reply(1, 2);
        if let Ok(answer) = &mut strict.answer {
            answer.strict = true;
        }
        let health = Health { nodes: vec![strict, reply(2, 2)] };
        assert_eq!(health.problems(), ["strict mode is off at nodes [2] and on at the others"]);
        assert!(health.table().iter().any(|line| line.contains("strict")));
    }

    #[test]
    fn keys_that_are_ready_are_counted() {
        let mut node = reply(1, 2);
        if let Ok(answer) = &mut node.answer {
            let kind = "RSA-2048-65537".to_owned();
            answer.moduli =
                vec![ModuliStatus { kind: kind.clone(), ready: 1, level: 4, filling: true, batches: 7 }];
            let making = |coordinator| GenerationStatus {
                kind: kind.clone(),
                coordinator,
                batches: 9,
                running_ms: 2_300,
                yours: true,
            };
            answer.generations = vec![making(1), making(2)];
        }
        let mut health = Health { nodes: vec![node] };
        let line = "keys  node 1 RSA-2048-65537: 1 of 4 ready, one is being made (7 batches)";
        assert!(health.table().iter().any(|row| row == line));
        let of_clients = |row: &&String| row.contains("for a client");
        assert_eq!(
            health.table().iter().filter(of_clients).collect::<Vec<_>>(),
            ["keys  node 1 RSA-2048-65537: being made for a client (9 batches, 2 s)"],
        );
        let differ = |health: &Health| health.problems().iter().any(|problem| problem.contains("rsa_pool"));
        assert!(!differ(&health));
        health.nodes.push(reply(2, 2));
        assert!(differ(&health));
    }

    #[test]
    fn no_leader_is_a_problem() {
        let health = Health { nodes: vec![reply(1, 0), reply(2, 0)] };
        assert_eq!(health.problems(), ["the registry has no leader"]);
    }
}
