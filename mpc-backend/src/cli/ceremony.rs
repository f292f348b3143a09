//! What T operators agree to: a registry command that each of them signs, in one go where their
//! keys are at hand, or from host to host as a small file.

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use prost::Message;
use proto::limits::{COMMAND_BYTES_MAX, COMMAND_WINDOW, FORMAT};
use proto::manifest::Manifest;
use proto::registry::v1::{Command, SignedCommand, author, command::Body};
use proto::statement;
use rand_core::{OsRng, RngCore};

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::keys;
use crate::cli::remote::Caller;
use crate::cli::terminal::tell;

/// How operators agree to one command.
#[derive(clap::Args)]
pub struct Agreement {
    /// The manifest of the cluster.
    #[arg(long)]
    manifest: PathBuf,
    /// An operator's key file; T of them submit the command at once.
    #[arg(long = "operator-key")]
    operator_keys: Vec<PathBuf>,
    /// Write the command to this file instead, for others to sign and submit.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Registry index after which the command is void; asked of the cluster if an operator's key
    /// is given, otherwise `counterfoil status` shows the current one.
    #[arg(long)]
    not_after: Option<u64>,
}

impl Agreement {
    /// Makes the command, signs it with the keys at hand, and submits it or writes it to the file.
    pub fn carry_out(self, body: Body) -> Result<(), Failure> {
        let manifest = files::manifest(&self.manifest)?;
        let keys = self
            .operator_keys
            .iter()
            .map(|path| operator_key(&manifest, path))
            .collect::<Result<Vec<_>, _>>()?;
        let not_after = match (self.not_after, keys.first()) {
            (Some(index), _) => index,
            (None, Some(key)) => last_index(&Caller::new(&manifest, key))?,
            (None, None) => {
                return Err(Failure::input(
                    "no operator key to ask the cluster with: give --operator-key, or --not-after with --out",
                ));
            }
        };
        let mut signed = draft(&manifest, not_after, body);
        for key in &keys {
            sign(&manifest, &mut signed, key);
        }
        match (self.out, keys.first()) {
            (Some(out), _) => {
                files::create(&out, &signed.encode_to_vec(), Readers::All)?;
                tell(format!("{} written; {}", out.display(), Progress::of(&manifest, &signed)));
                Ok(())
            }
            (None, Some(key)) => submit(&manifest, &signed, key),
            (None, None) => {
                Err(Failure::input("nobody signs: give --operator-key, or --out for a file to be signed"))
            }
        }
    }
}

/// The index up to which a command made now is good.
pub fn last_index(caller: &Caller) -> Result<u64, Failure> {
    Ok(caller.registry_index()?.saturating_add(COMMAND_WINDOW))
}

/// A command that nobody has signed yet.
pub fn draft(manifest: &Manifest, not_after_index: u64, body: Body) -> SignedCommand {
    let mut command_id = vec![0; 16];
    OsRng.fill_bytes(&mut command_id);
    let command = Command {
        format: FORMAT,
        cluster_id: manifest.cluster_id().to_vec(),
        command_id,
        not_after_index,
        body: Some(body),
    };
    SignedCommand { command: command.encode_to_vec(), signatures: Vec::new() }
}

/// Adds an operator's signature, once.
pub fn sign(manifest: &Manifest, signed: &mut SignedCommand, key: &SigningKey) {
    let public = key.verifying_key().to_bytes();
    if !signers(manifest, signed).contains(&public) {
        let author = author::Kind::OperatorKey(public.to_vec());
        signed.signatures.push(statement::sign_command(&manifest.cluster_id(), &signed.command, author, key));
    }
}

/// Sends a command that T operators have signed, through any node that takes it.
pub fn submit(manifest: &Manifest, signed: &SignedCommand, key: &SigningKey) -> Result<(), Failure> {
    let progress = Progress::of(manifest, signed);
    if !progress.complete() {
        return Err(Failure::refused(progress));
    }
    let index = Caller::new(manifest, key).propose(signed)?;
    tell(format!("done: registry index {index}"));
    Ok(())
}

/// Reads a command file.
pub fn read(path: &Path) -> Result<(SignedCommand, Command), Failure> {
    const REMEDY: &str = "give a file that `counterfoil … --out` wrote";
    let bytes = fs::read(path).map_err(|error| Failure::file(path, error, REMEDY))?;
    if bytes.len() > COMMAND_BYTES_MAX {
        return Err(Failure::file(path, "it is too long", REMEDY));
    }
    let signed =
        SignedCommand::decode(bytes.as_slice()).map_err(|error| Failure::file(path, error, REMEDY))?;
    let command =
        Command::decode(signed.command.as_slice()).map_err(|error| Failure::file(path, error, REMEDY))?;
    match (command.format, &command.body) {
        (FORMAT, Some(_)) => Ok((signed, command)),
        (FORMAT, None) => Err(Failure::file(path, "it has no command", REMEDY)),
        (other, _) => {
            Err(Failure::file(path, format!("its format is {other}, this software knows {FORMAT}"), REMEDY))
        }
    }
}

