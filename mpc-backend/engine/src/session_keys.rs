//! Session keys (PKCS#11 `CKA_TOKEN` false): shared like every key, but held in memory alone and of use to nobody but
//! the process that had them made.
//!
//! The registry never hears of them. Each node takes their attributes with the order to generate, checks them against
//! the statement that all nodes sign, and holds every use against them. The owner is a client's key and the instance
//! that its process named in the hello of each connection; both must fit.
//!
//! The lease is the owner's, not the key's: it runs while a connection of the owner stands, and [`LEASE_MS`] longer.
//! A process that ends closes its connections, whatever way it ends; a host that dies is noticed by the shell's
//! keepalive. So a client needs no thread that renews.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use proto::client::v1::{Code, CopyKeyReply, CopyKeyRequest, Empty, HoldKeysRequest, response};
use proto::limits::DESTROYED_MAX;
use proto::registry::v1::{Attribute, BirthStatement, Purpose};
use proto::statement;
use threshold::secret::Secret;

use crate::client::{Failure, Outcome, ReplyTo};
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::peers::Why;
use crate::registry::{Id, PublicKey, attributes, birth};
use crate::shares::Share;

/// How long session keys outlive the last connection of their process, in ms: long enough for a network that is
/// mended.
pub(crate) const LEASE_MS: u64 = 15 * 60 * 1000;

/// What a process calls itself: 16 random bytes.
pub(crate) type Instance = [u8; 16];
/// A process of a client.
pub(crate) type Owner = (PublicKey, Instance);

/// What a share of a session key needs that the registry holds for others.
pub(crate) struct SessionKey {
    pub(crate) owner: Owner,
    pub(crate) token_id: Id,
    pub(crate) attributes: Vec<Attribute>,
    /// The SO's login when the key was made: another one means that the token was initialised since.
    so_login: u64,
}

/// A key that a request names: recorded, or of a session.
pub(crate) struct Usable<'a> {
    pub(crate) token_id: Id,
    pub(crate) statement: &'a BirthStatement,
    pub(crate) attributes: &'a [Attribute],
    pub(crate) owner: Option<&'a Owner>,
}

/// Who holds session keys at this node.
#[derive(Default)]
pub(crate) struct Owners {
    all: BTreeMap<Owner, Held>,
    total: usize,
}

struct Held {
    keys: BTreeSet<Id>,
    /// `None` while a connection of the owner stands.
    until: Option<u64>,
}

impl Owners {
    fn of_client(&self, client: &[u8]) -> usize {
        let of_client = self.all.iter().filter(|((key, _), _)| key == client);
        of_client.map(|(_, held)| held.keys.len()).sum()
    }

    fn forget(&mut self, owner: &Owner, key_id: &Id) {
        let Some(held) = self.all.get_mut(owner) else { return };
        self.total -= usize::from(held.keys.remove(key_id));
        if held.keys.is_empty() {
            self.all.remove(owner);
        }
    }
}

impl crate::shares::Shares {
    /// When the first lease ends.
    pub(crate) fn timeout(&self) -> Option<u64> {
        self.owners.all.values().filter_map(|held| held.until).min()
    }
}

