//! All functions of PKCS#11 3.2, declared once: name, arguments, and who answers. The exported symbols are made from
//! this list, and so are the three function tables (`table.rs`).
//!
//! `=> [chapter::function]` runs in [`entry`](super::entry). `=> [always ...]` works before `C_Initialize` too.
//! `=> [unsupported]` is answered with `CKR_FUNCTION_NOT_SUPPORTED`.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::ptr::FromC;
use super::{
    digesting, entry, general, guard, keys, objects, random, sessions, signing, slots, unsupported, verifying,
};

/// Exports each function and hands the names to the tables.
macro_rules! functions {
    ($($since:ident { $($name:ident $arguments:tt => $answer:tt;)* })*) => {
        $($(export!($name $arguments $answer);)*)*
        super::table::tables!($($since { $($name)* })*);
    };
}

/// One exported function. Arguments become safe types here and nowhere else.
macro_rules! export {
    ($name:ident ($($type:ty),* $(,)?) [unsupported]) => {
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name($(_: $type),*) -> CK_RV {
            entry(stringify!($name), |_| unsupported::not_supported())
        }
    };
    ($name:ident ($($argument:ident: $type:ty),* $(,)?) [always $($answer:ident)::+]) => {
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            // SAFETY: arguments of this call, from an application that keeps to PKCS#11's conditions for them.
            $(let $argument = unsafe { FromC::from_c($argument) };)*
            guard(|| $($answer)::+($($argument),*))
        }
    };
    ($name:ident ($($argument:ident: $type:ty),* $(,)?) [$($answer:ident)::+]) => {
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            // SAFETY: arguments of this call, from an application that keeps to PKCS#11's conditions for them.
            $(let $argument = unsafe { FromC::from_c($argument) };)*
            entry(stringify!($name), |provider| $($answer)::+(provider, $($argument),*))
        }
    };
}

