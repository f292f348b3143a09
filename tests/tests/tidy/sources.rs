//! Source files: where unsafe may stand, how long they are, and what they must not hold.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{files, none, read};

/// Where `unsafe` may stand. The last two play the application, which calls a C library.
const UNSAFE_FENCES: [&str; 4] =
    ["pkcs11-module/src/abi/", "mpc-backend/arith/src/", "conformance/", "tests/"];
/// Lines of a source file: from here on it is mentioned, …
const LINES_WARN: usize = 400;
/// … and from here on refused.
const LINES_MAX: usize = 700;
/// Lines of a `main`.
const BINARY_LINES_MAX: usize = 60;

/// The numbered lines of a file that are neither tests nor comments.
pub fn product(path: &Path) -> Vec<(usize, String)> {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    // `sim`, `testing` and `local_backend` are built for tests only.
    let is_test = |part: &str| {
        let name = part.trim_end_matches(".rs");
        matches!(name, "tests" | "sim" | "testing" | "local_backend" | "benches") || name.ends_with("_tests")
    };
    if parts.iter().any(|part| is_test(part)) {
        return Vec::new();
    }
    let text = read(path);
    let tests = ["\nmod tests {", "\npub(crate) mod tests {"].iter().filter_map(|head| text.find(head)).min();
    let product = &text[..tests.unwrap_or(text.len())];
    (1..)
        .zip(product.lines())
        .map(|(number, line)| (number, line.split("//").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}

#[test]
fn unsafe_stands_behind_its_fences() {
    let word = |line: &str| {
        line.split(|char: char| !char.is_alphanumeric() && char != '_').any(|word| word == "unsafe")
    };
    let mut complaints = Vec::new();
    let mut seen = 0;
    for file in files("", ".rs") {
        let inside = UNSAFE_FENCES.iter().any(|fence| file.starts_with(fence));
        for (number, line) in (1..).zip(read(&file).lines().map(code)).filter(|(_, line)| word(line)) {
            match inside {
                true => seen += 1,
                false => complaints.push(format!("{}:{number}: {}", file.display(), line.trim())),
            }
        }
    }
    assert!(seen > 0, "the search finds nothing even inside the fences");
    none(complaints);
}

/// A line without its comment and without what stands in quotes.
fn code(line: &str) -> String {
    let line = line.split("//").next().unwrap_or_default();
    line.split('"').step_by(2).collect()
}

#[test]
fn crates_outside_the_fences_forbid_unsafe() {
    let relaxed = [
        "pkcs11-module/Cargo.toml",
        "mpc-backend/arith/Cargo.toml",
        "tests/Cargo.toml",
        "tests/constant-time/Cargo.toml",
        "conformance/Cargo.toml",
    ];
    let workspace: toml::Table = read(Path::new("Cargo.toml")).parse().unwrap();
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let mut complaints = Vec::new();
    for file in files("", "Cargo.toml") {
        let manifest: toml::Table = read(&file).parse().unwrap();
        let inherits =
            manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        let is_crate = manifest.contains_key("package");
        if is_crate && inherits != Some(true) && !relaxed.iter().any(|known| file == Path::new(known)) {
            complaints.push(format!("{}: `[lints] workspace = true` is missing", file.display()));
        }
    }
    none(complaints);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let mut complaints = Vec::new();
    for file in files("", ".rs") {
        let lines = read(&file).lines().count();
        let is_binary = file.starts_with("mpc-backend/src/bin");
        if lines > LINES_MAX || (is_binary && lines > BINARY_LINES_MAX) {
            complaints.push(format!("{} has {lines} lines", file.display()));
        } else if lines > LINES_WARN {
            println!("warning: {} has {lines} lines", file.display());
        }
    }
    none(complaints);
}

#[test]
fn nothing_is_left_undone() {
    // Put together here, so that this file does not find itself.
    let words = ["todo!", "unimplemented!", "dbg!", "TODO", "FIXME", "XXX", "allow(dead_code)"]
        .map(|word| (word, word.len()));
    let own = Path::new(file!()).file_name().unwrap();
    let mut complaints = Vec::new();
    for file in files("", ".rs").into_iter().filter(|file| file.file_name() != Some(own)) {
        for (number, line) in (1..).zip(read(&file).lines()) {
            let found = words.iter().filter(|(word, length)| {
                line.find(word).is_some_and(|at| {
                    let around = [line[..at].chars().last(), line[at + length..].chars().next()];
                    !around.iter().flatten().any(|char| char.is_alphanumeric() || *char == '_')
                })
            });
            complaints.extend(found.map(|(word, _)| format!("{}:{number}: {word}", file.display())));
        }
    }
    none(complaints);
}

#[test]
fn every_round_cites_its_specification() {
    let rounds: Vec<_> = files("mpc-backend/threshold/src", ".rs")
        .into_iter()
        .filter(|file| {
            let name = file.file_name().unwrap().to_string_lossy();
            name.strip_prefix("round")
                .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
        })
        .collect();
    assert!(!rounds.is_empty(), "no round file was found");
    none(
        rounds
            .iter()
            .filter(|file| {
                !read(file)
                    .lines()
                    .take_while(|line| line.starts_with("//!"))
                    .any(|line| line.contains("spec/"))
            })
            .map(|file| format!("{}: its head names no spec/*.md", file.display()))
            .collect(),
    );
}

/// Two hashes under one label are one hash.
#[test]
fn hash_labels_are_unique_and_versioned() {
    let is_label = |text: &&str| text.starts_with("counterfoil/") && !text.ends_with(".proto");
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files("", ".rs") {
        for (number, line) in product(&file) {
            for label in line.split('"').skip(1).step_by(2).filter(is_label) {
                places.entry(label.to_owned()).or_default().push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(!places.is_empty(), "no label was found");
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok());
    let versioned = |label: &str| label.split('/').any(is_version);
    none(
        places
            .iter()
            .filter(|(label, places)| places.len() > 1 || !versioned(label))
            .map(|(label, places)| format!("{label:?} stands at {}", places.join(", ")))
            .collect(),
    );
}
