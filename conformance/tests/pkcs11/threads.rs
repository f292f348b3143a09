//! Many threads in one library.

use std::thread;

use conformance::call;
use conformance::lab::skipped;
use conformance::session::{Session, mechanism};
use conformance::token::Token;
use cryptoki_sys::*;

#[test]
fn each_thread_signs_in_its_own_session() {
    let token = Token::shared();
    let main = token.user();
    let pair = main.p256("threads");
    thread::scope(|scope| {
        for thread in 0..8u8 {
            let (token, pair) = (&token.module, &pair);
            let slot = main.info().unwrap().slotID;
            scope.spawn(move || {
                let mut handle = 0;
                let flags = CKF_SERIAL_SESSION;
                let rv = call!(token, C_OpenSession(slot, flags, std::ptr::null_mut(), None, &mut handle));
                assert_eq!(rv, CKR_OK);
                let session = Session { module: token, handle };
                for round in 0..8u8 {
                    let digest = [thread ^ (round << 4); 32];
                    let signature = session.sign(CKM_ECDSA, pair.private, &digest).unwrap();
                    assert_eq!(session.verify(CKM_ECDSA, pair.public, &digest, &signature), CKR_OK);
                }
                assert_eq!(session.close(), CKR_OK);
            });
        }
    });
}

#[test]
fn two_threads_in_one_session_take_turns() {
    if skipped("two threads in one session, which PKCS#11 leaves undefined (3.1 section 5.1.2)") {
        return;
    }
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("one session");
    let answers: Vec<Vec<CK_RV>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (module, handle, key) = (&token.module, session.handle, pair.private);
                scope.spawn(move || {
                    let (mut digest, mut signature) = ([5u8; 32], [0u8; 64]);
                    let mut answers = Vec::new();
                    for _ in 0..16 {
                        let mut len = 64;
                        answers.push(call!(module, C_SignInit(handle, &mut mechanism(CKM_ECDSA), key)));
                        let (data, out) = (digest.as_mut_ptr(), signature.as_mut_ptr());
                        answers.push(call!(module, C_Sign(handle, data, 32, out, &mut len)));
                    }
                    answers
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for rv in answers.concat() {
        assert!(matches!(rv, CKR_OK | CKR_OPERATION_ACTIVE | CKR_OPERATION_NOT_INITIALIZED), "{rv:#x}");
    }
}

#[test]
fn finalisation_waits_for_nobody_and_harms_nobody() {
    if skipped("a C_Finalize amid calls, which PKCS#11 leaves undefined (3.1 section 5.4.2)") {
        return;
    }
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("finalised");
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (module, handle, key) = (&token.module, session.handle, pair.private);
                scope.spawn(move || {
                    let session = Session { module, handle };
                    loop {
                        match session.sign(CKM_ECDSA, key, &[1; 32]) {
                            Ok(_) | Err(CKR_OPERATION_ACTIVE | CKR_OPERATION_NOT_INITIALIZED) => {}
                            Err(rv) => return rv,
                        }
                    }
                })
            })
            .collect();
        thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(token.module.finalize(), CKR_OK);
        for thread in threads {
            let rv = thread.join().unwrap();
            // The call under way ends as if cluster or login had gone; the next one finds no library.
            let ended = [
                CKR_CRYPTOKI_NOT_INITIALIZED,
                CKR_DEVICE_ERROR,
                CKR_KEY_HANDLE_INVALID,
                CKR_USER_NOT_LOGGED_IN,
            ];
            assert!(ended.contains(&rv), "{rv:#x}");
        }
    });
}
