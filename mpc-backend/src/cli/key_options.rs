//! What `counterfoil key import` and `counterfoil key generate` both have to know.

use std::path::PathBuf;

use token::backend::{Role, TokenId};
use token::object::import::{Purpose, usage};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::token::{Session, one_pin};

/// Where a key goes, and what it is for.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("other").args(["derive", "decrypt", "unwrap"]).multiple(true))]
pub struct KeyOptions {
    /// A client's configuration.
    #[arg(long)]
    pub config: PathBuf,
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
}

/// A `CKA_ID`.
#[derive(Clone, Debug)]
struct Id(Vec<u8>);

fn parse_hex(text: &str) -> Result<Id, hex::FromHexError> {
    hex::decode(text).map(Id)
}

impl KeyOptions {
    /// The attributes of [`usage`] that are asked for.
    pub fn usage(&self) -> Vec<u64> {
        let asked = [
            (!self.no_sign, usage::SIGN),
            (self.derive, usage::DERIVE),
            (self.decrypt, usage::DECRYPT),
            (self.unwrap, usage::UNWRAP),
        ];
        asked.iter().filter(|(asked, _)| *asked).map(|(_, usage)| *usage).collect()
    }

    /// Label, id and uses.
    pub fn purpose<'a>(&'a self, usage: &'a [u64]) -> Purpose<'a> {
        Purpose { label: &self.label, id: self.id.as_ref().map(|id| id.0.as_slice()), usage }
    }

    /// The user's PIN.
    pub fn pin(&self) -> Result<Zeroizing<String>, Failure> {
        one_pin(self.pin.clone(), self.pin_file.as_deref())?
            .ok_or_else(|| Failure::input("give --pin-file or --pin"))
    }

    /// The token, with its user logged in.
    pub fn log_in(&self, pin: &str) -> Result<(Session, TokenId), Failure> {
        let session = Session::open(&self.config)?;
        let token = session.token(&self.token)?;
        session.backend().login(token, Role::User, pin.as_bytes()).map_err(Failure::refused)?;
        Ok((session, token))
    }
}
