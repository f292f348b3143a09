//! Words of the cases and the numbers that they stand for.

use cryptoki_sys::*;

/// A number, decimal or hexadecimal with `0x`.
pub(super) fn number(text: &str) -> Result<CK_ULONG, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => CK_ULONG::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("{text:?} is no number"))
}

/// Flags, as a number or as names with `|` between them.
pub(super) fn flags(text: &str) -> Result<CK_FLAGS, String> {
    number(text)
        .or_else(|_| text.split('|').map(|name| named(FLAGS, name)).try_fold(0, |all, one| Ok(all | one?)))
}

pub(super) fn return_value(name: &str) -> Result<CK_RV, String> {
    named(RETURN_VALUES, name)
}

pub(super) fn mechanism(name: &str) -> Result<CK_MECHANISM_TYPE, String> {
    named(MECHANISMS, name)
}

pub(super) fn user(name: &str) -> Result<CK_USER_TYPE, String> {
    named(&[("SO", CKU_SO), ("USER", CKU_USER), ("CONTEXT_SPECIFIC", CKU_CONTEXT_SPECIFIC)], name)
}

pub(super) fn attribute(name: &str) -> Result<CK_ATTRIBUTE_TYPE, String> {
    named(&[("CLASS", CKA_CLASS), ("TOKEN", CKA_TOKEN), ("LABEL", CKA_LABEL)], name)
}

pub(super) fn truth(text: &str) -> Result<CK_BBOOL, String> {
    match text {
        "true" | "TRUE" => Ok(CK_TRUE),
        "false" | "FALSE" => Ok(CK_FALSE),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

fn named(known: &[(&str, CK_ULONG)], name: &str) -> Result<CK_ULONG, String> {
    let found = known.iter().find(|(word, _)| *word == name);
    found.map(|(_, number)| *number).ok_or_else(|| format!("{name:?} is not known here"))
}

/// What a token of the profiles has, if the case's has it.
pub(super) const REQUIRED: CK_FLAGS =
    CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED;

/// Of slots, tokens, sessions and mechanisms: no name has two meanings in the cases.
const FLAGS: &[(&str, CK_FLAGS)] = &[
    ("TOKEN_PRESENT", CKF_TOKEN_PRESENT),
    ("REMOVABLE_DEVICE", CKF_REMOVABLE_DEVICE),
    ("HW_SLOT", CKF_HW_SLOT),
    ("RNG", CKF_RNG),
    ("LOGIN_REQUIRED", CKF_LOGIN_REQUIRED),
    ("USER_PIN_INITIALIZED", CKF_USER_PIN_INITIALIZED),
    ("RESTORE_KEY_NOT_NEEDED", CKF_RESTORE_KEY_NOT_NEEDED),
    ("TOKEN_INITIALIZED", CKF_TOKEN_INITIALIZED),
    ("RW_SESSION", CKF_RW_SESSION),
    ("SERIAL_SESSION", CKF_SERIAL_SESSION),
    ("ENCRYPT", CKF_ENCRYPT),
    ("DECRYPT", CKF_DECRYPT),
    ("DIGEST", CKF_DIGEST),
    ("SIGN", CKF_SIGN),
    ("VERIFY", CKF_VERIFY),
    ("GENERATE_KEY_PAIR", CKF_GENERATE_KEY_PAIR),
    ("WRAP", CKF_WRAP),
    ("UNWRAP", CKF_UNWRAP),
];
const RETURN_VALUES: &[(&str, CK_RV)] = &[
    ("OK", CKR_OK),
    ("ARGUMENTS_BAD", CKR_ARGUMENTS_BAD),
    ("PIN_INCORRECT", CKR_PIN_INCORRECT),
    ("SESSION_HANDLE_INVALID", CKR_SESSION_HANDLE_INVALID),
    ("USER_NOT_LOGGED_IN", CKR_USER_NOT_LOGGED_IN),
];
const MECHANISMS: &[(&str, CK_MECHANISM_TYPE)] = &[
    ("SHA256", CKM_SHA256),
    ("SHA512", CKM_SHA512),
    ("RSA_PKCS_KEY_PAIR_GEN", CKM_RSA_PKCS_KEY_PAIR_GEN),
    ("RSA_PKCS", CKM_RSA_PKCS),
    ("SHA256_RSA_PKCS", CKM_SHA256_RSA_PKCS),
];
