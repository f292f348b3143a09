//! Why a request gets an error instead of an answer.

use proto::client::v1::{Code, Error};

use crate::input::{NodeIndex, ProposalError};
use crate::registry::Refusal;

/// An error for a client: a code, one line without secrets, and the nodes that it points at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) nodes: Vec<NodeIndex>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), nodes: Vec::new() }
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Something cannot be done now because of these nodes, which the line names.
    pub(crate) fn missing(what: &str, mut nodes: Vec<NodeIndex>) -> Self {
        nodes.sort_unstable();
        nodes.dedup();
        let names: Vec<String> = nodes.iter().map(NodeIndex::to_string).collect();
        let message = match names.is_empty() {
            true => what.to_owned(),
            false => format!("{what} (node {})", names.join(", ")),
        };
        Self { code: Code::Unavailable, message, nodes }
    }

    pub(crate) fn to_error(&self) -> Error {
        let nodes = self.nodes.iter().copied().map(u32::from).collect();
        Error { code: self.code as i32, message: self.message.clone(), nodes }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

impl From<ProposalError> for Failure {
    fn from(error: ProposalError) -> Self {
        let code = match error {
            ProposalError::NoLeader | ProposalError::Failed(_) => Code::Unavailable,
            ProposalError::Deadline => Code::DeadlineExceeded,
        };
        Self::new(code, error.to_string())
    }
}
