//! A node that neither answers nor dies (SIGSTOP) while applications sign: no failed call, no wrong
//! signature, whichever node it is.

use std::time::Duration;

use tests::application::finish_load;
use tests::lab::Lab;
use tests::library::stopped::Stopped;
use tests::openssl::accept_all;

#[test]
fn applications_sign_on_while_nodes_are_stopped_in_turn() {
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let point = target.keygen("stopped").unwrap();
    let load = target.start_load("stopped", 12, 4).unwrap();
    for node in lab.nodes() {
        std::thread::sleep(Duration::from_secs(1));
        let stopped = Stopped::new(&lab, node).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        drop(stopped);
        lab.wait_healthy(Duration::from_secs(20)).unwrap();
    }
    let load = finish_load(load).unwrap();
    let accepted = accept_all(&point, &load.samples).unwrap();
    println!(
        "nodes stopped in turn: {} signatures, {} failed calls, p99 {} us, slowest {} us, {accepted} samples accepted by OpenSSL",
        load.operations, load.failures, load.p99_us, load.max_us
    );
    assert_eq!(load.failures, 0, "{:?}", load.first_error);
    assert!(load.max_us < 5_000_000 && load.operations > 0 && accepted > 0);
}
