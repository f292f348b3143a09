//! Key specs and algorithms by the API's names, and which go together.

use proto::kms::v1::Usage;

/// What kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `SYMMETRIC_DEFAULT`.
    Symmetric,
    /// `ECC_NIST_P256`.
    P256,
    /// `ECC_NIST_P384`.
    P384,
    /// `ECC_SECG_P256K1`.
    Secp256k1,
    /// `ECC_NIST_EDWARDS25519`.
    Edwards25519,
    /// `RSA_2048`, `RSA_3072`, `RSA_4096`: bits of the modulus.
    Rsa(u16),
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `ECDSA_SHA_256` or `_384`; the signature is DER.
    Ecdsa(Hash),
    /// `RSASSA_PSS_SHA_...`; the salt is as long as the digest.
    Pss(Hash),
    /// `RSASSA_PKCS1_V1_5_SHA_...`.
    Pkcs1(Hash),
    /// `ED25519_SHA_512`: the message itself.
    Ed25519,
    /// `ED25519_PH_SHA_512`: SHA-512 of the message.
    Ed25519ph,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a plaintext is padded for RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oaep {
    /// `RSAES_OAEP_SHA_1`.
    Sha1,
    /// `RSAES_OAEP_SHA_256`.
    Sha256,
}

impl Spec {
    /// All, by name.
    const NAMES: [(&'static str, Self); 8] = [
        ("SYMMETRIC_DEFAULT", Self::Symmetric),
        ("ECC_NIST_P256", Self::P256),
        ("ECC_NIST_P384", Self::P384),
        ("ECC_SECG_P256K1", Self::Secp256k1),
        ("ECC_NIST_EDWARDS25519", Self::Edwards25519),
        ("RSA_2048", Self::Rsa(2048)),
        ("RSA_3072", Self::Rsa(3072)),
        ("RSA_4096", Self::Rsa(4096)),
    ];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, spec)| *spec)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, spec)| *spec == self).map_or("", |(name, _)| name)
    }

    /// What a key of this spec may be created for; the first is the default.
    pub fn usages(self) -> &'static [Usage] {
        match self {
            Self::Symmetric => &[Usage::EncryptDecrypt],
            Self::P256 | Self::P384 => &[Usage::SignVerify, Usage::KeyAgreement],
            Self::Secp256k1 | Self::Edwards25519 => &[Usage::SignVerify],
            Self::Rsa(_) => &[Usage::SignVerify, Usage::EncryptDecrypt],
        }
    }

    /// Signing algorithms of the spec, in the API's order: some clients take the first.
    pub fn algorithms(self) -> &'static [Algorithm] {
        use Hash::{Sha256, Sha384, Sha512};
        match self {
            Self::Symmetric => &[],
            Self::P256 | Self::Secp256k1 => &[Algorithm::Ecdsa(Sha256)],
            Self::P384 => &[Algorithm::Ecdsa(Sha384)],
            Self::Edwards25519 => &[Algorithm::Ed25519ph, Algorithm::Ed25519],
            Self::Rsa(_) => &[
                Algorithm::Pkcs1(Sha256),
                Algorithm::Pkcs1(Sha384),
                Algorithm::Pkcs1(Sha512),
                Algorithm::Pss(Sha256),
                Algorithm::Pss(Sha384),
                Algorithm::Pss(Sha512),
            ],
        }
    }

    /// Encryption algorithms of the spec, by name.
    pub fn encryption_algorithms(self) -> &'static [&'static str] {
        match self {
            Self::Symmetric => &[SYMMETRIC],
            Self::Rsa(_) => &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
            _ => &[],
        }
    }
}

impl Algorithm {
    const NAMES: [(&'static str, Self); 10] = [
        ("ECDSA_SHA_256", Self::Ecdsa(Hash::Sha256)),
        ("ECDSA_SHA_384", Self::Ecdsa(Hash::Sha384)),
        ("RSASSA_PSS_SHA_256", Self::Pss(Hash::Sha256)),
        ("RSASSA_PSS_SHA_384", Self::Pss(Hash::Sha384)),
        ("RSASSA_PSS_SHA_512", Self::Pss(Hash::Sha512)),
        ("RSASSA_PKCS1_V1_5_SHA_256", Self::Pkcs1(Hash::Sha256)),
        ("RSASSA_PKCS1_V1_5_SHA_384", Self::Pkcs1(Hash::Sha384)),
        ("RSASSA_PKCS1_V1_5_SHA_512", Self::Pkcs1(Hash::Sha512)),
        ("ED25519_SHA_512", Self::Ed25519),
        ("ED25519_PH_SHA_512", Self::Ed25519ph),
    ];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(name, _)| name)
    }

    /// The hash whose digest is signed; none if the message itself is.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::Ecdsa(hash) | Self::Pss(hash) | Self::Pkcs1(hash) => Some(hash),
            Self::Ed25519ph => Some(Hash::Sha512),
            Self::Ed25519 => None,
        }
    }
}

impl Hash {
    /// Bytes of a digest.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of a message.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        use sha2::{Digest, Sha256, Sha384, Sha512};
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

impl Oaep {
    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "RSAES_OAEP_SHA_1" => Some(Self::Sha1),
            "RSAES_OAEP_SHA_256" => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Longest plaintext for a modulus of so many bits.
    pub const fn plaintext_bytes_max(self, bits: u16) -> usize {
        let digest = match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        };
        bits as usize / 8 - 2 * digest - 2
    }
}

/// A usage's name.
pub fn usage_name(usage: Usage) -> &'static str {
    match usage {
        Usage::EncryptDecrypt => "ENCRYPT_DECRYPT",
        Usage::SignVerify => "SIGN_VERIFY",
        Usage::KeyAgreement => "KEY_AGREEMENT",
        Usage::Unspecified => "",
    }
}

/// The one algorithm of symmetric keys.
pub const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
