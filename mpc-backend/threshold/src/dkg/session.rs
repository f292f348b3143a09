//! The driver: one key generation as a party's node runs it, whatever the curve.

use alloc::boxed::Box;
use alloc::vec::Vec;

use frost_ed25519::Ed25519Sha512;
use frost_p256::P256Sha256;
use frost_ristretto255::Ristretto255Sha512;
use frost_secp256k1::Secp256K1Sha256;
use rand_core::CryptoRngCore;

use super::context::Setting;
use super::p384::P384Sha384;
use super::round1_commit::{self, AwaitingCommitments, CommitMessage};
use super::round2_open::{AwaitingOpenings, OpenMessage};
use super::round3_share::{AwaitingShares, ShareMessage};
use super::round4_confirm::{AwaitingConfirmations, ConfirmMessage};
use super::suite::{Suite, package_bytes};
use super::{DkgContext, DkgCurve, DkgOutput};
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::party::{PartyIndex, SignerSet};
use crate::round::{Inbox, Mailbox, Outbox, RawRound, Step};

const ROUNDS: usize = 4;

/// What a received message led to.
///
/// Messages of round 3 are secret: the transport encrypts them and wipes its copies.
pub enum Progress {
    /// Messages to send, perhaps none; more is to come.
    Continue(Outbox),
    /// The key is generated; the messages still have to be sent.
    Done(DkgOutput, Outbox),
}

/// One party's key generation. Ended by its output or by the first fault; nothing is retried.
pub struct DkgSession(AnySession);

enum AnySession {
    P256(Session<P256Sha256>),
    P384(Session<P384Sha384>),
    Secp256k1(Session<Secp256K1Sha256>),
    Edwards25519(Session<Ed25519Sha512>),
    Ristretto255(Session<Ristretto255Sha512>),
}

/// Does the same with the session of any curve.
macro_rules! on_any {
    ($any:expr, $session:ident => $what:expr) => {
        match $any {
            AnySession::P256($session) => $what,
            AnySession::P384($session) => $what,
            AnySession::Secp256k1($session) => $what,
            AnySession::Edwards25519($session) => $what,
            AnySession::Ristretto255($session) => $what,
        }
    };
}

impl DkgSession {
    /// Starts with fresh secrets; the messages open round 1.
    ///
    /// # Errors
    /// [`Misuse::NotASigner`] when `me` is above N.
    pub fn start(context: &DkgContext, rng: &mut dyn CryptoRngCore) -> Result<(Self, Outbox), Misuse> {
        Self::start_with(context, Checks::all(), rng)
    }

    /// Like [`DkgSession::start`], with the checks given: all of them, but in a simulation.
    ///
    /// # Errors
    /// As [`DkgSession::start`].
    pub fn start_with(
        context: &DkgContext,
        checks: Checks,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        let mut setting = Setting::new(context)?;
        setting.checks = checks;
        fn begin<S: Suite>(
            setting: Setting,
            any: fn(Session<S>) -> AnySession,
            rng: &mut dyn CryptoRngCore,
        ) -> (DkgSession, Outbox) {
            let (session, outbox) = Session::start(setting, rng);
            (DkgSession(any(session)), outbox)
        }
        Ok(match context.curve {
            DkgCurve::P256 => begin(setting, AnySession::P256, rng),
            DkgCurve::P384 => begin(setting, AnySession::P384, rng),
            DkgCurve::Secp256k1 => begin(setting, AnySession::Secp256k1, rng),
            DkgCurve::Edwards25519 | DkgCurve::Curve25519 => begin(setting, AnySession::Edwards25519, rng),
            DkgCurve::Ristretto255 => begin(setting, AnySession::Ristretto255, rng),
        })
    }

    /// Takes one message of `from`, who was authenticated by the channel. The round stands in the
    /// message; a later round's message waits, a repeated one is dropped, and so is anything from
    /// outside the session or after its end.
    ///
    /// # Errors
    /// The [`Fault`] that ended the session; its secrets are gone. The caller tells the peers,
    /// since messages that this call had prepared are gone as well.
    pub fn receive(&mut self, from: PartyIndex, message: &[u8]) -> Result<Progress, Fault> {
        on_any!(&mut self.0, session => session.receive(from, message))
    }

    /// The peers whose message of the current round is missing; empty after the end.
    pub fn missing(&self) -> Vec<PartyIndex> {
        on_any!(&self.0, session => session.missing())
    }
}

/// A session over one suite.
pub(super) struct Session<S: Suite> {
    me: PartyIndex,
    parties: SignerSet,
    mailbox: Mailbox,
    /// Exact body length of each round.
    lengths: [usize; ROUNDS],
    pub(super) state: State<S>,
}

