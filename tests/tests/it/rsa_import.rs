//! RSA keys in use move in: from every form of file that OpenSSL writes, and with the certificate that they have.

use std::path::Path;
use std::process::{Command, Output};

use tests::application::binary_beside;
use tests::lab::{Lab, PIN, TOKEN};
use tests::nginx::Nginx;

struct Folder<'a>(&'a Path);

impl Folder<'_> {
    fn run(&self, program: impl AsRef<Path>, line: &str) -> Output {
        Command::new(program.as_ref()).args(line.split(' ')).current_dir(self.0).output().unwrap()
    }

    fn openssl(&self, line: &str) {
        let output = self.run("openssl", line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_certificate_in_use_is_served_by_a_quorum_without_a_new_one() {
    let lab = Lab::up(3, 2).unwrap();
    let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
    let folder = Folder(lab.folder());
    let import = |label: &str, more: &str| {
        let config = format!("--config client/client.toml --token {TOKEN} --pin {PIN} --label {label}");
        folder.run(&counterfoil, &format!("key import {config} {more}"))
    };
    let imported = |label: &str, more: &str| {
        let output = import(label, more);
        assert!(output.status.success(), "{label}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(lab.folder().join("passphrase"), "secret\n").unwrap();
    folder.openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout web.pem -out web.crt");
    folder.openssl("rsa -in web.pem -traditional -out pkcs1.pem");
    folder.openssl("pkcs8 -topk8 -in web.pem -passout pass:secret -out sealed.pem");
    imported("web", "web.pem");
    imported("pkcs1", "--decrypt pkcs1.pem");
    imported("sealed", "--passphrase-file passphrase --unwrap --no-sign sealed.pem");

    let target = lab.target().unwrap();
    for label in ["web", "pkcs1"] {
        let nginx = Nginx::serve(&target, label, &lab.folder().join("web.crt")).unwrap();
        nginx.handshake().unwrap();
        lab.kill(2).unwrap();
        nginx.handshake().unwrap();
        lab.start(2).unwrap();
        lab.wait_healthy(std::time::Duration::from_secs(20)).unwrap();
    }
    // Of another key than the certificate's.
    folder.openssl("genrsa -out other.pem 2048");
    imported("other", "other.pem");
    let other = Nginx::serve(&target, "other", &lab.folder().join("web.crt"));
    assert!(other.is_err() || other.unwrap().handshake().is_err());

    folder.openssl("genrsa -out small.pem 1024");
    folder.openssl("genrsa -3 -out three.pem 2048");
    for (label, more) in [("small", "small.pem"), ("three", "three.pem"), ("open", "sealed.pem")] {
        assert!(!import(label, more).status.success(), "{label}");
    }
    assert_eq!(lab.failed_checks(&lab.nodes().collect::<Vec<_>>()).unwrap(), 0);
}
