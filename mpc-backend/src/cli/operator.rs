//! `counterfoil operator`: the key with which a person agrees to enrolments and tokens.

use std::path::PathBuf;

use crate::cli::cluster::parse_name;
use crate::cli::failure::Failure;
use crate::cli::{files, keys};

/// `counterfoil operator …`
#[derive(clap::Subcommand)]
pub enum OperatorCommand {
    /// Make an operator's key; prints its public half.
    Init {
        /// Where `operator.key` goes.
        #[arg(long)]
        dir: PathBuf,
        /// The name that the manifest will show.
        #[arg(long, value_parser = parse_name)]
        name: String,
    },
}

impl OperatorCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        let Self::Init { dir, name } = self;
        files::folder(&dir)?;
        let path = dir.join(keys::OPERATOR_KEY);
        let key = keys::create(&path)?;
        let public = hex::encode(key.verifying_key().to_bytes());
        keys::announce(&key, &path, &format!("For the manifest: --operator {name}={public}"));
        Ok(())
    }
}