/// The round that a session is in.
pub(super) enum State<S: Suite> {
    Commitments(Box<AwaitingCommitments<S>>),
    Openings(Box<AwaitingOpenings<S>>),
    Shares(Box<AwaitingShares<S>>),
    Confirmations(Box<AwaitingConfirmations<S>>),
    Over,
}

impl<S: Suite> Session<S> {
    fn start(setting: Setting, rng: &mut dyn CryptoRngCore) -> (Self, Outbox) {
        let (state, outbox) = round1_commit::start(setting, rng);
        (Self::with_state(state), outbox)
    }

    /// A session that has committed and sent round 1.
    pub(super) fn with_state(state: AwaitingCommitments<S>) -> Self {
        let setting = &state.setting;
        Self {
            me: setting.me,
            parties: setting.parties.clone(),
            mailbox: Mailbox::new(setting.peers(), ROUNDS),
            lengths: [
                CommitMessage::BYTES,
                OpenMessage::FIXED_BYTES + package_bytes::<S>(setting.threshold),
                ShareMessage::bytes(S::SCALAR_BYTES),
                ConfirmMessage::bytes(S::ELEMENT_BYTES),
            ],
            state: State::Commitments(Box::new(state)),
        }
    }

    pub(super) fn receive(&mut self, from: PartyIndex, message: &[u8]) -> Result<Progress, Fault> {
        let stranger = from == self.me || !self.parties.contains(from);
        if stranger || matches!(self.state, State::Over) {
            return Ok(Progress::Continue(Outbox::default()));
        }
        let progress = self.deliver(from, message).and_then(|()| self.advance());
        if progress.is_err() {
            self.state = State::Over;
        }
        progress
    }

    /// Checks 1.1, 2.1, 3.1 and 4.1: a known round and its exact length.
    fn deliver(&mut self, from: PartyIndex, message: &[u8]) -> Result<(), Fault> {
        let malformed = Fault::of(from, Rule::Malformed);
        let (number, body) = message.split_first().ok_or(malformed)?;
        let round = usize::from(*number).checked_sub(1).ok_or(malformed)?;
        if self.lengths.get(round) != Some(&body.len()) {
            return Err(malformed);
        }
        // A repeat or a message of a finished round is dropped: it can change nothing.
        let _ = self.mailbox.deliver(from, round, body);
        Ok(())
    }

    /// Runs every round whose messages are complete.
    fn advance(&mut self) -> Result<Progress, Fault> {
        let mut outbox = Outbox::default();
        while let Some(raw) = self.mailbox.take_complete() {
            let state = core::mem::replace(&mut self.state, State::Over);
            match state.finish(&raw, &self.lengths)? {
                Step::Next(next, messages) => {
                    self.state = next;
                    messages.into_iter().for_each(|(to, message)| outbox.push(to, message));
                }
                // Nothing is sent after the confirmations.
                Step::Done(output, _) => return Ok(Progress::Done(output, outbox)),
            }
        }
        Ok(Progress::Continue(outbox))
    }

    fn missing(&self) -> Vec<PartyIndex> {
        match self.state {
            State::Over => Vec::new(),
            _ => self.mailbox.missing().collect(),
        }
    }
}

impl<S: Suite> State<S> {
    /// Decodes a complete round and finishes it.
    fn finish(self, raw: &RawRound, lengths: &[usize; ROUNDS]) -> Result<Step<Self, DkgOutput>, Fault> {
        let [_, open_bytes, _, _] = *lengths;
        match self {
            Self::Commitments(state) => {
                let inbox = Inbox::decode(raw, CommitMessage::decode)?;
                let (next, outbox) = state.finish(&inbox)?;
                Ok(Step::Next(Self::Openings(Box::new(next)), outbox))
            }
            Self::Openings(state) => {
                let package_bytes = open_bytes - OpenMessage::FIXED_BYTES;
                let inbox = Inbox::decode(raw, |body| OpenMessage::decode(body, package_bytes))?;
                let (next, outbox) = state.finish(&inbox)?;
                Ok(Step::Next(Self::Shares(Box::new(next)), outbox))
            }
            Self::Shares(state) => {
                let inbox = Inbox::decode(raw, |body| ShareMessage::decode(body, S::SCALAR_BYTES))?;
                let (next, outbox) = state.finish(&inbox)?;
                Ok(Step::Next(Self::Confirmations(Box::new(next)), outbox))
            }
            Self::Confirmations(state) => {
                let inbox = Inbox::decode(raw, |body| ConfirmMessage::decode(body, S::ELEMENT_BYTES))?;
                Ok(Step::Done(state.finish(&inbox)?, Outbox::default()))
            }
            // `receive` takes nothing once a session is over.
            Self::Over => Ok(Step::Next(Self::Over, Outbox::default())),
        }
    }
}
