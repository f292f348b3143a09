//! The two templates of `C_GenerateKeyPair` (PKCS#11 3.1 sections 5.18.2, 6.1 and 6.3).

use cryptoki_sys::*;

use super::import::{Purpose, usage};
use super::{check_consent, check_dates, key, rsa};
use crate::attribute::{Class, canonical_bool, canonical_ulong};
use crate::backend::{Curve, KeyPairRequest, KeySpec};
use crate::mechanism::{MECHANISMS, Mechanism, Use, Work};
use crate::provider::TemplateItem;
use crate::rv::{Error, Result};
use crate::template::Template;

/// What `C_GenerateKeyPair` would ask for: a pair on the token, whose public half may do what belongs to the private one's uses.
///
/// # Errors
/// As that function: [`Error::KeySizeRange`], [`Error::AttributeValueInvalid`] for an exponent.
pub fn of_kind(kind: KeySpec, purpose: &Purpose<'_>) -> Result<KeyPairRequest> {
    let (bits, number);
    let (params, agrees_only): (Vec<(u64, &[u8])>, _) = match kind {
        KeySpec::Curve(curve) => (vec![(CKA_EC_PARAMS, key::curve_oid(curve))], curve == Curve::Curve25519),
        KeySpec::Rsa { bits: size, exponent } => {
            (bits, number) = (u64::from(size).to_ne_bytes(), exponent);
            (vec![(CKA_MODULUS_BITS, &bits), (CKA_PUBLIC_EXPONENT, number.as_bytes())], false)
        }
    };
    let wanted: &[u64] = if agrees_only { &[usage::DERIVE] } else { purpose.usage };
    let flag = |usage| [u8::from(wanted.contains(&usage))];
    let flags = usage::ALL.map(|usage| (usage, flag(usage)));
    let [sign, _, decrypt, unwrap] = flags.map(|(_, flag)| flag);
    let mut both = vec![(CKA_TOKEN, &[CK_TRUE][..]), (CKA_LABEL, purpose.label.as_bytes())];
    both.extend(purpose.id.map(|id| (CKA_ID, id)));
    let mut public = [both.clone(), params, vec![(CKA_VERIFY, &sign[..])]].concat();
    if matches!(kind, KeySpec::Rsa { .. }) {
        public.extend([(CKA_ENCRYPT, &decrypt[..]), (CKA_WRAP, &unwrap[..])]);
    }
    let private = [both, flags.iter().map(|(usage, flag)| (*usage, &flag[..])).collect()].concat();
    let template = |items: Vec<(u64, &[u8])>| {
        let items: Vec<TemplateItem<'_>> =
            items.into_iter().map(|(kind, value)| TemplateItem { kind, value }).collect();
        Template::parse(&items)
    };
    let makes = |mechanism: &&&Mechanism| {
        let fits = match kind {
            KeySpec::Curve(curve) => mechanism.keys.has(curve),
            KeySpec::Rsa { .. } => mechanism.work == Work::RsaKeyPair,
        };
        fits && mechanism.uses.contains(&Use::GenerateKeyPair)
    };
    let mechanism = MECHANISMS.iter().find(makes).ok_or(Error::MechanismInvalid)?;
    request(mechanism, template(public)?, template(private)?)
}

