//! From a key's creation to its deletion.

use proto::kms::DESCRIPTION_BYTES_MAX;
use proto::kms::v1::{KmsKey, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Page;
use super::tag::{self, Tag};
use super::wire::KeyOnly;
use super::{Call, invalid, policies};
use crate::algorithm::{Spec, usage_name};
use crate::error::{Kind, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateKey {
    policy: Option<String>,
    description: Option<String>,
    key_usage: Option<String>,
    key_spec: Option<String>,
    customer_master_key_spec: Option<String>,
    origin: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
    #[serde(default)]
    multi_region: bool,
    custom_key_store_id: Option<String>,
    xks_key_id: Option<String>,
}

pub(super) fn create_key(call: &Call<'_>, asked: CreateKey) -> Result<Value, Refusal> {
    let unsupported = |what: &str| Refusal::new(Kind::UnsupportedOperation, format!("{what} is not offered"));
    if asked.origin.as_deref().is_some_and(|origin| origin != "AWS_KMS") {
        return Err(unsupported("an Origin other than AWS_KMS"));
    }
    if asked.multi_region || asked.custom_key_store_id.is_some() || asked.xks_key_id.is_some() {
        return Err(unsupported("MultiRegion, CustomKeyStoreId or XksKeyId"));
    }
    let spec_name = match (&asked.key_spec, &asked.customer_master_key_spec) {
        (Some(new), Some(old)) if new != old => {
            return Err(invalid("KeySpec and CustomerMasterKeySpec contradict each other"));
        }
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => "SYMMETRIC_DEFAULT",
    };
    let spec = match Spec::named(spec_name) {
        Some(spec) => spec,
        None if KNOWN_SPECS.contains(&spec_name) => return Err(unsupported(spec_name)),
        None => return Err(invalid(format!("{spec_name:?} is no KeySpec"))),
    };
    let usage = match asked.key_usage.as_deref() {
        None if spec == Spec::Symmetric => spec.usages().first(),
        None => return Err(invalid(format!("you must specify a KeyUsage value for {spec_name}"))),
        Some(name) => spec.usages().iter().find(|usage| usage_name(**usage) == name),
    };
    let usage = usage.ok_or_else(|| invalid(format!("this KeyUsage does not go with {spec_name}")))?;
    let policy = asked.policy.unwrap_or_default();
    if !policy.is_empty() {
        policies::check(call, &policy, asked.bypass_policy_lockout_safety_check)?;
    }
    let mut record = KmsKey {
        usage: (*usage).into(),
        state: State::Enabled.into(),
        created_unix_s: call.now,
        description: description(asked.description.unwrap_or_default())?,
        policy,
        ..KmsKey::default()
    };
    tag::add(&mut record, asked.tags)?;
    let key = call.keys.create(spec, record)?;
    Ok(json!({ "KeyMetadata": call.metadata(&key) }))
}

pub(super) fn describe_key(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    let key = call.key(&asked.key_id, true)?;
    call.may(&key, "kms:DescribeKey")?;
    Ok(json!({ "KeyMetadata": call.metadata(&key) }))
}

pub(super) fn list_keys(call: &Call<'_>, asked: Page) -> Result<Value, Refusal> {
    let shown = |key: &crate::keys::Key| json!({ "KeyId": key.id(), "KeyArn": call.arn(key) });
    asked.of("Keys", call.keys.all()?.iter().map(|key| (key.id(), shown(key))).collect())
}

pub(super) fn enable_key(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    set_state(call, &asked.key_id, State::Enabled)
}

pub(super) fn disable_key(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    set_state(call, &asked.key_id, State::Disabled)
}

fn set_state(call: &Call<'_>, name: &str, state: State) -> Result<Value, Refusal> {
    call.key_by_id(name)?;
    call.change(name, |key, record| {
        call.alive(key)?;
        record.set_state(state);
        Ok(key.key.state() != state)
    })?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleKeyDeletion {
    key_id: String,
    pending_window_in_days: Option<i64>,
}

pub(super) fn schedule_key_deletion(call: &Call<'_>, asked: ScheduleKeyDeletion) -> Result<Value, Refusal> {
    let days = asked.pending_window_in_days.unwrap_or(30);
    let days = u64::try_from(days).ok().filter(|days| (7..=30).contains(days));
    let days = days.ok_or_else(|| invalid("PendingWindowInDays is 7 to 30"))?;
    call.key_by_id(&asked.key_id)?;
    let key = call.change(&asked.key_id, |key, record| {
        call.alive(key)?;
        record.set_state(State::PendingDeletion);
        record.deletion_unix_s = call.now + days * DAY_S;
        Ok(true)
    })?;
    Ok(json!({
        "KeyId": call.arn(&key),
        "DeletionDate": key.key.deletion_unix_s,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }))
}

pub(super) fn cancel_key_deletion(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    call.key_by_id(&asked.key_id)?;
    let key = call.change(&asked.key_id, |key, record| {
        if key.key.state() != State::PendingDeletion {
            let text = format!("{} is not pending deletion.", call.arn(key));
            return Err(Refusal::new(Kind::InvalidState, text));
        }
        record.set_state(State::Disabled);
        record.deletion_unix_s = 0;
        Ok(true)
    })?;
    Ok(json!({ "KeyId": call.arn(&key) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateKeyDescription {
    key_id: String,
    description: String,
}

pub(super) fn update_key_description(call: &Call<'_>, asked: UpdateKeyDescription) -> Result<Value, Refusal> {
    let text = description(asked.description)?;
    call.key_by_id(&asked.key_id)?;
    call.change(&asked.key_id, |key, record| {
        call.alive(key)?;
        record.description.clone_from(&text);
        Ok(key.key.description != text)
    })?;
    Ok(Value::Null)
}

fn description(text: String) -> Result<String, Refusal> {
    if text.len() > DESCRIPTION_BYTES_MAX {
        return Err(invalid(format!("a Description has at most {DESCRIPTION_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Seconds of a day.
pub(super) const DAY_S: u64 = 86_400;

/// Specs of the API that we do not have.
const KNOWN_SPECS: [&str; 10] = [
    "ECC_NIST_P521",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ML_KEM_768",
];
