//! Logins of this process, and their proof over each connection (design 3a).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ed25519_dalek::SigningKey;
use proto::client::v1::{Code, LoginRequest, request};
use proto::registry::v1::{LoginAuthor, Role as WireRole, author};
use proto::statement;
use token::backend::{BackendError, BackendResult, Reauthentication, Role, TokenId};

use crate::connect::Connection;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::sync::lock;

/// A login: the key that PIN and OPRF yielded. Wiped when the last call that uses it ends.
pub(crate) struct Login {
    /// Tells this login from every other of this process.
    pub(crate) serial: u64,
    pub(crate) role: Role,
    /// PIN version.
    pub(crate) version: u64,
    pub(crate) key: SigningKey,
    token: TokenId,
}

/// All logins of this process, one a token.
#[derive(Default)]
pub(crate) struct Logins {
    current: Mutex<BTreeMap<TokenId, Arc<Login>>>,
    last_serial: AtomicU64,
}

impl Logins {
    /// Begins a login in place of the token's last one.
    pub(crate) fn begin(&self, token: TokenId, role: Role, version: u64, key: SigningKey) -> Arc<Login> {
        let serial = self.last_serial.fetch_add(1, Ordering::Relaxed) + 1;
        let login = Arc::new(Login { serial, role, version, key, token });
        lock(&self.current).insert(token, login.clone());
        login
    }

    /// Ends the token's login.
    pub(crate) fn end(&self, token: TokenId) {
        lock(&self.current).remove(&token);
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        lock(&self.current).clear();
    }

    /// The token's login.
    pub(crate) fn get(&self, token: TokenId) -> Option<Arc<Login>> {
        lock(&self.current).get(&token).cloned()
    }

    /// Whether every login that a connection has shown is still valid here.
    pub(crate) fn all_current(&self, shown: &[(TokenId, u64)]) -> bool {
        let current = lock(&self.current);
        shown.iter().all(|(token, serial)| current.get(token).is_some_and(|login| login.serial == *serial))
    }
}

impl Login {
    /// A login for one change of PIN: connections that it was shown over are not used again.
    pub(crate) fn detached(token: TokenId, role: Role, version: u64, key: SigningKey) -> Self {
        Self { serial: 0, role, version, key, token }
    }

    /// How the login signs registry commands.
    pub(crate) fn author(&self) -> author::Kind {
        author::Kind::Login(LoginAuthor {
            token_id: self.token.0.to_vec(),
            role: wire_role(self.role).into(),
        })
    }

    /// Proves the login over `connection`, once.
    ///
    /// # Errors
    /// Any [`NodeFailure`]. A login that the node does not accept is `NOT_LOGGED_IN`: the PIN was
    /// changed elsewhere.
    pub(crate) fn show(
        &self,
        core: &Core,
        connection: &mut Connection,
        deadline: Deadline,
    ) -> Result<(), NodeFailure> {
        match connection.logins.contains(&(self.token, self.serial)) {
            true => Ok(()),
            false => self.prove(core, connection, false, deadline),
        }
    }

    /// Proves the login over `connection`, also if it was shown there. `pin_given`: just now.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub(crate) fn prove(
        &self,
        core: &Core,
        connection: &mut Connection,
        pin_given: bool,
        deadline: Deadline,
    ) -> Result<(), NodeFailure> {
        let role = wire_role(self.role);
        let signed = statement::login(
            &core.cluster_id,
            u32::from(connection.node()),
            &core.identity.public(),
            connection.exporter(),
            &connection.hello().challenge,
            &self.token.0,
            role,
            self.version,
        );
        let request = LoginRequest {
            token_id: self.token.0.to_vec(),
            role: role.into(),
            login_version: self.version,
            signature: signed.sign(&self.key),
            pin_given,
        };
        connection.call(request::Op::Login(request), 0, deadline).map_err(|failure| match failure {
            NodeFailure::Refused {
                code: Code::Forbidden | Code::NotFound | Code::Conflict,
                message,
                nodes,
            } => NodeFailure::Refused { code: Code::NotLoggedIn, message, nodes },
            other => other,
        })?;
        connection.logins.retain(|(token, _)| *token != self.token);
        connection.logins.push((self.token, self.serial));
        Ok(())
    }
}

/// What a request to use a private key shows beside the login of its connection.
pub(crate) struct Shown {
    /// It is a signed statement: of keys of the KMS interface.
    pub(crate) stated: bool,
    /// The PIN was given again.
    pub(crate) again: Option<Again>,
}

/// The user's PIN, given again for one use of a key (`CKA_ALWAYS_AUTHENTICATE`).
pub(crate) struct Again {
    token: TokenId,
    version: u64,
    key: SigningKey,
}

impl Again {
    /// # Errors
    /// `NotLoggedIn` if the login has ended since.
    pub(crate) fn new(core: &Core, token: TokenId, given: &Reauthentication) -> BackendResult<Self> {
        let login = core.logins.get(token).ok_or(BackendError::NotLoggedIn)?;
        Ok(Self { token, version: login.version, key: SigningKey::from_bytes(given.secret()) })
    }

    /// What each node of the quorum is shown with one request. `parameter` is the hash of what else it says.
    pub(crate) fn sign(
        &self,
        core: &Core,
        key_id: &[u8],
        quorum: &[u32],
        request_nonce: &[u8],
        parameter: &[u8; 32],
    ) -> Vec<u8> {
        let (cluster, client) = (&core.cluster_id, core.identity.public());
        let login = statement::UserLogin { token_id: &self.token.0, version: self.version };
        statement::key_use(cluster, &client, login, key_id, quorum, request_nonce, parameter).sign(&self.key)
    }
}

/// The role as the wire spells it.
pub(crate) fn wire_role(role: Role) -> WireRole {
    match role {
        Role::SecurityOfficer => WireRole::SecurityOfficer,
        Role::User => WireRole::User,
    }
}
