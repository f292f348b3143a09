//! `counterfoil command`: sign, read and submit what operators agree to, from file to file.

use std::path::{Path, PathBuf};

use prost::Message;
use proto::manifest::Manifest;
use proto::registry::v1::{Command, command::Body};

use crate::cli::ceremony::{self, Progress};
use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::terminal::{fingerprint, result, tell};

/// `counterfoil command …`
#[derive(clap::Subcommand)]
pub enum CommandCommand {
    /// Show what a command file says and who has signed it.
    Show {
        /// The manifest of the cluster.
        #[arg(long)]
        manifest: PathBuf,
        /// The command file.
        file: PathBuf,
    },
    /// Add an operator's signature to a command file.
    Sign {
        /// The manifest of the cluster.
        #[arg(long)]
        manifest: PathBuf,
        /// The operator's key file.
        #[arg(long)]
        operator_key: PathBuf,
        /// The command file.
        file: PathBuf,
    },
    /// Send a command that T operators have signed.
    Submit {
        /// The manifest of the cluster.
        #[arg(long)]
        manifest: PathBuf,
        /// An operator's key file, to be let in with.
        #[arg(long)]
        operator_key: PathBuf,
        /// The command file.
        file: PathBuf,
    },
}

impl CommandCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show { manifest, file } => {
                let manifest = files::manifest(&manifest)?;
                let (signed, command) = read_for(&manifest, &file)?;
                result(describe(&command));
                result(format!("cluster {}", fingerprint(&manifest.cluster_id())));
                result(format!("void after registry index {}", command.not_after_index));
                result(Progress::of(&manifest, &signed));
                Ok(())
            }
            Self::Sign { manifest, operator_key, file } => {
                let manifest = files::manifest(&manifest)?;
                let (mut signed, command) = read_for(&manifest, &file)?;
                let key = ceremony::operator_key(&manifest, &operator_key)?;
                ceremony::sign(&manifest, &mut signed, &key);
                files::replace(&file, &signed.encode_to_vec(), Readers::All)?;
                tell(format!("signed: {}", describe(&command)));
                tell(Progress::of(&manifest, &signed));
                Ok(())
            }
            Self::Submit { manifest, operator_key, file } => {
                let manifest = files::manifest(&manifest)?;
                let (signed, _) = read_for(&manifest, &file)?;
                let key = ceremony::operator_key(&manifest, &operator_key)?;
                ceremony::submit(&manifest, &signed, &key)
            }
        }
    }
}

/// Reads a command file and checks that it is for this cluster.
fn read_for(
    manifest: &Manifest,
    file: &Path,
) -> Result<(proto::registry::v1::SignedCommand, Command), Failure> {
    let (signed, command) = ceremony::read(file)?;
    if command.cluster_id != manifest.cluster_id() {
        return Err(Failure::file(file, "it is for another cluster", "give that cluster's manifest"));
    }
    Ok((signed, command))
}

/// A command in words, for who is asked to sign it.
fn describe(command: &Command) -> String {
    match &command.body {
        Some(Body::EnrolClient(body)) => {
            let succeeds = if body.succeeds_revoked { ", as whom it was before and is revoked" } else { "" };
            format!("enrol client {:?}{succeeds}, with key {}", body.name, hex::encode(&body.client_key))
        }
        Some(Body::RevokeClient(body)) => {
            format!("revoke the client with key {}", hex::encode(&body.client_key))
        }
        Some(Body::CreateToken(body)) => format!("create token {}", hex::encode(&body.token_id)),
        Some(Body::InitToken(body)) => format!("initialise token {}", hex::encode(&body.token_id)),
        Some(Body::SetLogin(body)) => format!("set a login of token {}", hex::encode(&body.token_id)),
        Some(Body::CreateObjects(body)) => format!("create objects on token {}", hex::encode(&body.token_id)),
        Some(Body::UpdateObject(body)) => format!("change object {}", hex::encode(&body.object_id)),
        Some(Body::DestroyObject(body)) => format!("destroy object {}", hex::encode(&body.object_id)),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proto::registry::v1::EnrolClient;

    use super::*;
    use crate::cli::tests::manifest;

    #[test]
    fn description_shows_the_whole_key_and_no_control_characters() {
        let body = EnrolClient {
            client_key: vec![0xcd; 32],
            name: "web\u{1b}[2J".to_owned(),
            succeeds_revoked: true,
        };
        let command = Command { body: Some(Body::EnrolClient(body)), ..Default::default() };
        let text = describe(&command);
        assert!(text.contains(&"cd".repeat(32)) && text.contains("is revoked"));
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }

    #[test]
    fn command_of_another_cluster_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cmd.bin");
        let body = Body::EnrolClient(EnrolClient { client_key: vec![1; 32], ..EnrolClient::default() });
        std::fs::write(&file, ceremony::draft(&manifest(), 7, body).encode_to_vec()).unwrap();
        let mut other = manifest();
        other.operators.reverse();
        read_for(&other, &file).unwrap();
        other.nodes.reverse();
        assert!(read_for(&other, &file).unwrap_err().to_string().contains("another cluster"));
    }
}
