//! Why a command changes nothing. Each has its code for the client and one line for a log.

use proto::client::v1::Code;
use proto::limits::FORMAT;

/// Why a command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This part does not decode or has a wrong size.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// This part is over its limit.
    #[error("{0} is over its size limit")]
    TooLarge(&'static str),
    /// Written for another format version.
    #[error("command has format {0}, this software reads {FORMAT}")]
    Format(u32),
    /// Signed for another cluster.
    #[error("command is for another cluster")]
    WrongCluster,
    /// The log has passed this index already.
    #[error("registry is already at index {0}")]
    IndexBehind(u64),
    /// Decided on after the last index at which its authors wanted it.
    #[error("command was valid up to index {not_after}, the registry is at {at}")]
    Expired {
        /// As signed.
        not_after: u64,
        /// Where it would have been applied.
        at: u64,
    },
    /// Its validity is longer than applied commands are remembered.
    #[error("command is valid up to index {not_after}, at most {max} is possible now")]
    ValidTooLong {
        /// As signed.
        not_after: u64,
        /// The most.
        max: u64,
    },
    /// The same command was applied before.
    #[error("command was already applied at index {0}")]
    AlreadyApplied(u64),
    /// A signature does not verify, or by nobody who could sign.
    #[error("signature {0} of the command is not valid")]
    BadSignature(usize),
    /// The same author twice.
    #[error("signature {0} of the command repeats an author")]
    RepeatedAuthor(usize),
    /// The authors may not give this command here.
    #[error("{command} needs {needs}")]
    NotAllowed {
        /// The command and its situation.
        command: &'static str,
        /// Whom it needs.
        needs: String,
    },
    /// It speaks of something that is not there.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It makes something that is there, or was.
    #[error("{0} exists already or existed before")]
    Exists(&'static str),
    /// A client's name means somebody else, or did.
    #[error("client name: {0}")]
    Name(&'static str),
    /// The token has no label and no logins yet.
    #[error("token is not initialised")]
    Uninitialised,
    /// The object changed since the author saw it.
    #[error("predecessor is not the current version of the object")]
    Stale,
    /// A PIN version that is not the next one.
    #[error("login version is {found}, the next one is {next}")]
    LoginVersion {
        /// As given.
        found: u64,
        /// What it must be.
        next: u64,
    },
    /// The birth certificate does not prove what it must.
    #[error("birth certificate: {0}")]
    Birth(&'static str),
    /// An attribute is missing, wrong or may not change.
    #[error("attribute {attribute:#x}: {why}")]
    Attribute {
        /// `CKA_` number.
        attribute: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The record of a KMS key is not what it must be.
    #[error("KMS key: {0}")]
    Kms(&'static str),
    /// A KMS key is in another state.
    #[error("{0}")]
    KmsState(&'static str),
    /// The policy and the grants of a KMS key do not allow it.
    #[error("kms:{0} is not allowed")]
    Policy(&'static str),
    /// A bound of the registry is reached.
    #[error("the registry holds no more {0}")]
    Full(&'static str),
    /// Two heads at one index were seen: a person must look first.
    #[error("registry writes are stopped: two different heads were signed at one index")]
    Stopped,
}

impl Refusal {
    /// The code that a client gets.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::TooLarge(_) | Self::ValidTooLong { .. } => Code::InvalidArgument,
            Self::Format(_) => Code::FormatUnsupported,
            Self::WrongCluster => Code::WrongCluster,
            Self::IndexBehind(_) | Self::Expired { .. } | Self::AlreadyApplied(_) => Code::Conflict,
            Self::BadSignature(_) | Self::RepeatedAuthor(_) | Self::NotAllowed { .. } => Code::Forbidden,
            Self::NotFound(_) => Code::NotFound,
            Self::Exists(_) | Self::Uninitialised | Self::Stale | Self::LoginVersion { .. } => Code::Conflict,
            Self::Name(_) | Self::Birth(_) | Self::Attribute { .. } | Self::Kms(_) => Code::Forbidden,
            Self::KmsState(_) => Code::KeyState,
            Self::Policy(_) => Code::PolicyDenied,
            Self::Full(_) => Code::ResourceExhausted,
            Self::Stopped => Code::Unavailable,
        }
    }
}
