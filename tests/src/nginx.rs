//! nginx with its TLS key in a PKCS#11 token, through Debian's libp11 engine.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::application::Target;
use crate::process::{Signal, signal};

/// A running nginx with two workers; dropped, it stops.
pub struct Nginx {
    master: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Nginx {
    /// Makes a certificate for the key `label` and serves TLS with it on a free port.
    pub fn start(target: &Target, label: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let openssl_conf = openssl_conf(&folder, target)?;
        let key = uri(target, label);
        let certificate = folder.path().join("certificate.pem");
        let output = Command::new("openssl")
            .args([
                "req",
                "-new",
                "-x509",
                "-engine",
                "pkcs11",
                "-keyform",
                "engine",
                "-subj",
                "/CN=localhost",
                "-key",
                &key,
                "-out",
            ])
            .arg(&certificate)
            .env("OPENSSL_CONF", &openssl_conf)
            .envs(target.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .context("openssl req")?;
        ensure!(output.status.success(), "openssl req: {}", String::from_utf8_lossy(&output.stderr));
        Self::serve(target, label, &certificate)
    }

    /// Serves TLS on a free port with the key `label` and a certificate that is there.
    pub fn serve(target: &Target, label: &str, certificate: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let openssl_conf = openssl_conf(&folder, target)?;
        let (key, port) = (uri(target, label), free_port()?);
        fs::copy(certificate, folder.path().join("certificate.pem"))?;
        let variables: String = target.environment.iter().map(|(name, _)| format!("env {name};\n")).collect();
        let conf = NGINX_CONF
            .replace("@DIR@", &folder.path().display().to_string())
            .replace("@PORT@", &port.to_string())
            .replace("@KEY@", &key)
            .replace("@ENV@", &variables);
        let conf_file = folder.path().join("nginx.conf");
        fs::write(&conf_file, conf)?;
        let master = Command::new("/usr/sbin/nginx")
            .arg("-c")
            .arg(&conf_file)
            .args(["-e", "stderr", "-g", "daemon off;"])
            .env("OPENSSL_CONF", &openssl_conf)
            .envs(target.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("stderr.log"))?)
            .spawn()
            .context("nginx (Debian package nginx)")?;
        let mut nginx = Self { master, folder, port };
        nginx.wait_until_it_listens()?;
        Ok(nginx)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Full handshakes for so many seconds by `openssl s_time`: how many, and per second.
    pub fn handshakes(&self, seconds: u64) -> Result<(u64, f64)> {
        let output = Command::new("openssl")
            .args([
                "s_time",
                "-new",
                "-time",
                &seconds.to_string(),
                "-connect",
                &format!("127.0.0.1:{}", self.port),
            ])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains("real seconds"))
            .with_context(|| format!("s_time said {text:?}"))?;
        let count: u64 = line
            .split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
            .with_context(|| line.to_owned())?;
        Ok((count, count as f64 / seconds as f64))
    }

    /// One full handshake by `openssl s_client`.
    pub fn handshake(&self) -> Result<()> {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{}", self.port), "-CAfile"])
            .arg(self.folder.path().join("certificate.pem"))
            .args(["-verify_return_error", "-brief"])
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "s_client: {said}\nnginx: {}", self.log());
        Ok(())
    }

    /// Process ids of master and workers.
    pub fn pids(&self) -> Vec<u32> {
        let master = self.master.id();
        let children =
            fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
        std::iter::once(master)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }

    /// What nginx and the libraries in its workers have said.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr.log")).unwrap_or_default()
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.master.try_wait()?.is_some() || start.elapsed() > Duration::from_secs(10) {
                bail!("nginx does not serve: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // TERM, so that the master takes its workers along; a failure leaves nothing to do here.
        let _ = signal(self.master.id(), Signal::TERM);
        let _ = self.master.wait();
    }
}

fn openssl_conf(folder: &tempfile::TempDir, target: &Target) -> Result<PathBuf> {
    let path = folder.path().join("openssl.cnf");
    fs::write(&path, OPENSSL_CONF.replace("@MODULE@", &target.module))?;
    Ok(path)
}

/// Where the engine finds a private key.
fn uri(target: &Target, label: &str) -> String {
    format!("pkcs11:token={};object={label};type=private?pin-value={}", target.token, target.pin)
}

/// A loopback port that nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether nginx and the engine are there.
pub fn available() -> bool {
    Path::new("/usr/sbin/nginx").is_file() && Path::new(ENGINE).is_file()
}

const ENGINE: &str = "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so";

const OPENSSL_CONF: &str = "openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = @MODULE@
init = 1
[req]
distinguished_name = name
[name]
";

const NGINX_CONF: &str = "worker_processes 2;
user root;
pid @DIR@/nginx.pid;
error_log stderr warn;
@ENV@
events { worker_connections 256; }
http {
  access_log off;
  server {
    listen 127.0.0.1:@PORT@ ssl;
    ssl_protocols TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
    ssl_certificate @DIR@/certificate.pem;
    ssl_certificate_key \"engine:pkcs11:@KEY@\";
    location / { return 200 \"signed by a quorum\\n\"; }
  }
}
";
