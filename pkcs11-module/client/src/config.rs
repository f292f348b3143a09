//! The module's configuration: `client.toml`, which `COUNTERFOIL_CONFIG` points at, or in one of the places that need no variable.
//!
//! ```toml
//! manifest = "cluster.toml"     # relative paths start at this file's folder
//! identity = "client.key"
//! deadline_ms = 5000            # optional
//! rsa_pkcs1_decryption = false  # optional; true if the nodes allow it and an application needs it
//! rsa_raw = false               # optional; CKM_RSA_X_509, the same
//! log = "counterfoil.log"       # optional
//! log_level = "warn"            # optional: error, warn, info, debug
//! ```
//!
//! and `[[token]]` as [`crate::view`] has it. Several clusters: several files, with `:` between them.
//!
//! Every refusal is one line with the file, the key and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::manifest::Manifest;
use serde::Deserialize;
use token::backend::RsaPolicy;

use crate::identity::Identity;
use crate::log::Level;
use crate::view::{View, ViewToml};

/// Everything that a cluster client needs to start; nothing has been connected yet.
pub struct Config {
    /// The checked genesis manifest.
    pub manifest: Manifest,
    /// Who we are on every connection.
    pub identity: Identity,
    /// How long one call may take.
    pub deadline: Duration,
    /// Where log records go; nowhere when absent and `COUNTERFOIL_LOG` is not set.
    pub log: Option<PathBuf>,
    /// The least severe level that is written.
    pub log_level: Level,
    /// Whether `CKM_RSA_PKCS` decrypts. The nodes have a say of their own.
    pub rsa: RsaPolicy,
    /// How this application sees tokens.
    pub views: Vec<View>,
}

/// A configuration that was refused: one line that names file, key and remedy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    file: PathBuf,
    key: String,
    problem: String,
    remedy: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}; {}", self.file.display(), self.key, self.problem, self.remedy)
    }
}

impl ConfigError {
    /// A refusal of `key` in `file`. Line breaks inside the texts become spaces.
    pub fn new(
        file: &Path,
        key: impl Into<String>,
        problem: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        let problem = problem.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { file: file.into(), key: key.into(), problem, remedy: remedy.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientToml {
    manifest: PathBuf,
    identity: PathBuf,
    deadline_ms: Option<u64>,
    log: Option<PathBuf>,
    log_level: Option<String>,
    #[serde(default)]
    rsa_pkcs1_decryption: bool,
    #[serde(default)]
    rsa_raw: bool,
    #[serde(default)]
    token: Vec<ViewToml>,
}

impl Config {
    /// Reads the files that `parameters` name, the `pReserved` string of `C_Initialize`, or else those that
    /// `COUNTERFOIL_CONFIG` names: one a cluster, at least one; or else [`Self::in_its_place`]. The string is `counterfoil:config=PATH`, with more
    /// `;config=PATH` for more clusters; one that does not begin with `counterfoil:` is for somebody else.
    ///
    /// # Errors
    /// When nothing is named, and as [`Self::load`].
    pub fn all(parameters: Option<&str>) -> Result<Vec<Self>, ConfigError> {
        let Some(ours) = parameters.and_then(|text| text.strip_prefix(PARAMETERS_PREFIX)) else {
            return named()?.iter().map(|path| Self::load(path)).collect();
        };
        let path = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if name.trim() == "config" && !value.is_empty() {
                return Self::load(Path::new(value));
            }
            let remedy = "write counterfoil:config=PATH;config=PATH";
            Err(ConfigError::new(Path::new("pReserved"), name.trim(), "is no parameter of ours", remedy))
        };
        ours.split(';').map(path).collect()
    }

    /// The first that is there of `~/.config/counterfoil/client.toml` and `/etc/counterfoil/client.toml`: for applications
    /// that get no variable and pass no string, as GnuTLS's tools when p11-kit loads the library for them.
    #[must_use]
    pub fn in_its_place() -> Option<PathBuf> {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let own = home.map(|home| Path::new(&home).join(".config/counterfoil/client.toml"));
        own.into_iter().chain([PathBuf::from(SYSTEM_FILE)]).find(|path| path.is_file())
    }

    /// Reads and checks `path` and the files that it names.
    ///
    /// # Errors
    /// One line that names the file, the key in it and the remedy.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let remedy = format!("let {CONFIG_VARIABLE} name a client.toml that this process may read");
            ConfigError::new(path, "file", error, remedy)
        })?;
        let raw: ClientToml = toml::from_str(&text).map_err(|error| syntax_error(path, &text, &error))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let manifest = load_manifest(&folder.join(&raw.manifest), path)?;
        let identity = Identity::load(&folder.join(&raw.identity))?;
        let deadline_ms = raw.deadline_ms.unwrap_or(DEADLINE_MS_DEFAULT);
        if !DEADLINE_MS.contains(&deadline_ms) {
            let remedy = format!("use {} to {} milliseconds", DEADLINE_MS.start(), DEADLINE_MS.end());
            return Err(ConfigError::new(
                path,
                "deadline_ms",
                format!("{deadline_ms} is out of range"),
                remedy,
            ));
        }
        let log_level = match raw.log_level {
            None => Level::Warn,
            Some(name) => Level::from_name(&name).ok_or_else(|| {
                let problem = format!("there is no level {name:?}");
                ConfigError::new(path, "log_level", problem, "use error, warn, info or debug")
            })?,
        };
        Ok(Self {
            manifest,
            identity,
            deadline: Duration::from_millis(deadline_ms),
            log: raw.log.map(|log| folder.join(log)),
            log_level,
            rsa: RsaPolicy { pkcs1_decryption: raw.rsa_pkcs1_decryption, raw: raw.rsa_raw },
            views: raw
                .token
                .into_iter()
                .map(|view| View::read(view, folder, path))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn named() -> Result<Vec<PathBuf>, ConfigError> {
    if let Some(value) = std::env::var_os(CONFIG_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(std::env::split_paths(&value).collect());
    }
    Config::in_its_place().map(|path| vec![path]).ok_or_else(|| {
        let remedy =
            format!("set {CONFIG_VARIABLE} to the path of client.toml, or put that at {SYSTEM_FILE}");
        ConfigError::new(Path::new("environment"), CONFIG_VARIABLE, "is not set", remedy)
    })
}

fn load_manifest(path: &Path, config: &Path) -> Result<Manifest, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let remedy =
            format!("put the cluster's manifest there, or correct `manifest` in {}", config.display());
        ConfigError::new(path, "manifest", error, remedy)
    })?;
    Manifest::from_toml(&text).map_err(|error| {
        ConfigError::new(path, "manifest", error, "copy the manifest of the set-up ceremony here unchanged")
    })
}

