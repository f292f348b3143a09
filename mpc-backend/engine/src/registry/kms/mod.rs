//! Keys of the KMS interface: the attribute that makes an object one, read once and kept beside the objects, and who
//! may do what with it. Every node decides that for itself, at each use and at each change.
//!
//! - `shape` what a record must be, whoever made it;
//! - `change` which operations a change is, and whether its author may do them.

mod change;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use policy::{Ask, Constraint, Decision, Grant, Policy};
use prost::Message;
use proto::kms::CKA_COUNTERFOIL_KMS;
use proto::kms::v1::{self, KmsKey, Pair, State};
use proto::registry::v1::{Attribute, ObjectRecord};

use super::{Id, PublicKey, Registry, attributes};

/// A key of the interface.
pub(crate) struct Kms {
    pub(crate) key: KmsKey,
    account: String,
    policy: Policy,
    grants: Vec<Grant>,
}

/// All of them, by object; kept in step with the objects.
#[derive(Default)]
pub(super) struct KmsKeys {
    all: BTreeMap<Id, Kms>,
    /// Of keys pending deletion: when, in seconds since 1970.
    deletions: BTreeSet<(u64, Id)>,
}

/// The record that these attributes hold, if they hold one that decodes.
pub(crate) fn of_attributes(attributes: &[Attribute]) -> Option<KmsKey> {
    KmsKey::decode(attributes::get(attributes, CKA_COUNTERFOIL_KMS)?).ok()
}

impl Kms {
    /// `None` for a record that no check let pass.
    fn of_record(record: &ObjectRecord) -> Option<Self> {
        Self::new(&record.token_id, of_attributes(&record.attributes)?)
    }

    fn new(token: &[u8], key: KmsKey) -> Option<Self> {
        let account = policy::account_of(token);
        let default = policy::default_policy(&account);
        let text = if key.policy.is_empty() { &default } else { &key.policy };
        let policy = Policy::parse(text).ok()?;
        let grants = key.grants.iter().map(grant).collect();
        Some(Self { key, account, policy, grants })
    }

    /// Whether this object is material of another, and no key by itself.
    pub(crate) fn is_material(&self) -> bool {
        !self.key.material_of.is_empty()
    }

    /// Whether the policy, or a grant, lets a client of this name do an operation.
    pub(crate) fn allows(&self, client: &str, operation: &str, context: &[Pair]) -> bool {
        self.decides(client, operation, context, &self.grants)
    }

    fn decides(&self, client: &str, operation: &str, context: &[Pair], grants: &[Grant]) -> bool {
        let principal = policy::principal_of(&self.account, client);
        let action = format!("kms:{operation}");
        let ask = Ask {
            principal: &principal,
            account: &self.account,
            action: &action,
            context: &map(context),
            grants,
        };
        self.policy.decide(&ask) == Decision::Allowed
    }

    /// The object of a version of the material, and whether it is the newest.
    pub(crate) fn material(&self, own: Id, version: u32) -> Option<(Id, bool)> {
        let later = &self.key.materials;
        let object = match version.checked_sub(2) {
            None if version == 1 => own,
            None => return None,
            Some(at) => later.get(usize::try_from(at).ok()?)?.object_id.as_slice().try_into().ok()?,
        };
        Some((object, version as usize == later.len() + 1))
    }

    /// All objects that hold a share of this key.
    pub(crate) fn objects(&self, own: Id) -> Vec<Id> {
        let later = self.key.materials.iter();
        let later = later.filter_map(|material| material.object_id.as_slice().try_into().ok());
        [own].into_iter().chain(later).collect()
    }
}

/// Objects with a key alone: their ids are unique in the whole registry, and those of others only in their token.
impl KmsKeys {
    pub(super) fn put(&mut self, object: Id, record: &ObjectRecord) {
        if record.birth.is_none() {
            return;
        }
        self.remove(&object, record);
        let Some(kms) = Kms::of_record(record) else { return };
        if kms.key.state() == State::PendingDeletion {
            self.deletions.insert((kms.key.deletion_unix_s, object));
        }
        self.all.insert(object, kms);
    }

    pub(super) fn remove(&mut self, object: &Id, record: &ObjectRecord) {
        if record.birth.is_none() {
            return;
        }
        if let Some(kms) = self.all.remove(object) {
            self.deletions.remove(&(kms.key.deletion_unix_s, *object));
        }
    }
}

impl Registry {
    /// The record of the interface that an object has.
    pub(crate) fn kms(&self, object: &[u8]) -> Option<&Kms> {
        self.kms.all.get(&Id::try_from(object).ok()?)
    }

    /// The name under which a client was enrolled.
    pub(crate) fn client_name(&self, key: &PublicKey) -> Option<&str> {
        self.clients.get(key).map(|client| client.name.as_str())
    }

    /// Keys whose deletion date is not after `now_unix_s`.
    pub(crate) fn kms_deleted(&self, now_unix_s: u64) -> impl Iterator<Item = (Id, &Kms)> {
        let due = self.kms.deletions.iter().take_while(move |(at, _)| *at <= now_unix_s);
        due.filter_map(|(_, object)| Some((*object, self.kms.all.get(object)?)))
    }

    /// The first deletion date after `now_unix_s`.
    pub(crate) fn kms_next_deletion(&self, now_unix_s: u64) -> Option<u64> {
        self.kms.deletions.range((now_unix_s.saturating_add(1), [0; 16])..).next().map(|(at, _)| *at)
    }
}

fn grant(grant: &v1::Grant) -> Grant {
    let constraint = match (grant.context_equals.is_empty(), grant.context_subset.is_empty()) {
        (false, _) => Constraint::Equals(map(&grant.context_equals)),
        (true, false) => Constraint::Subset(map(&grant.context_subset)),
        (true, true) => Constraint::None,
    };
    Grant {
        grantee: grant.grantee.clone(),
        retiring: Some(grant.retiring.clone()).filter(|retiring| !retiring.is_empty()),
        operations: grant.operations.clone(),
        constraint,
    }
}

fn map(pairs: &[Pair]) -> BTreeMap<String, String> {
    pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect()
}
