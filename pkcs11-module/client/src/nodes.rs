//! Which nodes to ask: what is known of each node's health, and the choice of a quorum.
//!
//! The choice is sticky: a client keeps to the same T nodes while they do their work, because
//! presignatures wait for one exact signer set. Clients start from different nodes, so that all
//! nodes share the load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use token::backend::{BackendError, BackendResult};

use crate::failure::NodeFailure;
use crate::health::Health;
use crate::pace::Pace;
use crate::pool::Heard;
use crate::search::{NoQuorum, Search, may_pass};
use crate::sync::lock;

/// Health of every node, shared by all calls.
pub(crate) struct Nodes {
    threshold: usize,
    pace: Mutex<Pace>,
    health: Mutex<BTreeMap<u8, Health>>,
}

impl Nodes {
    /// All nodes, none tried yet. `start` turns this client's order.
    pub(crate) fn new(indices: &[u8], threshold: usize, start: usize) -> Self {
        let count = indices.len().max(1);
        let health = indices.iter().enumerate().map(|(position, index)| {
            let preference = (position + count - start % count) % count;
            (*index, Health::new(preference))
        });
        Self { threshold, pace: Mutex::default(), health: Mutex::new(health.collect()) }
    }

    /// Nodes that make a quorum: T.
    pub(crate) fn threshold(&self) -> usize {
        self.threshold
    }

    /// A node answered.
    pub(crate) fn succeeded(&self, node: u8, latency: Duration, registry_index: u64) {
        if let Some(health) = lock(&self.health).get_mut(&node) {
            health.trouble = None;
            health.latency = Some(latency);
            health.registry_index = health.registry_index.max(registry_index);
        }
    }

    /// A node failed; it is avoided for a while. Returns whether it had been well before.
    pub(crate) fn failed(&self, node: u8, failure: &NodeFailure) -> bool {
        let mut all = lock(&self.health);
        let Some(health) = all.get_mut(&node) else { return false };
        health.failed(failure) == 1
    }

    /// How long a set of nodes may take for one answer before another set is asked as well.
    pub(crate) fn patience(&self) -> Duration {
        lock(&self.pace).patience()
    }

    /// These nodes answered one request together.
    pub(crate) fn kept_pace(&self, set: &[u8], took: Duration) {
        let in_time = {
            let mut pace = lock(&self.pace);
            let in_time = took <= pace.patience();
            pace.took(took);
            in_time
        };
        let mut all = lock(&self.health);
        for (_, health) in all.iter_mut().filter(|(node, _)| set.contains(node)) {
            health.doubt = None;
            health.slow = health.slow.take().filter(|_| !in_time);
        }
    }

    /// The node kept a call waiting and is left out for a while. Whether it had been in time before.
    pub(crate) fn lags(&self, node: u8) -> bool {
        let mut all = lock(&self.health);
        let Some(health) = all.get_mut(&node) else { return false };
        health.lags() == 1
    }

    /// Slow nodes at which it is time to look again.
    pub(crate) fn to_look_at(&self) -> Vec<u8> {
        let now = Instant::now();
        let due = |health: &Health| health.slow.as_ref().is_some_and(|slow| slow.silent && slow.until <= now);
        lock(&self.health).iter().filter(|(_, health)| due(health)).map(|(node, _)| *node).collect()
    }

    /// What was found. A node that has answered serves again, the later the more often it was slow.
    pub(crate) fn looked_at(&self, node: u8, heard: Heard) {
        let mut all = lock(&self.health);
        if let Some(health) = all.get_mut(&node) {
            health.looked_at(heard);
        }
    }

    /// Answers of these nodes did not combine, and nobody is named.
    pub(crate) fn doubted(&self, set: &[u8]) {
        let until = Instant::now() + DOUBT;
        for (_, health) in lock(&self.health).iter_mut().filter(|(node, _)| set.contains(node)) {
            health.doubt = Some((health.doubt.map_or(0, |(times, _)| times).saturating_add(1), until));
        }
    }

    /// Longest wait for a new connection, as long as enough other nodes are well.
    pub(crate) fn opening_limit(&self, node: u8) -> Option<Duration> {
        let now = Instant::now();
        let all = lock(&self.health);
        let others = all.iter().filter(|(other, health)| **other != node && health.is_well(now)).count();
        let known = all.get(&node)?;
        (others >= self.threshold).then(|| known.opening_limit())
    }

    /// A registry index that at least one honest node has claimed: the T-th highest claim.
    pub(crate) fn registry_index(&self) -> u64 {
        let mut claims: Vec<u64> = lock(&self.health).values().map(|health| health.registry_index).collect();
        claims.sort_unstable_by(|one, other| other.cmp(one));
        claims.get(self.threshold - 1).copied().unwrap_or_default()
    }

    /// All nodes in order of choice.
    pub(crate) fn ranked(&self) -> Vec<u8> {
        let now = Instant::now();
        let all = lock(&self.health);
        let mut nodes: Vec<(_, u8)> = all.iter().map(|(node, health)| (health.rank(now), *node)).collect();
        nodes.sort_unstable();
        nodes.into_iter().map(|(_, node)| node).collect()
    }

