//! Showing the members of a signer set what they answered, when it made no signature: the honest ones then
//! leave the set, and its other sets go on.

use std::time::Duration;

use proto::client::v1::{ComplainRequest, SignRequest, SignedPart, request};
use token::backend::TokenId;

use crate::call::Terms;
use crate::core::Core;
use crate::deadline::Deadline;

impl Core {
    /// Tells the nodes that answered `request` with these parts, one of each, in ascending order. Each
    /// checks all of it; nothing here waits for what it makes of it, beyond a moment.
    pub(crate) fn complain(&self, token: TokenId, request: SignRequest, parts: Vec<SignedPart>) {
        let nodes: Vec<u8> = parts.iter().filter_map(|part| u8::try_from(part.node).ok()).collect();
        let complaint = ComplainRequest { request: Some(request), parts };
        let requests = nodes.into_iter().map(|node| (node, request::Op::Complain(complaint.clone())));
        let terms = Terms {
            token: Some(token),
            min_registry_index: self.read_floor(),
            repeatable: true,
            deadline: Deadline::after(LIMIT),
        };
        for (node, answer) in self.ask(requests.collect(), terms) {
            if let Err(failure) = answer {
                self.log.warn(format_args!("node {node} did not take the complaint: {failure}"));
            }
        }
    }
}

/// Longest wait for the nodes to have heard: the signature itself is tried again after it.
const LIMIT: Duration = Duration::from_millis(300);
