//! Files that the ceremony writes: always new, and readable by their owner alone where secret.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use proto::manifest::Manifest;

use crate::cli::failure::Failure;

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Mode 0600.
    Owner,
    /// Mode 0644.
    All,
}

/// Writes a file that must not exist yet.
pub fn create(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|error| {
            Failure::file(path, error, "it is never overwritten: move it away or choose another place")
        })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::file(path, error, "check space and rights of the folder"))
}

/// Replaces a file at once: readers see the old bytes or the new ones.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    let _ = fs::remove_file(&beside);
    create(&beside, bytes, readers)?;
    fs::rename(&beside, path).map_err(|error| Failure::file(path, error, "check the rights of the folder"))
}

/// Makes a folder for secrets: mode 0700 if it is new.
pub fn folder(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Failure::file(path, error, "check the rights of the folder above"))
}

/// Reads and checks a manifest.
pub fn manifest(path: &Path) -> Result<Manifest, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::file(path, error, "give the manifest that `counterfoil cluster manifest` wrote")
    })?;
    Manifest::from_toml(&text)
        .map_err(|error| Failure::file(path, error, "take the manifest that all operators compared"))
}

/// The path as another process, with another working folder, can open it.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::file(path, error, "give a path"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secret_file_is_for_its_owner_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        create(&path, b"one", Readers::Owner).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(create(&path, b"two", Readers::Owner).unwrap_err().exit_code(), 2);
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn missing_manifest_is_named() {
        let failure = manifest(Path::new("/nowhere/manifest.toml")).unwrap_err();
        assert!(failure.to_string().starts_with("/nowhere/manifest.toml: "), "{failure}");
    }
}
