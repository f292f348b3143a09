//! Import of a private key at a node: the client has split it, and this node holds its share against the
//! commitments of the statement that it then signs. The registry takes the key only with N such signatures over
//! one statement, and so does each node one of a session (`threshold/spec/import.md`).

use prost::Message;
use proto::client::v1::{Code, Empty, ImportReply, ImportRequest, KeepImportRequest, response};
use proto::registry::v1::BirthStatement;
use proto::statement;
use threshold::fault::{Checks, Fault};
use threshold::party::{PartyIndex, Threshold};
use threshold::rsa::generate::Wanted;
use threshold::rsa::{PublicKey, Stored};
use threshold::secret::Secret;
use threshold::sharing::dealing::accept;
use threshold::sharing::replicated::Pieces;

use super::dispatch::Outcome;
use super::read::token_id;
use super::{Failure, ReplyTo};
use crate::effect::Effect;
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::registry::birth::{self, Kind};
use crate::registry::{Id, PublicKey as ClientKey};
use crate::shares::Share;

/// A share of an RSA key to be checked.
pub(crate) struct Offer {
    reply: ReplyTo,
    client: ClientKey,
    /// Without the share.
    request: ImportRequest,
    share: Secret<Vec<u8>>,
    statement: BirthStatement,
    wanted: Wanted,
    threshold: Threshold,
    me: PartyIndex,
    checks: Checks,
}

/// What came of the check.
pub(crate) struct OfferChecked {
    reply: ReplyTo,
    client: ClientKey,
    request: ImportRequest,
    share: Secret<Vec<u8>>,
    verdict: Result<(), Failure>,
}

impl Offer {
    /// Holds the share against what the statement tells all nodes: milliseconds.
    pub(crate) fn run(self) -> OfferChecked {
        let verdict = self.check();
        let Self { reply, client, request, share, .. } = self;
        OfferChecked { reply, client, request, share, verdict }
    }

    fn check(&self) -> Result<(), Failure> {
        let key = PublicKey::decode(&self.statement.public_key).ok().filter(|key| self.wanted.is(key));
        let key = key.ok_or(Failure::invalid("another public key than the statement names"))?;
        let layout = Pieces::new(self.threshold).map_err(|misuse| Failure::invalid(&misuse.to_string()))?;
        let digest = self.statement.commitments.first().map(Vec::as_slice).unwrap_or_default();
        let accepted = Stored::accept(key, &layout, self.me, self.share.expose(), digest, self.checks);
        accepted.map(drop).map_err(refused)
    }
}

/// Why a share is not taken.
fn refused(fault: Fault) -> Failure {
    Failure::invalid(&fault.rule.to_string())
}

impl Engine {
    /// Checks the statement and this node's share, and keeps the share before it signs.
    pub(super) fn import(&mut self, reply: ReplyTo, request: &ImportRequest) -> Result<Outcome, Failure> {
        let statement = self.check_statement(reply, request)?;
        let share = Secret::new(request.share.clone());
        let (threshold, me, checks) = (self.me.threshold, self.me.party, self.me.bugs.checks());
        match birth::kind(&statement).ok_or(Failure::invalid("keys of this kind are not imported"))? {
            Kind::Group(group) => {
                accept(group, &statement.commitments, threshold, me, &share, checks).map_err(refused)?;
                self.keep_offer(reply, request, statement, share)
            }
            Kind::Rsa(wanted) => {
                let (attributes, bytes) = (request.attributes.clone(), request.statement.clone());
                let request = ImportRequest { statement: bytes, share: Vec::new(), attributes };
                let client = self.clients.get(reply.conn).ok_or(Failure::invalid("no such connection"))?.key;
                self.clients.computing.begin(&client)?;
                let offer = Offer { reply, client, request, share, statement, wanted, threshold, me, checks };
                self.emit(Effect::Work(offer.into()));
                Ok(Outcome::Later)
            }
        }
    }

