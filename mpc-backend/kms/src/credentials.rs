//! The credentials file: which access key is which client of the cluster.
//!
//! ```toml
//! region = "us-east-1"
//! listen = "127.0.0.1:4599"        # or "unix:/run/counterfoil/kms.sock"
//!
//! [[credential]]
//! access_key_id = "AKIAIOSFODNN7EXAMPLE"
//! secret_access_key = "…"
//! config = "client.toml"           # relative paths start at this file's folder
//! client = "billing"               # the name that the client was enrolled with
//! token = "demo"
//! pin_file = "pin"
//!
//! [tls]                            # optional: HTTPS instead of HTTP
//! certificate = "kms.pem"          # with the chain
//! key = "kms.key"
//!
//! [kubernetes]                     # optional: a KMS v2 plugin
//! socket = "/run/counterfoil/kubernetes.sock"
//! access_key_id = "AKIAIOSFODNN7EXAMPLE"
//! key = "alias/kubernetes"
//! ```
//!
//! Whoever reads it can use the keys as these clients may, so nobody but its owner may read it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

/// The file, with absolute paths.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Part of every ARN and of every signature's scope.
    pub region: String,
    /// Where the AWS interface listens.
    pub listen: String,
    /// The access keys.
    #[serde(rename = "credential")]
    pub credentials: Vec<Credential>,
    /// For HTTPS.
    pub tls: Option<TlsFiles>,
    /// The plugin for Kubernetes.
    pub kubernetes: Option<Kubernetes>,
}

/// For HTTPS, PEM.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The agent's certificate, and those above it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// One access key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its public name.
    pub access_key_id: String,
    /// What its owner signs with.
    #[serde(deserialize_with = "secret")]
    pub secret_access_key: Zeroizing<String>,
    /// The client's configuration, which names its identity.
    pub config: PathBuf,
    /// The name that the client was enrolled with, for what is shown. The nodes know it themselves.
    pub client: String,
    /// Label of the token whose keys it is about.
    pub token: String,
    /// A file with the user's PIN as its first line.
    pub pin_file: PathBuf,
}

/// The plugin for Kubernetes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Where it listens.
    pub socket: PathBuf,
    /// As which access key's client it asks.
    pub access_key_id: String,
    /// The key, by any of its names.
    pub key: String,
}

impl Settings {
    /// Reads the file and checks what can be checked without the cluster.
    ///
    /// # Errors
    /// One line that says what to mend.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = secret_file(path)?;
        let wrong = |why: String| format!("{}: {why}", path.display());
        // The parser's own text quotes the line, which may hold a secret.
        let mut settings: Self = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !plain(&settings.region) {
            return Err(wrong("region holds letters, digits and hyphens, such as us-east-1".into()));
        }
        if settings.credentials.is_empty() {
            return Err(wrong("there is no [[credential]]".into()));
        }
        let mut known: Vec<&str> = Vec::new();
        for credential in &settings.credentials {
            let id = credential.access_key_id.as_str();
            if !(16..=128).contains(&id.len()) || !plain(id) {
                return Err(wrong(format!("access_key_id {id:?} is not of 16 to 128 letters and digits")));
            }
            if credential.secret_access_key.len() < SECRET_BYTES_MIN {
                return Err(wrong(format!(
                    "the secret of {id} has fewer than {SECRET_BYTES_MIN} characters"
                )));
            }
            if known.contains(&id) {
                return Err(wrong(format!("access_key_id {id} stands twice")));
            }
            known.push(id);
        }
        if let Some(plugin) = &settings.kubernetes
            && !known.contains(&plugin.access_key_id.as_str())
        {
            return Err(wrong("kubernetes.access_key_id is no access key of this file".into()));
        }
        if let Some(files) = &mut settings.tls {
            files.certificate = folder.join(&files.certificate);
            files.key = folder.join(&files.key);
            secret_file(&files.key)?;
        }
        for credential in &mut settings.credentials {
            credential.config = folder.join(&credential.config);
            credential.pin_file = folder.join(&credential.pin_file);
        }
        Ok(settings)
    }
}

impl Credential {
    /// The user's PIN.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn pin(&self) -> Result<Zeroizing<String>, String> {
        let text = secret_file(&self.pin_file)?;
        Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// A file that its owner alone may read.
fn secret_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let about = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if about.mode() & 0o077 != 0 {
        return Err(wrong(format!("others can read it (mode {:o}): chmod 600", about.mode() & 0o777)));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| wrong(error.to_string()))
}

/// Shortest secret that nobody guesses.
const SECRET_BYTES_MIN: usize = 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const GOOD: &str = "region = 'us-east-1'\nlisten = '127.0.0.1:0'\n[[credential]]\naccess_key_id = 'AKIAIOSFODNN7EXAMPLE'\nsecret_access_key = 'wJalrXUtnFEMIK7MDENG'\nconfig = 'client.toml'\nclient = 'a'\ntoken = 'demo'\npin_file = 'pin'\n";

    fn load(text: &str, mode: u32) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kms.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Settings::load(&path).inspect(|settings| {
            assert_eq!(settings.credentials.first().unwrap().config, folder.path().join("client.toml"));
        })
    }

    #[test]
    fn only_the_owner_may_read_it() {
        load(GOOD, 0o600).unwrap();
        for mode in [0o640, 0o604, 0o666] {
            assert!(load(GOOD, mode).err().unwrap().contains("chmod 600"));
        }
    }

    #[test]
    fn no_complaint_quotes_a_secret() {
        let bad = [
            GOOD.replace("'us-east-1'", "'us east'"),
            GOOD.replace("secret_access_key = '", "secret_access_key = ''"),
            GOOD.replace("secret_access_key", "secret"),
            GOOD.replace("wJalrXUtnFEMIK7MDENG", "wJalrX"),
            GOOD.replace("AKIAIOSFODNN7EXAMPLE", "AKIA"),
            format!("{GOOD}{}", GOOD.split_once("\n[").map(|(_, rest)| format!("[{rest}")).unwrap()),
            format!("{GOOD}[kubernetes]\nsocket = '/s'\naccess_key_id = 'other'\nkey = 'alias/k'\n"),
        ];
        for text in bad {
            let complaint = load(&text, 0o600).err().unwrap();
            assert!(!complaint.contains("wJalrX"), "{complaint}");
        }
    }
}
