//! A node whose store is put back from an older day is noticed through its peers, brought up to
//! date before it serves, and cannot bring back what has changed since.

use std::fs;
use std::time::Duration;

use tests::lab::Lab;
use tests::openssl::accept_all;

#[test]
fn old_store_is_noticed_and_brought_up_to_date() {
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let old_key = target.keygen("old").unwrap();
    let folder = lab.folder().join("node2");
    lab.kill(2).unwrap();
    fs::copy(folder.join("store.redb"), folder.join("yesterday.redb")).unwrap();
    lab.start(2).unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    let new_key = target.keygen("new").unwrap();
    let index = lab.status().unwrap()["nodes"][0]["registry_index"].as_u64().unwrap();
    lab.kill(2).unwrap();
    fs::rename(folder.join("yesterday.redb"), folder.join("store.redb")).unwrap();
    lab.start(2).unwrap();
    let status = lab.status().unwrap();
    assert!(status["nodes"][1]["registry_index"].as_u64().unwrap() >= index, "{status}");
    let log = fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("StoreIsOld"), "the log says nothing of it:\n{log}");
    // It holds its share of the key that its old store knows, and none of the newer one.
    lab.kill(3).unwrap();
    lab.wait_gone(&[3], Duration::from_secs(5)).unwrap();
    assert_eq!(accept_all(&old_key, &target.sign("old", &[vec![1; 32]]).unwrap()).unwrap(), 1);
    lab.start(3).unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    assert_eq!(accept_all(&new_key, &target.sign("new", &[vec![2; 32]]).unwrap()).unwrap(), 1);
}
