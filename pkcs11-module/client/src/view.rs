//! How this application sees a token: `[[token]]` of `client.toml`.
//!
//! ```toml
//! [[token]]
//! label = "web"               # of all tokens without it
//! hide_keys = ["secp256k1"]   # optional: EC, EC_EDWARDS, EC_MONTGOMERY, RSA, or a curve by its name
//! bare_ec_points = true       # optional: CKA_EC_POINT without DER around it
//! pin_file = "web.pin"        # optional, or pin_env = "WEB_PIN": for services that cannot ask
//! ```

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use token::backend::{BackendError, BackendResult, KeyKind};
use zeroize::Zeroizing;

use crate::config::ConfigError;

/// One `[[token]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    label: Option<String>,
    hidden: Vec<KeyKind>,
    bare_ec_points: bool,
    pin: Option<PinSource>,
}

/// Where the user's PIN is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PinSource {
    File(PathBuf),
    Variable(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViewToml {
    label: Option<String>,
    #[serde(default)]
    hide_keys: Vec<String>,
    #[serde(default)]
    bare_ec_points: bool,
    pin_file: Option<PathBuf>,
    pin_env: Option<String>,
}

impl View {
    /// Checks what the file says; its paths start at `folder`.
    pub(crate) fn read(raw: ViewToml, folder: &Path, file: &Path) -> Result<Self, ConfigError> {
        let refuse = |key: &str, problem: String, remedy: &str| ConfigError::new(file, key, problem, remedy);
        let kind = |name: &String| {
            KeyKind::from_name(name).ok_or_else(|| {
                let remedy = "use EC, EC_EDWARDS, EC_MONTGOMERY, RSA, or a curve's name such as P-256";
                refuse("hide_keys", format!("there are no keys {name:?}"), remedy)
            })
        };
        let hidden = raw.hide_keys.iter().map(kind).collect::<Result<_, _>>()?;
        let pin = match (raw.pin_file, raw.pin_env) {
            (None, None) => None,
            (Some(path), None) => Some(PinSource::File(folder.join(path))),
            (None, Some(name)) => Some(PinSource::Variable(name)),
            (Some(_), Some(_)) => {
                return Err(refuse("pin_file", "pin_env is there too".into(), "keep one of the two"));
            }
        };
        Ok(Self { label: raw.label, hidden, bare_ec_points: raw.bare_ec_points, pin })
    }

    /// Whether it is about a token with this blank-padded label.
    pub(crate) fn is_of(&self, label: &[u8; 32]) -> bool {
        self.label.as_ref().is_none_or(|wanted| wanted.as_bytes() == label.trim_ascii_end())
    }

    pub(crate) fn hidden(&self) -> &[KeyKind] {
        &self.hidden
    }

    pub(crate) fn has_bare_points(&self) -> bool {
        self.bare_ec_points
    }

    pub(crate) fn has_pin(&self) -> bool {
        self.pin.is_some()
    }

    /// The PIN, if there is a source of it. A file that others may read is refused.
    pub(crate) fn pin(&self) -> BackendResult<Option<Zeroizing<Vec<u8>>>> {
        let refuse = |text: String| BackendError::Configuration(text);
        match &self.pin {
            None => Ok(None),
            Some(PinSource::Variable(name)) => match std::env::var(name) {
                Ok(pin) => Ok(Some(Zeroizing::new(pin.into_bytes()))),
                Err(_) => Err(refuse(format!("pin_env: {name} is not set; set it to the user's PIN"))),
            },
            Some(PinSource::File(path)) => read_pin(path)
                .map(Some)
                .map_err(|problem| refuse(format!("pin_file: {}: {problem}", path.display()))),
        }
    }
}

fn read_pin(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mode = file.metadata().map_err(|error| error.to_string())?.mode();
    if mode & 0o077 != 0 {
        return Err(format!("mode {:o} lets others read the PIN; run `chmod 600`", mode & 0o777));
    }
    // One allocation with room to spare, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * PIN_FILE_BYTES_MAX as usize));
    file.take(PIN_FILE_BYTES_MAX).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_vec()))
}

const PIN_FILE_BYTES_MAX: u64 = 512;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn view(text: &str, folder: &Path) -> Result<View, ConfigError> {
        View::read(toml::from_str(text).unwrap(), folder, Path::new("client.toml"))
    }

    #[test]
    fn a_view_is_of_its_label_or_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let padded = |text: &str| {
            let mut label = [b' '; 32];
            label[..text.len()].copy_from_slice(text.as_bytes());
            label
        };
        let web = view("label = \"web\"\nhide_keys = [\"RSA\", \"P-384\"]", folder.path()).unwrap();
        assert!(web.is_of(&padded("web")) && !web.is_of(&padded("webs")));
        assert_eq!(web.hidden().len(), 2);
        assert!(view("", folder.path()).unwrap().is_of(&padded("any")));
        let line = view("hide_keys = [\"DSA\"]", folder.path()).unwrap_err().to_string();
        assert!(line.contains("hide_keys") && line.contains("DSA"), "{line}");
    }

    #[test]
    fn a_pin_file_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pin");
        std::fs::write(&file, "123456\nrest").unwrap();
        let view = view("pin_file = \"pin\"", folder.path()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(view.pin().unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(view.pin().unwrap().unwrap().as_slice(), b"123456");
    }

    #[test]
    fn a_pin_has_one_source_or_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(view("pin_file = \"a\"\npin_env = \"B\"", folder.path()).is_err());
        assert_eq!(view("", folder.path()).unwrap().pin(), Ok(None));
        let unset = view("pin_env = \"COUNTERFOIL_NOT_SET\"", folder.path()).unwrap();
        assert!(unset.pin().unwrap_err().to_string().contains("COUNTERFOIL_NOT_SET"));
    }
}