impl Engine {
    /// The key of this id that requests may name.
    pub(crate) fn usable(&self, key_id: &[u8]) -> Option<Usable<'_>> {
        if let Some(share) = self.shares.get(key_id)
            && let Some(session) = &share.session
        {
            let SessionKey { owner, token_id, attributes, .. } = session;
            let statement = &share.statement;
            return Some(Usable { token_id: *token_id, statement, attributes, owner: Some(owner) });
        }
        let key = self.registry.key(key_id)?;
        let object = self.registry.object(&key.token_id, &Id::try_from(key_id).ok()?)?;
        let (statement, attributes) = (&key.statement, object.attributes.as_slice());
        Some(Usable { token_id: key.token_id, statement, attributes, owner: None })
    }

    /// Whether this node has room for one more session key of its owner; others need none.
    pub(crate) fn check_session_room(&self, statement: &BirthStatement) -> Result<(), Why> {
        if statement.instance.is_empty() {
            return Ok(());
        }
        let (owners, limits) = (&self.shares.owners, &self.me.limits);
        let coming = self.sessions.generations.values().filter(|open| !open.statement.instance.is_empty());
        let own = coming.clone().filter(|open| open.statement.client_key == statement.client_key).count();
        if owners.total + coming.count() >= limits.session_keys_max as usize {
            return Err("this node holds as many session keys as it may");
        }
        if owners.of_client(&statement.client_key) + own >= limits.session_keys_per_client as usize {
            return Err("this client has as many session keys as it may");
        }
        Ok(())
    }

    /// Holds the share of a new session key.
    pub(crate) fn keep_session_share(
        &mut self,
        key_id: Id,
        statement: BirthStatement,
        attributes: Vec<Attribute>,
        secret: Secret<Vec<u8>>,
    ) {
        let (Some(owner), Ok(token_id)) = (owner_of(&statement), Id::try_from(statement.token_id.as_slice()))
        else {
            return;
        };
        let until = if self.clients.is_connected(&owner) { None } else { Some(self.now + LEASE_MS) };
        let owners = &mut self.shares.owners;
        let held = owners.all.entry(owner).or_insert_with(|| Held { keys: BTreeSet::new(), until });
        owners.total += usize::from(held.keys.insert(key_id));
        let so_login = self.so_login(&token_id);
        let session = SessionKey { owner, token_id, attributes, so_login };
        self.shares.insert(key_id, Share::of_session(statement, session, secret));
    }

    /// A connection of this owner stands.
    pub(crate) fn owner_connected(&mut self, owner: &Owner) {
        if let Some(held) = self.shares.owners.all.get_mut(owner) {
            held.until = None;
        }
    }

    /// A connection of this owner is gone.
    pub(crate) fn owner_disconnected(&mut self, owner: &Owner) {
        if !self.clients.is_connected(owner)
            && let Some(held) = self.shares.owners.all.get_mut(owner)
        {
            held.until = Some(self.now + LEASE_MS);
        }
    }

    /// The request by which a process says that it lives, and which of its keys are no more.
    pub(crate) fn hold_keys(
        &mut self,
        conn: u64,
        hold: &HoldKeysRequest,
    ) -> Result<response::Result, Failure> {
        let owner = self.clients.owner(conn).ok_or(Failure::invalid("a hello without an instance"))?;
        if hold.destroyed.len() > DESTROYED_MAX {
            return Err(Failure::invalid("too many keys at once"));
        }
        for key_id in &hold.destroyed {
            let own = self.usable(key_id).is_some_and(|key| key.owner == Some(&owner));
            if let (true, Ok(key_id)) = (own, Id::try_from(key_id.as_slice())) {
                self.erase_session_key(&key_id, "its session ended");
            }
        }
        Ok(response::Result::HoldKeys(Empty {}))
    }

    /// Makes a copy of this node's share under another id. One that is to be recorded is answered once it is durable.
    pub(crate) fn copy_key(
        &mut self,
        reply: ReplyTo,
        client: &PublicKey,
        copy: &CopyKeyRequest,
    ) -> Result<Outcome, Failure> {
        let (source_id, _) = self.owned_key(reply.conn, &copy.source_id)?;
        let key_id =
            Id::try_from(copy.key_id.as_slice()).map_err(|_| Failure::invalid("key id: 16 bytes"))?;
        let missing = || Failure::missing("this node holds no share of the key", vec![self.me.index]);
        let source = self.shares.active(&source_id, Purpose::SigningKey).ok_or_else(missing)?;
        let key = self.usable(&source_id).ok_or_else(missing)?;
        attributes::check_copy(key.attributes, &copy.attributes)?;
        let of_session = attributes::is_of_session(&copy.attributes);
        let owner = self.clients.owner(reply.conn).filter(|_| of_session);
        if of_session && owner.is_none() {
            return Err(Failure::invalid("a hello without an instance"));
        }
        let asked = BirthStatement {
            key_id: key_id.to_vec(),
            attributes_hash: statement::attributes_hash(&copy.attributes).to_vec(),
            base_index: copy.base_index,
            client_key: client.to_vec(),
            instance: owner.map_or(Vec::new(), |(_, instance)| instance.to_vec()),
            public_key: Vec::new(),
            commitments: Vec::new(),
            transcript: Vec::new(),
            // Of the copy as of its source: see below.
            imported: false,
            ..source.statement.clone()
        };
        birth::check_request(&self.registry, &asked).map_err(Failure::forbidden)?;
        self.check_room(&asked).map_err(Failure::forbidden)?;
        self.check_session_room(&asked).map_err(|why| Failure::new(Code::ResourceExhausted, why))?;
        let born = BirthStatement {
            public_key: source.statement.public_key.clone(),
            commitments: source.statement.commitments.clone(),
            transcript: source.statement.transcript.clone(),
            imported: source.statement.imported,
            ..asked
        };
        let encoded = born.encode_to_vec();
        let secret = Secret::new(source.secret.expose().clone());
        if of_session {
            attributes::check_session_key(&copy.attributes, &born).map_err(Failure::forbidden)?;
            let signature = statement::birth(&encoded).sign(&self.me.identity);
            self.keep_session_share(key_id, born, copy.attributes.clone(), secret);
            self.log(Event::KeyCopied { key: hex::encode(key_id) });
            return Ok(Outcome::Now(response::Result::CopyKey(CopyKeyReply { signature })));
        }
        let share = Share::pending(born, encoded, secret);
        let write = share.write(&key_id);
        self.shares.insert(key_id, share);
        self.persist(vec![write], AfterPersist::Copy { reply, key_id });
        Ok(Outcome::Later)
    }

    /// The copied share is durable: its birth may be signed.
    pub(crate) fn copy_durable(&mut self, reply: ReplyTo, key_id: &Id) {
        let Some(share) = self.shares.get(key_id) else {
            return self.fail(reply, Failure::new(Code::NotFound, "the copy is gone"));
        };
        let signature = statement::birth(share.encoded()).sign(&self.me.identity);
        self.log(Event::KeyCopied { key: hex::encode(key_id) });
        self.answer(reply, response::Result::CopyKey(CopyKeyReply { signature }));
    }

    /// Erases the keys of processes that have been gone for long.
    pub(crate) fn expire_session_keys(&mut self) {
        let late = |held: &Held| held.until.is_some_and(|until| until <= self.now);
        let owners = self.shares.owners.all.values();
        let keys: Vec<Id> = owners.filter(|held| late(held)).flat_map(|held| held.keys.clone()).collect();
        keys.iter().for_each(|key_id| self.erase_session_key(key_id, "its process is gone"));
    }

    /// Erases the keys of clients that were revoked, and of tokens that were initialised since.
    pub(crate) fn drop_orphaned_session_keys(&mut self) {
        let orphaned = |key_id: &Id| {
            let session = self.shares.get(key_id).and_then(|share| share.session.as_ref());
            session.is_none_or(|session| {
                !self.registry.is_enrolled(&session.owner.0)
                    || self.so_login(&session.token_id) != session.so_login
            })
        };
        let all = self.shares.owners.all.values().flat_map(|held| held.keys.iter());
        let gone: Vec<Id> = all.filter(|key_id| orphaned(key_id)).copied().collect();
        gone.iter().for_each(|key_id| self.erase_session_key(key_id, "its token or client is gone"));
    }

    pub(crate) fn erase_session_key(&mut self, key_id: &Id, why: &'static str) {
        self.drop_pools_of_key(key_id);
        if let Some(session) = self.shares.remove(key_id).and_then(|share| share.session) {
            self.shares.owners.forget(&session.owner, key_id);
            self.log(Event::KeyErased { key: hex::encode(key_id), why });
        }
    }

    /// Version of the SO's login; 0 before there is one. Grows with each initialisation.
    fn so_login(&self, token: &Id) -> u64 {
        let token = self.registry.token(token);
        token.and_then(|token| token.so_login.as_ref()).map_or(0, |login| login.version)
    }
}

/// The process that a session key is made for.
fn owner_of(statement: &BirthStatement) -> Option<Owner> {
    let client = PublicKey::try_from(statement.client_key.as_slice()).ok()?;
    Some((client, Instance::try_from(statement.instance.as_slice()).ok()?))
}
