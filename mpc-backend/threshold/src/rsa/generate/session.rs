//! The driver: one generation as a party's node runs it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::accuse::{AwaitingAnswers, AwaitingResidue};
use super::batch::{self, AwaitingAudit, AwaitingChoice, AwaitingProducts, AwaitingSieve, AwaitingTests};
use super::closing::{AwaitingConfirmations, AwaitingTrials, AwaitingValues};
use super::exponent::{AwaitingExponent, AwaitingInverse};
use super::winner::{AwaitingCheck, AwaitingPowers, AwaitingSeed};
use super::{Generated, Setting, Wanted};
use crate::fault::{Checks, Error, Fault, Misuse, Rule};
use crate::party::PartyIndex;
use crate::round::{Outbox, RawRound};
use crate::sharing::replicated::keys::EpochKeys;
use crate::sharing::replicated::session::{self as sharing, AwaitingNonces, Session};
use crate::transcript::{HASH_BYTES, RSA_PURPOSE, hash};

/// What a received message led to.
///
/// Messages tell a reader about candidates: the transport encrypts them and wipes its copies.
pub enum Progress {
    /// Messages to send, perhaps none; more is to come.
    Continue(Outbox),
    /// The key stands.
    Done(alloc::boxed::Box<Generated>),
}

/// What a step led to.
#[expect(clippy::large_enum_variant, reason = "it lives for the length of a step")]
pub(super) enum Next {
    Round(State, Outbox),
    Done(Generated),
    Failed(Fault),
}

/// The round that a generation is in.
pub(super) enum State {
    Nonces(AwaitingNonces),
    Sieve(AwaitingSieve),
    Products(AwaitingProducts),
    Tests(AwaitingTests),
    Choice(AwaitingChoice),
    Audit(AwaitingAudit),
    Seed(AwaitingSeed),
    Powers(AwaitingPowers),
    Check(AwaitingCheck),
    Inverse(AwaitingInverse),
    Exponent(AwaitingExponent),
    Values(AwaitingValues),
    Trials(AwaitingTrials),
    Confirmations(AwaitingConfirmations),
    Accuse(AwaitingAnswers),
    Residue(AwaitingResidue),
    Over,
}

/// One party's generation. Ended by its key or by the first fault; nothing is retried.
///
/// Parties go in step, so a peer is ahead by one round at most: what is kept is bounded by two messages
/// of each.
pub struct Generation {
    pub(super) setting: Setting,
    peers: Vec<PartyIndex>,
    pub(super) session: Option<Session>,
    pub(super) state: State,
    round: u32,
    /// Messages of this round and of the next.
    inbox: [RawRound; 2],
    batches: u32,
}

impl Generation {
    /// Starts with a fresh nonce. `request` is what the parties agreed on to ask for the key, equal at
    /// all of them.
    ///
    /// # Errors
    /// [`Misuse::KeySize`], [`Misuse::Exponent`]; [`Misuse::Threshold`] when N < 2T - 1.
    pub fn start(
        keys: Arc<EpochKeys>,
        wanted: Wanted,
        request: &[u8; HASH_BYTES],
        checks: Checks,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        let setting = Setting::new(wanted, keys.pieces(), keys.me())?;
        setting.layout.terms()?;
        let peers = setting.all.peers_of(setting.me).collect();
        let (bits, exponent) = (wanted.bits as u64, wanted.exponent);
        let purpose = hash(RSA_PURPOSE, &[request, &bits.to_be_bytes(), exponent.to_be_bytes()]);
        let (state, outbox) = sharing::start(keys, purpose, checks, rng);
        let generation = Self {
            setting,
            peers,
            session: None,
            state: State::Nonces(state),
            round: 0,
            inbox: Default::default(),
            batches: 0,
        };
        Ok((generation, framed(0, outbox)))
    }

    /// Takes one message of `from`, who was authenticated by the channel, and computes what follows when
    /// the round is complete: up to seconds for the largest keys. A repeated message, one of another
    /// round than this and the next, and anything from outside or after the end is dropped.
    ///
    /// # Errors
    /// The fault that ended the generation; its secrets are gone.
    pub fn receive(&mut self, from: PartyIndex, message: &[u8]) -> Result<Progress, Error> {
        if !self.peers.contains(&from) || matches!(self.state, State::Over) {
            return Ok(Progress::Continue(Outbox::default()));
        }
        let progress = self.deliver(from, message).and_then(|()| self.advance());
        if progress.is_err() {
            self.state = State::Over;
            self.session = None;
        }
        progress
    }

