//! What can go wrong on the other side of the port.

/// Why the backend did not do it. `rv.rs` says which `CKR_` each becomes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// Wrong PIN; the attempt was counted.
    #[error("the PIN is wrong")]
    PinIncorrect,
    /// Too many wrong PINs.
    #[error("the PIN is locked")]
    PinLocked,
    /// A new PIN is too short or too long.
    #[error("the new PIN is too short or too long")]
    PinLenRange,
    /// A new PIN has bytes that are not allowed.
    #[error("the new PIN has characters that are not allowed")]
    PinInvalid,
    /// The user has no PIN yet.
    #[error("the user's PIN has not been set")]
    PinNotInitialized,
    /// The token has not been initialised.
    #[error("the token has not been initialised")]
    TokenNotInitialized,
    /// The cluster has no such token any more.
    #[error("no such token")]
    NoSuchToken,
    /// The action needs a login, and there is none or the cluster has ended it. Not for a login of the wrong role:
    /// that is [`BackendError::Refused`], because on this answer the token forgets the login.
    #[error("not logged in")]
    NotLoggedIn,
    /// The object was destroyed.
    #[error("no such object")]
    NoSuchObject,
    /// Somebody else changed the object first.
    #[error("the object was changed meanwhile")]
    Stale,
    /// A private key to be imported is out of range, or the public exponent of a new one is no prime.
    #[error("the numbers of the key are out of range")]
    KeyInvalid,
    /// The nodes' own check of the key's attributes forbids this use.
    #[error("the key may not be used for this")]
    KeyUseForbidden,
    /// A ciphertext does not decrypt: whatever is wrong with it.
    #[error("the ciphertext is wrong")]
    CiphertextInvalid,
    /// A number to be raised to the private exponent is zero, or not below the modulus.
    #[error("the data are no number below the modulus")]
    DataInvalid,
    /// A limit of the token is reached: number of objects, or their size.
    #[error("the token is full: {0}")]
    Full(String),
    /// Policy, quota or a role forbids it; the reason is for the log.
    #[error("refused: {0}")]
    Refused(String),
    /// The policy, the state or the usage of a key of the KMS interface forbids it, or the client's quota.
    #[error("refused: {1}")]
    Kms(KmsRefusal, String),
    /// Fewer nodes than needed answered within the deadline; the text names the missing ones.
    #[error("the cluster is not available: {0}")]
    Unavailable(String),
    /// The module's own configuration or identity is wrong.
    #[error("configuration: {0}")]
    Configuration(String),
    /// An answer broke the protocol, or a bug of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What of a key of the KMS interface forbids a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KmsRefusal {
    /// Neither its policy nor a grant allows it.
    Policy,
    /// It is disabled, or pending deletion.
    State,
    /// It is for another usage.
    Usage,
    /// Too many requests for such keys within a second: later.
    Quota,
}
