//! One client's connection: reads frames while requests may be open, writes answers as they come,
//! and ends for one named reason.

use std::fmt;
use std::io;
use std::time::Duration;

use engine::Input;
use prost::Message;
use proto::client::v1::client_frame::Frame as FromClient;
use proto::client::v1::node_frame::Frame as FromNode;
use proto::client::v1::{Code, Error, NodeFrame, Response, response};
use proto::limits::CLIENT_FRAME_BYTES_MAX;
use proto::statement::LOGIN_EXPORTER_LABEL;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;

use super::frames::{FrameError, Frames};
use super::{Desk, Outgoing};
use crate::shutdown::Shutdown;
use crate::tls::Accepted;

/// Requests of one connection that the node works on at once; more wait in the client's socket.
pub(super) const REQUESTS_MAX: usize = 64;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client closed it.
    Client,
    /// The engine closed it, or its answers were not taken.
    Node,
    /// The node stops.
    Shutdown,
    /// No accepted hello in time.
    NoHello,
    /// Nothing was asked for long.
    Idle,
    /// Answers were not taken in time.
    Slow,
    /// A frame that is none.
    Frame(FrameError),
    /// The network.
    Io(io::Error),
}

impl End {
    pub fn is_misbehaviour(&self) -> bool {
        matches!(self, Self::NoHello | Self::Slow | Self::Frame(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => write!(f, "closed by the client"),
            Self::Node => write!(f, "closed by the node"),
            Self::Shutdown => write!(f, "the node stops"),
            Self::NoHello => write!(f, "no accepted hello within {HELLO_TIMEOUT:?}"),
            Self::Idle => write!(f, "idle"),
            Self::Slow => write!(f, "answers were not taken within {WRITE_TIMEOUT:?}"),
            Self::Frame(error) => write!(f, "{error}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

pub(super) struct Connection {
    conn: u64,
    stream: TlsStream<TcpStream>,
    outgoing: mpsc::Receiver<Outgoing>,
    desk: Desk,
    frames: Frames,
    /// Ids of requests without an answer; a hello without one counts as well.
    open: Vec<u64>,
    hello_open: bool,
    opened: Instant,
    active: Instant,
}

impl Connection {
    /// Tells the engine of a client whose handshake is done.
    pub async fn open(
        conn: u64,
        client: Accepted,
        outgoing: mpsc::Receiver<Outgoing>,
        desk: Desk,
    ) -> Result<Self, rustls::Error> {
        let Accepted { stream, key, .. } = client;
        let exporter = stream.get_ref().1.export_keying_material([0; 32], LOGIN_EXPORTER_LABEL, None)?;
        // The engine is gone only when the node stops; then this connection ends at once.
        let _gone = desk.queue(Input::ClientOpened { conn, client_key: key, exporter }).await;
        let now = Instant::now();
        Ok(Self {
            conn,
            stream,
            outgoing,
            desk,
            frames: Frames::default(),
            open: Vec::new(),
            hello_open: false,
            opened: now,
            active: now,
        })
    }

    /// Carries the connection to its end.
    pub async fn run(mut self, shutdown: Shutdown) -> End {
        let end = match self.carry(&shutdown).await {
            Ok(end) | Err(end) => end,
        };
        if matches!(end, End::Shutdown)
            && let Err(error) = self.finish().await
        {
            tracing::debug!(conn = self.conn, %error, "client left before its last answers");
        }
        if matches!(end, End::Node | End::Shutdown) {
            // The last answers are written; a client that is gone does not need the farewell.
            let _farewell = timeout(FAREWELL_TIMEOUT, self.stream.shutdown()).await;
        }
        end
    }

    async fn carry(&mut self, shutdown: &Shutdown) -> Result<End, End> {
        loop {
            self.take_frames().await?;
            let (reading, deadline) = (self.has_room(), self.deadline());
            tokio::select! {
                outgoing = self.outgoing.recv() => match outgoing {
                    Some(outgoing) => {
                        let close = self.write(outgoing).await?;
                        self.desk.write_log();
                        if close {
                            return Ok(End::Node);
                        }
                    }
                    None => return Ok(End::Node),
                },
                read = self.stream.read_buf(self.frames.buffer()), if reading => match read {
                    Ok(0) => return Ok(End::Client),
                    Ok(_) => self.active = Instant::now(),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(End::Client),
                    Err(error) => return Err(End::Io(error)),
                },
                () = tokio::time::sleep_until(deadline) => {
                    return Ok(if self.frames.accepted { End::Idle } else { End::NoHello });
                }
                () = shutdown.requested() => return Ok(End::Shutdown),
            }
        }
    }

    /// Hands whole frames to the engine while requests may be opened.
    async fn take_frames(&mut self) -> Result<(), End> {
        while self.has_room() {
            let Some(frame) = self.frames.next().map_err(End::Frame)? else { return Ok(()) };
            // Answers come in any order, but inputs of one client are handled in theirs.
            let nothing_waits = self.frames.accepted && self.open.is_empty();
            match &frame.frame {
                Some(FromClient::Request(request)) => self.open.push(request.id),
                Some(FromClient::Hello(_)) | None => self.hello_open = true,
            }
            let input = Input::ClientFrame { conn: self.conn, frame };
            let handed_in = match nothing_waits {
                true => self.desk.hand_in(input).await,
                false => self.desk.queue(input).await,
            };
            handed_in.map_err(|_| End::Shutdown)?;
        }
        Ok(())
    }

    /// Before the hello is accepted, one thing at a time.
    fn has_room(&self) -> bool {
        let max = if self.frames.accepted { REQUESTS_MAX } else { 1 };
        self.open.len() + usize::from(self.hello_open) < max
    }

    /// Until the hello is accepted nothing that the client sends moves it.
    fn deadline(&self) -> Instant {
        if self.frames.accepted { self.active + IDLE_TIMEOUT } else { self.opened + HELLO_TIMEOUT }
    }

    /// Writes this answer and those that wait behind it; whether the connection shall close then.
    async fn write(&mut self, first: Outgoing) -> Result<bool, End> {
        let (mut bytes, mut close) = (Vec::new(), false);
        let mut next = Some(first);
        while let Some(outgoing) = next {
            match outgoing {
                Outgoing::Frame(frame) => self.encode(*frame, &mut bytes),
                Outgoing::Close => {
                    close = true;
                    break;
                }
            }
            next = if bytes.len() < WRITE_BYTES { self.outgoing.try_recv().ok() } else { None };
        }
        let write = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        timeout(WRITE_TIMEOUT, write).await.map_err(|_| End::Slow)?.map_err(End::Io)?;
        self.active = Instant::now();
        Ok(close)
    }

    fn encode(&mut self, frame: NodeFrame, bytes: &mut Vec<u8>) {
        match &frame.frame {
            Some(FromNode::Hello(reply)) => {
                self.hello_open = false;
                self.frames.accepted = reply.error.is_none();
            }
            Some(FromNode::Response(response)) => self.answered(response.id),
            None => {}
        }
        if let Ok(encoded) = proto::frame::encode(&frame, CLIENT_FRAME_BYTES_MAX) {
            return bytes.extend_from_slice(&encoded);
        }
        tracing::error!(conn = self.conn, length = frame.encoded_len(), "answer over the frame limit");
        if let Some(FromNode::Response(Response { id, .. })) = frame.frame {
            bytes.extend_from_slice(&refusal(
                id,
                Code::ResourceExhausted,
                "the answer is over the frame limit",
            ));
        }
    }

    fn answered(&mut self, id: u64) {
        if let Some(position) = self.open.iter().position(|open| *open == id) {
            self.open.swap_remove(position);
        }
    }

    /// The node stops: answers that come soon are still sent, all others are given up by name.
    async fn finish(&mut self) -> Result<(), End> {
        let grace = Instant::now() + GRACE;
        while !self.open.is_empty() {
            let outgoing = tokio::time::timeout_at(grace, self.outgoing.recv()).await;
            let Ok(Some(outgoing)) = outgoing else { break };
            self.write(outgoing).await?;
        }
        let mut bytes = Vec::new();
        for id in std::mem::take(&mut self.open) {
            bytes.extend_from_slice(&refusal(id, Code::Unavailable, "the node is stopping"));
        }
        let write = timeout(FAREWELL_TIMEOUT, self.stream.write_all(&bytes)).await;
        write.map_err(|_| End::Slow)?.map_err(End::Io)
    }
}

fn refusal(id: u64, code: Code, message: &str) -> Vec<u8> {
    let error = Error { code: code.into(), message: message.into(), nodes: Vec::new() };
    let response = Response { id, registry_index: 0, result: Some(response::Result::Error(error)) };
    let frame = NodeFrame { frame: Some(FromNode::Response(response)) };
    proto::frame::encode(&frame, CLIENT_FRAME_BYTES_MAX).expect("a refusal is short")
}

const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Long, because a login lives with its connection; a dead client is found by TCP keep-alive.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a stopping node waits for answers that are under way.
const GRACE: Duration = Duration::from_secs(1);
/// Answers are gathered up to this many bytes for one write.
const WRITE_BYTES: usize = 64 << 10;
