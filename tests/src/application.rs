//! Running `application`, the child process that loads the module and does what it is told.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::curve::Curve;

/// Where an application finds its token.
#[derive(Clone)]
pub struct Target {
    /// Path of the PKCS#11 library.
    pub module: String,
    /// Label of the token.
    pub token: String,
    /// PIN of its user.
    pub pin: String,
    /// Environment beyond this process's: the module's configuration.
    pub environment: Vec<(String, String)>,
}

/// What a run of `application load` measured.
#[derive(Clone, Debug)]
pub struct Load {
    /// Calls that returned a signature.
    pub operations: u64,
    /// Calls that returned anything else, as the application saw it.
    pub failures: u64,
    /// Median and 99th percentile of one call, and the slowest, in microseconds.
    pub p50_us: u64,
    /// See `p50_us`.
    pub p99_us: u64,
    /// See `p50_us`.
    pub max_us: u64,
    /// Operations per second of all threads while they were signing, pauses left out.
    pub per_second: f64,
    /// CPU time of the application process in microseconds.
    pub cpu_us: u64,
    /// Signed (digest, r‖s) pairs that the application kept for the judge.
    pub samples: Vec<(Vec<u8>, Vec<u8>)>,
    /// First error seen, for the report.
    pub first_error: Option<String>,
}

impl Target {
    /// Makes a P-256 key pair and returns its public point, SEC1 uncompressed.
    pub fn keygen(&self, label: &str) -> Result<Vec<u8>> {
        let out = self.run(&["keygen", "--label", label], "")?;
        Ok(hex::decode(out.trim())?)
    }

    /// The same on another curve.
    pub fn keygen_on(&self, curve: &Curve, label: &str) -> Result<Vec<u8>> {
        let out = self.run(&["keygen", "--label", label, "--curve", curve.name], "")?;
        Ok(hex::decode(out.trim())?)
    }

    /// Signs each digest with `CKM_ECDSA`, or each message with `CKM_EDDSA`, in one session.
    pub fn sign(&self, label: &str, digests: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.sign_by(label, &[], digests)
    }

    /// Signs each message with the Schnorr mechanism of the curve.
    pub fn sign_schnorr(
        &self,
        curve: &Curve,
        label: &str,
        messages: &[Vec<u8>],
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mechanism = curve.schnorr.ok_or_else(|| anyhow!("no Schnorr on {}", curve.name))?;
        self.sign_by(label, &["--vendor-mechanism", &mechanism.to_string()], messages)
    }

    fn sign_by(
        &self,
        label: &str,
        mechanism: &[&str],
        digests: &[Vec<u8>],
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let input: String = digests.iter().map(|digest| hex::encode(digest) + "\n").collect();
        let out = self.run(&[&["sign", "--label", label], mechanism].concat(), &input)?;
        let signed = out.lines().map(pair).collect::<Result<Vec<_>>>()?;
        ensure!(signed.len() == digests.len(), "{} signatures for {} digests", signed.len(), digests.len());
        Ok(signed)
    }

    /// Makes an RSA key pair and returns its modulus.
    pub fn keygen_rsa(&self, bits: u32, label: &str) -> Result<Vec<u8>> {
        let out = self.run(&["keygen", "--label", label, "--curve", &format!("rsa:{bits}")], "")?;
        Ok(hex::decode(out.trim())?)
    }

    /// Starts a load of signatures that runs by itself; see [`finish_load`].
    pub fn start_load(&self, label: &str, seconds: u64, threads: usize) -> Result<Child> {
        self.spawn_load(label, seconds, threads, &[])
    }

    /// Runs a load without pauses to its end.
    pub fn load(&self, label: &str, seconds: u64, threads: usize) -> Result<Load> {
        finish_load(self.start_load(label, seconds, threads)?)
    }

