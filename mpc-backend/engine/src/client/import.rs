//! Import of a private key at a node: the client has split it, and this node holds its share against the
//! commitments of the statement that it then signs. The registry takes the key only with N such signatures over
//! one statement, and so does each node one of a session (`threshold/spec/import.md`).

use prost::Message;
use proto::client::v1::{Code, Empty, ImportReply, ImportRequest, KeepImportRequest, response};
use proto::registry::v1::BirthStatement;
use proto::statement;
use threshold::fault::Fault;
use threshold::rsa::{PublicKey, Stored};
use threshold::secret::Secret;
use threshold::sharing::dealing::accept;
use threshold::sharing::replicated::Pieces;

use super::dispatch::Outcome;
use super::read::token_id;
use super::{Failure, ReplyTo};
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::registry::Id;
use crate::registry::birth::{self, Kind};
use crate::shares::Share;

impl Engine {
    /// Checks the statement and this node's share, and keeps the share before it signs.
    pub(super) fn import(&mut self, reply: ReplyTo, request: &ImportRequest) -> Result<Outcome, Failure> {
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
        let share = Secret::new(request.share.clone());
        self.check_share(&statement, &share)?;
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

    /// Holds a share against what the statement tells all nodes.
    fn check_share(&self, statement: &BirthStatement, share: &Secret<Vec<u8>>) -> Result<(), Failure> {
        let (me, threshold, checks) = (self.me.party, self.me.threshold, self.me.bugs.checks());
        let refused = |fault: Fault| Failure::invalid(&fault.rule.to_string());
        match birth::kind(statement).ok_or(Failure::invalid("keys of this kind are not imported"))? {
            Kind::Group(group) => {
                accept(group, &statement.commitments, threshold, me, share, checks).map_err(refused)
            }
            Kind::Rsa(wanted) => {
                let key = PublicKey::decode(&statement.public_key).ok().filter(|key| wanted.is(key));
                let key = key.ok_or(Failure::invalid("another public key than the statement names"))?;
                let layout =
                    Pieces::new(threshold).map_err(|misuse| Failure::invalid(&misuse.to_string()))?;
                let digest = statement.commitments.first().map(Vec::as_slice).unwrap_or_default();
                Stored::accept(key, &layout, me, share.expose(), digest, checks).map(drop).map_err(refused)
            }
        }
    }

    /// The share is durable: its statement may be signed.
    pub(crate) fn import_durable(&mut self, reply: ReplyTo, key_id: &Id) {
        let Some(share) = self.shares.get(key_id) else { return };
        let signature = statement::birth(share.encoded()).sign(&self.me.identity);
        self.log(Event::KeyImported { key: hex::encode(key_id) });
        self.answer(reply, response::Result::Import(ImportReply { signature }));
    }
}
