//! Private keys that the application brings along (PKCS#11 3.1 sections 4.9, 6.1.3 and 6.3.4). They are marked for their
//! whole life: not local, and never was their value out of reach of whoever brought them.

mod der;
mod ec;
mod rsa;

use cryptoki_sys::*;

use super::{check_consent, check_dates, key, pair};
use crate::attribute::{Class, canonical_bool, canonical_ulong};
use crate::backend::{Curve, PrivateKeyImport};
use crate::provider::TemplateItem;
use crate::rv::{Error, Result};
use crate::template::Template;
pub use der::PrivateKeyDer;

/// Checks the template of `C_CreateObject` and takes the value out of it.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without a key type; [`Error::Contradiction`] for keys of other types, which are not
/// imported; [`Error::AttributeValueInvalid`] for a public half that is not the key's,
/// and for a key that could leave the token; what the type of key says; what [`Template::build`] says.
pub(crate) fn request(mut template: Template) -> Result<PrivateKeyImport> {
    let info = template.take(CKA_PUBLIC_KEY_INFO);
    let wanted = template.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?;
    let (value, derived) = match wanted {
        CKK_RSA => rsa::take(&mut template)?,
        _ if Curve::ALL.iter().any(|curve| key::key_type(*curve) == wanted) => {
            ec::take(&mut template, wanted)?
        }
        _ => return Err(Error::contradiction(CKA_KEY_TYPE, "private keys of this type are not imported")),
    };
    if info.is_some_and(|given| derived.get(&CKA_PUBLIC_KEY_INFO) != Some(&given)) {
        return Err(Error::AttributeValueInvalid);
    }
    pair::check_private(&mut template)?;
    let mut private = template.build(Class::PrivateKey, &[])?;
    check_dates(&private)?;
    check_consent(&private)?;
    for id in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        private.insert(id, canonical_bool(false));
    }
    private.insert(CKA_KEY_GEN_MECHANISM, canonical_ulong(CK_UNAVAILABLE_INFORMATION));
    Ok(PrivateKeyImport { value, private })
}

/// Checks of the template of `C_UnwrapKey` what needs no look at the key.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without a key type; [`Error::Contradiction`] for a number of the key, which is not the
/// application's to say, and [`Error::AttributeValueInvalid`] for a key that could leave the token.
pub(crate) fn check_template(template: &mut Template) -> Result<()> {
    if template.ulong(CKA_KEY_TYPE).is_none() {
        return Err(Error::TemplateIncomplete);
    }
    if let Some(id) = NUMBERS.iter().find(|id| template.attributes().contains_key(id)) {
        return Err(Error::contradiction(*id, "is inside the wrapped key"));
    }
    pair::check_private(template)
}

/// What `C_UnwrapKey` makes of a private key in PKCS#8.
///
/// # Errors
/// [`Error::WrappedKeyInvalid`] for what is no key of the type that the template names; what [`Template::build`] says.
pub(crate) fn unwrapped(mut template: Template, der: &[u8]) -> Result<PrivateKeyImport> {
    let key = PrivateKeyDer::pkcs8(der).map_err(|_| Error::WrappedKeyInvalid)?;
    let items: Vec<TemplateItem<'_>> =
        key.attributes().map(|(kind, value)| TemplateItem { kind, value }).collect();
    let mut inner = Template::parse(&items).map_err(|_| Error::WrappedKeyInvalid)?;
    let key_type = inner.take(CKA_KEY_TYPE);
    if template.attributes().get(&CKA_KEY_TYPE) != key_type.as_ref() {
        return Err(Error::WrappedKeyInvalid);
    }
    for id in NUMBERS {
        inner.take(id).into_iter().for_each(|value| template.set(id, value));
    }
    request(template).map_err(|error| match error {
        Error::CurveNotSupported
        | Error::DomainParamsInvalid
        | Error::TemplateIncomplete
        | Error::Contradiction { .. } => Error::WrappedKeyInvalid,
        Error::AttributeValueInvalid => Error::WrappedKeyInvalid,
        other => other,
    })
}

/// What makes a private key the key that it is.
const NUMBERS: [u64; 11] = [
    CKA_VALUE,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
];

/// What becomes of a key that is imported, or made, by command.
pub struct Purpose<'a> {
    /// `CKA_LABEL`.
    pub label: &'a str,
    /// `CKA_ID`; SHA-1 of the public point or modulus without it.
    pub id: Option<&'a [u8]>,
    /// Attributes of [`usage`]: these are true, and the others false. Of a key of X25519 `DERIVE` is, and nothing else.
    pub usage: &'a [u64],
}

/// What `C_CreateObject` would make of the key.
///
/// # Errors
/// As that function: [`Error::CurveNotSupported`], [`Error::AttributeValueInvalid`] for a value out of range or another
/// key's public half.
pub fn of_file(key: &PrivateKeyDer, purpose: &Purpose<'_>) -> Result<PrivateKeyImport> {
    let class = CKO_PRIVATE_KEY.to_ne_bytes();
    let mut items =
        vec![(CKA_CLASS, &class[..]), (CKA_TOKEN, &[CK_TRUE]), (CKA_LABEL, purpose.label.as_bytes())];
    let wanted: &[u64] = if key.agrees_only() { &[usage::DERIVE] } else { purpose.usage };
    let flag = |usage| [u8::from(wanted.contains(&usage))];
    let flags = usage::ALL.map(|usage| (usage, flag(usage)));
    items.extend(flags.iter().map(|(usage, flag)| (*usage, &flag[..])));
    items.extend(purpose.id.map(|id| (CKA_ID, id)));
    items.extend(key.attributes());
    let items: Vec<TemplateItem<'_>> =
        items.into_iter().map(|(kind, value)| TemplateItem { kind, value }).collect();
    request(Template::parse(&items)?)
}

/// What a private key can be used for here, by its attributes.
pub mod usage {
    /// `CKA_SIGN`.
    pub const SIGN: u64 = cryptoki_sys::CKA_SIGN;
    /// `CKA_DERIVE`.
    pub const DERIVE: u64 = cryptoki_sys::CKA_DERIVE;
    /// `CKA_DECRYPT`.
    pub const DECRYPT: u64 = cryptoki_sys::CKA_DECRYPT;
    /// `CKA_UNWRAP`.
    pub const UNWRAP: u64 = cryptoki_sys::CKA_UNWRAP;

    pub(crate) const ALL: [u64; 4] = [SIGN, DERIVE, DECRYPT, UNWRAP];
}
