//! What a record must be, whoever made it.

use policy::{GRANT_OPERATIONS, Policy};
use prost::Message;
use proto::kms::v1::{Grant, KmsKey, Pair, State, Usage};
use proto::kms::{
    ALIASES_MAX, CKA_COUNTERFOIL_KMS, DESCRIPTION_BYTES_MAX, GRANTS_MAX, KEY_BYTES_MAX, MATERIALS_MAX,
    TAGS_MAX, TEXT_BYTES_MAX, context_is_canonical,
};
use proto::limits::FORMAT;
use proto::registry::v1::{Attribute, BirthStatement};
use threshold::dkg::DkgCurve;
use threshold::dprf;

use super::super::birth::{self, Kind};
use super::super::{Refusal, attributes};

/// Days between rotations.
const ROTATION_DAYS: std::ops::RangeInclusive<u32> = 90..=2560;

/// The record that these attributes hold, in its one encoding.
pub(super) fn decode(attributes: &[Attribute]) -> Result<Option<KmsKey>, Refusal> {
    let Some(bytes) = attributes::get(attributes, CKA_COUNTERFOIL_KMS) else { return Ok(None) };
    if bytes.len() > KEY_BYTES_MAX {
        return Err(Refusal::TooLarge("record of the KMS key"));
    }
    let key = KmsKey::decode(bytes).map_err(|_| Refusal::Malformed("record of the KMS key"))?;
    if key.format != FORMAT {
        return Err(Refusal::Format(key.format));
    }
    if key.encode_to_vec() != bytes {
        return Err(Refusal::Kms("the record is not in its one encoding"));
    }
    Ok(Some(key))
}

/// The record of a key that was born so.
pub(super) fn check(key: &KmsKey, born: &BirthStatement) -> Result<(), Refusal> {
    let fits = match birth::kind(born) {
        Some(Kind::Group(_)) if born.curve == dprf::NAME => key.usage() == Usage::EncryptDecrypt,
        Some(Kind::Group(DkgCurve::P256 | DkgCurve::P384)) => {
            matches!(key.usage(), Usage::SignVerify | Usage::KeyAgreement)
        }
        Some(Kind::Group(DkgCurve::Secp256k1 | DkgCurve::Edwards25519)) => key.usage() == Usage::SignVerify,
        Some(Kind::Group(DkgCurve::Curve25519)) => key.usage() == Usage::KeyAgreement,
        Some(Kind::Rsa(_)) => matches!(key.usage(), Usage::SignVerify | Usage::EncryptDecrypt),
        Some(Kind::Group(DkgCurve::Ristretto255)) | None => false,
    };
    let refuse = |why| Err(Refusal::Kms(why));
    if !fits {
        return refuse("the usage is none of the key's type");
    }
    if !key.material_of.is_empty() {
        return refuse("material is no key by itself");
    }
    let pending = key.state() == State::PendingDeletion;
    if key.state() == State::Unspecified || pending != (key.deletion_unix_s != 0) {
        return refuse("a deletion date goes with the state of pending deletion, and only with it");
    }
    let symmetric = born.curve == dprf::NAME;
    if !symmetric && (key.rotation_days != 0 || !key.materials.is_empty()) {
        return refuse("the material of a pair does not change");
    }
    if key.rotation_days != 0 && !ROTATION_DAYS.contains(&key.rotation_days) {
        return refuse("days between rotations");
    }
    check_lists(key)?;
    match key.policy.is_empty() || Policy::parse(&key.policy).is_ok() {
        true => Ok(()),
        false => refuse("the policy has what is not enforced"),
    }
}

fn check_lists(key: &KmsKey) -> Result<(), Refusal> {
    let text = |text: &str| text.len() <= TEXT_BYTES_MAX;
    let named = |name: &str| !name.is_empty() && text(name);
    if key.description.len() > DESCRIPTION_BYTES_MAX {
        return Err(Refusal::TooLarge("description"));
    }
    let tags = &key.tags;
    if tags.len() > TAGS_MAX || !tags.iter().all(|tag| named(&tag.name) && text(&tag.value)) || !ascend(tags)
    {
        return Err(Refusal::Kms("tags: in order, each once, within their limits"));
    }
    let aliases = &key.aliases;
    if aliases.len() > ALIASES_MAX || !aliases.iter().all(|alias| named(alias)) || !ascend_text(aliases) {
        return Err(Refusal::Kms("aliases: in order, each once, within their limits"));
    }
    let grants = &key.grants;
    let in_order = grants.is_sorted_by(|one, next| one.grant_id < next.grant_id);
    if grants.len() > GRANTS_MAX || !in_order || !grants.iter().all(|grant| is_grant(grant, named, text)) {
        return Err(Refusal::Kms("grants: in order, each once, of operations that can be granted"));
    }
    let materials = &key.materials;
    if materials.len() > MATERIALS_MAX || !materials.iter().all(|material| material.object_id.len() == 16) {
        return Err(Refusal::Kms("versions of the material"));
    }
    Ok(())
}

fn is_grant(grant: &Grant, named: impl Fn(&str) -> bool, text: impl Fn(&str) -> bool) -> bool {
    named(&grant.grant_id)
        && named(&grant.grantee)
        && [&grant.name, &grant.retiring, &grant.issuer].into_iter().all(|field| text(field))
        && !grant.operations.is_empty()
        && ascend_text(&grant.operations)
        && grant.operations.iter().all(|operation| GRANT_OPERATIONS.contains(&operation.as_str()))
        && context_is_canonical(&grant.context_equals)
        && context_is_canonical(&grant.context_subset)
        && (grant.context_equals.is_empty() || grant.context_subset.is_empty())
}

fn ascend(pairs: &[Pair]) -> bool {
    pairs.is_sorted_by(|one, next| one.name < next.name)
}

fn ascend_text(texts: &[String]) -> bool {
    texts.is_sorted_by(|one, next| one < next)
}
