//! The lab's KMS agent: a client of its own, an access key for it, and the process.

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::terminal::tell;
use crate::cli::{client, keys};
use crate::lab::ca;
use crate::lab::export::line;
use crate::lab::layout::Lab;
use crate::lab::ports;
use crate::lab::process::{KMS_CONFIG, POLL};
use crate::lab::up::{self, WantedToken};

/// Starts the agent, or finds it running, and says what programs need: lines for a shell.
///
/// The access key is made once; a second call with another port, or the other choice of `tls`, moves the agent there.
pub fn up(
    lab: &Lab,
    binary: &Path,
    token: &WantedToken,
    port: u16,
    tls: bool,
) -> Result<Vec<String>, Failure> {
    let folder = lab.kms_folder();
    let path = folder.join(KMS_CONFIG);
    if !path.exists() {
        // What an interrupted call left is in the way of new keys.
        let _ = std::fs::remove_dir_all(&folder);
        let key = client::init(&folder)?;
        client::configure(&folder, &lab.manifest_path(), None, Some(&folder.join("client.log")))?;
        up::enrol(lab, &lab.operator_keys()?, &key, CLIENT)?;
        files::create(&folder.join(PIN), token.pin.as_bytes(), Readers::Owner)?;
        files::create(&path, credentials(&token.label)?.as_bytes(), Readers::Owner)?;
    } else {
        up::enrol(lab, &lab.operator_keys()?, &keys::read(&folder.join(keys::CLIENT_KEY))?, CLIENT)?;
    }
    let text = Zeroizing::new(
        std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, error, "remove the folder"))?,
    );
    let mut settings: toml::Table =
        toml::from_str(&text).map_err(|error| Failure::file(&path, error.message(), "remove the folder"))?;
    let process = lab.kms();
    let running = process.running().is_some();
    let free = match port {
        0 => ports::free(1)?.first().copied().unwrap_or_default(),
        port => port,
    };
    let listen = format!("{}:{free}", Ipv4Addr::LOCALHOST);
    let same = settings.get("listen").and_then(toml::Value::as_str).map(str::to_owned);
    let listen = match same {
        // Where it runs already will do if no port was asked for.
        Some(same) if running && settings.contains_key(TLS) == tls && (port == 0 || same == listen) => same,
        _ => {
            if running {
                up::stop(std::slice::from_ref(&process));
            }
            settings.insert("listen".into(), listen.clone().into());
            settings.remove(TLS);
            if tls {
                if !folder.join(ca::CA).exists() {
                    ca::create(&folder)?;
                }
                let names = [("certificate", ca::CERTIFICATE), ("key", ca::KEY)];
                let files = names.map(|(name, file)| (name.to_owned(), file.into()));
                settings.insert(TLS.into(), toml::Table::from_iter(files).into());
            }
            files::replace(&path, settings.to_string().as_bytes(), Readers::Owner)?;
            process.start(binary)?;
            tell(format!("KMS agent started, log {}", process.log().display()));
            listen
        }
    };
    let end = Instant::now() + SERVE_LIMIT;
    while TcpStream::connect(&listen).is_err() {
        if process.running().is_none() || Instant::now() >= end {
            return Err(Failure::refused(format!("the KMS agent: {}", process.why_it_died())));
        }
        std::thread::sleep(POLL);
    }
    Ok(lines(&settings, &listen, tls.then(|| folder.join(ca::CA))))
}

/// A new access key.
fn credentials(token: &str) -> Result<Zeroizing<String>, Failure> {
    let (mut id, mut secret) = ([0; 8], Zeroizing::new([0; 20]));
    OsRng
        .try_fill_bytes(&mut id)
        .and_then(|()| OsRng.try_fill_bytes(secret.as_mut_slice()))
        .map_err(|error| Failure::input(format!("kernel randomness: {error}")))?;
    let credential = toml::Table::from_iter([
        ("access_key_id".to_owned(), format!("AKIA{}", hex::encode_upper(id)).into()),
        ("secret_access_key".to_owned(), hex::encode(secret.as_slice()).into()),
        ("config".to_owned(), client::CLIENT_CONFIG.into()),
        ("client".to_owned(), CLIENT.into()),
        ("token".to_owned(), token.into()),
        ("pin_file".to_owned(), PIN.into()),
    ]);
    let settings = toml::Table::from_iter([
        ("region".to_owned(), REGION.into()),
        ("listen".to_owned(), "".into()),
        ("credential".to_owned(), toml::Value::Array(vec![credential.into()])),
    ]);
    Ok(Zeroizing::new(settings.to_string()))
}

/// What AWS's programs and libraries look for.
fn lines(settings: &toml::Table, listen: &str, ca: Option<PathBuf>) -> Vec<String> {
    let credential = settings.get("credential").and_then(|all| all.get(0));
    let text = |name: &str| credential.and_then(|one| one.get(name)?.as_str()).unwrap_or_default();
    let region = settings.get("region").and_then(toml::Value::as_str).unwrap_or(REGION);
    let endpoint = format!("{}://{listen}", if ca.is_some() { "https" } else { "http" });
    let mut lines = vec![
        line("AWS_ENDPOINT_URL_KMS", &endpoint),
        line("AWS_ENDPOINT_URL_STS", &endpoint),
        line("AWS_ACCESS_KEY_ID", text("access_key_id")),
        line("AWS_SECRET_ACCESS_KEY", text("secret_access_key")),
        line("AWS_REGION", region),
        line("AWS_DEFAULT_REGION", region),
    ];
    // Python's and the AWS CLI's alone. NODE_EXTRA_CA_CERTS and SSL_CERT_FILE are other programs' too, and may be set.
    lines.extend(ca.map(|ca| line("AWS_CA_BUNDLE", &ca.to_string_lossy())));
    lines
}

/// The agent's client, as it is enrolled and as policies name it.
const CLIENT: &str = "kms";
const PIN: &str = "pin";
/// The table of the settings that makes it HTTPS.
const TLS: &str = "tls";
const REGION: &str = "us-east-1";
/// How long the agent may take to log in.
const SERVE_LIMIT: Duration = Duration::from_secs(60);
