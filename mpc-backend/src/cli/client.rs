//! `counterfoil client`: a client's own key, its configuration, enrolment and revocation.

use std::path::{Path, PathBuf};

use proto::registry::v1::{EnrolClient, RevokeClient, command::Body};

use crate::cli::ceremony::Agreement;
use crate::cli::cluster::parse_name;
use crate::cli::failure::Failure;

use crate::cli::terminal::{result, tell};
use crate::cli::{config, files, keys};

/// `counterfoil client …`
#[derive(clap::Subcommand)]
pub enum ClientCommand {
    /// Make a client's key; prints its public half, which operators enrol.
    Init {
        /// Where `client.key` goes.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Write `client.toml` beside the client's key; COUNTERFOIL_CONFIG shall name it.
    Configure {
        /// The folder of `client init`.
        #[arg(long)]
        dir: PathBuf,
        /// The manifest that the operators compared.
        #[arg(long)]
        manifest: PathBuf,
        /// How long a call may take, in milliseconds.
        #[arg(long)]
        deadline_ms: Option<u32>,
        /// Where the library writes its log.
        #[arg(long)]
        log: Option<PathBuf>,
    },
    /// Print the file that makes p11-kit load the library, for every application that asks p11-kit.
    P11Kit {
        /// Where the library is.
        #[arg(long)]
        module: PathBuf,
        /// The client's configuration; several make several clusters.
        #[arg(long, required = true)]
        config: Vec<PathBuf>,
    },
    /// Let a client talk to the cluster (T operators agree).
    Enrol {
        /// How the operators agree.
        #[command(flatten)]
        agreement: Agreement,
        /// The public key that `client init` printed.
        #[arg(long, value_parser = keys::public)]
        client_key: [u8; 32],
        /// The client's name: no other client's. Policies of KMS keys name clients by it.
        #[arg(long, value_parser = parse_name)]
        name: String,
        /// The name was a revoked client's, and what policies allow to it is meant for this one now.
        #[arg(long)]
        succeeds_revoked: bool,
    },
    /// Refuse a client from now on, for ever (T operators agree).
    Revoke {
        /// How the operators agree.
        #[command(flatten)]
        agreement: Agreement,
        /// The client's public key.
        #[arg(long, value_parser = keys::public)]
        client_key: [u8; 32],
    },
}

impl ClientCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Init { dir } => {
                let key = init(&dir)?;
                let path = dir.join(keys::CLIENT_KEY);
                keys::announce(&key, &path, "Give the public key to the operators, who enrol it.");
                Ok(())
            }
            Self::Configure { dir, manifest, deadline_ms, log } => {
                let path = configure(&dir, &manifest, deadline_ms, log.as_deref())?;
                tell(format!("{} written; set COUNTERFOIL_CONFIG to it.", path.display()));
                Ok(())
            }
            Self::P11Kit { module, config } => {
                result(p11_kit(&files::absolute(&module)?, &config)?);
                tell("Put this into /etc/pkcs11/modules/counterfoil.module or ~/.config/pkcs11/modules.");
                Ok(())
            }
            Self::Enrol { agreement, client_key, name, succeeds_revoked } => {
                let client_key = client_key.to_vec();
                agreement.carry_out(Body::EnrolClient(EnrolClient { client_key, name, succeeds_revoked }))
            }
            Self::Revoke { agreement, client_key } => {
                agreement.carry_out(Body::RevokeClient(RevokeClient { client_key: client_key.to_vec() }))
            }
        }
    }
}

/// A module file of p11-kit, pkcs11.conf(5). What stands after `x-init-reserved` reaches C_Initialize.
fn p11_kit(module: &Path, configs: &[PathBuf]) -> Result<String, Failure> {
    let named = |config: &PathBuf| {
        client::config::Config::load(config).map_err(Failure::input)?;
        Ok(format!("config={}", files::absolute(config)?.display()))
    };
    let configs: Vec<String> = configs.iter().map(named).collect::<Result<_, Failure>>()?;
    Ok(format!("module: {}\nx-init-reserved: counterfoil:{}", module.display(), configs.join(";")))
}

/// Makes the client's key in `dir`.
pub fn init(dir: &Path) -> Result<ed25519_dalek::SigningKey, Failure> {
    files::folder(dir)?;
    keys::create(&dir.join(keys::CLIENT_KEY))
}

/// Writes `client.toml` for the key in `dir`; returns its path.
pub fn configure(
    dir: &Path,
    manifest: &Path,
    deadline_ms: Option<u32>,
    log: Option<&Path>,
) -> Result<PathBuf, Failure> {
    keys::read(&dir.join(keys::CLIENT_KEY))?;
    files::manifest(manifest)?;
    let config = config::ClientToml {
        manifest: files::absolute(manifest)?,
        identity: keys::CLIENT_KEY.into(),
        deadline_ms,
        log: log.map(files::absolute).transpose()?,
    };
    let path = files::absolute(dir)?.join(CLIENT_CONFIG);
    config::write(&path, &config)?;
    Ok(path)
}

/// The configuration in a client's folder.
pub const CLIENT_CONFIG: &str = "client.toml";
