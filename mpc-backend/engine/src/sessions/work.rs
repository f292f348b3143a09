//! Steps of a protocol that compute for long: a generation of an RSA key takes seconds. The engine hands
//! them to the shell, which runs them beside it and below it in priority, and takes the outcome as an input.

use proto::peer::v1::Protocol;
use rand_core::CryptoRngCore;
use threshold::fault::Error;
use threshold::party::PartyIndex;
use threshold::round::Outbox;
use threshold::rsa::generate::{self, Ceremony, Generated};
use zeroize::Zeroizing;

use super::{SessionId, party};
use crate::effect::Effect;
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::peers::Why;

/// Most messages of one peer that wait while a step computes: it goes ahead by one round at most.
const WAITING_MAX: usize = 4;

/// A message of a peer, wiped after use.
type Message = (NodeIndex, Zeroizing<Vec<u8>>);

/// A step to run.
pub(crate) struct Step {
    session: SessionId,
    ceremony: Box<Ceremony>,
    messages: Vec<Message>,
}

/// What came of a step.
pub(crate) struct StepDone {
    session: SessionId,
    ceremony: Box<Ceremony>,
    outbox: Outbox,
    end: Option<End>,
}

/// How a session ended.
pub(super) enum End {
    Key(Box<Generated>),
    Fault(Error, Message),
}

/// The computing part of a session, which is here or with the shell.
pub(super) struct Computing {
    here: Option<Box<Ceremony>>,
    /// What the present step waits for, or the last one did.
    missing: Vec<PartyIndex>,
    waiting: Vec<Message>,
    /// Batches of candidates that were begun.
    batches: u32,
    sent_bytes: u64,
}

impl Step {
    /// Runs the step: up to seconds.
    pub(crate) fn run(mut self, rng: &mut dyn CryptoRngCore) -> StepDone {
        let mut outbox = Outbox::default();
        let mut end = None;
        for (from, message) in std::mem::take(&mut self.messages) {
            match self.ceremony.receive(party(from), &message, &mut outbox, rng) {
                Ok(generate::Step::Continue) => {}
                Ok(generate::Step::Done(key)) => end = Some(End::Key(key)),
                Err(error) => end = Some(End::Fault(error, (from, message))),
            }
            if end.is_some() {
                break;
            }
        }
        StepDone { session: self.session, ceremony: self.ceremony, outbox, end }
    }
}

impl Computing {
    pub(super) fn new(ceremony: Ceremony) -> Self {
        let missing = ceremony.missing();
        Self { here: Some(Box::new(ceremony)), missing, waiting: Vec::new(), batches: 0, sent_bytes: 0 }
    }

    /// Batches of candidates that were begun.
    pub(super) const fn batches(&self) -> u32 {
        self.batches
    }

    /// Peers whose message was missing when last looked at.
    pub(super) fn missing(&self) -> Vec<PartyIndex> {
        self.missing.clone()
    }

    /// Keeps a message until the next step.
    pub(super) fn keep(&mut self, from: NodeIndex, message: Vec<u8>) -> Result<(), Why> {
        if self.waiting.iter().filter(|(peer, _)| *peer == from).count() >= WAITING_MAX {
            return Err("more messages of a key generation than a peer can have");
        }
        self.waiting.push((from, Zeroizing::new(message)));
        Ok(())
    }

    /// The next step, if there is one and none is with the shell.
    pub(super) fn next(&mut self, session: SessionId) -> Option<Step> {
        if self.waiting.is_empty() {
            return None;
        }
        let ceremony = self.here.take()?;
        Some(Step { session, ceremony, messages: std::mem::take(&mut self.waiting) })
    }
}

impl Engine {
    /// A step has ended. Of a session that ended meanwhile nothing is kept.
    pub(crate) fn step_done(&mut self, done: StepDone) {
        let StepDone { session, ceremony, outbox, end } = done;
        let Some(computing) = self.computing(&session) else { return };
        // None any more at the end of a session.
        let batches = ceremony.batches().max(computing.batches);
        let more = std::mem::replace(&mut computing.batches, batches) < batches;
        computing.missing = ceremony.missing();
        computing.here = Some(ceremony);
        computing.sent_bytes += outbox.bytes() as u64;
        let sent_bytes = computing.sent_bytes;
        if more {
            self.log_batches(&session, batches);
        }
        self.send_all(Protocol::Generation, &session, outbox);
        match end {
            None => self.compute(&session),
            Some(End::Key(key)) => self.rsa_generated(&session, *key, (batches, sent_bytes)),
            Some(End::Fault(error, message)) => self.rsa_failed(&session, &error, message),
        }
    }

    /// Hands the next step to the shell.
    pub(super) fn compute(&mut self, session: &SessionId) {
        let step = self.computing(session).and_then(|computing| computing.next(*session));
        if let Some(step) = step {
            self.emit(Effect::Work(step.into()));
        }
    }
}
