//! What makes a key: the protocol of its kind, and what it leaves for statement and store.

use prost::Message as _;
use proto::peer::v1::Protocol;
use proto::registry::v1::BirthStatement;
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::dkg::{DkgContext, DkgCurve, DkgOutput, DkgSession};
use threshold::fault::Error;
use threshold::party::PartyIndex;
use threshold::round::Outbox;
use threshold::rsa::Stored;
use threshold::rsa::generate::{Ceremony, Generated, Wanted};
use threshold::secret::Secret;
use threshold::sharing::replicated::keys::KeysContext;
use zeroize::Zeroizing;

use super::SessionId;
use super::generation::key_id;
use super::work::Computing;
use crate::blame::{Scene, Sent};
use crate::engine::Engine;
use crate::event::Event;
use crate::input::NodeIndex;
use crate::registry::birth::Kind;

/// How long a generation may take at most, in ms; that of an RSA key has as many batches as it takes.
pub(super) const GENERATION_MS: u64 = 30_000;
const RSA_GENERATION_MS: u64 = 600_000;

/// The protocol that makes it.
pub(super) enum Making {
    Group(Box<DkgSession>),
    Rsa(Computing),
    /// It was made ahead.
    Ready,
}

impl Making {
    /// The peers whose message is missing, as far as known here.
    pub(super) fn missing(&self) -> Vec<PartyIndex> {
        match self {
            Self::Group(session) => session.missing(),
            Self::Rsa(computing) => computing.missing(),
            Self::Ready => Vec::new(),
        }
    }
}

/// What a generation made: what the statement says of it, and this node's share.
pub(super) struct Made {
    pub(super) public_key: Vec<u8>,
    pub(super) commitments: Vec<Vec<u8>>,
    pub(super) transcript: [u8; 32],
    pub(super) secret: Secret<Vec<u8>>,
}

impl From<DkgOutput> for Made {
    fn from(output: DkgOutput) -> Self {
        let DkgOutput { share, public_key, commitments, transcript } = output;
        Self { public_key, commitments, transcript, secret: share }
    }
}

impl Engine {
    /// Starts the protocol for a key of this kind: with what to send, and how long it may take in ms.
    pub(super) fn start_making(
        &self,
        session_id: SessionId,
        statement: &BirthStatement,
        kind: Kind,
        rng: &mut dyn CryptoRngCore,
    ) -> (Making, Outbox, u64) {
        match kind {
            Kind::Group(curve) => {
                let (making, outbox) = self.make_in_group(session_id, statement, curve, rng);
                (making, outbox, GENERATION_MS)
            }
            Kind::Rsa(wanted) => {
                let (making, outbox) = self.make_rsa(session_id, statement, wanted, rng);
                (making, outbox, RSA_GENERATION_MS)
            }
        }
    }

    fn make_in_group(
        &self,
        session_id: SessionId,
        statement: &BirthStatement,
        curve: DkgCurve,
        rng: &mut dyn CryptoRngCore,
    ) -> (Making, Outbox) {
        let context = DkgContext {
            cluster_id: self.me.cluster_id,
            session_id,
            key_id: key_id(statement),
            epoch: statement.epoch,
            threshold: self.me.threshold,
            curve,
            purpose: statement::birth(&statement.encode_to_vec()).0,
            me: self.me.party,
        };
        let (protocol, outbox) =
            DkgSession::start_with(&context, self.me.bugs.checks(), rng).expect("this node is one of the N");
        (Making::Group(Box::new(protocol)), outbox)
    }

    fn make_rsa(
        &self,
        session_id: SessionId,
        statement: &BirthStatement,
        wanted: Wanted,
        rng: &mut dyn CryptoRngCore,
    ) -> (Making, Outbox) {
        let context = KeysContext {
            cluster_id: self.me.cluster_id,
            session_id,
            epoch: statement.epoch,
            threshold: self.me.threshold,
            me: self.me.party,
        };
        let request = statement::birth(&statement.encode_to_vec()).0;
        let (ceremony, outbox) = Ceremony::start(&context, wanted, &request, self.me.bugs.checks(), rng)
            .expect("a key that is offered, and a checked manifest has N = 2T - 1");
        (Making::Rsa(Computing::new(ceremony)), outbox)
    }

    /// The computing part of a generation.
    pub(super) fn computing(&mut self, session: &SessionId) -> Option<&mut Computing> {
        if let Some(filling) = self.sessions.moduli.fillings.get_mut(session) {
            return Some(&mut filling.computing);
        }
        match &mut self.sessions.generations.get_mut(session)?.making {
            Making::Rsa(computing) => Some(computing),
            Making::Group(_) | Making::Ready => None,
        }
    }

    pub(super) fn log_batches(&mut self, session: &SessionId, batches: u32) {
        let Some(generation) = self.sessions.generations.get(session) else { return };
        let key = hex::encode(&generation.statement.key_id);
        self.log(Event::RsaBatch { key, batches });
    }

    /// `cost`: batches, and bytes sent.
    pub(super) fn rsa_generated(&mut self, session: &SessionId, generated: Generated, cost: (u32, u64)) {
        if let Some(generation) = self.sessions.generations.get(session) {
            let (key, (batches, sent_bytes)) = (hex::encode(&generation.statement.key_id), cost);
            self.log(Event::RsaKeyMade { key, batches, sent_bytes });
        }
        let Generated { key, share, values, transcript } = generated;
        let secret = Secret::new(std::mem::take(&mut *Stored::encode(&share, &values)));
        let commitments = vec![values.digest(&key).to_vec()];
        let made = Made { public_key: key.encode(), commitments, transcript, secret };
        if let Err(made) = self.modulus_made(session, made) {
            self.keep_share(session, made);
        }
    }

    pub(super) fn rsa_failed(
        &mut self,
        session: &SessionId,
        error: &Error,
        (from, message): (NodeIndex, Zeroizing<Vec<u8>>),
    ) {
        if let Error::Fault(fault) = error {
            let sent = Sent::default().and(from, message.to_vec());
            self.failed_check(fault, Scene { protocol: Protocol::Generation, session, from, sent });
        }
        self.fail_generation(session, &error.to_string(), true);
        self.fail_filling(session, &error.to_string(), true);
    }
}
