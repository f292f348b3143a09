//! Life of the library: `C_Initialize`, `C_Finalize`, `C_GetInfo`, and what every function answers around them. No
//! cluster.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use conformance::call;
use conformance::dead::DeadCluster;
use conformance::functions::{Answer, FUNCTIONS, Function};
use conformance::lab::{foreign, skipped};
use conformance::module::Module;
use cryptoki_sys::*;

/// Works before `C_Initialize` too.
const ALWAYS: [&str; 5] =
    ["C_Initialize", "C_Finalize", "C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface"];

/// All functions with their positions, but those of the library's life.
fn functions() -> impl Iterator<Item = (usize, &'static Function)> {
    FUNCTIONS.iter().enumerate().filter(|(_, function)| !ALWAYS.contains(&function.name))
}

#[test]
fn nothing_works_before_initialisation() {
    let module = Module::load();
    for (index, function) in functions() {
        let rv = module.call_words(index, &vec![0; function.arguments()]);
        assert_eq!(rv, CKR_CRYPTOKI_NOT_INITIALIZED, "{}", function.name);
    }
}

#[test]
fn nothing_works_after_finalisation() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    assert_eq!(module.finalize(), CKR_OK);
    for (index, function) in functions() {
        let rv = module.call_words(index, &vec![0; function.arguments()]);
        assert_eq!(rv, CKR_CRYPTOKI_NOT_INITIALIZED, "{}", function.name);
    }
}

#[test]
fn unsupported_functions_say_so_at_once_and_others_never_do() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    for (index, function) in functions() {
        let rv = module.call_words(index, &vec![0; function.arguments()]);
        match function.answer {
            Answer::NotSupported => assert_eq!(rv, CKR_FUNCTION_NOT_SUPPORTED, "{}", function.name),
            Answer::NotParallel => assert_eq!(rv, CKR_FUNCTION_NOT_PARALLEL, "{}", function.name),
            Answer::Done(_) => {
                assert_ne!(rv, CKR_FUNCTION_NOT_SUPPORTED, "{}", function.name);
                assert_ne!(rv, CKR_FUNCTION_NOT_PARALLEL, "{}", function.name);
            }
        }
    }
}

#[test]
fn initialisation_and_finalisation_happen_once_each_and_again() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    for _ in 0..3 {
        assert_eq!(module.initialize(), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        assert_eq!(module.finalize(), CKR_OK);
        assert_eq!(module.finalize(), CKR_CRYPTOKI_NOT_INITIALIZED);
        assert_eq!(module.initialize(), CKR_OK);
    }
}

#[test]
fn initialisation_does_not_wait_for_the_cluster() {
    if skipped("a cluster and its configuration") {
        return;
    }
    let cluster = DeadCluster::configured();
    let start = Instant::now();
    let _module = cluster.module();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn finalisation_takes_no_argument() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    let mut reserved = 0u8;
    assert_eq!(call!(module, C_Finalize((&raw mut reserved).cast())), CKR_ARGUMENTS_BAD);
    assert_eq!(module.initialize(), CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

unsafe extern "C" fn create(_: *mut *mut c_void) -> CK_RV {
    CKR_GENERAL_ERROR
}

unsafe extern "C" fn other(_: *mut c_void) -> CK_RV {
    CKR_GENERAL_ERROR
}

/// `C_Initialize` with mutex functions that nobody may call, and `C_Finalize` if it worked.
fn initialize_with(given: [bool; 4], flags: CK_FLAGS, reserved: *mut c_void) -> CK_RV {
    let module = Module::load();
    let mut args = CK_C_INITIALIZE_ARGS {
        CreateMutex: given[0].then_some(create as _),
        DestroyMutex: given[1].then_some(other as _),
        LockMutex: given[2].then_some(other as _),
        UnlockMutex: given[3].then_some(other as _),
        flags,
        pReserved: reserved,
    };
    call!(module, C_Initialize((&raw mut args).cast()))
}

#[test]
fn mutexes_come_all_together_or_not_at_all() {
    let _cluster = DeadCluster::configured();
    for pattern in 0..16u8 {
        let given = [pattern & 1 != 0, pattern & 2 != 0, pattern & 4 != 0, pattern & 8 != 0];
        let (alone, with_os_locking) = match pattern {
            0 => (CKR_OK, CKR_OK),
            // The application's mutexes alone: we lock as the system does, and say so.
            15 => (CKR_CANT_LOCK, CKR_OK),
            _ => (CKR_ARGUMENTS_BAD, CKR_ARGUMENTS_BAD),
        };
        assert_eq!(initialize_with(given, 0, null_mut()), alone, "{given:?}");
        assert_eq!(initialize_with(given, CKF_OS_LOCKING_OK, null_mut()), with_os_locking, "{given:?}");
    }
}

#[test]
fn null_arguments_parameter_strings_and_forbidden_threads_are_fine() {
    let _cluster = DeadCluster::configured();
    let module = Module::load();
    assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
    drop(module);
    let mut text = *b"configdir='/nowhere'\0";
    assert_eq!(initialize_with([false; 4], CKF_OS_LOCKING_OK, text.as_mut_ptr().cast()), CKR_OK);
    // An address that cannot be read: whatever stands there is not looked at.
    assert_eq!(initialize_with([false; 4], CKF_OS_LOCKING_OK, std::ptr::dangling_mut::<c_void>()), CKR_OK);
    let flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK;
    assert_eq!(initialize_with([false; 4], flags, null_mut()), CKR_OK);
}

#[test]
fn bad_configuration_is_a_general_error_that_can_be_mended() {
    if skipped("a cluster and its configuration") {
        return;
    }
    let cluster = DeadCluster::configured();
    let good = std::fs::read_to_string(cluster.path()).unwrap();
    let module = Module::load();
    for bad in ["", "surprise = 1\n", "manifest = \"absent.toml\"\nidentity = \"client.key\"\n"] {
        cluster.write(bad);
        assert_eq!(module.initialize(), CKR_GENERAL_ERROR, "{bad}");
        assert_eq!(module.finalize(), CKR_CRYPTOKI_NOT_INITIALIZED);
    }
    cluster.write(&good);
    assert_eq!(module.initialize(), CKR_OK);
}

#[test]
fn info_names_the_library() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    let mut info = CK_INFO::default();
    assert_eq!(call!(module, C_GetInfo(&mut info)), CKR_OK);
    assert_eq!(info.flags, 0);
    assert_eq!(call!(module, C_GetInfo(null_mut())), CKR_ARGUMENTS_BAD);
    if !foreign() {
        assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor), (3, 2));
        assert_eq!(&info.manufacturerID, b"Counterfoil                     ");
        assert_eq!(&info.libraryDescription, b"Counterfoil threshold PKCS#11   ");
    }
}
