//! Tags.

use proto::kms::TAGS_MAX;
use proto::kms::v1::{KmsKey, Pair};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::page::Page;
use crate::error::{Kind, Refusal};

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    tag_key: String,
    tag_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResource {
    key_id: String,
    tags: Vec<Tag>,
}

pub(super) fn tag_resource(call: &Call<'_>, asked: TagResource) -> Result<Value, Refusal> {
    call.key_by_id(&asked.key_id)?;
    call.change(&asked.key_id, |key, record| {
        call.alive(key)?;
        add(record, asked.tags.clone())?;
        Ok(true)
    })?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResource {
    key_id: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag_resource(call: &Call<'_>, asked: UntagResource) -> Result<Value, Refusal> {
    call.key_by_id(&asked.key_id)?;
    call.change(&asked.key_id, |key, record| {
        call.alive(key)?;
        record.tags.retain(|tag| !asked.tag_keys.contains(&tag.name));
        Ok(record.tags != key.key.tags)
    })?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListResourceTags {
    key_id: String,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn list_resource_tags(call: &Call<'_>, asked: ListResourceTags) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    call.may(&key, "kms:ListResourceTags")?;
    let shown = |tag: &Pair| (tag.name.clone(), json!({ "TagKey": tag.name, "TagValue": tag.value }));
    asked.page.of("Tags", key.key.tags.iter().map(shown).collect())
}

/// Adds tags to a record; one that it has gets the new value.
pub(super) fn add(record: &mut KmsKey, tags: Vec<Tag>) -> Result<(), Refusal> {
    let wrong = |why: String| Refusal::new(Kind::Tag, why);
    for (at, Tag { tag_key, tag_value }) in tags.iter().enumerate() {
        if !(1..=128).contains(&tag_key.chars().count()) || tag_value.chars().count() > 256 {
            return Err(wrong("a tag's key has 1 to 128 characters, its value at most 256".into()));
        }
        if tag_key.to_ascii_lowercase().starts_with("aws:") {
            return Err(wrong("keys of tags that begin with aws: are reserved".into()));
        }
        if tags.iter().take(at).any(|before| before.tag_key == *tag_key) {
            return Err(wrong(format!("the tag {tag_key:?} stands twice")));
        }
        record.tags.retain(|known| known.name != *tag_key);
        record.tags.push(Pair { name: tag_key.clone(), value: tag_value.clone() });
    }
    if record.tags.len() > TAGS_MAX {
        return Err(Refusal::new(Kind::LimitExceeded, format!("a key has at most {TAGS_MAX} tags")));
    }
    record.tags.sort_by(|one, next| one.name.cmp(&next.name));
    Ok(())
}
