//! `deny.toml` held against the dependency tree, with cargo's own metadata and no extra tool.

use std::path::Path;

use serde_json::Value;
use toml::Table;

use crate::{metadata, none, read};

fn rules() -> Table {
    read(Path::new("deny.toml")).parse().unwrap()
}

/// Packages that are not ours.
fn foreign(metadata: &Value) -> Vec<&Value> {
    let all = metadata["packages"].as_array().unwrap();
    all.iter().filter(|package| !package["source"].is_null()).collect()
}

fn title(package: &Value) -> String {
    format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
}

#[test]
fn licences_are_on_the_list() {
    let rules = rules();
    let allowed: Vec<&str> =
        rules["licenses"]["allow"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let metadata = metadata();
    none(
        metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| !package["license"].as_str().is_some_and(|text| permits(text, &allowed)))
            .map(|package| format!("{}: licence {}", title(package), package["license"]))
            .collect(),
    );
}

#[test]
fn banned_packages_are_absent() {
    let (rules, metadata) = (rules(), metadata());
    let mut complaints = Vec::new();
    for ban in rules["bans"]["deny"].as_array().unwrap() {
        let name = ban["name"].as_str().unwrap();
        let requirement = ban.get("version").map(|version| version.as_str().unwrap());
        let banned = |package: &&Value| {
            package["name"] == name
                && requirement.is_none_or(|text| matches(text, package["version"].as_str().unwrap()))
        };
        complaints.extend(
            foreign(&metadata)
                .into_iter()
                .filter(banned)
                .map(|package| format!("{} is banned", title(package))),
        );
    }
    none(complaints);
}

#[test]
fn packages_come_from_the_named_registry() {
    let (rules, metadata) = (rules(), metadata());
    let allowed: Vec<String> = rules["sources"]["allow-registry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("registry+{}", one.as_str().unwrap()))
        .collect();
    none(
        foreign(&metadata)
            .into_iter()
            .filter(|package| !allowed.iter().any(|source| package["source"] == source.as_str()))
            .map(|package| format!("{} comes from {}", title(package), package["source"]))
            .collect(),
    );
}

/// Whether an SPDX expression can be met with allowed licences: any side of an OR, every side of an
/// AND, innermost brackets first. The old `A/B` means OR.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    if let Some(open) = expression.rfind('(') {
        let (before, rest) = (&expression[..open], &expression[open + 1..]);
        let Some((inside, after)) = rest.split_once(')') else { return false };
        let value = if permits(inside, allowed) { YES } else { NO };
        return permits(&format!("{before} {value} {after}"), allowed);
    }
    let one = |id: &str| id == YES || allowed.contains(&id);
    let every = |side: &str| side.split(" AND ").all(|id| one(id.trim()));
    expression.replace('/', " OR ").split(" OR ").any(every)
}

const YES: &str = "yes";
const NO: &str = "no";

/// The two kinds of requirement that `deny.toml` uses.
fn matches(requirement: &str, version: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let release = text.split(['-', '+']).next().unwrap();
        let mut numbers: Vec<u64> = release.split('.').map(|part| part.parse().unwrap()).collect();
        numbers.resize(3, 0);
        numbers
    };
    match (requirement.strip_prefix(">="), requirement.strip_prefix('<')) {
        (Some(least), _) => numbers(version) >= numbers(least),
        (_, Some(bound)) => numbers(version) < numbers(bound),
        _ => panic!("write {requirement:?} as <X or >=X"),
    }
}

#[test]
fn expressions_are_judged_as_spdx_means_them() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "ISC AND (GPL-3.0 OR MIT)", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(permits(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0", ""] {
        assert!(!permits(bad, &allowed), "{bad}");
    }
}

#[test]
fn versions_compare_as_numbers() {
    assert!(matches(">=0.14", "0.14.0") && matches(">=0.14", "1.0.0") && !matches(">=0.14", "0.13.9"));
    assert!(matches("<2", "1.3.3") && !matches("<2", "2.0.0-rc.3"));
}
