//! One presigning without its state's type: collects messages and drives the rounds.

use alloc::boxed::Box;

use rand_core::CryptoRngCore;

use super::round1_commit::{self, AwaitingCommitments, CommitmentMessage};
use super::round2_open::{self, AwaitingOpenings, OpeningMessage};
use super::{PresignContext, Presignature};
use crate::ecdsa::mul::CHECKS;
use crate::ecdsa::pair::Pairs;
use crate::fault::{Fault, Misuse, Rule};
use crate::group::Curve;
use crate::party::PartyIndex;
use crate::round::{Inbox, Mailbox, Outbox, Step};
use crate::secret::Secret;

/// A presigning in whatever round it is.
///
/// It keeps one message of each peer and round, also of the next round, and drops repeats. Dropping
/// the session wipes it.
///
/// `RHO` check columns guard each multiplication; [`CHECKS`] unless the price of more is measured.
pub struct PresignSession<C: Curve, const RHO: usize = CHECKS> {
    pub(crate) state: State<C>,
    mailbox: Mailbox,
}

pub(crate) enum State<C: Curve> {
    Commitments(Box<AwaitingCommitments<C>>),
    Openings(Box<AwaitingOpenings<C>>),
}

impl<C: Curve> PresignSession<C> {
    /// Starts a session with this party's `share` of the key; the messages are to be sent.
    ///
    /// # Errors
    /// [`Misuse`] when the signer set is not exact, or a pair is missing or dead.
    pub fn start(
        context: PresignContext<C>,
        share: &Secret<C::Scalar>,
        pairs: &mut Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        Self::start_with_columns(context, share, pairs, rng)
    }
}

impl<C: Curve, const RHO: usize> PresignSession<C, RHO> {
    /// Bytes of the longest message.
    pub const MESSAGE_BYTES_MAX: usize = OpeningMessage::<C, RHO>::BYTES;

    /// As [`PresignSession::start`], with `RHO` check columns.
    ///
    /// # Errors
    /// As [`PresignSession::start`].
    pub fn start_with_columns(
        context: PresignContext<C>,
        share: &Secret<C::Scalar>,
        pairs: &mut Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        const { assert!(RHO > 0, "a multiplication without a check column is not checked") };
        let mailbox = Mailbox::new(context.peers(), 2);
        let (state, outbox) = round1_commit::start(context, share, pairs, rng)?;
        Ok((Self { state: State::Commitments(Box::new(state)), mailbox }, outbox))
    }

    /// pid: equal at all signers.
    pub fn id(&self) -> &[u8; 32] {
        match &self.state {
            State::Commitments(state) => &state.session.id,
            State::Openings(state) => &state.session.id,
        }
    }

    /// The peers whose message of the current round is missing.
    pub fn missing(&self) -> impl Iterator<Item = PartyIndex> + '_ {
        self.mailbox.missing()
    }

    /// Takes a message of `from`, whom the channel has authenticated.
    ///
    /// # Errors
    /// The failed check. The session and its secrets are gone; what else is lost follows from
    /// [`Rule::severity`], and a dead pair is already marked in `pairs`.
    pub fn receive(
        mut self,
        from: PartyIndex,
        message: &[u8],
        pairs: &mut Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Step<Self, Presignature<C>>, Fault> {
        // A stranger cannot end a session, whatever it sends.
        if !self.mailbox.expects(from) {
            return Ok(Step::Next(self, Outbox::default()));
        }
        // Lengths are compared before anything is stored or parsed.
        let round = match (message.first(), message.len()) {
            (Some(&round1_commit::ROUND), length) if length == CommitmentMessage::bytes(C::XI) => 0,
            (Some(&round2_open::ROUND), length) if length == OpeningMessage::<C, RHO>::BYTES => 1,
            _ => return Err(Fault::of(from, Rule::Malformed)),
        };
        self.mailbox.deliver(from, round, message);
        let mut outbox = Outbox::default();
        while let Some(messages) = self.mailbox.take_complete() {
            match self.state {
                State::Commitments(state) => {
                    let inbox = Inbox::decode(&messages, |bytes| CommitmentMessage::decode(bytes, C::XI))?;
                    let (next, messages) = state.finish::<RHO>(&inbox, pairs, rng)?;
                    outbox = messages;
                    self.state = State::Openings(Box::new(next));
                }
                State::Openings(state) => {
                    let inbox = Inbox::decode(&messages, OpeningMessage::<C, RHO>::decode)?;
                    return Ok(Step::Done(state.finish(&inbox, pairs)?, outbox));
                }
            }
        }
        Ok(Step::Next(self, outbox))
    }
}
