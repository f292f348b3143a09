//! One blocking connection to one node: TCP, TLS, hello, then requests and answers in turn.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::client::v1::{
    ClientFrame, Hello, HelloReply, NodeFrame, Request, Response, client_frame, node_frame, request, response,
};
use proto::frame;
use proto::limits::{CLIENT_FRAME_BYTES_MAX, FORMAT, HELLO_FRAME_BYTES_MAX};
use proto::manifest::{Manifest, NodeEntry};
use proto::statement::LOGIN_EXPORTER_LABEL;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};
use token::backend::TokenId;
use zeroize::{Zeroize, Zeroizing};

use crate::deadline::{Deadline, TimedTcp};
use crate::failure::NodeFailure;
use crate::identity::Identity;
use crate::tls;

/// How to reach one node of one cluster with one identity.
#[derive(Clone)]
pub struct Endpoint {
    node: u8,
    address: String,
    cluster_id: [u8; 32],
    tls: Arc<ClientConfig>,
    instance: [u8; 16],
}

impl Endpoint {
    /// The way to `node`, at its client address in the manifest. `instance` is what this process calls itself:
    /// its session keys are of use on such connections only.
    pub fn new(manifest: &Manifest, node: &NodeEntry, identity: &Identity, instance: [u8; 16]) -> Self {
        Self {
            node: node.index,
            address: node.client.clone(),
            cluster_id: manifest.cluster_id(),
            tls: tls::client_config(identity, node.key),
            instance,
        }
    }

    /// The node's index, 1 to N.
    pub fn node(&self) -> u8 {
        self.node
    }
}

/// A node's answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How far the node had applied the registry.
    pub registry_index: u64,
    /// What it answered; never an error.
    pub result: response::Result,
}

/// An open connection, past its hello. One request is on its way at a time.
pub struct Connection {
    stream: StreamOwned<ClientConnection, TimedTcp>,
    node: u8,
    hello: HelloReply,
    exporter: [u8; 32],
    last_id: u64,
    /// What has arrived of the next frame.
    inbox: Vec<u8>,
    /// False from the moment a request leaves until its whole answer was read.
    at_rest: bool,
    latency: Duration,
    /// Logins that this connection has proven, with the number of the login.
    pub(crate) logins: Vec<(TokenId, u64)>,
}