    /// Runs a load in bursts, so short that presignatures are always ready.
    pub fn load_warm(&self, label: &str, seconds: u64, threads: usize) -> Result<Load> {
        self.load_warm_by(label, seconds, threads, &[])
    }

    /// The same by the Schnorr mechanism of the curve.
    pub fn load_warm_schnorr(&self, curve: &Curve, label: &str, seconds: u64) -> Result<Load> {
        let mechanism = curve.schnorr.ok_or_else(|| anyhow!("no Schnorr on {}", curve.name))?;
        self.load_warm_by(label, seconds, 1, &["--vendor-mechanism", &mechanism.to_string()])
    }

    fn load_warm_by(&self, label: &str, seconds: u64, threads: usize, mechanism: &[&str]) -> Result<Load> {
        let burst = (WARM_BURST / threads).max(1).to_string();
        let pace = [&["--burst", &burst, "--pause-ms", WARM_PAUSE_MS], mechanism].concat();
        finish_load(self.spawn_load(label, seconds, threads, &pace)?)
    }

    fn spawn_load(&self, label: &str, seconds: u64, threads: usize, pace: &[&str]) -> Result<Child> {
        let (seconds, threads) = (seconds.to_string(), threads.to_string());
        let arguments =
            [&["load", "--label", label, "--seconds", &seconds, "--threads", &threads], pace].concat();
        Ok(self.command(&arguments).spawn()?)
    }

    /// Times `count` key generations, then the first signature of each key; sorted microseconds.
    pub fn cold(&self, count: usize) -> Result<(Vec<u64>, Vec<u64>)> {
        columns(&self.run(&["cold", "--count", &count.to_string()], "")?)
    }

    /// The same for RSA keys, with some time between two of them.
    pub fn cold_rsa(&self, bits: u32, count: usize, pause: Duration) -> Result<(Vec<u64>, Vec<u64>)> {
        let (count, kind, pause) = (count.to_string(), format!("rsa:{bits}"), pause.as_millis().to_string());
        columns(&self.run(&["cold", "--count", &count, "--curve", &kind, "--pause-ms", &pause], "")?)
    }

    /// Starts to make RSA keys, one after the other, until it is killed.
    pub fn start_rsa(&self, bits: u32) -> Result<Child> {
        let kind = format!("rsa:{bits}");
        Ok(self.command(&["cold", "--count", "1000", "--curve", &kind]).spawn()?)
    }

    /// Makes a key on a curve and agrees with each peer: its public point, and the secrets.
    pub fn agree(&self, curve: &Curve, label: &str, peers: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
        let input: String = peers.iter().map(|peer| hex::encode(peer) + "\n").collect();
        let out = self.run(&["agree", "--label", label, "--curve", curve.name], &input)?;
        let mut lines = out.lines().map(hex::decode);
        let point = lines.next().ok_or_else(|| anyhow!("no public point"))??;
        let secrets = lines.collect::<Result<Vec<_>, _>>()?;
        ensure!(secrets.len() == peers.len(), "{} secrets for {} peers", secrets.len(), peers.len());
        Ok((point, secrets))
    }

    /// The secret of a key that exists and a peer.
    pub fn agree_with(&self, label: &str, peer: &[u8]) -> Result<Vec<u8>> {
        let out = self.run(&["agree", "--label", label], &(hex::encode(peer) + "\n"))?;
        Ok(hex::decode(out.trim())?)
    }

    /// Times `count` key agreements; sorted microseconds.
    pub fn derivations(&self, count: usize) -> Result<Vec<u64>> {
        let out = self.run(&["derivations", "--count", &count.to_string()], "")?;
        let mut times = out.lines().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        times.sort_unstable();
        Ok(times)
    }

