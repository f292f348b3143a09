//! The search of one call for a quorum that answers.

use std::collections::{BTreeMap, BTreeSet};

use proto::client::v1::Code;
use token::backend::BackendError;

use crate::failure::NodeFailure;

/// What one call has learnt while it looks for a quorum that answers.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) failed: BTreeMap<u8, NodeFailure>,
    pub(crate) tried: BTreeSet<Vec<u8>>,
}

/// Why there is no further quorum.
pub(crate) enum NoQuorum {
    /// A pause may help: enough nodes can be reached, but some were slow or are not ready.
    NotReady,
    /// The answer to the application.
    Final(BackendError),
}

impl Search {
    /// A node failed this call and is left out of the next sets.
    pub(crate) fn has_failed(&mut self, node: u8, failure: NodeFailure) {
        self.failed.insert(node, failure);
    }

    /// This exact set did not work and nobody is known to be at fault.
    pub(crate) fn was_tried(&mut self, set: &[u8]) {
        self.tried.insert(set.to_vec());
    }

    /// Nodes that said in this call that they cannot, or of which others did.
    pub(crate) fn missed(&self) -> impl Iterator<Item = u8> {
        let missed = |failure: &NodeFailure| failure.code() == Some(Code::Unavailable);
        self.failed.iter().filter(move |(_, failure)| missed(failure)).map(|(node, _)| *node)
    }

    /// After a pause, nodes that were slow or not ready may be asked again.
    pub(crate) fn forgive(&mut self) {
        self.failed.retain(|_, failure| !may_pass(failure));
        self.tried.clear();
    }

    /// A refusal that will not change, once so many nodes gave it that one of them is honest.
    pub(crate) fn verdict(&self, threshold: usize) -> Option<BackendError> {
        self.failed.iter().filter(|(_, failure)| !failure.is_passing()).find_map(|(node, failure)| {
            let same = self.failed.values().filter(|other| other.code() == failure.code()).count();
            (same >= threshold).then(|| failure.to_backend(*node))
        })
    }

    /// Each node that failed, and how.
    pub(crate) fn describe(&self) -> String {
        let each: Vec<String> =
            self.failed.iter().map(|(node, failure)| format!("node {node}: {failure}")).collect();
        each.join("; ")
    }
}

/// Whether a pause may help within this call: the node answered that it cannot do it yet, or it was
/// slow, which on a busy machine is no sign of illness. A refused connection is one.
pub(crate) fn may_pass(failure: &NodeFailure) -> bool {
    matches!(failure, NodeFailure::TimedOut) || failure.is_passing() && failure.code().is_some()
}

/// Whether the answer says that the request came too early or to the wrong place, not that the node is ill.
pub(crate) fn is_answer(failure: &NodeFailure) -> bool {
    failure.code().is_some_and(|code| code != Code::Internal)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn one_refusal_is_no_verdict_but_t_are() {
        let mut search = Search::default();
        let forbidden =
            NodeFailure::Refused { code: Code::Forbidden, message: "no".into(), nodes: Vec::new() };
        search.has_failed(1, forbidden.clone());
        assert!(search.verdict(2).is_none());
        search.has_failed(2, forbidden);
        assert!(matches!(search.verdict(2), Some(BackendError::Refused(_))));
    }
}