impl Connection {
    /// Connects, checks that the node is who the manifest says, and exchanges hellos.
    ///
    /// Resolving a host name takes as long as the system takes; everything else ends by `deadline`.
    ///
    /// # Errors
    /// Any [`NodeFailure`]; a refusal in the hello is `Refused`.
    pub fn open(endpoint: &Endpoint, deadline: Deadline) -> Result<Self, NodeFailure> {
        let start = Instant::now();
        let tcp = dial(&endpoint.address, deadline)?;
        let latency = start.elapsed();
        let session = ClientConnection::new(endpoint.tls.clone(), tls::server_name())
            .map_err(|error| NodeFailure::Unreachable(error.to_string()))?;
        let tcp = TimedTcp::new(tcp, deadline).map_err(|error| NodeFailure::of_io(&error))?;
        let mut stream = StreamOwned::new(session, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| handshake_failure(&error))?;
        }
        let mut connection = Self {
            exporter: stream
                .conn
                .export_keying_material([0; 32], LOGIN_EXPORTER_LABEL, None)
                .map_err(|error| NodeFailure::Misbehaved(error.to_string()))?,
            stream,
            node: endpoint.node,
            hello: HelloReply::default(),
            last_id: 0,
            inbox: Vec::new(),
            at_rest: false,
            latency,
            logins: Vec::new(),
        };
        connection.greet(endpoint)?;
        Ok(connection)
    }

    fn greet(&mut self, endpoint: &Endpoint) -> Result<(), NodeFailure> {
        let hello = Hello {
            format: FORMAT,
            cluster_id: endpoint.cluster_id.to_vec(),
            software: concat!("counterfoil-client/", env!("CARGO_PKG_VERSION")).into(),
            instance: endpoint.instance.to_vec(),
        };
        let hello = ClientFrame { frame: Some(client_frame::Frame::Hello(hello)) };
        frame::write(&mut self.stream, &hello, HELLO_FRAME_BYTES_MAX)
            .map_err(|error| NodeFailure::of_io(&error))?;
        let Some(node_frame::Frame::Hello(reply)) = self.await_frame()?.frame else {
            return Err(NodeFailure::Misbehaved("no hello".into()));
        };
        if let Some(error) = &reply.error {
            return Err(NodeFailure::of_wire(error));
        }
        let problem = if reply.format != FORMAT {
            format!("speaks format {}, we speak {FORMAT}", reply.format)
        } else if reply.cluster_id != endpoint.cluster_id {
            "belongs to another cluster".into()
        } else if reply.node != u32::from(self.node) {
            format!("calls itself node {}", reply.node)
        } else if reply.challenge.len() != 32 || reply.boot_id.len() != 16 {
            "malformed hello".into()
        } else {
            self.hello = reply;
            self.at_rest = true;
            return Ok(());
        };
        Err(NodeFailure::Misbehaved(problem))
    }

    /// Sends a request. [`Self::receive`] must follow before the next one.
    ///
    /// # Errors
    /// Any [`NodeFailure`] but `Refused`; the connection is of no more use then.
    pub fn send(
        &mut self,
        op: request::Op,
        min_registry_index: u64,
        deadline: Deadline,
    ) -> Result<(), NodeFailure> {
        self.last_id += 1;
        self.at_rest = false;
        self.stream.sock.wait_until(deadline);
        let request =
            Request { id: self.last_id, deadline_ms: deadline.millis(), min_registry_index, op: Some(op) };
        let mut frame = ClientFrame { frame: Some(client_frame::Frame::Request(request)) };
        let sent = write_wiping(&mut self.stream, &frame).map_err(|error| NodeFailure::of_io(&error));
        if let Some(client_frame::Frame::Request(Request { op: Some(op), .. })) = &mut frame.frame {
            wipe(op);
        }
        sent
    }

    /// Waits for the answer to the request sent last.
    ///
    /// # Errors
    /// Any [`NodeFailure`]; after `Refused` the connection can be used further, after others not.
    pub fn receive(&mut self, deadline: Deadline) -> Result<Answer, NodeFailure> {
        self.stream.sock.wait_until(deadline);
        let frame = self.await_frame()?;
        self.accept(frame)
    }

    /// The answer to the request sent last, if it is here; never waits.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn try_receive(&mut self) -> Result<Option<Answer>, NodeFailure> {
        self.stream.sock.wait_for_nothing();
        match self.read_frame()? {
            Some(frame) => self.accept(frame).map(Some),
            None => Ok(None),
        }
    }

    fn accept(&mut self, frame: NodeFrame) -> Result<Answer, NodeFailure> {
        let Some(node_frame::Frame::Response(response)) = frame.frame else {
            return Err(NodeFailure::Misbehaved("no response".into()));
        };
        let Response { id, registry_index, result } = response;
        if id != self.last_id {
            return Err(NodeFailure::Misbehaved(format!("answered request {id}, not {}", self.last_id)));
        }
        self.at_rest = true;
        match result {
            Some(response::Result::Error(error)) => Err(NodeFailure::of_wire(&error)),
            Some(result) => Ok(Answer { registry_index, result }),
            None => Err(NodeFailure::Misbehaved("empty response".into())),
        }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// As [`Self::send`] and [`Self::receive`].
    pub fn call(
        &mut self,
        op: request::Op,
        min_registry_index: u64,
        deadline: Deadline,
    ) -> Result<Answer, NodeFailure> {
        self.send(op, min_registry_index, deadline)?;
        self.receive(deadline)
    }

    /// The next frame; an impatient read that finds none is for [`Self::read_frame`].
    fn await_frame(&mut self) -> Result<NodeFrame, NodeFailure> {
        self.read_frame()?.ok_or(NodeFailure::TimedOut)
    }

    /// The next frame, if the socket has it or waits for it.
    fn read_frame(&mut self) -> Result<Option<NodeFrame>, NodeFailure> {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            let cut = frame::cut(&mut self.inbox, CLIENT_FRAME_BYTES_MAX);
            if let Some(frame) = cut.map_err(|error| NodeFailure::of_io(&error))? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(NodeFailure::Dropped("closed by the node".into())),
                Ok(length) => self.inbox.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(NodeFailure::of_io(&error)),
            }
        }
    }

    /// The socket, to wait for.
    pub(crate) fn socket(&self) -> &TimedTcp {
        &self.stream.sock
    }

    /// Whether no exchange was left half done.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.at_rest
    }

    /// Whether the next request may go over this connection: it is at rest, and the node has not
    /// closed it.
    pub(crate) fn is_reusable(&self) -> bool {
        self.at_rest && self.stream.sock.is_quiet()
    }

    /// The node's index, 1 to N.
    pub fn node(&self) -> u8 {
        self.node
    }

    /// What the node said of itself.
    pub fn hello(&self) -> &HelloReply {
        &self.hello
    }

    /// The TLS exporter that a login over this connection is bound to.
    pub(crate) fn exporter(&self) -> &[u8; 32] {
        &self.exporter
    }

    /// How long the TCP handshake took: one round trip.
    pub(crate) fn latency(&self) -> Duration {
        self.latency
    }
}