functions! {
    since_2_40 {
        C_Initialize(init_args: *mut c_void) => [always general::initialize];
        C_Finalize(reserved: *mut c_void) => [always general::finalize];
        C_GetInfo(info: *mut CK_INFO) => [general::info];
        C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) => [always general::function_list];
        C_GetSlotList(
            token_present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG,
        ) => [slots::slot_list];
        C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) => [slots::slot_info];
        C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) => [slots::token_info];
        C_GetMechanismList(
            slot: CK_SLOT_ID, mechanisms: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG,
        ) => [slots::mechanism_list];
        C_GetMechanismInfo(
            slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO,
        ) => [slots::mechanism_info];
        C_InitToken(
            slot: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG, label: *mut CK_UTF8CHAR,
        ) => [slots::init_token];
        C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG) => [slots::init_pin];
        C_SetPIN(
            session: CK_SESSION_HANDLE, old_pin: *mut CK_UTF8CHAR, old_len: CK_ULONG,
            new_pin: *mut CK_UTF8CHAR, new_len: CK_ULONG,
        ) => [slots::set_pin];
        C_OpenSession(
            slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY,
            session: *mut CK_SESSION_HANDLE,
        ) => [sessions::open_session];
        C_CloseSession(session: CK_SESSION_HANDLE) => [sessions::close_session];
        C_CloseAllSessions(slot: CK_SLOT_ID) => [sessions::close_all_sessions];
        C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO) => [sessions::session_info];
        C_GetOperationState(CK_SESSION_HANDLE, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_SetOperationState(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE,
        ) => [unsupported];
        C_Login(
            session: CK_SESSION_HANDLE, user_type: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG,
        ) => [sessions::login];
        C_Logout(session: CK_SESSION_HANDLE) => [sessions::logout];
        C_CreateObject(
            session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
            object: *mut CK_OBJECT_HANDLE,
        ) => [objects::create_object];
        C_CopyObject(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
            count: CK_ULONG, copy: *mut CK_OBJECT_HANDLE,
        ) => [objects::copy_object];
        C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) => [objects::destroy_object];
        C_GetObjectSize(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG,
        ) => [objects::object_size];
        C_GetAttributeValue(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
            count: CK_ULONG,
        ) => [objects::get_attributes];
        C_SetAttributeValue(
            session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
            count: CK_ULONG,
        ) => [objects::set_attributes];
        C_FindObjectsInit(
            session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        ) => [objects::find_init];
        C_FindObjects(
            session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, objects_max: CK_ULONG,
            count: *mut CK_ULONG,
        ) => [objects::find];
        C_FindObjectsFinal(session: CK_SESSION_HANDLE) => [objects::find_final];
        C_EncryptInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_Encrypt(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_EncryptUpdate(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_EncryptFinal(CK_SESSION_HANDLE, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DecryptInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_Decrypt(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DecryptUpdate(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_DecryptFinal(CK_SESSION_HANDLE, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) => [digesting::digest_init];
        C_Digest(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, digest: *mut CK_BYTE,
            digest_len: *mut CK_ULONG,
        ) => [digesting::digest];
        C_DigestUpdate(
            session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG,
        ) => [digesting::digest_update];
        C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) => [digesting::digest_key];
        C_DigestFinal(
            session: CK_SESSION_HANDLE, digest: *mut CK_BYTE, digest_len: *mut CK_ULONG,
        ) => [digesting::digest_final];
        C_SignInit(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
        ) => [signing::sign_init];
        C_Sign(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
            signature_len: *mut CK_ULONG,
        ) => [signing::sign];
        C_SignUpdate(
            session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG,
        ) => [signing::sign_update];
        C_SignFinal(
            session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG,
        ) => [signing::sign_final];
        C_SignRecoverInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_SignRecover(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_VerifyInit(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
        ) => [verifying::verify_init];
        C_Verify(
            session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
            signature_len: CK_ULONG,
        ) => [verifying::verify];
        C_VerifyUpdate(
            session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG,
        ) => [verifying::verify_update];
        C_VerifyFinal(
            session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG,
        ) => [verifying::verify_final];
        C_VerifyRecoverInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_VerifyRecover(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_DigestEncryptUpdate(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_DecryptDigestUpdate(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_SignEncryptUpdate(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_DecryptVerifyUpdate(
            CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_GenerateKey(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_OBJECT_HANDLE,
        ) => [unsupported];
        C_GenerateKeyPair(
            session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE,
            public_count: CK_ULONG, private: *mut CK_ATTRIBUTE, private_count: CK_ULONG,
            public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE,
        ) => [keys::generate_key_pair];
        C_WrapKey(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, *mut CK_BYTE,
            *mut CK_ULONG,
        ) => [unsupported];
        C_UnwrapKey(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_ATTRIBUTE,
            CK_ULONG, *mut CK_OBJECT_HANDLE,
        ) => [unsupported];
        C_DeriveKey(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_ATTRIBUTE, CK_ULONG,
            *mut CK_OBJECT_HANDLE,
        ) => [unsupported];
        C_SeedRandom(
            session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_len: CK_ULONG,
        ) => [random::seed_random];
        C_GenerateRandom(
            session: CK_SESSION_HANDLE, random: *mut CK_BYTE, random_len: CK_ULONG,
        ) => [random::generate_random];
        C_GetFunctionStatus(session: CK_SESSION_HANDLE) => [general::function_status];
        C_CancelFunction(session: CK_SESSION_HANDLE) => [general::cancel_function];
        C_WaitForSlotEvent(
            flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void,
        ) => [slots::wait_for_slot_event];
    }
    since_3_0 {
        C_GetInterfaceList(interfaces: *mut CK_INTERFACE, count: *mut CK_ULONG) => [always general::interface_list];
        C_GetInterface(
            name: *mut CK_UTF8CHAR, version: *mut CK_VERSION, interface: *mut *mut CK_INTERFACE,
            flags: CK_FLAGS,
        ) => [always general::interface];
        C_LoginUser(
            CK_SESSION_HANDLE, CK_USER_TYPE, *mut CK_UTF8CHAR, CK_ULONG, *mut CK_UTF8CHAR, CK_ULONG,
        ) => [unsupported];
        C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) => [sessions::session_cancel];
        C_MessageEncryptInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_EncryptMessage(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
            *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_EncryptMessageBegin(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_EncryptMessageNext(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
            CK_FLAGS,
        ) => [unsupported];
        C_MessageEncryptFinal(CK_SESSION_HANDLE) => [unsupported];
        C_MessageDecryptInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_DecryptMessage(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
            *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_DecryptMessageBegin(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_DecryptMessageNext(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
            CK_FLAGS,
        ) => [unsupported];
        C_MessageDecryptFinal(CK_SESSION_HANDLE) => [unsupported];
        C_MessageSignInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_SignMessage(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_SignMessageBegin(CK_SESSION_HANDLE, *mut c_void, CK_ULONG) => [unsupported];
        C_SignMessageNext(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_MessageSignFinal(CK_SESSION_HANDLE) => [unsupported];
        C_MessageVerifyInit(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) => [unsupported];
        C_VerifyMessage(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_VerifyMessageBegin(CK_SESSION_HANDLE, *mut c_void, CK_ULONG) => [unsupported];
        C_VerifyMessageNext(
            CK_SESSION_HANDLE, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_MessageVerifyFinal(CK_SESSION_HANDLE) => [unsupported];
    }
    since_3_2 {
        C_EncapsulateKey(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_BYTE,
            *mut CK_ULONG, *mut CK_OBJECT_HANDLE,
        ) => [unsupported];
        C_DecapsulateKey(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_BYTE,
            CK_ULONG, *mut CK_OBJECT_HANDLE,
        ) => [unsupported];
        C_VerifySignatureInit(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_VerifySignature(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_VerifySignatureUpdate(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_VerifySignatureFinal(CK_SESSION_HANDLE) => [unsupported];
        C_GetSessionValidationFlags(
            CK_SESSION_HANDLE, CK_SESSION_VALIDATION_FLAGS_TYPE, *mut CK_FLAGS,
        ) => [unsupported];
        C_AsyncComplete(CK_SESSION_HANDLE, *mut CK_UTF8CHAR, *mut CK_ASYNC_DATA) => [unsupported];
        C_AsyncGetID(CK_SESSION_HANDLE, *mut CK_UTF8CHAR, *mut CK_ULONG) => [unsupported];
        C_AsyncJoin(CK_SESSION_HANDLE, *mut CK_UTF8CHAR, CK_ULONG, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_WrapKeyAuthenticated(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, *mut CK_BYTE, CK_ULONG,
            *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_UnwrapKeyAuthenticated(
            CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_ATTRIBUTE,
            CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_OBJECT_HANDLE,
        ) => [unsupported];
    }
}
