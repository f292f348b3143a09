//! The function tables and interfaces that applications load: 2.40, 3.0 and 3.2, every entry filled.
//!
//! A table and its version agree: loaders read as many entries as the version promises. `C_GetFunctionList` gives the
//! 2.40 table, as PKCS#11 3.0 demands of it; later ones come from `C_GetInterface`.

use std::ffi::CStr;

use cryptoki_sys::*;

use super::functions::{LIST_2_40, LIST_3_0, LIST_3_2};

/// Makes the three tables from the names of all functions.
macro_rules! tables {
    (since_2_40 { $($first:ident)* } since_3_0 { $($second:ident)* } since_3_2 { $($third:ident)* }) => {
        pub(super) static LIST_2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: CK_VERSION { major: 2, minor: 40 },
            $($first: Some($first),)*
        };
        pub(super) static LIST_3_0: CK_FUNCTION_LIST_3_0 = CK_FUNCTION_LIST_3_0 {
            version: CK_VERSION { major: 3, minor: 0 },
            $($first: Some($first),)*
            $($second: Some($second),)*
        };
        pub(super) static LIST_3_2: CK_FUNCTION_LIST_3_2 = CK_FUNCTION_LIST_3_2 {
            version: CK_VERSION { major: 3, minor: 2 },
            $($first: Some($first),)*
            $($second: Some($second),)*
            $($third: Some($third),)*
        };
    };
}
pub(super) use tables;

/// The interfaces, best first; an application that asks for any gets the first.
pub(super) fn interfaces() -> &'static [CK_INTERFACE; 3] {
    &INTERFACES.0
}

/// Their versions, in the same order.
pub(super) fn versions() -> [CK_VERSION; 3] {
    [LIST_3_2.version, LIST_3_0.version, LIST_2_40.version]
}

/// The table of 2.40.
pub(super) fn list_2_40() -> *mut CK_FUNCTION_LIST {
    (&raw const LIST_2_40).cast_mut()
}

/// The name of the standard's interfaces.
pub(super) const NAME: &CStr = c"PKCS 11";

struct Interfaces([CK_INTERFACE; 3]);

// SAFETY: the pointers in it lead to immutable statics.
unsafe impl Sync for Interfaces {}

static INTERFACES: Interfaces = Interfaces([
    interface((&raw const LIST_3_2).cast()),
    interface((&raw const LIST_3_0).cast()),
    interface((&raw const LIST_2_40).cast()),
]);

/// CKF_INTERFACE_FORK_SAFE is not set: it would promise that a child keeps sessions, logins and operations of its parent
/// (PKCS#11 3.0 section 3.6). Ours starts anew, so that no two processes share a connection or a nonce.
const fn interface(list: *const std::ffi::c_void) -> CK_INTERFACE {
    CK_INTERFACE { pInterfaceName: NAME.as_ptr().cast_mut().cast(), pFunctionList: list.cast_mut(), flags: 0 }
}
