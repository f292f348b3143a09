//! The fence: the only module of this crate with unsafe code.
//!
//! `functions.rs` declares each of the 104 functions once. Its exports call [`entry`], which answers the questions that
//! every call has in common, and then the safe function of a chapter: `general`, `slots`, `sessions`, `objects`,
//! `digesting`, `encrypting`, `signing`, `verifying`, `keys`, `random`. Chapters see [`ptr::Ptr`], never a raw pointer.
#![allow(unsafe_code)]

mod buffer;
mod digesting;
mod encrypting;
mod functions;
mod general;
mod global;
mod keys;
mod mechanism;
mod objects;
mod ptr;
mod random;
mod sessions;
mod signing;
mod slots;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod unsupported;
mod verifying;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use client::log::Level;
use cryptoki_sys::*;
use token::Provider;

/// What a `C_` function answers: `CKR_OK`, or why not.
type Answer<T = ()> = Result<T, Failure>;

/// Why a call failed.
#[derive(Debug)]
enum Failure {
    /// What PKCS#11 means was not possible; the error has its own `CKR_`.
    Token(token::Error),
    /// The C interface itself refused.
    Interface(CK_RV),
}

impl Failure {
    const ARGUMENTS_BAD: Self = Self::Token(token::Error::ArgumentsBad);

    fn rv(&self) -> CK_RV {
        match self {
            Self::Token(error) => error.rv(),
            Self::Interface(rv) => *rv,
        }
    }

    /// Failures of the cluster are for the people who run it, and a template that cannot be met comes from their
    /// configuration; the rest is for the application's developer.
    fn level(&self) -> Level {
        match self {
            Self::Token(
                token::Error::Backend(_) | token::Error::GeneralError | token::Error::Contradiction { .. },
            ) => Level::Warn,
            Self::Token(_) | Self::Interface(_) => Level::Debug,
        }
    }
}

/// For the log; no error's text holds a PIN, a message or a key.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => write!(f, "{error} (CKR {:#x})", self.rv()),
            Self::Interface(rv) => write!(f, "refused (CKR {rv:#x})"),
        }
    }
}

impl From<token::Error> for Failure {
    fn from(error: token::Error) -> Self {
        Self::Token(error)
    }
}

/// Every function that needs `C_Initialize` runs in here.
fn entry(function: &'static str, body: impl FnOnce(&Provider) -> Answer) -> CK_RV {
    guard(|| {
        let library = global::library().ok_or(Failure::Interface(CKR_CRYPTOKI_NOT_INITIALIZED))?;
        body(&library.provider).inspect_err(|failure| {
            library.log.write(failure.level(), format_args!("{function}: {failure}"));
        })
    })
}

/// The arguments of a call that is part of an operation (a `CKF_`). If they are bad the call has failed, and a call that
/// failed ends its operation (PKCS#11 3.1 sections 5.12 to 5.15).
fn arguments<T>(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    operation: CK_FLAGS,
    read: impl FnOnce() -> Answer<T>,
) -> Answer<T> {
    read().or_else(|failure| {
        provider.session_cancel(session, operation)?;
        Err(failure)
    })
}

/// Runs `body`, and turns its answer, or its panic, into a `CK_RV`: unwinding into C would end the application.
fn guard(body: impl FnOnce() -> Answer) -> CK_RV {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => CKR_OK,
        Ok(Err(failure)) => failure.rv(),
        Err(payload) => {
            // Dropping a payload runs code of its own, which may panic once more.
            std::mem::forget(payload);
            CKR_GENERAL_ERROR
        }
    }
}
