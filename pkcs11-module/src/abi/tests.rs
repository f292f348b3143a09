//! The C interface over a token in memory: from raw pointers to `CK_RV` and back. What PKCS#11 means is tested in crate
//! `token`, what a cluster does in `conformance`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::borrow_as_ptr)]

use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki_sys::*;

use super::functions::{LIST_2_40, LIST_3_0, LIST_3_2};
use super::{Failure, entry, guard};

/// Calls a function of the table.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        let function = LIST_3_2.$name.unwrap();
        // SAFETY: the tests pass what PKCS#11 demands, or null where the module has to notice.
        unsafe { function($($argument),*) }
    }};
}

/// The library is one a process: tests that initialise it take turns.
struct Initialized {
    _turn: MutexGuard<'static, ()>,
}

fn initialized() -> Initialized {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(call!(C_Initialize(null_mut())), CKR_OK);
    Initialized { _turn: turn }
}

impl Drop for Initialized {
    fn drop(&mut self) {
        assert_eq!(call!(C_Finalize(null_mut())), CKR_OK);
    }
}

fn user_session() -> CK_SESSION_HANDLE {
    let (mut slot, mut count, mut session) = (0, 1, 0);
    assert_eq!(call!(C_GetSlotList(CK_TRUE, &mut slot, &mut count)), CKR_OK);
    let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    assert_eq!(call!(C_OpenSession(slot, flags, null_mut(), None, &mut session)), CKR_OK);
    let mut pin = *b"user-pin-654321";
    assert_eq!(call!(C_Login(session, CKU_USER, pin.as_mut_ptr(), pin.len() as CK_ULONG)), CKR_OK);
    session
}

fn attribute(type_: CK_ATTRIBUTE_TYPE, value: &mut [u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_, pValue: value.as_mut_ptr().cast(), ulValueLen: value.len() as CK_ULONG }
}

fn mechanism(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: null_mut(), ulParameterLen: 0 }
}

/// A P-256 key pair with this label.
fn key_pair(session: CK_SESSION_HANDLE, label: &str) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let mut curve = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let (mut label, mut on_token) = (label.as_bytes().to_vec(), [CK_TRUE]);
    let mut public = [attribute(CKA_EC_PARAMS, &mut curve), attribute(CKA_LABEL, &mut label)];
    let mut private = [attribute(CKA_LABEL, &mut label), attribute(CKA_TOKEN, &mut on_token)];
    let (mut public_key, mut private_key) = (0, 0);
    let rv = call!(C_GenerateKeyPair(
        session,
        &mut mechanism(CKM_EC_KEY_PAIR_GEN),
        public.as_mut_ptr(),
        2,
        private.as_mut_ptr(),
        2,
        &mut public_key,
        &mut private_key,
    ));
    assert_eq!(rv, CKR_OK);
    (public_key, private_key)
}

#[test]
fn a_signature_verifies_and_its_length_is_told_before() {
    let _library = initialized();
    let session = user_session();
    let (public, private) = key_pair(session, "signing");
    let (mut data, mut signature, mut len) = (*b"message", [0u8; 64], 0);
    assert_eq!(call!(C_SignInit(session, &mut mechanism(CKM_ECDSA_SHA256), private)), CKR_OK);
    assert_eq!(call!(C_Sign(session, data.as_mut_ptr(), 7, null_mut(), &mut len)), CKR_OK);
    assert_eq!(len, 64);
    len = 63;
    let rv = call!(C_Sign(session, data.as_mut_ptr(), 7, signature.as_mut_ptr(), &mut len));
    assert_eq!((rv, len, signature), (CKR_BUFFER_TOO_SMALL, 64, [0; 64]));
    assert_eq!(call!(C_Sign(session, data.as_mut_ptr(), 7, signature.as_mut_ptr(), &mut len)), CKR_OK);
    for (tamper, expected) in [(0, CKR_OK), (1, CKR_SIGNATURE_INVALID)] {
        signature[5] ^= tamper;
        assert_eq!(call!(C_VerifyInit(session, &mut mechanism(CKM_ECDSA_SHA256), public)), CKR_OK);
        let rv = call!(C_Verify(session, data.as_mut_ptr(), 7, signature.as_mut_ptr(), 64));
        assert_eq!(rv, expected);
    }
}

#[test]
fn output_may_overlap_input() {
    let _library = initialized();
    let session = user_session();
    let mut buffer = [0u8; 32];
    buffer[..3].copy_from_slice(b"abc");
    let (at, mut len) = (buffer.as_mut_ptr(), 32);
    assert_eq!(call!(C_DigestInit(session, &mut mechanism(CKM_SHA256))), CKR_OK);
    assert_eq!(call!(C_Digest(session, at, 3, at, &mut len)), CKR_OK);
    assert_eq!((len, &buffer[..4]), (32, &[0xba, 0x78, 0x16, 0xbf][..]));
}

