//! What exists and who may use it: the replicated state, deterministic in its commands.
//!
//! Raft transports and orders; this module decides. It believes no leader: every command carries its
//! authors' signatures and every key its birth certificate, and each node verifies them (design 3a).
//!
//! - `list` the digests by which clients know what they have read of a token;
//! - [`matrix`] who may give which command, as one table;
//! - `verify` signatures of authors; `birth` certificates of keys;
//! - `check` whether a command may be applied now; `apply` how it changes the state;
//! - `attributes` what an object may be and what may never change;
//! - `kms` keys of the KMS interface: their records, policies and states;
//! - `snapshot` the whole state as bytes; [`heads`] signed words on the chain of commands.

mod apply;
pub(crate) mod attributes;
pub(crate) mod birth;
mod check;
mod check_objects;
pub mod heads;
mod kms;
mod list;
pub mod matrix;
mod refusal;
mod snapshot;
mod verify;

use std::collections::{BTreeMap, VecDeque};

use prost::Message;
use proto::limits::COMMAND_BYTES_MAX;
use proto::manifest::Manifest;
use proto::registry::v1::{
    AppliedCommand, BirthStatement, EnrolledClient, ObjectRecord, Role, SignedCommand, TokenRecord,
};
use proto::statement;
use sha2::{Digest, Sha256};

pub use apply::Change;
pub(crate) use apply::oprf_key_id;
pub(crate) use kms::{Kms, of_attributes as kms_of_attributes};
pub use refusal::Refusal;

use self::kms::KmsKeys;
use self::list::TokenList;

/// A token, object or key: 16 bytes.
pub type Id = [u8; 16];
/// An Ed25519 public key.
pub type PublicKey = [u8; 32];

/// Most tokens.
pub const TOKENS_MAX: usize = 1024;
/// Most clients, revoked ones included.
pub const CLIENTS_MAX: usize = 4096;
/// Most bytes of all object records together: every node keeps them in memory, and a snapshot has all of them. A
/// certificate takes some 2.5 KB with the command that made it, a small data object 800 bytes.
pub const OBJECT_BYTES_MAX: usize = 256 << 20;

/// The genesis facts against which everything is verified.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) cluster_id: [u8; 32],
    pub(crate) threshold: usize,
    /// Identity keys of nodes 1 to N.
    pub(crate) nodes: Vec<PublicKey>,
    pub(crate) operators: Vec<PublicKey>,
}

impl Trust {
    fn new(manifest: &Manifest) -> Self {
        Self {
            cluster_id: manifest.cluster_id(),
            threshold: usize::from(manifest.threshold),
            nodes: manifest.nodes.iter().map(|node| node.key).collect(),
            operators: manifest.operators.iter().map(|operator| operator.key).collect(),
        }
    }

    /// Key of the node with this 1-based index.
    pub(crate) fn node_key(&self, node: u32) -> Option<&PublicKey> {
        self.nodes.get((node as usize).checked_sub(1)?)
    }
}

/// The registry at one node.
pub struct Registry {
    trust: Trust,
    index: u64,
    chain: [u8; 32],
    /// Own chain hashes by index, the last [`heads::HISTORY`] of them.
    history: BTreeMap<u64, [u8; 32]>,
    tokens: BTreeMap<Id, TokenRecord>,
    /// By token, then object.
    objects: BTreeMap<(Id, Id), ObjectRecord>,
    /// By token.
    lists: BTreeMap<Id, TokenList>,
    kms: KmsKeys,
    /// Where an object with a key share lives, and which statement its share was born with.
    keys: BTreeMap<Id, KeyEntry>,
    clients: BTreeMap<PublicKey, EnrolledClient>,
    /// Digests of applied commands within the replay window, oldest first.
    recent: VecDeque<AppliedCommand>,
    /// Ids of destroyed objects and replaced OPRF keys within the birth window, oldest first.
    destroyed: VecDeque<AppliedCommand>,
    object_bytes: usize,
}

/// A recorded key of which nodes hold shares.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyEntry {
    /// Its token.
    pub token_id: Id,
    /// What it was born as; verified.
    pub statement: BirthStatement,
}

/// What became of a command.
pub struct Applied {
    /// The command's name, for the log.
    pub command: &'static str,
    /// What it changed, or why it changed nothing.
    pub result: Result<Vec<Change>, Refusal>,
}

impl Registry {
    /// The empty registry of a cluster.
    pub fn new(manifest: &Manifest) -> Self {
        Self::empty(Trust::new(manifest))
    }

    fn empty(trust: Trust) -> Self {
        Self {
            index: 0,
            chain: trust.cluster_id,
            history: BTreeMap::new(),
            tokens: BTreeMap::new(),
            objects: BTreeMap::new(),
            lists: BTreeMap::new(),
            kms: KmsKeys::default(),
            keys: BTreeMap::new(),
            clients: BTreeMap::new(),
            recent: VecDeque::new(),
            destroyed: VecDeque::new(),
            object_bytes: 0,
            trust,
        }
    }

