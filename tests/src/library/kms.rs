//! What programs see of the KMS agent of a lab, beside moto's server in the same run: `tests/kms/bench.py` measures.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::check;
use crate::bench::Report;
use crate::lab::Lab;

/// Rows of the agent and of moto, and their ratios; each load takes `seconds`.
pub fn agent(seconds: u64, report: &mut Report) -> Result<()> {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            println!("kms-agent: skipped, no boto3 and moto by python3-venv and pip: {why}");
            return Ok(());
        }
    };
    let moto = Moto::start(&python)?;
    let lab = Lab::up_with(3, 2, &["--kms", "0"])?;
    lab.wait_healthy(Duration::from_secs(30))?;
    let target = lab.target()?;
    let point = target.keygen("kms")?;
    let load = target.load_warm("kms", seconds, 1)?;
    check(&point, &load)?;
    report.insert("kms.c_sign.p256.p50_us".into(), load.p50_us as f64);
    for (name, value) in rows(&python, &moto, &lab, seconds)? {
        report.insert(name, value);
    }
    for (ratio, ours, theirs) in [
        ("kms.generate_data_key", "kms.agent.generate_data_key.p50_us", "kms.moto.generate_data_key.p50_us"),
        ("kms.sign_over_c_sign", "kms.agent.sign.p256.light.p50_us", "kms.c_sign.p256.p50_us"),
        ("kms.sign_over_c_sign.boto3", "kms.agent.sign.p256.p50_us", "kms.c_sign.p256.p50_us"),
    ] {
        if let (Some(ours), Some(theirs)) = (report.get(ours).copied(), report.get(theirs).copied()) {
            report.insert(format!("ratio.{ratio}.p50"), ours / theirs);
        }
    }
    Ok(())
}

/// What `bench.py` finds with this lab.
fn rows(python: &str, moto: &Moto, lab: &Lab, seconds: u64) -> Result<BTreeMap<String, f64>> {
    let agent = std::fs::read_to_string(lab.folder().join("kms/pid"))?;
    let processes = lab.pids().into_values().map(|pid| pid.to_string());
    let output = Command::new(python)
        .arg(folder().join("bench.py"))
        .args([&moto.url, &seconds.to_string(), agent.trim()])
        .args(processes)
        .envs(lab.target()?.environment)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "bench.py: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn python() -> Result<String> {
    let output = Command::new(folder().join("python")).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "tests/kms/python: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kms")
}

/// moto's server; ends with this.
struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    fn start(python: &str) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let moto = Self { process, url: format!("http://127.0.0.1:{port}") };
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(Instant::now() < end, "moto's server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(moto)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
