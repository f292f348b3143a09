//! Documents: links lead somewhere, and every decision is written down in the same form.

use std::path::{Path, PathBuf};

use crate::{files, none, read, root};

/// Where the decision records are.
const DECISIONS: &str = "mpc-backend/docs/decisions";
/// The four parts of a record.
const PARTS: [&str; 4] =
    ["## Context", "## Decision", "## What we give up", "## How we would notice it was wrong"];
/// A page.
const RECORD_LINES_MAX: usize = 60;

#[test]
fn links_lead_to_files_of_the_repository() {
    let mut complaints = Vec::new();
    let mut seen = 0;
    for document in files("", ".md") {
        for target in links(&read(&document)) {
            if target.starts_with("https://") || target.starts_with("http://") || target.starts_with('#') {
                continue;
            }
            seen += 1;
            let file = target.split('#').next().unwrap();
            if !root().join(document.parent().unwrap()).join(file).exists() {
                complaints.push(format!("{}: {target} is not there", document.display()));
            }
        }
    }
    assert!(seen > 0, "no link was found");
    none(complaints);
}

/// Targets of `[text](target)`, code blocks left out.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|target| target.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_decision_is_listed_and_has_its_four_parts() {
    let index = read(&Path::new(DECISIONS).join("README.md"));
    let records: Vec<PathBuf> =
        files(DECISIONS, ".md").into_iter().filter(|file| file.file_name().unwrap() != "README.md").collect();
    let mut complaints = Vec::new();
    for (number, record) in (1..).zip(&records) {
        let name = record.file_name().unwrap().to_string_lossy().into_owned();
        let text = read(record);
        if !name.starts_with(&format!("{number:04}-")) {
            complaints.push(format!("{name} should be number {number:04}"));
        }
        if !index.contains(&format!("({name})")) {
            complaints.push(format!("{name} is not in the index"));
        }
        if text.lines().count() > RECORD_LINES_MAX {
            complaints.push(format!("{name} is longer than a page"));
        }
        let missing = PARTS.iter().filter(|part| !text.contains(**part));
        complaints.extend(missing.map(|part| format!("{name} has no {part:?}")));
    }
    assert!(records.len() >= 15, "{} records were found", records.len());
    none(complaints);
}

/// A decision that code or documents cite by number must exist.
#[test]
fn cited_decisions_exist() {
    let numbers: Vec<String> = files(DECISIONS, ".md")
        .iter()
        .map(|file| file.file_name().unwrap().to_string_lossy().chars().take(4).collect())
        .collect();
    let mut complaints = Vec::new();
    for file in files("", ".rs").into_iter().chain(files("", ".md")).chain(files("", ".toml")) {
        for rest in read(&file).split("ecision ").skip(1) {
            let cited: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if cited.len() == 4 && !numbers.contains(&cited) {
                complaints.push(format!("{}: there is no decision {cited}", file.display()));
            }
        }
    }
    none(complaints);
}
