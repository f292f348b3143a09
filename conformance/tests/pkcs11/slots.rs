//! Slots and tokens.

use std::ptr::null_mut;

use conformance::call;
use conformance::dead::DeadCluster;
use conformance::lab::skipped;
use conformance::mechanisms::listed;
use conformance::token::{Token, padded, slots};
use cryptoki_sys::*;

#[test]
fn slots_are_listed_by_two_calls() {
    let token = Token::shared();
    let slots = slots(&token.module);
    assert!(slots.contains(&token.slot));
    let (mut one, mut count) = ([CK_ULONG::MAX; 1], 0);
    let rv = call!(token.module, C_GetSlotList(CK_TRUE, one.as_mut_ptr(), &mut count));
    assert_eq!((rv, count as usize, one), (CKR_BUFFER_TOO_SMALL, slots.len(), [CK_ULONG::MAX]));
}

#[test]
fn a_slot_holds_its_token() {
    let token = Token::shared();
    let mut info = CK_SLOT_INFO::default();
    assert_eq!(call!(token.module, C_GetSlotInfo(token.slot, &mut info)), CKR_OK);
    assert_ne!(info.flags & CKF_TOKEN_PRESENT, 0);
    assert!(info.slotDescription.iter().all(|byte| *byte != 0), "padded with blanks, not NUL");
}

#[test]
fn a_token_says_what_it_is() {
    let token = Token::shared();
    let info = token.info();
    assert_eq!(info.label, padded(&token.lab.token));
    let expected = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED;
    assert_eq!(info.flags & expected, expected);
    assert_eq!(info.flags & (CKF_PROTECTED_AUTHENTICATION_PATH | CKF_WRITE_PROTECTED), 0);
    assert!(info.ulMinPinLen <= token.lab.pin.len() as CK_ULONG);
    assert!(info.ulMaxPinLen >= token.lab.pin.len() as CK_ULONG);
    assert_eq!(info.ulFreePublicMemory, CK_UNAVAILABLE_INFORMATION);
}

#[test]
fn every_mechanism_is_known_and_sized() {
    let token = Token::shared();
    let listed = listed(&token);
    for (name, info) in listed.iter().map(|it| (it.name, it.info)) {
        let CK_MECHANISM_INFO { ulMinKeySize, ulMaxKeySize, flags } = info;
        // In bits for elliptic curves and RSA (PKCS#11 3.1 tables 39 and 82, section 6.3); a digest has no key.
        let sizes = match name {
            _ if flags & CKF_DIGEST != 0 => 0..=0,
            rsa if rsa.contains("RSA") => 2048..=8192,
            _ => 128..=1024,
        };
        assert!(sizes.contains(&ulMinKeySize) && sizes.contains(&ulMaxKeySize), "{name}: {info:?}");
        assert!(ulMinKeySize <= ulMaxKeySize);
        let uses = CKF_SIGN | CKF_VERIFY | CKF_DIGEST | CKF_GENERATE_KEY_PAIR | CKF_DERIVE;
        assert_ne!(flags & (uses | CKF_ENCRYPT | CKF_WRAP | CKF_UNWRAP), 0);
        assert_eq!(flags & CKF_HW, 0, "done by software");
    }
    let mut info = CK_MECHANISM_INFO::default();
    for id in [CKM_RSA_X_509, CKM_VENDOR_DEFINED, CK_ULONG::MAX] {
        assert_eq!(call!(token.module, C_GetMechanismInfo(token.slot, id, &mut info)), CKR_MECHANISM_INVALID);
    }
}

#[test]
fn a_slot_that_is_none_is_refused_everywhere() {
    let token = Token::shared();
    for slot in [CK_ULONG::MAX, token.slot + 1_000_000] {
        let answers = [
            call!(token.module, C_GetSlotInfo(slot, &mut CK_SLOT_INFO::default())),
            call!(token.module, C_GetTokenInfo(slot, &mut CK_TOKEN_INFO::default())),
            call!(token.module, C_GetMechanismList(slot, null_mut(), &mut 0)),
            call!(token.module, C_GetMechanismInfo(slot, CKM_ECDSA, &mut CK_MECHANISM_INFO::default())),
            call!(token.module, C_OpenSession(slot, CKF_SERIAL_SESSION, null_mut(), None, &mut 0)),
            call!(token.module, C_CloseAllSessions(slot)),
        ];
        assert_eq!(answers, [CKR_SLOT_ID_INVALID; 6]);
    }
}

#[test]
fn there_is_no_slot_event_and_no_waiting_for_one() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    let (mut slot, mut reserved) = (0, 0u8);
    assert_eq!(call!(module, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, null_mut())), CKR_NO_EVENT);
    assert_eq!(call!(module, C_WaitForSlotEvent(0, &mut slot, null_mut())), CKR_FUNCTION_NOT_SUPPORTED);
    assert_eq!(call!(module, C_WaitForSlotEvent(CKF_DONT_BLOCK, null_mut(), null_mut())), CKR_ARGUMENTS_BAD);
    let reserved = (&raw mut reserved).cast();
    assert_eq!(call!(module, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, reserved)), CKR_ARGUMENTS_BAD);
}

#[test]
fn a_dead_cluster_is_a_device_error_in_good_time() {
    if skipped("a cluster that is down") {
        return;
    }
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    let start = std::time::Instant::now();
    assert_eq!(call!(module, C_GetSlotList(CK_TRUE, null_mut(), &mut 0)), CKR_DEVICE_ERROR);
    assert!(start.elapsed().as_secs() < 6, "{:?}", start.elapsed());
}
