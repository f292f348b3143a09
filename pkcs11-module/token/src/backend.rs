//! The port through which this crate reaches whatever holds the keys.
//!
//! Crate `client` implements [`Backend`] over the network; `local_backend` is the test double. The traffic is
//! small on purpose: PKCS#11's sessions, handles, operation states and length rules stay on this side.

mod error;
mod exponent;
mod import;
mod list;
mod scheme;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cryptoki_sys::{CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_RSA};
pub use error::{BackendError, KmsRefusal};
pub use exponent::PublicExponent;
pub(crate) use exponent::without_zeros;
pub use import::{PrivateKeyImport, PrivateValue};
pub use list::{ObjectList, ObjectPart};
pub use scheme::{Decryption, MESSAGE_BYTES_MAX, Padding, RsaHash, RsaPolicy, Scheme};
use zeroize::Zeroizing;

/// Result of a call to the backend.
pub type BackendResult<T> = Result<T, BackendError>;

/// Attributes of one object by `CKA_` number, in canonical form: CK_BBOOL is one byte 0 or 1, CK_ULONG is 8
/// bytes big-endian, an array of CK_ULONG is their concatenation, everything else is raw bytes.
pub type Attributes = BTreeMap<u64, Vec<u8>>;

/// Names a token for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 16]);

/// Names an object for its whole life; never used again after the object is destroyed. The ids of a token's objects
/// ascend in order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 16]);

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// `CKU_SO`: initialises the token and the user's PIN, uses no key.
    SecurityOfficer,
    /// `CKU_USER`: sees private objects and uses keys.
    User,
}

/// The curves a key can be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    /// NIST P-256, also secp256r1 and prime256v1.
    P256,
    /// NIST P-384, also secp384r1.
    P384,
    /// secp256k1 of SEC 2.
    Secp256k1,
    /// edwards25519 of RFC 7748, for Ed25519.
    Edwards25519,
    /// curve25519 of RFC 7748, for X25519.
    Curve25519,
}

/// The key pair that is to be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySpec {
    /// On this curve.
    Curve(Curve),
    /// RSA.
    Rsa {
        /// Bits of the modulus: 2048, 3072 or 4096.
        bits: u16,
        /// Public exponent.
        exponent: PublicExponent,
    },
}

/// Warnings about one PIN of a token, as `C_GetTokenInfo` shows them. All false for a PIN that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PinState {
    /// At least one wrong PIN since the last good login.
    pub count_low: bool,
    /// The next wrong PIN locks.
    pub final_try: bool,
    /// No further attempt is accepted.
    pub locked: bool,
}

/// Both PINs of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PinStates {
    /// The security officer's.
    pub security_officer: PinState,
    /// The user's.
    pub user: PinState,
}

/// What is known of a token without logging in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenState {
    /// The token.
    pub id: TokenId,
    /// Blank-padded UTF-8, not NUL-terminated, as PKCS#11 wants it.
    pub label: [u8; 32],
    /// Blank-padded serial number.
    pub serial: [u8; 16],
    /// `C_InitToken` has been done.
    pub initialized: bool,
    /// `C_InitPIN` has been done.
    pub user_pin_initialized: bool,
    /// The security officer has replaced the user's PIN, who has not changed it since.
    pub user_pin_replaced: bool,
}

/// One token object. Holds no secret: of a private key only the public description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRecord {
    /// The object.
    pub id: ObjectId,
    /// Grows with every change of the object.
    pub version: u64,
    /// The public description; keys have passed `complete_public` or `complete_private` of [`crate::object::key`] or
    /// [`crate::object::rsa`].
    pub attributes: Attributes,
}

/// How new a listing must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As [`Self::Current`], but no call waits long for it, nor for another that asks: until then, what was last read will
    /// do. For attribute reads and key look-ups, of which few may cost a network round.
    Cached,
    /// As the cluster sees it now, within the backend's own bound of staleness, which is below a second. If the cluster
    /// cannot be reached, the last listing is a valid answer.
    Current,
}

/// What `C_GenerateKeyPair` asks for. Both attribute sets are complete but for what follows from the public key.
#[derive(Debug, Clone)]
pub struct KeyPairRequest {
    /// What kind of key.
    pub kind: KeySpec,
    /// The public half's attributes.
    pub public: Attributes,
    /// The private half's attributes.
    pub private: Attributes,
    /// Whether the public half is stored on the token too, or kept by this process as a session object.
    pub public_on_token: bool,
    /// Whether the private half is stored on the token, or lives as long as this process wants it to: the nodes keep
    /// it in memory, for nobody else.
    pub private_on_token: bool,
}

