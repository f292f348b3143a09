//! One request to several nodes at once, on the caller's thread: all requests are written first,
//! then the answers are read one by one, each within what is left of the deadline.

use std::fmt;
use std::thread;
use std::time::Duration;

use proto::client::v1::request;
use token::backend::{BackendError, BackendResult, TokenId};

use crate::connect::{Answer, Connection};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::pool::Lent;
use crate::search::{NoQuorum, Search, is_answer};

/// What one node said, or why it said nothing.
pub(crate) type Said = (u8, Result<Answer, NodeFailure>);

/// How a request may be sent.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// The token whose login, if there is one, the connection must carry.
    pub(crate) token: Option<TokenId>,
    /// The node answers only once it has applied the registry up to here.
    pub(crate) min_registry_index: u64,
    /// Whether the request may be sent again when an old connection turns out to be dead.
    pub(crate) repeatable: bool,
    /// When the answer must be there.
    pub(crate) deadline: Deadline,
}

/// Why a quorum did not do it.
pub(crate) enum Setback {
    /// These nodes failed.
    Nodes(Vec<(u8, NodeFailure)>),
    /// The answers were of no use together, and nobody is named.
    Set,
    /// Another quorum would not help.
    Final(BackendError),
}

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(failures) => {
                let each = failures.iter().map(|(node, failure)| format!("node {node}: {failure}"));
                f.write_str(&each.collect::<Vec<_>>().join("; "))
            }
            Self::Set => f.write_str("the answers do not combine"),
            Self::Final(error) => error.fmt(f),
        }
    }
}

impl Core {
    /// Sends each request to its node and collects the answers. Ascending nodes: calls that wait
    /// for a place then never wait for each other in a circle.
    ///
    /// A request that may not be repeated goes to all nodes or to none: without a connection to
    /// each, only those that failed are in the answer.
    pub(crate) fn ask(&self, requests: Vec<(u8, request::Op)>, terms: Terms) -> Vec<Said> {
        let mut lent: Vec<_> =
            requests.into_iter().map(|(node, op)| (node, op, self.ready(node, terms))).collect();
        if !terms.repeatable && lent.iter().any(|(_, _, ready)| ready.is_err()) {
            let failed = lent.into_iter().filter_map(|(node, _, ready)| Some((node, Err(ready.err()?))));
            return failed.inspect(|(node, outcome)| self.note(*node, None, outcome)).collect();
        }
        for (_, op, ready) in &mut lent {
            let sent = match ready {
                Ok(lent) => self.send(lent, op, terms),
                Err(_) => continue,
            };
            if let Err(failure) = sent {
                *ready = Err(failure);
            }
        }
        lent.into_iter().map(|(node, op, ready)| (node, self.collect(node, &op, ready, terms))).collect()
    }

    fn send(&self, lent: &mut Lent<'_>, op: &request::Op, terms: Terms) -> Result<(), NodeFailure> {
        let sent = lent.get()?.send(op.clone(), terms.min_registry_index, terms.deadline);
        sent.or_else(|failure| self.repeat(lent, op, terms, failure))
    }

    fn collect(
        &self,
        node: u8,
        op: &request::Op,
        sent: Result<Lent<'_>, NodeFailure>,
        terms: Terms,
    ) -> Result<Answer, NodeFailure> {
        let mut lent = match sent {
            Ok(lent) => lent,
            Err(failure) => {
                let outcome = Err(failure);
                self.note(node, None, &outcome);
                return outcome;
            }
        };
        // A silent node before this one may have used up the time; an answer that is here already
        // still counts.
        let deadline = terms.deadline.at_least(GRACE);
        let outcome = lent.get().and_then(|connection| connection.receive(deadline)).or_else(|failure| {
            self.repeat(&mut lent, op, terms, failure)?;
            lent.get()?.receive(deadline)
        });
        self.note(node, lent.get().ok().map(|connection| connection.latency()), &outcome);
        outcome
    }

    /// Keeps what an outcome says of the node's health. A refusal is an answer of a healthy node.
    fn note(&self, node: u8, latency: Option<Duration>, outcome: &Result<Answer, NodeFailure>) {
        match outcome {
            Ok(answer) => self.nodes.succeeded(node, latency.unwrap_or_default(), answer.registry_index),
            Err(failure) if is_answer(failure) => {}
            Err(failure) => {
                if self.nodes.failed(node, failure) {
                    self.log.warn(format_args!("node {node}: {failure}"));
                }
            }
        }
    }

