//! What the answers of a library mean to people.

use cryptoki::error::{Error, RvError};

use super::Finding;

/// What failed on the way, and what to do about it.
pub(super) fn explain(step: &str, error: &Error) -> Finding {
    let remedy = match error {
        Error::LibraryLoading(_) => {
            "give the path of the library, built for this machine, with all that it links (`ldd` shows it)"
        }
        Error::MissingSymbol(_) | Error::NullFunctionPointer => {
            "this is no PKCS#11 library: give another path"
        }
        Error::Pkcs11(rv, _) => remedy(*rv),
        _ => "see the library's log",
    };
    let what = match error {
        // The words of the standard are no help: "some horrible, unrecoverable error".
        Error::Pkcs11(RvError::GeneralError, _) => {
            "the library does not work here (CKR_GENERAL_ERROR)".into()
        }
        _ => error.to_string(),
    };
    Finding::new(format!("{step}: {what}"), remedy)
}

fn remedy(rv: RvError) -> &'static str {
    match rv {
        RvError::GeneralError => {
            "usually the configuration: for Counterfoil run again with --config and COUNTERFOIL_LOG=warn, for \
             SoftHSM set SOFTHSM2_CONF"
        }
        RvError::DeviceError | RvError::DeviceRemoved | RvError::TokenNotPresent => {
            "too few nodes can be reached, or the device is away: run again with --config, and read the library's log"
        }
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
            "give the user's PIN of this token; each wrong try counts, and the tenth locks"
        }
        RvError::PinLocked => "have the security officer set a new PIN (C_InitPIN)",
        RvError::PinExpired => "set a new PIN with the old one (C_SetPIN)",
        RvError::UserPinNotInitialized => "have the security officer set the user's PIN (C_InitPIN)",
        RvError::UserAlreadyLoggedIn | RvError::UserAnotherAlreadyLoggedIn => "let the other login end",
        RvError::SessionCount => "close sessions, or raise the token's limit",
        RvError::TokenNotRecognized => "initialise the token: `counterfoil token init`",
        RvError::KeyFunctionNotPermitted => "the key's CKA_SIGN is false: use another key, or set it",
        RvError::MechanismInvalid => {
            "the key's CKA_ALLOWED_MECHANISMS, or the token, has not this mechanism: use another one"
        }
        RvError::FunctionRejected => "the nodes refused: read the library's log and theirs",
        RvError::HostMemory | RvError::DeviceMemory => "free memory or objects",
        RvError::FunctionNotSupported => "the library does not have this function: use another library",
        _ => "see the library's log",
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn every_answer_has_one_line_with_a_remedy() {
        for rv in [RvError::GeneralError, RvError::PinLocked, RvError::DeviceError, RvError::DataInvalid] {
            let Finding(line) = explain("login", &Error::Pkcs11(rv, Function::Login));
            assert!(line.starts_with("login: ") && line.contains("; ") && !line.contains('\n'), "{line}");
        }
    }
}
