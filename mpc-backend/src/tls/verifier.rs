//! Compares a presented key with those expected, and checks that its owner signed this handshake.

use std::collections::BTreeSet;

use ed25519_dalek::VerifyingKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use super::{PublicKey, public_key};

/// Which keys may finish a handshake.
#[derive(Clone, Debug)]
pub struct Expected(Option<BTreeSet<PublicKey>>);

impl Expected {
    /// These keys only.
    pub fn only(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(Some(keys.into_iter().collect()))
    }

    /// Every Ed25519 key: who it belongs to is asked after the handshake.
    pub fn any() -> Self {
        Self(None)
    }

    /// A proof that the key is expected, in the form that rustls wants from `assertion`.
    fn check<T>(&self, presented: &CertificateDer<'_>, assertion: fn() -> T) -> Result<T, Error> {
        let presented = std::slice::from_ref(presented);
        let key =
            public_key(Some(presented)).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let expected = match &self.0 {
            Some(keys) => keys.contains(&key),
            // A key of small order accepts signatures that nobody made.
            None => VerifyingKey::from_bytes(&key).is_ok_and(|key| !key.is_weak()),
        };
        if expected {
            Ok(assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }
}

/// The same rule for both directions.
#[derive(Debug)]
pub(super) struct Verifier {
    expected: Expected,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub fn new(expected: Expected, provider: &CryptoProvider) -> Self {
        Self { expected, algorithms: provider.signature_verification_algorithms }
    }

    fn handshake(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(presented.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.expected.check(presented, ServerCertVerified::assertion)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _presented: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.handshake(message, presented, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.expected.check(presented, ClientCertVerified::assertion)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _presented: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.handshake(message, presented, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn only_tls13() -> Error {
    Error::General("only TLS 1.3 is spoken".into())
}
