//! General purpose functions (PKCS#11 3.0 section 5.4), and the two parallel functions of old (5.20).

use std::ffi::c_void;

use cryptoki_sys::*;
use token::Provider;
use token::info::blank_padded;

use super::ptr::{self, Ptr};
use super::{Answer, Failure, buffer, global, table};
use crate::library::Library;

/// `C_Initialize`.
///
/// `pReserved` may be a string that begins with `counterfoil:` and says where the configuration is; anything else there
/// is ignored. The standard wants it null, but NSS and p11-kit let users pass a string of module parameters. CKF_LIBRARY_CANT_CREATE_OS_THREADS is accepted: all work is
/// done in the threads that call. Locking is the system's, so mutexes of the application alone are refused.
pub(super) fn initialize(init_args: Ptr<'_, c_void>) -> Answer {
    let mut parameters = None;
    if !init_args.is_null() {
        let args = init_args.cast::<CK_C_INITIALIZE_ARGS>().read()?;
        locking(&args)?;
        parameters = ptr::text(args.pReserved);
    }
    global::initialize(|| Library::open(parameters.as_deref()).map_err(Failure::from))
}

/// `C_Finalize`.
pub(super) fn finalize(reserved: Ptr<'_, c_void>) -> Answer {
    if !reserved.is_null() {
        return Err(Failure::ARGUMENTS_BAD);
    }
    global::finalize()
}

/// `C_GetInfo`.
pub(super) fn info(_: &Provider, info: Ptr<'_, CK_INFO>) -> Answer {
    info.write(CK_INFO {
        cryptokiVersion: CK_VERSION { major: CRYPTOKI_VERSION_MAJOR, minor: CRYPTOKI_VERSION_MINOR },
        manufacturerID: blank_padded("Counterfoil"),
        flags: 0,
        libraryDescription: blank_padded("Counterfoil threshold PKCS#11"),
        libraryVersion: CK_VERSION {
            major: number(env!("CARGO_PKG_VERSION_MAJOR")),
            minor: number(env!("CARGO_PKG_VERSION_MINOR")),
        },
    })
}

/// `C_GetFunctionList`.
pub(super) fn function_list(list: Ptr<'_, *mut CK_FUNCTION_LIST>) -> Answer {
    list.write(table::list_2_40())
}

/// `C_GetInterfaceList`.
pub(super) fn interface_list(interfaces: Ptr<'_, CK_INTERFACE>, count: Ptr<'_, CK_ULONG>) -> Answer {
    buffer::give_list(interfaces, count, table::interfaces())
}

/// `C_GetInterface`. A null name or version means any; `flags` are flags that the interface must have.
pub(super) fn interface(
    name: Ptr<'_, CK_UTF8CHAR>,
    version: Ptr<'_, CK_VERSION>,
    interface: Ptr<'_, *mut CK_INTERFACE>,
    flags: CK_FLAGS,
) -> Answer {
    let interface = interface.required()?;
    if !name.is_null() && !name.is_text(table::NAME)? {
        return Err(Failure::ARGUMENTS_BAD);
    }
    let wanted = if version.is_null() { None } else { Some(version.read()?) };
    let found = table::interfaces()
        .iter()
        .zip(table::versions())
        .filter(|(candidate, _)| candidate.flags & flags == flags)
        .find(|(_, version)| {
            wanted.is_none_or(|wanted| (wanted.major, wanted.minor) == (version.major, version.minor))
        });
    let (found, _) = found.ok_or(Failure::ARGUMENTS_BAD)?;
    interface.write(std::ptr::from_ref(found).cast_mut())
}

/// `C_GetFunctionStatus`.
pub(super) fn function_status(_: &Provider, _session: CK_SESSION_HANDLE) -> Answer {
    Err(Failure::Interface(CKR_FUNCTION_NOT_PARALLEL))
}

/// `C_CancelFunction`.
pub(super) fn cancel_function(_: &Provider, _session: CK_SESSION_HANDLE) -> Answer {
    Err(Failure::Interface(CKR_FUNCTION_NOT_PARALLEL))
}

/// The four ways to say how to lock (PKCS#11 3.0, C_Initialize): with CKF_OS_LOCKING_OK, or without mutexes of the
/// application, the system's locks do.
fn locking(args: &CK_C_INITIALIZE_ARGS) -> Answer {
    let given = [
        args.CreateMutex.is_some(),
        args.DestroyMutex.is_some(),
        args.LockMutex.is_some(),
        args.UnlockMutex.is_some(),
    ];
    match given {
        [false, false, false, false] => Ok(()),
        [true, true, true, true] if args.flags & CKF_OS_LOCKING_OK != 0 => Ok(()),
        [true, true, true, true] => Err(Failure::Interface(CKR_CANT_LOCK)),
        _ => Err(Failure::ARGUMENTS_BAD),
    }
}

/// A part of the package's version.
fn number(text: &str) -> u8 {
    text.parse().unwrap_or(u8::MAX)
}