fn dial(address: &str, deadline: Deadline) -> Result<TcpStream, NodeFailure> {
    let unreachable = |error: &io::Error| match error.kind() {
        io::ErrorKind::TimedOut => NodeFailure::TimedOut,
        _ => NodeFailure::Unreachable(error.to_string()),
    };
    let candidates = address.to_socket_addrs().map_err(|error| unreachable(&error))?;
    let mut failure = NodeFailure::Unreachable(format!("{address} has no address"));
    for candidate in candidates.take(ADDRESSES_MAX) {
        let Some(left) = deadline.at_most(CONNECT_LIMIT).remaining() else {
            return Err(NodeFailure::TimedOut);
        };
        let connected = TcpStream::connect_timeout(&candidate, left).and_then(|tcp| {
            tcp.set_nodelay(true)?;
            let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
            SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
            Ok(tcp)
        });
        match connected {
            Ok(tcp) => return Ok(tcp),
            Err(error) => failure = unreachable(&error),
        }
    }
    Err(failure)
}

/// rustls wraps its own errors as invalid data.
fn handshake_failure(error: &io::Error) -> NodeFailure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => {
            NodeFailure::Misbehaved("another identity key than the manifest names".into())
        }
        Some(other) => NodeFailure::Misbehaved(format!("TLS: {other}")),
        None => NodeFailure::of_io(error),
    }
}

/// Longest wait for a TCP handshake: several lost packets on a slow line, and still time for
/// another node within the default deadline.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Read at once.
const CHUNK_BYTES: usize = 4096;
/// Addresses of one host name that are tried.
const ADDRESSES_MAX: usize = 4;
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Writes a frame and leaves no copy of it behind.
fn write_wiping(stream: &mut impl Write, frame: &ClientFrame) -> io::Result<()> {
    let encoded = Zeroizing::new(frame::encode(frame, CLIENT_FRAME_BYTES_MAX)?);
    stream.write_all(&encoded)?;
    stream.flush()
}

/// Wipes the one request that holds a secret.
pub(crate) fn wipe(op: &mut request::Op) {
    if let request::Op::Import(import) = op {
        import.share.zeroize();
    }
}