/// toml's own message spans several lines; ours names the line of the file instead.
fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    let remedy = "the keys are manifest, identity, deadline_ms, log, log_level, rsa_pkcs1_decryption and rsa_raw, and [[token]]";
    ConfigError::new(path, format!("line {line}"), error.message(), remedy)
}

/// Begins a `pReserved` string that is for us.
const PARAMETERS_PREFIX: &str = "counterfoil:";
/// Names the configuration file.
pub const CONFIG_VARIABLE: &str = "COUNTERFOIL_CONFIG";
const SYSTEM_FILE: &str = "/etc/counterfoil/client.toml";
/// Deadline of a call when the file names none (design section 6).
const DEADLINE_MS_DEFAULT: u64 = 5_000;
const DEADLINE_MS: std::ops::RangeInclusive<u64> = 100..=600_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_key(&folder.path().join("client.key"), &"07".repeat(32), 0o600);
        let manifest = crate::testing::manifest(&[[1; 32], [2; 32], [3; 32]], &["a:1", "b:1", "c:1"]);
        std::fs::write(folder.path().join("cluster.toml"), manifest.to_toml()).unwrap();
        folder
    }

    fn write_key(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(folder: &tempfile::TempDir, more: &str) -> Result<Config, ConfigError> {
        let path = folder.path().join("client.toml");
        std::fs::write(&path, format!("manifest = \"cluster.toml\"\nidentity = \"client.key\"\n{more}\n"))
            .unwrap();
        Config::load(&path)
    }

    fn refusal(folder: &tempfile::TempDir, more: &str) -> String {
        let line = load(folder, more).err().unwrap().to_string();
        assert!(!line.contains('\n'), "{line:?} is not one line");
        line
    }

    #[test]
    fn relative_paths_start_at_the_config_file() {
        let folder = folder();
        let config = load(&folder, "log = \"x.log\"\nlog_level = \"debug\"\ndeadline_ms = 700").unwrap();
        assert_eq!(config.log, Some(folder.path().join("x.log")));
        assert_eq!((config.deadline, config.log_level), (Duration::from_millis(700), Level::Debug));
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named_with_a_remedy() {
        let folder = folder();
        let line = refusal(&folder, "surprise = 1");
        assert!(
            line.contains("line 3") && line.contains("surprise") && line.contains("client.toml"),
            "{line}"
        );
        let line = refusal(&folder, "deadline_ms = 5");
        assert!(line.contains("deadline_ms") && line.contains("100 to 600000"), "{line}");
        let line = refusal(&folder, "log_level = \"loud\"");
        assert!(line.contains("log_level") && line.contains("error, warn, info or debug"), "{line}");
    }

    #[test]
    fn identity_that_others_may_read_is_refused() {
        let folder = folder();
        let key = folder.path().join("client.key");
        write_key(&key, &"07".repeat(32), 0o640);
        let line = refusal(&folder, "");
        assert!(line.contains("client.key") && line.contains("chmod 600"), "{line}");
        write_key(&key, "0707", 0o600);
        assert!(refusal(&folder, "").contains("64 hex digits"));
    }

    #[test]
    fn parameters_name_one_file_a_cluster() {
        let folder = folder();
        load(&folder, "").unwrap();
        let path = folder.path().join("client.toml").display().to_string();
        let two = format!("counterfoil:config={path};config={path}");
        assert_eq!(Config::all(Some(&two)).unwrap().len(), 2);
        let line = Config::all(Some("counterfoil:configuration=x")).err().unwrap().to_string();
        assert!(line.contains("pReserved: configuration") && line.contains("config=PATH"), "{line}");
        assert!(Config::all(Some("counterfoil:")).is_err());
    }

    #[test]
    fn missing_files_are_named() {
        let folder = folder();
        std::fs::remove_file(folder.path().join("cluster.toml")).unwrap();
        assert!(refusal(&folder, "").contains("cluster.toml: manifest"));
        let line = Config::load(&folder.path().join("absent.toml")).err().unwrap().to_string();
        assert!(line.contains("absent.toml") && line.contains(CONFIG_VARIABLE));
    }
}
