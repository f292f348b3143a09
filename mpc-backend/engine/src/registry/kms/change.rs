//! Which operations a change of a record is, and whether its author may do them: by the policy and the grants that
//! stood before the change.

use proto::kms::CKA_COUNTERFOIL_KMS;
use proto::kms::v1::{Grant, KmsKey, State};
use proto::registry::v1::{Attribute, BirthStatement, ObjectRecord};
use threshold::dprf;

use super::super::check::Context;
use super::super::{Id, Refusal};
use super::{Kms, grant, shape};

/// Operations of which one must be allowed.
type AnyOf = &'static [&'static str];

impl Context<'_> {
    /// A new object: a record goes with a key, a key of the pseudorandom function with a record.
    pub(crate) fn check_kms_new(
        &self,
        token: &Id,
        object: &Id,
        attributes: &[Attribute],
        born: Option<&BirthStatement>,
    ) -> Result<(), Refusal> {
        let symmetric = born.is_some_and(|born| born.curve == dprf::NAME);
        let (key, born) = match (shape::decode(attributes)?, born) {
            (None, _) if !symmetric => return Ok(()),
            (None, _) => return Err(Refusal::Kms("a key of symmetric encryption has a record")),
            (Some(_), None) => return Err(Refusal::Kms("only a private or secret key has a record")),
            (Some(key), Some(born)) => (key, born),
        };
        if key.material_of.is_empty() {
            return self.check_kms_begins(token, object, &key, born);
        }
        let only = KmsKey { format: key.format, material_of: key.material_of.clone(), ..KmsKey::default() };
        if key != only || !symmetric {
            return Err(Refusal::Kms("material has no record of its own"));
        }
        let primary = self.kms_of(token, &key.material_of).ok_or(Refusal::NotFound("KMS key"))?;
        if primary.key.usage() != proto::kms::v1::Usage::EncryptDecrypt || primary.is_material() {
            return Err(Refusal::NotFound("KMS key"));
        }
        self.may(primary, &["RotateKeyOnDemand", "EnableKeyRotation"])
    }

    fn check_kms_begins(
        &self,
        token: &Id,
        object: &Id,
        key: &KmsKey,
        born: &BirthStatement,
    ) -> Result<(), Refusal> {
        shape::check(key, born)?;
        if key.state() != State::Enabled || !key.materials.is_empty() {
            return Err(Refusal::Kms("a new key is enabled, and has its own material only"));
        }
        self.check_aliases(token, object, &key.aliases)
    }

    /// Other attributes for an object.
    pub(crate) fn check_kms_update(&self, current: &ObjectRecord, new: &[Attribute]) -> Result<(), Refusal> {
        let (token, object) = (self.initialised(&current.token_id)?, current.object_id.as_slice());
        let (old, key) = (super::of_attributes(&current.attributes), shape::decode(new)?);
        let object: Id = object.try_into().map_err(|_| Refusal::Malformed("id: 16 bytes"))?;
        let born = self.registry.key(&object).map(|entry| &entry.statement);
        let (old, key) = match (old, key) {
            (None, None) => return Ok(()),
            (Some(_), None) => return Err(Refusal::Kms("a KMS key stays one")),
            (None, Some(key)) => {
                let born = born.ok_or(Refusal::Kms("only a private or secret key has a record"))?;
                return self.check_kms_begins(&token, &object, &key, born);
            }
            (Some(old), Some(key)) => (old, key),
        };
        let kms = self.registry.kms(&object).ok_or(Refusal::NotFound("KMS key"))?;
        if kms.is_material() {
            return Err(Refusal::Kms("material does not change"));
        }
        shape::check(&key, born.ok_or(Refusal::NotFound("KMS key"))?)?;
        let without = |attributes: &[Attribute]| -> Vec<Attribute> {
            attributes.iter().filter(|one| one.r#type != CKA_COUNTERFOIL_KMS).cloned().collect()
        };
        if without(&current.attributes) != without(new) {
            self.may(kms, &["UpdateKeyDescription"])?;
        }
        check_fixed(&old, &key)?;
        for any_of in operations(&old, &key)? {
            self.may(kms, any_of)?;
        }
        self.check_grants(kms, &old, &key)?;
        if old.aliases != key.aliases {
            self.check_aliases(&token, &object, &key.aliases)?;
        }
        self.check_materials(&token, &object, &old, &key)
    }

    /// Whether a key may go now: the objects that go with it.
    pub(crate) fn check_kms_destroy(&self, token: &Id, object: &Id) -> Result<Vec<Id>, Refusal> {
        let Some(kms) = self.registry.kms(object) else { return Ok(vec![*object]) };
        if kms.is_material() {
            let listed = |primary: &Kms| primary.key.materials.iter().any(|one| one.object_id == object);
            return match self.kms_of(token, &kms.key.material_of).is_some_and(listed) {
                true => Err(Refusal::Kms("material goes with its key")),
                false => Ok(vec![*object]),
            };
        }
        self.may(kms, &["ScheduleKeyDeletion"])?;
        if kms.key.state() != State::PendingDeletion {
            return Err(Refusal::KmsState("the key is not pending deletion"));
        }
        Ok(kms.objects(*object))
    }

    fn kms_of(&self, token: &Id, object: &[u8]) -> Option<&Kms> {
        let object = Id::try_from(object).ok()?;
        self.registry.object(token, &object)?;
        self.registry.kms(&object)
    }

    /// Whether the author, one client, may do one of these.
    fn may(&self, kms: &Kms, any_of: &[&'static str]) -> Result<(), Refusal> {
        let author = self.kms_author()?;
        match any_of.iter().any(|operation| kms.allows(author, operation, &[])) {
            true => Ok(()),
            false => Err(Refusal::Policy(any_of.first().copied().unwrap_or_default())),
        }
    }

    fn kms_author(&self) -> Result<&str, Refusal> {
        let client = self.authors.client().ok_or(Refusal::Kms("the author is one client"))?;
        self.registry.client_name(client).ok_or(Refusal::Kms("the author is one client"))
    }

    fn check_aliases(&self, token: &Id, object: &Id, aliases: &[String]) -> Result<(), Refusal> {
        if aliases.is_empty() {
            return Ok(());
        }
        let others = self.registry.objects(token).filter(|record| record.object_id != object);
        let mut others = others.filter_map(|record| self.registry.kms(&record.object_id));
        match others.any(|other| other.key.aliases.iter().any(|taken| aliases.contains(taken))) {
            true => Err(Refusal::Exists("alias")),
            false => Ok(()),
        }
    }

    fn check_grants(&self, kms: &Kms, old: &KmsKey, new: &KmsKey) -> Result<(), Refusal> {
        let known = |grants: &[Grant], id: &str| grants.iter().position(|grant| grant.grant_id == id);
        let author = self.kms_author()?;
        for added in &new.grants {
            match known(&old.grants, &added.grant_id).and_then(|at| old.grants.get(at)) {
                Some(before) if before == added => {}
                Some(_) => return Err(Refusal::Kms("a grant does not change")),
                // By the policy, or by a grant that gives as much.
                None if kms.decides(author, "CreateGrant", &[], &[]) => {}
                None => {
                    let gives = |one: &&Grant| kms.decides(author, "CreateGrant", &[], &[grant(one)]);
                    let mut parents = old.grants.iter().filter(gives);
                    if !parents.any(|parent| is_within(added, parent)) {
                        return Err(Refusal::Policy("CreateGrant"));
                    }
                }
            }
        }
        for removed in old.grants.iter().filter(|before| known(&new.grants, &before.grant_id).is_none()) {
            let retires = kms.decides(author, "RetireGrant", &[], &[grant(removed)]);
            if !retires && !kms.allows(author, "RevokeGrant", &[]) {
                return Err(Refusal::Policy("RevokeGrant"));
            }
        }
        Ok(())
    }

    /// New material is there, is this key's, and comes after all that it has.
    fn check_materials(&self, token: &Id, object: &Id, old: &KmsKey, new: &KmsKey) -> Result<(), Refusal> {
        let added = new.materials.strip_prefix(old.materials.as_slice());
        for (at, material) in added.ok_or(Refusal::Kms("material stays"))?.iter().enumerate() {
            let of = self.kms_of(token, &material.object_id).map(|kms| kms.key.material_of.as_slice());
            let earlier = new.materials.iter().take(old.materials.len() + at);
            if of != Some(object) || earlier.clone().any(|one| one.object_id == material.object_id) {
                return Err(Refusal::NotFound("material of this key"));
            }
        }
        Ok(())
    }
}

/// A grant that was made by leave of another gives no more.
fn is_within(child: &Grant, parent: &Grant) -> bool {
    let free = parent.context_equals.is_empty() && parent.context_subset.is_empty();
    let as_narrow = free
        || child.context_equals == parent.context_equals && child.context_subset == parent.context_subset;
    as_narrow && child.operations.iter().all(|operation| parent.operations.contains(operation))
}

fn check_fixed(old: &KmsKey, new: &KmsKey) -> Result<(), Refusal> {
    let same = old.usage == new.usage && old.created_unix_s == new.created_unix_s;
    if same { Ok(()) } else { Err(Refusal::Kms("usage and date of creation stay")) }
}

/// Every operation that the change is, but for grants.
fn operations(old: &KmsKey, new: &KmsKey) -> Result<Vec<AnyOf>, Refusal> {
    let mut all: Vec<AnyOf> = Vec::new();
    let mut when = |holds: bool, any_of: AnyOf| {
        if holds {
            all.push(any_of);
        }
    };
    when(old.description != new.description, &["UpdateKeyDescription"]);
    when(old.policy != new.policy, &["PutKeyPolicy"]);
    when(new.tags.iter().any(|tag| !old.tags.contains(tag)), &["TagResource"]);
    let untagged = |tag: &proto::kms::v1::Pair| new.tags.iter().all(|kept| kept.name != tag.name);
    when(old.tags.iter().any(untagged), &["UntagResource"]);
    when(new.aliases.iter().any(|alias| !old.aliases.contains(alias)), &["CreateAlias", "UpdateAlias"]);
    when(old.aliases.iter().any(|alias| !new.aliases.contains(alias)), &["DeleteAlias", "UpdateAlias"]);
    when(old.materials != new.materials, &["RotateKeyOnDemand", "EnableKeyRotation"]);
    if old.rotation_days != new.rotation_days {
        let off = new.rotation_days == 0;
        when(true, if off { &["DisableKeyRotation"] } else { &["EnableKeyRotation"] });
    }
    match (old.state(), new.state()) {
        (one, other) if one == other => {
            if old.deletion_unix_s != new.deletion_unix_s {
                return Err(Refusal::KmsState("the key is pending deletion"));
            }
        }
        (State::Enabled, State::Disabled) => when(true, &["DisableKey"]),
        (State::Disabled, State::Enabled) => when(true, &["EnableKey"]),
        (State::Enabled | State::Disabled, State::PendingDeletion) => when(true, &["ScheduleKeyDeletion"]),
        (State::PendingDeletion, State::Disabled) => when(true, &["CancelKeyDeletion"]),
        _ => return Err(Refusal::KmsState("the key is pending deletion")),
    }
    let rotates = old.materials != new.materials || old.rotation_days != new.rotation_days;
    if rotates && old.state() != State::Enabled {
        return Err(Refusal::KmsState("the key is not enabled"));
    }
    Ok(all)
}
