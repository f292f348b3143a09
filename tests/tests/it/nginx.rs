//! nginx serves TLS with its key in the token, with two workers, through Debian's libp11 engine.

use std::time::{Duration, Instant};

use anyhow::Context;
use tests::lab::Lab;
use tests::nginx::Nginx;
use tests::softhsm::SoftHsm;

use crate::setting;

#[test]
fn harness_serves_with_a_softhsm_key() {
    let target = SoftHsm::new().unwrap();
    let target = target.target().unwrap();
    target.keygen("web").unwrap();
    let nginx = Nginx::start(&target, "web").unwrap();
    nginx.handshake().unwrap();
    assert_eq!(nginx.pids().len(), 3);
}

#[test]
fn handshakes_go_on_while_nodes_are_killed_and_restarted() {
    let seconds = setting("CRASH_SECONDS", 12);
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    target.keygen("web").unwrap();
    let nginx = Nginx::start(&target, "web").unwrap();
    let workers = nginx.pids();
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut handshakes, mut kills, mut slowest) = (0, 0, Duration::ZERO);
    for node in lab.nodes().cycle() {
        if Instant::now() > until {
            break;
        }
        std::thread::scope(|scope| {
            let crash = scope.spawn(|| {
                lab.kill(node).unwrap();
                lab.start(node).unwrap();
                lab.wait_healthy(Duration::from_secs(20)).unwrap();
            });
            while !crash.is_finished() {
                let begin = Instant::now();
                nginx.handshake().with_context(|| lab.client_log().unwrap()).unwrap();
                slowest = slowest.max(begin.elapsed());
                handshakes += 1;
            }
            crash.join().unwrap();
        });
        kills += 1;
    }
    println!(
        "{kills} kills under TLS: {handshakes} handshakes, 0 failed, slowest {} ms",
        slowest.as_millis()
    );
    assert!(kills > 0 && handshakes > kills);
    assert_eq!(nginx.pids(), workers, "no worker was replaced");
}
