//! Planted bugs: each is switched on in honest nodes, and something that the suite watches must notice it; with
//! the bug off, the same run must be clean. `docs/simulation.md` is the list, checked here against the code.

mod checks;
pub mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::bugs::Bug;

/// The shell breaks this rule, not the engine: it gives the boot id.
const OF_THE_SHELL: &str = "BootIdAgain";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Names of the variants of an enum in a source file.
fn variants(path: &str, name: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string(root().join(path)).unwrap();
    let body = source.split(&format!("pub enum {name} {{")).nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.split([',', '(']).next().unwrap().to_owned()).collect()
}

/// Bugs of the engine that are no left-out check.
fn bugs() -> BTreeSet<String> {
    let mut bugs = variants("engine/src/bugs.rs", "Bug");
    assert!(bugs.remove("Unchecked"));
    bugs
}

/// The list: what is planted, how it is found, by which test.
fn rows() -> Vec<[String; 3]> {
    let list = std::fs::read_to_string(root().join("docs/simulation.md")).unwrap();
    let rows = list.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
    rows.map(|line| -> Vec<String> { cells(line) })
        .map(|row| <[String; 5]>::try_from(row).unwrap())
        .map(|[_, planted, how, test, _]| [planted, how, test])
        .collect()
}

fn sources(folders: &[&str]) -> String {
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push_str(&std::fs::read_to_string(path).unwrap_or_default()),
            }
        }
    }
    sources
}

/// A row for each check and each bug and none besides, and each row names a test that exists.
#[test]
fn the_list_of_planted_bugs_is_complete() {
    let rows = rows();
    let listed: BTreeSet<String> = rows.iter().map(|[planted, ..]| planted.clone()).collect();
    let mut wanted = variants("threshold/src/fault.rs", "Rule");
    wanted.extend(bugs());
    wanted.insert(OF_THE_SHELL.into());
    assert_eq!(listed, wanted);
    assert_eq!(rows.len(), wanted.len(), "a row stands twice");
    let sources = sources(&["engine/tests", "threshold/tests", "threshold/src"]);
    for [planted, _, test] in rows {
        assert!(sources.contains(&format!("fn {test}")), "{planted}: there is no test {test}");
    }
}

/// Every nonce rule has a bug, and every bug of the engine is planted by the test that its row names.
#[test]
fn every_nonce_rule_has_a_bug_that_is_planted() {
    let rows = rows();
    for rule in 1..=10 {
        let rule = format!("R{rule}: ");
        assert!(rows.iter().any(|[_, how, _]| how.starts_with(&rule)), "no bug breaks {rule}");
    }
    let all = rules::NONCE_BUGS.iter().chain(&[Bug::ModulusKept]);
    let planted: BTreeSet<String> = all.map(|bug| format!("{bug:?}")).collect();
    assert_eq!(planted, bugs());
}
