//! The way of an application through a library: load, initialise, slots, session, login. Then comes [`key`].

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::library::explain;
use super::{Finding, Report, key};

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
    key::look_at_key(&session, &mechanisms, wanted.key, report)
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
        let what = "the security officer has set the user's PIN, who is to change it";
        report.note(&Finding::new(what, "set a new one with the old one: C_SetPIN"));
    }
    if info.error_state() {
        return Err(Finding::new("the token is in its error state", "see the library's documentation"));
    }
    Ok(())
}
