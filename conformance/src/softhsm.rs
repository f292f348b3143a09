//! A SoftHSM token for the length of a test: what we are compared with.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A token of its own in a folder of its own; gone when dropped.
pub struct SoftHsm {
    /// The library.
    pub module: PathBuf,
    folder: TempDir,
}

impl SoftHsm {
    /// Initialises the token with Debian's `softhsm2-util`.
    ///
    /// # Errors
    /// If the library or the tool of package `softhsm2` is not there, or does not work.
    pub fn new() -> Result<Self> {
        let module = MODULES.iter().find(|path| Path::new(path).is_file());
        let module = module.ok_or_else(|| Error::other("no libsofthsm2.so"))?.into();
        let folder = tempfile::tempdir()?;
        let tokens = folder.path().join("tokens");
        std::fs::create_dir(&tokens)?;
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(folder.path().join("softhsm2.conf"), config)?;
        let softhsm = Self { module, folder };
        let output = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                Self::TOKEN,
                "--so-pin",
                Self::SO_PIN,
                "--pin",
                Self::PIN,
            ])
            .envs(softhsm.environment())
            .output()?;
        match output.status.success() {
            true => Ok(softhsm),
            false => Err(Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }

    /// What the library needs in the environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![("SOFTHSM2_CONF".into(), self.folder.path().join("softhsm2.conf").display().to_string())]
    }

    /// Label of the token.
    pub const TOKEN: &str = "soft";
    /// PIN of its user.
    pub const PIN: &str = "123456";
    /// PIN of its security officer.
    pub const SO_PIN: &str = "officer-123456";
}

const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
