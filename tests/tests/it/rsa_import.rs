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

/// PKCS#1 v1.5 decryption, and RSA without padding: off, then on in the application's configuration, then at the nodes
/// too. A ciphertext whose padding is wrong then decrypts to a message that is always the same.
#[test]
fn pkcs1_decryption_and_raw_rsa_are_off_until_client_and_nodes_allow_them() {
    let lab = Lab::up(3, 2).unwrap();
    let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
    let folder = Folder(lab.folder());
    folder.openssl("genrsa -out key.pem 2048");
    folder.openssl("rsa -in key.pem -pubout -out public.pem");
    let config = format!("--config client/client.toml --token {TOKEN} --pin {PIN}");
    let output = folder.run(&counterfoil, &format!("key import {config} --label old --decrypt key.pem"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(lab.folder().join("letter"), b"a letter").unwrap();
    let mut block = [0x5a; 256];
    block[..2].copy_from_slice(&[0, 1]);
    std::fs::write(lab.folder().join("block"), block).unwrap();
    let encrypt = "pkeyutl -encrypt -pubin -inkey public.pem -pkeyopt rsa_padding_mode:";
    folder.openssl(&format!("{encrypt}pkcs1 -in letter -out good"));
    folder.openssl(&format!("{encrypt}none -in block -out bad"));

    let module = lab.variable("PKCS11_MODULE").unwrap();
    let tool = |command: &str| {
        let _ = std::fs::remove_file(lab.folder().join("out"));
        let line = format!(
            "--module {module} --token-label {TOKEN} --login --pin {PIN} {command} --label old -o out"
        );
        let output = Command::new("pkcs11-tool")
            .args(line.split(' '))
            .current_dir(lab.folder())
            .env("COUNTERFOIL_CONFIG", lab.variable("COUNTERFOIL_CONFIG").unwrap())
            .output()
            .unwrap();
        output.status.success().then(|| std::fs::read(lab.folder().join("out")).unwrap_or_default())
    };
    let decrypted = |ciphertext: &str| tool(&format!("--decrypt -m RSA-PKCS -i {ciphertext}"));
    let raw = |command: &str| tool(&format!("{command} -m RSA-X-509"));
    let allow = |file: &Path| {
        let text = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, format!("rsa_pkcs1_decryption = true\nrsa_raw = true\n{text}")).unwrap();
    };
    assert_eq!(raw("--sign -i block"), None, "nobody allows it");
    assert_eq!(decrypted("good"), None, "nobody allows it");
    allow(&lab.folder().join("client/client.toml"));
    assert_eq!(decrypted("good"), None, "the nodes do not allow it");
    assert_eq!(raw("--sign -i block"), None, "the nodes do not allow it");
    assert_eq!(raw("--decrypt -i bad"), None, "the nodes do not allow it");
    for node in lab.nodes() {
        allow(&lab.folder().join(format!("node{node}/node.toml")));
        lab.kill(node).unwrap();
        lab.start(node).unwrap();
        lab.wait_healthy(std::time::Duration::from_secs(30)).unwrap();
    }
    assert_eq!(decrypted("good").as_deref(), Some(&b"a letter"[..]));
    // `bad` is `block` encrypted without padding.
    assert_eq!(raw("--decrypt -i bad").as_deref(), Some(&block[..]));
    let signature = raw("--sign -i block").expect("a signature");
    std::fs::write(lab.folder().join("signature"), signature).unwrap();
    folder.openssl("pkeyutl -verifyrecover -pubin -inkey public.pem -pkeyopt rsa_padding_mode:none -in signature -out back");
    assert_eq!(std::fs::read(lab.folder().join("back")).unwrap(), block);
    // Shorter data are a number too; zero and what is not below the modulus are none.
    let short = raw("--sign -i letter").expect("a signature");
    std::fs::write(lab.folder().join("signature"), short).unwrap();
    folder.openssl("pkeyutl -verifyrecover -pubin -inkey public.pem -pkeyopt rsa_padding_mode:none -in signature -out back");
    let back = std::fs::read(lab.folder().join("back")).unwrap();
    assert_eq!(back, [&[0; 248][..], b"a letter"].concat());
    std::fs::write(lab.folder().join("zero"), [0; 256]).unwrap();
    std::fs::write(lab.folder().join("large"), [0xff; 256]).unwrap();
    assert_eq!((raw("--sign -i zero"), raw("--sign -i large")), (None, None));
    let message = decrypted("bad").expect("an answer");
    assert!(message.len() <= 245);
    for stopped in lab.nodes() {
        lab.kill(stopped).unwrap();
        assert_eq!(decrypted("bad").as_ref(), Some(&message), "without node {stopped}");
        lab.start(stopped).unwrap();
        lab.wait_healthy(std::time::Duration::from_secs(30)).unwrap();
    }
    assert_eq!(lab.failed_checks(&lab.nodes().collect::<Vec<_>>()).unwrap(), 0);
}
