//! Why one node did not do what it was asked.

use std::io;

use proto::client::v1::{Code, Error as WireError};
use token::backend::{BackendError, KmsRefusal};

/// What went wrong with one node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeFailure {
    /// No connection: refused, no route, or the name does not resolve.
    #[error("not reachable ({0})")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke before the answer came.
    #[error("connection lost ({0})")]
    Dropped(String),
    /// It broke the protocol or is not the node that the manifest names.
    #[error("misbehaved: {0}")]
    Misbehaved(String),
    /// It answered with an error.
    #[error("{message} ({})", code.as_str_name())]
    Refused {
        /// What kind of refusal.
        code: Code,
        /// The node's own line.
        message: String,
        /// Other nodes that it says are the reason.
        nodes: Vec<u8>,
    },
}

impl NodeFailure {
    /// From an I/O error of an open connection.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::Misbehaved(error.to_string()),
            _ => Self::Dropped(error.to_string()),
        }
    }

    /// From a node's error; its line is cut and stripped of control characters, because it goes to
    /// a log.
    pub(crate) fn of_wire(error: &WireError) -> Self {
        let message: String =
            error.message.chars().filter(|char| !char.is_control()).take(MESSAGE_CHARS_MAX).collect();
        let nodes = error.nodes.iter().take(NODES_MAX).filter_map(|node| u8::try_from(*node).ok()).collect();
        Self::Refused { code: error.code(), message, nodes }
    }

    /// Whether another node, or the same one later, may do better.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut | Self::Dropped(_) | Self::Misbehaved(_) => true,
            Self::Refused { code, .. } => matches!(
                code,
                Code::Unavailable
                    | Code::DeadlineExceeded
                    | Code::ResourceExhausted
                    | Code::PresignatureGone
                    | Code::NonceGone
                    | Code::Internal
                    | Code::Unspecified
            ),
        }
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What the application is told when this refusal is final.
    pub fn to_backend(&self, node: u8) -> BackendError {
        let text = format!("node {node}: {self}");
        match self.code() {
            Some(Code::NotLoggedIn) => BackendError::NotLoggedIn,
            Some(Code::Forbidden) => BackendError::Refused(text),
            Some(Code::PolicyDenied) => BackendError::Kms(KmsRefusal::Policy, text),
            Some(Code::KeyState) => BackendError::Kms(KmsRefusal::State, text),
            Some(Code::KeyUsage) => BackendError::Kms(KmsRefusal::Usage, text),
            Some(Code::Throttled) => BackendError::Kms(KmsRefusal::Quota, text),
            Some(Code::NotFound) => BackendError::NoSuchObject,
            Some(Code::Conflict) => BackendError::Stale,
            Some(Code::PinLocked) => BackendError::PinLocked,
            Some(Code::NotEnrolled | Code::WrongCluster | Code::FormatUnsupported) => {
                BackendError::Configuration(text)
            }
            Some(Code::InvalidArgument) => BackendError::Internal(text),
            _ => BackendError::Unavailable(text),
        }
    }
}

/// N is at most 9.
const NODES_MAX: usize = 9;
const MESSAGE_CHARS_MAX: usize = 200;
