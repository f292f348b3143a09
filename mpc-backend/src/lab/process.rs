//! One process of a lab, a node's or the KMS agent's: started in the background, found again by its record, signalled.
//!
//! Beside the process id stands the kernel's start time of that process, so that an id which the
//! system has given to somebody else is never signalled.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::node::NODE_CONFIG;

/// A process's place on disk, whether it runs or not.
pub struct Process {
    folder: PathBuf,
    config: &'static str,
}

impl Process {
    /// The node whose files are in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, config: NODE_CONFIG }
    }

    /// The KMS agent whose files are in `folder`.
    pub fn kms(folder: PathBuf) -> Self {
        Self { folder, config: KMS_CONFIG }
    }

    /// Starts `binary` in its own process group, its output in the log.
    pub fn start(&self, binary: &Path) -> Result<(), Failure> {
        if let Some(pid) = self.running() {
            return Err(Failure::refused(format!(
                "{} runs already, as process {}",
                self.folder.display(),
                pid.as_raw_nonzero()
            )));
        }
        let log = self.open_log()?;
        let both = log.try_clone().map_err(|error| Failure::file(&self.log(), error, "try again"))?;
        let child = Command::new(binary)
            .arg("--config")
            .arg(self.folder.join(self.config))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(both)
            .process_group(0)
            .spawn()
            .map_err(|error| {
                Failure::file(binary, error, "build everything with `cargo build --workspace`")
            })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let Some((pid, started)) = pid.and_then(|pid| Some((pid, start_time(pid)?))) else {
            return Err(Failure::refused(self.why_it_died()));
        };
        files::replace(&self.started(), started.as_bytes(), Readers::All)?;
        files::replace(&self.pid(), format!("{}\n", pid.as_raw_nonzero()).as_bytes(), Readers::All)
    }

    /// The process id, if that process still runs.
    pub fn running(&self) -> Option<Pid> {
        let pid = fs::read_to_string(self.pid()).ok()?;
        let pid = Pid::from_raw(pid.trim_end().parse().ok()?)?;
        (start_time(pid)? == fs::read_to_string(self.started()).ok()?).then_some(pid)
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits until it is gone; false when `limit` ran out.
    pub fn wait_gone(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while self.running().is_some() {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }

    /// The last thing it said, for a message.
    pub fn why_it_died(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        format!("it has stopped: {last} (log: {})", self.log().display())
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn pid(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn started(&self) -> PathBuf {
        self.folder.join("pid.started")
    }

    fn open_log(&self) -> Result<File, Failure> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .map_err(|error| Failure::file(&self.log(), error, "check space and rights of the folder"))
    }

    /// A process that has gone meanwhile needs no signal.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.running() {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Field 22 of /proc/PID/stat, or nothing if the process is gone or a zombie. The name in field 2
/// may hold spaces and brackets, so fields are counted from its last bracket.
fn start_time(pid: Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    // A killed process is a zombie from the end of its first thread on; its files and their locks
    // are free only when the last thread is gone.
    let threads = || fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).map_or(0, Iterator::count);
    if state == "X" || state == "Z" && threads() <= 1 {
        return None;
    }
    // State is field 3; the start time is 18 fields after the one that follows it.
    fields.nth(18).map(str::to_owned)
}

/// How often a process is looked at while waited for.
pub const POLL: Duration = Duration::from_millis(20);
/// The KMS agent's settings, in its folder.
pub const KMS_CONFIG: &str = "kms.toml";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(dir: &Path, text: &str) -> PathBuf {
        let path = dir.join("binary");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn process_is_found_again_and_killed() {
        let dir = tempfile::tempdir().unwrap();
        let binary = script(dir.path(), "exec sleep 60");
        let process = Process::new(dir.path().to_owned());
        process.start(&binary).unwrap();
        assert!(Process::new(dir.path().to_owned()).running().is_some());
        assert!(process.start(&binary).unwrap_err().to_string().contains("runs already"));
        process.kill();
        assert!(process.wait_gone(Duration::from_secs(5)));
    }

    #[test]
    fn record_of_another_process_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process::new(dir.path().to_owned());
        fs::write(process.pid(), format!("{}\n", std::process::id())).unwrap();
        fs::write(process.started(), "1").unwrap();
        assert!(process.running().is_none());
        fs::write(process.pid(), "nonsense").unwrap();
        assert!(process.running().is_none());
    }

    #[test]
    fn last_words_are_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process::new(dir.path().to_owned());
        fs::write(process.log(), "first\nnode.toml: bad\n\n").unwrap();
        assert!(process.why_it_died().contains("node.toml: bad"));
    }
}
