//! Which peers are connected, and the checks that every message passes before the engine sees it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use proto::limits::{FORMAT, PEER_PAYLOAD_BYTES_MAX};
use proto::peer::v1::Envelope;
use tokio::sync::{Notify, mpsc};
use tonic::Streaming;

/// What the engine learns from a peer's stream, in this order.
pub enum PeerInput {
    /// The stream stands.
    Connected(u8),
    /// A checked message.
    Message(u8, Envelope),
    /// The stream is gone.
    Disconnected(u8),
}

/// Why a message ended its stream.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Another format.
    #[error("format {0}, this software reads {FORMAT}")]
    Format(u32),
    /// It names another sender than the key that TLS proved.
    #[error("sender {0} is not who sent it")]
    Sender(u32),
    /// It is for someone else.
    #[error("receiver {0} is not this node")]
    Receiver(u32),
    /// A field is too long.
    #[error("{0} bytes of {1} are over the limit")]
    Length(usize, &'static str),
}

/// Whether a message from `peer` to `us` may go to the engine.
pub fn check(envelope: &Envelope, peer: u8, us: u8) -> Result<(), EnvelopeError> {
    if envelope.format != FORMAT {
        return Err(EnvelopeError::Format(envelope.format));
    }
    if envelope.sender != u32::from(peer) {
        return Err(EnvelopeError::Sender(envelope.sender));
    }
    if envelope.receiver != u32::from(us) {
        return Err(EnvelopeError::Receiver(envelope.receiver));
    }
    if envelope.payload.len() > PEER_PAYLOAD_BYTES_MAX {
        return Err(EnvelopeError::Length(envelope.payload.len(), "payload"));
    }
    if envelope.session.len() > SESSION_BYTES_MAX {
        return Err(EnvelopeError::Length(envelope.session.len(), "session"));
    }
    Ok(())
}

/// The streams of one node; at most one per peer counts, the newest.
pub struct Links {
    us: u8,
    links: BTreeMap<u8, Link>,
    engine: mpsc::Sender<PeerInput>,
}

#[derive(Default)]
struct Link {
    out: Mutex<Option<Outgoing>>,
    /// Streams so far; each has its number.
    streams: AtomicU64,
    /// Number of the stream that the engine was told of, and 0 for none. Held while the engine is
    /// told, so that a stream's messages stand between its beginning and its end.
    told: tokio::sync::Mutex<u64>,
}

struct Outgoing {
    number: u64,
    queue: mpsc::Sender<Envelope>,
    ended: Arc<Notify>,
}

impl Links {
    /// No peer connected yet.
    pub fn new(us: u8, peers: impl IntoIterator<Item = u8>, engine: mpsc::Sender<PeerInput>) -> Self {
        let links = peers.into_iter().map(|peer| (peer, Link::default())).collect();
        Self { us, links, engine }
    }

    /// A queue for the messages that go out on one stream.
    pub fn queue() -> (mpsc::Sender<Envelope>, mpsc::Receiver<Envelope>) {
        mpsc::channel(OUTGOING_MAX)
    }

    /// Queues a message; drops it when the peer is away. A peer that does not keep up loses its
    /// stream: a protocol that misses a message cannot go on, one that sees the end can begin anew.
    pub fn send(&self, peer: u8, envelope: Envelope) {
        let Some(link) = self.links.get(&peer) else { return };
        let mut out = link.out();
        let Some(outgoing) = out.as_ref() else { return };
        if outgoing.queue.try_send(envelope).is_err() {
            tracing::warn!(peer, "peer does not keep up: its stream is closed");
            outgoing.ended.notify_one();
            *out = None;
        }
    }

    /// Ends all streams.
    pub fn close(&self) {
        for link in self.links.values() {
            if let Some(outgoing) = link.out().take() {
                outgoing.ended.notify_one();
            }
        }
    }

    /// Carries one stream until it ends: tells the engine, checks and hands over what comes in.
    pub async fn carry(&self, peer: u8, queue: mpsc::Sender<Envelope>, mut incoming: Streaming<Envelope>) {
        let Some(link) = self.links.get(&peer) else { return };
        let ended = Arc::new(Notify::new());
        let number = self.begin(peer, link, queue, ended.clone()).await;
        loop {
            let envelope = tokio::select! {
                message = incoming.message() => message,
                () = ended.notified() => break,
            };
            let envelope = match envelope {
                Ok(Some(envelope)) => envelope,
                Ok(None) => break,
                Err(status) => {
                    tracing::debug!(peer, code = ?status.code(), "peer stream failed");
                    break;
                }
            };
            if let Err(error) = check(&envelope, peer, self.us) {
                tracing::warn!(peer, %error, "peer message refused, its stream is closed");
                break;
            }
            let told = link.told.lock().await;
            if *told != number || self.engine.send(PeerInput::Message(peer, envelope)).await.is_err() {
                break;
            }
        }
        self.end(peer, link, number).await;
    }

    async fn begin(&self, peer: u8, link: &Link, queue: mpsc::Sender<Envelope>, ended: Arc<Notify>) -> u64 {
        let mut told = link.told.lock().await;
        let number = link.streams.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(old) = link.out().replace(Outgoing { number, queue, ended }) {
            old.ended.notify_one();
        }
        if *told != 0 {
            self.tell(PeerInput::Disconnected(peer)).await;
        }
        self.tell(PeerInput::Connected(peer)).await;
        *told = number;
        number
    }

    async fn end(&self, peer: u8, link: &Link, number: u64) {
        let mut told = link.told.lock().await;
        link.out().take_if(|outgoing| outgoing.number == number);
        if *told == number {
            *told = 0;
            self.tell(PeerInput::Disconnected(peer)).await;
        }
    }

    async fn tell(&self, input: PeerInput) {
        // The engine is gone only when the node stops.
        let _gone = self.engine.send(input).await;
    }
}

impl Link {
    fn out(&self) -> MutexGuard<'_, Option<Outgoing>> {
        self.out.lock().expect("nothing panics while the queue is locked")
    }
}

/// Messages that wait for a peer; a burst of presigning is far below.
const OUTGOING_MAX: usize = 1024;
const SESSION_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope { format: FORMAT, sender: 2, receiver: 1, ..Envelope::default() }
    }

    #[test]
    fn each_wrong_field_is_named() {
        assert_eq!(check(&envelope(), 2, 1), Ok(()));
        assert_eq!(check(&Envelope { format: 9, ..envelope() }, 2, 1), Err(EnvelopeError::Format(9)));
        assert_eq!(check(&envelope(), 3, 1), Err(EnvelopeError::Sender(2)));
        assert_eq!(check(&envelope(), 2, 3), Err(EnvelopeError::Receiver(1)));
        let payload = vec![0; PEER_PAYLOAD_BYTES_MAX + 1];
        assert!(matches!(
            check(&Envelope { payload, ..envelope() }, 2, 1),
            Err(EnvelopeError::Length(_, "payload"))
        ));
        assert!(matches!(
            check(&Envelope { session: vec![0; 33], ..envelope() }, 2, 1),
            Err(EnvelopeError::Length(33, "session"))
        ));
    }
}
