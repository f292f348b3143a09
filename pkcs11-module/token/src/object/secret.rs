//! Secret keys that were derived or unwrapped (PKCS#11 3.1 sections 4.10, 5.18.4, 5.18.5 and 6.8).
//!
//! Their values are in the memory of the application's process. What the token cannot keep from the application it
//! does not call sensitive: a template that asks for it is refused, and so is one for an object on the token, where
//! every node would hold the value.

use cryptoki_sys::*;

use super::check_dates;
use crate::attribute::{Class, bool_of, canonical_bool, canonical_ulong};
use crate::backend::Attributes;
use crate::mechanism::ecdh::Length;
use crate::rv::{Error, Result};
use crate::template::Template;

/// A secret key to be.
pub(crate) struct SecretRequest {
    attributes: Attributes,
    /// How long its value is to be.
    pub length: Length,
}

/// Checks the template of `C_DeriveKey` or `C_UnwrapKey` and fills in all attributes but the length of the value.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without a key type, [`Error::Contradiction`] for another class and for a
/// token object, [`Error::AttributeValueInvalid`] for another key type than generic secrets and AES, a length that
/// it does not have, and for a key that could not be read; what [`Template::build`] says.
pub(crate) fn request(mut template: Template) -> Result<SecretRequest> {
    let wrong = Error::contradiction;
    template.require(CKA_CLASS, canonical_ulong(CKO_SECRET_KEY), wrong(CKA_CLASS, "is not what is made"))?;
    template.require(CKA_TOKEN, canonical_bool(false), wrong(CKA_TOKEN, "the nodes keep no secret keys"))?;
    template.require(CKA_SENSITIVE, canonical_bool(false), Error::AttributeValueInvalid)?;
    template.require(CKA_EXTRACTABLE, canonical_bool(true), Error::AttributeValueInvalid)?;
    let given = template.ulong(CKA_VALUE_LEN).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let length = match (template.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?, given) {
        (CKK_GENERIC_SECRET, Some(length @ 1..=VALUE_BYTES_MAX)) => Length::Given(length),
        (CKK_GENERIC_SECRET, None) => Length::Any,
        (CKK_AES, Some(length)) if AES_BYTES.contains(&length) => Length::Given(length),
        (CKK_AES, None) => Length::OneOf(&AES_BYTES),
        _ => return Err(Error::AttributeValueInvalid),
    };
    let mut attributes = template.build(Class::SecretKey, &[])?;
    check_dates(&attributes)?;
    for id in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        attributes.insert(id, canonical_bool(false));
    }
    attributes.insert(CKA_KEY_GEN_MECHANISM, canonical_ulong(CK_UNAVAILABLE_INFORMATION));
    Ok(SecretRequest { attributes, length })
}

impl SecretRequest {
    /// `CKA_PRIVATE`.
    pub(crate) fn is_private(&self) -> bool {
        bool_of(&self.attributes, CKA_PRIVATE) == Some(true)
    }

    /// Whether a value of `length` bytes is such a key.
    pub(crate) fn takes(&self, length: usize) -> bool {
        match self.length {
            Length::Given(wanted) => wanted == length,
            Length::Any => (1..=VALUE_BYTES_MAX).contains(&length),
            Length::OneOf(sizes) => sizes.contains(&length),
        }
    }

    /// All attributes of a key with a value of `length` bytes.
    pub(crate) fn attributes(mut self, length: usize) -> Attributes {
        self.attributes.insert(CKA_VALUE_LEN, canonical_ulong(length as u64));
        self.attributes
    }
}

/// Key sizes of AES (FIPS 197).
const AES_BYTES: [usize; 3] = [16, 24, 32];
/// Longest generic secret. No protocol takes near as much of one agreement.
const VALUE_BYTES_MAX: usize = 4096;
