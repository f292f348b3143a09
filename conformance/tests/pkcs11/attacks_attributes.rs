//! Attacks that talk a key out of its protection: by reading it, by changing its attributes, or by a copy.

use std::ptr::null_mut;
use std::slice::from_ref;

use conformance::attacks::generous_pair;
use conformance::call;
use conformance::session::{P256, Session, flag, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

/// Attributes that hold, or would hold, the secret part of a private key of any type.
const SECRET: [CK_ATTRIBUTE_TYPE; 8] = [
    CKA_VALUE,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_SEED,
];

fn bytes_of(
    session: &Session<'_>,
    object: CK_OBJECT_HANDLE,
    kind: CK_ATTRIBUTE_TYPE,
) -> (CK_RV, CK_ULONG, [u8; 64]) {
    let mut room = [0xee; 64];
    let mut wanted = CK_ATTRIBUTE { type_: kind, pValue: room.as_mut_ptr().cast(), ulValueLen: 64 };
    let rv = call!(session.module, C_GetAttributeValue(session.handle, object, &mut wanted, 1));
    (rv, wanted.ulValueLen, room)
}

/// **Read a sensitive key** (Tookan A3): the value is refused, not a byte of the buffer is written, and no length is told.
#[test]
fn a_sensitive_value_is_not_read() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let (rv, length, room) = bytes_of(&session, pair.private, CKA_VALUE);
    assert_eq!((rv, length, room), (CKR_ATTRIBUTE_SENSITIVE, CK_UNAVAILABLE_INFORMATION, [0xee; 64]));
    for kind in SECRET {
        let (rv, length, room) = bytes_of(&session, pair.private, kind);
        assert!(matches!(rv, CKR_ATTRIBUTE_SENSITIVE | CKR_ATTRIBUTE_TYPE_INVALID), "{kind:#x}: {rv:#x}");
        assert_eq!((length, room), (CK_UNAVAILABLE_INFORMATION, [0xee; 64]), "{kind:#x}");
    }
}

/// **Read a key that is not extractable, though not sensitive** (Tookan A4): no private key is born insensitive or
/// extractable, not even as a session object.
#[test]
fn no_private_key_is_born_readable() {
    let token = Token::shared();
    let session = token.user();
    let curve = [(CKA_EC_PARAMS, P256.to_vec())];
    for more in [flag(CKA_SENSITIVE, false), flag(CKA_EXTRACTABLE, true), flag(CKA_PRIVATE, false)] {
        for place in [true, false] {
            let refused = session.generate(&curve, &[on_token(place), more.clone()]).unwrap_err();
            assert!(
                matches!(refused, CKR_ATTRIBUTE_VALUE_INVALID | CKR_TEMPLATE_INCONSISTENT),
                "{refused:#x}"
            );
        }
    }
}

