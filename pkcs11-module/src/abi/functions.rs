//! All functions of PKCS#11 3.2, declared once: name, arguments, and who answers. The exported symbols are made from
//! this list, and so are the three function tables (`table.rs`).
//!
//! `=> [chapter::function]` runs in [`entry`](super::entry). `=> [always ...]` works before `C_Initialize` too.
//! `=> [unsupported]` is answered with `CKR_FUNCTION_NOT_SUPPORTED`.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::ptr::FromC;
use super::{
    digesting, encrypting, entry, general, guard, keys, objects, random, sessions, signing, slots,
    unsupported, verifying,
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
    // A session comes first, and whether it is one is asked first: PKCS#11 3.1 section 5.1.7.
    ($name:ident (session: Session $(, $argument:ident: $type:ty)* $(,)?) [$($answer:ident)::+]) => {
        #[unsafe(no_mangle)]
        pub(super) unsafe extern "C" fn $name(session: Session $(, $argument: $type)*) -> CK_RV {
            // SAFETY: arguments of this call, from an application that keeps to PKCS#11's conditions for them.
            $(let $argument = unsafe { FromC::from_c($argument) };)*
            entry(stringify!($name), |provider| {
                provider.check_session(session)?;
                $($answer)::+(provider, session $(, $argument)*)
            })
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

type Session = CK_SESSION_HANDLE;
type Object = CK_OBJECT_HANDLE;

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
        C_InitPIN(session: Session, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG) => [slots::init_pin];
        C_SetPIN(
            session: Session, old_pin: *mut CK_UTF8CHAR, old_len: CK_ULONG, new_pin: *mut CK_UTF8CHAR,
            new_len: CK_ULONG,
        ) => [slots::set_pin];
        C_OpenSession(
            slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY,
            session: *mut Session,
        ) => [sessions::open_session];
        C_CloseSession(session: Session) => [sessions::close_session];
        C_CloseAllSessions(slot: CK_SLOT_ID) => [sessions::close_all_sessions];
        C_GetSessionInfo(session: Session, info: *mut CK_SESSION_INFO) => [sessions::session_info];
        C_GetOperationState(Session, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_SetOperationState(Session, *mut CK_BYTE, CK_ULONG, Object, Object) => [unsupported];
        C_Login(
            session: Session, user_type: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG,
        ) => [sessions::login];
        C_Logout(session: Session) => [sessions::logout];
        C_CreateObject(
            session: Session, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut Object,
        ) => [objects::create_object];
        C_CopyObject(
            session: Session, object: Object, template: *mut CK_ATTRIBUTE, count: CK_ULONG, copy: *mut Object,
        ) => [objects::copy_object];
        C_DestroyObject(session: Session, object: Object) => [objects::destroy_object];
        C_GetObjectSize(session: Session, object: Object, size: *mut CK_ULONG) => [objects::object_size];
        C_GetAttributeValue(
            session: Session, object: Object, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        ) => [objects::get_attributes];
        C_SetAttributeValue(
            session: Session, object: Object, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        ) => [objects::set_attributes];
        C_FindObjectsInit(
            session: Session, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        ) => [objects::find_init];
        C_FindObjects(
            session: Session, objects: *mut Object, objects_max: CK_ULONG, count: *mut CK_ULONG,
        ) => [objects::find];
        C_FindObjectsFinal(session: Session) => [objects::find_final];
        C_EncryptInit(
            session: Session, mechanism: *mut CK_MECHANISM, key: Object,
        ) => [encrypting::encrypt_init];
        C_Encrypt(
            session: Session, data: *mut CK_BYTE, data_len: CK_ULONG, ciphertext: *mut CK_BYTE,
            ciphertext_len: *mut CK_ULONG,
        ) => [encrypting::encrypt];
        C_EncryptUpdate(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_EncryptFinal(Session, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DecryptInit(
            session: Session, mechanism: *mut CK_MECHANISM, key: Object,
        ) => [encrypting::decrypt_init];
        C_Decrypt(
            session: Session, ciphertext: *mut CK_BYTE, ciphertext_len: CK_ULONG, data: *mut CK_BYTE,
            data_len: *mut CK_ULONG,
        ) => [encrypting::decrypt];
        C_DecryptUpdate(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DecryptFinal(Session, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DigestInit(session: Session, mechanism: *mut CK_MECHANISM) => [digesting::digest_init];
        C_Digest(
            session: Session, data: *mut CK_BYTE, data_len: CK_ULONG, digest: *mut CK_BYTE,
            digest_len: *mut CK_ULONG,
        ) => [digesting::digest];
        C_DigestUpdate(
            session: Session, part: *mut CK_BYTE, part_len: CK_ULONG,
        ) => [digesting::digest_update];
        C_DigestKey(session: Session, key: Object) => [digesting::digest_key];
        C_DigestFinal(
            session: Session, digest: *mut CK_BYTE, digest_len: *mut CK_ULONG,
        ) => [digesting::digest_final];
        C_SignInit(session: Session, mechanism: *mut CK_MECHANISM, key: Object) => [signing::sign_init];
        C_Sign(
            session: Session, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
            signature_len: *mut CK_ULONG,
        ) => [signing::sign];
        C_SignUpdate(session: Session, part: *mut CK_BYTE, part_len: CK_ULONG) => [signing::sign_update];
        C_SignFinal(
            session: Session, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG,
        ) => [signing::sign_final];
        C_SignRecoverInit(Session, *mut CK_MECHANISM, Object) => [unsupported];
        C_SignRecover(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_VerifyInit(session: Session, mechanism: *mut CK_MECHANISM, key: Object) => [verifying::verify_init];
        C_Verify(
            session: Session, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
            signature_len: CK_ULONG,
        ) => [verifying::verify];
        C_VerifyUpdate(
            session: Session, part: *mut CK_BYTE, part_len: CK_ULONG,
        ) => [verifying::verify_update];
        C_VerifyFinal(
            session: Session, signature: *mut CK_BYTE, signature_len: CK_ULONG,
        ) => [verifying::verify_final];
        C_VerifyRecoverInit(Session, *mut CK_MECHANISM, Object) => [unsupported];
        C_VerifyRecover(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DigestEncryptUpdate(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DecryptDigestUpdate(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_SignEncryptUpdate(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_DecryptVerifyUpdate(Session, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) => [unsupported];
        C_GenerateKey(Session, *mut CK_MECHANISM, *mut CK_ATTRIBUTE, CK_ULONG, *mut Object) => [unsupported];
        C_GenerateKeyPair(
            session: Session, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, public_count: CK_ULONG,
            private: *mut CK_ATTRIBUTE, private_count: CK_ULONG, public_key: *mut Object,
            private_key: *mut Object,
        ) => [keys::generate_key_pair];
        C_WrapKey(
            session: Session, mechanism: *mut CK_MECHANISM, wrapping_key: Object, key: Object,
            wrapped: *mut CK_BYTE, wrapped_len: *mut CK_ULONG,
        ) => [keys::wrap_key];
        C_UnwrapKey(
            session: Session, mechanism: *mut CK_MECHANISM, unwrapping_key: Object, wrapped: *mut CK_BYTE,
            wrapped_len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut Object,
        ) => [keys::unwrap_key];
        C_DeriveKey(
            session: Session, mechanism: *mut CK_MECHANISM, base_key: Object, template: *mut CK_ATTRIBUTE,
            count: CK_ULONG, key: *mut Object,
        ) => [keys::derive_key];
        C_SeedRandom(session: Session, seed: *mut CK_BYTE, seed_len: CK_ULONG) => [random::seed_random];
        C_GenerateRandom(
            session: Session, random: *mut CK_BYTE, random_len: CK_ULONG,
        ) => [random::generate_random];
        C_GetFunctionStatus(_session: Session) => [general::function_status];
        C_CancelFunction(_session: Session) => [general::cancel_function];
        C_WaitForSlotEvent(
            flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void,
        ) => [slots::wait_for_slot_event];
    }
    since_3_0 {
        C_GetInterfaceList(
            interfaces: *mut CK_INTERFACE, count: *mut CK_ULONG,
        ) => [always general::interface_list];
        C_GetInterface(
            name: *mut CK_UTF8CHAR, version: *mut CK_VERSION, interface: *mut *mut CK_INTERFACE,
            flags: CK_FLAGS,
        ) => [always general::interface];
        C_LoginUser(
            session: Session, user_type: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG,
            name: *mut CK_UTF8CHAR, name_len: CK_ULONG,
        ) => [sessions::login_user];
        C_SessionCancel(session: Session, flags: CK_FLAGS) => [sessions::session_cancel];
        C_MessageEncryptInit(Session, *mut CK_MECHANISM, Object) => [unsupported];
        C_EncryptMessage(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE,
            *mut CK_ULONG,
        ) => [unsupported];
        C_EncryptMessageBegin(Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_EncryptMessageNext(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG, CK_FLAGS,
        ) => [unsupported];
        C_MessageEncryptFinal(Session) => [unsupported];
        C_MessageDecryptInit(Session, *mut CK_MECHANISM, Object) => [unsupported];
        C_DecryptMessage(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE,
            *mut CK_ULONG,
        ) => [unsupported];
        C_DecryptMessageBegin(Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_DecryptMessageNext(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG, CK_FLAGS,
        ) => [unsupported];
        C_MessageDecryptFinal(Session) => [unsupported];
        C_MessageSignInit(Session, *mut CK_MECHANISM, Object) => [unsupported];
        C_SignMessage(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_SignMessageBegin(Session, *mut c_void, CK_ULONG) => [unsupported];
        C_SignMessageNext(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_MessageSignFinal(Session) => [unsupported];
        C_MessageVerifyInit(Session, *mut CK_MECHANISM, Object) => [unsupported];
        C_VerifyMessage(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_VerifyMessageBegin(Session, *mut c_void, CK_ULONG) => [unsupported];
        C_VerifyMessageNext(
            Session, *mut c_void, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
        ) => [unsupported];
        C_MessageVerifyFinal(Session) => [unsupported];
    }
    since_3_2 {
        C_EncapsulateKey(
            Session, *mut CK_MECHANISM, Object, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
            *mut Object,
        ) => [unsupported];
        C_DecapsulateKey(
            Session, *mut CK_MECHANISM, Object, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_BYTE, CK_ULONG,
            *mut Object,
        ) => [unsupported];
        C_VerifySignatureInit(Session, *mut CK_MECHANISM, Object, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_VerifySignature(Session, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_VerifySignatureUpdate(Session, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_VerifySignatureFinal(Session) => [unsupported];
        C_GetSessionValidationFlags(
            Session, CK_SESSION_VALIDATION_FLAGS_TYPE, *mut CK_FLAGS,
        ) => [unsupported];
        C_AsyncComplete(Session, *mut CK_UTF8CHAR, *mut CK_ASYNC_DATA) => [unsupported];
        C_AsyncGetID(Session, *mut CK_UTF8CHAR, *mut CK_ULONG) => [unsupported];
        C_AsyncJoin(Session, *mut CK_UTF8CHAR, CK_ULONG, *mut CK_BYTE, CK_ULONG) => [unsupported];
        C_WrapKeyAuthenticated(
            Session, *mut CK_MECHANISM, Object, Object, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG,
        ) => [unsupported];
        C_UnwrapKeyAuthenticated(
            Session, *mut CK_MECHANISM, Object, *mut CK_BYTE, CK_ULONG, *mut CK_ATTRIBUTE, CK_ULONG,
            *mut CK_BYTE, CK_ULONG, *mut Object,
        ) => [unsupported];
    }
}
