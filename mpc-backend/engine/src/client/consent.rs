//! Keys that ask for the user's PIN at each use: `CKA_ALWAYS_AUTHENTICATE` (PKCS#11 3.1, section 4.9).
//!
//! PIN and OPRF yield a consent key beside the login key, which signs what the private key shall be used for and is
//! forgotten then: a process that is logged in does not have it. The signature covers all that the answer depends on, so
//! that a second answer to the same request is no second use: a presignature serves once, and RSA makes the same of the
//! same.

use proto::registry::v1::Role;
use proto::statement::{UserLogin, key_use};

use super::Failure;
use crate::engine::Engine;
use crate::registry::{Id, attributes};
use proto::client::v1::Code;

/// A request to use a private key.
pub(super) struct KeyUse<'a> {
    pub(super) key_id: &'a Id,
    pub(super) quorum: &'a [u32],
    pub(super) request_nonce: &'a [u8],
    /// Hash of what else the request says.
    pub(super) parameter: &'a dyn Fn() -> [u8; 32],
    pub(super) consent: &'a [u8],
}

impl Engine {
    /// Refuses a use that its key wants the PIN for, unless the PIN was given for this one.
    pub(super) fn check_consent(&self, conn: u64, asked: &KeyUse<'_>) -> Result<(), Failure> {
        let key = self.usable(asked.key_id).ok_or(Failure::new(Code::NotFound, "no such key"))?;
        if !attributes::is_true(key.attributes, attributes::CKA_ALWAYS_AUTHENTICATE) {
            return match asked.consent {
                [] => Ok(()),
                _ => Err(Failure::invalid("only keys that ask for the PIN at each use take a consent")),
            };
        }
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?;
        let refused = || Failure::new(Code::NotLoggedIn, "the key asks for the PIN at each use");
        let login = self.registry.login(&key.token_id, Role::User).ok_or_else(refused)?;
        let user = UserLogin { token_id: &key.token_id, version: login.version };
        let said = key_use(
            &self.me.cluster_id,
            &client.key,
            user,
            asked.key_id,
            asked.quorum,
            asked.request_nonce,
            &(asked.parameter)(),
        );
        if said.verify(&login.consent_key, asked.consent) { Ok(()) } else { Err(refused()) }
    }
}
