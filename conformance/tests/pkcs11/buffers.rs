//! Null and misaligned pointers, by example; `grid` has all of them.

use std::ptr::null_mut as null;

use conformance::session::{mechanism, on_token, template};
use conformance::token::Token;
use conformance::{call, session};
use cryptoki_sys::*;

#[test]
fn null_for_a_result_is_bad_arguments() {
    let token = Token::shared();
    let session = token.user();
    let (module, handle) = (&token.module, session.handle);
    let mut template = template(&[session::number(CKA_CLASS, CKO_DATA), on_token(false)]);
    let mut buffer = [0u8; 64];
    let answers = [
        call!(module, C_GetSlotList(CK_TRUE, null(), null())),
        call!(module, C_GetSlotInfo(token.slot, null())),
        call!(module, C_GetTokenInfo(token.slot, null())),
        call!(module, C_GetMechanismList(token.slot, null(), null())),
        call!(module, C_GetMechanismInfo(token.slot, CKM_ECDSA, null())),
        call!(module, C_OpenSession(token.slot, CKF_SERIAL_SESSION, null(), None, null())),
        call!(module, C_GetSessionInfo(handle, null())),
        call!(module, C_CreateObject(handle, template.as_mut_ptr(), 2, null())),
        call!(module, C_CreateObject(handle, null(), 2, &mut 0)),
        call!(module, C_FindObjectsInit(handle, null(), 1)),
        call!(
            module,
            C_GenerateKeyPair(
                handle,
                &mut mechanism(CKM_EC_KEY_PAIR_GEN),
                null(),
                0,
                null(),
                0,
                null(),
                null()
            )
        ),
        call!(module, C_GenerateRandom(handle, null(), 8)),
        call!(module, C_SeedRandom(handle, null(), 8)),
        call!(module, C_Login(handle, CKU_USER, null(), 0)),
        call!(module, C_InitToken(token.slot, buffer.as_mut_ptr(), 8, null())),
    ];
    assert_eq!(answers, [CKR_ARGUMENTS_BAD; 15]);
}

#[test]
fn a_misaligned_template_is_read_and_filled() {
    let token = Token::shared();
    let session = token.user();
    let object =
        session.create(&[session::number(CKA_CLASS, CKO_DATA), (CKA_VALUE, b"odd".to_vec())]).unwrap();
    let (mut value, mut memory) = ([0u8; 8], [0u8; 64]);
    let entry = CK_ATTRIBUTE { type_: CKA_VALUE, pValue: value.as_mut_ptr().cast(), ulValueLen: 8 };
    let odd = memory.as_mut_ptr().wrapping_add(3).cast::<CK_ATTRIBUTE>();
    // SAFETY: 24 bytes at an odd address inside `memory`.
    unsafe { odd.write_unaligned(entry) };
    assert_eq!(call!(token.module, C_GetAttributeValue(session.handle, object, odd, 1)), CKR_OK);
    // SAFETY: the same bytes.
    assert_eq!(unsafe { odd.read_unaligned() }.ulValueLen, 3);
    assert_eq!(&value[..3], b"odd");
}
