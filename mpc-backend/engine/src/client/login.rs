//! Login: the OPRF evaluation that turns a PIN into a login key, and the proof of that key on this very
//! connection. The node sees neither PIN nor key (decision 0012).

use proto::client::v1::{Code, Empty, LoginRequest, LogoutRequest, OprfReply, OprfRequest, response};
use proto::registry::v1::{Purpose, Role};
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::oprf::EvaluationKey;

use super::read::token_id;
use super::{Client, Failure, Outcome, ReplyTo, Session, short};
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::persist;
use crate::registry::{Id, PublicKey, oprf_key_id};

impl Client {
    /// As whom this connection is logged in to a token.
    pub(crate) fn role(&self, token: &Id) -> Option<Role> {
        self.logins.get(token).map(|session| session.role)
    }
}

impl Engine {
    /// Evaluates under the key of a registered login for any enrolled client, and answers once the try that it takes is
    /// durable; under a pending key only for the client that asked for it.
    pub(super) fn oprf(
        &mut self,
        reply: ReplyTo,
        client: &PublicKey,
        request: &OprfRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Outcome, Failure> {
        let not_found = || Failure::new(Code::NotFound, "no such OPRF key");
        let share = self.shares.get(&request.key_id).ok_or_else(not_found)?;
        if share.statement.purpose() != Purpose::LoginOprf {
            return Err(not_found());
        }
        let (token, role) = (token_id(&share.statement.token_id)?, share.statement.role());
        let key_id = token_id(&request.key_id)?;
        if share.active_since == 0 && share.statement.client_key != client {
            return Err(not_found());
        }
        let counted = share.active_since != 0;
        if request.only_ask {
            let tries = self.clients.tries.get(&key_id).filter(|_| counted).cloned().unwrap_or_default();
            let (free_tries, quiet_ms) = (tries.free(), tries.quiet_ms(self.now));
            let answer = OprfReply { free_tries, quiet_ms, ..OprfReply::default() };
            return Ok(Outcome::Now(response::Result::Oprf(answer)));
        }
        if counted {
            self.take_try(key_id, token, role, request)?;
        }
        let share = self.shares.get(&request.key_id).ok_or_else(not_found)?;
        let key = EvaluationKey::new(self.me.party, &share.secret)
            .map_err(|_| Failure::new(Code::Internal, "stored OPRF share is not canonical"))?;
        let context = statement::oprf_context(&self.me.cluster_id, &request.key_id);
        let evaluation = key
            .evaluate(&request.blinded, &context, rng)
            .map_err(|_| Failure::invalid("blinded element is not canonical"))?;
        let (evaluated, proof) = (evaluation.element.to_vec(), evaluation.proof.to_vec());
        let answer = OprfReply { evaluated, proof, ..OprfReply::default() };
        match self.clients.tries.get(&key_id) {
            // Also for an attempt that asks again: the first write may still be on its way.
            Some(tries) if counted => {
                let write = persist::put_tries(&key_id, tries);
                self.persist(vec![write], AfterPersist::Try { reply, answer });
                Ok(Outcome::Later)
            }
            _ => Ok(Outcome::Now(response::Result::Oprf(answer))),
        }
    }

    fn take_try(&mut self, key_id: Id, token: Id, role: Role, request: &OprfRequest) -> Result<(), Failure> {
        let tries = self.clients.tries.entry(key_id).or_default();
        let taken = tries.take(request.try_number, &request.blinded, self.now);
        if taken.as_ref().is_err_and(|failure| failure.code == Code::PinLocked) {
            let (token, role) = (short(&token), role.as_str_name());
            self.log(Event::PinLocked { token, role });
        }
        taken
    }

    /// The right PIN was given, or its OPRF key is gone: the tries begin anew.
    pub(crate) fn forget_tries(&mut self, key_id: &Id) {
        if self.clients.tries.remove(key_id).is_some() {
            self.persist(vec![persist::delete_tries(key_id)], AfterPersist::Nothing);
        }
    }

    pub(super) fn login(&mut self, conn: u64, request: &LoginRequest) -> Result<response::Result, Failure> {
        let token = token_id(&request.token_id)?;
        let role = request.role();
        let login = self.registry.login(&token, role);
        let login = login.ok_or(Failure::new(Code::NotFound, "the token has no such login"))?;
        if login.version != request.login_version {
            let message = format!("login version is {}, not {}", login.version, request.login_version);
            return Err(Failure::new(Code::Conflict, message));
        }
        let (cluster, node) = (&self.me.cluster_id, u32::from(self.me.index));
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?;
        let challenge = client.challenge.ok_or(Failure::invalid("login before hello"))?;
        let statement = statement::login(
            cluster,
            node,
            &client.key,
            &client.exporter,
            &challenge,
            &token,
            role,
            login.version,
        );
        if !statement.verify(&login.login_key, &request.signature) {
            return Err(Failure::new(Code::Forbidden, "login proof is not valid"));
        }
        let session = Session { role, version: login.version };
        let given = oprf_key_id(login).filter(|_| request.pin_given);
        let name = short(&client.key);
        if let Some(client) = self.clients.connections.get_mut(&conn) {
            client.logins.insert(token, session);
        }
        if let Some(key_id) = given {
            self.forget_tries(&key_id);
        }
        let (token, role) = (short(&token), role.as_str_name());
        self.log(Event::LoggedIn { client: name, token, role });
        Ok(response::Result::Login(Empty {}))
    }

    pub(super) fn logout(&mut self, conn: u64, request: &LogoutRequest) -> Result<response::Result, Failure> {
        let token = token_id(&request.token_id)?;
        let client = self.clients.connections.get_mut(&conn);
        match client.and_then(|client| client.logins.remove(&token)) {
            Some(_) => Ok(response::Result::Logout(Empty {})),
            None => Err(Failure::new(Code::NotLoggedIn, "not logged in to this token")),
        }
    }

    /// Refuses unless the connection is logged in as the token's user.
    pub(super) fn require_user(&self, conn: u64, token: &Id) -> Result<(), Failure> {
        match self.clients.get(conn).and_then(|client| client.role(token)) {
            Some(Role::User) => Ok(()),
            Some(_) => Err(Failure::forbidden("the security officer uses no keys")),
            None => Err(Failure::new(Code::NotLoggedIn, "not logged in to this token")),
        }
    }
}
