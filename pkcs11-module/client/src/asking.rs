//! One request on its way to several nodes, on the caller's thread: all requests are written before
//! any answer is read, and answers are taken in the order in which they come.

use std::time::{Duration, Instant};

use proto::client::v1::request;

use crate::call::{Said, Terms};
use crate::connect::{Answer, Connection, wipe};
use crate::core::Core;
use crate::deadline::{Deadline, TimedTcp, wait_for_any};
use crate::failure::NodeFailure;
use crate::pool::Lent;
use crate::search::is_answer;

/// A request that was sent. Dropped early, it leaves its connections to the pool, which takes the
/// late answers.
pub(crate) struct Asking<'a> {
    core: &'a Core,
    terms: Terms,
    begun: Instant,
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    node: u8,
    op: request::Op,
    /// `None` once the node has said something, or could not be asked.
    lent: Option<Lent<'a>>,
    said: Option<Result<Answer, NodeFailure>>,
}

impl Core {
    /// Sends each request to its node. Ascending nodes: calls that wait for a place then never wait
    /// for each other in a circle.
    ///
    /// A request that may not be repeated goes to all nodes or to none: without a connection to
    /// each, only those that failed are in the answer.
    pub(crate) fn begin(&self, requests: Vec<(u8, request::Op)>, terms: Terms) -> Asking<'_> {
        let mut asking = Asking { core: self, terms, begun: Instant::now(), parts: Vec::new() };
        for (node, op) in requests {
            let mut part = Part { node, op, lent: None, said: None };
            match self.ready(node, terms) {
                Ok(lent) => part.lent = Some(lent),
                Err(failure) => part.says(self, Err(failure)),
            }
            asking.parts.push(part);
        }
        if !terms.repeatable && asking.parts.iter().any(|part| part.lent.is_none()) {
            asking.parts.retain(|part| part.lent.is_none());
        }
        for part in &mut asking.parts {
            part.send(self, terms);
        }
        asking
    }
}

impl<'a> Asking<'a> {
    /// Takes the answers that are here; whether all have come.
    pub(crate) fn advance(&mut self) -> bool {
        for part in &mut self.parts {
            part.advance(self.core, self.terms);
        }
        self.parts.iter().all(|part| part.said.is_some())
    }

    /// Nodes that have said nothing yet.
    pub(crate) fn silent(&self) -> impl Iterator<Item = u8> {
        self.parts.iter().filter(|part| part.said.is_none()).map(|part| part.node)
    }

    /// How many nodes were asked or could not be.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Since the request was sent.
    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What each node said. One that said nothing has had its time.
    pub(crate) fn finish(mut self) -> Vec<Said> {
        let finish = |mut part: Part<'a>| {
            part.lent = None;
            let said = part.said.take().unwrap_or_else(|| {
                let outcome = Err(NodeFailure::TimedOut);
                self.core.note(part.node, None, &outcome);
                outcome
            });
            (part.node, said)
        };
        std::mem::take(&mut self.parts).into_iter().map(finish).collect()
    }

    fn sockets(&self) -> impl Iterator<Item = &TimedTcp> {
        self.parts.iter().filter_map(|part| part.lent.as_ref()?.socket())
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        for mut part in self.parts.drain(..) {
            if let Some(lent) = part.lent.take() {
                lent.leave();
            }
        }
    }
}

/// A request may hold a share of a key.
impl Drop for Part<'_> {
    fn drop(&mut self) {
        wipe(&mut self.op);
    }
}

impl Part<'_> {
    fn send(&mut self, core: &Core, terms: Terms) {
        let Some(lent) = &mut self.lent else { return };
        let connection = lent.get();
        let sent = connection.and_then(|c| c.send(self.op.clone(), terms.min_registry_index, terms.deadline));
        if let Err(failure) = sent.or_else(|failure| core.repeat(lent, &self.op, terms, failure)) {
            self.says(core, Err(failure));
        }
    }

    fn advance(&mut self, core: &Core, terms: Terms) {
        let Some(lent) = &mut self.lent else { return };
        let answer = lent.try_receive().or_else(|failure| {
            core.repeat(lent, &self.op, terms, failure)?;
            lent.try_receive()
        });
        if let Some(outcome) = answer.transpose() {
            self.says(core, outcome);
        }
    }

    /// The node's last word: its connection is free or broken.
    fn says(&mut self, core: &Core, outcome: Result<Answer, NodeFailure>) {
        let latency =
            self.lent.as_mut().and_then(|lent| lent.get().ok().map(|c: &mut Connection| c.latency()));
        core.note(self.node, latency, &outcome);
        self.said = Some(outcome);
        self.lent = None;
    }
}

impl Core {
    /// Keeps what an outcome says of the node's health. A refusal is an answer of a healthy node.
    pub(crate) fn note(&self, node: u8, latency: Option<Duration>, outcome: &Result<Answer, NodeFailure>) {
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
}

/// Waits until one of the nodes that are asked says something, or until `deadline`.
pub(crate) fn wait<'a>(askings: impl Iterator<Item = &'a Asking<'a>>, deadline: Deadline) {
    // An error is the deadline, or shows again when the sockets are read.
    let _over = wait_for_any(askings.flat_map(Asking::sockets), deadline);
}
