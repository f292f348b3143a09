//! A SoftHSM token for the length of a run: the same harness measures it beside ours.

use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};

use crate::application::Target;

/// A token of its own in a folder of its own; gone when dropped.
pub struct SoftHsm {
    folder: tempfile::TempDir,
}

impl SoftHsm {
    /// Initialises the token with Debian's `softhsm2-util`.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tokens = folder.path().join("tokens");
        std::fs::create_dir(&tokens)?;
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(folder.path().join("softhsm2.conf"), config)?;
        let softhsm = Self { folder };
        let output = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", TOKEN, "--so-pin", PIN, "--pin", PIN])
            .env("SOFTHSM2_CONF", softhsm.config())
            .output()
            .context("softhsm2-util (Debian package softhsm2)")?;
        ensure!(output.status.success(), "softhsm2-util: {}", String::from_utf8_lossy(&output.stderr));
        Ok(softhsm)
    }

    /// The token for an application.
    pub fn target(&self) -> Result<Target> {
        let module = MODULES
            .iter()
            .find(|path| std::path::Path::new(path).is_file())
            .ok_or_else(|| anyhow!("no libsofthsm2.so"))?;
        Ok(Target {
            module: (*module).to_owned(),
            token: TOKEN.into(),
            pin: PIN.into(),
            environment: vec![("SOFTHSM2_CONF".into(), self.config())],
        })
    }

    fn config(&self) -> String {
        self.folder.path().join("softhsm2.conf").display().to_string()
    }
}

const TOKEN: &str = "soft";
const PIN: &str = "123456";
const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
