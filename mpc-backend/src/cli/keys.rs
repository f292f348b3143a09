//! Key files: an Ed25519 seed as one line of 64 hex digits, mode 0600, never overwritten.
//!
//! Nodes, operators and clients make their own; only public halves are carried from host to host.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::cli::cluster::parse_key;
use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::terminal::{fingerprint, result, tell};

/// A node's identity, in its folder.
pub const NODE_KEY: &str = "identity.key";
/// An operator's key.
pub const OPERATOR_KEY: &str = "operator.key";
/// A client's key.
pub const CLIENT_KEY: &str = "client.key";

/// Makes a key in a new file and returns it.
pub fn create(path: &Path) -> Result<SigningKey, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(seed.as_mut());
    let mut line = Zeroizing::new(hex::encode(seed.as_ref()));
    line.push('\n');
    files::create(path, line.as_bytes(), Readers::Owner)?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Reads a key file, and refuses one that others can read.
pub fn read(path: &Path) -> Result<SigningKey, Failure> {
    let wrong = |why: String| Failure::file(path, why, "give a key file that `counterfoil … init` made");
    let mode = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Failure::file(
            path,
            "others can read it",
            "chmod 600 it, and make a new key if they did",
        ));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_end(), seed.as_mut())
        .map_err(|_| wrong("it does not hold 64 hex digits".to_owned()))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Prints a new public key: for a script on standard output, for people on standard error.
pub fn announce(key: &SigningKey, path: &Path, next: &str) {
    let public = key.verifying_key().to_bytes();
    tell(format!("{} made; it stays on this host.", path.display()));
    tell(format!("fingerprint {}", fingerprint(&public)));
    tell(next);
    result(hex::encode(public));
}

/// Parses the public key given on a command line.
pub fn public(text: &str) -> Result<[u8; 32], String> {
    let key = parse_key(text)?;
    match ed25519_dalek::VerifyingKey::from_bytes(&key) {
        Ok(point) if !point.is_weak() => Ok(key),
        _ => Err(format!("{text:?} is no Ed25519 public key")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn made_key_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NODE_KEY);
        let made = create(&path).unwrap();
        assert_eq!(read(&path).unwrap(), made);
        assert!(create(&path).is_err());
    }

    #[test]
    fn key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NODE_KEY);
        create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("others can read it"));
    }

    #[test]
    fn weak_public_key_is_refused() {
        assert!(public(&format!("01{}", "00".repeat(31))).is_err());
    }
}
