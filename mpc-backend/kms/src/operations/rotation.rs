//! New material for symmetric keys; what the old material encrypted still opens.

use proto::kms::MATERIALS_MAX;
use proto::kms::v1::Material;
use serde::Deserialize;
use serde_json::{Value, json};

use super::lifecycle::DAY_S;
use super::page::Page;
use super::wire::KeyOnly;
use super::{Call, invalid};
use crate::algorithm::Spec;
use crate::error::{Kind, Refusal};
use crate::keys::{Key, spec_of};

pub(super) fn get_key_rotation_status(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    call.may(&key, "kms:GetKeyRotationStatus")?;
    let days = key.key.rotation_days;
    let mut shown = json!({ "KeyId": call.arn(&key), "KeyRotationEnabled": days > 0 });
    if days > 0
        && let Value::Object(members) = &mut shown
    {
        members.insert("RotationPeriodInDays".into(), json!(days));
        members.insert("NextRotationDate".into(), json!(due(&key)));
    }
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnableKeyRotation {
    key_id: String,
    rotation_period_in_days: Option<i64>,
}

pub(super) fn enable_key_rotation(call: &Call<'_>, asked: EnableKeyRotation) -> Result<Value, Refusal> {
    let days = asked.rotation_period_in_days;
    let days = days.map(|days| u32::try_from(days).ok().filter(|days| (90..=2560).contains(days)));
    let days = days.unwrap_or(Some(365)).ok_or_else(|| invalid("RotationPeriodInDays is 90 to 2560"))?;
    set(call, &asked.key_id, days)
}

pub(super) fn disable_key_rotation(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    set(call, &asked.key_id, 0)
}

fn set(call: &Call<'_>, name: &str, days: u32) -> Result<Value, Refusal> {
    call.key_by_id(name)?;
    call.change(name, |key, record| {
        rotates(call, key)?;
        record.rotation_days = days;
        Ok(key.key.rotation_days != days)
    })?;
    Ok(Value::Null)
}

pub(super) fn rotate_key_on_demand(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    rotates(call, &key)?;
    match call.keys.rotate(&key, call.now, true)? {
        Some(key) => Ok(json!({ "KeyId": call.arn(&key) })),
        None => Err(Refusal::new(Kind::Conflict, "somebody else has changed the key at the same time")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListKeyRotations {
    key_id: String,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn list_key_rotations(call: &Call<'_>, asked: ListKeyRotations) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    call.may(&key, "kms:ListKeyRotations")?;
    if spec_of(&key) != Some(Spec::Symmetric) {
        return Err(not_symmetric(call, &key));
    }
    let shown = |(number, material): (usize, &Material)| {
        let entry = json!({
            "KeyId": call.arn(&key),
            "RotationDate": material.created_unix_s,
            "RotationType": if material.on_demand { "ON_DEMAND" } else { "AUTOMATIC" },
        });
        (format!("{number:05}"), entry)
    };
    asked.page.of("Rotations", key.key.materials.iter().enumerate().map(shown).collect())
}

/// When new material is due, in s since 1970.
pub(crate) fn due(key: &Key) -> u64 {
    let newest = key.key.materials.last().map_or(key.key.created_unix_s, |material| material.created_unix_s);
    newest.saturating_add(u64::from(key.key.rotation_days) * DAY_S)
}

/// Refuses a key that does not rotate.
fn rotates(call: &Call<'_>, key: &Key) -> Result<(), Refusal> {
    if spec_of(key) != Some(Spec::Symmetric) {
        return Err(not_symmetric(call, key));
    }
    call.usable(key)?;
    if key.key.materials.len() >= MATERIALS_MAX {
        return Err(Refusal::new(Kind::LimitExceeded, "the key has had all the material that it can have"));
    }
    Ok(())
}

fn not_symmetric(call: &Call<'_>, key: &Key) -> Refusal {
    let text = format!("{} is not a symmetric key: others do not rotate", call.arn(key));
    Refusal::new(Kind::UnsupportedOperation, text)
}
