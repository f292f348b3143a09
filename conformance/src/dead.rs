//! A configuration for a cluster that does not answer: everything that must work without one, does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::module::Module;

/// The folder of a configuration whose nodes refuse connections.
pub struct DeadCluster(TempDir);

impl DeadCluster {
    /// Writes the configuration and points `COUNTERFOIL_CONFIG` at it.
    ///
    /// # Panics
    /// If the folder cannot be written.
    pub fn configured() -> Self {
        let cluster = Self(tempfile::tempdir().unwrap());
        let nodes = NODE_KEYS.iter().zip(1..).map(|(key, index)| {
            format!("[[node]]\nindex = {index}\nkey = \"{key}\"\npeer = \"127.0.0.1:1\"\nclient = \"127.0.0.1:{index}\"\n")
        });
        let operators = OPERATOR_KEYS.iter().zip(["a", "b"]);
        let operators =
            operators.map(|(key, name)| format!("[[operator]]\nname = \"{name}\"\nkey = \"{key}\"\n"));
        let manifest: String = nodes.chain(operators).collect();
        fs::write(cluster.0.path().join("cluster.toml"), format!("format = 1\nthreshold = 2\n{manifest}"))
            .unwrap();
        let key = cluster.0.path().join("client.key");
        fs::write(&key, "07".repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        cluster.write("manifest = \"cluster.toml\"\nidentity = \"client.key\"\nlog = \"client.log\"\n");
        configure(cluster.path());
        cluster
    }

    /// The module, loaded and initialised with this configuration.
    pub fn module(&self) -> Module {
        Module::initialized()
    }

    /// Replaces `client.toml`.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    /// `client.toml`.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("client.toml")
    }
}

/// Points the module at a configuration.
pub fn configure(path: impl AsRef<std::ffi::OsStr>) {
    set_variable("COUNTERFOIL_CONFIG", path);
}

/// Sets a variable of this process.
pub fn set_variable(name: &str, value: impl AsRef<std::ffi::OsStr>) {
    // SAFETY: tests that touch the module take turns, and nothing else in a test process reads the environment.
    unsafe { std::env::set_var(name, value) };
}

/// Public keys of RFC 8032 section 7.1: points of the curve whose owners run no node.
const NODE_KEYS: [&str; 3] = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
];
const OPERATOR_KEYS: [&str; 2] = [
    "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
];
