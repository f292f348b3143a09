//! A certificate for the lab's KMS agent, for programs that insist on HTTPS, by a CA of its own. The CA's private key
//! signs this one certificate and is never written: who trusts the CA trusts this agent and nobody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use pem_rfc7468::LineEnding;
use rand_core::{OsRng, RngCore};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, Error, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
    SignatureAlgorithm, SigningKey,
};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};

/// The CA's certificate, in the agent's folder.
pub const CA: &str = "ca.pem";
/// The agent's.
pub const CERTIFICATE: &str = "tls.pem";
/// Its private key.
pub const KEY: &str = "tls.key";

/// Makes all three in `folder`, in place of those that are there.
pub fn create(folder: &Path) -> Result<(), Failure> {
    let (ca_key, key) = (Key::new()?, Key::new()?);
    let private = key.0.to_pkcs8v1().map_err(|_| wrong("the private key"))?;
    let ca = authority(&ca_key)?;
    let own_ca = ca.self_signed(&ca_key).map_err(wrong)?;
    let issuer = Issuer::new(ca, ca_key);
    let certificate = agent(&key)?.signed_by(&key, &issuer).map_err(wrong)?;
    for (name, label, der, readers) in [
        (KEY, "PRIVATE KEY", private.as_ref(), Readers::Owner),
        (CERTIFICATE, "CERTIFICATE", certificate.der().as_ref(), Readers::All),
        // The last: what is there without it is made again.
        (CA, "CERTIFICATE", own_ca.der().as_ref(), Readers::All),
    ] {
        let text = pem_rfc7468::encode_string(label, LineEnding::LF, der).map_err(wrong)?;
        files::replace(&folder.join(name), zeroize::Zeroizing::new(text).as_bytes(), readers)?;
    }
    Ok(())
}

fn authority(key: &Key) -> Result<CertificateParams, Failure> {
    let mut params = params(key, "Counterfoil lab CA")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn agent(key: &Key) -> Result<CertificateParams, Failure> {
    let mut params = params(key, "Counterfoil lab KMS agent")?;
    params.subject_alt_names = vec![
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        SanType::DnsName("localhost".try_into().map_err(wrong)?),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// What both have.
fn params(key: &Key, name: &str) -> Result<CertificateParams, Failure> {
    // RFC 5280, 4.1.2.2: positive and unique; a number whose highest bit is set is negative.
    let mut serial = [0; 16];
    OsRng.try_fill_bytes(&mut serial).map_err(wrong)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    // RFC 7093, method 1.
    let mut key_id = Sha256::digest(key.der_bytes()).to_vec();
    key_id.truncate(20);
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id);
    params.distinguished_name = distinguished_name;
    params.not_before = now - CLOCKS;
    params.not_after = now + LIFE;
    Ok(params)
}

fn wrong(why: impl std::fmt::Display) -> Failure {
    Failure::input(format!("the KMS agent's certificate: {why}"))
}

/// A P-256 key of AWS-LC.
struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Result<Self, Failure> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        key.map(Self).map_err(|_| wrong("no randomness"))
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| Error::RemoteKeyError)
    }
}

/// How far the clocks of programs may be behind.
const CLOCKS: Duration = Duration::days(1);
/// How long a lab may live.
const LIFE: Duration = Duration::days(3650);
