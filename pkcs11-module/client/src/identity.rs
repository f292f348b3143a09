//! An Ed25519 identity read from a key file: a client's or an operator's.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::config::ConfigError;

/// Who we are on a connection. The key is wiped on drop and never printed.
pub struct Identity(SigningKey);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Identity {
    /// The identity of a 32-byte Ed25519 seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a key file: one line of 64 hex digits, readable by its owner alone.
    ///
    /// # Errors
    /// One line that names the file and the remedy.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let refuse = |problem: &dyn fmt::Display, remedy: String| {
            Err(ConfigError::new(path, "identity", problem, remedy))
        };
        let unreadable = |error: &std::io::Error| {
            refuse(error, "name the key file of an enrolled client that this process may read".into())
        };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return unreadable(&error),
        };
        let metadata = match file.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return unreadable(&error),
        };
        if metadata.mode() & 0o077 != 0 {
            let problem = format!("mode {:o} lets others read the key", metadata.mode() & 0o777);
            return refuse(&problem, format!("run `chmod 600 {}`", path.display()));
        }
        // One allocation with room to spare, so that growing leaves no copy of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_FILE_BYTES_MAX));
        let limit = KEY_FILE_BYTES_MAX as u64 + 1;
        if let Err(error) = file.by_ref().take(limit).read_to_string(&mut text) {
            return unreadable(&error);
        }
        let mut seed = Zeroizing::new([0; 32]);
        match hex::decode_to_slice(text.trim_ascii(), seed.as_mut_slice()) {
            Ok(()) => Ok(Self::from_seed(&seed)),
            Err(_) => refuse(&"is not a key", "the file must hold one line of 64 hex digits".into()),
        }
    }

    /// The public key: how nodes and registry know us.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The key, to sign a statement.
    pub fn key(&self) -> &SigningKey {
        &self.0
    }
}

/// 64 digits and a line end, with some room for blanks.
const KEY_FILE_BYTES_MAX: usize = 80;
