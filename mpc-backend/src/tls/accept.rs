//! Accepts TCP connections and finishes their handshakes beside each other, a bounded number at a
//! time, each within a deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{HANDSHAKE_TIMEOUT, PublicKey, public_key, tune};
use crate::shutdown::Shutdown;

/// A connection whose handshake is done.
pub struct Accepted {
    /// The encrypted stream.
    pub stream: TlsStream<TcpStream>,
    /// The key that the other end proved.
    pub key: PublicKey,
    /// Where it comes from.
    pub address: SocketAddr,
}

/// A listener with its TLS side.
pub struct Acceptor {
    listener: TcpListener,
    tls: TlsAcceptor,
    /// For the log: `peer` or `client`.
    kind: &'static str,
}

impl Acceptor {
    /// Over a bound listener.
    pub fn new(listener: TcpListener, config: Arc<ServerConfig>, kind: &'static str) -> Self {
        Self { listener, tls: TlsAcceptor::from(config), kind }
    }

    /// Hands finished connections to `accepted` until shutdown is requested or nobody takes them.
    pub async fn run(self, accepted: mpsc::Sender<Accepted>, shutdown: Shutdown) {
        let pending = Arc::new(Semaphore::new(PENDING_MAX));
        loop {
            // Without room the kernel's backlog holds new connections, and then refuses them.
            let permit = pending.clone().acquire_owned().await.expect("the semaphore is never closed");
            let connection = tokio::select! {
                connection = self.listener.accept() => connection,
                () = shutdown.requested() => return,
                () = accepted.closed() => return,
            };
            let (stream, address) = match connection {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::warn!(kind = self.kind, %error, "accept failed");
                    // Mostly too many open files: trying again at once would only burn time.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (tls, kind, accepted) = (self.tls.clone(), self.kind, accepted.clone());
            tokio::spawn(async move {
                match handshake(tls, stream).await {
                    Ok((stream, key)) => {
                        // The receiver is gone only at shutdown.
                        let _gone = accepted.send(Accepted { stream, key, address }).await;
                    }
                    Err(error) => tracing::info!(kind, %address, %error, "handshake refused"),
                }
                drop(permit);
            });
        }
    }
}

async fn handshake(
    tls: TlsAcceptor,
    stream: TcpStream,
) -> Result<(TlsStream<TcpStream>, PublicKey), HandshakeError> {
    tune(&stream)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream))
        .await
        .map_err(|_| HandshakeError::Timeout)??;
    let key = public_key(stream.get_ref().1.peer_certificates()).ok_or(HandshakeError::NoKey)?;
    Ok((stream, key))
}

#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("not finished within the deadline")]
    Timeout,
    #[error("no key was presented")]
    NoKey,
}

/// Handshakes under way at once, per listener.
const PENDING_MAX: usize = 256;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
