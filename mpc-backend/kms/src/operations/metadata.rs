//! A key as `DescribeKey` shows it.

use proto::kms::v1::{State, Usage};
use serde_json::{Value, json};

use super::Call;
use crate::algorithm::{Algorithm, usage_name};
use crate::keys::{Key, spec_of};

impl Call<'_> {
    /// `KeyMetadata`.
    pub(super) fn metadata(&self, key: &Key) -> Value {
        let record = &key.key;
        let spec = spec_of(key).map_or("", |spec| spec.name());
        let state = match record.state() {
            State::Enabled => "Enabled",
            State::PendingDeletion => "PendingDeletion",
            State::Disabled | State::Unspecified => "Disabled",
        };
        let mut shown = json!({
            "AWSAccountId": self.keys.account(),
            "KeyId": key.id(),
            "Arn": self.arn(key),
            "CreationDate": record.created_unix_s,
            "Enabled": record.state() == State::Enabled,
            "Description": record.description,
            "KeyUsage": usage_name(record.usage()),
            "KeyState": state,
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": spec,
            "KeySpec": spec,
            "MultiRegion": false,
        });
        if let Value::Object(members) = &mut shown {
            if record.state() == State::PendingDeletion {
                members.insert("DeletionDate".into(), json!(record.deletion_unix_s));
            }
            members.extend(algorithms(key));
        }
        shown
    }
}

/// The member that lists what the key's usage lets it do.
pub(super) fn algorithms(key: &Key) -> Option<(String, Value)> {
    let spec = spec_of(key)?;
    let (member, names) = match key.key.usage() {
        Usage::SignVerify => {
            let names: Vec<&str> = spec.algorithms().iter().copied().map(Algorithm::name).collect();
            ("SigningAlgorithms", names)
        }
        Usage::EncryptDecrypt => ("EncryptionAlgorithms", spec.encryption_algorithms().to_vec()),
        Usage::KeyAgreement => ("KeyAgreementAlgorithms", vec!["ECDH"]),
        Usage::Unspecified => return None,
    };
    Some((member.into(), json!(names)))
}
