//! The way of an application through a library: load, initialise, slots, session, login, find, sign, verify.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::library::explain;
use super::{Finding, Report};

/// What the walk is for.
pub(super) struct Wanted<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) pin: Option<&'a Zeroizing<String>>,
    pub(super) key: Option<&'a str>,
}

/// Walks as far as it goes; the first thing that stops an application is the finding.
pub(super) fn walk(module: &Path, wanted: &Wanted<'_>, report: &mut Report) -> Result<(), Finding> {
    let library = Pkcs11::new(module).map_err(|error| explain(&module.display().to_string(), &error))?;
    report.good(format!("{} is loaded", module.display()));
    let initialized = library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    initialized.map_err(|error| explain("C_Initialize", &error))?;
    report.good("initialised");
    let outcome = with_library(&library, wanted, report);
    // The way is at its end; what it found matters more than how the library says goodbye.
    let _farewell = library.finalize();
    outcome
}

fn with_library(library: &Pkcs11, wanted: &Wanted<'_>, report: &mut Report) -> Result<(), Finding> {
    let (slot, info) = choose_token(library, wanted.token)?;
    report.good(format!("token {:?} in slot {}", info.label().trim_end(), slot.id()));
    look_at_token(&info, report)?;
    let mechanisms =
        library.get_mechanism_list(slot).map_err(|error| explain("C_GetMechanismList", &error))?;
    if mechanisms.is_empty() {
        return Err(Finding::new("the token lists no mechanism", "see the library's configuration"));
    }
    report.good(format!("{} mechanisms", mechanisms.len()));
    let session = library.open_ro_session(slot).map_err(|error| explain("C_OpenSession", &error))?;
    report.good("a session is open");
    let Some(pin) = wanted.pin else {
        let what = "no PIN was given, so login, keys and signing were not looked at";
        report.note(&Finding::new(what, "give --pin-file or --pin-env"));
        return Ok(());
    };
    let login = session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into())));
    login.map_err(|error| explain("login", &error))?;
    report.good("logged in as user");
    sign(&session, &mechanisms, wanted.key, report)
}

fn choose_token(library: &Pkcs11, label: Option<&str>) -> Result<(Slot, TokenInfo), Finding> {
    let slots = library.get_slots_with_token().map_err(|error| explain("C_GetSlotList", &error))?;
    if slots.is_empty() {
        let remedy = "make one: `counterfoil token create`, or `softhsm2-util --init-token` for SoftHSM";
        return Err(Finding::new("no slot has a token", remedy));
    }
    let mut tokens = Vec::new();
    for slot in slots {
        let info = library.get_token_info(slot).map_err(|error| explain("C_GetTokenInfo", &error))?;
        tokens.push((slot, info));
    }
    let names: Vec<String> =
        tokens.iter().map(|(_, info)| format!("{:?}", info.label().trim_end())).collect();
    let wanted = |info: &TokenInfo| match label {
        Some(label) => info.label().trim_end() == label,
        None => info.token_initialized(),
    };
    let position = tokens.iter().position(|(_, info)| wanted(info));
    match (position, label) {
        (Some(position), _) => Ok(tokens.swap_remove(position)),
        (None, Some(label)) => {
            let what = format!("there is no token {label:?}");
            Err(Finding::new(what, &format!("use one of: {}", names.join(", "))))
        }
        (None, None) => {
            let remedy = "initialise one: `counterfoil token init`, or C_InitToken";
            Err(Finding::new("no token is initialised", remedy))
        }
    }
}

fn look_at_token(info: &TokenInfo, report: &mut Report) -> Result<(), Finding> {
    if !info.token_initialized() {
        let remedy = "initialise it: `counterfoil token init`, or C_InitToken";
        return Err(Finding::new("the token is not initialised", remedy));
    }
    if !info.user_pin_initialized() {
        let remedy = "have the security officer set it: C_InitPIN";
        return Err(Finding::new("the user's PIN is not set", remedy));
    }
    if info.user_pin_locked() {
        let remedy = "have the security officer set a new one: C_InitPIN";
        return Err(Finding::new("the user's PIN is locked", remedy));
    }
    if info.user_pin_final_try() {
        let remedy = "be sure of the PIN before you go on";
        report.note(&Finding::new("the next wrong PIN locks the user's login", remedy));
    } else if info.user_pin_count_low() {
        let what = "a wrong PIN was given since the last login";
        report.note(&Finding::new(what, "a right one ends the count"));
    }
    if info.user_pin_to_be_changed() {
        let what = "the user's PIN is to be changed before it is used";
        report.bad(Finding::new(what, "set a new one with the old one: C_SetPIN"));
    }
    if info.error_state() {
        return Err(Finding::new("the token is in its error state", "see the library's documentation"));
    }
    Ok(())
}

fn sign(
    session: &Session,
    mechanisms: &[MechanismType],
    label: Option<&str>,
    report: &mut Report,
) -> Result<(), Finding> {
    let mut search = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    search.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
    let keys = session.find_objects(&search).map_err(|error| explain("C_FindObjects", &error))?;
    let Some(key) = keys.first() else {
        let Some(label) = label else {
            let what = "the token has no private key, so signing was not looked at";
            report.note(&Finding::new(what, "make one: `pkcs11-tool --keypairgen`"));
            return Ok(());
        };
        let what = format!("there is no private key {label:?}");
        return Err(Finding::new(what, "see `pkcs11-tool --list-objects --login`"));
    };
    report.good(format!("{} private keys", keys.len()));
    let (mechanism, name) = mechanism_for(session, *key, mechanisms)?;
    let digest = [0x5a; 32];
    let signature = session.sign(&mechanism, *key, &digest).map_err(|error| explain("C_Sign", &error))?;
    report.good(format!("signed with {name}, {} bytes", signature.len()));
    match public_half(session, *key) {
        None => {
            let what = "the key has no public half on the token";
            report.note(&Finding::new(
                what,
                "applications that look for it need one: store it with the same CKA_ID",
            ));
            Ok(())
        }
        Some(public) => match session.verify(&mechanism, public, &digest, &signature) {
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
        },
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
    let candidates = match key_type {
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
    let names: Vec<&str> = candidates.iter().map(|(_, _, name)| *name).collect();
    let found = candidates.into_iter().find(|(kind, ..)| listed.contains(kind));
    found.map(|(_, mechanism, name)| (mechanism, name)).ok_or_else(|| match names.as_slice() {
        [] => Finding::new("the first private key does not sign", "name one that does with --key"),
        names => Finding::new(
            format!("the token lists none of {}, which the key needs to sign", names.join(", ")),
            "see the library's configuration: mechanisms may be hidden there",
        ),
    })
}

fn public_half(session: &Session, key: ObjectHandle) -> Option<ObjectHandle> {
    let id = session.get_attributes(key, &[AttributeType::Id]).ok()?.into_iter().next()?;
    session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), id]).ok()?.first().copied()
}
