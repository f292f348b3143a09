//! The set-up ceremony as operators type it, without a cluster: every step's output is the next
//! one's input, and every mistake is one line that names the thing, with exit code 2.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_counterfoil"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Standard output of a command that must succeed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The one line of a command that must be refused for what it was given.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
        assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
        text
    }

    /// Keys of three nodes and two operators, and their manifest.
    fn manifest(&self) -> String {
        let mut arguments: Vec<String> =
            ["cluster", "manifest", "--threshold", "2", "--out", "manifest.toml"].map(String::from).to_vec();
        for number in 1..=3 {
            let key = self.done(&["node", "init", "--dir", &format!("node{number}")]);
            let address = format!("{key},peer=n{number}:7401,client=n{number}:7400");
            arguments.extend(["--node".to_owned(), address]);
        }
        for name in ["alice", "bob"] {
            let key = self.done(&["operator", "init", "--dir", name, "--name", name]);
            arguments.extend(["--operator".to_owned(), format!("{name}={key}")]);
        }
        self.done(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn enrolment(&self, file: &str) {
        let key = self.done(&["client", "init", "--dir", "client"]);
        let enrol = ["client", "enrol", "--manifest", "manifest.toml", "--name", "web", "--client-key", &key];
        self.done(&[&enrol[..], &["--not-after", "4096", "--out", file]].concat());
    }

    fn sign(&self, operator: &str, file: &str) -> Output {
        let key = format!("{operator}/operator.key");
        self.run(&["command", "sign", "--manifest", "manifest.toml", "--operator-key", &key, file])
    }
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn all_copies_of_a_manifest_show_one_id() {
    let desk = Desk::new();
    let id = desk.manifest();
    assert_eq!(id.replace('-', "").len(), 64);
    std::fs::copy(desk.path("manifest.toml"), desk.path("copy.toml")).unwrap();
    replace(&desk.path("copy.toml"), "n2:7400", "moved:7400");
    assert_eq!(desk.done(&["cluster", "show", "copy.toml"]), id);
}

#[test]
fn node_finds_its_own_place_in_the_manifest() {
    let desk = Desk::new();
    desk.manifest();
    desk.done(&["node", "configure", "--dir", "node2", "--manifest", "manifest.toml"]);
    let config = mpc_backend::config::NodeConfig::load(&desk.path("node2/node.toml"), None).unwrap();
    assert_eq!((config.index, config.listen_peer.as_str()), (2, "n2:7401"));
    config.identity().unwrap();
    let again = desk.refused(&["node", "configure", "--dir", "node2", "--manifest", "manifest.toml"]);
    assert!(again.contains("never overwritten"), "{again}");
}

#[test]
fn client_configuration_is_what_the_library_reads() {
    let desk = Desk::new();
    desk.manifest();
    let key = desk.done(&["client", "init", "--dir", "client"]);
    desk.done(&["client", "configure", "--dir", "client", "--manifest", "manifest.toml", "--log", "x.log"]);
    let config = client::config::Config::load(&desk.path("client/client.toml")).unwrap();
    assert_eq!(hex::encode(config.identity.public()), key);
}

#[test]
fn command_goes_from_operator_to_operator() {
    let desk = Desk::new();
    desk.manifest();
    desk.enrolment("cmd.bin");
    let show = || desk.done(&["command", "show", "--manifest", "manifest.toml", "cmd.bin"]);
    assert!(show().contains("nobody of 2 operators has signed"));
    assert!(desk.sign("alice", "cmd.bin").status.success());
    assert!(show().contains("1 of 2 operators signed: alice"));
    assert!(desk.sign("bob", "cmd.bin").status.success());
    assert!(show().contains("2 of 2 operators signed: alice, bob"));
}

#[test]
fn unfinished_command_is_not_sent() {
    let desk = Desk::new();
    desk.manifest();
    desk.enrolment("cmd.bin");
    desk.sign("alice", "cmd.bin");
    let submit = ["command", "submit", "--manifest", "manifest.toml", "--operator-key", "bob/operator.key"];
    let output = desk.run(&[&submit[..], &["cmd.bin"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("must still run `counterfoil command sign`: bob")
    );
}

#[test]
fn stranger_and_changed_command_are_refused() {
    let desk = Desk::new();
    desk.manifest();
    desk.enrolment("cmd.bin");
    desk.done(&["operator", "init", "--dir", "mallory", "--name", "mallory"]);
    let output = desk.sign("mallory", "cmd.bin");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("names no such operator"));
    std::fs::write(desk.path("cmd.bin"), b"\xff").unwrap();
    let line = desk.refused(&["command", "show", "--manifest", "manifest.toml", "cmd.bin"]);
    assert!(line.contains("cmd.bin"), "{line}");
}

#[test]
fn every_mistake_is_one_line_with_the_file_and_a_remedy() {
    let desk = Desk::new();
    desk.manifest();
    let line = desk.refused(&["cluster", "show", "absent.toml"]);
    assert!(line.contains("absent.toml") && line.contains("cluster manifest"), "{line}");
    let line = desk.refused(&["node", "init", "--dir", "node1"]);
    assert!(line.contains("identity.key") && line.contains("never overwritten"), "{line}");
    replace(&desk.path("manifest.toml"), "threshold = 2", "threshold = 3");
    let line = desk.refused(&["cluster", "show", "manifest.toml"]);
    assert!(line.contains("manifest.toml") && line.contains("2 of 3"), "{line}");
    replace(&desk.path("manifest.toml"), "threshold = 3", "threshold = 2\nsurprise = 1");
    let line = desk.refused(&["cluster", "show", "manifest.toml"]);
    assert!(line.contains("surprise"), "{line}");
    std::fs::write(desk.path("node1/identity.key"), "short\n").unwrap();
    let line = desk.refused(&["node", "configure", "--dir", "node1", "--manifest", "manifest.toml"]);
    assert!(line.contains("identity.key") || line.contains("manifest.toml"), "{line}");
}