    /// The best `count` nodes, ascending, that this call has not found wanting.
    pub(crate) fn choose(&self, count: usize, search: &Search) -> Result<Vec<u8>, NoQuorum> {
        let now = Instant::now();
        let costly: BTreeMap<u8, String> = lock(&self.health)
            .iter()
            .filter(|(_, health)| health.is_costly(now))
            .map(|(node, health)| {
                (
                    *node,
                    health.trouble.as_ref().map(|trouble| trouble.failure.to_string()).unwrap_or_default(),
                )
            })
            .collect();
        let usable: Vec<u8> = self
            .ranked()
            .into_iter()
            .filter(|node| !search.failed.contains_key(node) && !costly.contains_key(node))
            .collect();
        if let Some(set) = best_subset(&usable, count, &search.tried) {
            self.probe(&set, now);
            return Ok(set);
        }
        // A node that another one misses may come back, unless it cannot be reached from here either.
        let mut gone = self.those(Health::is_unreachable);
        gone.extend(search.failed.iter().filter(|(_, failure)| !may_pass(failure)).map(|(node, _)| *node));
        let waiting = search.failed.keys().filter(|node| !gone.contains(node)).count();
        let left = lock(&self.health).len() - gone.len();
        if usable.len() + waiting >= count && left >= self.threshold {
            return Err(NoQuorum::NotReady);
        }
        let refusal = search.failed.iter().find(|(_, failure)| !failure.is_passing());
        if let Some((node, failure)) = refusal {
            return Err(NoQuorum::Final(failure.to_backend(*node)));
        }
        let avoided = costly.iter().filter(|(node, _)| !search.failed.contains_key(node));
        let missing: Vec<String> = search
            .failed
            .iter()
            .map(|(node, failure)| format!("node {node}: {failure}"))
            .chain(avoided.map(|(node, failure)| format!("node {node}: {failure}")))
            .collect();
        let text = format!("{count} nodes needed, missing {}", missing.join("; "));
        Err(NoQuorum::Final(BackendError::Unavailable(text)))
    }

    /// Nodes of which this is so.
    fn those(&self, is_so: impl Fn(&Health) -> bool) -> BTreeSet<u8> {
        lock(&self.health).iter().filter(|(_, health)| is_so(health)).map(|(node, _)| *node).collect()
    }

    /// Nodes that another one misses, or that are not ready themselves.
    pub(crate) fn missed(&self, search: &Search) -> BTreeSet<u8> {
        let mut missed = self.those(Health::is_missed);
        missed.extend(search.missed());
        missed
    }

    /// A connection to it stands.
    pub(crate) fn is_reached(&self, node: u8) {
        if let Some(health) = lock(&self.health).get_mut(&node) {
            health.trouble.take_if(|trouble| matches!(trouble.failure, NodeFailure::Unreachable(_)));
        }
    }

    /// Nodes of `set` that failed before are tried by one call; the others wait for what it finds.
    fn probe(&self, set: &[u8], now: Instant) {
        let mut all = lock(&self.health);
        for (_, health) in all.iter_mut().filter(|(node, _)| set.contains(node)) {
            if let Some(trouble) = health.trouble.as_mut().filter(|trouble| trouble.until <= now) {
                trouble.until = now + PROBE;
            }
        }
    }

    /// What to tell the application when the deadline is over.
    pub(crate) fn out_of_time(&self, search: &Search) -> BackendResult<()> {
        Err(BackendError::Unavailable(format!("no answer within the deadline; {}", search.describe())))
    }
}

/// The `count` best of `ranked`, as a set in ascending order, that is not in `tried`: the one with the smallest
/// sum of ranks. N is at most 9, so there are at most 126 sets.
fn best_subset(ranked: &[u8], count: usize, tried: &BTreeSet<Vec<u8>>) -> Option<Vec<u8>> {
    if tried.is_empty() {
        let mut set = ranked.get(..count)?.to_vec();
        set.sort_unstable();
        return Some(set);
    }
    let masks = 0..1u32.checked_shl(ranked.len() as u32)?;
    masks
        .filter(|mask| mask.count_ones() as usize == count)
        .map(|mask| {
            let members = ranked.iter().enumerate().filter(|(rank, _)| mask & (1 << rank) != 0);
            let cost: usize = members.clone().map(|(rank, _)| rank).sum();
            let mut set: Vec<u8> = members.map(|(_, node)| *node).collect();
            set.sort_unstable();
            (cost, mask, set)
        })
        .filter(|(_, _, set)| !tried.contains(set))
        .min()
        .map(|(_, _, set)| set)
}

