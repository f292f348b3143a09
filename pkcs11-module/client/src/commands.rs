//! Registry commands: built once, signed by this process's identity and login, proposed until a
//! node says at which index they were applied.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;
use proto::client::v1::{ProposeRequest, request, response};
use proto::limits::{COMMAND_BYTES_MAX, COMMAND_WINDOW, FORMAT};
use proto::registry::v1::{
    Command, CreateObjects, DestroyObject, NewObject, ObjectRecord as WireRecord, SignedCommand,
    UpdateObject, author, command::Body,
};
use proto::statement;
use rand_core::{OsRng, RngCore};
use token::backend::{Attributes, BackendError, BackendResult, Freshness, ObjectId, ObjectRecord, TokenId};

use crate::call::{Setback, Terms, wrong_kind};
use crate::core::Core;
use crate::deadline::Deadline;
use crate::login::Login;
use crate::record::{self, Trusted, to_store, to_wire};
use crate::registry::Registry;

impl Core {
    /// Signs `body` with our identity and the given logins, and has it applied.
    pub(crate) fn command(&self, body: Body, logins: &[&Login], deadline: Deadline) -> BackendResult<()> {
        if self.nodes.registry_index() == 0 {
            self.agreed_tokens(deadline)?;
        }
        let not_after = self.not_after();
        match self.propose(&self.signed(body.clone(), not_after, logins)?, deadline) {
            Err(BackendError::Stale) => {}
            outcome => return outcome.map(drop),
        }
        // A command goes to one node, and tells that one's index only. What T nodes told may be so old that the command
        // came too late; then no node applies it any more, and it is signed anew. Nodes are not all at one index, so that
        // nearly too late is taken for it: if the conflict has another reason, it shows again.
        self.agreed_tokens(deadline)?;
        if not_after.saturating_sub(self.nodes.registry_index()) > COMMAND_WINDOW / 2 {
            return Err(BackendError::Stale);
        }
        self.propose(&self.signed(body, self.not_after(), logins)?, deadline).map(drop)
    }

    /// Up to which index a command is valid that is signed now.
    fn not_after(&self) -> u64 {
        self.nodes.registry_index().saturating_add(COMMAND_WINDOW)
    }

    fn signed(&self, body: Body, not_after: u64, logins: &[&Login]) -> BackendResult<SignedCommand> {
        let mut command_id = vec![0; 16];
        OsRng.fill_bytes(&mut command_id);
        let command = Command {
            format: FORMAT,
            cluster_id: self.cluster_id.to_vec(),
            command_id,
            not_after_index: not_after,
            body: Some(body),
        }
        .encode_to_vec();
        if command.len() > COMMAND_BYTES_MAX {
            return Err(BackendError::Full(format!(
                "a command of {} bytes is over the limit",
                command.len()
            )));
        }
        let own = author::Kind::ClientKey(self.identity.public().to_vec());
        let mut signatures =
            vec![statement::sign_command(&self.cluster_id, &command, own, self.identity.key())];
        signatures.extend(
            logins
                .iter()
                .map(|login| statement::sign_command(&self.cluster_id, &command, login.author(), &login.key)),
        );
        Ok(SignedCommand { command, signatures })
    }

    /// Has a signed command applied, by whichever node does it, and answers with the index. Sending
    /// it again is harmless: a command is applied once, and nodes remember at which index.
    pub(crate) fn propose(&self, command: &SignedCommand, deadline: Deadline) -> BackendResult<u64> {
        let index = self.with_quorum(1, deadline, |set, attempt| {
            let op = request::Op::Propose(ProposeRequest { command: Some(command.clone()) });
            let requests = set.iter().map(|node| (*node, op.clone())).collect();
            let terms = Terms { token: None, min_registry_index: 0, repeatable: true, deadline: attempt };
            let answers = Self::all_answered(self.ask(requests, terms))?;
            let Some((node, answer)) = answers.into_iter().next() else { return Err(Setback::Set) };
            match answer.result {
                response::Result::Propose(reply) => Ok(reply.index),
                _ => Err(wrong_kind(node)),
            }
        })?;
        self.wrote(index);
        Ok(index)
    }
}

