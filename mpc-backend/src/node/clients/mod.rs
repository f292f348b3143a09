//! The listener for clients: framed protobuf over TLS 1.3. Every Ed25519 key may finish the
//! handshake; whether it is enrolled the engine says in answer to Hello, so that an operator or a
//! fresh client gets a reason and not a broken connection.
//!
//! `connection` carries one client; here is the table of all of them.

mod connection;
mod frames;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use engine::Input;
use proto::client::v1::NodeFrame;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::core::Seat;
use crate::shutdown::Shutdown;
use crate::tls::Accepted;
use connection::Connection;

/// What the engine has for one client.
enum Outgoing {
    Frame(Box<NodeFrame>),
    Close,
}

/// Where a connection hands in what its client asks.
#[derive(Clone)]
pub struct Desk {
    /// The way to the engine.
    pub queue: mpsc::Sender<Input>,
    /// The shorter way, while the engine is idle; `None` where no engine runs in this process.
    pub seat: Option<Arc<Seat>>,
}

impl Desk {
    /// Hands in behind everything that waits; an error when the engine is gone.
    async fn queue(&self, input: Input) -> Result<(), Stopped> {
        self.queue.send(input).await.map_err(|_| Stopped)
    }

    /// Hands in `input` of a client of whom nothing waits: handled at once if the engine is idle.
    async fn hand_in(&self, input: Input) -> Result<(), Stopped> {
        let left = match &self.seat {
            Some(seat) => seat.try_handle(input),
            None => Some(input),
        };
        match left {
            None => Ok(()),
            Some(input) => self.queue(input).await,
        }
    }

    /// What handling left for the log is written once the answers have gone out.
    fn write_log(&self) {
        if let Some(seat) = &self.seat {
            seat.write_log();
        }
    }
}

/// The engine is gone, which happens only when the node stops.
struct Stopped;

/// Alters an answer on its way out. Tests have a node that lies so; what is shipped has none.
pub type Lie = fn(&mut NodeFrame);

/// The open connections of one node.
#[derive(Default)]
pub struct Connections {
    lie: Option<Lie>,
    next: AtomicU64,
    open: Mutex<HashMap<u64, mpsc::Sender<Outgoing>>>,
}

impl Connections {
    /// None yet; each answer will be altered if there is a lie.
    pub fn new(lie: Option<Lie>) -> Self {
        Self { lie, ..Self::default() }
    }

    /// Queues an answer; drops it when the client is gone. A client that does not take its answers
    /// loses its connection.
    pub fn reply(&self, conn: u64, mut frame: NodeFrame) {
        if let Some(lie) = self.lie {
            lie(&mut frame);
        }
        self.queue(conn, Outgoing::Frame(Box::new(frame)));
    }

    /// Closes a connection once earlier answers are sent.
    pub fn close(&self, conn: u64) {
        self.queue(conn, Outgoing::Close);
    }

    fn queue(&self, conn: u64, outgoing: Outgoing) {
        let mut open = self.open();
        let full = open.get(&conn).is_some_and(|queue| queue.try_send(outgoing).is_err());
        if full {
            // The queue's end ends the connection.
            open.remove(&conn);
        }
    }

    /// A number and a queue for a new connection; `None` when there are `max` already.
    fn admit(&self, max: usize) -> Option<(u64, mpsc::Receiver<Outgoing>)> {
        let mut open = self.open();
        if open.len() >= max {
            return None;
        }
        let conn = self.next.fetch_add(1, Ordering::Relaxed);
        let (queue, outgoing) = mpsc::channel(OUTGOING_MAX);
        open.insert(conn, queue);
        Some((conn, outgoing))
    }

    fn remove(&self, conn: u64) {
        self.open().remove(&conn);
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Outgoing>>> {
        self.open.lock().expect("nothing panics while the table is locked")
    }
}

/// Serves accepted connections, at most `max` at once, until shutdown is requested and each has
/// answered or given up what it was asked.
pub async fn serve(
    mut accepted: mpsc::Receiver<Accepted>,
    connections: Arc<Connections>,
    desk: Desk,
    max: usize,
    shutdown: Shutdown,
) {
    let mut tasks = JoinSet::new();
    loop {
        let client = tokio::select! {
            client = accepted.recv() => client,
            () = shutdown.requested() => None,
            Some(_) = tasks.join_next() => continue,
        };
        let Some(client) = client else { break };
        let Some((conn, outgoing)) = connections.admit(max) else {
            tracing::warn!(address = %client.address, max, "too many clients: connection closed");
            continue;
        };
        let (connections, desk, shutdown) = (connections.clone(), desk.clone(), shutdown.clone());
        tasks.spawn(async move {
            let key = hex::encode(client.key);
            match Connection::open(conn, client, outgoing, desk.clone()).await {
                Ok(connection) => {
                    let end = connection.run(shutdown).await;
                    tracing::debug!(conn, client = key, %end, "client connection ended");
                    if end.is_misbehaviour() {
                        tracing::warn!(conn, client = key, %end, "client connection closed");
                    }
                    // The engine is gone only when the node stops.
                    let _gone = desk.queue(Input::ClientClosed { conn }).await;
                }
                Err(error) => tracing::warn!(conn, client = key, %error, "client connection failed"),
            }
            connections.remove(conn);
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// Answers that wait for a client: one to each request that may be open, and the end.
const OUTGOING_MAX: usize = connection::REQUESTS_MAX + 2;
