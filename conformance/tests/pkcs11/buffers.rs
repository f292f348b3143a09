//! Bad pointers and absurd lengths at every argument of every function. The module must answer, not crash, and never
//! with `CKR_GENERAL_ERROR`, which is what a panic becomes.

use std::ptr::null_mut as null;

use conformance::dead::DeadCluster;
use conformance::functions::{Argument, FUNCTIONS, Function};
use conformance::module::Module;
use conformance::session::{mechanism, on_token, template};
use conformance::token::Token;
use conformance::{call, session};
use cryptoki_sys::*;

/// These end what the grid stands on, or count PIN attempts.
const LEFT_OUT: [&str; 9] = [
    "C_Initialize",
    "C_Finalize",
    "C_CloseSession",
    "C_CloseAllSessions",
    "C_Logout",
    "C_Login",
    "C_InitToken",
    "C_InitPIN",
    "C_SetPIN",
];

/// Lengths that no memory has, or that are beyond every limit.
const ABSURD: [usize; 4] = [usize::MAX, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX / 8];

/// Calls `function` with everything as it should be but for one argument, each in turn.
fn grid(module: &Module, index: usize, function: &Function, session: CK_SESSION_HANDLE) {
    let mut memory = [0u64; 8192];
    let start = memory.as_mut_ptr() as usize;
    let usual: Vec<usize> = function
        .arguments
        .iter()
        .enumerate()
        .map(|(position, argument)| match argument {
            Argument::Pointer => start + position * 4096,
            Argument::Length => 1,
            Argument::Session => session as usize,
            Argument::Number => 0,
        })
        .collect();
    let check = |words: &[usize]| {
        let rv = module.call_words(index, words);
        assert_ne!(rv, CKR_GENERAL_ERROR, "{}({words:x?})", function.name);
    };
    check(&usual);
    for (position, argument) in function.arguments.iter().enumerate() {
        let odd: &[usize] = match argument {
            Argument::Pointer => &[0, start + position * 4096 + 1],
            Argument::Length => &ABSURD,
            Argument::Session => &[0, usize::MAX],
            Argument::Number => &[1, usize::MAX],
        };
        for value in odd {
            let mut words = usual.clone();
            words[position] = *value;
            check(&words);
        }
    }
    check(&vec![0; usual.len()]);
    check(
        &vec![usize::MAX; usual.len()]
            .iter()
            .zip(function.arguments)
            .map(no_wild_pointers)
            .collect::<Vec<_>>(),
    );
}

/// A pointer that is neither null nor valid is the application's fault and cannot be noticed.
fn no_wild_pointers((word, argument): (&usize, &Argument)) -> usize {
    if *argument == Argument::Pointer { 0 } else { *word }
}

#[test]
fn no_argument_crashes_a_function_without_a_session() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    for (index, function) in FUNCTIONS.iter().enumerate() {
        if !["C_Initialize", "C_Finalize"].contains(&function.name) {
            grid(&module, index, function, 0);
            grid(&module, index, function, 1);
        }
    }
}

#[test]
fn no_argument_crashes_a_function_with_a_session() {
    let token = Token::shared();
    for (index, function) in FUNCTIONS.iter().enumerate() {
        if !LEFT_OUT.contains(&function.name) {
            // A session for each: some functions leave an operation active.
            let session = token.user();
            grid(&token.module, index, function, session.handle);
            assert_eq!(session.close(), CKR_OK, "{}", function.name);
        }
    }
}

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
