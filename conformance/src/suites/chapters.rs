//! Our own chapters (`tests/pkcs11`) run against SoftHSM2: what it does otherwise, with the clause of PKCS#11 that says who is
//! right.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{Error, Result};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::grid::report::name;
use crate::lab::SKIPPED;
use crate::softhsm::SoftHsm;

use super::Report;
use super::expected::Expected;
use super::offered::Offered;
use super::outcome::Outcome;

/// How all tests went.
#[derive(Debug, Default)]
pub struct Run {
    outcomes: BTreeMap<String, Outcome>,
    /// What each test that did not pass said.
    said: BTreeMap<String, String>,
}

/// Runs the tests of `program`, which is `tests/pkcs11`, whose name contains `filter`: each in a process of its own, with a
/// token of its own.
///
/// # Errors
/// If SoftHSM2 is not there or a test cannot be started.
pub fn run(program: &Path, filter: &str) -> Result<Run> {
    let listed = Command::new(program).args(["--list", "--format", "terse"]).output()?;
    let listed = String::from_utf8(listed.stdout).map_err(Error::other)?;
    let tests = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    let mut run = Run::default();
    for test in tests.filter(|test| test.contains(filter)) {
        let (outcome, said) = one(program, test)?;
        run.outcomes.insert(test.into(), outcome);
        run.said.insert(test.into(), said);
    }
    Ok(run)
}

impl Run {
    /// Holds what happened against the list: the text to print, and whether the list is true. Of a run of some tests only
    /// their part of the list is looked at.
    pub fn held_against(&self, expected: Vec<Expected>, all: bool, offered: &Offered) -> (String, bool) {
        let ran = |expected: &Expected| all || self.outcomes.contains_key(&expected.test);
        let expected: Vec<_> = expected.into_iter().filter(ran).collect();
        let report = Report::new(&self.outcomes, &expected, |name| offered.has(name));
        let mut text = String::new();
        for (test, outcome) in &self.outcomes {
            let said = &self.said[test];
            let excuse = expected.iter().find(|expected| expected.test == *test);
            let excuse = excuse.and_then(|expected| expected.reason.holds(|name| offered.has(name)));
            let _ = match (outcome, excuse) {
                (Outcome::Failed, Some(excuse)) => writeln!(text, "{test}: {said} [{excuse}]"),
                (Outcome::Failed, None) => writeln!(text, "{test}: {said} [NOT LISTED]"),
                (Outcome::Skipped, _) => writeln!(text, "{test}: skipped, {said}"),
                (Outcome::Passed, _) => Ok(()),
            };
        }
        text.push_str(&report.in_kinds());
        (text, report.is_as_listed())
    }
}

fn one(program: &Path, test: &str) -> Result<(Outcome, String)> {
    let softhsm = SoftHsm::new()?;
    let folder = tempfile::tempdir()?;
    let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
    let mut child = Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .envs(softhsm.environment())
        .env("PKCS11_MODULE", &softhsm.module)
        .env("COUNTERFOIL_TEST_TOKEN", SoftHsm::TOKEN)
        .env("COUNTERFOIL_TEST_SO_PIN", SoftHsm::SO_PIN)
        .env("COUNTERFOIL_TEST_PIN", SoftHsm::PIN)
        .env("SEQUENCES", "200")
        .env_remove("COUNTERFOIL_TEST_CONFIG")
        .env_remove("COUNTERFOIL_TEST_PRIVATE")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(File::create(&stdout)?)
        .stderr(File::create(&stderr)?)
        .spawn()?;
    let Some(status) = wait(&mut child)? else {
        return Ok((Outcome::Failed, "no end".into()));
    };
    let read = |path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (stdout, stderr) = (read(&stdout)?, read(&stderr)?);
    // The runner's own words stand before it on the line.
    let skipped = stdout.lines().find_map(|line| line.split_once(SKIPPED));
    Ok(match (status.success(), skipped) {
        (true, Some((_, what))) => (Outcome::Skipped, what.into()),
        (true, None) => (Outcome::Passed, String::new()),
        (false, _) => (Outcome::Failed, first_failure(&stderr, status)),
    })
}

/// Waits, but not for ever; `None` if the child had to be ended.
fn wait(child: &mut Child) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The first panic in one line, its codes by name.
fn first_failure(stderr: &str, status: ExitStatus) -> String {
    let mut lines = stderr.lines().skip_while(|line| !line.contains("panicked at "));
    let Some(place) = lines.next() else {
        return match status.signal() {
            Some(signal) => format!("ended by signal {signal}"),
            None => "no panic and no success".into(),
        };
    };
    let place = place.split_once("panicked at ").map_or(place, |(_, place)| place);
    let place: Vec<_> = place.rsplit('/').next().unwrap_or(place).split(':').take(2).collect();
    let mut message: Vec<String> = lines
        .take_while(|line| !line.starts_with("note: ") && !line.trim().is_empty())
        .map(|line| by_name(line.trim()).chars().take(LENGTH_MAX).collect())
        .collect();
    // Of a long one the beginning and the end.
    if message.len() > 3 {
        message.drain(1..message.len() - 1);
    }
    let signal = status.signal().map(|signal| format!(", then ended by signal {signal}"));
    format!("{}: {}{}", place.join(":"), message.join(", "), signal.unwrap_or_default())
}

/// Numbers that are codes, by name: those of `assert_eq!` and of `Result::expect`.
fn by_name(line: &str) -> String {
    let bare = |text: &str| text.parse().ok().map(name);
    let code = |text: &str| {
        let inside = text.strip_prefix("Err(").and_then(|text| text.strip_suffix(')'));
        inside.map_or_else(|| bare(text), |text| bare(text).map(|name| format!("Err({name})")))
    };
    let (start, end) = line.rsplit_once(": ").unwrap_or(("", line));
    match code(end) {
        Some(name) => format!("{start}: {name}"),
        None => line.into(),
    }
}

/// Some assertions print whole keys.
const LENGTH_MAX: usize = 160;
/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let text = "\nthread 'x' (7) panicked at conformance/tests/pkcs11/x.rs:12:5:\nassertion `left == right` failed: C_X\n  \
                    left: 5\n right: 0\nnote: run with more\n";
        let failed = ExitStatus::from_raw(101 << 8);
        let said = "x.rs:12: assertion `left == right` failed: C_X, left: CKR_GENERAL_ERROR, right: CKR_OK";
        assert_eq!(first_failure(text, failed), said);
        assert_eq!(by_name("C_Y: Err(84)"), "C_Y: Err(CKR_FUNCTION_NOT_SUPPORTED)");
        assert_eq!(first_failure("", ExitStatus::from_raw(11)), "ended by signal 11");
    }
}
