//! What an object may be, and which of its attributes never change. PKCS#11 sticky attributes are
//! enforced here at every node, whatever the module of a client believes.

use proto::kms::{CKA_COUNTERFOIL_KMS, CKK_COUNTERFOIL_DPRF};
use proto::limits::{ATTRIBUTE_BYTES_MAX, ATTRIBUTES_MAX, SESSION_KEY_BYTES_MAX};
use proto::registry::v1::{Attribute, BirthStatement, ObjectRecord};
use proto::statement;
use threshold::dkg::DkgCurve;

use super::Refusal;
use super::birth::{self, Birth};

pub(crate) const CKA_CLASS: u64 = 0x0;
pub(crate) const CKA_TOKEN: u64 = 0x1;
pub(crate) const CKA_PRIVATE: u64 = 0x2;
pub(crate) const CKA_TRUSTED: u64 = 0x86;
pub(crate) const CKA_KEY_TYPE: u64 = 0x100;
pub(crate) const CKA_SENSITIVE: u64 = 0x103;
pub(crate) const CKA_DECRYPT: u64 = 0x105;
pub(crate) const CKA_UNWRAP: u64 = 0x107;
pub(crate) const CKA_SIGN: u64 = 0x108;
pub(crate) const CKA_DERIVE: u64 = 0x10c;
pub(crate) const CKA_MODULUS: u64 = 0x120;
pub(crate) const CKA_MODULUS_BITS: u64 = 0x121;
pub(crate) const CKA_PUBLIC_EXPONENT: u64 = 0x122;
pub(crate) const CKA_EXTRACTABLE: u64 = 0x162;
pub(crate) const CKA_LOCAL: u64 = 0x163;
pub(crate) const CKA_NEVER_EXTRACTABLE: u64 = 0x164;
pub(crate) const CKA_ALWAYS_SENSITIVE: u64 = 0x165;
pub(crate) const CKA_KEY_GEN_MECHANISM: u64 = 0x166;
pub(crate) const CKA_MODIFIABLE: u64 = 0x170;
pub(crate) const CKA_COPYABLE: u64 = 0x171;
pub(crate) const CKA_DESTROYABLE: u64 = 0x172;
pub(crate) const CKA_EC_PARAMS: u64 = 0x180;
pub(crate) const CKA_EC_POINT: u64 = 0x181;
pub(crate) const CKA_ALWAYS_AUTHENTICATE: u64 = 0x202;
pub(crate) const CKA_WRAP_WITH_TRUSTED: u64 = 0x210;
pub(crate) const CKA_ALLOWED_MECHANISMS: u64 = 0x4000_0600;

pub(crate) const CKO_PRIVATE_KEY: u64 = 3;
const CKO_SECRET_KEY: u64 = 4;
const CKK_RSA: u64 = 0x0;
const CKK_EC: u64 = 0x3;
const CKK_EC_EDWARDS: u64 = 0x40;
const CKK_EC_MONTGOMERY: u64 = 0x41;

/// Attributes that keep the value they were created with.
const IMMUTABLE: [u64; 15] = [
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_KEY_TYPE,
    CKA_LOCAL,
    CKA_NEVER_EXTRACTABLE,
    CKA_ALWAYS_SENSITIVE,
    CKA_KEY_GEN_MECHANISM,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_MODULUS,
    CKA_MODULUS_BITS,
    CKA_PUBLIC_EXPONENT,
    CKA_ALLOWED_MECHANISMS,
    CKA_ALWAYS_AUTHENTICATE,
];
/// Those that a copy may have otherwise, and an object keeps.
const OF_EACH_COPY: [u64; 2] = [CKA_MODIFIABLE, CKA_DESTROYABLE];
/// Booleans that may only go one way, and which.
const ONE_WAY: [(u64, bool); 4] =
    [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false), (CKA_WRAP_WITH_TRUSTED, true), (CKA_COPYABLE, false)];
/// Secret parts of private keys (CKA_VALUE, CKA_PRIVATE_EXPONENT to CKA_COEFFICIENT): never in here.
const SECRET: [u64; 7] = [0x11, 0x123, 0x124, 0x125, 0x126, 0x127, 0x128];

