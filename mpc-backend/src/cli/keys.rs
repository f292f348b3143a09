//! Keys of the ceremony. Nodes, operators and clients make their own; only public halves are
//! carried from host to host.

use std::path::Path;

use ed25519_dalek::SigningKey;

use crate::cli::cluster::parse_key;
use crate::cli::failure::Failure;
use crate::cli::terminal::{fingerprint, result, tell};
use crate::identity;

/// A node's identity, in its folder.
pub const NODE_KEY: &str = "identity.key";
/// An operator's key.
pub const OPERATOR_KEY: &str = "operator.key";
/// A client's key.
pub const CLIENT_KEY: &str = "client.key";

/// Makes a key in a new file and returns it.
pub fn create(path: &Path) -> Result<SigningKey, Failure> {
    identity::create(path).map_err(Failure::input)
}

/// Reads a key file, and refuses one that others can read.
pub fn read(path: &Path) -> Result<SigningKey, Failure> {
    identity::read(path).map_err(Failure::input)
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
    use super::*;

    #[test]
    fn weak_public_key_is_refused() {
        assert!(public(&format!("01{}", "00".repeat(31))).is_err());
    }
}
