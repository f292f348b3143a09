//! Attacks on the interface: what the tests of them share, and the list of them for `README.md`, which is read from the tests'
//! own comments.

use cryptoki_sys::*;

use crate::call;
use crate::functions::{Answer, FUNCTIONS};
use crate::session::{P256, Pair, Session, flag, mechanism, on_token};
use crate::token::Token;

/// An attack that a test tries.
#[derive(Debug, PartialEq, Eq)]
pub struct Attack {
    /// What people call it.
    pub name: String,
    /// Who described it.
    pub source: String,
    /// How it fails.
    pub outcome: String,
    /// `chapter::test`.
    pub test: String,
}

/// The attacks of one chapter of tests: each test opens with `/// **Name** (source): how it fails`.
///
/// # Errors
/// The test whose comment has another form.
pub fn listed(chapter: &str, text: &str) -> Result<Vec<Attack>, String> {
    let mut attacks = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        if let Some(more) = line.strip_prefix("/// ") {
            comment = if comment.is_empty() { more.into() } else { format!("{comment} {more}") };
        } else if let Some(test) = line.strip_prefix("fn ").and_then(|rest| rest.strip_suffix("() {")) {
            let parse = |comment: &str| {
                let (name, rest) = comment.strip_prefix("**")?.split_once("** (")?;
                let (source, outcome) = rest.split_once("): ")?;
                Some([name, source, outcome].map(str::to_owned))
            };
            let [name, source, outcome] =
                parse(&comment).ok_or_else(|| format!("{chapter}::{test}: {comment}"))?;
            attacks.push(Attack { name, source, outcome, test: format!("{chapter}::{test}") });
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    Ok(attacks)
}

/// A key pair with every usage that its templates can ask for.
///
/// # Panics
/// If it is not generated.
pub fn generous_pair(session: &Session<'_>) -> Pair {
    let public =
        [(CKA_EC_PARAMS, P256.to_vec()), on_token(true), flag(CKA_WRAP, true), flag(CKA_ENCRYPT, true)];
    // Sensitive by its template: the default is the token's own affair (PKCS#11 3.1 section 4.9).
    let set = [CKA_TOKEN, CKA_SENSITIVE, CKA_SIGN, CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_SIGN_RECOVER];
    let private = [&set.map(|kind| flag(kind, true))[..], &[flag(CKA_EXTRACTABLE, false)]].concat();
    session.generate(&public, &private).expect("C_GenerateKeyPair")
}

/// Asks for a mechanism that must not exist, in every way in which the attack could use it.
///
/// # Panics
/// If it is listed, described, or taken by one of the functions.
pub fn absent(token: &Token, session: &Session<'_>, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) {
    let mut info = CK_MECHANISM_INFO::default();
    let rv = call!(token.module, C_GetMechanismInfo(token.slot, id, &mut info));
    assert_eq!(rv, CKR_MECHANISM_INVALID, "C_GetMechanismInfo({id:#x})");
    refused(session, id, key, &WITH_A_MECHANISM);
}

/// Asks for wrapping and unwrapping with a mechanism, which may exist for other uses.
///
/// # Panics
/// If it says that it wraps or unwraps, or does.
pub fn wraps_nothing(token: &Token, session: &Session<'_>, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) {
    let mut info = CK_MECHANISM_INFO::default();
    let rv = call!(token.module, C_GetMechanismInfo(token.slot, id, &mut info));
    assert!(rv == CKR_MECHANISM_INVALID || info.flags & (CKF_WRAP | CKF_UNWRAP) == 0, "{id:#x}");
    refused(session, id, key, &WRAPPING);
}

/// Calls functions with a mechanism that is not for them, and with a key that allows everything.
fn refused(session: &Session<'_>, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE, functions: &[&str]) {
    for (index, function) in FUNCTIONS.iter().enumerate() {
        if !functions.contains(&function.name) {
            continue;
        }
        let mut mechanism = mechanism(id);
        let (mut data, mut length, mut handle) = ([0u8; 512], 512usize, 0 as CK_OBJECT_HANDLE);
        let class = CKO_SECRET_KEY.to_ne_bytes();
        let mut template =
            [CK_ATTRIBUTE { type_: CKA_CLASS, pValue: class.as_ptr().cast_mut().cast(), ulValueLen: 8 }];
        let session_word = session.handle as usize;
        let (mechanism, key) = (&raw mut mechanism as usize, key as usize);
        let (data, length) = (data.as_mut_ptr() as usize, &raw mut length as usize);
        let (template, handle) = (template.as_mut_ptr() as usize, &raw mut handle as usize);
        let words: Vec<usize> = match function.name {
            "C_WrapKey" => vec![session_word, mechanism, key, key, data, length],
            "C_WrapKeyAuthenticated" => vec![session_word, mechanism, key, key, data, 16, data, length],
            "C_UnwrapKey" => vec![session_word, mechanism, key, data, 64, template, 1, handle],
            "C_UnwrapKeyAuthenticated" => {
                vec![session_word, mechanism, key, data, 64, template, 1, data, 16, handle]
            }
            "C_DeriveKey" => vec![session_word, mechanism, key, template, 1, handle],
            "C_GenerateKey" => vec![session_word, mechanism, template, 1, handle],
            "C_EncapsulateKey" => vec![session_word, mechanism, key, template, 1, data, length, handle],
            "C_DecapsulateKey" => vec![session_word, mechanism, key, template, 1, data, 64, handle],
            "C_DigestInit" => vec![session_word, mechanism],
            _ => vec![session_word, mechanism, key],
        };
        let expected = match function.answer {
            Answer::NotSupported => CKR_FUNCTION_NOT_SUPPORTED,
            Answer::Done(_) | Answer::NotParallel => CKR_MECHANISM_INVALID,
        };
        let rv = session.module.call_words(index, &words);
        assert_eq!(rv, expected, "{} with mechanism {id:#x}", function.name);
    }
}

const WRAPPING: [&str; 4] =
    ["C_WrapKey", "C_UnwrapKey", "C_WrapKeyAuthenticated", "C_UnwrapKeyAuthenticated"];
const WITH_A_MECHANISM: [&str; 19] = [
    "C_WrapKey",
    "C_UnwrapKey",
    "C_WrapKeyAuthenticated",
    "C_UnwrapKeyAuthenticated",
    "C_EncryptInit",
    "C_DecryptInit",
    "C_MessageEncryptInit",
    "C_MessageDecryptInit",
    "C_SignInit",
    "C_VerifyInit",
    "C_SignRecoverInit",
    "C_VerifyRecoverInit",
    "C_MessageSignInit",
    "C_MessageVerifyInit",
    "C_DeriveKey",
    "C_GenerateKey",
    "C_EncapsulateKey",
    "C_DecapsulateKey",
    "C_DigestInit",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_is_read_from_its_comment() {
        let text = "/// **Name** (Who, 2003): it is\n/// refused.\n#[test]\nfn the_test() {\n}\n\n/// A helper.\nfn other(x: u8) {\n";
        let attack = Attack {
            name: "Name".into(),
            source: "Who, 2003".into(),
            outcome: "it is refused.".into(),
            test: "chapter::the_test".into(),
        };
        assert_eq!(listed("chapter", text), Ok(vec![attack]));
        assert!(listed("chapter", "/// Nameless.\n#[test]\nfn the_test() {\n").is_err());
    }
}
