//! The specification's coverage tables name tests that exist, and every rule of ECDSA has a row.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Words of the specification between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_test_and_lie_that_the_specification_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code: String = [sources(&root.join("src")), sources(&root.join("tests"))]
        .concat()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let spec = read("spec/ecdsa.md");
    let mut named = 0;
    for name in quoted(&spec) {
        let is_test = name.matches('_').count() >= 3;
        if is_test {
            assert!(code.contains(&format!("fn {}", name.trim_end_matches('*'))), "no test `{name}`");
        } else if let Some(lie) = name.strip_prefix("Lie::").filter(|lie| *lie != "*") {
            assert!(code.contains(&format!("(Self::{lie}, Rule::")), "no lie `{name}`");
        }
        named += usize::from(is_test);
    }
    assert!(named > 30, "the tables name {named} tests");
}

#[test]
fn every_rule_of_ecdsa_has_a_row_in_the_coverage_table() {
    let spec = read("spec/ecdsa.md");
    let faults = read("src/fault.rs");
    let mut rules = 0;
    let mut lines = faults.lines();
    while let Some(line) = lines.next() {
        if line.trim().starts_with("/// ecdsa ") {
            let variant = lines.find(|line| line.trim().ends_with(',') && !line.contains('"')).unwrap();
            let rule = variant.trim().trim_end_matches(',');
            assert!(spec.contains(&format!("| {rule} |")), "{rule} has no row");
            rules += 1;
        }
    }
    assert_eq!(rules, 20);
}
