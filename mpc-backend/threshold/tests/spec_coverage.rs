//! The specifications' coverage tables name tests that exist, and every rule and every numbered
//! check has a row.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
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

/// The cells of each row of the tables in `text`.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// What follows the heading of the coverage table.
fn coverage(spec: &str) -> &str {
    ["## 11. Tests", "## 7. Test coverage", "## 5. Test coverage"]
        .iter()
        .find_map(|heading| spec.split_once(heading))
        .unwrap()
        .1
}

/// The rules of a specification, with the steps that their documentation names.
fn rules(name: &str) -> Vec<(String, String)> {
    let faults = read("src/fault.rs");
    let mut rules = vec![];
    let mut lines = faults.lines();
    while let Some(line) = lines.next() {
        if let Some(doc) = line.trim().strip_prefix(&format!("/// {name} ")) {
            let variant = lines.find(|line| line.trim().ends_with(',') && !line.contains('"')).unwrap();
            let steps = doc.split_once(':').unwrap().0;
            rules.push((variant.trim().trim_end_matches(',').to_owned(), steps.to_owned()));
        }
    }
    rules
}

#[test]
fn every_test_and_lie_that_the_specifications_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code: String = [sources(&root.join("src")), sources(&root.join("tests"))]
        .concat()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for (spec, at_least) in [
        ("spec/ecdsa.md", 30),
        ("spec/dkg.md", 20),
        ("spec/oprf.md", 10),
        ("spec/ecdh.md", 8),
        ("spec/dprf.md", 6),
        ("spec/import.md", 4),
        ("spec/replicated.md", 20),
        ("spec/rsa.md", 15),
        ("spec/rsa-generation.md", 15),
        ("spec/frost.md", 10),
    ] {
        let text = read(spec);
        let mut named = 0;
        for name in quoted(&text) {
            let is_test = name.matches('_').count() >= 3;
            if is_test {
                let test = format!("fn {}", name.trim_end_matches(['*', '.']));
                assert!(code.contains(&test), "{spec}: no test `{name}`");
            } else if let Some(lie) = name.strip_prefix("Lie::").filter(|lie| *lie != "*") {
                assert!(code.contains(&format!("(Self::{lie}, Rule::")), "no lie `{name}`");
            }
            named += usize::from(is_test);
        }
        assert!(named >= at_least, "the tables of {spec} name {named} tests");
    }
}

#[test]
fn every_rule_has_a_row_that_says_how_the_lie_passes_without_it() {
    for (name, count) in [
        ("ecdsa", 20),
        ("dkg", 10),
        ("oprf", 1),
        ("ecdh", 2),
        ("import", 1),
        ("replicated", 9),
        ("rsa", 4),
        ("rsa-generation", 6),
        ("frost", 1),
    ] {
        let spec = read(&format!("spec/{name}.md"));
        let rules = rules(name);
        assert_eq!(rules.len(), count, "rules of {name}");
        for (rule, steps) in rules {
            let row = rows(coverage(&spec)).find(|row| row.get(1) == Some(&rule.as_str()));
            let row = row.unwrap_or_else(|| panic!("{name}: {rule} has no row"));
            // A pair that is dead is no lie, so there is none to let pass.
            assert!(row.last().unwrap().starts_with("yes") || rule == "PairDead", "{name}: {row:?}");
            assert!(name == "ecdsa" || row[0] == steps, "{rule} is of {steps}, not of {}", row[0]);
        }
    }
}

/// Numbers such as 2.5 that begin a *check* of the steps, in the whole text above the tables.
fn numbered_checks(spec: &str) -> BTreeSet<String> {
    let steps = spec.split_once("Test coverage").unwrap().0;
    let words: Vec<&str> = steps.split_whitespace().collect();
    let number =
        |word: &&str| word.split('.').count() == 2 && word.split('.').all(|n| n.parse::<u8>().is_ok());
    let checks = words.windows(2).filter(|pair| pair[1] == "*check*").map(|pair| pair[0]);
    checks.filter(number).map(str::to_owned).collect()
}

#[test]
fn every_numbered_check_has_a_row() {
    for (name, count) in [
        ("dkg", 16),
        ("oprf", 4),
        ("ecdh", 6),
        ("import", 9),
        ("replicated", 11),
        ("rsa", 13),
        ("rsa-generation", 14),
        ("frost", 5),
    ] {
        let spec = read(&format!("spec/{name}.md"));
        let checks = numbered_checks(&spec);
        assert_eq!(checks.len(), count, "{name}: {checks:?}");
        for check in checks {
            let of_every_round = format!("x.{}", check.split_once('.').unwrap().1);
            let row = rows(coverage(&spec)).find(|row| row[0] == check || row[0] == of_every_round);
            let row = row.unwrap_or_else(|| panic!("{name}: {check} has no row"));
            assert!(row.iter().any(|cell| cell.contains("`")), "{name}: no test for {check}");
        }
    }
}