    /// An application that stays and does what it is told.
    pub fn serve(&self) -> Result<Served> {
        let mut child = self.command(&["serve"]).stderr(Stdio::inherit()).spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| anyhow!("no pipe to the application"))?;
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("no pipe from the application"))?;
        Ok(Served { child, stdin, stdout: BufReader::new(stdout) })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let binary = std::env::current_exe().ok().and_then(|own| binary_beside(&own, "application"));
        let mut command = Command::new(binary.unwrap_or_else(|| "application".into()));
        command
            .args(["--module", &self.module, "--token", &self.token])
            .args(arguments)
            .env("APPLICATION_PIN", &self.pin)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = self.command(arguments).spawn().context("starting the application")?;
        let mut stdin = child.stdin.take().ok_or_else(|| anyhow!("no pipe to the application"))?;
        let input = input.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        let written = writer.join().map_err(|_| anyhow!("the writing thread panicked"))?;
        ensure!(
            output.status.success(),
            "application {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        written?;
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// An application that waits for the next line.
pub struct Served {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Served {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says one line, as `application serve` understands them, and gives back the bytes of the
    /// answer; errors with the library's code when it refuses, and the application goes on.
    pub fn ask(&mut self, line: &str) -> Result<Vec<u8>> {
        writeln!(self.stdin, "{line}")?;
        let mut answer = String::new();
        ensure!(self.stdout.read_line(&mut answer)? > 0, "the application ended at {line:?}");
        if let Some(error) = answer.strip_prefix(REFUSED) {
            bail!("{}", error.trim());
        }
        Ok(hex::decode(answer.trim())?)
    }

    /// Has it keep bytes in its memory.
    pub fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        writeln!(self.stdin, "hold {}", hex::encode(bytes))?;
        self.stdout.read_line(&mut String::new())?;
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two times in each line, each column sorted.
fn columns(text: &str) -> Result<(Vec<u64>, Vec<u64>)> {
    let mut columns = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (keygen, sign) = line.split_once(' ').ok_or_else(|| anyhow!("odd line {line:?}"))?;
        columns.0.push(keygen.parse()?);
        columns.1.push(sign.parse()?);
    }
    columns.0.sort_unstable();
    columns.1.sort_unstable();
    Ok(columns)
}

/// Waits for a load and reads its report.
pub fn finish_load(mut child: Child) -> Result<Load> {
    let stdout = child.stdout.take().ok_or_else(|| anyhow!("no pipe from the application"))?;
    let mut samples = Vec::new();
    let mut report = None;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        match line.strip_prefix("report ") {
            Some(json) => report = Some(serde_json::from_str::<serde_json::Value>(json)?),
            None => samples.push(pair(&line)?),
        }
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "application: {}", String::from_utf8_lossy(&output.stderr).trim());
    let report = report.ok_or_else(|| anyhow!("the application gave no report"))?;
    let number = |name: &str| {
        report.get(name).and_then(serde_json::Value::as_u64).ok_or_else(|| anyhow!("no {name} in {report}"))
    };
    Ok(Load {
        operations: number("operations")?,
        failures: number("failures")?,
        p50_us: number("p50_us")?,
        p99_us: number("p99_us")?,
        max_us: number("max_us")?,
        per_second: report.get("per_second").and_then(serde_json::Value::as_f64).unwrap_or(0.0),
        cpu_us: number("cpu_us")?,
        samples,
        first_error: report.get("first_error").and_then(serde_json::Value::as_str).map(str::to_owned),
    })
}

/// A binary of the same build as the running one, which may be a test under `deps`.
pub fn binary_beside(own: &Path, name: &str) -> Option<std::path::PathBuf> {
    own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// What an application answers before the error of the library.
pub const REFUSED: &str = "refused ";

/// Signatures in a row that leave the default pool of presignatures half full, and the time in
/// which it fills again.
const WARM_BURST: usize = 16;
const WARM_PAUSE_MS: &str = "150";

fn pair(line: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let (digest, signature) = line.split_once(' ').ok_or_else(|| anyhow!("odd line {line:?}"))?;
    Ok((hex::decode(digest)?, hex::decode(signature)?))
}
