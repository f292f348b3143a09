//! All chapters once more, against SoftHSM2: what it does otherwise is listed in `suites/softhsm-chapters.txt`, with the
//! clause that says who is right.

use conformance::lab::skipped;
use conformance::suites::offered::Offered;
use conformance::suites::{chapters, expected};

#[test]
fn softhsm_differs_as_listed() {
    if skipped("SoftHSM2 beside ours") {
        return;
    }
    let chapters = std::env::current_exe().expect("Linux knows the path of its processes");
    let run = match chapters::run(&chapters, "") {
        Ok(run) => run,
        Err(error) => return println!("skipped: {error}"),
    };
    let list = expected::parse(include_str!("../../suites/softhsm-chapters.txt")).unwrap();
    let (text, good) = run.held_against(list, true, &Offered::by_softhsm().unwrap());
    println!("{text}");
    assert!(good, "{text}");
}
