//! Outwards: a channel to each peer, and a stream to each peer of lower index.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use hyper_util::rt::TokioIo;
use proto::limits::PEER_MESSAGE_BYTES_MAX;
use proto::manifest::NodeEntry;
use proto::peer::v1::peer_client::PeerClient;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use super::links::Links;
use super::service::{KEEPALIVE, WINDOW_BYTES};
use crate::shutdown::Shutdown;
use crate::tls;

/// A channel to a peer that connects when it is first used and whenever it is broken, and goes only
/// to the holder of the peer's key.
pub fn channel(identity: &SigningKey, peer: &NodeEntry) -> Result<Channel, rustls::Error> {
    let config = tls::client_config(identity, peer.key)?;
    let address: Arc<str> = peer.peer.as_str().into();
    let connector = tower::service_fn(move |_uri| {
        let (address, config) = (address.clone(), config.clone());
        async move { Ok::<_, io::Error>(TokioIo::new(tls::connect(&address, config).await?)) }
    });
    // The connector goes to the peer's address whatever the URI says; tonic only wants one.
    let endpoint = Endpoint::from_static("http://node.counterfoil.invalid")
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// Keeps a stream to one peer of lower index.
pub struct Dialler {
    /// The peer's index.
    pub peer: u8,
    /// Its channel.
    pub channel: Channel,
    /// Where the stream is carried.
    pub links: Arc<Links>,
}

impl Dialler {
    /// Opens the stream, and again after each end, with growing pauses while the peer is away.
    pub async fn run(self, shutdown: Shutdown) {
        let mut client = PeerClient::new(self.channel).max_decoding_message_size(PEER_MESSAGE_BYTES_MAX);
        let mut pause = PAUSE_MIN;
        loop {
            let (queue, outgoing) = Links::queue();
            let open = client.stream(ReceiverStream::new(outgoing));
            let carried = async {
                match open.await {
                    Ok(stream) => {
                        self.links.carry(self.peer, queue, stream.into_inner()).await;
                        true
                    }
                    Err(status) => {
                        tracing::debug!(peer = self.peer, error = status.message(), "peer is away");
                        false
                    }
                }
            };
            let connected = tokio::select! {
                connected = carried => connected,
                () = shutdown.requested() => return,
            };
            pause = if connected { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.requested() => return,
            }
        }
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
