//! Key policies.

use policy::{Policy, default_policy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::wire::KeyOnly;
use crate::error::{Kind, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
}

pub(super) fn get_key_policy(call: &Call<'_>, asked: GetKeyPolicy) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    is_default(asked.policy_name.as_deref())?;
    call.may(&key, "kms:GetKeyPolicy")?;
    let text = match key.key.policy.as_str() {
        "" => default_policy(call.keys.account()),
        policy => policy.to_owned(),
    };
    Ok(json!({ "Policy": text, "PolicyName": "default" }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
}

pub(super) fn put_key_policy(call: &Call<'_>, asked: PutKeyPolicy) -> Result<Value, Refusal> {
    is_default(asked.policy_name.as_deref())?;
    check(call, &asked.policy, asked.bypass_policy_lockout_safety_check)?;
    call.key_by_id(&asked.key_id)?;
    call.change(&asked.key_id, |key, record| {
        call.alive(key)?;
        record.policy.clone_from(&asked.policy);
        Ok(key.key.policy != asked.policy)
    })?;
    Ok(Value::Null)
}

pub(super) fn list_key_policies(call: &Call<'_>, asked: KeyOnly) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    call.may(&key, "kms:ListKeyPolicies")?;
    Ok(json!({ "PolicyNames": ["default"], "Truncated": false }))
}

/// Refuses a policy that is not enforced as it stands, or that locks its author out.
pub(super) fn check(call: &Call<'_>, text: &str, bypass: bool) -> Result<(), Refusal> {
    let malformed = |why: String| Refusal::new(Kind::MalformedPolicy, why);
    let parsed = Policy::parse(text).map_err(|error| malformed(error.to_string()))?;
    if !bypass && parsed.locks_out(call.keys.principal(), call.keys.account()) {
        let text = "The new key policy will not allow you to update the key policy in the future.";
        return Err(malformed(text.into()));
    }
    Ok(())
}

fn is_default(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        None | Some("default") => Ok(()),
        Some(_) => {
            Err(Refusal::new(Kind::NotFound, "No such policy exists: a key has the policy default only"))
        }
    }
}
