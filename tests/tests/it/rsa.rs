//! RSA keys that the nodes make together, used with any one of them stopped, as OpenSSL sees them.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rand_core::{OsRng, RngCore as _};
use tests::application::Served;
use tests::lab::{Lab, PIN, TOKEN};
use tests::memory::{Forms, scan};
use tests::rsa::PrivateNumbers;
use tests::shares::{RsaPieces, rsa_pieces};
use threshold::party::Threshold;
use threshold::sharing::replicated::Pieces;

use crate::setting;

/// Runs a program to its successful end.
fn run(lab: &Lab, folder: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.current_dir(folder).env("COUNTERFOIL_CONFIG", lab.variable("COUNTERFOIL_CONFIG").unwrap());
    let output = command.args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{program} {arguments:?}: {text:?}");
}

#[test]
fn every_quorum_signs_and_decrypts_as_openssl_does() {
    let lab = Lab::up(3, 2).unwrap();
    // How long a key takes is a matter of luck, and here of the tests beside this one.
    let mut config =
        OpenOptions::new().append(true).open(lab.variable("COUNTERFOIL_CONFIG").unwrap()).unwrap();
    config.write_all(b"deadline_ms = 600000\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let module = lab.variable("PKCS11_MODULE").unwrap();
    let tool = |arguments: &[&str]| {
        let login = ["--module", &module, "--token-label", TOKEN, "--login", "--pin", PIN];
        run(&lab, folder, "pkcs11-tool", &[&login, arguments].concat());
    };
    let openssl = |arguments: &[&str]| run(&lab, folder, "openssl", arguments);
    fs::write(folder.join("letter"), b"a letter").unwrap();
    let mut application = Scanned::start(&lab);
    for number in 0..setting("RSA_KEYS", 1) {
        let label = format!("key-{number}");
        // pkcs11-tool 0.23 overlooks the label where it signs and decrypts.
        let id = hex::encode(&label);
        let begun = Instant::now();
        application.served.ask(&format!("keygen {label} rsa:2048")).unwrap();
        println!("{label}: made in {:.1} s", begun.elapsed().as_secs_f64());
        application.served.ask(&format!("sign {label} {}", hex::encode([number as u8; 32]))).unwrap();
        whole_keys_are_nowhere(&lab, &application, number as usize + 1);
        // The scan has stopped each node for a while, and a peer may have given it up.
        lab.wait_healthy(Duration::from_secs(30)).unwrap();
        tool(&["--read-object", "--type", "pubkey", "--label", &label, "-o", "public.der"]);
        openssl(&[
            "pkeyutl",
            "-encrypt",
            "-pubin",
            "-keyform",
            "DER",
            "-inkey",
            "public.der",
            "-in",
            "letter",
            "-pkeyopt",
            "rsa_padding_mode:oaep",
            "-pkeyopt",
            "rsa_oaep_md:sha256",
            "-out",
            "secret",
        ]);
        for stopped in lab.nodes() {
            lab.kill(stopped).unwrap();
            lab.wait_gone(&[stopped], Duration::from_secs(5)).unwrap();
            tool(&["--sign", "-m", "SHA256-RSA-PKCS", "--id", &id, "-i", "letter", "-o", "signature"]);
            openssl(&[
                "dgst",
                "-sha256",
                "-keyform",
                "DER",
                "-verify",
                "public.der",
                "-signature",
                "signature",
                "letter",
            ]);
            tool(&["--sign", "-m", "SHA384-RSA-PKCS-PSS", "--id", &id, "-i", "letter", "-o", "pss"]);
            openssl(&[
                "dgst",
                "-sha384",
                "-keyform",
                "DER",
                "-verify",
                "public.der",
                "-signature",
                "pss",
                "-sigopt",
                "rsa_padding_mode:pss",
                "-sigopt",
                "rsa_pss_saltlen:digest",
                "letter",
            ]);
            tool(&[
                "--decrypt",
                "-m",
                "RSA-PKCS-OAEP",
                "--hash-algorithm",
                "SHA256",
                "--mgf",
                "MGF1-SHA256",
                "--id",
                &id,
                "-i",
                "secret",
                "-o",
                "opened",
            ]);
            assert_eq!(fs::read(folder.join("opened")).unwrap(), b"a letter");
            lab.start(stopped).unwrap();
            lab.wait_healthy(Duration::from_secs(20)).unwrap();
        }
    }
    whole_keys_are_nowhere(&lab, &application, setting("RSA_KEYS", 1) as usize);
    assert_eq!(lab.failed_checks(&lab.nodes().collect::<Vec<_>>()).unwrap(), 0);
}

/// The application that makes the keys and signs with them.
struct Scanned {
    served: Served,
    /// What it was told to keep: a scan that does not find this sees nothing.
    planted: Forms,
}

impl Scanned {
    fn start(lab: &Lab) -> Self {
        let mut served = lab.target().unwrap().serve().unwrap();
        let mut planted = [0; 256];
        OsRng.fill_bytes(&mut planted);
        served.hold(&planted).unwrap();
        Self { served, planted: Forms::of_bytes(&planted) }
    }
}

/// p, q and d of each key are in no process' memory and in no log. The control finds each piece of d where it belongs, and
/// nowhere else, and in the application what was planted.
fn whole_keys_are_nowhere(lab: &Lab, application: &Scanned, keys: usize) {
    let layout = Pieces::new(Threshold::new(2, 3).unwrap()).unwrap();
    let folder = |node: u8| lab.folder().join(format!("node{node}"));
    let held: BTreeMap<u8, Vec<_>> =
        lab.nodes().map(|node| (node, rsa_pieces(&folder(node), &layout).unwrap())).collect();
    let pids = lab.pids();
    assert_eq!(pids.len(), 3);
    for (key, _) in &held[&1] {
        let of_node = |node: &u8| &held[node].iter().find(|(other, _)| other.n() == key.n()).unwrap().1;
        let pieces: RsaPieces = held.keys().flat_map(|node| of_node(node).clone()).collect();
        assert_eq!(pieces.len(), 3);
        let PrivateNumbers { p, q, exponents } = PrivateNumbers::of(key, &pieces).unwrap();
        let secrets: Vec<Forms> =
            [p, q].iter().chain(&exponents).map(|one| Forms::of_bytes(&one.to_bytes_be())).collect();
        let of_pieces: Vec<Forms> = pieces.values().map(|piece| Forms::of_bytes(piece)).collect();
        let wanted = secrets.iter().chain(&of_pieces).chain([&application.planted]);
        let found = scan(application.served.pid(), &wanted.collect::<Vec<_>>()).unwrap();
        let (planted, found) = found.split_last().unwrap();
        assert!(planted.contains(&"big-endian"), "the scan is blind in the application");
        assert!(found.iter().all(Vec::is_empty), "the application holds p, q, d or a piece: {found:?}");
        for (node, pid) in &pids {
            let found = scan(*pid, &secrets.iter().chain(&of_pieces).collect::<Vec<_>>()).unwrap();
            let (whole, parts) = found.split_at(secrets.len());
            assert!(whole.iter().all(Vec::is_empty), "node {node} holds p, q or d: {whole:?}");
            for (piece, found) in pieces.keys().zip(parts) {
                let is_holder = of_node(node).contains_key(piece);
                assert_eq!(!found.is_empty(), is_holder, "piece {piece} in node {node}: {found:?}");
            }
            let log = fs::read(folder(*node).join("log")).unwrap();
            assert!(
                secrets.iter().chain(&of_pieces).all(|one| !one.is_in(&log)),
                "in the log of node {node}"
            );
        }
    }
    assert_eq!(held[&1].len(), keys);
}