/// The type of private keys in a group.
const fn key_type(group: DkgCurve) -> Option<u64> {
    match group {
        DkgCurve::P256 | DkgCurve::P384 | DkgCurve::Secp256k1 => Some(CKK_EC),
        DkgCurve::Edwards25519 => Some(CKK_EC_EDWARDS),
        DkgCurve::Curve25519 => Some(CKK_EC_MONTGOMERY),
        DkgCurve::Ristretto255 => None,
    }
}

/// DER of a curve's object identifier (RFC 5480, 2.1.1.1; SEC 2, A.2.1; RFC 8410, 3).
const fn params(group: DkgCurve) -> Option<&'static [u8]> {
    Some(match group {
        DkgCurve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
        DkgCurve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
        DkgCurve::Secp256k1 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        DkgCurve::Edwards25519 => &[0x06, 0x03, 0x2b, 0x65, 0x70],
        DkgCurve::Curve25519 => &[0x06, 0x03, 0x2b, 0x65, 0x6e],
        DkgCurve::Ristretto255 => return None,
    })
}

/// The value of one attribute.
pub(crate) fn get(attributes: &[Attribute], attribute: u64) -> Option<&[u8]> {
    attributes.iter().find(|a| a.r#type == attribute).map(|a| a.value.as_slice())
}

/// A CK_BBOOL that is there and true.
pub(crate) fn is_true(attributes: &[Attribute], attribute: u64) -> bool {
    get(attributes, attribute) == Some(&[1])
}

/// A CK_ULONG.
pub(crate) fn number(attributes: &[Attribute], attribute: u64) -> Option<u64> {
    get(attributes, attribute).and_then(|value| value.try_into().ok()).map(u64::from_be_bytes)
}

/// Whether a login as user is needed to see the object: it says so, or it is a private key.
pub(crate) fn is_private(attributes: &[Attribute]) -> bool {
    number(attributes, CKA_CLASS) == Some(CKO_PRIVATE_KEY) || is_true(attributes, CKA_PRIVATE)
}

/// Whether a list of CK_ULONG holds a mechanism; no list allows all.
pub(crate) fn mechanism_allowed(attributes: &[Attribute], mechanism: u64) -> bool {
    match get(attributes, CKA_ALLOWED_MECHANISMS) {
        None => true,
        Some(list) => list.chunks(8).any(|entry| entry == mechanism.to_be_bytes()),
    }
}

/// A new object: sizes, kind, and for a private key that it is the one of its birth certificate.
pub(super) fn check_new(attributes: &[Attribute], birth: Option<&Birth>) -> Result<(), Refusal> {
    check_shape(attributes)?;
    let refuse = |attribute, why| Err(Refusal::Attribute { attribute, why });
    let class = number(attributes, CKA_CLASS);
    match (class, birth) {
        (None, _) => return refuse(CKA_CLASS, "missing"),
        (Some(CKO_SECRET_KEY), Some(birth)) => check_secret_key(attributes, birth.statement())?,
        (Some(CKO_SECRET_KEY), None) => return refuse(CKA_CLASS, "secret keys are not kept in the registry"),
        (Some(CKO_PRIVATE_KEY), None) => return Err(Refusal::Birth("a private key needs one")),
        (Some(CKO_PRIVATE_KEY), Some(birth)) => check_private_key(attributes, birth.statement())?,
        (Some(_), Some(_)) => return Err(Refusal::Birth("only for a private key")),
        (Some(_), None) => {}
    }
    check_history(attributes)
}

/// What a key says of its past must fit what it is.
fn check_history(attributes: &[Attribute]) -> Result<(), Refusal> {
    let refuse = |attribute, why| Err(Refusal::Attribute { attribute, why });
    if is_true(attributes, CKA_ALWAYS_SENSITIVE) && !is_true(attributes, CKA_SENSITIVE) {
        return refuse(CKA_ALWAYS_SENSITIVE, "the key is not sensitive");
    }
    if is_true(attributes, CKA_NEVER_EXTRACTABLE) && is_true(attributes, CKA_EXTRACTABLE) {
        return refuse(CKA_NEVER_EXTRACTABLE, "the key is extractable");
    }
    Ok(())
}

/// A session key, before it is generated: kept in memory, and by no registry command.
pub(crate) fn check_session_key(
    attributes: &[Attribute],
    statement: &BirthStatement,
) -> Result<(), &'static str> {
    check_session_size(attributes)?;
    let well_formed = check_shape(attributes)
        .and_then(|()| check_private_key(attributes, statement))
        .and_then(|()| check_history(attributes));
    let class = number(attributes, CKA_CLASS) == Some(CKO_PRIVATE_KEY);
    let kms = get(attributes, CKA_COUNTERFOIL_KMS).is_some();
    if well_formed.is_err() || !class || kms || !is_of_session(attributes) {
        return Err("attributes that no session key has");
    }
    Ok(())
}

