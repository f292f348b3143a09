//! Nodes are killed and started again one at a time while an application signs without pause:
//! no wrong signature, no failed call, no application restart.

use std::time::{Duration, Instant};

use tests::application::finish_load;
use tests::lab::Lab;
use tests::openssl::accept_all;
use tests::shares::keys_in_use;

use crate::setting;

#[test]
fn application_signs_on_while_nodes_are_killed_and_restarted() {
    let seconds = setting("CRASH_SECONDS", 12);
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let point = target.keygen("crash").unwrap();
    let load = target.start_load("crash", seconds, 2).unwrap();
    let until = Instant::now() + Duration::from_secs(seconds.saturating_sub(2));
    let mut kills = 0;
    for node in lab.nodes().cycle() {
        std::thread::sleep(Duration::from_millis(500));
        if Instant::now() > until {
            break;
        }
        lab.kill(node).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        lab.start(node).unwrap();
        lab.wait_healthy(Duration::from_secs(20)).unwrap();
        kills += 1;
    }
    let load = finish_load(load).unwrap();
    let accepted = accept_all(&point, &load.samples).unwrap();
    println!(
        "{kills} kills under load: {} signatures, {} failed calls, p99 {} us, slowest {} us, {accepted} samples accepted by OpenSSL",
        load.operations, load.failures, load.p99_us, load.max_us
    );
    assert_eq!(load.failures, 0, "{:?}", load.first_error);
    assert!(kills > 0 && load.operations > 0 && accepted > 0);
}

#[test]
fn keys_and_token_outlive_a_kill_of_all_nodes() {
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let point = target.keygen("durable").unwrap();
    lab.nodes().for_each(|node| lab.kill(node).unwrap());
    // A node alone cannot finish its start-up check: all are started before any is waited for.
    lab.start_all().unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    let signed = target.sign("durable", &[vec![1; 32]]).unwrap();
    assert_eq!(accept_all(&point, &signed).unwrap(), 1);
}

#[test]
fn application_carries_on_by_itself_once_a_quorum_is_back() {
    let lab = Lab::up(3, 2).unwrap();
    let mut application = lab.target().unwrap().serve().unwrap();
    let point = application.ask("keygen alone").unwrap();
    let sign = format!("sign alone {}", hex::encode([4; 32]));
    [1, 3].iter().for_each(|node| lab.kill(*node).unwrap());
    let error = application.ask(&sign).unwrap_err().to_string();
    assert!(error.contains("CKR_DEVICE_ERROR"), "{error}");
    lab.start(1).unwrap();
    let signature = application.ask(&sign).unwrap();
    assert_eq!(accept_all(&point, &[(vec![4; 32], signature)]).unwrap(), 1);
}

#[test]
fn key_is_on_all_nodes_or_on_none_when_one_is_killed_in_the_middle() {
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let rounds = setting("GENERATION_KILLS", 6);
    let (mut made, mut given_up) = (Vec::new(), 0);
    for round in 0..rounds {
        let label = format!("killed-{round}");
        let node = (round % 3) as u8 + 1;
        let outcome = std::thread::scope(|scope| {
            let generation = scope.spawn(|| target.keygen(&label));
            // The application takes some 20 ms to log in; generation takes about as long.
            std::thread::sleep(Duration::from_millis(15 + 7 * round % 40));
            lab.kill(node).unwrap();
            lab.start(node).unwrap();
            generation.join().unwrap()
        });
        match outcome {
            Ok(point) => made.push((label, point)),
            Err(_) => given_up += 1,
        }
        lab.wait_healthy(Duration::from_secs(20)).unwrap();
    }
    let folder = |node: u8| lab.folder().join(format!("node{node}"));
    let at_first = keys_in_use(&folder(1)).unwrap();
    assert_eq!(at_first, keys_in_use(&folder(2)).unwrap());
    assert_eq!(at_first, keys_in_use(&folder(3)).unwrap());
    assert!(at_first.len() >= made.len(), "a key that the application was given is gone");
    for (label, point) in &made {
        assert_eq!(accept_all(point, &target.sign(label, &[vec![3; 32]]).unwrap()).unwrap(), 1);
    }
    println!(
        "{rounds} kills during generation: {} keys made, {given_up} given up, all nodes hold the same",
        made.len()
    );
}
