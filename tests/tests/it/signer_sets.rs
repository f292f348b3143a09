//! Every signer set of 2-of-3 and of 3-of-5, forced by stopping the other nodes, signs what
//! OpenSSL accepts, or frost-core for Schnorr, without a failed check and without a retry.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_core::{OsRng, RngCore};
use tests::curve::{CURVES, Curve};
use tests::lab::Lab;
use tests::openssl::accept_all_on;
use tests::schnorr;

use crate::setting;

#[test]
fn every_signer_set_of_2_of_3_signs() {
    every_signer_set_signs(3, 2, |_| &CURVES);
}

#[test]
fn every_signer_set_of_3_of_5_signs() {
    // One curve for each set.
    every_signer_set_signs(5, 3, |set| &CURVES[set % CURVES.len()..][..1]);
}

fn every_signer_set_signs(nodes: u8, threshold: u8, curves_of: fn(usize) -> &'static [Curve]) {
    let count = setting("SIGNATURES_PER_SET", 40) as usize;
    let lab = Lab::up(nodes, threshold).unwrap();
    let target = lab.target().unwrap();
    let points: BTreeMap<&str, Vec<u8>> =
        CURVES.iter().map(|curve| (curve.name, target.keygen_on(curve, curve.name).unwrap())).collect();
    let mut expected = 0;
    let (mut accepted, mut failed_checks) = (BTreeMap::<String, usize>::new(), 0);
    let mut accept = |scheme: String, count: usize| *accepted.entry(scheme).or_default() += count;
    let sets = subsets(nodes, threshold);
    for (number, set) in sets.iter().enumerate() {
        let stopped: Vec<u8> = lab.nodes().filter(|node| !set.contains(node)).collect();
        // Counters live in memory, so they are read before a node goes.
        failed_checks += lab.failed_checks(&stopped).unwrap();
        stopped.iter().for_each(|node| lab.kill(*node).unwrap());
        lab.wait_gone(&stopped, Duration::from_secs(5)).unwrap();
        for curve in curves_of(number) {
            let signed = target.sign(curve.name, &digests(curve, count)).unwrap();
            let scheme = if curve.edwards { "EdDSA" } else { "ECDSA" };
            let count_accepted = accept_all_on(curve, &points[curve.name], &signed).unwrap();
            accept(format!("{scheme} on {}", curve.name), count_accepted);
            expected += count;
            if curve.schnorr.is_some() {
                let signed = target.sign_schnorr(curve, curve.name, &digests(curve, count)).unwrap();
                let count_accepted = schnorr::accept_all(curve, &points[curve.name], &signed).unwrap();
                accept(format!("Schnorr on {}", curve.name), count_accepted);
                expected += count;
            }
        }
        stopped.iter().for_each(|node| lab.start(*node).unwrap());
        lab.wait_healthy(Duration::from_secs(20)).unwrap();
    }
    failed_checks += lab.failed_checks(&lab.nodes().collect::<Vec<_>>()).unwrap();
    let retries = lab.client_retries().unwrap();
    for (scheme, count) in &accepted {
        let judge = if scheme.starts_with("Schnorr") { "frost-core" } else { "OpenSSL" };
        println!("{threshold}-of-{nodes}: {scheme}: {count} signatures accepted by {judge}");
    }
    let accepted: usize = accepted.values().sum();
    println!(
        "{threshold}-of-{nodes}: {} signer sets, {accepted} signatures, {failed_checks} failed checks, {} retries",
        sets.len(),
        retries.len()
    );
    assert_eq!((accepted, failed_checks), (expected, 0));
    assert_eq!(retries, Vec::<String>::new());
}

/// All ascending `size`-subsets of 1 to `nodes`.
fn subsets(nodes: u8, size: u8) -> Vec<Vec<u8>> {
    (0u16..1 << nodes)
        .filter(|mask| mask.count_ones() == u32::from(size))
        .map(|mask| (1..=nodes).filter(|node| mask >> (node - 1) & 1 == 1).collect())
        .collect()
}

/// Random digests of 20 to 64 bytes, with zero, the group order and all ones among them.
fn digests(curve: &Curve, count: usize) -> Vec<Vec<u8>> {
    let order = hex::decode(curve.order).unwrap();
    let special = [
        vec![0; 20],
        vec![0; 32],
        vec![0; 64],
        order.clone(),
        [order, vec![7; 16]].concat(),
        vec![255; 32],
        vec![255; 64],
    ];
    let random = (0..).map(|number: usize| {
        let mut digest = vec![0; 20 + number % 45];
        OsRng.fill_bytes(&mut digest);
        digest
    });
    special.into_iter().chain(random).take(count).collect()
}
