//! Wrong PINs of many client processes at once.

use std::process::{Command, Stdio};

use conformance::lab::{Lab, skipped};
use conformance::module;
use conformance::token::Token;
use cryptoki_sys::*;

/// Starts a client process for each PIN, all at once, and waits for what `C_Login` answers them.
fn tries(lab: &Lab, pins: &[&str]) -> Vec<CK_RV> {
    let start = |pin: &&str| {
        Command::new(env!("CARGO_BIN_EXE_login"))
            .arg(module::path())
            .args([lab.token.as_str(), pin])
            .env("COUNTERFOIL_CONFIG", lab.config())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let processes: Vec<_> = pins.iter().map(start).collect();
    let answer = |process: std::process::Child| {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    processes.into_iter().map(answer).collect()
}

/// A token takes ten wrong PINs, however many processes try them, whenever they start, and although a node and then all
/// clients are restarted between them; the eleventh is refused without being tried, and so is the right one. The security
/// officer ends the lock.
#[test]
fn ten_wrong_pins_lock_whoever_tries_them() {
    if skipped("nodes that restart") {
        return;
    }
    let lab = Lab::private();
    let count = |answers: &[CK_RV], code| answers.iter().filter(|answer| **answer == code).count();
    let wrong = ["wrong-pin-1", "wrong-pin-2", "wrong-pin-3"];
    let mut answers = tries(&lab, &wrong);
    assert_eq!(count(&answers, CKR_PIN_INCORRECT), 3, "{answers:x?}");
    lab.restart_node(1);
    answers.extend(tries(&lab, &wrong));
    lab.restart_node(2);
    // Four are left, and eight processes come.
    answers.extend(tries(&lab, &["wrong-pin-4"; 8]));
    answers.extend(tries(&lab, &wrong));
    assert_eq!(count(&answers, CKR_PIN_INCORRECT), 10, "{answers:x?}");
    assert_eq!(count(&answers, CKR_PIN_LOCKED), answers.len() - 10, "{answers:x?}");
    lab.restart_node(3);
    assert_eq!(tries(&lab, &[&lab.pin]), [CKR_PIN_LOCKED], "the right PIN");

    let token = Token::private();
    let session = token.session(CKF_RW_SESSION);
    assert_eq!(session.login(CKU_USER, &lab.pin), CKR_PIN_LOCKED);
    assert_ne!(token.info().flags & CKF_USER_PIN_LOCKED, 0);
    assert_eq!(session.login(CKU_SO, &lab.so_pin), CKR_OK);
    assert_eq!(session.init_pin(&lab.pin), CKR_OK);
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.login(CKU_USER, &lab.pin), CKR_OK);
    assert_eq!(token.info().flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_COUNT_LOW), 0);
}

/// A service that starts a process for each core, or fifty, gives the right PIN more often at once than it may be
/// wrong.
#[test]
fn fifty_processes_log_in_at_once() {
    if skipped("nodes that restart") {
        return;
    }
    let lab = Lab::private();
    let answers = tries(&lab, &[lab.pin.as_str(); 50]);
    assert!(answers.iter().all(|rv| *rv == CKR_OK), "{answers:x?}");
}