/// Objects of a token, changed by commands.
impl Registry {
    /// Stores new objects, all or none, and answers with their records in the same order.
    pub(crate) fn create(
        &self,
        core: &Core,
        token: TokenId,
        objects: Vec<NewObject>,
        deadline: Deadline,
    ) -> BackendResult<Vec<ObjectRecord>> {
        let trusted: Vec<Trusted> = objects
            .iter()
            .map(|new| first_record(token, new))
            .map(|wire| record::check(&core.manifest, token, wire))
            .collect::<Result<_, _>>()
            .map_err(|fault| BackendError::Internal(fault.to_string()))?;
        let body = Body::CreateObjects(CreateObjects { token_id: token.0.to_vec(), objects });
        self.command(core, token, body, deadline)?;
        Ok(trusted
            .into_iter()
            .map(|trusted| {
                let record = ObjectRecord::clone(&trusted.record);
                self.changed(core, token, record.id, Some(trusted));
                record
            })
            .collect())
    }

    /// Replaces the attributes of an object that still has `base_version`.
    pub(crate) fn update(
        &self,
        core: &Core,
        token: TokenId,
        id: ObjectId,
        base_version: u64,
        attributes: &Attributes,
    ) -> BackendResult<ObjectRecord> {
        let deadline = core.start()?;
        let listing = self.listing(core, token, Freshness::Cached)?;
        let before = listing.get(id)?;
        if before.record.version != base_version {
            return Err(BackendError::Stale);
        }
        let attributes = to_wire(&to_store(before, attributes));
        let wire = WireRecord {
            version: base_version + 1,
            predecessor: before.hash.to_vec(),
            attributes: attributes.clone(),
            ..before.wire.clone()
        };
        let after = record::check(&core.manifest, token, wire)
            .map_err(|fault| BackendError::Internal(fault.to_string()))?;
        let body = Body::UpdateObject(UpdateObject {
            token_id: token.0.to_vec(),
            object_id: id.0.to_vec(),
            predecessor: before.hash.to_vec(),
            attributes,
        });
        self.command(core, token, body, deadline)?;
        let record = ObjectRecord::clone(&after.record);
        self.changed(core, token, id, Some(after));
        Ok(record)
    }

    /// Destroys an object that still has `base_version`.
    pub(crate) fn destroy(
        &self,
        core: &Core,
        token: TokenId,
        id: ObjectId,
        base_version: u64,
    ) -> BackendResult<()> {
        let deadline = core.start()?;
        let listing = self.listing(core, token, Freshness::Cached)?;
        let before = listing.get(id)?;
        if before.record.version != base_version {
            return Err(BackendError::Stale);
        }
        let body = Body::DestroyObject(DestroyObject {
            token_id: token.0.to_vec(),
            object_id: id.0.to_vec(),
            predecessor: before.hash.to_vec(),
        });
        self.command(core, token, body, deadline)?;
        self.changed(core, token, id, None);
        Ok(())
    }

    /// A command about objects, also by the login if there is one. When somebody else was faster,
    /// the kept listing is out of date.
    fn command(&self, core: &Core, token: TokenId, body: Body, deadline: Deadline) -> BackendResult<()> {
        let login = core.logins.get(token);
        let logins: Vec<&Login> = login.as_deref().into_iter().collect();
        let outcome = core.command(body, &logins, deadline);
        if outcome.is_err() {
            self.outdate_objects(token);
        }
        outcome
    }
}

/// The record that the registry makes of a new object.
pub(crate) fn first_record(token: TokenId, new: &NewObject) -> WireRecord {
    WireRecord {
        format: FORMAT,
        token_id: token.0.to_vec(),
        object_id: new.object_id.clone(),
        version: 1,
        predecessor: Vec::new(),
        attributes: new.attributes.clone(),
        birth: new.birth.clone(),
        author: None,
    }
}

/// An id for a new object: a UUID of version 7 (RFC 9562, 5.7), 48 bits of milliseconds and 74 random bits, so that
/// ids sort in order of creation. Two of this process never have the same time.
pub(crate) fn new_object_id() -> ObjectId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let next = |last: u64| Some(now.max(last + 1));
    let last = LAST_ID_MILLIS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    for (to, from) in id.iter_mut().zip(now.max(last + 1).to_be_bytes().iter().skip(2)) {
        *to = *from;
    }
    // Version and variant.
    for (at, kept, marked) in [(6, 0x0f, 0x70), (8, 0x3f, 0x80)] {
        id.iter_mut().skip(at).take(1).for_each(|byte| *byte = *byte & kept | marked);
    }
    ObjectId(id)
}

/// Time in the id made last.
static LAST_ID_MILLIS: AtomicU64 = AtomicU64::new(0);
