//! What is asked for, as every node hears it: a statement signed by this client's identity.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::kms::statement;
use proto::kms::v1::{Pair, Statement};

use crate::core::Core;

/// An operation and its encryption context.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Its name without `kms:`, such as `Encrypt`: what the policy is asked for.
    pub operation: &'a str,
    /// Ascending by name, see [`super::pairs`].
    pub context: &'a [Pair],
}

impl Core {
    /// The statement of a request with this nonce to a quorum; `parameter` is the hash of what else the request says.
    pub(crate) fn kms_statement(
        &self,
        key_id: &[u8],
        ask: Ask<'_>,
        quorum: &[u8],
        request_nonce: &[u8; 32],
        parameter: &[u8],
    ) -> Statement {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut said = Statement {
            key_id: key_id.to_vec(),
            operation: ask.operation.to_owned(),
            context: ask.context.to_vec(),
            quorum: quorum.iter().copied().map(u32::from).collect(),
            request_nonce: request_nonce.to_vec(),
            expires_unix_ms: u64::try_from(now).unwrap_or(u64::MAX).saturating_add(LIFE_MS),
            signature: Vec::new(),
        };
        said.signature = statement(&self.cluster_id, &said, parameter).sign(self.identity.key());
        said
    }
}

/// How long a statement is good, in ms: clocks may differ by half of what nodes allow.
const LIFE_MS: u64 = proto::kms::STATEMENT_MS_MAX / 2;
