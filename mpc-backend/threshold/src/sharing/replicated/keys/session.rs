//! The driver: one key set-up as a party's node runs it.

use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use super::round1_commit::{self, AwaitingCommitments, CommitMessage};
use super::round2_open::{AwaitingOpenings, OpenMessage};
use super::round3_confirm::{AwaitingConfirmations, ConfirmMessage};
use super::{EpochKeys, KeysContext, Setting};
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::party::PartyIndex;
use crate::round::{Inbox, Mailbox, Outbox, RawRound, Step};
use crate::sharing::replicated::pieces::Pieces;

const ROUNDS: usize = 3;

/// What a received message led to.
///
/// Messages of round 2 are secret: the transport encrypts them and wipes its copies.
pub enum Progress {
    /// Messages to send, perhaps none; more is to come.
    Continue(Outbox),
    /// The keys stand.
    Done(EpochKeys, Outbox),
}

/// One party's key set-up. Ended by its keys or by the first fault; nothing is retried.
pub struct KeysSession {
    me: PartyIndex,
    pieces: Pieces,
    mailbox: Mailbox,
    pub(super) state: State,
}

/// The round that a set-up is in.
pub(super) enum State {
    Commitments(AwaitingCommitments),
    Openings(AwaitingOpenings),
    Confirmations(AwaitingConfirmations),
    Over,
}

impl KeysSession {
    /// Starts with fresh contributions; the messages open round 1.
    ///
    /// # Errors
    /// [`Misuse::NotASigner`] when `me` is above N; [`Misuse::Threshold`] for too many pieces.
    pub fn start(
        context: &KeysContext,
        checks: Checks,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        let setting = Setting::new(context, checks)?;
        let (me, pieces) = (setting.me, setting.pieces.clone());
        let mailbox = Mailbox::new(setting.peers(), ROUNDS);
        let (state, outbox) = round1_commit::start(setting, rng);
        Ok((Self { me, pieces, mailbox, state: State::Commitments(state) }, outbox))
    }

    /// Takes one message of `from`, who was authenticated by the channel. The round stands in the
    /// message; a later round's message waits, a repeated one is dropped, and so is anything from
    /// outside the set-up or after its end.
    ///
    /// # Errors
    /// The [`Fault`] that ended the set-up; its secrets are gone.
    pub fn receive(&mut self, from: PartyIndex, message: &[u8]) -> Result<Progress, Fault> {
        if !self.mailbox.expects(from) || matches!(self.state, State::Over) {
            return Ok(Progress::Continue(Outbox::default()));
        }
        let progress = self.deliver(from, message).and_then(|()| self.advance());
        if progress.is_err() {
            self.state = State::Over;
        }
        progress
    }

    /// The peers whose message of the current round is missing; empty after the end.
    pub fn missing(&self) -> Vec<PartyIndex> {
        match self.state {
            State::Over => Vec::new(),
            _ => self.mailbox.missing().collect(),
        }
    }

    /// What this party has sent to all in the round that is not over.
    #[cfg(feature = "sim")]
    pub(crate) fn said_mut(&mut self) -> &mut [[u8; crate::transcript::HASH_BYTES]] {
        match &mut self.state {
            State::Commitments(state) => &mut state.commitments,
            State::Confirmations(state) => &mut state.confirmations,
            State::Openings(_) | State::Over => &mut [],
        }
    }

    /// Checks 1.1, 2.1 and 3.1: a known round and its exact length.
    fn deliver(&mut self, from: PartyIndex, message: &[u8]) -> Result<(), Fault> {
        let malformed = Fault::of(from, Rule::Malformed);
        let (number, body) = message.split_first().ok_or(malformed)?;
        let held = || self.pieces.held_by(from);
        let length = match number {
            1 => CommitMessage::bytes(held().count()),
            2 => OpenMessage::bytes(held().filter(|piece| self.pieces.holds(self.me, *piece)).count()),
            3 => ConfirmMessage::bytes(held().count()),
            _ => return Err(malformed),
        };
        if body.len() != length {
            return Err(malformed);
        }
        // A repeat or a message of a finished round is dropped: it can change nothing.
        let _ = self.mailbox.deliver(from, usize::from(*number) - 1, body);
        Ok(())
    }

    /// Runs every round whose messages are complete.
    fn advance(&mut self) -> Result<Progress, Fault> {
        let mut outbox = Outbox::default();
        while let Some(raw) = self.mailbox.take_complete() {
            let state = core::mem::replace(&mut self.state, State::Over);
            match state.finish(&raw)? {
                Step::Next(next, messages) => {
                    self.state = next;
                    messages.into_iter().for_each(|(to, message)| outbox.push(to, message));
                }
                Step::Done(keys, _) => return Ok(Progress::Done(keys, outbox)),
            }
        }
        Ok(Progress::Continue(outbox))
    }
}

impl State {
    /// Decodes a complete round and finishes it.
    fn finish(self, raw: &RawRound) -> Result<Step<Self, EpochKeys>, Fault> {
        match self {
            Self::Commitments(state) => {
                let (next, outbox) = state.finish(&Inbox::decode(raw, CommitMessage::decode)?)?;
                Ok(Step::Next(Self::Openings(next), outbox))
            }
            Self::Openings(state) => {
                let (next, outbox) = state.finish(&Inbox::decode(raw, OpenMessage::decode)?)?;
                Ok(Step::Next(Self::Confirmations(next), outbox))
            }
            Self::Confirmations(state) => {
                let keys = state.finish(&Inbox::decode(raw, ConfirmMessage::decode)?)?;
                Ok(Step::Done(keys, Outbox::default()))
            }
            // `receive` takes nothing once a set-up is over.
            Self::Over => Ok(Step::Next(Self::Over, Outbox::default())),
        }
    }
}

/// A message on the wire: one byte for the round, then its body.
pub(super) fn framed(round: u8, body: &[u8]) -> Vec<u8> {
    [&[round], body].concat()
}
