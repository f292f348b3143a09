//! One call: requests to several nodes at once, and the search for a quorum that answers.

use std::fmt;
use std::thread;
use std::time::Duration;

use proto::client::v1::request;
use token::backend::{BackendError, BackendResult, TokenId};

use crate::asking::wait;
use crate::connect::{Answer, Connection};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::pool::{Heard, Lent};
use crate::search::{NoQuorum, Search};

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
    /// Strict mode, and no node outside the set could witness: what to say if no set does better.
    Witness(BackendError),
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
            Self::Witness(error) | Self::Final(error) => error.fmt(f),
        }
    }
}

impl Core {
    /// Sends each request to its node and collects the answers, see [`Core::begin`].
    pub(crate) fn ask(&self, requests: Vec<(u8, request::Op)>, terms: Terms) -> Vec<Said> {
        let mut asking = self.begin(requests, terms);
        while !asking.advance() && !terms.deadline.is_over() {
            wait(std::iter::once(&asking), terms.deadline);
        }
        asking.finish()
    }

    /// A connection that carries the login of the token, if there is one.
    pub(crate) fn ready(&self, node: u8, terms: Terms) -> Result<Lent<'_>, NodeFailure> {
        let fits = |connection: &Connection| self.logins.all_current(&connection.logins);
        let opening =
            self.nodes.opening_limit(node).map_or(terms.deadline, |limit| terms.deadline.at_most(limit));
        let mut lent = self.pool.lend(node, fits, opening)?;
        if let Err(failure) = lent.get().and_then(|connection| self.show_login(connection, terms)) {
            if !lent.was_reused() || !matches!(failure, NodeFailure::Dropped(_)) {
                return Err(failure);
            }
            lent.reopen(opening)?;
            self.show_login(lent.get()?, terms)?;
        }
        Ok(lent)
    }

    pub(crate) fn show_login(&self, connection: &mut Connection, terms: Terms) -> Result<(), NodeFailure> {
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
                    self.look_at_missed(&search, deadline);
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
                Err(Setback::Set | Setback::Witness(_)) => search.was_tried(&set),
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

    /// Sees whether nodes that others miss can be reached from here. Otherwise nobody waits for them.
    pub(crate) fn look_at_missed(&self, search: &Search, deadline: Deadline) {
        for node in self.nodes.missed(search) {
            let deadline = deadline.at_most(LOOK_LIMIT);
            let terms = Terms { token: None, min_registry_index: 0, repeatable: true, deadline };
            match self.ready(node, terms) {
                Ok(_) => self.nodes.is_reached(node),
                Err(failure) => self.note(node, None, &Err(failure)),
            }
        }
    }

    /// Sees whether slow nodes have answered meanwhile, which costs no request.
    pub(crate) fn look_at_slow_nodes(&self) {
        for node in self.nodes.to_look_at() {
            let heard = self.pool.hear(node);
            self.nodes.looked_at(node, heard);
            if heard != Heard::Silence {
                self.log.info(format_args!("node {node}: may serve again"));
            }
        }
    }

    /// These nodes have kept a call waiting for so long.
    pub(crate) fn are_slow(&self, nodes: &[u8], waited: Duration) {
        for node in nodes {
            if self.nodes.lags(*node) {
                self.log.warn(format_args!("node {node}: no answer after {} ms", waited.as_millis()));
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

/// Attempts that never answer in one deadline.
pub(crate) const ATTEMPTS_IN_DEADLINE: u32 = 3;
pub(crate) const ATTEMPT_MIN: Duration = Duration::from_millis(300);
/// How long a look at a node that others miss may take.
const LOOK_LIMIT: Duration = Duration::from_millis(100);
/// The first and the longest pause before the same nodes are asked again.
pub(crate) const PAUSE_FIRST: Duration = Duration::from_millis(20);
pub(crate) const PAUSE_MAX: Duration = Duration::from_millis(500);
