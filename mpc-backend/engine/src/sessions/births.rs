//! What a key is to be born as, and what every node checks before it takes part.

use proto::limits::BIRTH_WINDOW;
use proto::registry::v1::{Attribute, BirthStatement, Purpose, Role};

use crate::engine::Engine;
use crate::peers::Why;
use crate::registry::{attributes, birth};

/// Most generations at a time, and of one client.
const OPEN_MAX: usize = 32;
const OPEN_OF_CLIENT_MAX: usize = 8;
/// Most shares that wait for their record, and of one client.
const PENDING_MAX: usize = 1024;
const PENDING_OF_CLIENT_MAX: usize = 256;
/// How far the coordinator's registry index may be ahead of ours, or behind.
const BASE_SLACK: u64 = BIRTH_WINDOW / 4;

impl Engine {
    /// What every node checks before it takes part, whoever coordinates.
    pub(crate) fn check_birth(
        &self,
        statement: &BirthStatement,
        attributes: &[Attribute],
    ) -> Result<(), Why> {
        birth::check_request(&self.registry, statement)?;
        Self::check_attributes(statement, attributes)?;
        self.check_room(statement)
    }

    /// What this node checks before it takes a share of a key that a client has split.
    pub(crate) fn check_import(
        &self,
        statement: &BirthStatement,
        attributes: &[Attribute],
    ) -> Result<(), Why> {
        birth::check_import(&self.registry, statement)?;
        Self::check_attributes(statement, attributes)?;
        self.check_room(statement)
    }

    /// The attributes of a session key come before its birth, and all others with the record.
    fn check_attributes(statement: &BirthStatement, attributes: &[Attribute]) -> Result<(), Why> {
        match statement.instance.is_empty() {
            true if attributes.is_empty() => Ok(()),
            true => Err("the attributes of this key come with its record"),
            false => attributes::check_session_key(attributes, statement),
        }
    }

    /// Whether this node can take one more key, of this id, at this index.
    pub(crate) fn check_room(&self, statement: &BirthStatement) -> Result<(), Why> {
        let (base, index) = (statement.base_index, self.registry.index());
        if base > index.saturating_add(BASE_SLACK) || index > base.saturating_add(BASE_SLACK) {
            return Err("registry index of the birth is far from ours");
        }
        if !self.is_serving() {
            return Err("this node is not serving yet");
        }
        if self.shares.get(&statement.key_id).is_some() {
            return Err("a share of this key id exists");
        }
        let open = self.sessions.generations.values();
        let same_client = open.clone().filter(|open| open.statement.client_key == statement.client_key);
        if open.clone().any(|open| open.statement.key_id == statement.key_id) {
            return Err("this key id is being generated");
        }
        if open.count() >= OPEN_MAX || same_client.count() >= OPEN_OF_CLIENT_MAX {
            return Err("too many generations at a time");
        }
        let (pending, of_client) = self.shares.pending(&statement.client_key);
        if pending >= PENDING_MAX || of_client >= PENDING_OF_CLIENT_MAX {
            return Err("too many generated keys wait for their record");
        }
        Ok(())
    }

    /// A statement of what a client asks for, to be completed by the protocol. `instance` is empty but for a
    /// session key.
    pub(crate) fn birth_request(
        &self,
        client_key: &[u8; 32],
        instance: &[u8],
        request: &proto::client::v1::GenerateRequest,
    ) -> BirthStatement {
        BirthStatement {
            format: proto::limits::FORMAT,
            cluster_id: self.me.cluster_id.to_vec(),
            purpose: request.purpose,
            token_id: request.token_id.clone(),
            key_id: request.key_id.clone(),
            curve: request.curve.clone(),
            attributes_hash: request.attributes_hash.clone(),
            base_index: self.registry.index(),
            epoch: birth::FIRST_EPOCH,
            role: match request.purpose() {
                Purpose::LoginOprf => request.role,
                _ => Role::Unspecified as i32,
            },
            pin_version: request.pin_version,
            client_key: client_key.to_vec(),
            instance: instance.to_vec(),
            ..BirthStatement::default()
        }
    }
}
