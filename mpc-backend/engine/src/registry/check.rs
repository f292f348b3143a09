//! Whether a command may be applied now. Reads only: what it finds is a [`Mutation`] that `apply` carries out.

use prost::Message;
use proto::limits::{COMMAND_WINDOW, FORMAT, NAME_BYTES_MAX};
use proto::registry::v1::{
    BirthStatement, Command, EnrolClient, EnrolledClient, InitToken, Login, ObjectRecord, Purpose, Role,
    SetLogin, SignedCommand, TokenRecord, command::Body,
};

use super::birth::{self, Birth};
use super::matrix::{Case, allow};
use super::verify::{self, Authors};
use super::{CLIENTS_MAX, Id, PublicKey, Refusal, Registry, TOKENS_MAX, command_digest, decode};

/// A command that passed every check at one index.
pub(super) struct Checked {
    pub(super) name: &'static str,
    pub(super) digest: [u8; 32],
    pub(super) mutation: Mutation,
}

/// What a command does to the state.
pub(super) enum Mutation {
    Client(EnrolledClient),
    Token(TokenRecord),
    /// The token afterwards; all its objects and the keys of its logins go.
    InitToken(TokenRecord, BirthStatement),
    /// The token afterwards, and the OPRF key that replaces the role's last one.
    Login(TokenRecord, Role, BirthStatement),
    Create(Vec<(ObjectRecord, Option<BirthStatement>)>),
    Update(ObjectRecord),
    Destroy(Id, Vec<Id>),
}

/// A command with everything that its check needs.
pub(super) struct Context<'a> {
    pub(super) registry: &'a Registry,
    index: u64,
    pub(super) authors: Authors,
    pub(super) signed: &'a SignedCommand,
}

impl Registry {
    /// Checks a command as if it stood at `index` of the log. The name is for the log.
    pub(super) fn check_at(&self, index: u64, bytes: &[u8]) -> Result<Checked, (&'static str, Refusal)> {
        let unnamed = |refusal| ("Unreadable", refusal);
        let signed = decode(bytes).map_err(unnamed)?;
        let digest = command_digest(&signed.command);
        let command =
            Command::decode(signed.command.as_slice()).map_err(|_| unnamed(Refusal::Malformed("command")))?;
        let body = command.body.as_ref().ok_or(unnamed(Refusal::Malformed("body of the command")))?;
        let name = name(body);
        let named = |refusal| (name, refusal);
        self.check_frame(index, &command, &digest).map_err(named)?;
        let authors = verify::authors(self, &signed).map_err(named)?;
        let context = Context { registry: self, index, authors, signed: &signed };
        let mutation = context.body(body).map_err(named)?;
        Ok(Checked { name, digest, mutation })
    }

    fn check_frame(&self, index: u64, command: &Command, digest: &[u8; 32]) -> Result<(), Refusal> {
        if command.format != FORMAT {
            return Err(Refusal::Format(command.format));
        }
        if command.cluster_id != self.trust.cluster_id {
            return Err(Refusal::WrongCluster);
        }
        if command.command_id.len() != 16 {
            return Err(Refusal::Malformed("command id"));
        }
        let not_after = command.not_after_index;
        if not_after < index {
            return Err(Refusal::Expired { not_after, at: index });
        }
        let max = index.saturating_add(COMMAND_WINDOW);
        if not_after > max {
            return Err(Refusal::ValidTooLong { not_after, max });
        }
        match self.applied_digest(digest) {
            Some(at) => Err(Refusal::AlreadyApplied(at)),
            None => Ok(()),
        }
    }
}

