//! The last part of the way: find a private key, sign with it and verify.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::library::explain;
use super::{Finding, Report};

/// Signs with the key of this label, or with the first that signs.
pub(super) fn look_at_key(
    session: &Session,
    mechanisms: &[MechanismType],
    label: Option<&str>,
    report: &mut Report,
) -> Result<(), Finding> {
    let mut search = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    search.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
    let keys = session.find_objects(&search).map_err(|error| explain("C_FindObjects", &error))?;
    let Some(first) = keys.first() else {
        let Some(label) = label else {
            let what = "the token has no private key, so signing was not looked at";
            report.note(&Finding::new(what, "make one: `pkcs11-tool --keypairgen`"));
            return Ok(());
        };
        let what = format!("there is no private key {label:?}");
        return Err(Finding::new(what, "see `pkcs11-tool --list-objects --login`"));
    };
    report.good(format!("{} private keys", keys.len()));
    let signs = |key: &&ObjectHandle| matches!(flag(session, **key, &Attribute::Sign(true)), Ok(true));
    let key = *keys.iter().find(signs).unwrap_or(first);
    let (mechanism, name) = mechanism_for(session, key, mechanisms)?;
    sign(session, key, &mechanism, name, report)
}

fn sign(
    session: &Session,
    key: ObjectHandle,
    mechanism: &Mechanism<'_>,
    name: &str,
    report: &mut Report,
) -> Result<(), Finding> {
    let digest = [0x5a; 32];
    let signature = session.sign(mechanism, key, &digest).map_err(|error| explain("C_Sign", &error))?;
    report.good(format!("signed with {name}, {} bytes", signature.len()));
    let Some(public) = public_half(session, key) else {
        let what = "the key has no public half on the token";
        let remedy = "applications that look for it need one: store it with the same CKA_ID";
        report.note(&Finding::new(what, remedy));
        return Ok(());
    };
    match session.verify(mechanism, public, &digest, &signature) {
        Ok(()) => {
            report.good("the signature is right");
            Ok(())
        }
        Err(Error::Pkcs11(RvError::SignatureInvalid, _)) => {
            let remedy =
                "the public key of the same CKA_ID is another key's: give each pair an id of its own";
            Err(Finding::new("the signature does not fit the public key", remedy))
        }
        Err(error) => Err(explain("C_Verify", &error)),
    }
}

/// A mechanism that signs 32 bytes with the key, and its name.
fn mechanism_for(
    session: &Session,
    key: ObjectHandle,
    listed: &[MechanismType],
) -> Result<(Mechanism<'static>, &'static str), Finding> {
    let attributes = session.get_attributes(key, &[AttributeType::KeyType]);
    let attributes = attributes.map_err(|error| explain("C_GetAttributeValue", &error))?;
    let key_type = attributes.iter().find_map(|attribute| match attribute {
        Attribute::KeyType(key_type) => Some(*key_type),
        _ => None,
    });
    let usual = match key_type {
        Some(KeyType::EC) => vec![
            (MechanismType::ECDSA, Mechanism::Ecdsa, "CKM_ECDSA"),
            (MechanismType::ECDSA_SHA256, Mechanism::EcdsaSha256, "CKM_ECDSA_SHA256"),
        ],
        Some(KeyType::RSA) => vec![
            (MechanismType::SHA256_RSA_PKCS, Mechanism::Sha256RsaPkcs, "CKM_SHA256_RSA_PKCS"),
            (MechanismType::RSA_PKCS, Mechanism::RsaPkcs, "CKM_RSA_PKCS"),
        ],
        Some(KeyType::EC_EDWARDS) => {
            let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
            vec![(MechanismType::EDDSA, pure, "CKM_EDDSA")]
        }
        _ => Vec::new(),
    };
    let names: Vec<&str> = usual.iter().map(|(_, _, name)| *name).collect();
    let allowed = allowed(session, key);
    let serves = |kind: &MechanismType| {
        listed.contains(kind) && allowed.as_ref().is_none_or(|allowed| allowed.contains(kind))
    };
    match usual.into_iter().find(|(kind, ..)| serves(kind)) {
        Some((_, mechanism, name)) => Ok((mechanism, name)),
        None if names.is_empty() => {
            Err(Finding::new("the private key does not sign", "name one that does with --key"))
        }
        None => Err(Finding::new(
            format!("the token or the key lists none of {}, by which it would sign", names.join(", ")),
            "see CKA_ALLOWED_MECHANISMS of the key, and the library's configuration: mechanisms may be hidden there",
        )),
    }
}

/// The key's list of mechanisms, if the library has one.
fn allowed(session: &Session, key: ObjectHandle) -> Option<Vec<MechanismType>> {
    let attributes = session.get_attributes(key, &[AttributeType::AllowedMechanisms]).ok()?;
    attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::AllowedMechanisms(allowed) if !allowed.is_empty() => Some(allowed),
        _ => None,
    })
}

fn flag(session: &Session, key: ObjectHandle, wanted: &Attribute) -> Result<bool, Error> {
    Ok(session.get_attributes(key, &[wanted.attribute_type()])?.contains(wanted))
}

fn public_half(session: &Session, key: ObjectHandle) -> Option<ObjectHandle> {
    let id = session.get_attributes(key, &[AttributeType::Id]).ok()?.into_iter().next()?;
    session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), id]).ok()?.first().copied()
}
