//! `counterfoil lab`: a whole cluster on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::health::Health;
use crate::cli::remote::Caller;
use crate::cli::status;
use crate::cli::terminal::{result, tell};
use crate::cli::token::parse_label;
use crate::lab::layout::Lab;
use crate::lab::process::Process;
use crate::lab::up::{self, WantedToken};
use crate::lab::{self, export};

/// `counterfoil lab …`
#[derive(clap::Subcommand)]
pub enum LabCommand {
    /// Start a cluster on loopback; prints `export NAME=value` lines for a shell's `eval`.
    Up {
        /// The lab's folder, made if it is not there.
        #[arg(long)]
        dir: PathBuf,
        /// How many nodes: 3, 5, 7 or 9.
        #[arg(long, default_value_t = 3)]
        nodes: u8,
        /// How many of them every operation needs.
        #[arg(long, default_value_t = 2)]
        threshold: u8,
        /// Strict mode: signing needs a witness, so one node more than the threshold.
        #[arg(long)]
        strict: bool,
        /// Make and initialise a token with this label.
        #[arg(long, requires = "so_pin", requires = "pin", value_parser = parse_label)]
        token: Option<String>,
        /// The PIN of the token's security officer.
        #[arg(long, requires = "token")]
        so_pin: Option<Zeroizing<String>>,
        /// The PIN of the token's user.
        #[arg(long, requires = "token")]
        pin: Option<Zeroizing<String>>,
        /// Start the KMS agent too, on this port of loopback; 0 takes a free one.
        #[arg(long, requires = "token", value_name = "PORT")]
        kms: Option<u16>,
        /// The KMS agent speaks HTTPS, with a certificate of a CA of this lab.
        #[arg(long, requires = "kms")]
        kms_tls: bool,
    },
    /// Show the processes and what they say.
    Status {
        /// The lab's folder.
        #[arg(long)]
        dir: PathBuf,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Kill a node (SIGKILL), as a power cut would.
    Kill {
        /// The node's index.
        node: u8,
        /// The lab's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Start a node again and wait until it serves.
    Start {
        /// The node's index.
        node: u8,
        /// The lab's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Stop all nodes; the folder stays, and `lab up` starts them again.
    Down {
        /// The lab's folder.
        #[arg(long)]
        dir: PathBuf,
    },
}

impl LabCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Up { dir, nodes, threshold, strict, token, so_pin, pin, kms, kms_tls } => {
                let token = match (token, so_pin, pin) {
                    (Some(label), Some(so_pin), Some(pin)) => Some(WantedToken { label, so_pin, pin }),
                    _ => None,
                };
                let (binary, module) = (up::beside(NODE_BINARY)?, up::beside(MODULE)?);
                let lab = Lab::open_or_create(&dir, nodes, threshold, strict)?;
                start_all(&lab, &binary, &module, token.as_ref())?;
                if let (Some(port), Some(token)) = (kms, &token) {
                    let lines = lab::kms::up(&lab, &up::beside(KMS_BINARY)?, token, port, kms_tls)?;
                    lines.into_iter().for_each(result);
                }
                Ok(())
            }
            Self::Status { dir, json } => show(&Lab::open(&dir)?, json),
            Self::Kill { node, dir } => kill(&Lab::open(&dir)?.process(node)?, node),
            Self::Start { node, dir } => {
                up::start_one(&Lab::open(&dir)?, node, &up::beside(NODE_BINARY)?)?;
                tell(format!("node {node} serves"));
                Ok(())
            }
            Self::Down { dir } => {
                let lab = Lab::open(&dir)?;
                // The agent first: it has nothing to do without nodes.
                let nodes = lab.processes().map(|(_, process)| process);
                let processes: Vec<Process> = std::iter::once(lab.kms()).chain(nodes).collect();
                up::stop(&processes);
                tell("all nodes are down");
                Ok(())
            }
        }
    }
}

fn start_all(lab: &Lab, binary: &Path, module: &Path, token: Option<&WantedToken>) -> Result<(), Failure> {
    up::up(lab, binary, token)?;
    let label = token.map(|token| token.label.as_str());
    export::lines(&lab.client_config(), module, label, lab.dir()).into_iter().for_each(result);
    Ok(())
}

fn show(lab: &Lab, json: bool) -> Result<(), Failure> {
    for (node, process) in lab.processes() {
        match process.running() {
            Some(pid) => tell(format!("node {} is process {}", node.index, pid.as_raw_nonzero())),
            None => tell(format!("node {} does not run", node.index)),
        }
    }
    if let Some(pid) = lab.kms().running() {
        tell(format!("the KMS agent is process {}", pid.as_raw_nonzero()));
    }
    let operators = lab.operator_keys()?;
    let operator = operators.first().ok_or_else(|| Failure::input("the lab has no operator"))?;
    status::show(&Health::ask(&Caller::new(lab.manifest(), operator)), json)
}

fn kill(process: &Process, node: u8) -> Result<(), Failure> {
    if process.running().is_none() {
        return Err(Failure::refused(format!("node {node} does not run")));
    }
    process.kill();
    if !process.wait_gone(Duration::from_secs(5)) {
        return Err(Failure::refused(format!("node {node} is still there 5 s after SIGKILL")));
    }
    tell(format!("node {node} killed"));
    Ok(())
}

const NODE_BINARY: &str = "counterfoil-node";
const KMS_BINARY: &str = "counterfoil-kms";
const MODULE: &str = "libcounterfoil_pkcs11.so";
