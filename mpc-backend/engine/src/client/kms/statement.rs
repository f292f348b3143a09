//! A client's statement at a node: by this connection's client, for this node, fresh, and for the first time.

use proto::client::v1::Code;
use proto::kms::v1::{Pair, Statement};
use proto::kms::{STATEMENT_MS_MAX, context_is_canonical};

use super::super::Failure;
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::registry::{Id, PublicKey};

/// Longest name of an operation.
const OPERATION_BYTES_MAX: usize = 64;

/// A statement that was verified.
pub(super) struct Asked<'a> {
    pub(super) key_id: Id,
    pub(super) client: PublicKey,
    pub(super) quorum: Vec<NodeIndex>,
    pub(super) request_nonce: [u8; 32],
    said: &'a Statement,
}

impl Asked<'_> {
    pub(super) fn operation(&self) -> &str {
        &self.said.operation
    }

    pub(super) fn context(&self) -> &[Pair] {
        &self.said.context
    }
}

impl Engine {
    /// Verifies a statement about a key of the interface that this connection may see. `parameter` is the hash of what
    /// else the request says.
    pub(super) fn kms_asked<'a>(
        &mut self,
        conn: u64,
        said: Option<&'a Statement>,
        parameter: &[u8],
    ) -> Result<Asked<'a>, Failure> {
        let said = said.ok_or(Failure::invalid("no statement"))?;
        let letters = said.operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if said.operation.is_empty() || said.operation.len() > OPERATION_BYTES_MAX || !letters {
            return Err(Failure::invalid("name of the operation"));
        }
        if !context_is_canonical(&said.context) {
            return Err(Failure::invalid("encryption context: in order, each name once, within its limits"));
        }
        let quorum = self.signer_set(&said.quorum).map_err(Failure::invalid)?;
        let request_nonce = <[u8; 32]>::try_from(said.request_nonce.as_slice())
            .map_err(|_| Failure::invalid("request nonce: 32 bytes"))?;
        let (key_id, _) = self.owned_key(conn, &said.key_id)?;
        if self.registry.kms(&key_id).is_none_or(crate::registry::Kms::is_material) {
            return Err(Failure::new(Code::NotFound, "no such key of the KMS interface"));
        }
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?.key;
        let now = self.wall_clock_ms();
        if said.expires_unix_ms < now || said.expires_unix_ms > now.saturating_add(STATEMENT_MS_MAX) {
            return Err(Failure::invalid("the statement is not of this time: are the clocks right?"));
        }
        let statement = proto::kms::statement(&self.me.cluster_id, said, parameter);
        if !statement.verify(&client, &said.signature) {
            return Err(Failure::forbidden("the statement is not signed by this client"));
        }
        if !self.clients.fresh.hear(&client, now, said.expires_unix_ms, request_nonce) {
            return Err(Failure::forbidden("this statement was heard before"));
        }
        Ok(Asked { key_id, client, quorum, request_nonce, said })
    }
}
