//! What a child of `fork` finds: a library that was never initialised in it (PKCS#11 3.0 section 6.6.1), and that
//! works when it is. Three habits of real programs: (A) use old handles and call nothing, (B) `C_Initialize` at once,
//! (C) `C_Finalize` first.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use conformance::call;
use conformance::child::in_child;
use conformance::dead::DeadCluster;
use conformance::module::Module;
use conformance::session::Session;
use conformance::token::Token;
use cryptoki_sys::*;

/// Numbered checks: the first that fails is the child's exit status.
fn first_failure(checks: &[bool]) -> i32 {
    checks.iter().position(|good| !good).map_or(0, |index| index as i32 + 1)
}

/// Ends the other threads, whatever becomes of the checks.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn info(module: &Module) -> CK_RV {
    call!(module, C_GetInfo(&mut CK_INFO::default()))
}

#[test]
fn habit_a_old_handles_fail_cleanly() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    in_child(|| {
        first_failure(&[
            info(&module) == CKR_CRYPTOKI_NOT_INITIALIZED,
            call!(module, C_GetSlotList(CK_TRUE, null_mut(), &mut 0)) == CKR_CRYPTOKI_NOT_INITIALIZED,
            call!(module, C_CloseSession(1)) == CKR_CRYPTOKI_NOT_INITIALIZED,
        ])
    });
    assert_eq!(info(&module), CKR_OK, "the parent goes on");
}

#[test]
fn habit_b_initialising_works_at_once() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    in_child(|| {
        first_failure(&[
            module.initialize() == CKR_OK,
            info(&module) == CKR_OK,
            module.initialize() == CKR_CRYPTOKI_ALREADY_INITIALIZED,
            module.finalize() == CKR_OK,
            module.finalize() == CKR_CRYPTOKI_NOT_INITIALIZED,
        ])
    });
    assert_eq!(info(&module), CKR_OK, "the parent goes on");
}

#[test]
fn habit_c_finalising_first_changes_nothing() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    in_child(|| {
        first_failure(&[
            module.finalize() == CKR_CRYPTOKI_NOT_INITIALIZED,
            module.initialize() == CKR_OK,
            info(&module) == CKR_OK,
        ])
    });
    assert_eq!(info(&module), CKR_OK, "the parent goes on");
}

#[test]
fn a_grandchild_starts_anew_as_well() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    in_child(|| {
        let initialized = module.initialize() == CKR_OK;
        in_child(|| {
            first_failure(&[info(&module) == CKR_CRYPTOKI_NOT_INITIALIZED, module.initialize() == CKR_OK])
        });
        first_failure(&[initialized, info(&module) == CKR_OK])
    });
}

#[test]
fn no_lock_of_another_thread_is_inherited() {
    let cluster = DeadCluster::configured();
    let module = cluster.module();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // Initialising and finalising takes the one lock there is; some forks happen inside it.
                while !stop.load(Ordering::Relaxed) {
                    module.finalize();
                    module.initialize();
                    info(&module);
                }
            });
        }
        let _stop = Stop(&stop);
        for _ in 0..50 {
            in_child(|| {
                first_failure(&[info(&module) == CKR_CRYPTOKI_NOT_INITIALIZED, module.initialize() == CKR_OK])
            });
        }
    });
}

#[test]
fn a_child_signs_with_its_own_login_and_the_parent_with_its_own() {
    let token = Token::shared();
    let session = token.user();
    let label = format!("fork {}", std::process::id());
    let pair = session.p256(&label);
    let sign = |session: &Session<'_>, key| session.sign(CKM_ECDSA, key, &[1; 32]).is_ok();
    assert!(sign(&session, pair.private));
    in_child(|| {
        if session.sign_init(CKM_ECDSA, pair.private) != CKR_CRYPTOKI_NOT_INITIALIZED {
            return 1;
        }
        if token.module.initialize() != CKR_OK || session.sign_init(CKM_ECDSA, pair.private) == CKR_OK {
            return 2;
        }
        // As nginx's workers do: the old slot id, a new session, a login, the key by its label.
        let own = token.user();
        let class = conformance::session::number(CKA_CLASS, CKO_PRIVATE_KEY);
        match own.find(&[conformance::session::labelled(&label), class]) {
            Ok(found) if found.len() == 1 && sign(&own, found[0]) => 0,
            _ => 3,
        }
    });
    assert!(sign(&session, pair.private), "the parent's connections are its own");
}

#[test]
fn a_child_of_a_busy_parent_is_not_stuck() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("busy parent");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (module, stop_flag) = (&token.module, &stop);
        let (handle, key) = (session.handle, pair.private);
        scope.spawn(move || {
            while !stop_flag.load(Ordering::Relaxed) {
                let _ = Session { module, handle }.sign(CKM_ECDSA, key, &[2; 32]);
            }
        });
        let _stop = Stop(&stop);
        for _ in 0..10 {
            in_child(|| {
                first_failure(&[
                    module.finalize() == CKR_CRYPTOKI_NOT_INITIALIZED,
                    module.initialize() == CKR_OK,
                ])
            });
        }
    });
}
