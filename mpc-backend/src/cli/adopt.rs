//! `counterfoil key adopt`: a private key that PKCS#11 made becomes one of the KMS interface too.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use proto::kms::v1::{KmsKey, State, Usage};
use token::backend::{Freshness, ObjectId, ObjectRecord, Role};
use token::object::import::usage;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::terminal::result;
use crate::cli::token::{Session, one_pin};

/// `counterfoil key adopt …`
#[derive(clap::Args)]
pub struct Adopt {
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
    /// The private key's object id, which `counterfoil key list` shows.
    #[arg(long, value_parser = parse_object)]
    object: ObjectId,
    /// SIGN_VERIFY, ENCRYPT_DECRYPT or KEY_AGREEMENT, for ever; without it the one that the key's attributes allow.
    #[arg(long, value_parser = parse_usage)]
    usage: Option<Usage>,
    /// An alias, without "alias/".
    #[arg(long)]
    alias: Option<String>,
}

fn parse_object(text: &str) -> Result<ObjectId, String> {
    let mut id = [0; 16];
    hex::decode_to_slice(text, &mut id).map_err(|_| "an object id has 32 hexadecimal digits")?;
    Ok(ObjectId(id))
}

fn parse_usage(text: &str) -> Result<Usage, String> {
    let known = USAGES.iter().find(|(usage, ..)| usage.as_str_name() == text);
    known.map(|(usage, _)| *usage).ok_or_else(|| "SIGN_VERIFY, ENCRYPT_DECRYPT or KEY_AGREEMENT".to_owned())
}

/// Usages of the interface, and the attribute of PKCS#11 that each goes with.
const USAGES: [(Usage, u64); 3] = [
    (Usage::SignVerify, usage::SIGN),
    (Usage::EncryptDecrypt, usage::DECRYPT),
    (Usage::KeyAgreement, usage::DERIVE),
];

impl Adopt {
    /// Runs it: prints the key's id, a UUID.
    pub fn run(self) -> Result<(), Failure> {
        let pin = one_pin(self.pin.clone(), self.pin_file.as_deref())?;
        let pin = pin.ok_or_else(|| Failure::input("give --pin-file or --pin"))?;
        let session = Session::open(&self.config)?;
        let (token, backend) = (session.token(&self.token)?, session.backend());
        backend.login(token, Role::User, pin.as_bytes()).map_err(Failure::refused)?;
        let adopted = self.adopt(&session, token);
        backend.logout(token);
        result(adopted?);
        Ok(())
    }

    fn adopt(&self, session: &Session, token: token::backend::TokenId) -> Result<String, Failure> {
        let objects = session.backend().objects(token, Freshness::Current).map_err(Failure::refused)?;
        let object = objects.get(&self.object).ok_or_else(|| Failure::refused("there is no such object"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::refused)?;
        let key = KmsKey {
            usage: self.usage_of(object)?.into(),
            state: State::Enabled.into(),
            created_unix_s: now.as_secs(),
            aliases: self.alias.iter().cloned().collect(),
            ..KmsKey::default()
        };
        let adopted = session.kms(token).adopt(self.object, key).map_err(Failure::refused)?;
        Ok(adopted.id())
    }

    fn usage_of(&self, object: &ObjectRecord) -> Result<Usage, Failure> {
        let is_set = |attribute: &u64| object.attributes.get(attribute).is_some_and(|value| *value == [1]);
        let allowed: Vec<Usage> =
            USAGES.iter().filter(|(_, flag)| is_set(flag)).map(|(usage, _)| *usage).collect();
        match (self.usage, allowed.as_slice()) {
            (Some(usage), allowed) if allowed.contains(&usage) => Ok(usage),
            (None, [one]) => Ok(*one),
            (Some(_), _) | (None, []) => {
                Err(Failure::refused("the key's attributes do not allow this usage"))
            }
            (None, _) => Err(Failure::input("the key has several uses: choose one by --usage")),
        }
    }
}
