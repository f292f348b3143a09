//! The commands about objects: whether they may be made, changed and destroyed now.

use prost::Message;
use proto::limits::{FORMAT, OBJECTS_PER_COMMAND_MAX};
use proto::registry::v1::{
    BirthStatement, CreateObjects, DestroyObject, NewObject, ObjectRecord, Purpose, UpdateObject,
};
use proto::statement;

use super::birth::Birth;
use super::check::{Context, Mutation, id};
use super::matrix::{Case, allow};
use super::{Id, OBJECT_BYTES_MAX, Refusal, attributes};

impl Context<'_> {
    pub(super) fn create_objects(&self, create: &CreateObjects) -> Result<Mutation, Refusal> {
        let token = self.initialised(&create.token_id)?;
        if create.objects.is_empty() || create.objects.len() > OBJECTS_PER_COMMAND_MAX {
            return Err(Refusal::Malformed("number of objects"));
        }
        let private =
            create.objects.iter().any(|o| o.birth.is_some() || attributes::is_private(&o.attributes));
        let case = if private { Case::CreatePrivateObjects } else { Case::CreatePublicObjects };
        allow(case, Some(&token), &self.authors)?;
        if create.objects.iter().any(|o| attributes::is_trusted(&o.attributes)) {
            allow(Case::SetTrusted, Some(&token), &self.authors)?;
        }
        let mut records: Vec<(ObjectRecord, Option<BirthStatement>)> = Vec::new();
        for new in &create.objects {
            let (record, birth) = self.new_object(new, &token)?;
            if records.iter().any(|(other, _)| other.object_id == record.object_id) {
                return Err(Refusal::Exists("object"));
            }
            records.push((record, birth));
        }
        self.room(records.iter().map(|(record, _)| record.encoded_len()).sum())?;
        Ok(Mutation::Create(records))
    }

    fn new_object(
        &self,
        new: &NewObject,
        token: &Id,
    ) -> Result<(ObjectRecord, Option<BirthStatement>), Refusal> {
        let object = id(&new.object_id)?;
        if self.registry.is_destroyed(&object) || self.registry.object(token, &object).is_some() {
            return Err(Refusal::Exists("object"));
        }
        let birth = match &new.birth {
            None => None,
            Some(_) => Some(self.birth(new.birth.as_ref(), Purpose::SigningKey, token)?),
        };
        if birth.as_ref().is_some_and(|birth| birth.statement().key_id != object) {
            return Err(Refusal::Birth("the key is that of another object"));
        }
        attributes::check_new(&new.attributes, birth.as_ref())?;
        self.check_kms_new(token, &object, &new.attributes, birth.as_ref().map(Birth::statement))?;
        let record = ObjectRecord {
            format: FORMAT,
            token_id: token.to_vec(),
            object_id: object.to_vec(),
            version: 1,
            predecessor: Vec::new(),
            attributes: new.attributes.clone(),
            birth: new.birth.clone(),
            author: Some(self.signed.clone()),
        };
        Ok((record, birth.map(|birth| birth.statement().clone())))
    }

    pub(super) fn update_object(&self, update: &UpdateObject) -> Result<Mutation, Refusal> {
        let token = self.initialised(&update.token_id)?;
        let current =
            self.current(&token, &update.object_id, &update.predecessor, |private| match private {
                true => Case::UpdatePrivateObject,
                false => Case::UpdatePublicObject,
            })?;
        if [&current.attributes, &update.attributes].into_iter().any(|set| attributes::is_trusted(set)) {
            allow(Case::SetTrusted, Some(&token), &self.authors)?;
        }
        attributes::check_update(current, &update.attributes)?;
        self.check_kms_update(current, &update.attributes)?;
        let record = ObjectRecord {
            version: current.version + 1,
            predecessor: update.predecessor.clone(),
            attributes: update.attributes.clone(),
            author: Some(self.signed.clone()),
            ..current.clone()
        };
        self.room(record.encoded_len().saturating_sub(current.encoded_len()))?;
        Ok(Mutation::Update(record))
    }

    pub(super) fn destroy_object(&self, destroy: &DestroyObject) -> Result<Mutation, Refusal> {
        let token = self.initialised(&destroy.token_id)?;
        let current =
            self.current(&token, &destroy.object_id, &destroy.predecessor, |private| match private {
                true => Case::DestroyPrivateObject,
                false => Case::DestroyPublicObject,
            })?;
        let fixed = attributes::CKA_DESTROYABLE;
        if attributes::get(&current.attributes, fixed) == Some(&[0]) {
            return Err(Refusal::Attribute { attribute: fixed, why: "the object may not be destroyed" });
        }
        let objects = self.check_kms_destroy(&token, &id(&destroy.object_id)?)?;
        Ok(Mutation::Destroy(token, objects))
    }

    /// The object that a command follows, once its authors may touch it and have seen this version.
    fn current(
        &self,
        token: &Id,
        object: &[u8],
        predecessor: &[u8],
        case: impl Fn(bool) -> Case,
    ) -> Result<&ObjectRecord, Refusal> {
        let current = self.registry.object(token, &id(object)?).ok_or(Refusal::NotFound("object"))?;
        allow(case(attributes::is_private(&current.attributes)), Some(token), &self.authors)?;
        if statement::record_hash(current).as_slice() != predecessor {
            return Err(Refusal::Stale);
        }
        Ok(current)
    }

    fn room(&self, more: usize) -> Result<(), Refusal> {
        let total = self.registry.object_bytes.saturating_add(more);
        if total <= OBJECT_BYTES_MAX { Ok(()) } else { Err(Refusal::Full("objects")) }
    }
}
