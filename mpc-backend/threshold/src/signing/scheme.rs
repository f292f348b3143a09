//! What a signing key is on, and what it signs by.

use crate::dkg::DkgCurve;
use crate::ecdsa;
use crate::frost::{self, Bip340, Ed25519, FrostP256, Schnorr as _};

/// What a signing key is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningCurve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// secp256k1.
    Secp256k1,
    /// edwards25519, for Ed25519.
    Edwards25519,
}

impl SigningCurve {
    /// Every curve.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::Secp256k1, Self::Edwards25519];

    /// Its name in birth certificates and transcripts.
    pub const fn name(self) -> &'static str {
        self.group().name()
    }

    /// The curve of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// ECDSA with its keys.
    pub const fn ecdsa(self) -> Option<SigningScheme> {
        match self {
            Self::P256 => Some(SigningScheme::EcdsaP256),
            Self::P384 => Some(SigningScheme::EcdsaP384),
            Self::Secp256k1 => Some(SigningScheme::EcdsaSecp256k1),
            Self::Edwards25519 => None,
        }
    }

    /// The group in which its keys are generated.
    pub const fn group(self) -> DkgCurve {
        match self {
            Self::P256 => DkgCurve::P256,
            Self::P384 => DkgCurve::P384,
            Self::Secp256k1 => DkgCurve::Secp256k1,
            Self::Edwards25519 => DkgCurve::Edwards25519,
        }
    }
}

/// What a key signs by: its curve, and ECDSA or a scheme of Schnorr. What is made ahead of time for one scheme of a
/// key is of no use for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningScheme {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on secp256k1.
    EcdsaSecp256k1,
    /// Ed25519 and its variants.
    Ed25519,
    /// Schnorr on P-256, as FROST(P-256, SHA-256) has it.
    FrostP256,
    /// BIP-340 on secp256k1.
    Bip340,
}

impl SigningScheme {
    /// Every scheme.
    pub const ALL: [Self; 6] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaSecp256k1,
        Self::Ed25519,
        Self::FrostP256,
        Self::Bip340,
    ];

    /// Its name in orders between nodes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
            Self::EcdsaSecp256k1 => "ECDSA secp256k1",
            Self::Ed25519 => "Ed25519",
            Self::FrostP256 => "FROST P-256",
            Self::Bip340 => "BIP-340",
        }
    }

    /// The scheme of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// What its keys are on.
    pub const fn curve(self) -> SigningCurve {
        match self {
            Self::EcdsaP256 | Self::FrostP256 => SigningCurve::P256,
            Self::EcdsaP384 => SigningCurve::P384,
            Self::EcdsaSecp256k1 | Self::Bip340 => SigningCurve::Secp256k1,
            Self::Ed25519 => SigningCurve::Edwards25519,
        }
    }

    /// Whether it signs messages; else it signs digests.
    pub const fn signs_messages(self) -> bool {
        matches!(self, Self::Ed25519 | Self::FrostP256 | Self::Bip340)
    }

    /// Whether this is something to be signed: a variant of the scheme, and a message of that variant.
    pub fn accepts(self, parameter: &[u8], message: &[u8]) -> bool {
        let message = frost::Message { parameter, bytes: message };
        let fits = message.bytes.len() <= frost::MESSAGE_BYTES_MAX;
        match self {
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaSecp256k1 => {
                parameter.is_empty() && message.bytes.len() <= ecdsa::DIGEST_BYTES_MAX
            }
            Self::Ed25519 => fits && Ed25519::accepts(message),
            Self::FrostP256 => fits && FrostP256::accepts(message),
            Self::Bip340 => fits && Bip340::accepts(message),
        }
    }
}
