//! Aliases. A token's nodes see to it that an alias is one key's.

use proto::kms::{ALIASES_MAX, v1::KmsKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::alias;
use super::page::Page;
use super::{Call, invalid};
use crate::error::{Kind, Refusal};
use crate::keys::Key;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    alias_name: String,
    target_key_id: String,
}

pub(super) fn create_alias(call: &Call<'_>, asked: Named) -> Result<Value, Refusal> {
    let name = alias(&asked.alias_name)?;
    if call.keys.find_alias(name, true)?.is_some() {
        let text = format!("An alias with the name {} already exists", call.alias_arn(name));
        return Err(Refusal::new(Kind::AlreadyExists, text));
    }
    give(call, name, &asked.target_key_id)?;
    Ok(Value::Null)
}

pub(super) fn update_alias(call: &Call<'_>, asked: Named) -> Result<Value, Refusal> {
    let name = alias(&asked.alias_name)?;
    let old = call.keys.find_alias(name, true)?.ok_or_else(|| missing(call, name))?;
    let new = call.key_by_id(&asked.target_key_id)?;
    if old.id() == new.id() {
        return Ok(Value::Null);
    }
    if (old.spec, old.key.usage) != (new.spec, new.key.usage) {
        return Err(invalid("the old and the new key of an alias have the same KeySpec and KeyUsage"));
    }
    call.alive(&new)?;
    take(call, name, &old)?;
    // An alias is one key's, so it is nobody's for a moment; if it cannot go on, it goes back.
    give(call, name, &new.id()).or_else(|refusal| give(call, name, &old.id()).and(Err(refusal)))?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteAlias {
    alias_name: String,
}

pub(super) fn delete_alias(call: &Call<'_>, asked: DeleteAlias) -> Result<Value, Refusal> {
    let name = alias(&asked.alias_name)?;
    let key = call.keys.find_alias(name, true)?.ok_or_else(|| missing(call, name))?;
    take(call, name, &key)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAliases {
    key_id: Option<String>,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn list_aliases(call: &Call<'_>, asked: ListAliases) -> Result<Value, Refusal> {
    let keys = match &asked.key_id {
        Some(name) => vec![call.key_by_id(name)?],
        None => call.keys.all()?,
    };
    let of_key = |key: &Key| {
        let shown = |name: &String| {
            let entry = json!({
                "AliasName": format!("alias/{name}"),
                "AliasArn": call.alias_arn(name),
                "TargetKeyId": key.id(),
            });
            (name.clone(), entry)
        };
        key.key.aliases.iter().map(shown).collect::<Vec<_>>()
    };
    asked.page.of("Aliases", keys.iter().flat_map(of_key).collect())
}

fn give(call: &Call<'_>, name: &str, target: &str) -> Result<Key, Refusal> {
    call.key_by_id(target)?;
    call.change(target, |key, record| {
        call.alive(key)?;
        if record.aliases.len() >= ALIASES_MAX {
            return Err(Refusal::new(
                Kind::LimitExceeded,
                format!("a key has at most {ALIASES_MAX} aliases"),
            ));
        }
        record.aliases.push(name.to_owned());
        Ok(true)
    })
}

fn take(call: &Call<'_>, name: &str, key: &Key) -> Result<Key, Refusal> {
    call.change(&key.id(), |_, record: &mut KmsKey| {
        let before = record.aliases.len();
        record.aliases.retain(|known| known != name);
        Ok(record.aliases.len() != before)
    })
}

fn missing(call: &Call<'_>, name: &str) -> Refusal {
    Refusal::new(Kind::NotFound, format!("Alias {} is not found.", call.alias_arn(name)))
}
