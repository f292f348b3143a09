//! Open connections, one for each call in flight, kept for the next call.
//!
//! The pool belongs to the process that made it. A forked child shares its sockets with the
//! parent: one byte written there, a TLS alert even, would break the parent's streams. So a child
//! gets [`BackendError`](token::backend::BackendError) from every call and closes nothing.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::connect::{Answer, Connection, Endpoint};
use crate::deadline::{Deadline, TimedTcp};
use crate::failure::NodeFailure;
use crate::sync::lock;

/// Connections to all nodes.
pub(crate) struct Pool {
    endpoints: BTreeMap<u8, Endpoint>,
    state: Mutex<State>,
    returned: Condvar,
    /// The process that owns the sockets.
    process: u32,
}

#[derive(Default)]
struct State {
    idle: BTreeMap<u8, Vec<Connection>>,
    /// Connections whose answer nobody waits for any more, with the time since when. The answer tells
    /// that the node is back, and frees the connection.
    late: BTreeMap<u8, Vec<(Instant, Connection)>>,
    /// Connections in the hands of calls, by node.
    lent: BTreeMap<u8, usize>,
    closed: bool,
}

/// A connection in the hands of one call; goes back to the pool when dropped.
pub(crate) struct Lent<'a> {
    pool: &'a Pool,
    node: u8,
    /// `None` when the connection broke.
    connection: Option<Connection>,
    reused: bool,
    /// Kept for its answer when dropped.
    late: bool,
}

/// What a node has said to calls that no longer listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An answer, late.
    Answer,
    /// Nothing, and an answer is due.
    Silence,
    /// No answer is due.
    Nothing,
}

impl Pool {
    pub(crate) fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(|endpoint| (endpoint.node(), endpoint)).collect(),
            state: Mutex::default(),
            returned: Condvar::new(),
            process: std::process::id(),
        }
    }

    /// Whether this is the process that made the pool. Looks at no lock: a thread that does not
    /// exist in a child may have held it.
    pub(crate) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// An idle connection to `node` that `fits`, or a new one. Idle ones that do not fit or that
    /// the node has closed are dropped.
    pub(crate) fn lend(
        &self,
        node: u8,
        fits: impl Fn(&Connection) -> bool,
        deadline: Deadline,
    ) -> Result<Lent<'_>, NodeFailure> {
        let mut lent = self.place(node, deadline)?;
        self.hear(node);
        loop {
            let candidate = lock(&self.state).idle.get_mut(&node).and_then(Vec::pop);
            match candidate {
                Some(connection) if fits(&connection) && connection.is_reusable() => {
                    lent.connection = Some(connection);
                    lent.reused = true;
                    return Ok(lent);
                }
                Some(_) => {}
                None => break,
            }
        }
        lent.reopen(deadline)?;
        Ok(lent)
    }

    /// Takes one of the places for calls in flight, waiting for one if need be.
    fn place(&self, node: u8, deadline: Deadline) -> Result<Lent<'_>, NodeFailure> {
        if !self.is_ours() {
            return Err(NodeFailure::Unreachable("the connections are the parent process's".into()));
        }
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return Err(NodeFailure::Unreachable("the client was shut down".into()));
            }
            let lent = state.lent.entry(node).or_default();
            if *lent < LENT_MAX {
                *lent += 1;
                return Ok(Lent { pool: self, node, connection: None, reused: false, late: false });
            }
            let left = deadline.remaining().ok_or(NodeFailure::TimedOut)?;
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes the late answers that have come from `node`; never waits.
    pub(crate) fn hear(&self, node: u8) -> Heard {
        let mut state = lock(&self.state);
        let Some(late) = state.late.remove(&node) else { return Heard::Nothing };
        let mut heard = Heard::Nothing;
        for (since, mut connection) in late {
            match connection.try_receive() {
                Ok(None) if since.elapsed() < LATE_MAX_AGE => {
                    state.late.entry(node).or_default().push((since, connection));
                    heard = if heard == Heard::Nothing { Heard::Silence } else { heard };
                }
                Ok(Some(_)) | Err(NodeFailure::Refused { .. }) => {
                    heard = Heard::Answer;
                    let idle = state.idle.entry(node).or_default();
                    if idle.len() < IDLE_MAX {
                        idle.push(connection);
                    }
                }
                // Broken, or so late that a new connection is the better question.
                Ok(None) | Err(_) => {}
            }
        }
        heard
    }

    /// Closes the idle connections that `pick` picks: a logout ends the logins of connections.
    pub(crate) fn close_idle(&self, pick: impl Fn(&Connection) -> bool) {
        if self.is_ours() {
            let mut state = lock(&self.state);
            state.late.values_mut().for_each(|late| late.retain(|(_, connection)| !pick(connection)));
            state.idle.values_mut().for_each(|idle| idle.retain(|connection| !pick(connection)));
        }
    }

    /// Closes every idle connection now and every other one when its call ends.
    pub(crate) fn shutdown(&self) {
        if self.is_ours() {
            let mut state = lock(&self.state);
            state.closed = true;
            state.idle.clear();
            state.late.clear();
            self.returned.notify_all();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.is_ours() {
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            mem::forget((mem::take(&mut state.idle), mem::take(&mut state.late)));
        }
    }
}

