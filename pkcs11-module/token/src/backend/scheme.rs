//! What a private key is used for.

use super::Curve;

/// What the backend shall sign with a private key, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// ECDSA over a digest; the answer is r then s, each [`Curve::field_bytes`] long, big-endian.
    Ecdsa {
        /// The key's curve.
        curve: Curve,
        /// The `CKM_` number the application asked for, so that the nodes can hold it against
        /// `CKA_ALLOWED_MECHANISMS` themselves.
        mechanism: u64,
    },
    /// EdDSA over a message; the answer is R then S, each [`Curve::field_bytes`] long.
    Eddsa {
        /// The key's curve.
        curve: Curve,
        /// The `CKM_` number.
        mechanism: u64,
        /// Empty for Ed25519. Else one byte, 0 for Ed25519ctx and 1 for Ed25519ph, whose message is SHA-512 of the
        /// application's, and then the context.
        variant: Vec<u8>,
    },
    /// Schnorr over a message: on P-256 as FROST(P-256, SHA-256) has it, R compressed and then z; on secp256k1
    /// BIP-340, R's x-coordinate and then s.
    Schnorr {
        /// The key's curve.
        curve: Curve,
        /// The `CKM_` number.
        mechanism: u64,
    },
    /// RSASSA-PKCS1-v1_5 (RFC 8017, 8.2); the answer is as long as the modulus.
    RsaPkcs1 {
        /// The `CKM_` number.
        mechanism: u64,
        /// The hash whose digest the message is; the nodes put it into a DigestInfo. `None`: the message is padded as
        /// it is.
        digest: Option<RsaHash>,
        /// Bytes of the key's modulus.
        modulus_bytes: u16,
    },
    /// The message as a number, big-endian, raised to the private exponent; the answer is as long as the modulus.
    RsaRaw {
        /// The `CKM_` number.
        mechanism: u64,
        /// Bytes of the key's modulus; a message has no more.
        modulus_bytes: u16,
    },
    /// RSASSA-PSS (RFC 8017, 8.1) over a digest; the answer is as long as the modulus.
    RsaPss {
        /// The `CKM_` number.
        mechanism: u64,
        /// The hash whose digest the message is.
        hash: RsaHash,
        /// The hash of the mask generation function.
        mgf: RsaHash,
        /// Length of the salt: at most the modulus less the digest and two bytes.
        salt_bytes: u16,
        /// Bytes of the key's modulus.
        modulus_bytes: u16,
    },
}

/// A hash function of PKCS#1: for messages, for its mask generation function, for labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RsaHash {
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a message was padded before it was encrypted with a public RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Padding {
    /// RSAES-OAEP (RFC 8017, 7.1).
    Oaep {
        /// The hash of the label.
        hash: RsaHash,
        /// The hash of the mask generation function.
        mgf: RsaHash,
        /// The label, often empty.
        label: Vec<u8>,
    },
    /// RSAES-PKCS1-v1_5 (RFC 8017, 7.2). Nothing is wrong with any padding: one that is not this gives a message that
    /// follows from ciphertext and key alone.
    Pkcs1,
    /// Not at all: the number itself, as long as the modulus.
    Raw,
}

/// What of RSA is there only where the configuration asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RsaPolicy {
    /// Keys decrypt by PKCS#1 v1.5.
    pub pkcs1_decryption: bool,
    /// Keys raise any number to their exponent (`CKM_RSA_X_509`).
    pub raw: bool,
}

/// A decryption with a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decryption {
    /// The `CKM_` number that the application asked for.
    pub mechanism: u64,
    /// How the plaintext was padded.
    pub padding: Padding,
    /// Whether the plaintext becomes a key: the nodes then want `CKA_UNWRAP` of the private key, else `CKA_DECRYPT`.
    pub unwrap: bool,
}

/// Longest message that a backend signs whole.
pub const MESSAGE_BYTES_MAX: usize = 256 << 10;

impl Scheme {
    /// Bytes of a signature.
    pub const fn signature_bytes(&self) -> usize {
        match self {
            Self::Schnorr { curve: Curve::P256, .. } => 65,
            Self::Ecdsa { curve, .. } | Self::Eddsa { curve, .. } | Self::Schnorr { curve, .. } => {
                2 * curve.field_bytes()
            }
            Self::RsaPkcs1 { modulus_bytes, .. }
            | Self::RsaRaw { modulus_bytes, .. }
            | Self::RsaPss { modulus_bytes, .. } => *modulus_bytes as usize,
        }
    }
}

impl RsaHash {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of a digest.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
