//! Open connections, one for each call in flight, kept for the next call.
//!
//! The pool belongs to the process that made it. A forked child shares its sockets with the
//! parent: one byte written there, a TLS alert even, would break the parent's streams. So a child
//! gets [`BackendError`](token::backend::BackendError) from every call and closes nothing.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::connect::{Connection, Endpoint};
use crate::deadline::Deadline;
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
                return Ok(Lent { pool: self, node, connection: None, reused: false });
            }
            let left = deadline.remaining().ok_or(NodeFailure::TimedOut)?;
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes the idle connections that `pick` picks: a logout ends the logins of connections.
    pub(crate) fn close_idle(&self, pick: impl Fn(&Connection) -> bool) {
        if self.is_ours() {
            for idle in lock(&self.state).idle.values_mut() {
                idle.retain(|connection| !pick(connection));
            }
        }
    }

    /// Closes every idle connection now and every other one when its call ends.
    pub(crate) fn shutdown(&self) {
        if self.is_ours() {
            let mut state = lock(&self.state);
            state.closed = true;
            state.idle.clear();
            self.returned.notify_all();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.is_ours() {
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            mem::forget(mem::take(&mut state.idle));
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
        let closed = state.closed;
        let idle = state.idle.entry(self.node).or_default();
        match self.connection.take() {
            Some(connection) if connection.is_at_rest() && !closed && idle.len() < IDLE_MAX => {
                idle.push(connection);
            }
            _ => {}
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

/// Calls in flight to one node.
const LENT_MAX: usize = 256;
/// Idle connections kept to one node.
const IDLE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use std::time::Duration;

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
