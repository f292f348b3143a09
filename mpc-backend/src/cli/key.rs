//! `counterfoil key`: what is on a token, as its user sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use token::backend::{Freshness, ObjectList, ObjectRecord, Role};
use token::object::summary::summary;
use zeroize::Zeroizing;

use crate::cli::adopt::Adopt;
use crate::cli::failure::Failure;
use crate::cli::generate::Generate;
use crate::cli::import::Import;
use crate::cli::terminal::result;
use crate::cli::token::{Session, one_pin};

/// `counterfoil key …`
#[derive(clap::Subcommand)]
pub enum KeyCommand {
    /// List a token's objects: all of them with the user's PIN, the public ones without.
    List {
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
    },
    /// Move a private RSA, EC, Ed25519 or X25519 key from a PEM file onto a token: it is split here, and every node gets one share.
    Import(Import),
    /// Have all nodes make a key pair; prints the private key's object id. Ctrl-C ends it at every node.
    Generate(Generate),
    /// Make a private key one of the KMS interface, whose policy holds for PKCS#11 too from then on, for ever; prints its id.
    Adopt(Adopt),
}

impl KeyCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        let (config, token, pin, pin_file) = match self {
            Self::List { config, token, pin, pin_file } => (config, token, pin, pin_file),
            Self::Import(import) => return import.run(),
            Self::Generate(generate) => return generate.run(),
            Self::Adopt(adopt) => return adopt.run(),
        };
        let pin = one_pin(pin, pin_file.as_deref())?;
        let objects = list(&config, &token, pin.as_deref().map(String::as_str))?;
        objects.objects().iter().map(|object| describe(object)).for_each(result);
        Ok(())
    }
}

fn list(config: &Path, label: &str, pin: Option<&str>) -> Result<Arc<ObjectList>, Failure> {
    let session = Session::open(config)?;
    let (token, backend) = (session.token(label)?, session.backend());
    if let Some(pin) = pin {
        backend.login(token, Role::User, pin.as_bytes()).map_err(Failure::refused)?;
    }
    let objects = backend.objects(token, Freshness::Current).map_err(Failure::refused);
    if pin.is_some() {
        backend.logout(token);
    }
    objects
}

/// Object id, class, curve, `CKA_ID` and label.
fn describe(object: &ObjectRecord) -> String {
    let Some(summary) = summary(&object.attributes) else {
        return format!("{}  of an unknown class", object.id);
    };
    let curve = summary.curve.map(token::backend::Curve::name).unwrap_or_default();
    format!(
        "{}  {:<11}  {curve:<9}  id {}  {:?}",
        object.id,
        summary.class,
        hex::encode(&summary.id),
        summary.label
    )
}