/// A new key pair.
#[derive(Debug, Clone)]
pub struct GeneratedPair {
    /// The private half. That of a session is in no listing.
    pub private: ObjectRecord,
    /// The public half.
    pub public: PublicHalf,
}

/// Where the public half of a new pair went.
#[derive(Debug, Clone)]
pub enum PublicHalf {
    /// Stored on the token.
    Token(ObjectRecord),
    /// Not stored: the completed attributes for a session object.
    Session(Attributes),
}

/// That the user's PIN was given once more, for one use of a key with `CKA_ALWAYS_AUTHENTICATE`. Only who made it
/// reads it. Wiped.
pub struct Reauthentication(Zeroizing<[u8; 32]>);

impl Reauthentication {
    /// Of whatever the backend needs to show for it.
    pub fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self(secret)
    }

    /// What it was made of.
    pub fn secret(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Where keys are and objects are kept.
///
/// Every call may block on the network up to the implementation's deadline and may be made from many threads at
/// once; none may panic. PINs are borrowed: an implementation keeps no copy longer than the call.
pub trait Backend: Send + Sync {
    /// All tokens of this client, in a stable order. Local once read, but that a token without PINs may be asked
    /// about again: another process may have set them.
    fn tokens(&self) -> BackendResult<Vec<TokenState>>;

    /// How many tries the token's PINs have left, as the cluster counts them. Without the cluster, as known last.
    fn pin_states(&self, token: TokenId) -> BackendResult<PinStates>;

    /// Initialises a token, or wipes an initialised one. `label` is blank-padded.
    fn init_token(&self, token: TokenId, so_pin: &[u8], label: &[u8; 32]) -> BackendResult<()>;

    /// Logs this process in. A login replaces none: the caller has made sure that nobody is logged in.
    fn login(&self, token: TokenId, role: Role, pin: &[u8]) -> BackendResult<()>;

    /// Forgets the login of this process. Never fails: what is forgotten locally is gone.
    fn logout(&self, token: TokenId);

    /// Sets the user's PIN; the security officer is logged in.
    fn init_pin(&self, token: TokenId, new_pin: &[u8]) -> BackendResult<()>;

    /// Replaces the PIN of `role`, with or without a login.
    fn set_pin(&self, token: TokenId, role: Role, old_pin: &[u8], new_pin: &[u8]) -> BackendResult<()>;

    /// The token's objects: all of them while the user is logged in, the public ones (`CKA_PRIVATE` false) otherwise.
    /// A listing read under another login does not count as read. [`BackendError::NotLoggedIn`] if the cluster has
    /// ended the login and [`Backend::logout`] has not been called since.
    fn objects(&self, token: TokenId, freshness: Freshness) -> BackendResult<Arc<ObjectList>>;

    /// Stores a certificate, data object or public key. Seen by every later [`Backend::objects`] of this process.
    fn create_object(&self, token: TokenId, attributes: Attributes) -> BackendResult<ObjectRecord>;

    /// Replaces all attributes of an object if it still has version `base_version`, else [`BackendError::Stale`].
    fn update_object(
        &self,
        token: TokenId,
        id: ObjectId,
        base_version: u64,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord>;

    /// Destroys an object, and the key's shares with it, under the same condition.
    fn destroy_object(&self, token: TokenId, id: ObjectId, base_version: u64) -> BackendResult<()>;

    /// Generates a key pair. The implementation runs both attribute sets through `complete_public` and
    /// `complete_private`, of [`crate::object::key`] with the new point or of [`crate::object::rsa`] with the new modulus.
    fn generate_key_pair(&self, token: TokenId, request: KeyPairRequest) -> BackendResult<GeneratedPair>;

    /// Makes a token object with these attributes of the private key `source`, which may be a session's. Both then
    /// exist.
    fn copy_private_key(
        &self,
        token: TokenId,
        source: ObjectId,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord>;

    /// Ends private keys that sessions of this process made. Never fails: with the cluster away, their lease ends.
    fn destroy_session_keys(&self, keys: &[ObjectId]);

    /// Splits a private key among the nodes and stores it, or nothing: [`BackendError::KeyInvalid`] for numbers that are
    /// no key. The implementation wipes the value, and the record passes `complete_private`.
    fn import_private_key(&self, token: TokenId, import: PrivateKeyImport) -> BackendResult<ObjectRecord>;

    /// Tries the PIN of the user, who is logged in: for one use of a key with `CKA_ALWAYS_AUTHENTICATE`. A wrong one
    /// counts as for a login.
    fn reauthenticate(&self, token: TokenId, pin: &[u8]) -> BackendResult<Reauthentication>;

    /// Uses a private key, one with `CKA_ALWAYS_AUTHENTICATE` by `again`: [`BackendError::NotLoggedIn`] without. The digest of ECDSA is exactly [`Curve::field_bytes`] long: longer ones were cut to their
    /// leftmost bytes, shorter ones padded with zeros on the left. A message of EdDSA is at most
    /// [`MESSAGE_BYTES_MAX`] long. Of RSA it is a digest of the scheme's hash, or up to 11 bytes less than the modulus
    /// where the scheme names none. The result has been verified.
    fn sign(
        &self,
        token: TokenId,
        key: ObjectId,
        scheme: &Scheme,
        message: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Vec<u8>>;

    /// Decrypts with a private RSA key. The ciphertext is as long as the modulus. [`BackendError::CiphertextInvalid`]
    /// for everything that can be wrong with it, without a difference in time; a modulus that is not above it too.
    /// `again` as for [`Backend::sign`].
    fn decrypt(
        &self,
        token: TokenId,
        key: ObjectId,
        decryption: &Decryption,
        ciphertext: &[u8],
        again: Option<&Reauthentication>,
    ) -> BackendResult<Zeroizing<Vec<u8>>>;

    /// What a private key on `curve` and a peer's public key have in common: the x-coordinate of their product,
    /// [`Curve::field_bytes`] long. `peer` is a point of the curve, uncompressed SEC1, or a u-coordinate as RFC 7748
    /// has them, which the result is then too; `mechanism` the `CKM_` number that the application asked for. The
    /// result has been verified.
    fn derive(
        &self,
        token: TokenId,
        key: ObjectId,
        curve: Curve,
        mechanism: u64,
        peer: &[u8],
    ) -> BackendResult<Zeroizing<Vec<u8>>>;

    /// Fills `out` with random bytes fit for keys.
    fn random(&self, out: &mut [u8]) -> BackendResult<()>;

    /// Mixes `seed` into the generator; never replaces its state.
    fn seed_random(&self, seed: &[u8]) -> BackendResult<()>;

    /// Keys that this application is not to see on a token: what its configuration says.
    fn hidden(&self, token: TokenId) -> Vec<KeyKind> {
        let _ = token;
        Vec::new()
    }

    /// Whether the configuration wants `CKA_EC_POINT` bare, as PKCS#11 2.20 was read by some.
    fn bare_ec_points(&self, token: TokenId) -> bool {
        let _ = token;
        false
    }

    /// What the configuration lets RSA keys do.
    fn rsa_policy(&self, token: TokenId) -> RsaPolicy {
        let _ = token;
        RsaPolicy::default()
    }

    /// Whether the configuration has the user's PIN, so that applications need not ask for it.
    fn has_own_pin(&self, token: TokenId) -> bool {
        let _ = token;
        false
    }

    /// The user's PIN from where the configuration says; read anew each time.
    fn own_pin(&self, token: TokenId) -> BackendResult<Option<Zeroizing<Vec<u8>>>> {
        let _ = token;
        Ok(None)
    }

    /// Ends all connections and threads. Called once, by `C_Finalize`.
    fn shutdown(&self);
}

/// Keys of one type, or on one curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `CKK_`.
    Type(u64),
    /// On this curve.
    Curve(Curve),
}

impl KeyKind {
    /// By the name that a configuration has: a key type of the standard without its `CKK_`, or a curve.
    pub fn from_name(name: &str) -> Option<Self> {
        let curve = Curve::ALL.iter().find(|curve| curve.name() == name).copied();
        curve.map(Self::Curve).or(match name {
            "EC" => Some(Self::Type(CKK_EC)),
            "EC_EDWARDS" => Some(Self::Type(CKK_EC_EDWARDS)),
            "EC_MONTGOMERY" => Some(Self::Type(CKK_EC_MONTGOMERY)),
            "RSA" => Some(Self::Type(CKK_RSA)),
            _ => None,
        })
    }
}

impl Curve {
    /// All curves.
    pub const ALL: &[Self] = &[Self::P256, Self::P384, Self::Secp256k1, Self::Edwards25519, Self::Curve25519];

    /// The curve's name as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Secp256k1 => "secp256k1",
            Self::Edwards25519 => "edwards25519",
            Self::Curve25519 => "curve25519",
        }
    }

    /// Bytes of a coordinate and of the group order.
    pub const fn field_bytes(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 | Self::Edwards25519 | Self::Curve25519 => 32,
            Self::P384 => 48,
        }
    }

    /// Size as PKCS#11 counts EC keys, in bits of the field.
    pub const fn bits(self) -> u64 {
        match self {
            Self::P256 | Self::Secp256k1 => 256,
            Self::P384 => 384,
            Self::Edwards25519 | Self::Curve25519 => 255,
        }
    }
}
