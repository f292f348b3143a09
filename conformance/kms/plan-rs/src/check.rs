//! What AWS-LC says of the cluster's keys and signatures.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, PrivateKey, UnparsedPublicKey as PeerKey};
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest as hash};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{self, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, UnparsedPublicKey, VerificationAlgorithm,
};

/// A digest by `sha256`, `sha384` or `sha512`.
pub fn digest(name: &str, message: &[u8]) -> Result<Vec<u8>> {
    let algorithm = match name {
        "sha256" => &SHA256,
        "sha384" => &SHA384,
        "sha512" => &SHA512,
        _ => anyhow::bail!("no hash {name}"),
    };
    Ok(hash(algorithm, message).as_ref().to_vec())
}

/// An error unless the signature of `message` is right; `public` is a SubjectPublicKeyInfo, as everywhere here.
pub fn verify(spec: &str, algorithm: &str, public: &[u8], message: &[u8], signature: &[u8]) -> Result<()> {
    let algorithm: &'static dyn VerificationAlgorithm = match (spec, algorithm) {
        ("ECC_NIST_P256", "ECDSA_SHA_256") => &signature::ECDSA_P256_SHA256_ASN1,
        ("ECC_NIST_P384", "ECDSA_SHA_384") => &signature::ECDSA_P384_SHA384_ASN1,
        ("ECC_SECG_P256K1", "ECDSA_SHA_256") => &signature::ECDSA_P256K1_SHA256_ASN1,
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512") => &signature::ED25519,
        (_, "RSASSA_PKCS1_V1_5_SHA_256") => &signature::RSA_PKCS1_2048_8192_SHA256,
        (_, "RSASSA_PKCS1_V1_5_SHA_512") => &signature::RSA_PKCS1_2048_8192_SHA512,
        (_, "RSASSA_PSS_SHA_256") => &signature::RSA_PSS_2048_8192_SHA256,
        (_, "RSASSA_PSS_SHA_384") => &signature::RSA_PSS_2048_8192_SHA384,
        (_, "RSASSA_PSS_SHA_512") => &signature::RSA_PSS_2048_8192_SHA512,
        _ => anyhow::bail!("no check of {algorithm} with {spec}"),
    };
    UnparsedPublicKey::new(algorithm, public).verify(message, signature).context("the signature is wrong")
}

/// An error unless the private key (PKCS#8) is that of `public`.
pub fn pair(spec: &str, private: &[u8], public: &[u8]) -> Result<()> {
    let der = match spec {
        "ECC_NIST_EDWARDS25519" => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private).context("the private key")?;
            AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key())
        }
        "RSA_2048" => {
            let key = rsa::KeyPair::from_pkcs8(private).context("the private key")?;
            AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key())
        }
        _ => {
            let curve = match spec {
                "ECC_NIST_P256" => &ECDSA_P256_SHA256_ASN1_SIGNING,
                "ECC_NIST_P384" => &ECDSA_P384_SHA384_ASN1_SIGNING,
                "ECC_SECG_P256K1" => &ECDSA_P256K1_SHA256_ASN1_SIGNING,
                _ => anyhow::bail!("no check of {spec}"),
            };
            let key = EcdsaKeyPair::from_pkcs8(curve, private).context("the private key")?;
            AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key())
        }
    };
    ensure!(der.context("the public key")?.as_ref() == public, "a pair of strangers");
    Ok(())
}

/// RSA-OAEP.
pub fn encrypt(algorithm: &str, public: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let key = PublicEncryptingKey::from_der(public).context("the public key")?;
    let key = OaepPublicEncryptingKey::new(key)?;
    let algorithm =
        if algorithm.ends_with("_256") { &rsa::OAEP_SHA256_MGF1SHA256 } else { &rsa::OAEP_SHA1_MGF1SHA1 };
    let mut ciphertext = vec![0; key.ciphertext_size()];
    Ok(key.encrypt(algorithm, plaintext, &mut ciphertext, None)?.to_vec())
}

/// The other side of a key agreement.
pub struct Peer(PrivateKey);

impl Peer {
    /// A fresh key on the curve of `spec`.
    pub fn new(spec: &str) -> Result<Self> {
        let curve = if spec == "ECC_NIST_P384" { &ECDH_P384 } else { &ECDH_P256 };
        Ok(Self(PrivateKey::generate(curve)?))
    }

    /// Its public half.
    pub fn public(&self) -> Result<Vec<u8>> {
        let key = self.0.compute_public_key()?;
        Ok(AsDer::<PublicKeyX509Der<'_>>::as_der(&key)?.as_ref().to_vec())
    }

    /// What it agrees on with `public`.
    pub fn agree(&self, public: &[u8]) -> Result<Vec<u8>> {
        let key = PeerKey::new(self.0.algorithm(), public);
        agreement::agree(&self.0, key, anyhow::anyhow!("the public key"), |secret| Ok(secret.to_vec()))
    }
}
