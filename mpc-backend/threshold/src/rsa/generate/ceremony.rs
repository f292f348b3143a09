//! A generation from nothing: keys of the replicated sharing are set up for it alone, then it runs
//! (`spec/rsa-generation.md`, section 5).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use super::{Generated, Generation, Progress, Wanted};
use crate::fault::{Checks, Error, Fault, Misuse, Rule};
use crate::party::PartyIndex;
use crate::round::{Outbox, RawRound};
use crate::sharing::replicated::keys::{self, KeysContext, KeysSession};
use crate::transcript::HASH_BYTES;

/// First byte of a message of the generation; those of the key set-up begin with their round, 1 to 3.
const GENERATION: u8 = 4;

/// One party's part in making one key. Ended by the key or by the first fault; nothing is retried.
pub struct Ceremony {
    stage: Stage,
    wanted: Wanted,
    request: [u8; HASH_BYTES],
    checks: Checks,
    peers: Vec<PartyIndex>,
    /// First messages of peers whose key set-up is done before ours.
    early: RawRound,
}

enum Stage {
    Keys(Box<KeysSession>),
    Generation(Box<Generation>),
    Over,
}

/// What a received message led to, besides messages to send.
///
/// Messages tell a reader about candidates: the transport encrypts them and wipes its copies.
pub enum Step {
    /// More is to come.
    Continue,
    /// The key stands.
    Done(Box<Generated>),
}

impl Ceremony {
    /// Starts the key set-up. `request` is what the parties agreed on to ask for the key, equal at all
    /// of them.
    ///
    /// # Errors
    /// [`Misuse::KeySize`], [`Misuse::Exponent`]; [`Misuse::NotASigner`] when this party is above N,
    /// [`Misuse::Threshold`] when N < 2T - 1 or for too many pieces.
    pub fn start(
        context: &KeysContext,
        wanted: Wanted,
        request: &[u8; HASH_BYTES],
        checks: Checks,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        wanted.check(context.threshold, context.me)?;
        let (session, outbox) = KeysSession::start(context, checks, rng)?;
        let ceremony = Self {
            stage: Stage::Keys(Box::new(session)),
            wanted,
            request: *request,
            checks,
            peers: context.threshold.all().peers_of(context.me).collect(),
            early: RawRound::new(),
        };
        Ok((ceremony, outbox))
    }

    /// Takes one message of `from`, who was authenticated by the channel, and computes what follows: up to
    /// seconds for the largest keys. What is to be sent is added to `outbox`. Repeats, messages of other
    /// rounds than this and the next, and anything from outside or after the end are dropped.
    ///
    /// # Errors
    /// The fault that ended the session; its secrets are gone.
    pub fn receive(
        &mut self,
        from: PartyIndex,
        message: &[u8],
        outbox: &mut Outbox,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Step, Error> {
        if !self.peers.contains(&from) {
            return Ok(Step::Continue);
        }
        let step = self.deliver(from, message, outbox, rng);
        if !matches!(step, Ok(Step::Continue)) {
            self.stage = Stage::Over;
        }
        step
    }

    /// The peers whose message of the current round is missing; empty after the end.
    pub fn missing(&self) -> Vec<PartyIndex> {
        match &self.stage {
            Stage::Keys(session) => session.missing(),
            Stage::Generation(generation) => generation.missing(),
            Stage::Over => Vec::new(),
        }
    }

    /// Batches of candidates so far.
    pub fn batches(&self) -> u32 {
        match &self.stage {
            Stage::Generation(generation) => generation.batches(),
            Stage::Keys(_) | Stage::Over => 0,
        }
    }

    fn deliver(
        &mut self,
        from: PartyIndex,
        message: &[u8],
        outbox: &mut Outbox,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Step, Error> {
        let (first, body) = message.split_first().ok_or(Fault::of(from, Rule::Malformed))?;
        match &mut self.stage {
            Stage::Keys(_) if *first == GENERATION => {
                // A peer goes no further than its first message without ours.
                self.early.entry(from).or_insert_with(|| body.to_vec().into());
                Ok(Step::Continue)
            }
            Stage::Keys(session) => match session.receive(from, message)? {
                keys::Progress::Continue(messages) => {
                    append(outbox, messages);
                    Ok(Step::Continue)
                }
                keys::Progress::Done(keys, messages) => {
                    append(outbox, messages);
                    let keys = Arc::new(keys);
                    let (mut generation, messages) =
                        Generation::start(keys, self.wanted, &self.request, self.checks, rng)?;
                    append(outbox, marked(messages));
                    for (peer, body) in core::mem::take(&mut self.early) {
                        if let Step::Done(key) = go_on(&mut generation, peer, &body, outbox)? {
                            return Ok(Step::Done(key));
                        }
                    }
                    self.stage = Stage::Generation(Box::new(generation));
                    Ok(Step::Continue)
                }
            },
            Stage::Generation(generation) if *first == GENERATION => go_on(generation, from, body, outbox),
            // A repeat of the key set-up, or anything after the end.
            Stage::Generation(_) | Stage::Over => Ok(Step::Continue),
        }
    }
}

fn go_on(
    generation: &mut Generation,
    from: PartyIndex,
    body: &[u8],
    outbox: &mut Outbox,
) -> Result<Step, Error> {
    match generation.receive(from, body)? {
        Progress::Continue(messages) => {
            append(outbox, marked(messages));
            Ok(Step::Continue)
        }
        Progress::Done(key) => Ok(Step::Done(key)),
    }
}

fn append(outbox: &mut Outbox, messages: Outbox) {
    messages.into_iter().for_each(|(to, message)| outbox.push(to, message));
}

fn marked(messages: Outbox) -> Outbox {
    let mut marked = Outbox::default();
    for (to, mut message) in messages {
        message.insert(0, GENERATION);
        marked.push(to, message);
    }
    marked
}
