//! `counterfoil key import`: a private RSA, EC, Ed25519 or X25519 key from a PEM file moves in. The file's key is split in this process; no
//! node ever has more than its share.

use std::fs;
use std::path::{Path, PathBuf};

use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use token::backend::Role;
use token::object::import::{PrivateKeyDer, Purpose, of_file, usage};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::terminal::{result, tell};
use crate::cli::token::{Session, one_pin};

/// `counterfoil key import …`
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("other").args(["derive", "decrypt", "unwrap"]).multiple(true))]
pub struct Import {
    /// A client's configuration.
    #[arg(long)]
    config: PathBuf,
    /// The token's label.
    #[arg(long)]
    token: String,
    /// The user's PIN. It shows in the list of processes: prefer --pin-file.
    #[arg(long, conflicts_with = "pin_file")]
    pin: Option<Zeroizing<String>>,
    /// A file with the user's PIN as its first line.
    #[arg(long)]
    pin_file: Option<PathBuf>,
    /// The key's label on the token.
    #[arg(long)]
    label: String,
    /// The key's CKA_ID in hex; without it SHA-1 of the public point or modulus.
    #[arg(long, value_parser = parse_hex)]
    id: Option<Id>,
    /// Let the key agree on secrets (CKA_DERIVE). A key of X25519 does that and nothing else.
    #[arg(long)]
    derive: bool,
    /// Let an RSA key decrypt (CKA_DECRYPT).
    #[arg(long)]
    decrypt: bool,
    /// Let an RSA key unwrap keys (CKA_UNWRAP).
    #[arg(long)]
    unwrap: bool,
    /// Do not let the key sign.
    #[arg(long, requires = "other")]
    no_sign: bool,
    /// A file with the passphrase of an encrypted key as its first line.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// PKCS#8 in PEM, plain or encrypted (PBES2), PKCS#1 (`RSA PRIVATE KEY`), or SEC1 (`EC PRIVATE KEY`).
    file: PathBuf,
}

/// A `CKA_ID`.
#[derive(Clone, Debug)]
struct Id(Vec<u8>);

fn parse_hex(text: &str) -> Result<Id, hex::FromHexError> {
    hex::decode(text).map(Id)
}

impl Import {
    /// Runs it: prints the object id.
    pub fn run(self) -> Result<(), Failure> {
        let pin = one_pin(self.pin, self.pin_file.as_deref())?
            .ok_or_else(|| Failure::input("give --pin-file or --pin"))?;
        let key = read(&self.file, self.passphrase_file.as_deref())?;
        let asked = [
            (!self.no_sign, usage::SIGN),
            (self.derive, usage::DERIVE),
            (self.decrypt, usage::DECRYPT),
            (self.unwrap, usage::UNWRAP),
        ];
        let usage: Vec<u64> = asked.iter().filter(|(asked, _)| *asked).map(|(_, usage)| *usage).collect();
        let purpose =
            Purpose { label: &self.label, id: self.id.as_ref().map(|id| id.0.as_slice()), usage: &usage };
        let remedy = "give a key on a supported curve, or RSA of 2048, 3072 or 4096 bits with e above 2^16";
        let import = of_file(&key, &purpose).map_err(|error| Failure::file(&self.file, error, remedy))?;
        drop(key);
        let session = Session::open(&self.config)?;
        let (token, backend) = (session.token(&self.token)?, session.backend());
        backend.login(token, Role::User, pin.as_bytes()).map_err(Failure::refused)?;
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
