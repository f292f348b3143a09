//! Who is at the other end: TLS 1.3 with raw Ed25519 public keys (RFC 7250) in both directions
//! (decision 0013). No certificate, no name, nothing that expires: a key is expected or it is not.
//!
//! The provider is aws-lc-rs, passed explicitly, with the hybrid X25519MLKEM768 first. Sessions are
//! not resumed: each connection proves both keys anew, so a login is bound to a fresh exporter.

mod accept;
mod verifier;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client};
use zeroize::Zeroizing;

pub use accept::{Accepted, Acceptor};
pub use verifier::Expected;
use verifier::Verifier;

/// An Ed25519 public key (RFC 8032), 32 bytes.
pub type PublicKey = [u8; 32];

/// How long a handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a listener presents and whom it expects.
pub fn server_config(identity: &SigningKey, expected: Expected) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(Verifier::new(expected, &provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified(identity)?)));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// What a connection presents and the one key that it expects.
pub fn client_config(identity: &SigningKey, peer: PublicKey) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(Verifier::new(Expected::only([peer]), &provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified(identity)?)));
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Connects to `host:port` and proves both keys, within [`HANDSHAKE_TIMEOUT`].
pub async fn connect(address: &str, config: Arc<ClientConfig>) -> io::Result<client::TlsStream<TcpStream>> {
    let connect = async {
        let stream = TcpStream::connect(address).await?;
        tune(&stream)?;
        // The verifier compares keys; the name is not looked at.
        let name = ServerName::try_from("node.counterfoil.invalid").map_err(io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await
    };
    tokio::time::timeout(HANDSHAKE_TIMEOUT, connect)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no handshake within the deadline"))?
}

/// The Ed25519 key in a peer's `Certificate` message, which in RFC 7250 is one
/// SubjectPublicKeyInfo (RFC 8410, 4).
pub fn public_key(presented: Option<&[CertificateDer<'_>]>) -> Option<PublicKey> {
    match presented? {
        [spki] => spki.as_ref().strip_prefix(&SPKI_PREFIX)?.try_into().ok(),
        _ => None,
    }
}

/// Small messages must leave at once, and a silent peer must be noticed.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Our key as rustls wants it: PKCS#8 for the private half (RFC 8410, 7), SubjectPublicKeyInfo for
/// the public one.
fn certified(identity: &SigningKey) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + 32));
    pkcs8.extend_from_slice(&PKCS8_PREFIX);
    pkcs8.extend_from_slice(identity.as_bytes());
    let key = rustls::crypto::aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_slice()))?;
    let spki = [SPKI_PREFIX.as_slice(), identity.verifying_key().as_bytes()].concat();
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key)))
}

/// DER before the 32 bytes of an Ed25519 public key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// DER before the 32 bytes of an Ed25519 seed.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
