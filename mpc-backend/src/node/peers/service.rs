//! Inwards: the gRPC service that peers call. Who calls is read from the key that TLS proved.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::limits::PEER_MESSAGE_BYTES_MAX;
use proto::manifest::Manifest;
use proto::peer::v1::peer_server::{Peer, PeerServer};
use proto::peer::v1::{Envelope, RaftMessage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use super::links::Links;
use crate::raft::Member;
use crate::shutdown::Shutdown;
use crate::tls::Accepted;

/// Serves peers on accepted connections until shutdown is requested.
pub async fn serve(
    manifest: Arc<Manifest>,
    accepted: mpsc::Receiver<Accepted>,
    links: Arc<Links>,
    member: Member,
    shutdown: Shutdown,
) -> Result<(), tonic::transport::Error> {
    let streams = links.clone();
    let service = PeerServer::new(PeerService { links, member })
        .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX);
    let connections = ReceiverStream::new(accepted).filter_map(move |accepted| {
        let peer = manifest.node_by_key(&accepted.key)?.index;
        Some(Ok::<_, io::Error>(Connection { stream: accepted.stream, peer: PeerIndex(peer) }))
    });
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .add_service(service)
        .serve_with_incoming_shutdown(connections, async move {
            shutdown.requested().await;
            // A stream has no end of its own, and the server waits for all of them.
            streams.close();
        })
        .await
}

struct PeerService {
    links: Arc<Links>,
    member: Member,
}

#[tonic::async_trait]
impl Peer for PeerService {
    type StreamStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<Envelope, Status>> + Send>>;

    async fn stream(
        &self,
        request: Request<Streaming<Envelope>>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        let peer = caller(&request)?;
        let (queue, outgoing) = Links::queue();
        let links = self.links.clone();
        tokio::spawn(async move { links.carry(peer, queue, request.into_inner()).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing).map(Ok))))
    }

    async fn raft(&self, request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        let peer = caller(&request)?;
        Ok(Response::new(self.member.serve(peer, request.into_inner()).await?))
    }
}

/// The index that belongs to the key of this connection.
fn caller<T>(request: &Request<T>) -> Result<u8, Status> {
    let peer = request.extensions().get::<PeerIndex>().map(|peer| peer.0);
    peer.ok_or_else(|| Status::unauthenticated("the connection has no peer"))
}

#[derive(Clone, Copy)]
struct PeerIndex(u8);

/// An accepted connection that knows its peer.
struct Connection {
    stream: TlsStream<TcpStream>,
    peer: PeerIndex,
}

impl Connected for Connection {
    type ConnectInfo = PeerIndex;

    fn connect_info(&self) -> PeerIndex {
        self.peer
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Between two HTTP/2 pings, and for their answer: a dead peer is noticed within two seconds.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(1);
/// Flow control: a round of presigning goes out without waiting.
pub(super) const WINDOW_BYTES: u32 = 4 << 20;
/// Calls of one peer at once, its stream among them.
const STREAMS_MAX: u32 = 64;
