//! `counterfoil key import`: a private RSA, EC, Ed25519 or X25519 key from a PEM file moves in. The file's key is split in this process; no
//! node ever has more than its share.

use std::fs;
use std::path::{Path, PathBuf};

use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use token::object::import::{PrivateKeyDer, of_file};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::key_options::KeyOptions;
use crate::cli::terminal::{result, tell};
use crate::cli::token::one_pin;

/// `counterfoil key import …`
#[derive(clap::Args)]
pub struct Import {
    /// Token and uses.
    #[command(flatten)]
    options: KeyOptions,
    /// A file with the passphrase of an encrypted key as its first line.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// PKCS#8 in PEM, plain or encrypted (PBES2), PKCS#1 (`RSA PRIVATE KEY`), or SEC1 (`EC PRIVATE KEY`).
    file: PathBuf,
}

impl Import {
    /// Runs it: prints the object id.
    pub fn run(self) -> Result<(), Failure> {
        let pin = self.options.pin()?;
        let key = read(&self.file, self.passphrase_file.as_deref())?;
        let usage = self.options.usage();
        let purpose = self.options.purpose(&usage);
        let remedy = "give a key on a supported curve, or RSA of 2048, 3072 or 4096 bits with e above 2^16";
        let import = of_file(&key, &purpose).map_err(|error| Failure::file(&self.file, error, remedy))?;
        drop(key);
        let (session, token) = self.options.log_in(&pin)?;
        let backend = session.backend();
        let imported = backend.import_private_key(token, import).map_err(Failure::refused);
        backend.logout(token);
        let record = imported?;
        tell(
            "the key is shared among all nodes; it is marked as imported, since copies of the file may exist",
        );
        result(record.id);
        Ok(())
    }
}

fn read(path: &Path, passphrase_file: Option<&Path>) -> Result<PrivateKeyDer, Failure> {
    let remedy = "give a PEM file with a private RSA, EC, Ed25519 or X25519 key";
    let wrong = |why: &dyn std::fmt::Display| Failure::file(path, why, remedy);
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| wrong(&error))?);
    // `openssl ecparam -genkey` writes the curve before the key.
    let start = LABELS.iter().find_map(|label| text.find(&format!("-----BEGIN {label}-----")));
    let text = text.get(start.ok_or_else(|| wrong(&"no private key"))?..).unwrap_or_default();
    let (label, der) = pem_rfc7468::decode_vec(text.as_bytes()).map_err(|error| wrong(&error))?;
    let der = Zeroizing::new(der);
    match label {
        "PRIVATE KEY" => PrivateKeyDer::pkcs8(&der).map_err(|why| wrong(&why)),
        "ENCRYPTED PRIVATE KEY" => {
            let passphrase = one_pin(None, passphrase_file)?
                .ok_or_else(|| Failure::file(path, "the key is encrypted", "give --passphrase-file"))?;
            let document: SecretDocument = EncryptedPrivateKeyInfo::try_from(der.as_slice())
                .and_then(|info| info.decrypt(passphrase.as_bytes()))
                .map_err(|_| {
                    Failure::file(path, "does not decrypt", "is it the right passphrase, and PBES2?")
                })?;
            PrivateKeyDer::pkcs8(document.as_bytes()).map_err(|why| wrong(&why))
        }
        "RSA PRIVATE KEY" => PrivateKeyDer::pkcs1(&der).map_err(|why| wrong(&why)),
        _ => PrivateKeyDer::sec1(&der).map_err(|why| wrong(&why)),
    }
}

const LABELS: [&str; 4] = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
