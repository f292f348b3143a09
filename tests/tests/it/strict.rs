//! Strict mode with real nodes: all T + 1 sign, and T say what is missing.

use std::time::Duration;

use tests::lab::Lab;
use tests::openssl::accept_all;

#[test]
fn strict_mode_signs_with_a_witness_and_names_the_missing_one() {
    let lab = Lab::up_with(3, 2, &["--strict"]).unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    assert!(lab.status().unwrap()["nodes"].as_array().unwrap().iter().all(|node| node["strict"] == true));
    let target = lab.target().unwrap();
    let point = target.keygen("strict").unwrap();
    let digests: Vec<Vec<u8>> = (0..10).map(|digest| vec![digest; 32]).collect();
    assert_eq!(accept_all(&point, &target.sign("strict", &digests).unwrap()).unwrap(), digests.len());
    assert_eq!(lab.client_retries().unwrap(), Vec::<String>::new());
    lab.kill(3).unwrap();
    lab.wait_gone(&[3], Duration::from_secs(5)).unwrap();
    assert!(target.sign("strict", &digests).is_err());
    let log =
        std::path::PathBuf::from(lab.variable("COUNTERFOIL_CONFIG").unwrap()).with_file_name("client.log");
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("strict mode needs 3 nodes") && said.contains("(node 3)"), "{said}");
    lab.start(3).unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    assert_eq!(accept_all(&point, &target.sign("strict", &digests).unwrap()).unwrap(), digests.len());
}
