//! `counterfoil key import`: a private EC or Ed25519 key from a PEM file moves in. The file's key is split in this process; no
//! node ever has more than its share.

use std::fs;
use std::path::{Path, PathBuf};

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Encode};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo, SecretDocument};
use token::backend::Role;
use token::object::import::{KeyFile, Purpose, of_file};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::terminal::{result, tell};
use crate::cli::token::{Session, one_pin};

/// `counterfoil key import …`
#[derive(clap::Args)]
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
    /// The key's CKA_ID in hex; without it SHA-1 of the public point.
    #[arg(long, value_parser = parse_hex)]
    id: Option<Id>,
    /// Let the key agree on secrets (CKA_DERIVE).
    #[arg(long)]
    derive: bool,
    /// Do not let the key sign.
    #[arg(long, requires = "derive")]
    no_sign: bool,
    /// A file with the passphrase of an encrypted key as its first line.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// PKCS#8 in PEM, plain or encrypted (PBES2), or SEC1 (`EC PRIVATE KEY`).
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
        let purpose = Purpose {
            label: &self.label,
            id: self.id.as_ref().map(|id| id.0.as_slice()),
            sign: !self.no_sign,
            derive: self.derive,
        };
        let file = KeyFile { params: &key.params, value: &key.value, point: key.point.as_deref() };
        let import = of_file(&file, &purpose)
            .map_err(|error| Failure::file(&self.file, error, "give a key on a supported curve"))?;
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

/// What a key file says.
struct Key {
    params: Vec<u8>,
    value: Zeroizing<Vec<u8>>,
    point: Option<Vec<u8>>,
}

fn read(path: &Path, passphrase_file: Option<&Path>) -> Result<Key, Failure> {
    let remedy = "give a PEM file with a private EC or Ed25519 key";
    let wrong = |why: &dyn std::fmt::Display| Failure::file(path, why, remedy);
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| wrong(&error))?);
    // `openssl ecparam -genkey` writes the curve before the key.
    let start = LABELS.iter().find_map(|label| text.find(&format!("-----BEGIN {label}-----")));
    let text = text.get(start.ok_or_else(|| wrong(&"no private key"))?..).unwrap_or_default();
    let (label, der) = pem_rfc7468::decode_vec(text.as_bytes()).map_err(|error| wrong(&error))?;
    let der = Zeroizing::new(der);
    match label {
        "PRIVATE KEY" => of_pkcs8(&der).map_err(|why| wrong(&why)),
        "ENCRYPTED PRIVATE KEY" => {
            let passphrase = one_pin(None, passphrase_file)?
                .ok_or_else(|| Failure::file(path, "the key is encrypted", "give --passphrase-file"))?;
            let document: SecretDocument = EncryptedPrivateKeyInfo::try_from(der.as_slice())
                .and_then(|info| info.decrypt(passphrase.as_bytes()))
                .map_err(|_| {
                    Failure::file(path, "does not decrypt", "is it the right passphrase, and PBES2?")
                })?;
            of_pkcs8(document.as_bytes()).map_err(|why| wrong(&why))
        }
        _ => of_sec1(&der, None).map_err(|why| wrong(&why)),
    }
}

/// RFC 5958, with the curve in the algorithm (RFC 5480) or as the algorithm (RFC 8410).
fn of_pkcs8(der: &[u8]) -> Result<Key, &'static str> {
    let info = PrivateKeyInfo::try_from(der).map_err(|_| "not PKCS#8")?;
    if info.algorithm.oid == ED25519 {
        let value =
            OctetStringRef::from_der(info.private_key).map_err(|_| "not a private key of RFC 8410")?;
        return Ok(Key {
            params: info.algorithm.oid.to_der().map_err(|_| "the curve is not named")?,
            value: Zeroizing::new(value.as_bytes().to_vec()),
            point: info.public_key.map(<[u8]>::to_vec),
        });
    }
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return Err("neither an EC key nor one on a curve that we have");
    }
    let curve = info.algorithm.parameters_oid().map_err(|_| "the curve is not named")?;
    of_sec1(info.private_key, curve.to_der().ok())
}

/// RFC 5915.
fn of_sec1(der: &[u8], params: Option<Vec<u8>>) -> Result<Key, &'static str> {
    let key = sec1::EcPrivateKey::try_from(der).map_err(|_| "not an EC private key")?;
    let named = key.parameters.and_then(|parameters| parameters.named_curve());
    let params = params.or_else(|| named.and_then(|curve| curve.to_der().ok()));
    Ok(Key {
        params: params.ok_or("the curve is not named")?,
        value: Zeroizing::new(key.private_key.to_vec()),
        point: key.public_key.map(<[u8]>::to_vec),
    })
}

const LABELS: [&str; 3] = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"];
/// id-Ed25519.
const ED25519: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.3.101.112");
/// id-ecPublicKey.
const EC_PUBLIC_KEY: pkcs8::ObjectIdentifier = pkcs8::ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
