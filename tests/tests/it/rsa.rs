//! RSA keys that the nodes make together, used with any one of them stopped, as OpenSSL sees them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tests::lab::{Lab, PIN, TOKEN};

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
    for number in 0..setting("RSA_KEYS", 1) {
        let label = format!("key {number}");
        let begun = Instant::now();
        tool(&["--keypairgen", "--key-type", "rsa:2048", "--label", &label]);
        println!("{label}: made in {:.1} s", begun.elapsed().as_secs_f64());
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
            tool(&["--sign", "-m", "SHA256-RSA-PKCS", "--label", &label, "-i", "letter", "-o", "signature"]);
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
            tool(&["--sign", "-m", "SHA384-RSA-PKCS-PSS", "--label", &label, "-i", "letter", "-o", "pss"]);
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
                "--label",
                &label,
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
    assert_eq!(lab.failed_checks(&lab.nodes().collect::<Vec<_>>()).unwrap(), 0);
}