/// How long one call alone tries a node that failed before.
const PROBE: Duration = Duration::from_millis(250);
/// How long answers that did not combine are remembered.
const DOUBT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use proto::client::v1::Code;

    use super::*;

    fn unreachable() -> NodeFailure {
        NodeFailure::Unreachable("refused".into())
    }

    fn chosen(nodes: &Nodes, search: &Search) -> Vec<u8> {
        nodes.choose(nodes.threshold(), search).ok().unwrap()
    }

    #[test]
    fn choice_is_sticky_and_turns_with_the_client() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 1);
        assert_eq!(chosen(&nodes, &Search::default()), [2, 3]);
        nodes.succeeded(2, Duration::from_micros(900), 0);
        nodes.succeeded(3, Duration::from_micros(200), 0);
        nodes.succeeded(1, Duration::from_micros(100), 0);
        assert_eq!(chosen(&nodes, &Search::default()), [2, 3]);
        nodes.succeeded(2, Duration::from_millis(40), 0);
        assert_eq!(chosen(&nodes, &Search::default()), [1, 3]);
    }

    #[test]
    fn failed_node_is_replaced_and_comes_back() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        assert!(nodes.failed(1, &unreachable()));
        assert_eq!(chosen(&nodes, &Search::default()), [2, 3]);
        nodes.succeeded(1, Duration::ZERO, 0);
        assert_eq!(chosen(&nodes, &Search::default()), [1, 2]);
    }

    #[test]
    fn slow_node_is_left_until_it_has_answered() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        assert!(nodes.lags(1));
        assert_eq!(chosen(&nodes, &Search::default()), [2, 3]);
        assert!(!nodes.lags(1), "only the first time is news");
        // It is still good enough when nothing else is left.
        let mut search = Search::default();
        search.has_failed(2, unreachable());
        assert_eq!(chosen(&nodes, &search), [1, 3]);
        nodes.looked_at(1, Heard::Nothing);
        assert_eq!(chosen(&nodes, &Search::default()), [1, 2]);
        nodes.kept_pace(&[1, 2], Duration::from_millis(1));
        assert!(nodes.lags(1), "in time again, so slow anew");
    }

    #[test]
    fn set_that_combined_is_preferred_to_those_that_did_not() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        nodes.doubted(&[1, 2]);
        assert_eq!(chosen(&nodes, &Search::default()), [1, 3]);
        nodes.doubted(&[1, 3]);
        nodes.kept_pace(&[2, 3], Duration::from_millis(1));
        assert_eq!(chosen(&nodes, &Search::default()), [2, 3]);
    }

    #[test]
    fn below_t_the_missing_nodes_are_named_at_once() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        let mut search = Search::default();
        search.has_failed(1, unreachable());
        search.has_failed(3, NodeFailure::Dropped("reset".into()));
        let Err(NoQuorum::Final(BackendError::Unavailable(text))) = nodes.choose(2, &search) else {
            panic!()
        };
        assert!(text.contains("node 1") && text.contains("node 3") && !text.contains("node 2"), "{text}");
    }

    #[test]
    fn nodes_that_are_only_slow_are_asked_again() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        for node in [1, 2, 3, 1, 2, 3, 1, 2, 3] {
            nodes.failed(node, &NodeFailure::TimedOut);
        }
        assert!(nodes.choose(2, &Search::default()).is_ok());
    }

    #[test]
    fn nodes_that_are_not_ready_are_worth_a_pause() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        let mut search = Search::default();
        let starting =
            NodeFailure::Refused { code: Code::Unavailable, message: "starting".into(), nodes: Vec::new() };
        search.has_failed(1, starting);
        search.has_failed(2, unreachable());
        assert!(matches!(nodes.choose(2, &search), Err(NoQuorum::NotReady)));
        search.forgive();
        assert_eq!(chosen(&nodes, &search), [1, 3]);
    }

    #[test]
    fn a_node_that_is_missed_and_refuses_connections_is_not_waited_for() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        let mut search = Search::default();
        let missed =
            NodeFailure::Refused { code: Code::Unavailable, message: "missed".into(), nodes: Vec::new() };
        search.has_failed(2, missed);
        search.has_failed(3, unreachable());
        assert!(matches!(nodes.choose(2, &search), Err(NoQuorum::NotReady)));
        nodes.failed(2, &unreachable());
        assert!(matches!(nodes.choose(2, &search), Err(NoQuorum::Final(BackendError::Unavailable(_)))));
    }

    #[test]
    fn every_set_is_tried_once() {
        let nodes = Nodes::new(&[1, 2, 3, 4, 5], 3, 0);
        let mut search = Search::default();
        let mut seen = BTreeSet::new();
        while let Ok(set) = nodes.choose(3, &search) {
            assert!(seen.insert(set.clone()));
            search.was_tried(&set);
        }
        assert_eq!(seen.len(), 10);
    }

    #[test]
    fn a_liar_cannot_raise_the_registry_index() {
        let nodes = Nodes::new(&[1, 2, 3], 2, 0);
        nodes.succeeded(1, Duration::ZERO, u64::MAX);
        nodes.succeeded(2, Duration::ZERO, 7);
        assert_eq!(nodes.registry_index(), 7);
    }
}
