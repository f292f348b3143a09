//! OpenSSL's command: maker of keys, and judge of what we make with them.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use threshold::rsa::Exponent;

use tempfile::NamedTempFile;

/// A private key, and the folder that holds it for further commands.
pub(super) struct OpensslKey {
    folder: tempfile::TempDir,
    pub(super) n: Vec<u8>,
    pub(super) e: Exponent,
    pub(super) d: Vec<u8>,
    pub(super) p: Vec<u8>,
    pub(super) q: Vec<u8>,
}

impl OpensslKey {
    pub(super) fn generate(bits: usize) -> Self {
        Self::with_exponent(bits, "65537")
    }

    /// A key with this public exponent, in decimal.
    pub(super) fn with_exponent(bits: usize, exponent: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (bits, exponent) = (format!("rsa_keygen_bits:{bits}"), format!("rsa_keygen_pubexp:{exponent}"));
        let options = ["-algorithm", "RSA", "-out", "key.pem", "-pkeyopt", &bits, "-pkeyopt", &exponent];
        run(&folder, &[&["genpkey"], &options[..]].concat()).unwrap();
        run(&folder, &["rsa", "-in", "key.pem", "-traditional", "-outform", "DER", "-out", "key.der"])
            .unwrap();
        run(&folder, &["rsa", "-in", "key.pem", "-pubout", "-out", "public.pem"]).unwrap();
        let der = fs::read(folder.path().join("key.der")).unwrap();
        // SEQUENCE of version, n, e, d, p, q and more (RFC 8017, A.1.2).
        let (_, mut rest) = element(&der);
        let mut integers = Vec::new();
        while !rest.is_empty() {
            let (after, integer) = element(rest);
            let zeros = integer.iter().take_while(|byte| **byte == 0).count();
            integers.push(integer[zeros..].to_vec());
            rest = after;
        }
        let [_, n, e, d, p, q, ..] = integers.as_slice() else { panic!("not a private key") };
        let e = Exponent::new(e).unwrap();
        let [n, d, p, q] = [n, d, p, q].map(Vec::clone);
        Self { folder, n, e, d, p, q }
    }

    /// A key of which only the public half is known: it verifies and encrypts.
    pub(super) fn of_public(n: &[u8], e: Exponent) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let structure = format!(
            "asn1=SEQUENCE:key\n[key]\nalgorithm=SEQUENCE:algorithm\nbits=BITWRAP,SEQUENCE:numbers\n\
             [algorithm]\noid=OID:rsaEncryption\nparameters=NULL\n\
             [numbers]\nn=INTEGER:0x{}\ne=INTEGER:0x{}\n",
            hex::encode(n),
            hex::encode(e.to_be_bytes())
        );
        fs::write(folder.path().join("structure"), structure).unwrap();
        run(&folder, &["asn1parse", "-genconf", "structure", "-noout", "-out", "public.der"]).unwrap();
        run(&folder, &["rsa", "-pubin", "-inform", "DER", "-in", "public.der", "-out", "public.pem"])
            .unwrap();
        Self { folder, n: n.to_vec(), e, d: Vec::new(), p: Vec::new(), q: Vec::new() }
    }

    /// A file of its own for each call: tests run at the same time.
    fn file(&self, content: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new_in(self.folder.path()).unwrap();
        file.write_all(content).unwrap();
        file
    }

    /// `openssl pkeyutl` on `input` with these arguments and `-pkeyopt`s.
    fn pkeyutl(&self, arguments: &[&str], input: &[u8], options: &[String]) -> Result<Vec<u8>, String> {
        let input = self.file(input);
        let mut all = vec!["pkeyutl", "-in", name(&input)];
        all.extend(arguments);
        options.iter().for_each(|option| all.extend(["-pkeyopt", option.as_str()]));
        run(&self.folder, &all)
    }

    /// A signature of OpenSSL's own.
    pub(super) fn sign(&self, digest: &[u8], options: &[String]) -> Vec<u8> {
        self.pkeyutl(&["-sign", "-inkey", "key.pem"], digest, options).unwrap()
    }

    pub(super) fn accepts(&self, digest: &[u8], signature: &[u8], options: &[String]) -> bool {
        let signature = self.file(signature);
        let arguments = ["-verify", "-pubin", "-inkey", "public.pem", "-sigfile", name(&signature)];
        self.pkeyutl(&arguments, digest, options).is_ok()
    }

    pub(super) fn encrypt(&self, message: &[u8], options: &[String]) -> Vec<u8> {
        self.pkeyutl(&["-encrypt", "-pubin", "-inkey", "public.pem"], message, options).unwrap()
    }

    pub(super) fn decrypt(&self, ciphertext: &[u8], options: &[String]) -> Vec<u8> {
        self.pkeyutl(&["-decrypt", "-inkey", "key.pem"], ciphertext, options).unwrap()
    }
}

fn name(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

fn run(folder: &tempfile::TempDir, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap();
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// What follows a DER element, and its content.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let short = usize::from(der[1]);
    let (head, length) = match short < 0x80 {
        true => (2, short),
        false => {
            let bytes = &der[2..2 + (short & 0x7f)];
            (2 + bytes.len(), bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
    };
    (&der[head + length..], &der[head..head + length])
}