    /// A share was checked. What else was checked may have changed meanwhile.
    pub(crate) fn offer_checked(&mut self, checked: OfferChecked) {
        let OfferChecked { reply, client, request, share, verdict } = checked;
        self.clients.computing.end(&client);
        let kept = verdict
            .and_then(|()| self.check_statement(reply, &request))
            .and_then(|statement| self.keep_offer(reply, &request, statement, share));
        match kept {
            Ok(Outcome::Now(result)) => self.answer(reply, result),
            Ok(Outcome::Later | Outcome::Wait(_)) => {}
            Err(failure) => self.fail(reply, failure),
        }
    }

    /// Whether this client may import what the statement says.
    fn check_statement(&self, reply: ReplyTo, request: &ImportRequest) -> Result<BirthStatement, Failure> {
        let invalid = Failure::invalid;
        let statement = BirthStatement::decode(request.statement.as_slice())
            .map_err(|_| invalid("malformed birth statement"))?;
        // What is kept and compared is what was signed.
        if statement.encode_to_vec() != request.statement {
            return Err(invalid("birth statement with fields of its own"));
        }
        self.require_user(reply.conn, &token_id(&statement.token_id)?)?;
        let client = self.clients.get(reply.conn).ok_or(invalid("no such connection"))?.key;
        if statement.client_key != client {
            return Err(Failure::forbidden("the statement is of another client"));
        }
        let owner = self.clients.owner(reply.conn);
        if !statement.instance.is_empty() && owner.is_none_or(|(_, own)| own != *statement.instance) {
            return Err(Failure::forbidden("the statement is of another process"));
        }
        self.check_import(&statement, &request.attributes).map_err(Failure::forbidden)?;
        self.check_session_room(&statement).map_err(|why| Failure::new(Code::ResourceExhausted, why))?;
        Ok(statement)
    }

    /// Keeps a share that is right. Of a session key the statement is signed at once.
    fn keep_offer(
        &mut self,
        reply: ReplyTo,
        request: &ImportRequest,
        statement: BirthStatement,
        share: Secret<Vec<u8>>,
    ) -> Result<Outcome, Failure> {
        let invalid = Failure::invalid;
        let key_id = Id::try_from(statement.key_id.as_slice()).map_err(|_| invalid("key id: 16 bytes"))?;
        if !statement.instance.is_empty() {
            self.keep_session_share(key_id, statement, request.attributes.clone(), share);
            self.shares.await_certificate(&key_id, request.statement.clone());
            let signature = statement::birth(&request.statement).sign(&self.me.identity);
            return Ok(Outcome::Now(response::Result::Import(ImportReply { signature })));
        }
        let share = Share::pending(statement, request.statement.clone(), share);
        let write = share.write(&key_id);
        self.shares.insert(key_id, share);
        self.persist(vec![write], AfterPersist::Import(reply, key_id));
        Ok(Outcome::Later)
    }

    /// All nodes signed the statement of an imported session key: it serves from now on.
    pub(super) fn keep_import(
        &mut self,
        conn: u64,
        keep: &KeepImportRequest,
    ) -> Result<response::Result, Failure> {
        let certificate = keep.birth.as_ref().ok_or(Failure::invalid("no certificate"))?;
        let birth = birth::verify_signed(self.registry.trust(), certificate)
            .map_err(|refusal| Failure::forbidden(&refusal.to_string()))?;
        let (key_id, _) = self.owned_key(conn, &birth.statement().key_id)?;
        if !self.shares.certify(&key_id, &certificate.statement) {
            return Err(Failure::forbidden("this node signed another statement"));
        }
        self.log(Event::KeyImported { key: hex::encode(key_id) });
        Ok(response::Result::KeepImport(Empty {}))
    }

    /// The share is durable: its statement may be signed.
    pub(crate) fn import_durable(&mut self, reply: ReplyTo, key_id: &Id) {
        let Some(share) = self.shares.get(key_id) else { return };
        let signature = statement::birth(share.encoded()).sign(&self.me.identity);
        self.log(Event::KeyImported { key: hex::encode(key_id) });
        self.answer(reply, response::Result::Import(ImportReply { signature }));
    }
}
