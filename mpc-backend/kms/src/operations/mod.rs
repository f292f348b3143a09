//! The operations of the API: one table, each with its function from request to answer.

mod alias;
mod data_key;
mod encryption;
mod grant;
mod lifecycle;
mod metadata;
mod names;
mod page;
mod policies;
mod rotation;
mod signing;
mod tag;
mod wire;

pub(crate) use rotation::due;

use proto::kms::v1::State;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::{Kind, Refusal};
use crate::keys::{Context, Key, Keys};

/// What one request is about, besides its body.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The cluster, as the client that asks.
    pub keys: &'a dyn Keys,
    /// Part of every ARN.
    pub region: &'a str,
    /// s since 1970.
    pub now: u64,
}

/// An answer's body.
pub type Answer = Result<Zeroizing<Vec<u8>>, Refusal>;

type Operation = fn(&Call<'_>, &[u8]) -> Answer;

/// Wraps functions from a request's type to JSON.
macro_rules! table {
    ($($name:literal => $function:path,)*) => {
        /// Every operation that is there.
        const OPERATIONS: &[(&str, Operation)] =
            &[$(($name, |call, body| write($function(call, read(body)?)?)),)*];
    };
}

table! {
    "CreateKey" => lifecycle::create_key,
    "DescribeKey" => lifecycle::describe_key,
    "ListKeys" => lifecycle::list_keys,
    "EnableKey" => lifecycle::enable_key,
    "DisableKey" => lifecycle::disable_key,
    "ScheduleKeyDeletion" => lifecycle::schedule_key_deletion,
    "CancelKeyDeletion" => lifecycle::cancel_key_deletion,
    "UpdateKeyDescription" => lifecycle::update_key_description,
    "CreateAlias" => alias::create_alias,
    "UpdateAlias" => alias::update_alias,
    "DeleteAlias" => alias::delete_alias,
    "ListAliases" => alias::list_aliases,
    "Encrypt" => encryption::encrypt,
    "Decrypt" => encryption::decrypt,
    "ReEncrypt" => encryption::re_encrypt,
    "GenerateDataKey" => data_key::generate_data_key,
    "GenerateDataKeyWithoutPlaintext" => data_key::generate_data_key_without_plaintext,
    "GenerateDataKeyPair" => data_key::generate_data_key_pair,
    "GenerateDataKeyPairWithoutPlaintext" => data_key::generate_data_key_pair_without_plaintext,
    "GenerateRandom" => data_key::generate_random,
    "Sign" => signing::sign,
    "Verify" => signing::verify,
    "GetPublicKey" => signing::get_public_key,
    "DeriveSharedSecret" => signing::derive_shared_secret,
    "GetKeyPolicy" => policies::get_key_policy,
    "PutKeyPolicy" => policies::put_key_policy,
    "ListKeyPolicies" => policies::list_key_policies,
    "ListResourceTags" => tag::list_resource_tags,
    "TagResource" => tag::tag_resource,
    "UntagResource" => tag::untag_resource,
    "GetKeyRotationStatus" => rotation::get_key_rotation_status,
    "EnableKeyRotation" => rotation::enable_key_rotation,
    "DisableKeyRotation" => rotation::disable_key_rotation,
    "RotateKeyOnDemand" => rotation::rotate_key_on_demand,
    "ListKeyRotations" => rotation::list_key_rotations,
    "CreateGrant" => grant::create_grant,
    "ListGrants" => grant::list_grants,
    "ListRetirableGrants" => grant::list_retirable_grants,
    "RevokeGrant" => grant::revoke_grant,
    "RetireGrant" => grant::retire_grant,
}

/// Operations of the API that are not there.
const UNSUPPORTED: [&str; 16] = [
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateMac",
    "GetKeyLastUsage",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "ReplicateKey",
    "UpdateCustomKeyStore",
    "UpdatePrimaryRegion",
    "VerifyMac",
    "Encapsulate",
    "Decapsulate",
];

/// Does what `operation` asks with this body.
///
/// # Errors
/// By AWS's names.
pub fn dispatch(call: &Call<'_>, operation: &str, body: &[u8]) -> Answer {
    if let Some((_, function)) = OPERATIONS.iter().find(|(name, _)| *name == operation) {
        return function(call, body);
    }
    let text = format!("{operation} is not offered");
    let kind =
        if UNSUPPORTED.contains(&operation) { Kind::UnsupportedOperation } else { Kind::UnknownOperation };
    Err(Refusal::new(kind, text))
}

/// A request's body. Members that we do not know are left alone: newer clients send more.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        // What the parser quotes can be a plaintext.
        match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
            Some((member, _)) => invalid(format!("{member} is missing")),
            None => {
                let place = format!("line {} column {}", error.line(), error.column());
                Refusal::new(
                    Kind::Serialization,
                    format!("the body is not what the operation takes: {place}"),
                )
            }
        }
    })
}