    /// Sends a request again over a new connection, if the old one had been idle and has died.
    fn repeat(
        &self,
        lent: &mut Lent<'_>,
        op: &request::Op,
        terms: Terms,
        failure: NodeFailure,
    ) -> Result<(), NodeFailure> {
        if !matches!(failure, NodeFailure::Dropped(_)) || !lent.was_reused() || !terms.repeatable {
            return Err(failure);
        }
        lent.reopen(terms.deadline)?;
        self.show_login(lent.get()?, terms)?;
        lent.get()?.send(op.clone(), terms.min_registry_index, terms.deadline)
    }

    /// A connection that carries the login of the token, if there is one.
    pub(crate) fn ready(&self, node: u8, terms: Terms) -> Result<Lent<'_>, NodeFailure> {
        let fits = |connection: &Connection| self.logins.all_current(&connection.logins);
        let mut lent = self.pool.lend(node, fits, terms.deadline)?;
        if let Err(failure) = lent.get().and_then(|connection| self.show_login(connection, terms)) {
            if !lent.was_reused() || !matches!(failure, NodeFailure::Dropped(_)) {
                return Err(failure);
            }
            lent.reopen(terms.deadline)?;
            self.show_login(lent.get()?, terms)?;
        }
        Ok(lent)
    }

    fn show_login(&self, connection: &mut Connection, terms: Terms) -> Result<(), NodeFailure> {
        match terms.token.and_then(|token| self.logins.get(token)) {
            Some(login) => login.show(self, connection, terms.deadline),
            None => Ok(()),
        }
    }

    /// Lets `attempt` try quorums of `count` nodes until one does it, none is left or time is over.
    ///
    /// Each attempt gets a third of the time that is left, so that a node that never answers
    /// leaves time for others.
    pub(crate) fn with_quorum<R>(
        &self,
        count: usize,
        deadline: Deadline,
        mut attempt: impl FnMut(&[u8], Deadline) -> Result<R, Setback>,
    ) -> BackendResult<R> {
        let mut search = Search::default();
        let mut pause = PAUSE_FIRST;
        loop {
            let Some(left) = deadline.remaining() else {
                self.nodes.out_of_time(&search)?;
                return Err(BackendError::Unavailable("out of time".into()));
            };
            let set = match self.nodes.choose(count, &search) {
                Ok(set) => set,
                Err(NoQuorum::Final(error)) => return Err(error),
                Err(NoQuorum::NotReady) => {
                    thread::sleep(pause.min(left));
                    pause = (pause * 2).min(PAUSE_MAX);
                    search.forgive();
                    continue;
                }
            };
            let share = (left / ATTEMPTS_IN_DEADLINE).max(ATTEMPT_MIN);
            match attempt(&set, deadline.at_most(share)) {
                Ok(result) => return Ok(result),
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Set) => search.was_tried(&set),
                Err(Setback::Nodes(failures)) => {
                    for (node, failure) in failures {
                        search.has_failed(node, failure);
                    }
                    if let Some(error) = search.verdict(self.nodes.threshold()) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// All answers, or the nodes that gave none.
    pub(crate) fn all_answered(said: Vec<Said>) -> Result<Vec<(u8, Answer)>, Setback> {
        let mut answers = Vec::with_capacity(said.len());
        let mut failures = Vec::new();
        for (node, outcome) in said {
            match outcome {
                Ok(answer) => answers.push((node, answer)),
                Err(failure) => failures.push((node, failure)),
            }
        }
        if failures.is_empty() { Ok(answers) } else { Err(Setback::Nodes(failures)) }
    }
}

/// A node answered with something else than it was asked for.
pub(crate) fn wrong_kind(node: u8) -> Setback {
    Setback::Nodes(vec![(node, NodeFailure::Misbehaved("answered another question".into()))])
}

/// Time to read an answer that has arrived.
const GRACE: Duration = Duration::from_millis(10);
const ATTEMPTS_IN_DEADLINE: u32 = 3;
const ATTEMPT_MIN: Duration = Duration::from_millis(300);
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(200);
