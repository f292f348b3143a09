//! The whole private key is in no process: not in a node, not in the client, not at rest and not
//! after generating or signing. The control finds what must be there: each node's own share, and a
//! key that was planted.

use std::time::Duration;

use p256::Scalar;
use p256::elliptic_curve::{Field, PrimeField};
use rand_core::OsRng;
use tests::lab::Lab;
use tests::memory::{Forms, scan};
use tests::shares::{private_key, share};

use crate::setting;

#[test]
fn private_key_is_in_no_process() {
    let lab = Lab::up(3, 2).unwrap();
    let mut application = lab.target().unwrap().serve().unwrap();
    let planted = Scalar::random(&mut OsRng);
    application.hold(&planted.to_repr()).unwrap();
    let mut scans = 0;
    for round in 0..setting("SCAN_ROUNDS", 2) {
        // The scan has stopped each node for a while, and a peer may have given it up.
        lab.wait_healthy(Duration::from_secs(30)).unwrap();
        let label = format!("scanned-{round}");
        let point = application.ask(&format!("keygen {label}")).unwrap();
        let shares: Vec<(u8, Scalar)> = lab
            .nodes()
            .map(|node| (node, share(&lab.folder().join(format!("node{node}")), &point).unwrap()))
            .collect();
        let key = private_key([shares[0], shares[1]], &point).unwrap();
        assert_eq!(key, private_key([shares[1], shares[2]], &point).unwrap());
        scans += look(&lab, application.pid(), &key, &shares, &planted);
        for number in 0..8u8 {
            application.ask(&format!("sign {label} {}", hex::encode([number; 32]))).unwrap();
        }
        scans += look(&lab, application.pid(), &key, &shares, &planted);
    }
    println!("{scans} processes scanned: the private key is in none, each share is in its own node only");
}

fn look(lab: &Lab, application: u32, key: &Scalar, shares: &[(u8, Scalar)], planted: &Scalar) -> usize {
    let (whole, planted) = (Forms::of(key), Forms::of(planted));
    let of_shares: Vec<(u8, Forms)> = shares.iter().map(|(node, share)| (*node, Forms::of(share))).collect();
    let found = scan(application, &[&whole, &planted]).unwrap();
    assert_eq!(found[0], Vec::<&str>::new(), "the client holds the private key");
    assert!(found[1].contains(&"big-endian"), "the scan is blind in the client");
    let pids = lab.pids();
    for (node, pid) in &pids {
        let mut wanted = vec![&whole];
        wanted.extend(of_shares.iter().map(|(_, forms)| forms));
        let found = scan(*pid, &wanted).unwrap();
        assert_eq!(found[0], Vec::<&str>::new(), "node {node} holds the private key");
        for ((owner, _), found) in of_shares.iter().zip(&found[1..]) {
            assert_eq!(!found.is_empty(), owner == node, "share of node {owner} in node {node}: {found:?}");
        }
    }
    assert_eq!(pids.len(), shares.len());
    pids.len() + 1
}
