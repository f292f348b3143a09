//! Keys of the KMS interface: their records, and symmetric encryption keys that nobody ever holds whole.
//!
//! [`ClusterClient::kms`] gives a [`Kms`]. What signs, agrees or decrypts with RSA goes the usual way of
//! `token::backend::Backend`, on the object that a [`KmsRecord`] names; the nodes hold it against the key's policy,
//! state and usage there too, and [`KmsError::from`] tells those refusals apart.
//!
//! | file | |
//! |---|---|
//! | [`keys`] | read, create, change, rotate, destroy records |
//! | [`evaluate`] | a one-time key from a symmetric key: to encrypt, to decrypt; data keys that nobody has seen |
//! | [`parts`] | what a ciphertext must carry for that |
//! | `aliases` | which key has an alias |
//! | `ask` | the statement that each request to a node is |
//! | `nonces` | nonces of nodes in stock, so that a warm encryption costs one round trip |

mod aliases;
mod ask;
mod evaluate;
mod keys;
mod nonces;
mod parts;

use proto::kms::v1::{KmsKey, Pair};
use token::backend::{BackendError, KmsRefusal, TokenId};

pub(crate) use self::aliases::Aliases;
pub use self::ask::Ask;
pub use self::keys::{KmsRecord, Spec};
pub(crate) use self::nonces::Nonces;
pub use self::parts::Parts;
use crate::ClusterClient;

/// The KMS interface of one token, for a client that is logged in to it as its user.
pub struct Kms<'a> {
    client: &'a ClusterClient,
    token: TokenId,
}

impl ClusterClient {
    /// The KMS interface of a token.
    pub fn kms(&self, token: TokenId) -> Kms<'_> {
        Kms { client: self, token }
    }
}

/// Why the cluster did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// Neither the key's policy nor a grant allows it to this principal.
    #[error("denied: {0}")]
    Denied(String),
    /// The key is disabled, or pending deletion.
    #[error("wrong state: {0}")]
    State(String),
    /// The key is for another usage, or of a type that cannot do it.
    #[error("wrong usage: {0}")]
    Usage(String),
    /// No such key.
    #[error("no such key")]
    NotFound,
    /// Somebody else changed the record first, or the material is not the newest: read again.
    #[error("the key was changed meanwhile")]
    Stale,
    /// Fewer nodes than needed answered in time.
    #[error("too few nodes: {0}")]
    TooFewNodes(String),
    /// This client uses keys of the interface too often: later.
    #[error("too many requests: {0}")]
    Throttled(String),
    /// A limit is reached.
    #[error("limit: {0}")]
    Limit(String),
    /// There is no login, or the cluster has ended it.
    #[error("not logged in")]
    NotLoggedIn,
    /// The nodes refuse the record or the request for what it says; the line says why.
    #[error("refused: {0}")]
    Refused(String),
    /// Configuration, or a bug of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<BackendError> for KmsError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Kms(KmsRefusal::Policy, text) => Self::Denied(text),
            BackendError::Kms(KmsRefusal::State, text) => Self::State(text),
            BackendError::Kms(KmsRefusal::Usage, text) => Self::Usage(text),
            BackendError::Kms(KmsRefusal::Quota, text) => Self::Throttled(text),
            BackendError::KeyUseForbidden => Self::Usage(error.to_string()),
            BackendError::NoSuchObject | BackendError::NoSuchToken => Self::NotFound,
            BackendError::Stale => Self::Stale,
            BackendError::Unavailable(text) => Self::TooFewNodes(text),
            BackendError::Full(text) => Self::Limit(text),
            BackendError::NotLoggedIn => Self::NotLoggedIn,
            BackendError::Refused(text) => Self::Refused(text),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// A context, tags and the like as they are encoded: ascending by name.
pub fn pairs(map: &std::collections::BTreeMap<String, String>) -> Vec<Pair> {
    map.iter().map(|(name, value)| Pair { name: name.clone(), value: value.clone() }).collect()
}

/// Brings the lists of a record into the one order that nodes accept, without doubles.
pub fn sort(key: &mut KmsKey) {
    key.tags.sort_by(|one, next| one.name.cmp(&next.name));
    key.tags.dedup_by(|next, one| next.name == one.name);
    key.aliases.sort();
    key.aliases.dedup();
    key.grants.sort_by(|one, next| one.grant_id.cmp(&next.grant_id));
    for grant in &mut key.grants {
        grant.operations.sort();
        grant.operations.dedup();
        grant.context_equals.sort_by(|one, next| one.name.cmp(&next.name));
        grant.context_subset.sort_by(|one, next| one.name.cmp(&next.name));
    }
}
