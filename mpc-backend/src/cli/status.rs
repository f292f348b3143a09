//! `counterfoil status`: the nodes, as they and their peers see themselves.

use std::path::PathBuf;

use client::config::Config;
use ed25519_dalek::SigningKey;
use proto::manifest::Manifest;

use crate::cli::ceremony;
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::health::Health;
use crate::cli::remote::Caller;
use crate::cli::terminal::result;

/// `counterfoil status`
#[derive(clap::Args)]
pub struct StatusCommand {
    /// As whom to ask.
    #[command(flatten)]
    who: Who,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// As whom a command talks to the nodes: as a client, or as an operator.
#[derive(clap::Args)]
pub struct Who {
    /// A client's configuration.
    #[arg(long, conflicts_with_all = ["manifest", "operator_key"], required_unless_present = "manifest")]
    config: Option<PathBuf>,
    /// The manifest of the cluster.
    #[arg(long, requires = "operator_key")]
    manifest: Option<PathBuf>,
    /// An operator's key file.
    #[arg(long, requires = "manifest")]
    operator_key: Option<PathBuf>,
}

impl Who {
    /// Reads manifest and key.
    pub fn read(&self) -> Result<(Manifest, SigningKey), Failure> {
        match (&self.config, &self.manifest, &self.operator_key) {
            (Some(config), ..) => {
                let config = Config::load(config).map_err(Failure::input)?;
                Ok((config.manifest, config.identity.key().clone()))
            }
            (None, Some(manifest), Some(key)) => {
                let manifest = files::manifest(manifest)?;
                let key = ceremony::operator_key(&manifest, key)?;
                Ok((manifest, key))
            }
            _ => Err(Failure::input("give --config, or --manifest with --operator-key")),
        }
    }
}

impl StatusCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        let (manifest, key) = self.who.read()?;
        show(&Health::ask(&Caller::new(&manifest, &key)), self.json)
    }
}

/// Prints what was found; an unhealthy cluster is a failure that names the first problem.
pub fn show(health: &Health, json: bool) -> Result<(), Failure> {
    match json {
        true => result(health.json()),
        false => health.table().into_iter().for_each(result),
    }
    match health.problems().as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::refused(format!("not healthy: {one}"))),
        [first, rest @ ..] => {
            Err(Failure::refused(format!("not healthy: {first} (and {} more)", rest.len())))
        }
    }
}
