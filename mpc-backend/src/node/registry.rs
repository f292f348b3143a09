//! Between the engine and the registry's log: proposals one way, the right to vote and the leader.

use std::time::Duration;

use engine::Input;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::drain;
use super::effects::Proposal;
use crate::raft::Member;

/// Brings the engine's commands into the log, beside each other.
pub async fn propose(
    member: Member,
    mut proposals: mpsc::UnboundedReceiver<Proposal>,
    reports: mpsc::UnboundedSender<Input>,
    clock: Instant,
) {
    let mut under_way = JoinSet::new();
    while let Some(Proposal { ticket, command, deadline_ms }) = proposals.recv().await {
        while under_way.try_join_next().is_some() {}
        let (member, reports) = (member.clone(), reports.clone());
        under_way.spawn(async move {
            let deadline = clock + Duration::from_millis(deadline_ms);
            let result = member.propose(command, deadline).await;
            // The engine is gone only when the node stops.
            drop(reports.send(Input::ProposalDone { ticket, result }));
        });
    }
    drain(&mut under_way).await;
}

/// Tells the log whether the engine lets it vote.
pub async fn vote(member: Member, mut voting: watch::Receiver<bool>) {
    loop {
        let allowed = *voting.borrow_and_update();
        if let Err(error) = member.allow_voting(allowed).await {
            tracing::error!(%error, allowed, "the registry's log does not follow");
        }
        if voting.changed().await.is_err() {
            return;
        }
    }
}

/// Tells the engine who leads.
pub async fn watch_leader(member: Member, reports: mpsc::UnboundedSender<Input>) {
    // The engine is gone only when the node stops.
    let tell = |leader| drop(reports.send(Input::Leadership { leader }));
    member.watch_leader(tell).await;
}