/// Whether the attributes of a session key are within their limit.
pub(crate) fn check_session_size(attributes: &[Attribute]) -> Result<(), &'static str> {
    let bytes: usize = attributes.iter().map(|attribute| attribute.value.len()).sum();
    if attributes.len() > ATTRIBUTES_MAX || bytes > SESSION_KEY_BYTES_MAX {
        return Err("attributes over the limit of a session key");
    }
    Ok(())
}

/// Whether these are of an object that no registry records.
pub(crate) fn is_of_session(attributes: &[Attribute]) -> bool {
    get(attributes, CKA_TOKEN) == Some(&[0])
}

/// The attributes of a copy: what is sticky stays, and so does what a key is.
pub(crate) fn check_copy(source: &[Attribute], copy: &[Attribute]) -> Result<(), Refusal> {
    check_shape(copy)?;
    let refuse = |attribute, why| Err(Refusal::Attribute { attribute, why });
    if [source, copy].into_iter().any(|attributes| get(attributes, CKA_COUNTERFOIL_KMS).is_some()) {
        return refuse(CKA_COUNTERFOIL_KMS, "a copy would have no policy");
    }
    if get(source, CKA_COPYABLE) == Some(&[0]) {
        return refuse(CKA_COPYABLE, "the key may not be copied");
    }
    let kept = IMMUTABLE.iter().filter(|attribute| **attribute != CKA_TOKEN);
    if let Some(attribute) = kept.clone().find(|a| get(source, **a) != get(copy, **a)) {
        return refuse(*attribute, "may not change");
    }
    check_one_way(source, copy)
}

/// A secret key is born shared among the nodes, is seen by the token's user only, and never leaves them.
fn check_secret_key(attributes: &[Attribute], statement: &BirthStatement) -> Result<(), Refusal> {
    let refuse = |attribute, why| Err(Refusal::Attribute { attribute, why });
    if statement::attributes_hash(attributes).as_slice() != statement.attributes_hash {
        return Err(Refusal::Birth("the key was born with other attributes"));
    }
    if !birth::is_symmetric(statement) || statement.imported {
        return Err(Refusal::Birth("secret keys of this kind are not kept in the registry"));
    }
    if number(attributes, CKA_KEY_TYPE) != Some(CKK_COUNTERFOIL_DPRF) {
        return refuse(CKA_KEY_TYPE, "not that of the generated key");
    }
    for (attribute, value) in [(CKA_PRIVATE, 1), (CKA_LOCAL, 1), (CKA_SENSITIVE, 1), (CKA_EXTRACTABLE, 0)] {
        if get(attributes, attribute) != Some(&[value]) {
            return refuse(attribute, "not that of a secret key that is shared among the nodes");
        }
    }
    match SECRET.iter().find(|secret| get(attributes, **secret).is_some()) {
        Some(secret) => refuse(*secret, "no part of a secret key enters the registry"),
        None => Ok(()),
    }
}