/// Reads an operator's key file and checks that the manifest names it.
pub fn operator_key(manifest: &Manifest, path: &Path) -> Result<SigningKey, Failure> {
    let key = keys::read(path)?;
    if manifest.is_operator(key.verifying_key().as_bytes()) {
        return Ok(key);
    }
    Err(Failure::file(
        path,
        "the manifest names no such operator",
        "give the key that the manifest was made with",
    ))
}

/// The operators whose signatures on a command are good.
pub fn signers(manifest: &Manifest, signed: &SignedCommand) -> Vec<[u8; 32]> {
    let statement = statement::command(&manifest.cluster_id(), &signed.command);
    let mut good: Vec<[u8; 32]> = signed
        .signatures
        .iter()
        .filter_map(|one| match one.author.as_ref()?.kind.as_ref()? {
            author::Kind::OperatorKey(key)
                if manifest.is_operator(key) && statement.verify(key, &one.signature) =>
            {
                key.as_slice().try_into().ok()
            }
            _ => None,
        })
        .collect();
    good.sort_unstable();
    good.dedup();
    good
}

/// How far a command is from being complete.
pub struct Progress {
    signed: Vec<String>,
    missing: Vec<String>,
    threshold: usize,
}

impl Progress {
    /// Checks every signature.
    pub fn of(manifest: &Manifest, signed: &SignedCommand) -> Self {
        let good = signers(manifest, signed);
        let (signed, missing): (Vec<_>, Vec<_>) =
            manifest.operators.iter().partition(|operator| good.contains(&operator.key));
        let names = |operators: Vec<&proto::manifest::OperatorEntry>| {
            operators.iter().map(|operator| operator.name.clone()).collect()
        };
        Self { signed: names(signed), missing: names(missing), threshold: usize::from(manifest.threshold) }
    }

    /// Whether T operators have signed.
    pub fn complete(&self) -> bool {
        self.signed.len() >= self.threshold
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (have, need) = (self.signed.len(), self.threshold);
        match self.signed.is_empty() {
            true => write!(f, "nobody of {need} operators has signed")?,
            false => write!(f, "{have} of {need} operators signed: {}", self.signed.join(", "))?,
        }
        if !self.complete() {
            write!(
                f,
                "; {} of these must still run `counterfoil command sign`: {}",
                need - have,
                self.missing.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proto::registry::v1::RevokeClient;

    use super::*;
    use crate::cli::tests::{manifest, operator};

    fn revocation() -> SignedCommand {
        draft(&manifest(), 7, Body::RevokeClient(RevokeClient { client_key: vec![1; 32] }))
    }

    #[test]
    fn two_different_operators_complete_a_command() {
        let mut signed = revocation();
        assert!(Progress::of(&manifest(), &signed).to_string().contains("nobody of 2"));
        sign(&manifest(), &mut signed, &operator(1));
        sign(&manifest(), &mut signed, &operator(1));
        assert_eq!(signed.signatures.len(), 1);
        let progress = Progress::of(&manifest(), &signed);
        assert!(!progress.complete());
        assert!(
            progress.to_string().ends_with("must still run `counterfoil command sign`: o2"),
            "{progress}"
        );
        sign(&manifest(), &mut signed, &operator(2));
        assert!(Progress::of(&manifest(), &signed).complete());
    }

    #[test]
    fn signature_of_a_changed_command_does_not_count() {
        let mut signed = revocation();
        sign(&manifest(), &mut signed, &operator(1));
        signed.command.push(0);
        assert!(signers(&manifest(), &signed).is_empty());
    }

    #[test]
    fn one_signature_copied_twice_counts_once() {
        let mut signed = revocation();
        sign(&manifest(), &mut signed, &operator(1));
        let copy = signed.signatures.clone();
        signed.signatures.extend(copy);
        assert!(!Progress::of(&manifest(), &signed).complete());
    }

    #[test]
    fn command_file_round_trips_and_garbage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cmd.bin");
        let signed = revocation();
        fs::write(&path, signed.encode_to_vec()).unwrap();
        assert_eq!(read(&path).unwrap().0, signed);
        fs::write(&path, b"\xff\xff garbage").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("cmd.bin"));
    }
}
