//! Reading: what an attribute of an object is, and whether an object matches a search.

use std::borrow::Cow;

use cryptoki_sys::{CK_TRUE, CKA_ALLOWED_MECHANISMS, CKA_KEY_TYPE, CKA_UNIQUE_ID, CKA_VALUE};

use crate::attribute;
use crate::backend::{Attributes, KeyKind, ObjectRecord, RsaPolicy};
use crate::handle::SecretValue;
use crate::mechanism;
use crate::object::key::curve_of_key;
use crate::template::Template;

/// One attribute of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// The value in canonical form.
    Value(Cow<'a, [u8]>),
    /// It exists and nobody may see it.
    Sensitive,
    /// Objects of this class have no such attribute, or this one has no value.
    Unknown,
}

/// The attribute `id` of an object: what is stored, else what follows from the rest and from the configuration, else the
/// class's default.
pub(crate) fn attribute(record: &ObjectRecord, id: u64, policy: RsaPolicy) -> Answer<'_> {
    let Some(class) = attribute::class_of(&record.attributes) else { return Answer::Unknown };
    let declared = attribute::find(id, class).filter(|declared| declared.is_of(&record.attributes));
    let Some(declared) = declared else { return Answer::Unknown };
    if declared.sensitive {
        return Answer::Sensitive;
    }
    if let Some(value) = record.attributes.get(&id) {
        return Answer::Value(Cow::Borrowed(value));
    }
    let value = match id {
        CKA_UNIQUE_ID => Some(record.id.to_string().into_bytes()),
        CKA_ALLOWED_MECHANISMS => Some(mechanisms_of(&record.attributes, policy)),
        _ => declared.initial.value(),
    };
    value.map_or(Answer::Unknown, |value| Answer::Value(Cow::Owned(value)))
}

/// The same of an object that may be a secret key with its value, which every reader may have: no secret key of this
/// token is sensitive (`object::secret`).
pub(crate) fn attribute_or_value<'a>(
    record: &'a ObjectRecord,
    secret: Option<&'a SecretValue>,
    id: u64,
    policy: RsaPolicy,
) -> Answer<'a> {
    match secret {
        Some(secret) if id == CKA_VALUE => Answer::Value(Cow::Borrowed(secret.expose())),
        Some(_) | None => attribute(record, id, policy),
    }
}

/// Whether an attribute is true, by default too.
pub(crate) fn is_true(record: &ObjectRecord, id: u64) -> bool {
    // No configuration changes a flag.
    matches!(attribute(record, id, RsaPolicy::default()), Answer::Value(value) if *value == [CK_TRUE])
}

/// Whether a key may be used with a mechanism: its own list decides if it has one.
pub(crate) fn allows_mechanism(attributes: &Attributes, mechanism: u64) -> bool {
    match attributes.get(&CKA_ALLOWED_MECHANISMS) {
        Some(list) if !list.is_empty() => list.as_chunks::<8>().0.contains(&mechanism.to_be_bytes()),
        _ => true,
    }
}

/// Whether an object has every attribute of a search with exactly this value. A sensitive one never matches, so
/// that a search cannot test guesses.
pub(crate) fn matches(record: &ObjectRecord, search: &Template, policy: RsaPolicy) -> bool {
    search.attributes().iter().all(|(id, wanted)| match attribute(record, *id, policy) {
        Answer::Value(value) => value.as_ref() == wanted.as_slice(),
        Answer::Sensitive | Answer::Unknown => false,
    })
}

/// Whether the configuration hides this key from the application.
pub(crate) fn is_hidden(attributes: &Attributes, hidden: &[KeyKind]) -> bool {
    hidden.iter().any(|kind| match kind {
        KeyKind::Type(wanted) => attribute::ulong_of(attributes, CKA_KEY_TYPE) == Some(*wanted),
        KeyKind::Curve(curve) => curve_of_key(attributes) == Some(*curve),
    })
}

/// Bytes of all stored values, for `C_GetObjectSize`.
pub(crate) fn size(attributes: &Attributes) -> u64 {
    attributes.values().map(|value| u64::try_from(value.len()).unwrap_or(u64::MAX)).sum()
}

fn mechanisms_of(key: &Attributes, policy: RsaPolicy) -> Vec<u8> {
    mechanism::of_key(key, policy).flat_map(|mechanism| mechanism.id.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use cryptoki_sys::{
        CKA_CLASS, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKK_RSA, CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_X_509,
        CKO_PRIVATE_KEY,
    };

    use super::*;

    #[test]
    fn what_the_configuration_allows_is_among_the_mechanisms_of_a_key() {
        let number = |value: u64| value.to_be_bytes().to_vec();
        let key = Attributes::from([
            (CKA_CLASS, number(CKO_PRIVATE_KEY)),
            (CKA_KEY_TYPE, number(CKK_RSA)),
            (CKA_MODULUS, vec![0xff; 256]),
            (CKA_PUBLIC_EXPONENT, vec![1, 0, 1]),
        ]);
        for raw in [false, true] {
            let listed = mechanisms_of(&key, RsaPolicy { raw, pkcs1_decryption: false });
            let has = |id: u64| listed.as_chunks::<8>().0.contains(&id.to_be_bytes());
            assert_eq!((has(CKM_RSA_PKCS), has(CKM_RSA_X_509), has(CKM_ECDSA)), (true, raw, false));
        }
    }
}
