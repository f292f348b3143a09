//! What goes wrong, by AWS's names.

/// Why a request is refused: clients act on the kind, people read the text. The text holds names of keys
/// and of parameters, never their secret content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .kind.name())]
pub struct Refusal {
    /// What clients act on.
    pub kind: Kind,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Each kind with its name on the wire and its HTTP status.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $status:literal;)*) => {
        /// A kind of refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Its name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Its HTTP status: 500 for what clients try again.
            pub const fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)* }
            }
        }
    };
}

kinds! {
    /// No signature.
    MissingAuthenticationToken = "MissingAuthenticationTokenException", 400;
    /// A signature that cannot be read.
    IncompleteSignature = "IncompleteSignatureException", 400;
    /// An access key that is not in the credentials file.
    UnrecognizedClient = "UnrecognizedClientException", 400;
    /// A signature that is wrong or expired.
    InvalidSignature = "InvalidSignatureException", 400;
    /// Policy and grants do not allow it.
    AccessDenied = "AccessDeniedException", 400;
    /// No operation of this name.
    UnknownOperation = "UnknownOperationException", 400;
    /// An operation or an option that we do not have.
    UnsupportedOperation = "UnsupportedOperationException", 400;
    /// Not JSON, or a member of another type.
    Serialization = "SerializationException", 400;
    /// A member is missing, or its value is out of range.
    Validation = "ValidationException", 400;
    /// The body is longer than [`crate::server::BODY_BYTES_MAX`].
    TooLarge = "RequestEntityTooLargeException", 413;
    /// More at once than the agent does.
    Throttling = "ThrottlingException", 400;
    /// No such key, alias or grant.
    NotFound = "NotFoundException", 400;
    /// The alias is taken.
    AlreadyExists = "AlreadyExistsException", 400;
    /// The key is disabled.
    Disabled = "DisabledException", 400;
    /// The key's state does not allow it.
    InvalidState = "KMSInvalidStateException", 400;
    /// The key is for another usage, or not for this algorithm.
    InvalidKeyUsage = "InvalidKeyUsageException", 400;
    /// The blob was made with another key than the one that is named.
    IncorrectKey = "IncorrectKeyException", 400;
    /// Blob or context is wrong.
    InvalidCiphertext = "InvalidCiphertextException", 400;
    /// The signature to verify is wrong.
    KmsInvalidSignature = "KMSInvalidSignatureException", 400;
    /// An ARN that cannot be read.
    InvalidArn = "InvalidArnException", 400;
    /// An alias that cannot be one.
    InvalidAliasName = "InvalidAliasNameException", 400;
    /// A grant that is not this key's.
    InvalidGrantId = "InvalidGrantIdException", 400;
    /// A marker that was not given out.
    InvalidMarker = "InvalidMarkerException", 400;
    /// A policy that is not enforced as it stands.
    MalformedPolicy = "MalformedPolicyDocumentException", 400;
    /// A tag that cannot be one.
    Tag = "TagException", 400;
    /// More than there may be.
    LimitExceeded = "LimitExceededException", 400;
    /// Everything would have been done, and was only asked about.
    DryRun = "DryRunOperationException", 400;
    /// Somebody else changed the key meanwhile.
    Conflict = "ConflictException", 400;
    /// Fewer nodes than needed answered; clients try again.
    KeyUnavailable = "KeyUnavailableException", 500;
    /// The cluster took too long; clients try again.
    DependencyTimeout = "DependencyTimeoutException", 500;
    /// A bug of ours, or an answer that broke the protocol.
    Internal = "KMSInternalException", 500;
}
