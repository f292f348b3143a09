//! Between the SDK's types and the protocol's JSON, which the plan is written in.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types as kms;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Bytes as the protocol has them.
pub fn text_of(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// And back.
pub fn bytes_of(value: &Value) -> Result<Vec<u8>> {
    Ok(STANDARD.decode(value.as_str().context("no text")?)?)
}

/// `key_id` as the protocol spells it: `KeyId`.
pub fn name(member: &str) -> String {
    let words = member.split('_').map(|word| if word == "aws" { "AWS".into() } else { capital(word) });
    words.collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A member of a request.
pub trait Read: Sized {
    /// From the plan's value.
    fn read(value: &Value) -> Result<Self>;
}

/// A member of an answer; `None` if it is not there.
pub trait Show {
    /// As the protocol has it.
    fn show(&self) -> Option<Value>;
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Option<Value> {
        self.as_ref().and_then(Show::show)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value) -> Result<Self> {
        value.as_array().context("no list")?.iter().map(T::read).collect()
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> Option<Value> {
        Some(self.iter().filter_map(Show::show).collect())
    }
}

impl Read for Blob {
    fn read(value: &Value) -> Result<Self> {
        bytes_of(value).map(Self::new)
    }
}

impl Show for Blob {
    fn show(&self) -> Option<Value> {
        Some(text_of(self.as_ref()).into())
    }
}

/// What serde_json converts as it is.
macro_rules! direct {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read(value: &Value) -> Result<Self> {
                Ok(serde_json::from_value(value.clone())?)
            }
        }

        impl Show for $type {
            fn show(&self) -> Option<Value> {
                serde_json::to_value(self).ok()
            }
        }
    )*};
}

direct!(String, bool, i32, HashMap<String, String>);

/// Names out of a list.
macro_rules! names {
    ($($type:ident),*) => {$(
        impl Read for kms::$type {
            fn read(value: &Value) -> Result<Self> {
                Ok(value.as_str().context("no name")?.into())
            }
        }

        impl Show for kms::$type {
            fn show(&self) -> Option<Value> {
                Some(self.as_str().into())
            }
        }
    )*};
}

names!(
    DataKeyPairSpec,
    DataKeySpec,
    EncryptionAlgorithmSpec,
    GrantOperation,
    KeyAgreementAlgorithmSpec,
    KeyManagerType,
    KeySpec,
    KeyState,
    KeyUsageType,
    MacAlgorithmSpec,
    MessageType,
    OriginType,
    RotationType,
    SigningAlgorithmSpec
);

/// Parts of answers that have members.
macro_rules! parts {
    ($($type:ident { $($member:ident),* })*) => {$(
        impl Show for kms::$type {
            fn show(&self) -> Option<Value> {
                Some(object([$((stringify!($member), self.$member.show())),*]))
            }
        }
    )*};
}

parts! {
    AliasListEntry { alias_name, alias_arn, target_key_id }
    GrantConstraints { encryption_context_subset, encryption_context_equals }
    GrantListEntry { grant_id, name, grantee_principal, retiring_principal, operations, constraints }
    KeyListEntry { key_id, key_arn }
    KeyMetadata { aws_account_id, key_id, arn, enabled, description, key_usage, key_state, origin, key_manager, key_spec,
        encryption_algorithms, signing_algorithms, key_agreement_algorithms }
    RotationsListEntry { key_id, rotation_type }
    Tag { tag_key, tag_value }
}

impl Read for kms::Tag {
    fn read(value: &Value) -> Result<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).context("a tag has text");
        Ok(Self::builder().tag_key(text("TagKey")?).tag_value(text("TagValue")?).build()?)
    }
}

impl Read for kms::GrantConstraints {
    fn read(value: &Value) -> Result<Self> {
        let subset = value.get("EncryptionContextSubset").map(Read::read).transpose()?;
        let equals = value.get("EncryptionContextEquals").map(Read::read).transpose()?;
        Ok(Self::builder()
            .set_encryption_context_subset(subset)
            .set_encryption_context_equals(equals)
            .build())
    }
}

/// Those members that are there, by the protocol's names.
pub fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(member, value)| Some((name(member), value?)));
    there.collect::<Map<_, _>>().into()
}

/// Takes a member out of a request; `setter` is `set_` and its name.
pub fn take<T: Read>(members: &mut Map<String, Value>, setter: &str) -> Result<Option<T>> {
    let Some(member) = setter.strip_prefix("set_") else { bail!("{setter} sets nothing") };
    members.remove(&name(member)).as_ref().map(T::read).transpose()
}