    /// The peers whose message of the current round is missing; empty after the end.
    pub fn missing(&self) -> Vec<PartyIndex> {
        let [current, _] = &self.inbox;
        let over = matches!(self.state, State::Over);
        self.peers.iter().copied().filter(|peer| !over && !current.contains_key(peer)).collect()
    }

    /// Batches of candidates so far.
    pub const fn batches(&self) -> u32 {
        self.batches
    }

    /// What this party has sent in the round that is not over.
    #[cfg(feature = "sim")]
    pub(crate) fn said_mut(&mut self) -> &mut [u8] {
        self.session.as_mut().map_or(&mut [], |session| session.said_mut())
    }

    fn deliver(&mut self, from: PartyIndex, message: &[u8]) -> Result<(), Error> {
        let malformed = Fault::of(from, Rule::Malformed);
        let (round, body) = message.split_first_chunk().ok_or(malformed)?;
        let ahead = u32::from_be_bytes(*round).checked_sub(self.round);
        if let Some(slot) = ahead.and_then(|ahead| self.inbox.get_mut(ahead as usize)) {
            slot.entry(from).or_insert_with(|| Zeroizing::new(body.to_vec()));
        }
        Ok(())
    }

    /// Runs every round whose messages are complete.
    fn advance(&mut self) -> Result<Progress, Error> {
        let mut outbox = Outbox::default();
        while self.inbox.first().is_some_and(|current| current.len() == self.peers.len()) {
            let [current, next] = core::mem::take(&mut self.inbox);
            self.inbox = [next, RawRound::new()];
            self.round += 1;
            let state = core::mem::replace(&mut self.state, State::Over);
            match self.finish(state, &current)? {
                Next::Round(state, messages) => {
                    self.batches += u32::from(matches!(state, State::Sieve(_)));
                    self.state = state;
                    framed(self.round, messages)
                        .into_iter()
                        .for_each(|(to, message)| outbox.push(to, message));
                }
                Next::Done(generated) => return Ok(Progress::Done(alloc::boxed::Box::new(generated))),
                Next::Failed(fault) => return Err(fault.into()),
            }
        }
        Ok(Progress::Continue(outbox))
    }

    fn finish(&mut self, state: State, raw: &RawRound) -> Result<Next, Error> {
        let setting = &self.setting;
        match (state, &mut self.session) {
            (State::Nonces(state), session) => batch::start(setting, session.insert(state.finish(raw)?)),
            (state, Some(session)) => step(state, setting, session, raw),
            // There is a session from the first round on.
            (_, None) => Err(Fault::of_nobody(Rule::Malformed).into()),
        }
    }
}

fn step(state: State, setting: &Setting, session: &mut Session, raw: &RawRound) -> Result<Next, Error> {
    match state {
        State::Sieve(state) => state.finish(setting, session, raw),
        State::Products(state) => state.finish(setting, session, raw),
        State::Tests(state) => state.finish(setting, session, raw),
        State::Choice(state) => state.finish(session, raw),
        State::Audit(state) => state.finish(setting, session, raw),
        State::Seed(state) => state.finish(setting, session, raw),
        State::Powers(state) => state.finish(setting, session, raw),
        State::Check(state) => state.finish(setting, session, raw),
        State::Inverse(state) => state.finish(setting, session, raw),
        State::Exponent(state) => state.finish(setting, session, raw),
        State::Values(state) => state.finish(setting, session, raw),
        State::Trials(state) => state.finish(setting, session, raw),
        State::Confirmations(state) => state.finish(session, raw),
        State::Accuse(state) => state.finish(setting, session, raw),
        State::Residue(state) => state.finish(session, raw),
        State::Nonces(_) | State::Over => Err(Fault::of_nobody(Rule::Malformed).into()),
    }
}

/// Messages with the round in front.
fn framed(round: u32, outbox: Outbox) -> Outbox {
    let mut numbered = Outbox::default();
    for (to, message) in outbox {
        let message = Zeroizing::new(message);
        numbered.push(to, [round.to_be_bytes().as_slice(), &message].concat());
    }
    numbered
}