fn check_private_key(attributes: &[Attribute], statement: &BirthStatement) -> Result<(), Refusal> {
    let refuse = |attribute, why| Err(Refusal::Attribute { attribute, why });
    if statement::attributes_hash(attributes).as_slice() != statement.attributes_hash {
        return Err(Refusal::Birth("the key was born with other attributes"));
    }
    let group = match birth::kind(statement) {
        Some(birth::Kind::Group(group)) => Some(group),
        Some(birth::Kind::Rsa(_)) | None => None,
    };
    if birth::is_symmetric(statement) {
        return Err(Refusal::Birth("a key of the pseudorandom function is a secret key"));
    }
    let wanted = group.and_then(key_type).or(birth::rsa(statement).map(|_| CKK_RSA));
    if wanted.is_none() || number(attributes, CKA_KEY_TYPE) != wanted {
        return refuse(CKA_KEY_TYPE, "not that of the generated key");
    }
    if get(attributes, CKA_EC_PARAMS) != group.and_then(params) {
        return refuse(CKA_EC_PARAMS, "not the curve of the generated key");
    }
    let imported = statement.imported;
    if get(attributes, CKA_LOCAL) != Some(&[u8::from(!imported)]) {
        return refuse(CKA_LOCAL, "a key is local exactly if the nodes generated it");
    }
    for attribute in [CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        if imported && is_true(attributes, attribute) {
            return refuse(attribute, "an imported key was elsewhere before");
        }
    }
    match SECRET.iter().find(|secret| get(attributes, **secret).is_some()) {
        Some(secret) => refuse(*secret, "no part of a private key enters the registry"),
        None => Ok(()),
    }
}

/// Other attributes for an object: what is sticky stays.
pub(super) fn check_update(current: &ObjectRecord, new: &[Attribute]) -> Result<(), Refusal> {
    check_shape(new)?;
    let old = &current.attributes;
    let refuse = |attribute, why| Err(Refusal::Attribute { attribute, why });
    if get(old, CKA_MODIFIABLE) == Some(&[0]) {
        return refuse(CKA_MODIFIABLE, "the object may not be changed");
    }
    let mut kept = IMMUTABLE.iter().chain(&OF_EACH_COPY);
    if let Some(attribute) = kept.find(|a| get(old, **a) != get(new, **a)) {
        return refuse(*attribute, "may not change");
    }
    check_one_way(old, new)?;
    let key = matches!(number(old, CKA_CLASS), Some(CKO_PRIVATE_KEY | CKO_SECRET_KEY));
    match SECRET.iter().find(|secret| key && get(new, **secret).is_some()) {
        Some(secret) => refuse(*secret, "no part of a private key enters the registry"),
        None => Ok(()),
    }
}

fn check_one_way(old: &[Attribute], new: &[Attribute]) -> Result<(), Refusal> {
    for (attribute, reached) in ONE_WAY {
        let (before, after) = (get(old, attribute), get(new, attribute));
        let back = before != after && (after != Some(&[u8::from(reached)]));
        if back {
            return Err(Refusal::Attribute { attribute, why: "may not go back" });
        }
    }
    Ok(())
}

/// Whether these are of an object that is declared trusted.
pub(super) fn is_trusted(attributes: &[Attribute]) -> bool {
    is_true(attributes, CKA_TRUSTED)
}

fn check_shape(attributes: &[Attribute]) -> Result<(), Refusal> {
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(Refusal::TooLarge("list of attributes"));
    }
    if attributes.iter().any(|attribute| attribute.value.len() > ATTRIBUTE_BYTES_MAX) {
        return Err(Refusal::TooLarge("attribute"));
    }
    let ascending =
        attributes.iter().zip(attributes.iter().skip(1)).all(|(one, next)| one.r#type < next.r#type);
    if !ascending {
        return Err(Refusal::Malformed("order of attributes: ascending, each once"));
    }
    // The PIN of one use comes with a signature or a decryption; the other uses' requests have no place for it, and the
    // KMS interface nobody to ask.
    let has_none = |usage: &u64| is_true(attributes, *usage);
    let kms = get(attributes, CKA_COUNTERFOIL_KMS).map(|_| CKA_COUNTERFOIL_KMS);
    let elsewhere = [CKA_DERIVE, CKA_UNWRAP].into_iter().find(has_none).or(kms);
    match elsewhere.filter(|_| is_true(attributes, CKA_ALWAYS_AUTHENTICATE)) {
        Some(attribute) => Err(Refusal::Attribute { attribute, why: "the key asks for the PIN at each use" }),
        None => Ok(()),
    }
}
