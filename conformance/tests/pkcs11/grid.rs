//! The grid of bad arguments, and what SoftHSM makes of it.

use std::path::Path;

use conformance::grid::{Subject, run};
use conformance::lab::{Lab, skipped};
use conformance::module;
use conformance::softhsm::SoftHsm;

const PROGRAM: &str = env!("CARGO_BIN_EXE_grid");

#[test]
fn no_wrong_argument_gets_a_wrong_code() {
    if skipped("the grid, which runs by itself") {
        return;
    }
    let lab = Lab::private();
    let subject = Subject {
        module: module::path(),
        token: lab.token,
        pin: lab.pin,
        so_pin: lab.so_pin,
        environment: Vec::new(),
        compared: false,
    };
    let report = run(Path::new(PROGRAM), &subject);
    println!("{report}");
    assert!(report.of_done >= 10_000 && report.left_out == 0, "{report}");
    assert_eq!(report.differences(), 0, "{report}");
}

/// Prints a line for each way in which SoftHSM differs, with the clauses. That there are some, crashes among them, shows
/// that the grid finds what it looks for.
#[test]
fn softhsm_is_held_against_the_same_rules() {
    if skipped("the grid, which runs by itself") {
        return;
    }
    let softhsm = match SoftHsm::new() {
        Ok(softhsm) => softhsm,
        Err(error) => return println!("skipped: {error}"),
    };
    let subject = Subject {
        module: softhsm.module.clone(),
        token: SoftHsm::TOKEN.into(),
        pin: SoftHsm::PIN.into(),
        so_pin: SoftHsm::SO_PIN.into(),
        environment: softhsm.environment(),
        compared: true,
    };
    let report = run(Path::new(PROGRAM), &subject);
    println!("{report}");
    assert!(report.called >= 10_000, "{report}");
    assert!(report.differences() > 0 && report.to_string().contains(": crash"), "{report}");
}