    /// Applies what the log decided on. Never fails: a refused command changes nothing but the chain,
    /// which covers every entry. An index at or below the last one was applied already and is refused.
    pub fn apply(&mut self, index: u64, bytes: &[u8]) -> Applied {
        if index <= self.index {
            return Applied { command: "Replayed", result: Err(Refusal::IndexBehind(self.index)) };
        }
        let checked = self.check_at(index, bytes);
        self.chain = statement::chain(&self.chain, index, bytes);
        self.index = index;
        self.history.insert(index, self.chain);
        while self.history.len() > heads::HISTORY {
            self.history.pop_first();
        }
        self.forget_before(index);
        match checked {
            Ok(checked) => {
                let command = checked.name;
                self.recent.push_back(AppliedCommand { index, command_id: checked.digest.to_vec() });
                Applied { command, result: Ok(self.commit(index, checked.mutation)) }
            }
            Err((command, refusal)) => Applied { command, result: Err(refusal) },
        }
    }

    /// Whether a command would be applied now, so that a client hears of a refusal before the log does.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Refusal> {
        self.check_at(self.index + 1, bytes).map(drop).map_err(|(_, refusal)| refusal)
    }

    /// Index of the last command applied; 0 at the beginning.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The chain over all commands up to [`Registry::index`].
    pub fn chain(&self) -> &[u8; 32] {
        &self.chain
    }

    /// The cluster.
    pub fn cluster_id(&self) -> &[u8; 32] {
        &self.trust.cluster_id
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// All tokens by id.
    pub fn tokens(&self) -> impl Iterator<Item = &TokenRecord> {
        self.tokens.values()
    }

    /// One token.
    pub fn token(&self, id: &[u8]) -> Option<&TokenRecord> {
        self.tokens.get(&<Id>::try_from(id).ok()?)
    }

    /// The login that a role of a token has now: version and public key.
    pub fn login(&self, token: &[u8], role: Role) -> Option<&proto::registry::v1::Login> {
        let token = self.token(token)?;
        match role {
            Role::SecurityOfficer => token.so_login.as_ref(),
            Role::User => token.user_login.as_ref(),
            Role::Unspecified => None,
        }
    }

    /// Objects of a token in ascending id order.
    pub fn objects<'a>(&'a self, token: &Id) -> impl Iterator<Item = &'a ObjectRecord> + 'a {
        self.objects.range((*token, [0; 16])..=(*token, [u8::MAX; 16])).map(|(_, record)| record)
    }

    /// Digest of each part of a token's list, with the private objects or without.
    pub(crate) fn part_digests(&mut self, token: &Id, private: bool) -> Vec<[u8; 32]> {
        self.lists.entry(*token).or_default().digests(private)
    }

    /// Objects of one part of a token's list in ascending id order, those after `after`.
    pub(crate) fn part<'a>(
        &'a self,
        token: &Id,
        part: u8,
        private: bool,
        after: Option<Id>,
    ) -> impl Iterator<Item = &'a ObjectRecord> + 'a {
        let token = *token;
        let ids = self.lists.get(&token).into_iter().flat_map(move |list| list.ids(part, private, after));
        ids.filter_map(move |id| self.objects.get(&(token, *id)))
    }

    /// One object.
    pub fn object(&self, token: &Id, object: &Id) -> Option<&ObjectRecord> {
        self.objects.get(&(*token, *object))
    }

    /// A recorded key: a signing key by its object's id, an OPRF key by its own.
    pub fn key(&self, key_id: &[u8]) -> Option<&KeyEntry> {
        self.keys.get(&<Id>::try_from(key_id).ok()?)
    }

    /// Whether a client is enrolled and not revoked.
    pub fn is_enrolled(&self, client_key: &[u8]) -> bool {
        let key = <PublicKey>::try_from(client_key).ok();
        key.and_then(|key| self.clients.get(&key)).is_some_and(|client| !client.revoked)
    }

    /// All clients that were ever enrolled.
    #[cfg(feature = "sim")]
    pub(crate) fn clients(&self) -> impl Iterator<Item = PublicKey> + '_ {
        self.clients.keys().copied()
    }

    /// Index at which this very command (whatever its signatures) was applied, if within the window.
    pub fn applied_at(&self, signed: &[u8]) -> Option<u64> {
        let signed = SignedCommand::decode(signed).ok()?;
        self.applied_digest(&command_digest(&signed.command))
    }

    /// Whether this id was an object's or key's that is gone, within the birth window.
    pub(crate) fn is_destroyed(&self, id: &[u8]) -> bool {
        self.destroyed.iter().any(|gone| gone.command_id == id)
    }

    fn applied_digest(&self, digest: &[u8; 32]) -> Option<u64> {
        self.recent.iter().find(|applied| applied.command_id == digest).map(|applied| applied.index)
    }

    fn forget_before(&mut self, index: u64) {
        let old = |applied: &AppliedCommand, window| applied.index.saturating_add(window) < index;
        while self.recent.front().is_some_and(|a| old(a, proto::limits::COMMAND_WINDOW)) {
            self.recent.pop_front();
        }
        while self.destroyed.front().is_some_and(|a| old(a, proto::limits::BIRTH_WINDOW)) {
            self.destroyed.pop_front();
        }
    }
}

/// What makes two submissions the same command: its bytes, the random command id among them.
fn command_digest(command: &[u8]) -> [u8; 32] {
    Sha256::digest(command).into()
}

/// Decodes a signed command within its limit.
fn decode(bytes: &[u8]) -> Result<SignedCommand, Refusal> {
    if bytes.len() > COMMAND_BYTES_MAX {
        return Err(Refusal::TooLarge("command"));
    }
    SignedCommand::decode(bytes).map_err(|_| Refusal::Malformed("signed command"))
}
