//! The port: what the operations want of the cluster. [`crate::cluster`] is its implementation.

use std::collections::BTreeMap;

pub use client::kms::{KmsError, KmsRecord as Key, Parts};
use proto::kms::v1::{Kind, KmsKey};
use zeroize::Zeroizing;

use crate::algorithm::{Algorithm, Oaep, Spec};
use crate::error::{Kind as Fault, Refusal};

/// An encryption context, and any other map of strings that a request brings.
pub type Context = BTreeMap<String, String>;

/// Keys of one token, used as one client. Every call may block up to the client's deadline.
pub trait Keys: Send + Sync {
    /// The token's account number.
    fn account(&self) -> &str;
    /// The client, as policies name it.
    fn principal(&self) -> &str;
    /// All keys of the token, in order of creation, as new as the cluster's own listings.
    fn all(&self) -> Result<Vec<Key>, Refusal>;
    /// The key of this id, a UUID in lower case. `current` asks the cluster, else what was last read will do.
    fn find(&self, id: &str, current: bool) -> Result<Option<Key>, Refusal>;
    /// The key of this alias, without its `alias/`; likewise.
    fn find_alias(&self, alias: &str, current: bool) -> Result<Option<Key>, Refusal>;
    /// Generates a key with this record.
    fn create(&self, spec: Spec, record: KmsKey) -> Result<Key, Refusal>;
    /// Replaces a key's record; `None` if somebody else changed it first. The nodes see what has changed, and ask
    /// the policy about that.
    fn update(&self, key: &Key, record: KmsKey) -> Result<Option<Key>, Refusal>;
    /// Makes new material for a symmetric key; likewise.
    fn rotate(&self, key: &Key, now: u64, on_demand: bool) -> Result<Option<Key>, Refusal>;
    /// Takes a key away whose date of deletion has passed.
    fn destroy(&self, key: &Key) -> Result<(), Refusal>;
    /// Whether T nodes would let this client do it: for what needs no share, and for dry runs.
    fn check(&self, key: &Key, operation: &str, context: &Context) -> Result<(), Refusal>;
    /// A new one-time key for something to be encrypted, bound to the commitment to it.
    fn encrypt_key(
        &self,
        key: &Key,
        kind: Kind,
        operation: &str,
        context: &Context,
        commitment: [u8; 32],
    ) -> Result<(Parts, Zeroizing<[u8; 32]>), Refusal>;
    /// A one-time key again.
    fn decrypt_key(
        &self,
        key: &Key,
        parts: &Parts,
        operation: &str,
        context: &Context,
    ) -> Result<Zeroizing<[u8; 32]>, Refusal>;
    /// What a data key comes from that nobody has seen.
    fn seal(
        &self,
        key: &Key,
        operation: &str,
        context: &Context,
        commitment: [u8; 32],
    ) -> Result<Parts, Refusal>;
    /// Signs a digest, or with Ed25519 a message. ECDSA is r then s, the others are as the API has them.
    fn sign(&self, key: &Key, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Refusal>;
    /// Decrypts with a private RSA key.
    fn decrypt(&self, key: &Key, padding: Oaep, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal>;
    /// Agrees on a secret with the owner of a point, uncompressed.
    fn derive(&self, key: &Key, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal>;
    /// Random bytes of kernel and cluster.
    fn random(&self, out: &mut [u8]) -> Result<(), Refusal>;
}

impl From<KmsError> for Refusal {
    fn from(error: KmsError) -> Self {
        let kind = match &error {
            // Found out by the nodes, if what was read here is old.
            KmsError::State(text) if text.contains("is disabled") => Fault::Disabled,
            KmsError::Denied(_) => Fault::AccessDenied,
            KmsError::State(_) => Fault::InvalidState,
            KmsError::Usage(_) => Fault::InvalidKeyUsage,
            KmsError::NotFound => Fault::NotFound,
            KmsError::Stale => Fault::Conflict,
            KmsError::TooFewNodes(_) => Fault::KeyUnavailable,
            KmsError::Throttled(_) => Fault::Throttling,
            KmsError::Limit(_) => Fault::LimitExceeded,
            KmsError::Refused(_) => Fault::Validation,
            KmsError::NotLoggedIn | KmsError::Internal(_) => Fault::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

/// A key's spec by the API's name; `None` for pairs that the API has no name for.
pub fn spec_of(key: &Key) -> Option<Spec> {
    Spec::named(key.spec.name()?)
}
