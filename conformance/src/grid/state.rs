//! The states in which calls are made, and what each forbids.

use super::rules::*;
use crate::functions::Function;

/// Who is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Login {
    #[default]
    Uninitialized,
    Nobody,
    User,
    SecurityOfficer,
}

/// What is active in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operation {
    Idle,
    Finding,
    Digesting,
    DigestingParts,
    Signing,
    SigningParts,
    Verifying,
    VerifyingParts,
    Encrypting,
    Decrypting,
}

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Of the token.
    pub login: Login,
    /// Whether the session may write.
    pub write: bool,
    /// Of the session.
    pub operation: Operation,
}

use Operation::*;

/// All states, the same login together.
pub fn all() -> Vec<State> {
    let all = [
        Idle,
        Finding,
        Digesting,
        DigestingParts,
        Signing,
        SigningParts,
        Verifying,
        VerifyingParts,
        Encrypting,
        Decrypting,
    ];
    let mut states = vec![State { login: Login::Uninitialized, write: true, operation: Idle }];
    for login in [Login::Nobody, Login::User, Login::SecurityOfficer] {
        for write in [true, false] {
            let possible = |operation: &Operation| {
                (write || login != Login::SecurityOfficer)
                    && (login == Login::User || !matches!(operation, Signing | SigningParts | Decrypting))
            };
            states.extend(all.into_iter().filter(possible).map(|operation| State {
                login,
                write,
                operation,
            }));
        }
    }
    states
}

/// What a state forbids a function, whatever its arguments.
pub fn rules(function: &Function, state: State) -> Vec<&'static Rule> {
    let State { login, write, operation } = state;
    if login == Login::Uninitialized {
        return if function.name == "C_Initialize" { Vec::new() } else { vec![&NOT_INITIALIZED] };
    }
    let mut rules = Vec::new();
    let mut forbid = |is_so: bool, rule: &'static Rule| {
        if is_so {
            rules.push(rule);
        }
    };
    let is = |any: &[Operation]| any.contains(&operation);
    // A call of an operation: started, but in parts when it should be at once, or not started.
    let needs = |started: &[Operation], amid: &[Operation]| {
        (!is(started) && !is(amid)).then_some(&NOT_STARTED).or_else(|| is(amid).then_some(&MIXED))
    };
    let starts = |own: &[Operation]| match operation {
        Idle => None,
        _ if is(own) => Some(&ACTIVE),
        _ => Some(&MAYBE_ACTIVE),
    };
    let operation_rule = match function.name {
        "C_FindObjectsInit" => starts(&[Finding]),
        "C_FindObjects" | "C_FindObjectsFinal" => needs(&[Finding], &[]),
        "C_DigestInit" => starts(&[Digesting, DigestingParts]),
        "C_Digest" => needs(&[Digesting], &[DigestingParts]),
        "C_DigestUpdate" | "C_DigestKey" | "C_DigestFinal" => needs(&[Digesting, DigestingParts], &[]),
        "C_SignInit" => starts(&[Signing, SigningParts]),
        "C_Sign" => needs(&[Signing], &[SigningParts]),
        "C_SignUpdate" | "C_SignFinal" => needs(&[Signing, SigningParts], &[]),
        "C_VerifyInit" => starts(&[Verifying, VerifyingParts]),
        "C_Verify" => needs(&[Verifying], &[VerifyingParts]),
        "C_EncryptInit" => starts(&[Encrypting]),
        "C_Encrypt" => needs(&[Encrypting], &[]),
        "C_DecryptInit" => starts(&[Decrypting]),
        "C_Decrypt" => needs(&[Decrypting], &[]),
        "C_VerifyUpdate" | "C_VerifyFinal" => needs(&[Verifying, VerifyingParts], &[]),
        _ => None,
    };
    if let Some(rule) = operation_rule {
        forbid(true, rule);
    }
    match function.name {
        "C_Initialize" => forbid(true, &ALREADY),
        "C_InitToken" => forbid(true, &SESSION_EXISTS),
        "C_InitPIN" => forbid(login != Login::SecurityOfficer, &NOT_IN),
        "C_SetPIN" => forbid(!write, &READ_ONLY),
        "C_Login" | "C_LoginUser" => {
            forbid(login == Login::User, &ALREADY_IN);
            forbid(login == Login::SecurityOfficer, &OTHER_IN);
        }
        "C_Logout" => forbid(login == Login::Nobody, &NOT_IN),
        "C_SignInit" | "C_DecryptInit" | "C_DeriveKey" | "C_WrapKey" => {
            forbid(login != Login::User, &HIDDEN_KEY);
        }
        "C_UnwrapKey" => forbid(login != Login::User, &HIDDEN_UNWRAPPING_KEY),
        "C_GenerateKeyPair" => {
            forbid(login != Login::User, &NOT_IN);
            forbid(!write, &READ_ONLY);
        }
        "C_WaitForSlotEvent" => forbid(true, &NO_EVENT),
        "C_GetFunctionStatus" | "C_CancelFunction" => forbid(true, &NOT_PARALLEL),
        _ => {}
    }
    rules
}
