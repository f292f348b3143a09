//! TLS 1.3 with raw public keys on both sides (RFC 7250, decision 0013).
//!
//! No certificate authority and nothing that expires: a node proves the Ed25519 key that the
//! manifest names, and we prove ours. The provider is passed explicitly, because the host
//! application may have installed another one for the whole process.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_eddsa_type};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme,
};
use zeroize::Zeroizing;

use crate::identity::Identity;

/// How we connect to the node with the Ed25519 key `node_key`, and to no other.
pub(crate) fn client_config(identity: &Identity, node_key: [u8; 32]) -> Arc<ClientConfig> {
    let provider = Arc::new(default_provider());
    let verifier =
        PinnedNode { spki: spki(&node_key), algorithms: provider.signature_verification_algorithms };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has TLS 1.3 cipher suites")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified(identity))));
    // A login is bound to the exporter of one full handshake.
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Arc::new(config)
}

/// Never sent: the key alone says who the node is.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::try_from("node.counterfoil").expect("is a DNS name")
}

/// rustls takes a raw public key in the place of a certificate.
fn certified(identity: &Identity) -> Arc<CertifiedKey> {
    let pkcs8 = Zeroizing::new([&PKCS8_ED25519_PREFIX[..], identity.key().as_bytes()].concat());
    let key =
        any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_slice())).expect("every Ed25519 seed is a key");
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki(&identity.public()))], key))
}

/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410, section 4).
fn spki(key: &[u8; 32]) -> Vec<u8> {
    [&SPKI_ED25519_PREFIX[..], key].concat()
}

/// Accepts one node's key.
#[derive(Debug)]
struct PinnedNode {
    spki: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinnedNode {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if end_entity.as_ref() == self.spki {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// `SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING ... }` up to the 32 bytes of the key.
const SPKI_ED25519_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// `SEQUENCE { 0, SEQUENCE { id-Ed25519 }, OCTET STRING { OCTET STRING ... } }` up to the seed.
const PKCS8_ED25519_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
