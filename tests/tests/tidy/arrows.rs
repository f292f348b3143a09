//! Which crate may use which, and what the pure ones may not touch.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::sources::product;
use crate::{files, metadata, none, read, root};

/// Our crates and those of ours that each may use, in tests too. Nothing points upward.
const ARROWS: [(&str, &[&str]); 15] = [
    ("arith", &[]),
    ("proto", &[]),
    // Alters wire messages, for tests; no product crate may.
    ("lies", &[]),
    ("store", &[]),
    ("token", &["token"]),
    // Every node must decide alike: text in, decision out.
    ("policy", &[]),
    ("threshold", &["arith", "threshold"]),
    ("engine", &["threshold", "proto", "policy", "engine", "lies"]),
    ("client", &["token", "proto", "threshold", "lies"]),
    ("pkcs11-module", &["token", "client"]),
    ("mpc-backend", &["engine", "store", "proto", "threshold", "client", "token"]),
    // A face of the cluster client, as the module is.
    ("kms", &["client", "token", "proto", "policy", "kms"]),
    (
        "tests",
        &[
            "proto",
            "policy",
            "threshold",
            "engine",
            "store",
            "token",
            "client",
            "kms",
            "mpc-backend",
            "conformance",
        ],
    ),
    ("constant-time", &["threshold"]),
    // Sees the module as an application does: through dlopen.
    ("conformance", &[]),
];

#[test]
fn crates_use_only_those_below_them() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let members = metadata["workspace_members"].as_array().unwrap();
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        if !members.contains(&package["id"]) {
            continue;
        }
        let name = package["name"].as_str().unwrap();
        let Some((_, below)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            complaints.push(format!("{name} is not in the list of arrows"));
            continue;
        };
        let used =
            package["dependencies"].as_array().unwrap().iter().map(|used| used["name"].as_str().unwrap());
        complaints.extend(
            used.filter(|used| ours.contains(used) && !below.contains(used))
                .map(|used| format!("{name} may not use {used}")),
        );
    }
    none(complaints);
}

/// Protocols and decisions take time, randomness and messages as arguments (decision 0001); a
/// PKCS#11 token's meaning and the wire's schema have no use for them either.
#[test]
fn pure_crates_know_no_clock_disk_network_thread_or_system_randomness() {
    const PURE: [&str; 5] = [
        "mpc-backend/threshold/src",
        "mpc-backend/engine/src",
        "mpc-backend/kms/policy/src",
        "pkcs11-module/token/src",
        "proto/src",
    ];
    const FORBIDDEN: [&str; 12] = [
        "std::time::Instant",
        "SystemTime",
        "Instant::now",
        "std::fs",
        "std::net",
        "std::thread",
        "std::process",
        "std::env",
        "OsRng",
        "getrandom",
        "thread_rng",
        "tokio::",
    ];
    let mut complaints = Vec::new();
    for file in PURE.iter().flat_map(|folder| files(folder, ".rs")) {
        complaints.extend(product(&file).iter().flat_map(|(number, line)| {
            let at = format!("{}:{number}", file.display());
            FORBIDDEN.iter().filter(|word| line.contains(**word)).map(move |word| format!("{at}: {word}"))
        }));
    }
    none(complaints);
}

/// No async runtime and no second OpenSSL in the application's process (decision 0002). Asked for the
/// module alone: a build of the whole workspace gives its crates the union of all features.
#[test]
fn module_links_neither_a_runtime_nor_openssl() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--package", "pkcs11-module", "--edges", "normal", "--prefix", "none", "--locked"])
        .args(["--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let linked: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(
        linked.contains("client") && linked.contains("rustls"),
        "the tree is not the module's: {linked:?}"
    );
    let unwanted = ["tokio", "tonic", "openssl-sys", "async-std", "smol", "openraft", "redb"];
    none(
        unwanted
            .iter()
            .filter(|name| linked.contains(**name))
            .map(|name| format!("the module links {name}"))
            .collect(),
    );
}

/// Planted bugs and lies are for tests: what is shipped is built without them, and no manifest asks for them
/// but for tests. `tests/shipped.sh` looks into the binaries themselves.
#[test]
fn shipped_crates_are_built_without_the_simulation() {
    let features = |package: &str, edges: &str| {
        let output = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--package", package, "--edges", edges, "--prefix", "none", "--locked"])
            .args(["--format", "{p} [{f}]"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let simulated = |line: &&str| {
        let (crate_name, features) = line.split_once(' ').unwrap_or_default();
        let features = features.rsplit('[').next().unwrap_or_default().trim_end_matches(']');
        ["engine", "threshold"].contains(&crate_name) && features.split(',').any(|feature| feature == "sim")
    };
    let tests = features("engine", "normal,dev");
    assert!(tests.lines().any(|line| simulated(&line)), "the search finds nothing in the tests either");
    let mut complaints = Vec::new();
    for package in ["mpc-backend", "kms", "pkcs11-module"] {
        let tree = features(package, "normal,build");
        assert!(tree.lines().any(|line| line.starts_with("threshold ")), "{package} has no threshold");
        complaints.extend(tree.lines().filter(simulated).map(|line| format!("{package}: {line}")));
    }
    none(complaints);
}

/// The wire's generated types stay with those who speak on the wire (decision 0014).
#[test]
fn generated_types_stay_at_the_edges() {
    const FREE_OF_WIRE: [&str; 5] = [
        "mpc-backend/threshold",
        "mpc-backend/arith",
        "mpc-backend/store",
        "pkcs11-module/token",
        "pkcs11-module/src",
    ];
    let named = |file: &PathBuf| {
        let text = read(file);
        ["proto::client::", "proto::peer::", "proto::registry::"].iter().any(|path| text.contains(path))
    };
    none(
        FREE_OF_WIRE
            .iter()
            .flat_map(|folder| files(folder, ".rs"))
            .filter(named)
            .map(|file| format!("{} names generated wire types", file.display()))
            .collect(),
    );
}
