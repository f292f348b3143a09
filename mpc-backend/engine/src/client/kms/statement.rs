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

/// A request of PKCS#11 with its statement.
pub(in crate::client) struct Stated<'a> {
    pub(in crate::client) said: Option<&'a Statement>,
    pub(in crate::client) key_id: &'a Id,
    pub(in crate::client) operation: &'static str,
    /// Who is asked, and the nonce, as the request has them.
    pub(in crate::client) quorum: &'a [u32],
    pub(in crate::client) request_nonce: &'a [u8],
    /// Hash of what else the request says.
    pub(in crate::client) parameter: &'a dyn Fn() -> [u8; 32],
    /// Whether it must be new: not where it waited here, and not at a witness, who grants a request as often as it is
    /// asked.
    pub(in crate::client) once: bool,
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
        let (key_id, _) = self.owned_key(conn, &said.key_id)?;
        if self.registry.kms(&key_id).is_none_or(crate::registry::Kms::is_material) {
            return Err(Failure::new(Code::NotFound, "no such key of the KMS interface"));
        }
        self.kms_paced(conn)?;
        let (client, request_nonce) = self.kms_signed(conn, said, parameter)?;
        self.kms_heard(&client, said.expires_unix_ms, request_nonce)?;
        Ok(Asked { key_id, client, quorum, request_nonce, said })
    }

    /// Whether a request that this connection may make is what its client's statement says. Keys of the interface alone
    /// have statements.
    pub(in crate::client) fn check_stated(&mut self, conn: u64, stated: &Stated<'_>) -> Result<(), Failure> {
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::NoStatement) {
            return Ok(());
        }
        let said = match (self.registry.kms(stated.key_id), stated.said) {
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                return Err(Failure::invalid("only keys of the KMS interface have statements"));
            }
            // The client may not know yet that it is such a key.
            (Some(_), None) => {
                return Err(Failure::new(Code::Conflict, "a KMS key is used by a signed statement"));
            }
            (Some(_), Some(said)) => said,
        };
        let same = said.key_id == stated.key_id
            && said.operation == stated.operation
            && said.context.is_empty()
            && said.quorum == stated.quorum
            && said.request_nonce == stated.request_nonce;
        if !same {
            return Err(Failure::forbidden("the statement is of another request"));
        }
        if stated.once {
            self.kms_paced(conn)?;
        }
        let (client, request_nonce) = self.kms_signed(conn, said, &(stated.parameter)())?;
        match stated.once {
            true => self.kms_heard(&client, said.expires_unix_ms, request_nonce),
            false => Ok(()),
        }
    }

    /// The client of a statement that is of this time and signed by this connection's client, and its nonce.
    fn kms_signed(
        &mut self,
        conn: u64,
        said: &Statement,
        parameter: &[u8],
    ) -> Result<(PublicKey, [u8; 32]), Failure> {
        let request_nonce = <[u8; 32]>::try_from(said.request_nonce.as_slice())
            .map_err(|_| Failure::invalid("request nonce: 32 bytes"))?;
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?.key;
        let now = self.wall_clock_ms();
        if said.expires_unix_ms < now || said.expires_unix_ms > now.saturating_add(STATEMENT_MS_MAX) {
            return Err(Failure::invalid("the statement is not of this time: are the clocks right?"));
        }
        let statement = proto::kms::statement(&self.me.cluster_id, said, parameter);
        if !statement.verify(&client, &said.signature) {
            return Err(Failure::forbidden("the statement is not signed by this client"));
        }
        Ok((client, request_nonce))
    }

    /// Counts a request against its client's quota, before anything is computed for it.
    fn kms_paced(&mut self, conn: u64) -> Result<(), Failure> {
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?.key;
        match self.clients.pace.allows(&client, self.me.limits.kms_requests_per_s, self.now) {
            true => Ok(()),
            false => Err(Failure::new(Code::Throttled, "too many requests for KMS keys within a second")),
        }
    }

    fn kms_heard(&mut self, client: &PublicKey, expires_ms: u64, nonce: [u8; 32]) -> Result<(), Failure> {
        let now = self.wall_clock_ms();
        match self.clients.fresh.hear(client, now, expires_ms, nonce) {
            true => Ok(()),
            false => Err(Failure::forbidden("this statement was heard before")),
        }
    }
}
