//! Identity keys on disk: one line of 64 hex digits, the seed of an Ed25519 key (RFC 8032), in a
//! file that only its owner can read. Nodes, operators and clients use the same form.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

/// Why a key file was refused. The messages name the file and the remedy, never its contents.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It exists already: a key is never overwritten.
    #[error("{} exists already: keys are never overwritten", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// Others than the owner may read it.
    #[error("{} may be read by others (mode {mode:03o}): chmod 600 it, and replace the key if others had access", path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not one line of 64 hex digits.
    #[error("{} is not one line of 64 hex digits", .0.display())]
    Syntax(PathBuf),
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Makes a fresh key from the kernel's randomness and writes it to a new file of mode 0600, synced.
pub fn create(path: &Path) -> Result<SigningKey, IdentityError> {
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(seed.as_mut());
    let line = Zeroizing::new(hex::encode(*seed) + "\n");
    write_private(path, line.as_bytes())?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Reads a key file.
pub fn read(path: &Path) -> Result<SigningKey, IdentityError> {
    // A longer file is refused, so that a wrong path does not read a device for ever.
    let text = read_private(path, LINE_BYTES_MAX)?.ok_or_else(|| IdentityError::Syntax(path.into()))?;
    let mut seed = Zeroizing::new([0; 32]);
    let digits = text.strip_suffix(b"\n").unwrap_or(&text);
    hex::decode_to_slice(digits, seed.as_mut()).map_err(|_| IdentityError::Syntax(path.into()))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Writes a secret to a new file of mode 0600 and syncs it.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), IdentityError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists(path.into()),
        _ => IdentityError::Io { path: path.into(), source },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(contents).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads a secret of at most `bytes_max` bytes from a file that only its owner may read; `None` when
/// the file is longer.
pub fn read_private(path: &Path, bytes_max: usize) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => IdentityError::Missing(path.into()),
        _ => IdentityError::Io { path: path.into(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(IdentityError::Exposed { path: path.into(), mode });
    }
    // Room for all of it at once: a growing buffer would leave copies behind.
    let mut contents = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    file.take(bytes_max as u64 + 1).read_to_end(&mut contents).map_err(failed)?;
    Ok((contents.len() <= bytes_max).then_some(contents))
}

/// 64 digits and a line end.
const LINE_BYTES_MAX: usize = 65;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn created_key_reads_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        let key = create(&path).unwrap();
        assert_eq!(read(&path).unwrap().verifying_key(), key.verifying_key());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn existing_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        let key = create(&path).unwrap();
        assert!(matches!(create(&path), Err(IdentityError::Exists(_))));
        assert_eq!(read(&path).unwrap().verifying_key(), key.verifying_key());
    }

    #[test]
    fn key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        create(&path).unwrap();
        for mode in [0o640, 0o604, 0o644] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read(&path), Err(IdentityError::Exposed { .. })));
        }
    }

    #[test]
    fn anything_but_64_hex_digits_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let texts = [
            String::new(),
            "\n".into(),
            "ab".repeat(31),
            "ab".repeat(33),
            "zz".repeat(32),
            "ab".repeat(32) + "\n\n",
        ];
        for (number, text) in texts.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            write_private(&path, text.as_bytes()).unwrap();
            assert!(matches!(read(&path), Err(IdentityError::Syntax(_))), "{text:?}");
        }
        assert!(matches!(read(&folder.path().join("none")), Err(IdentityError::Missing(_))));
    }
}
