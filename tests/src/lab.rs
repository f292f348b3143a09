//! A lab for the length of a test: real node processes on loopback, started and stopped by the
//! `counterfoil` command of the same build.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::application::{Target, binary_beside};

/// Label of the token in every lab.
pub const TOKEN: &str = "lab";
/// PIN of its security officer.
pub const SO_PIN: &str = "so-pin-123456";
/// PIN of its user.
pub const PIN: &str = "user-pin-654321";

/// A running lab; dropped, it goes down and its folder goes.
pub struct Lab {
    folder: tempfile::TempDir,
    counterfoil: PathBuf,
    variables: BTreeMap<String, String>,
    nodes: u8,
}

impl Lab {
    /// Starts `nodes` nodes with this threshold and an initialised token.
    pub fn up(nodes: u8, threshold: u8) -> Result<Self> {
        Self::up_with(nodes, threshold, &[])
    }

    /// The same with more options for `lab up`.
    pub fn up_with(nodes: u8, threshold: u8, options: &[&str]) -> Result<Self> {
        let own = std::env::current_exe()?;
        let counterfoil = binary_beside(&own, "counterfoil")
            .context("counterfoil is not built: run `cargo build --workspace`")?;
        let mut lab = Self {
            folder: tempfile::Builder::new()
                .disable_cleanup(std::env::var_os("KEEP_LAB").is_some())
                .tempdir()?,
            counterfoil,
            variables: BTreeMap::new(),
            nodes,
        };
        let (nodes, threshold) = (nodes.to_string(), threshold.to_string());
        let up = [
            "--nodes",
            &nodes,
            "--threshold",
            &threshold,
            "--token",
            TOKEN,
            "--so-pin",
            SO_PIN,
            "--pin",
            PIN,
        ];
        let output = lab.command("up", &[&up, options].concat())?;
        lab.variables = exports(&String::from_utf8(output.stdout)?)?;
        Ok(lab)
    }

    /// Where the lab keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// 1 to N.
    pub fn nodes(&self) -> RangeInclusive<u8> {
        1..=self.nodes
    }

    /// The lab's token for an application.
    pub fn target(&self) -> Result<Target> {
        Ok(Target {
            module: self.variable("PKCS11_MODULE")?,
            token: TOKEN.into(),
            pin: PIN.into(),
            environment: self.variables.clone().into_iter().collect(),
        })
    }

    /// A variable that `lab up` exported.
    pub fn variable(&self, name: &str) -> Result<String> {
        self.variables.get(name).cloned().ok_or_else(|| anyhow!("lab up exported no {name}"))
    }

    /// SIGKILLs a node.
    pub fn kill(&self, node: u8) -> Result<()> {
        self.command("kill", &[&node.to_string()]).map(drop)
    }

    /// Starts a killed node and waits until it serves.
    pub fn start(&self, node: u8) -> Result<()> {
        self.command("start", &[&node.to_string()]).map(drop)
    }

    /// Starts every node at once: none of them can finish its start-up check alone.
    pub fn start_all(&self) -> Result<()> {
        let starting: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = self.nodes().map(|node| scope.spawn(move || self.start(node))).collect();
            threads.into_iter().map(|thread| thread.join()).collect()
        });
        starting
            .into_iter()
            .try_for_each(|started| started.map_err(|_| anyhow!("a starting thread panicked"))?)
    }

    /// Sum of the checks that failed at these nodes since each started.
    pub fn failed_checks(&self, nodes: &[u8]) -> Result<u64> {
        let status = self.status()?;
        let list = status
            .get("nodes")
            .and_then(serde_json::Value::as_array)
            .ok_or_else(|| anyhow!("no nodes in {status}"))?;
        let count = |entry: &serde_json::Value| -> Result<u64> {
            entry
                .pointer("/counters/failed_checks")
                .and_then(serde_json::Value::as_u64)
                .ok_or_else(|| anyhow!("no counters in {entry}"))
        };
        let wanted = |entry: &&serde_json::Value| {
            entry
                .get("node")
                .and_then(serde_json::Value::as_u64)
                .is_some_and(|node| nodes.iter().any(|wanted| u64::from(*wanted) == node))
        };
        list.iter().filter(wanted).map(count).sum()
    }

    /// What the library has said in the processes that used it.
    pub fn client_log(&self) -> Result<String> {
        let config = PathBuf::from(self.variable("COUNTERFOIL_CONFIG")?);
        let log = config.with_file_name("client.log");
        // It is made with its first line.
        match std::fs::read_to_string(&log) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            text => text.with_context(|| log.display().to_string()),
        }
    }

    /// Signing attempts that the client gave up and made again, as its log counts them.
    pub fn client_retries(&self) -> Result<Vec<String>> {
        let text = self.client_log()?;
        Ok(text.lines().filter(|line| line.contains("signing again")).map(str::to_owned).collect())
    }

    /// What `counterfoil status --json` says, whether healthy or not.
    pub fn status(&self) -> Result<serde_json::Value> {
        let output = Command::new(&self.counterfoil)
            .args(["status", "--json", "--config"])
            .arg(self.variable("COUNTERFOIL_CONFIG")?)
            .output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Waits until every node is up, has its pairs ready and the registry has a leader.
    pub fn wait_healthy(&self, patience: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let output = Command::new(&self.counterfoil)
                .args(["status", "--config"])
                .arg(self.variable("COUNTERFOIL_CONFIG")?)
                .output()?;
            if output.status.success() {
                return Ok(());
            }
            if start.elapsed() > patience {
                bail!(
                    "not healthy: {}{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until no running node counts these among its peers any more.
    pub fn wait_gone(&self, stopped: &[u8], patience: Duration) -> Result<()> {
        let start = Instant::now();
        let pointer = |node: &serde_json::Value, name: &str| node.get(name).cloned().unwrap_or_default();
        let sees = |node: &serde_json::Value| {
            let peers = pointer(node, "peers");
            peers.as_array().into_iter().flatten().any(|peer| {
                pointer(peer, "connected") == true
                    && pointer(peer, "node")
                        .as_u64()
                        .is_some_and(|index| stopped.iter().any(|gone| u64::from(*gone) == index))
            })
        };
        while pointer(&self.status()?, "nodes").as_array().into_iter().flatten().any(sees) {
            ensure!(start.elapsed() < patience, "nodes still see {stopped:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Process ids of the nodes that run, by node.
    pub fn pids(&self) -> BTreeMap<u8, u32> {
        let pid = |node: u8| {
            std::fs::read_to_string(self.folder().join(format!("node{node}/pid"))).ok()?.trim().parse().ok()
        };
        self.nodes()
            .filter_map(|node| Some((node, pid(node)?)))
            .filter(|(_, pid)| Path::new(&format!("/proc/{pid}")).exists())
            .collect()
    }

    fn command(&self, action: &str, arguments: &[&str]) -> Result<Output> {
        let output = Command::new(&self.counterfoil)
            .args(["lab", action])
            .args(arguments)
            .arg("--dir")
            .arg(self.folder())
            .output()
            .with_context(|| self.counterfoil.display().to_string())?;
        ensure!(
            output.status.success(),
            "lab {action} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(output)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the test has its verdict already.
        let _ = self.command("down", &[]);
    }
}

/// Reads `export NAME=value` lines; anything else on standard output is an error.
fn exports(text: &str) -> Result<BTreeMap<String, String>> {
    let line = |line: &str| -> Option<(String, String)> {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().map(|text| line(text).ok_or_else(|| anyhow!("lab up printed {text:?}"))).collect()
}
