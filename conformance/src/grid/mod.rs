//! The grid of bad arguments: every function with every class of wrong argument, in every state, against rules that are
//! written down with their clauses. It runs against any library by path.
//!
//! [`rules`] (what the specification says), [`values`] and [`templates`] (right and wrong arguments), [`state`] (when),
//! [`plan`] (the cells), [`worker`] (the process that calls), [`report`]. [`run`] starts workers until every cell has an
//! outcome: a library that crashes or hangs takes only its worker with it.

pub mod arena;
pub mod library;
pub mod plan;
pub mod report;
pub mod rsa_key;
pub mod rules;
pub mod state;
pub mod templates;
pub mod values;
pub mod worker;
pub mod world;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use report::{Outcome, Report};

/// A library and a token of it that is there for the grid alone.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The library's path.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The user's PIN.
    pub pin: String,
    /// The security officer's PIN.
    pub so_pin: String,
    /// What the library's configuration needs in the environment.
    pub environment: Vec<(String, String)>,
    /// A library of 2.40 that is compared: what we do not do is left out ([`worker::Skip`]), and the null mechanism with
    /// which 3.0 ends an operation is a null pointer.
    pub compared: bool,
}

/// Runs the whole grid; `program` is the `grid` binary.
///
/// # Panics
/// If a worker cannot be started, or says something else than outcomes.
pub fn run(program: &Path, subject: &Subject) -> Report {
    let cells = plan::cells();
    let mut report = Report::default();
    let mut crashed = HashSet::new();
    let mut next = 0;
    while next < cells.len() {
        let (done, end) = work(program, subject, next, &crashed, |index, outcome| {
            report.add(&cells[index], outcome, subject.compared);
        });
        next = done;
        if let (Some(outcome), true) = (end, next < cells.len()) {
            report.add(&cells[next], outcome, subject.compared);
            crashed.extend(worker::keys(&cells[next]));
            next += 1;
        }
        assert!(crashed.len() < CRASHES_MAX, "the library crashes everywhere:\n{report}");
    }
    report
}

/// One worker from cell `start` on: the first cell without an outcome, and how the worker came to its end there.
fn work(
    program: &Path,
    subject: &Subject,
    start: usize,
    crashed: &HashSet<String>,
    mut tell: impl FnMut(usize, Outcome),
) -> (usize, Option<Outcome>) {
    let mut child = spawn(program, subject, start, crashed);
    let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut next = start;
    let end = loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(line) => {
                let (index, answer) = line.split_once(' ').expect("an index and an outcome");
                assert_eq!(index.parse(), Ok(next), "outcomes come in order");
                tell(next, answer.parse().map_or(Outcome::LeftOut, Outcome::Answer));
                next += 1;
            }
            Err(RecvTimeoutError::Timeout) => break Some(Outcome::Hang),
            Err(RecvTimeoutError::Disconnected) => break Some(Outcome::Crash),
        }
    };
    let _ = child.kill();
    let status = child.wait().expect("it is our child");
    reader.join().expect("it does not panic");
    let end = end.filter(|end| *end == Outcome::Hang || !status.success());
    assert!(status.code() != Some(SETUP_FAILED), "the worker could not set up its token");
    (next, end)
}

fn spawn(program: &Path, subject: &Subject, start: usize, crashed: &HashSet<String>) -> Child {
    let skip: Vec<_> = crashed.iter().map(String::as_str).collect();
    Command::new(program)
        .arg(&subject.module)
        .args([&subject.token, &subject.pin, &subject.so_pin])
        .env("GRID_START", start.to_string())
        .env("GRID_SKIP", skip.join("\n"))
        .env("GRID_COMPARED", if subject.compared { "1" } else { "" })
        .envs(subject.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the grid's binary starts")
}

/// The exit status of a worker that panicked: its own checks failed, not the library.
const SETUP_FAILED: i32 = 101;
/// A call that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// A library that crashes on more kinds of calls is not worth the time.
const CRASHES_MAX: usize = 400;