impl Lent<'_> {
    /// The connection.
    ///
    /// # Errors
    /// `Dropped` after [`Self::discard`].
    pub(crate) fn get(&mut self) -> Result<&mut Connection, NodeFailure> {
        self.connection.as_mut().ok_or_else(|| NodeFailure::Dropped("closed".into()))
    }

    /// Whether it was idle before, so that a failure may only mean that the node has restarted.
    pub(crate) fn was_reused(&self) -> bool {
        self.reused
    }

    /// Replaces the connection by a new one.
    pub(crate) fn reopen(&mut self, deadline: Deadline) -> Result<(), NodeFailure> {
        self.discard();
        let endpoint = self.pool.endpoints.get(&self.node);
        let endpoint = endpoint.ok_or_else(|| NodeFailure::Unreachable("no such node".into()))?;
        self.connection = Some(Connection::open(endpoint, deadline)?);
        self.reused = false;
        Ok(())
    }

    /// What has been answered, if it is here.
    pub(crate) fn try_receive(&mut self) -> Result<Option<Answer>, NodeFailure> {
        self.get()?.try_receive()
    }

    /// The socket, to wait for.
    pub(crate) fn socket(&self) -> Option<&TimedTcp> {
        self.connection.as_ref().map(Connection::socket)
    }

    /// Gives up waiting for the answer, but not the connection.
    pub(crate) fn leave(mut self) {
        self.late = true;
    }

    /// Closes the connection: it broke, or its answer is no longer awaited.
    pub(crate) fn discard(&mut self) {
        let connection = self.connection.take();
        if !self.pool.is_ours() {
            mem::forget(connection);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if !self.pool.is_ours() {
            return self.discard();
        }
        let mut state = lock(&self.pool.state);
        if let Some(lent) = state.lent.get_mut(&self.node) {
            *lent = lent.saturating_sub(1);
        }
        let connection = self.connection.take().filter(|_| !state.closed);
        if let Some(connection) = connection {
            let State { idle, late, .. } = &mut *state;
            let (idle, late) = (idle.entry(self.node).or_default(), late.entry(self.node).or_default());
            if connection.is_at_rest() && idle.len() < IDLE_MAX {
                idle.push(connection);
            } else if self.late && late.len() < LATE_MAX {
                late.push((Instant::now(), connection));
            }
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

/// Calls in flight to one node.
const LENT_MAX: usize = 256;
/// Idle connections kept to one node.
const IDLE_MAX: usize = 64;
/// Connections to one node that are kept for a late answer, and for how long.
const LATE_MAX: usize = 16;
const LATE_MAX_AGE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn forked_child_gets_no_connection_and_its_drop_closes_none() {
        let mut pool = Pool::new([]);
        assert!(pool.is_ours());
        // As a child sees the pool of its parent.
        pool.process ^= 1;
        assert!(!pool.is_ours());
        let deadline = Deadline::after(Duration::from_secs(1));
        assert!(matches!(pool.lend(1, |_| true, deadline), Err(NodeFailure::Unreachable(_))));
        pool.shutdown();
        assert!(!lock(&pool.state).closed, "the parent's pool is not the child's to shut down");
    }

    #[test]
    fn calls_above_the_limit_wait_for_a_place() {
        let pool = Pool::new([]);
        let soon = || Deadline::after(Duration::from_millis(20));
        let mut lent: Vec<Lent<'_>> = (0..LENT_MAX).map(|_| pool.place(1, soon()).ok().unwrap()).collect();
        assert!(matches!(pool.place(1, soon()), Err(NodeFailure::TimedOut)));
        assert!(pool.place(2, soon()).is_ok());
        lent.pop();
        assert!(pool.place(1, soon()).is_ok());
    }
}
