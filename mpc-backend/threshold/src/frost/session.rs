//! Making nonces (specification, section 3): one message to each peer, without the message to be signed.
//!
//! No commitment and no echo: FROST is secure when the last to speak has seen all other commitments, and
//! when signers have seen different ones, because each factor rho is a hash of the whole list. Signers who
//! saw different lists have differently named nonces, and a client asks for one name.

use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use super::binding::{Commitment, CommitmentList};
use super::nonces::{self, Drawn, Nonces};
use super::suite::Schnorr;
use crate::codec::{DecodeError, Reader, Writer};
use crate::ecdsa::Pairs;
use crate::ecdsa::presign::binding;
use crate::fault::{Fault, Misuse, Rule};
use crate::group::Point;
use crate::party::PartyIndex;
use crate::presigning::{PairIds, SessionContext};
use crate::round::{Inbox, Mailbox, Outbox, Step};
use crate::secret::Secret;
use crate::sharing::lagrange_at_zero;
use crate::transcript::FROST_SESSION;

pub(super) const ROUND: u8 = 1;

/// What a party says to each peer.
pub(crate) struct CommitMessage<S: Schnorr> {
    /// H(presign/pair; pid, Sigma of the pair with the receiver).
    pub(crate) binding: [u8; 32],
    pub(crate) commitment: Commitment<S>,
}

impl<S: Schnorr> CommitMessage<S> {
    pub(crate) const BYTES: usize = 1 + 32 + Commitment::<S>::BYTES;

    fn encode(binding: &[u8; 32], commitment: &[u8]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        writer.u8(ROUND).bytes(binding).bytes(commitment);
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != ROUND {
            return Err(DecodeError::Value);
        }
        let message = Self { binding: reader.array()?, commitment: Commitment::decode(&mut reader)? };
        reader.finish()?;
        Ok(message)
    }
}

/// Awaits every peer's commitments. Dropping it wipes it.
pub struct NonceSession<S: Schnorr> {
    context: SessionContext,
    /// pid.
    id: [u8; 32],
    pair_ids: PairIds,
    public_key: S::Point,
    own: Drawn<S>,
    commitment: Commitment<S>,
    weighted_share: Secret<S::Scalar>,
    mailbox: Mailbox,
}

impl<S: Schnorr> NonceSession<S> {
    /// Starts with this party's `share` of the key; the messages are to be sent.
    ///
    /// # Errors
    /// [`Misuse`] when the signer set is not exact, or a pair is missing or dead.
    pub fn start(
        context: SessionContext,
        public_key: S::Point,
        share: &Secret<S::Scalar>,
        pairs: &Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        let pair_ids = context.validate(pairs)?;
        let id = context.id(FROST_SESSION, S::NAME, &public_key.encode());
        // Step 1.1.
        let own = Drawn::new(rng);
        let commitment = own.commit();
        let lambda = lagrange_at_zero::<S::Scalar>(context.me, &context.signers)?;
        let weighted_share = Secret::new(lambda * share.expose());
        let encoded = commitment.encode();
        let mut outbox = Outbox::default();
        for (peer, pair) in &pair_ids {
            outbox.push(*peer, CommitMessage::<S>::encode(&binding(&id, pair), &encoded));
        }
        let mailbox = Mailbox::new(context.signers.peers_of(context.me), 1);
        let session = Self { context, id, pair_ids, public_key, own, commitment, weighted_share, mailbox };
        Ok((session, outbox))
    }

    /// The peers whose message is missing.
    pub fn missing(&self) -> impl Iterator<Item = PartyIndex> + '_ {
        self.mailbox.missing()
    }

    /// Takes a message of `from`, whom the channel has authenticated.
    ///
    /// # Errors
    /// The failed check; the session and its secrets are gone.
    pub fn receive(mut self, from: PartyIndex, message: &[u8]) -> Result<Step<Self, Nonces<S>>, Fault> {
        // A stranger cannot end a session, whatever it sends.
        if !self.mailbox.expects(from) {
            return Ok(Step::Next(self, Outbox::default()));
        }
        if message.first() != Some(&ROUND) || message.len() != CommitMessage::<S>::BYTES {
            return Err(Fault::of(from, Rule::Malformed));
        }
        self.mailbox.deliver(from, 0, message);
        match self.mailbox.take_complete() {
            None => Ok(Step::Next(self, Outbox::default())),
            Some(messages) => {
                let inbox = Inbox::decode(&messages, CommitMessage::decode)?;
                Ok(Step::Done(self.finish(&inbox)?, Outbox::default()))
            }
        }
    }

    fn finish(self, inbox: &Inbox<CommitMessage<S>>) -> Result<Nonces<S>, Fault> {
        let Self { context, id, pair_ids, public_key, own, commitment, weighted_share, .. } = self;
        // Step 1.2.
        for (peer, message) in inbox.iter() {
            let held = pair_ids.get(&peer).is_some_and(|pair| message.binding == binding(&id, pair));
            context.checks.enforce(held, Fault::of(peer, Rule::OtherPair))?;
        }
        // Step 1.3. The own entry is the own commitment, whatever peers say (nonce rule R10).
        let entry = |party| {
            let said =
                if party == context.me { Some(&commitment) } else { inbox.get(party).map(|m| &m.commitment) };
            said.map(|said| (party, said.clone()))
        };
        let entries: Vec<_> = context.signers.iter().filter_map(entry).collect();
        let list = CommitmentList::new(&entries);
        let id = nonces::name(&id, &list);
        Ok(Nonces { id, context, pair_ids, public_key, list, own, weighted_share })
    }
}
