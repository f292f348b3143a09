//! Three logs over real sockets: what one node proposes, all apply, in one order, and keep.

use std::time::Duration;

use crate::support::{Cluster, Node, eventually};
use engine::ProposalError;
use tokio::time::Instant;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(15)
}

async fn three(cluster: &Cluster) -> Vec<Node> {
    let nodes = vec![cluster.start(1).await, cluster.start(2).await, cluster.start(3).await];
    eventually("a leader", || nodes.iter().all(|node| node.member.leader().is_some())).await;
    nodes
}

fn command(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn command_proposed_at_any_node_is_applied_everywhere_in_one_order() {
    let cluster = Cluster::new().await;
    let nodes = three(&cluster).await;
    let mut last = 0;
    for (number, node) in (0u32..).zip(&nodes) {
        let index = node.member.propose(command(number), soon()).await.unwrap();
        assert!(index > last);
        assert!(node.registry.commands().contains(&command(number)), "applied where it was proposed");
        last = index;
    }
    let all: Vec<_> = (0..3).map(command).collect();
    eventually("all applied", || nodes.iter().all(|node| node.registry.commands() == all)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_that_was_away_catches_up_and_state_survives_a_crash_of_all() {
    let cluster = Cluster::new().await;
    let mut nodes = three(&cluster).await;
    nodes[0].member.propose(command(0), soon()).await.unwrap();
    nodes.pop().unwrap().kill().await;
    for number in 1..20 {
        nodes[0].member.propose(command(number), soon()).await.unwrap();
    }
    nodes.push(cluster.start(3).await);
    let all: Vec<_> = (0..20).map(command).collect();
    eventually("caught up", || nodes[2].registry.commands() == all).await;

    for node in nodes {
        node.kill().await;
    }
    let nodes = three(&cluster).await;
    nodes[1].member.propose(command(20), soon()).await.unwrap();
    let all: Vec<_> = (0..21).map(command).collect();
    eventually("all back", || nodes.iter().all(|node| node.registry.commands() == all)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_a_proposal_fails_within_its_deadline() {
    let cluster = Cluster::new().await;
    let node = cluster.start(2).await;
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(300);
    assert_eq!(node.member.propose(command(0), deadline).await, Err(ProposalError::NoLeader));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_dies_is_replaced() {
    let cluster = Cluster::new().await;
    let mut nodes = three(&cluster).await;
    let leader = nodes[0].member.leader().unwrap();
    nodes.remove(usize::try_from(leader).unwrap() - 1).kill().await;
    nodes[1].member.propose(command(7), soon()).await.unwrap();
    eventually("applied", || nodes.iter().all(|node| node.registry.commands() == [command(7)])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forbidden_to_vote_two_of_three_elect_nobody() {
    let cluster = Cluster::new().await;
    let nodes = [cluster.start(2).await, cluster.start(3).await];
    for node in &nodes {
        node.member.allow_voting(false).await.unwrap();
    }
    let first = cluster.start(1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(first.member.leader(), None);
    nodes[0].member.allow_voting(true).await.unwrap();
    eventually("a leader", || first.member.leader().is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_that_missed_more_than_the_log_holds_catches_up_by_a_snapshot() {
    let cluster = Cluster::new().await;
    let nodes = [cluster.start(1).await, cluster.start(2).await];
    eventually("a leader", || nodes.iter().all(|node| node.member.leader().is_some())).await;
    let mut under_way = tokio::task::JoinSet::new();
    for number in 0..2_300 {
        let member = nodes[number as usize % 2].member.clone();
        under_way.spawn(async move { member.propose(command(number), soon()).await.unwrap() });
        if under_way.len() >= 64 {
            under_way.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = under_way.join_next().await {
        done.unwrap();
    }
    let log = crate::support::sealed(&cluster.stores[0], 1);
    eventually("purged", || log.range("raft_log", &[], None, 4_000).unwrap().len() < 1_000).await;
    let late = cluster.start(3).await;
    eventually("caught up", || late.registry.commands() == nodes[0].registry.commands()).await;
    let all: std::collections::BTreeSet<_> = late.registry.commands().into_iter().collect();
    assert_eq!(all.len(), 2_300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_restarts_stands_for_election_like_every_other() {
    let cluster = Cluster::new().await;
    let mut nodes = three(&cluster).await;
    nodes[0].member.propose(command(0), soon()).await.unwrap();
    let leader = u8::try_from(nodes[0].member.leader().unwrap()).unwrap();
    for node in nodes.drain(..) {
        node.kill().await;
    }
    let alone = cluster.start(leader).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(alone.member.leader(), None, "nobody has voted for it since");
}
