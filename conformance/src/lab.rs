//! The cluster behind the tests that need one.
//!
//! `conformance/run` starts one lab for all tests and names it in the environment. A test that is run alone starts its
//! own with the `counterfoil` command of the same build, and stops it when the process ends.
//!
//! The environment can also name another library's token, which has no cluster behind it: [`foreign`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{dead, module};

/// Whether the library is not ours: the environment names it and a token of it, and no configuration of a client.
pub fn foreign() -> bool {
    let named = |name| std::env::var_os(name).is_some();
    named("PKCS11_MODULE") && named("COUNTERFOIL_TEST_TOKEN") && !named("COUNTERFOIL_TEST_CONFIG")
}

/// Whether a test has nothing to ask of this library, because it is about something that only ours has. Says so in the
/// test's output, which [`crate::suites::chapters`] reads.
pub fn skipped(what: &str) -> bool {
    let skipped = foreign();
    if skipped {
        println!("{SKIPPED}it is about {what}");
    }
    skipped
}

/// What a test that skips itself says first.
pub const SKIPPED: &str = "skipped: ";

/// What a test needs to know of a cluster.
#[derive(Debug, Clone)]
pub struct Lab {
    /// Label of an initialised token.
    pub token: String,
    /// PIN of its security officer.
    pub so_pin: String,
    /// PIN of its user.
    pub pin: String,
    config: PathBuf,
}

impl Lab {
    /// A lab that other tests use at the same time: change nothing that they rely on.
    pub fn shared() -> Self {
        let lab = Self::from_environment().unwrap_or_else(|| Self::own().clone());
        dead::configure(lab.config.clone());
        lab
    }

    /// A lab of this process alone, for tests that change PINs or wipe the token.
    pub fn private() -> Self {
        let lab = match std::env::var_os("COUNTERFOIL_TEST_PRIVATE") {
            Some(_) => {
                Self::from_environment().expect("COUNTERFOIL_TEST_PRIVATE goes with a lab in the environment")
            }
            None if foreign() => Self::shared(),
            None => Self::own().clone(),
        };
        dead::configure(lab.config.clone());
        lab
    }

    /// A configuration of its own for the same client, with more lines.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn config_with(&self, name: &str, lines: &str) -> PathBuf {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let path = self.config.with_file_name(format!("{name}-{}.toml", std::process::id()));
        std::fs::write(&path, format!("{text}\n{lines}\n")).unwrap();
        path
    }

    /// The client's configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Kills a node and starts it again, and waits until it serves.
    ///
    /// # Panics
    /// If it does not.
    pub fn restart_node(&self, node: u8) {
        // The lab's own layout: its folder has the client's.
        let folder = self.config.ancestors().nth(2).expect("the configuration is in the lab's folder");
        for verb in ["kill", "start"] {
            let output = Command::new(counterfoil())
                .args(["lab", verb, &node.to_string(), "--dir"])
                .arg(folder)
                .output()
                .expect("the command line starts");
            assert!(output.status.success(), "lab {verb}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    fn from_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        Some(Self {
            token: variable("COUNTERFOIL_TEST_TOKEN")?,
            so_pin: variable("COUNTERFOIL_TEST_SO_PIN")?,
            pin: variable("COUNTERFOIL_TEST_PIN")?,
            config: variable("COUNTERFOIL_TEST_CONFIG").or_else(|| foreign().then(String::new))?.into(),
        })
    }

    fn own() -> &'static Self {
        static OWN: OnceLock<Lab> = OnceLock::new();
        OWN.get_or_init(Self::up)
    }

    fn up() -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let (token, so_pin, pin) = ("conformance", "so-pin-123456", "user-pin-654321");
        *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.clone());
        // SAFETY: registers a function without arguments.
        unsafe { libc::atexit(down) };
        let output = Command::new(counterfoil())
            .args(["lab", "up", "--token", token, "--so-pin", so_pin, "--pin", pin, "--dir"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "lab up: {}", String::from_utf8_lossy(&output.stderr));
        let exports = String::from_utf8(output.stdout).unwrap();
        let config = exports
            .lines()
            .find_map(|line| line.strip_prefix("export COUNTERFOIL_CONFIG="))
            .expect("lab up exports COUNTERFOIL_CONFIG")
            .trim_matches('\'');
        Self { token: token.into(), so_pin: so_pin.into(), pin: pin.into(), config: config.into() }
    }
}

/// Stops the lab of this process, in this process only: a child of `fork` leaves by `_exit`.
extern "C" fn down() {
    if let Some(folder) = FOLDER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = Command::new(counterfoil()).args(["lab", "down", "--dir"]).arg(&folder).output();
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn counterfoil() -> PathBuf {
    let path = module::built("counterfoil");
    assert!(path.exists(), "{} is missing: run `cargo build -p mpc-backend --bins`", path.display());
    path
}

static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);
