//! Grants.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policy::{Constraint, GRANT_OPERATIONS};
use proto::kms::GRANTS_MAX;
use proto::kms::v1::{Grant, Pair};
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Page;
use super::{Call, invalid};
use crate::error::{Kind, Refusal};
use crate::keys::{Context, Key, spec_of};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateGrant {
    key_id: String,
    grantee_principal: String,
    retiring_principal: Option<String>,
    operations: Vec<String>,
    constraints: Option<Constraints>,
    name: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Constraints {
    encryption_context_equals: Option<Context>,
    encryption_context_subset: Option<Context>,
}

pub(super) fn create_grant(call: &Call<'_>, asked: CreateGrant) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    let grant = wanted(call, &key, &asked)?;
    call.usable(&key)?;
    call.dry_run(asked.dry_run, &key, "CreateGrant", &Context::new())?;
    let key = call.change(&asked.key_id, |key, record| {
        call.usable(key)?;
        if same(record.grants.as_slice(), &grant).is_some() {
            return Ok(false);
        }
        if record.grants.len() >= GRANTS_MAX {
            return Err(Refusal::new(Kind::LimitExceeded, format!("a key has at most {GRANTS_MAX} grants")));
        }
        record.grants.push(grant.clone());
        Ok(true)
    })?;
    let id = same(&key.key.grants, &grant).map_or(&grant.grant_id, |known| &known.grant_id);
    Ok(json!({ "GrantId": id, "GrantToken": STANDARD.encode(format!("{} {id}", key.id())) }))
}

/// The grant of a request, complete and checked.
fn wanted(call: &Call<'_>, key: &Key, asked: &CreateGrant) -> Result<Grant, Refusal> {
    let mut operations = asked.operations.clone();
    operations.sort();
    operations.dedup();
    if operations.is_empty() || operations.iter().any(|name| !GRANT_OPERATIONS.contains(&name.as_str())) {
        return Err(invalid(format!("Operations are some of {}", GRANT_OPERATIONS.join(", "))));
    }
    let principal = |arn: &str| {
        let good = (1..=256).contains(&arn.len()) && arn.starts_with("arn:aws:iam::");
        if good {
            Ok(arn.to_owned())
        } else {
            Err(Refusal::new(Kind::InvalidArn, format!("{arn:?} is no principal")))
        }
    };
    let name = asked.name.clone().unwrap_or_default();
    if name.len() > 256 {
        return Err(invalid("a grant's Name has at most 256 bytes"));
    }
    let no_constraints = Constraints::default();
    let constraints = asked.constraints.as_ref().unwrap_or(&no_constraints);
    // Enforced as none it would allow more than it says.
    if constraints.encryption_context_equals.as_ref().is_some_and(Context::is_empty) {
        return Err(invalid("EncryptionContextEquals names at least one pair"));
    }
    let pairs = |map: &Option<Context>| client::kms::pairs(map.as_ref().unwrap_or(&Context::new()));
    let (equals, subset) =
        (pairs(&constraints.encryption_context_equals), pairs(&constraints.encryption_context_subset));
    if !equals.is_empty() && !subset.is_empty() {
        return Err(invalid(
            "a grant has one constraint: EncryptionContextEquals or EncryptionContextSubset",
        ));
    }
    if !(equals.is_empty() && subset.is_empty()) && spec_of(key) != Some(crate::algorithm::Spec::Symmetric) {
        return Err(invalid(
            "constraints are for symmetric keys, whose operations have an encryption context",
        ));
    }
    let mut id = [0; 32];
    call.keys.random(&mut id)?;
    Ok(Grant {
        grant_id: hex::encode(id),
        name,
        grantee: principal(&asked.grantee_principal)?,
        retiring: asked.retiring_principal.as_deref().map(principal).transpose()?.unwrap_or_default(),
        operations,
        context_equals: equals,
        context_subset: subset,
        created_unix_s: call.now,
        issuer: call.keys.principal().to_owned(),
    })
}

/// A grant of the same name that says the same: creating it again is creating it once.
fn same<'a>(grants: &'a [Grant], wanted: &Grant) -> Option<&'a Grant> {
    let said = |grant: &Grant| Grant { grant_id: String::new(), created_unix_s: 0, ..grant.clone() };
    let is_it = |grant: &&Grant| {
        grant.grant_id == wanted.grant_id || (!wanted.name.is_empty() && said(grant) == said(wanted))
    };
    grants.iter().find(is_it)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListGrants {
    key_id: String,
    grant_id: Option<String>,
    grantee_principal: Option<String>,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn list_grants(call: &Call<'_>, asked: ListGrants) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    call.may(&key, "kms:ListGrants")?;
    let wanted = |grant: &&Grant| {
        asked.grant_id.as_ref().is_none_or(|id| *id == grant.grant_id)
            && asked.grantee_principal.as_ref().is_none_or(|arn| *arn == grant.grantee)
    };
    let grants = key.key.grants.iter().filter(wanted);
    asked.page.of("Grants", grants.map(|grant| (grant.grant_id.clone(), shown(call, &key, grant))).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRetirableGrants {
    retiring_principal: String,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn list_retirable_grants(call: &Call<'_>, asked: ListRetirableGrants) -> Result<Value, Refusal> {
    let keys = call.keys.all()?;
    let of_key = |key: &Key| {
        let wanted = |grant: &&Grant| grant.retiring == asked.retiring_principal;
        let entry = |grant: &Grant| (grant.grant_id.clone(), shown(call, key, grant));
        key.key.grants.iter().filter(wanted).map(entry).collect::<Vec<_>>()
    };
    asked.page.of("Grants", keys.iter().flat_map(of_key).collect())
}

fn shown(call: &Call<'_>, key: &Key, grant: &Grant) -> Value {
    let map = |pairs: &[Pair]| {
        json!(
            pairs.iter().map(|pair| (&pair.name, &pair.value)).collect::<std::collections::BTreeMap<_, _>>()
        )
    };
    let mut entry = json!({
        "KeyId": call.arn(key),
        "GrantId": grant.grant_id,
        "GranteePrincipal": grant.grantee,
        "IssuingAccount": policy::root_of(call.keys.account()),
        "Operations": grant.operations,
        "CreationDate": grant.created_unix_s,
    });
    if let Value::Object(members) = &mut entry {
        let optional = [("Name", &grant.name), ("RetiringPrincipal", &grant.retiring)];
        for (member, text) in optional.into_iter().filter(|(_, text)| !text.is_empty()) {
            members.insert(member.into(), json!(text));
        }
        if !grant.context_equals.is_empty() {
            members.insert(
                "Constraints".into(),
                json!({ "EncryptionContextEquals": map(&grant.context_equals) }),
            );
        }
        if !grant.context_subset.is_empty() {
            members.insert(
                "Constraints".into(),
                json!({ "EncryptionContextSubset": map(&grant.context_subset) }),
            );
        }
    }
    entry
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RevokeGrant {
    key_id: String,
    grant_id: String,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn revoke_grant(call: &Call<'_>, asked: RevokeGrant) -> Result<Value, Refusal> {
    let key = call.key_by_id(&asked.key_id)?;
    end(call, &key, &asked.grant_id, "RevokeGrant", asked.dry_run)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetireGrant {
    grant_token: Option<String>,
    key_id: Option<String>,
    grant_id: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn retire_grant(call: &Call<'_>, asked: RetireGrant) -> Result<Value, Refusal> {
    let (name, grant) = match (asked.grant_token, asked.key_id, asked.grant_id) {
        (Some(token), None, None) => STANDARD
            .decode(token)
            .ok()
            .and_then(|text| String::from_utf8(text).ok())
            .and_then(|text| text.split_once(' ').map(|(key, grant)| (key.to_owned(), grant.to_owned())))
            .ok_or_else(|| Refusal::new(Kind::InvalidGrantId, "the GrantToken was not given out here"))?,
        (None, Some(key), Some(grant)) => (key, grant),
        _ => return Err(invalid("a grant is named by its GrantToken, or by KeyId and GrantId")),
    };
    let key = call.key_by_id(&name)?;
    end(call, &key, &grant, "RetireGrant", asked.dry_run)
}

/// Revoking and retiring are the same change; which of the two may happen, the nodes find out.
fn end(call: &Call<'_>, key: &Key, id: &str, operation: &str, dry_run: bool) -> Result<Value, Refusal> {
    let missing = || Refusal::new(Kind::NotFound, format!("Grant {id:?} was not found on {}", call.arn(key)));
    call.alive(key)?;
    if !key.key.grants.iter().any(|grant| grant.grant_id == id) {
        return Err(missing());
    }
    call.dry_run(dry_run, key, operation, &Context::new())?;
    call.change(&key.id(), |_, record| {
        let before = record.grants.len();
        record.grants.retain(|grant| grant.grant_id != id);
        if record.grants.len() == before { Err(missing()) } else { Ok(true) }
    })?;
    Ok(Value::Null)
}

/// A grant as policies weigh it.
pub(super) fn enforced(grant: &Grant) -> policy::Grant {
    let map = |pairs: &[Pair]| pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
    policy::Grant {
        grantee: grant.grantee.clone(),
        retiring: Some(grant.retiring.clone()).filter(|arn| !arn.is_empty()),
        operations: grant.operations.clone(),
        constraint: match (grant.context_equals.as_slice(), grant.context_subset.as_slice()) {
            ([], []) => Constraint::None,
            ([], subset) => Constraint::Subset(map(subset)),
            (equals, _) => Constraint::Equals(map(equals)),
        },
    }
}