/// An answer's body; none for what answers nothing.
fn write(answer: Value) -> Answer {
    if answer.is_null() {
        return Ok(Zeroizing::default());
    }
    let text = serde_json::to_vec(&answer);
    text.map(Zeroizing::new).map_err(|error| Refusal::new(Kind::Internal, error.to_string()))
}

/// A value out of its range.
fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::new(Kind::Validation, why)
}

impl Call<'_> {
    /// Refuses what the key's policy and grants do not let this client read. What is read is not secret
    /// to a client of the token; what is *used* or changed, the nodes decide.
    fn may(&self, key: &Key, action: &str) -> Result<(), Refusal> {
        let account = self.keys.account();
        let text =
            if key.key.policy.is_empty() { policy::default_policy(account) } else { key.key.policy.clone() };
        let grants: Vec<policy::Grant> = key.key.grants.iter().map(grant::enforced).collect();
        let ask = policy::Ask {
            principal: self.keys.principal(),
            account,
            action,
            context: &Context::new(),
            grants: &grants,
        };
        let allowed = policy::Policy::parse(&text).map(|policy| policy.decide(&ask));
        match allowed {
            Ok(policy::Decision::Allowed) => Ok(()),
            _ => {
                let (principal, arn) = (self.keys.principal(), self.arn(key));
                let text =
                    format!("User: {principal} is not authorized to perform: {action} on resource: {arn}");
                Err(Refusal::new(Kind::AccessDenied, text))
            }
        }
    }

    /// Changes a key's record, again from the start if somebody else was first. `change` says whether
    /// anything is to be done.
    fn change(
        &self,
        name: &str,
        change: impl Fn(&Key, &mut proto::kms::v1::KmsKey) -> Result<bool, Refusal>,
    ) -> Result<Key, Refusal> {
        for _ in 0..TRIES {
            let key = self.key(name, true)?;
            let mut record = key.key.clone();
            if !change(&key, &mut record)? {
                return Ok(key);
            }
            if let Some(changed) = self.keys.update(&key, record)? {
                return Ok(changed);
            }
        }
        Err(Refusal::new(Kind::Conflict, "others change this key all the time"))
    }

    /// Refuses a key that is not enabled.
    fn usable(&self, key: &Key) -> Result<(), Refusal> {
        let arn = self.arn(key);
        match key.key.state() {
            State::Enabled => Ok(()),
            State::Disabled => Err(Refusal::new(Kind::Disabled, format!("{arn} is disabled."))),
            State::PendingDeletion | State::Unspecified => Err(pending(&arn)),
        }
    }

    /// Refuses a key that is to be deleted.
    fn alive(&self, key: &Key) -> Result<(), Refusal> {
        if key.key.state() == State::PendingDeletion { Err(pending(&self.arn(key))) } else { Ok(()) }
    }

    /// After every check: whether the nodes would do it, which is all that a dry run asks.
    fn dry_run(&self, wanted: bool, key: &Key, operation: &str, context: &Context) -> Result<(), Refusal> {
        if !wanted {
            return Ok(());
        }
        self.keys.check(key, operation, context)?;
        Err(Refusal::new(Kind::DryRun, "The request would have succeeded, but the DryRun option is set."))
    }
}

fn pending(arn: &str) -> Refusal {
    Refusal::new(Kind::InvalidState, format!("{arn} is pending deletion."))
}

/// How often a change is tried when others change the same key.
const TRIES: usize = 5;