impl Context<'_> {
    fn body(&self, body: &Body) -> Result<Mutation, Refusal> {
        match body {
            Body::EnrolClient(enrol) => self.enrol(enrol),
            Body::RevokeClient(revoke) => {
                allow(Case::RevokeClient, None, &self.authors)?;
                let key = public_key(&revoke.client_key)?;
                let known = self.registry.clients.get(&key).ok_or(Refusal::NotFound("client"))?;
                Ok(Mutation::Client(EnrolledClient { revoked: true, ..known.clone() }))
            }
            Body::CreateToken(create) => {
                allow(Case::CreateToken, None, &self.authors)?;
                let id = id(&create.token_id)?;
                if self.registry.tokens.contains_key(&id) {
                    return Err(Refusal::Exists("token"));
                }
                if self.registry.tokens.len() >= TOKENS_MAX {
                    return Err(Refusal::Full("tokens"));
                }
                let token = TokenRecord { format: FORMAT, token_id: id.to_vec(), ..TokenRecord::default() };
                Ok(Mutation::Token(token))
            }
            Body::InitToken(init) => self.init_token(init),
            Body::SetLogin(set) => self.set_login(set),
            Body::CreateObjects(create) => self.create_objects(create),
            Body::UpdateObject(update) => self.update_object(update),
            Body::DestroyObject(destroy) => self.destroy_object(destroy),
        }
    }

    fn enrol(&self, enrol: &EnrolClient) -> Result<Mutation, Refusal> {
        allow(Case::EnrolClient, None, &self.authors)?;
        let key = public_key(&enrol.client_key)?;
        if enrol.name.len() > NAME_BYTES_MAX {
            return Err(Refusal::TooLarge("client name"));
        }
        if enrol.name.is_empty() || enrol.name.chars().any(char::is_control) {
            return Err(Refusal::Malformed("client name"));
        }
        let trust = self.registry.trust();
        if trust.nodes.contains(&key) || trust.operators.contains(&key) {
            return Err(Refusal::Exists("key, as a node's or operator's,"));
        }
        // A revoked key never comes back: its thief would come back with it.
        if self.registry.clients.contains_key(&key) {
            return Err(Refusal::Exists("client"));
        }
        self.check_name(enrol)?;
        if self.registry.clients.len() >= CLIENTS_MAX {
            return Err(Refusal::Full("clients"));
        }
        Ok(Mutation::Client(EnrolledClient {
            client_key: key.to_vec(),
            name: enrol.name.clone(),
            revoked: false,
        }))
    }

    /// A policy names clients: what it allows to one may not pass to another unless the operators have said so.
    fn check_name(&self, enrol: &EnrolClient) -> Result<(), Refusal> {
        let mut of_name = self.registry.clients.values().filter(|known| known.name == enrol.name).peekable();
        match (of_name.peek().is_some(), enrol.succeeds_revoked) {
            _ if of_name.any(|known| !known.revoked) => Err(Refusal::Name("another client has it")),
            (true, false) => Err(Refusal::Name(
                "it was a revoked client's, and policies may still name that one: take another, or say that this client succeeds it",
            )),
            (false, true) => Err(Refusal::Name("no revoked client had it")),
            _ => Ok(()),
        }
    }

    fn init_token(&self, init: &InitToken) -> Result<Mutation, Refusal> {
        let token = self.token(&init.token_id)?;
        let token_id = id(&token.token_id)?;
        let (case, version) = match &token.so_login {
            None => (Case::InitTokenFirst, 0),
            Some(login) => (Case::InitTokenAgain, login.version),
        };
        allow(case, Some(&token_id), &self.authors)?;
        if init.label.len() != 32 {
            return Err(Refusal::Malformed("label: 32 bytes"));
        }
        let login = init.so_login.as_ref().ok_or(Refusal::Malformed("SO login"))?;
        let oprf = self.login(login, &token_id, Role::SecurityOfficer, version + 1)?;
        let token = TokenRecord {
            label: init.label.clone(),
            so_login: Some(login.clone()),
            user_login: None,
            user_pin_replaced: false,
            changed_at: self.index,
            ..token.clone()
        };
        Ok(Mutation::InitToken(token, oprf))
    }

    fn set_login(&self, set: &SetLogin) -> Result<Mutation, Refusal> {
        let token = self.token(&set.token_id)?;
        let token_id = id(&token.token_id)?;
        if token.so_login.is_none() {
            return Err(Refusal::Uninitialised);
        }
        let (case, current) = match set.role() {
            Role::User => (Case::SetLoginOfUser, &token.user_login),
            Role::SecurityOfficer => (Case::SetLoginOfSecurityOfficer, &token.so_login),
            Role::Unspecified => return Err(Refusal::Malformed("role")),
        };
        allow(case, Some(&token_id), &self.authors)?;
        let login = set.login.as_ref().ok_or(Refusal::Malformed("login"))?;
        let next = current.as_ref().map_or(0, |login| login.version) + 1;
        let oprf = self.login(login, &token_id, set.role(), next)?;
        let mut token = token.clone();
        match set.role() {
            Role::User => {
                token.user_pin_replaced = next > 1 && self.authors.is_security_officer_of(&token_id);
                token.user_login = Some(login.clone());
            }
            _ => token.so_login = Some(login.clone()),
        }
        token.changed_at = self.index;
        Ok(Mutation::Login(token, set.role(), oprf))
    }

    /// A new login: the next version, with an OPRF key that was born for exactly this.
    fn login(&self, login: &Login, token: &Id, role: Role, next: u64) -> Result<BirthStatement, Refusal> {
        if login.version != next {
            return Err(Refusal::LoginVersion { found: login.version, next });
        }
        public_key(&login.login_key)?;
        public_key(&login.consent_key)?;
        let birth = self.birth(login.oprf.as_ref(), Purpose::LoginOprf, token)?;
        let statement = birth.statement();
        if statement.role() != role || statement.pin_version != next || !statement.attributes_hash.is_empty()
        {
            return Err(Refusal::Birth("the OPRF key is for another role or PIN version"));
        }
        Ok(statement.clone())
    }

    pub(super) fn birth(
        &self,
        certificate: Option<&proto::registry::v1::BirthCertificate>,
        purpose: Purpose,
        token: &Id,
    ) -> Result<Birth, Refusal> {
        let certificate = certificate.ok_or(Refusal::Birth("missing"))?;
        let birth = birth::verify(self.registry.trust(), certificate)?;
        let statement = birth.statement();
        if statement.purpose() != purpose || statement.token_id != token {
            return Err(Refusal::Birth("the key is for another purpose or token"));
        }
        if !birth::in_window(statement.base_index, self.index) {
            return Err(Refusal::Birth("the key was generated too long ago"));
        }
        if !self.registry.is_enrolled(&statement.client_key) {
            return Err(Refusal::Birth("the client that asked for the key is not enrolled"));
        }
        if self.registry.is_destroyed(&statement.key_id) || self.registry.key(&statement.key_id).is_some() {
            return Err(Refusal::Exists("key"));
        }
        Ok(birth)
    }

    fn token(&self, token: &[u8]) -> Result<&TokenRecord, Refusal> {
        self.registry.token(&id(token)?).ok_or(Refusal::NotFound("token"))
    }

    pub(super) fn initialised(&self, token: &[u8]) -> Result<Id, Refusal> {
        let token = self.token(token)?;
        if token.so_login.is_none() {
            return Err(Refusal::Uninitialised);
        }
        id(&token.token_id)
    }
}

fn name(body: &Body) -> &'static str {
    match body {
        Body::EnrolClient(_) => "EnrolClient",
        Body::RevokeClient(_) => "RevokeClient",
        Body::CreateToken(_) => "CreateToken",
        Body::InitToken(_) => "InitToken",
        Body::SetLogin(_) => "SetLogin",
        Body::CreateObjects(_) => "CreateObjects",
        Body::UpdateObject(_) => "UpdateObject",
        Body::DestroyObject(_) => "DestroyObject",
    }
}

pub(super) fn id(bytes: &[u8]) -> Result<Id, Refusal> {
    bytes.try_into().map_err(|_| Refusal::Malformed("id: 16 bytes"))
}

fn public_key(bytes: &[u8]) -> Result<PublicKey, Refusal> {
    let key: PublicKey = bytes.try_into().map_err(|_| Refusal::Malformed("Ed25519 key: 32 bytes"))?;
    let point = ed25519_dalek::VerifyingKey::from_bytes(&key);
    match point {
        Ok(point) if !point.is_weak() => Ok(key),
        _ => Err(Refusal::Malformed("Ed25519 key: not a usable point")),
    }
}
