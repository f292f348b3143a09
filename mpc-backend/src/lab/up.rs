//! Bringing a lab up: start what does not run, wait until it serves, let the client in, make the
//! token. Each step looks first whether it is done, so that `lab up` may be run again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use client::failure::NodeFailure;
use ed25519_dalek::SigningKey;
use proto::manifest::Manifest;
use proto::registry::v1::{EnrolClient, command::Body};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::remote::Caller;
use crate::cli::terminal::tell;
use crate::cli::{ceremony, token};
use crate::lab::layout::Lab;
use crate::lab::process::{POLL, Process};

/// The token that a lab shall have.
pub struct WantedToken {
    /// Its label.
    pub label: String,
    /// The security officer's PIN.
    pub so_pin: Zeroizing<String>,
    /// The user's PIN.
    pub pin: Zeroizing<String>,
}

/// Starts all nodes that do not run, waits until all serve, and enrols client and token.
///
/// When a step fails, the nodes that this call started are stopped again.
pub fn up(lab: &Lab, binary: &Path, token: Option<&WantedToken>) -> Result<(), Failure> {
    let mut started = Vec::new();
    let done = bring_up(lab, binary, token, &mut started);
    if done.is_err() {
        stop(&started);
    }
    done
}

fn bring_up(
    lab: &Lab,
    binary: &Path,
    token: Option<&WantedToken>,
    started: &mut Vec<Process>,
) -> Result<(), Failure> {
    for (node, process) in lab.processes() {
        if process.running().is_none() {
            process.start(binary)?;
            tell(format!("node {} started, log {}", node.index, process.log().display()));
            started.push(process);
        }
    }
    let operators = lab.operator_keys()?;
    let operator = operators.first().ok_or_else(|| Failure::input("the lab has no operator"))?;
    let caller = Caller::new(lab.manifest(), operator);
    for node in &lab.manifest().nodes {
        wait_serving(lab, &caller, node.index)?;
    }
    tell(format!("{} nodes serve", lab.manifest().nodes.len()));
    enrol(lab, &operators, &lab.client_key()?, "lab")?;
    if let Some(wanted) = token {
        make_token(lab, &operators, wanted)?;
    }
    settle(&caller)
}

/// Waits until every node has applied the registry as far as the furthest: whoever comes next finds
/// at any node what was made here.
fn settle(caller: &Caller) -> Result<(), Failure> {
    let end = Instant::now() + SERVE_LIMIT;
    loop {
        let mut indices: Vec<u64> =
            caller.status().into_iter().filter_map(|(_, answer)| Some(answer.ok()?.registry_index)).collect();
        indices.dedup();
        match indices.as_slice() {
            [_] => return Ok(()),
            _ if Instant::now() >= end => {
                return Err(Failure::refused(format!(
                    "the nodes do not reach one registry index: {indices:?}"
                )));
            }
            _ => std::thread::sleep(POLL),
        }
    }
}

/// Starts one node and waits until it serves.
pub fn start_one(lab: &Lab, index: u8, binary: &Path) -> Result<(), Failure> {
    let process = lab.process(index)?;
    process.start(binary)?;
    let operators = lab.operator_keys()?;
    let operator = operators.first().ok_or_else(|| Failure::input("the lab has no operator"))?;
    let caller = Caller::new(lab.manifest(), operator);
    wait_serving(lab, &caller, index)
}

/// Stops nodes: all are asked, and after [`STOP_LIMIT`] killed.
pub fn stop(processes: &[Process]) {
    processes.iter().for_each(Process::terminate);
    let end = Instant::now() + STOP_LIMIT;
    for process in processes {
        if !process.wait_gone(end.saturating_duration_since(Instant::now())) {
            tell(format!("a node did not stop within {} s and is killed", STOP_LIMIT.as_secs()));
            process.kill();
            process.wait_gone(STOP_LIMIT);
        }
    }
}

/// Waits until a node has passed its start-up check, or has died.
fn wait_serving(lab: &Lab, caller: &Caller, index: u8) -> Result<(), Failure> {
    let process = lab.process(index)?;
    let end = Instant::now() + SERVE_LIMIT;
    loop {
        let why = match caller.status().into_iter().find(|(node, _)| *node == index) {
            Some((_, Ok(status))) if status.serving => return Ok(()),
            Some((_, Ok(status))) => format!("it is still {}", status.phase),
            Some((_, Err(reason))) => reason.to_string(),
            None => "it is not in the manifest".to_owned(),
        };
        if process.running().is_none() {
            return Err(Failure::refused(format!("node {index}: {}", process.why_it_died())));
        }
        if Instant::now() >= end {
            let (limit, log) = (SERVE_LIMIT.as_secs(), process.log());
            let text = format!("node {index} does not serve after {limit} s: {why} (log: {})", log.display());
            return Err(Failure::refused(text));
        }
        std::thread::sleep(POLL);
    }
}

/// Enrols a client and waits until every node lets it in.
pub(super) fn enrol(
    lab: &Lab,
    operators: &[SigningKey],
    client: &SigningKey,
    name: &str,
) -> Result<(), Failure> {
    let asking = Caller::new(lab.manifest(), client);
    if first_refusal(&asking).is_some() {
        let client_key = client.verifying_key().to_bytes().to_vec();
        agree(
            lab.manifest(),
            operators,
            Body::EnrolClient(EnrolClient { client_key, name: name.to_owned(), ..EnrolClient::default() }),
        )?;
    }
    let end = Instant::now() + SERVE_LIMIT;
    while let Some(refusal) = first_refusal(&asking) {
        if Instant::now() >= end {
            return Err(Failure::refused(format!("the client is enrolled and not let in: {refusal}")));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// What the first node says that does not let the caller in.
fn first_refusal(caller: &Caller) -> Option<String> {
    caller.status().into_iter().find_map(|(node, answer)| match answer {
        Err(reason @ NodeFailure::Refused { .. }) => Some(format!("node {node}: {reason}")),
        _ => None,
    })
}

fn make_token(lab: &Lab, operators: &[SigningKey], wanted: &WantedToken) -> Result<(), Failure> {
    let config = lab.client_config();
    if token::labels(&config)?.contains(&wanted.label) {
        tell(format!("token {:?} is there already, with the PINs it was made with", wanted.label));
        return Ok(());
    }
    let id = token::new_id();
    agree(lab.manifest(), operators, token::creation(&id))?;
    token::initialise(&config, Some(id), &wanted.label, &wanted.so_pin, Some(&wanted.pin))?;
    tell(format!("token {:?} made", wanted.label));
    Ok(())
}

/// Has every operator of the lab sign, and submits.
fn agree(manifest: &Manifest, operators: &[SigningKey], body: Body) -> Result<(), Failure> {
    let first = operators.first().ok_or_else(|| Failure::input("the lab has no operator"))?;
    let caller = Caller::new(manifest, first);
    let mut signed = ceremony::draft(manifest, ceremony::last_index(&caller)?, body);
    for key in operators {
        ceremony::sign(manifest, &mut signed, key);
    }
    caller.propose(&signed).map(drop)
}

/// A file of this build: beside this binary.
pub fn beside(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::input(format!("where am I: {error}")))?;
    let path = own.with_file_name(name);
    match path.is_file() {
        true => Ok(path),
        false => {
            Err(Failure::file(&path, "it is not there", "build everything with `cargo build --workspace`"))
        }
    }
}

/// How long a node may take from its start until it serves.
const SERVE_LIMIT: Duration = Duration::from_secs(60);
/// How long a node may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