#[test]
fn each_attribute_is_answered_for_itself() {
    let _library = initialized();
    let session = user_session();
    let (_, private) = key_pair(session, "attributes");
    let (mut class, mut label, mut short) = ([0u8; 8], [0u8; 32], [0u8; 1]);
    let mut template = [
        attribute(CKA_CLASS, &mut class),
        attribute(CKA_MODULUS, &mut short),
        attribute(CKA_LABEL, &mut label),
        CK_ATTRIBUTE { type_: CKA_LABEL, pValue: null_mut(), ulValueLen: 99 },
    ];
    let rv = call!(C_GetAttributeValue(session, private, template.as_mut_ptr(), 4));
    assert_eq!(rv, CKR_ATTRIBUTE_TYPE_INVALID);
    let lengths: Vec<_> = template.iter().map(|entry| entry.ulValueLen).collect();
    assert_eq!(lengths, [8, CK_UNAVAILABLE_INFORMATION, 10, 10]);
    assert_eq!((CK_ULONG::from_ne_bytes(class), &label[..10]), (CKO_PRIVATE_KEY, &b"attributes"[..]));
    let mut template = [attribute(CKA_LABEL, &mut short)];
    let rv = call!(C_GetAttributeValue(session, private, template.as_mut_ptr(), 1));
    assert_eq!((rv, template[0].ulValueLen), (CKR_BUFFER_TOO_SMALL, CK_UNAVAILABLE_INFORMATION));
}

#[test]
fn objects_are_found_created_and_destroyed() {
    let _library = initialized();
    let session = user_session();
    let (mut class, mut value) = (CKO_DATA.to_ne_bytes(), *b"value");
    let mut template = [attribute(CKA_CLASS, &mut class), attribute(CKA_VALUE, &mut value)];
    let (mut object, mut found, mut count) = (0, [0; 4], 0);
    assert_eq!(call!(C_CreateObject(session, template.as_mut_ptr(), 2, &mut object)), CKR_OK);
    assert_eq!(call!(C_FindObjectsInit(session, template.as_mut_ptr(), 2)), CKR_OK);
    assert_eq!(call!(C_FindObjects(session, found.as_mut_ptr(), 4, &mut count)), CKR_OK);
    assert_eq!((count, found[0]), (1, object));
    assert_eq!(call!(C_FindObjectsFinal(session)), CKR_OK);
    assert_eq!(call!(C_DestroyObject(session, object)), CKR_OK);
    assert_eq!(call!(C_DestroyObject(session, object)), CKR_OBJECT_HANDLE_INVALID);
}

#[test]
fn random_bytes_fill_a_buffer_longer_than_a_piece() {
    let _library = initialized();
    let session = user_session();
    let mut bytes = vec![0u8; 150_000];
    assert_eq!(call!(C_GenerateRandom(session, bytes.as_mut_ptr(), bytes.len() as CK_ULONG)), CKR_OK);
    assert!(bytes.chunks(1000).all(|piece| piece.iter().any(|byte| *byte != 0)));
    assert_eq!(call!(C_GenerateRandom(session, null_mut(), 1)), CKR_ARGUMENTS_BAD);
    assert_eq!(call!(C_GenerateRandom(session, bytes.as_mut_ptr(), CK_ULONG::MAX)), CKR_ARGUMENTS_BAD);
}

#[test]
fn a_panic_is_a_general_error_and_the_library_lives_on() {
    let _library = initialized();
    assert_eq!(entry("C_Test", |_| panic!("on purpose")), CKR_GENERAL_ERROR);
    assert_eq!(guard(|| panic!("on purpose")), CKR_GENERAL_ERROR);
    assert_eq!(guard(|| Err(Failure::ARGUMENTS_BAD)), CKR_ARGUMENTS_BAD);
    user_session();
}

/// Pointers to functions from behind the version to the end of a table.
fn entries<T>(table: &'static T) -> Vec<usize> {
    let words = size_of::<T>() / size_of::<usize>();
    let start = (&raw const *table).cast::<usize>();
    // SAFETY: a table is a version, padded to a word, and function pointers, all of them initialised but the padding in
    // the first word, which is skipped.
    let entries = unsafe { std::slice::from_raw_parts(start.wrapping_add(1), words - 1) };
    entries.to_vec()
}

#[test]
fn tables_are_full_and_agree_with_each_other() {
    let (old, new, newest) = (entries(&LIST_2_40), entries(&LIST_3_0), entries(&LIST_3_2));
    assert_eq!((old.len(), new.len(), newest.len()), (68, 92, 104));
    assert!(newest.iter().all(|entry| *entry != 0));
    assert_eq!((&newest[..68], &newest[..92]), (&old[..], &new[..]));
}