/// **Make a sensitive key insensitive** (Clulow 2003; Tookan A5a): the attribute goes one way.
#[test]
fn sensitive_stays_sensitive() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    assert_eq!(session.set(key, &[flag(CKA_SENSITIVE, false)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.get(key, CKA_SENSITIVE), Ok(vec![CK_TRUE]));
    assert_eq!(session.get(key, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
}

/// **Make an unextractable key extractable** (Clulow 2003; Tookan A5b): the attribute goes one way.
#[test]
fn unextractable_stays_unextractable() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    assert_eq!(session.set(key, &[flag(CKA_EXTRACTABLE, true)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.get(key, CKA_EXTRACTABLE), Ok(vec![CK_FALSE]));
    assert_eq!(session.get(key, CKA_NEVER_EXTRACTABLE), Ok(vec![CK_TRUE]));
}

/// **Copy a key and give the copy weaker attributes** (Clulow 2003; Bortolozzo, Centenaro, Focardi and Steel 2010, the A5
/// class by C_CopyObject): no copy of a private key is weaker than the key.
#[test]
fn a_copy_is_not_weaker() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    for weaker in [
        flag(CKA_SENSITIVE, false),
        flag(CKA_EXTRACTABLE, true),
        flag(CKA_PRIVATE, false),
        flag(CKA_NEVER_EXTRACTABLE, true),
        number(CKA_CLASS, CKO_DATA),
    ] {
        let refused = session.copy(key, from_ref(&weaker)).unwrap_err();
        assert!(
            matches!(refused, CKR_ACTION_PROHIBITED | CKR_ATTRIBUTE_READ_ONLY | CKR_TEMPLATE_INCONSISTENT),
            "{refused:#x} for {weaker:?}"
        );
    }
}

/// **Copy a public object that was private** (Clulow 2003, the A5 class for CKA_PRIVATE): a private object is not made
/// public, by a change or by a copy.
#[test]
fn private_stays_private() {
    let token = Token::shared();
    let session = token.user();
    let private = flag(CKA_PRIVATE, true);
    let object = session.create(&[number(CKA_CLASS, CKO_DATA), private, labelled("hidden")]).unwrap();
    assert_eq!(session.set(object, &[flag(CKA_PRIVATE, false)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.copy(object, &[flag(CKA_PRIVATE, false)]), Err(CKR_TEMPLATE_INCONSISTENT));
}

/// **Give a template both values, so that one check sees the one and another the other** (time of check and time of use):
/// an attribute stands once.
#[test]
fn an_attribute_has_one_value() {
    let token = Token::shared();
    let session = token.user();
    let curve = [(CKA_EC_PARAMS, P256.to_vec())];
    for kind in [CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_PRIVATE] {
        let both = [on_token(true), flag(kind, true), flag(kind, false)];
        assert_eq!(session.generate(&curve, &both).unwrap_err(), CKR_TEMPLATE_INCONSISTENT, "{kind:#x}");
    }
    let twice = [on_token(true), number(CKA_CLASS, CKO_PRIVATE_KEY), number(CKA_CLASS, CKO_DATA)];
    assert_eq!(session.generate(&curve, &twice).unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
}

/// **Declare a wrapping key trusted** (Delaune, Kremer and Steel 2008, wrap with trusted): a user cannot, when it is made,
/// brought, copied or changed.
#[test]
fn a_user_trusts_nothing() {
    let token = Token::shared();
    let session = token.user();
    let trusted = flag(CKA_TRUSTED, true);
    let public = [(CKA_EC_PARAMS, P256.to_vec()), trusted.clone()];
    assert_eq!(session.generate(&public, &[on_token(true)]).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
    let pair = generous_pair(&session);
    assert_eq!(session.set(pair.public, from_ref(&trusted)), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.copy(pair.public, from_ref(&trusted)), Err(CKR_ATTRIBUTE_READ_ONLY));
    let certificate = [
        number(CKA_CLASS, CKO_CERTIFICATE),
        number(CKA_CERTIFICATE_TYPE, CKC_X_509),
        (CKA_SUBJECT, b"\x30\x00".to_vec()),
        (CKA_VALUE, b"\x30\x03\x02\x01\x05".to_vec()),
    ];
    assert_eq!(session.create(&[&certificate[..], &[trusted]].concat()), Err(CKR_ATTRIBUTE_READ_ONLY));
}

/// **Drop the demand for a trusted wrapping key** (Bortolozzo, Centenaro, Focardi and Steel 2010): CKA_WRAP_WITH_TRUSTED
/// goes one way.
#[test]
fn wrap_with_trusted_stays() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    assert_eq!(session.set(key, &[flag(CKA_WRAP_WITH_TRUSTED, true)]), CKR_OK);
    assert_eq!(session.set(key, &[flag(CKA_WRAP_WITH_TRUSTED, false)]), CKR_ATTRIBUTE_READ_ONLY);
}

/// **Widen the list of allowed mechanisms** (key separation; Clulow 2003): the list does not change, and a mechanism that is
/// not on it is refused.
#[test]
fn allowed_mechanisms_stay_as_they_are() {
    let token = Token::shared();
    let session = token.user();
    let only = (CKA_ALLOWED_MECHANISMS, CKM_ECDSA_SHA256.to_ne_bytes().to_vec());
    let private = [on_token(true), only];
    let key = session.generate(&[(CKA_EC_PARAMS, P256.to_vec())], &private).unwrap().private;
    let wider = (CKA_ALLOWED_MECHANISMS, [CKM_ECDSA_SHA256, CKM_ECDSA].map(CK_ULONG::to_ne_bytes).concat());
    for more in [wider, (CKA_ALLOWED_MECHANISMS, Vec::new())] {
        assert_eq!(session.set(key, &[more]), CKR_ATTRIBUTE_READ_ONLY);
    }
    assert_eq!(session.sign_init(CKM_ECDSA, key), CKR_MECHANISM_INVALID);
    assert!(session.sign(CKM_ECDSA_SHA256, key, b"allowed").is_ok());
}

/// **Forge where a key comes from** (Bortolozzo, Centenaro, Focardi and Steel 2010): nobody but the token says that a key is
/// local, was always sensitive, or was never extractable.
#[test]
fn provenance_is_the_tokens_word() {
    let token = Token::shared();
    let session = token.user();
    let curve = [(CKA_EC_PARAMS, P256.to_vec())];
    let forged = [
        flag(CKA_LOCAL, true),
        flag(CKA_ALWAYS_SENSITIVE, true),
        flag(CKA_NEVER_EXTRACTABLE, true),
        number(CKA_KEY_GEN_MECHANISM, CKM_EC_KEY_PAIR_GEN),
        (CKA_UNIQUE_ID, b"mine".to_vec()),
    ];
    let pair = generous_pair(&session);
    let point = session.get(pair.public, CKA_EC_POINT).unwrap();
    for forgery in forged {
        let refused = session.generate(&curve, &[on_token(true), forgery.clone()]).unwrap_err();
        assert_eq!(refused, CKR_ATTRIBUTE_READ_ONLY, "{forgery:?}");
        assert_eq!(session.set(pair.private, &[forgery]), CKR_ATTRIBUTE_READ_ONLY);
    }
    let brought = session
        .create(&[
            number(CKA_CLASS, CKO_PUBLIC_KEY),
            number(CKA_KEY_TYPE, CKK_EC),
            (CKA_EC_PARAMS, P256.to_vec()),
            (CKA_EC_POINT, point),
        ])
        .unwrap();
    assert_eq!(session.get(brought, CKA_LOCAL), Ok(vec![CK_FALSE]));
}

/// **Damage a private key and learn from its results** (Clulow 2003, changing components; Bellcore 1997): no part of a key
/// changes, of either half.
#[test]
fn the_parts_of_a_key_do_not_change() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let point = session.get(pair.public, CKA_EC_POINT).unwrap();
    let changes = [(CKA_EC_PARAMS, P256.to_vec()), (CKA_VALUE, vec![1; 32]), number(CKA_KEY_TYPE, CKK_EC)];
    for change in changes {
        assert_eq!(session.set(pair.private, from_ref(&change)), CKR_ATTRIBUTE_READ_ONLY, "{change:?}");
    }
    for kind in SECRET.into_iter().filter(|kind| *kind != CKA_VALUE).chain([CKA_MODULUS, CKA_EC_POINT]) {
        let refused = session.set(pair.private, &[(kind, vec![1; 32])]);
        assert!(
            matches!(refused, CKR_ATTRIBUTE_TYPE_INVALID | CKR_ATTRIBUTE_READ_ONLY),
            "{kind:#x}: {refused:#x}"
        );
    }
    assert_eq!(session.set(pair.public, &[(CKA_EC_POINT, point.clone())]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.get(pair.public, CKA_EC_POINT), Ok(point));
}

/// **Test guesses of a secret by a search** (search as an oracle): an attribute that nobody may read matches nothing, right
/// or wrong.
#[test]
fn a_search_tests_no_guess() {
    let token = Token::shared();
    let session = token.user();
    generous_pair(&session);
    for guess in [vec![1; 32], vec![0; 32], Vec::new()] {
        let search = [number(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_VALUE, guess)];
        assert_eq!(session.find(&search), Ok(vec![]));
    }
}

/// **Digest a key and look for its hash** (C_DigestKey as an oracle): a private key has no value to digest, and the digest
/// ends.
#[test]
fn a_private_key_is_not_digested() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    assert_eq!(call!(session.module, C_DigestKey(session.handle, pair.private)), CKR_KEY_INDIGESTIBLE);
    let (mut digest, mut length) = ([0; 32], 32);
    let end = call!(session.module, C_DigestFinal(session.handle, digest.as_mut_ptr(), &mut length));
    assert_eq!((end, digest), (CKR_OPERATION_NOT_INITIALIZED, [0; 32]));
}

/// **Carry the state of an operation elsewhere** (C_GetOperationState, which may hold keys and digests in clear): there is
/// no state to take, with an operation active or without.
#[test]
fn an_operation_has_no_state_to_take() {
    let token = Token::shared();
    let session = token.user();
    let pair = generous_pair(&session);
    let state = || call!(session.module, C_GetOperationState(session.handle, null_mut(), &mut 0));
    assert_eq!(state(), CKR_FUNCTION_NOT_SUPPORTED);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_OK);
    assert_eq!(state(), CKR_FUNCTION_NOT_SUPPORTED);
    let mut bytes = [0; 64];
    let set =
        call!(session.module, C_SetOperationState(session.handle, bytes.as_mut_ptr(), 64, 0, pair.private));
    assert_eq!(set, CKR_FUNCTION_NOT_SUPPORTED);
}

/// **Undo the protection of an object by a change** (Clulow 2003, the A5 class for CKA_MODIFIABLE, CKA_COPYABLE and
/// CKA_DESTROYABLE): what may not be changed, copied or destroyed does not become so.
#[test]
fn protections_are_not_switched_off() {
    let token = Token::shared();
    let session = token.user();
    let with = |kind| session.create(&[number(CKA_CLASS, CKO_DATA), flag(kind, false)]).unwrap();
    let fixed = with(CKA_MODIFIABLE);
    assert_eq!(session.set(fixed, &[flag(CKA_MODIFIABLE, true)]), CKR_ACTION_PROHIBITED);
    let single = with(CKA_COPYABLE);
    assert_eq!(session.set(single, &[flag(CKA_COPYABLE, true)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.copy(single, &[flag(CKA_COPYABLE, true)]), Err(CKR_ACTION_PROHIBITED));
    let lasting = with(CKA_DESTROYABLE);
    assert_eq!(session.set(lasting, &[flag(CKA_DESTROYABLE, true)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.destroy(lasting), CKR_ACTION_PROHIBITED);
}

/// **Bring a private key whose value one knows** (Clulow 2003, Trojan key): it does not pass for one that was born here.
#[test]
fn a_brought_private_key_is_not_one_of_ours() {
    let token = Token::shared();
    let session = token.user();
    let key = session.create(&[
        number(CKA_CLASS, CKO_PRIVATE_KEY),
        number(CKA_KEY_TYPE, CKK_EC),
        on_token(true),
        (CKA_EC_PARAMS, P256.to_vec()),
        (CKA_VALUE, [vec![0; 31], vec![7]].concat()),
    ]);
    let key = key.unwrap();
    for kind in [CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE] {
        assert_eq!(session.get(key, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
        let own = session.set(key, &[flag(kind, true)]);
        assert_eq!(own, CKR_ATTRIBUTE_READ_ONLY, "{kind:#x}");
    }
    assert_eq!(session.destroy(key), CKR_OK);
}
