//! What a loader sees: symbols, function lists, interfaces; and loading itself. No cluster.

use std::collections::BTreeSet;
use std::process::Command;
use std::ptr::null_mut;

use conformance::call;
use conformance::dead::DeadCluster;
use conformance::functions::FUNCTIONS;
use conformance::module::{self, Module};
use cryptoki_sys::*;

#[test]
fn only_the_standards_symbols_are_exported() {
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(module::path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<_> = text.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let standard: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    assert_eq!(exported, standard);
}

#[test]
fn old_loaders_get_a_table_that_is_no_newer_than_it_says() {
    let module = Module::load();
    let mut list = null_mut();
    assert_eq!(call!(module, C_GetFunctionList(&mut list)), CKR_OK);
    // SAFETY: CKR_OK promises a function list.
    let version = unsafe { (*list).version };
    assert_eq!((version.major, version.minor), (2, 40));
    assert_eq!(call!(module, C_GetFunctionList(null_mut())), CKR_ARGUMENTS_BAD);
}

#[test]
fn interfaces_are_listed_best_first() {
    let module = Module::load();
    let (mut interfaces, mut count) = ([CK_INTERFACE::default(); 4], 0);
    assert_eq!(call!(module, C_GetInterfaceList(null_mut(), &mut count)), CKR_OK);
    assert_eq!(count, 3);
    count = 2;
    let rv = call!(module, C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count));
    assert_eq!((rv, count), (CKR_BUFFER_TOO_SMALL, 3));
    assert!(interfaces[0].pFunctionList.is_null());
    count = 4;
    assert_eq!(call!(module, C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count)), CKR_OK);
    let versions: Vec<_> = interfaces[..3]
        .iter()
        // SAFETY: every function list starts with its version.
        .map(|interface| unsafe { *interface.pFunctionList.cast::<CK_VERSION>() })
        .map(|version| (version.major, version.minor))
        .collect();
    assert_eq!(versions, [(3, 2), (3, 0), (2, 40)]);
    // A child of fork keeps no sessions, so the flag that promises it must not be there.
    assert!(interfaces[..3].iter().all(|interface| interface.flags & CKF_INTERFACE_FORK_SAFE == 0));
    assert_eq!(call!(module, C_GetInterfaceList(null_mut(), null_mut())), CKR_ARGUMENTS_BAD);
}

/// `C_GetInterface`; the version of what it found.
fn interface(
    name: Option<&std::ffi::CStr>,
    version: Option<(u8, u8)>,
    flags: CK_FLAGS,
) -> Result<(u8, u8), CK_RV> {
    let module = Module::load();
    let name = name.map_or(null_mut(), |name| name.as_ptr().cast_mut().cast());
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(null_mut(), |version| &raw mut *version);
    let mut found: *mut CK_INTERFACE = null_mut();
    match call!(module, C_GetInterface(name, version, &mut found, flags)) {
        CKR_OK => {
            // SAFETY: CKR_OK promises an interface, whose function list starts with its version.
            let version = unsafe { *(*found).pFunctionList.cast::<CK_VERSION>() };
            Ok((version.major, version.minor))
        }
        rv => Err(rv),
    }
}

#[test]
fn an_interface_is_chosen_by_name_version_and_flags() {
    assert_eq!(interface(None, None, 0), Ok((3, 2)));
    for version in [(3, 2), (3, 0), (2, 40)] {
        assert_eq!(interface(Some(c"PKCS 11"), Some(version), 0), Ok(version));
    }
    assert_eq!(interface(Some(c"PKCS 11"), Some((3, 1)), 0), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(interface(Some(c"Vendor NSS Module Interface"), None, 0), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(interface(Some(c"PKCS"), None, 0), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(interface(None, None, CKF_INTERFACE_FORK_SAFE), Err(CKR_ARGUMENTS_BAD));
    let module = Module::load();
    assert_eq!(call!(module, C_GetInterface(null_mut(), null_mut(), null_mut(), 0)), CKR_ARGUMENTS_BAD);
}

#[test]
fn loading_and_unloading_a_hundred_times_leaves_threads_alive() {
    let cluster = DeadCluster::configured();
    drop(cluster.module());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                for _ in 0..100 {
                    let library = module::open();
                    // SAFETY: the symbol of PKCS#11 with its type.
                    let get_info =
                        unsafe { library.get::<unsafe extern "C" fn(*mut CK_INFO) -> CK_RV>(b"C_GetInfo\0") };
                    let mut info = CK_INFO::default();
                    // SAFETY: a variable here.
                    let rv = unsafe { get_info.unwrap()(&raw mut info) };
                    assert_eq!(rv, CKR_CRYPTOKI_NOT_INITIALIZED);
                    library.close().unwrap();
                }
            })
        })
        .collect();
    // The threads end after the last unload: destructors of their thread-local storage run now.
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn threads_that_used_the_library_may_end_after_it_was_unloaded() {
    let cluster = DeadCluster::configured();
    for _ in 0..10 {
        let module = cluster.module();
        let (list, library) = (module.list(), module::open());
        std::thread::scope(|scope| {
            let user = scope.spawn(move || {
                let mut count = 0;
                // SAFETY: variables here, null for the list.
                unsafe { list.C_GetSlotList.unwrap()(CK_TRUE, null_mut(), &raw mut count) }
            });
            // Whatever the cluster says, the call returns.
            assert_ne!(user.join().unwrap(), CKR_GENERAL_ERROR);
        });
        drop(module);
        library.close().unwrap();
    }
}