/// Checks both templates and fills in all attributes but those that follow from the new public key.
///
/// # Errors
/// [`Error::TemplateIncomplete`] without a curve or a size, [`Error::CurveNotSupported`], what [`rsa::request`] says, [`Error::Contradiction`] for
/// contradictions, [`Error::AttributeValueInvalid`] for a private key that could leave the token or be seen without login; what [`Template::build`] says.
pub(crate) fn request(
    mechanism: &Mechanism,
    mut public: Template,
    mut private: Template,
) -> Result<KeyPairRequest> {
    let kind = match mechanism.work {
        Work::RsaKeyPair => rsa::request(&mut public, &mut private)?,
        _ => KeySpec::Curve(curve(mechanism, &mut public, &mut private)?),
    };
    let key_type = match kind {
        KeySpec::Curve(curve) => key::key_type(curve),
        KeySpec::Rsa { .. } => CKK_RSA,
    };
    let wrong = |attribute| Error::contradiction(attribute, "is not that of this half of the pair");
    for (template, class) in [(&mut public, Class::PublicKey), (&mut private, Class::PrivateKey)] {
        template.require(CKA_CLASS, canonical_ulong(class.number()), wrong(CKA_CLASS))?;
        template.require(CKA_KEY_TYPE, canonical_ulong(key_type), wrong(CKA_KEY_TYPE))?;
        if let KeySpec::Curve(curve) = kind {
            key::default_uses(template, curve, class);
        }
    }
    if public.bool(CKA_TRUSTED) == Some(true) {
        return Err(Error::AttributeReadOnly);
    }
    pair_ids(&mut public, &mut private);
    check_private(&mut private)?;

    let public_on_token = public.bool(CKA_TOKEN) == Some(true);
    let private_on_token = private.bool(CKA_TOKEN) == Some(true);
    let mut public = public.build(Class::PublicKey, &[CKA_EC_POINT, CKA_MODULUS])?;
    let mut private = private.build(Class::PrivateKey, &[CKA_MODULUS])?;
    check_dates(&public)?;
    check_dates(&private)?;
    check_consent(&private)?;
    for attributes in [&mut public, &mut private] {
        attributes.insert(CKA_LOCAL, canonical_bool(true));
        attributes.insert(CKA_KEY_GEN_MECHANISM, canonical_ulong(mechanism.id));
    }
    private.insert(CKA_ALWAYS_SENSITIVE, canonical_bool(true));
    private.insert(CKA_NEVER_EXTRACTABLE, canonical_bool(true));
    Ok(KeyPairRequest { kind, public, private, public_on_token, private_on_token })
}

/// The curve that the templates ask for, with its OBJECT IDENTIFIER in both.
fn curve(mechanism: &Mechanism, public: &mut Template, private: &mut Template) -> Result<Curve> {
    let params = public.attributes().get(&CKA_EC_PARAMS).ok_or(Error::TemplateIncomplete)?;
    let curve = Some(key::named_curve(params)?)
        .filter(|curve| mechanism.keys.has(*curve))
        .ok_or(Error::CurveNotSupported)?;
    name_curve(public, curve)?;
    name_curve(private, curve)?;
    if public.attributes().contains_key(&CKA_EC_POINT) {
        return Err(Error::contradiction(
            CKA_EC_POINT,
            "a new key's point is not the application's to choose",
        ));
    }
    Ok(curve)
}

/// What every private key of ours is: seen only after login, never revealed. Templates may say so or be silent; one
/// that says otherwise is refused rather than bent.
pub(crate) fn check_private(private: &mut Template) -> Result<()> {
    for (id, value) in [(CKA_PRIVATE, true), (CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false)] {
        private.require(id, canonical_bool(value), Error::AttributeValueInvalid)?;
    }
    Ok(())
}

/// Puts the curve's OBJECT IDENTIFIER into the template, whichever way the curve was named.
fn name_curve(template: &mut Template, curve: Curve) -> Result<()> {
    match template.attributes().get(&CKA_EC_PARAMS) {
        Some(params) if key::curve_of(params) != Some(curve) => {
            Err(Error::contradiction(CKA_EC_PARAMS, "is not the curve of the public key's template"))
        }
        _ => {
            template.set(CKA_EC_PARAMS, key::curve_oid(curve).to_vec());
            Ok(())
        }
    }
}

/// Applications find one half by the `CKA_ID` of the other: if only one template has it, both halves get it.
fn pair_ids(public: &mut Template, private: &mut Template) {
    let id = |template: &Template| template.attributes().get(&CKA_ID).cloned();
    match (id(public), id(private)) {
        (Some(id), None) => private.set(CKA_ID, id),
        (None, Some(id)) => public.set(CKA_ID, id),
        (Some(_), Some(_)) | (None, None) => {}
    }
}
