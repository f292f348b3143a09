//! Every bad configuration is refused in one line that names the file, the key and the remedy.

use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use mpc_backend::config::NodeConfig;
use mpc_backend::identity;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use tempfile::TempDir;

struct Setup {
    folder: TempDir,
    keys: Vec<SigningKey>,
}

fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let keys: Vec<SigningKey> =
        (1..=3).map(|index| identity::create(&path(&format!("{index}.key"))).unwrap()).collect();
    let nodes = (1u8..).zip(&keys).map(|(index, key)| NodeEntry {
        index,
        key: key.verifying_key().to_bytes(),
        peer: format!("127.0.0.1:{}", 7000 + u16::from(index)),
        client: format!("127.0.0.1:{}", 8000 + u16::from(index)),
    });
    let operators = (1u8..=2).map(|index| OperatorEntry { name: format!("o{index}"), key: [index; 32] });
    let manifest =
        Manifest { format: 1, threshold: 2, nodes: nodes.collect(), operators: operators.collect() };
    std::fs::write(path("manifest.toml"), manifest.to_toml()).unwrap();
    identity::write_private(&path("passphrase"), b"correct horse battery\n").unwrap();
    Setup { folder, keys }
}

const GOOD: &str = "manifest = \"manifest.toml\"\nindex = 1\nidentity = \"1.key\"\nstore = \"store\"\npassphrase_file = \"passphrase\"\n";

impl Setup {
    fn write(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn refusal(&self, text: &str) -> String {
        let error = NodeConfig::load(&self.write(text), None).unwrap_err().to_string();
        assert!(error.contains("node.toml"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }
}

#[test]
fn good_configuration_takes_addresses_from_the_manifest() {
    let setup = setup();
    let config = NodeConfig::load(&setup.write(GOOD), None).unwrap();
    assert_eq!(
        (config.listen_peer.as_str(), config.listen_client.as_str()),
        ("127.0.0.1:7001", "127.0.0.1:8001")
    );
    assert_eq!(config.identity().unwrap().verifying_key(), setup.keys[0].verifying_key());
    assert!(config.passphrase().is_ok());
}

#[test]
fn bad_values_name_their_key() {
    let setup = setup();
    let replaced = |from: &str, to: &str| setup.refusal(&GOOD.replace(from, to));
    assert!(replaced("index = 1", "index = 4").contains("index: 4 is not in the manifest: use 1 to 3"));
    assert!(replaced("index = 1", "index = \"one\"").contains("index"));
    assert!(replaced("manifest.toml", "none.toml").contains("none.toml"));
    assert!(replaced("passphrase_file = \"passphrase\"\n", "").contains("passphrase_file: missing"));
    assert!(setup.refusal(&(GOOD.to_owned() + "surprise = 1\n")).contains("surprise"));
    assert!(setup.refusal(&(GOOD.to_owned() + "log_level = \"loud\"\n")).contains("log_level: \"loud\""));
    assert!(setup.refusal(&(GOOD.to_owned() + "max_connections = 0\n")).contains("max_connections: 0"));
    assert!(setup.refusal(&(GOOD.to_owned() + "presign_pool = 9999\n")).contains("presign_pool: 9999"));
    for key in ["pools_bytes_max", "pools_bytes_max_per_key", "pools_bytes_max_per_client"] {
        assert!(setup.refusal(&format!("{GOOD}{key} = 1000\n")).contains(&format!("{key}: 1000")));
    }
    assert!(setup.refusal(&(GOOD.to_owned() + "listen_peer = \"nowhere\"\n")).contains("listen_peer"));
}

#[test]
fn damaged_manifest_is_named() {
    let setup = setup();
    std::fs::write(setup.folder.path().join("manifest.toml"), "format = 1\nthreshold = 2\n").unwrap();
    assert!(setup.refusal(GOOD).contains("manifest.toml"));
}

#[test]
fn identity_of_another_node_or_cluster_is_refused() {
    let setup = setup();
    let config = NodeConfig::load(&setup.write(&GOOD.replace("1.key", "2.key")), None).unwrap();
    let error = config.identity().unwrap_err().to_string();
    assert!(error.contains("2.key") && error.contains("key of node 2, not of node 1"), "{error}");
    identity::create(&setup.folder.path().join("new.key")).unwrap();
    let config = NodeConfig::load(&setup.write(&GOOD.replace("1.key", "new.key")), None).unwrap();
    assert!(config.identity().unwrap_err().to_string().contains("no node's in the manifest"));
}

#[test]
fn short_or_missing_passphrase_is_refused() {
    let setup = setup();
    identity::write_private(&setup.folder.path().join("short"), b"short\n").unwrap();
    for name in ["short", "none"] {
        let text = GOOD.replace("\"passphrase\"", &format!("{name:?}"));
        let config = NodeConfig::load(&setup.write(&text), None).unwrap();
        assert!(config.passphrase().err().unwrap().to_string().contains(name));
    }
}

#[test]
fn passphrase_may_come_as_a_systemd_credential() {
    let setup = setup();
    let credentials = tempfile::tempdir().unwrap();
    identity::write_private(&credentials.path().join("store-passphrase"), b"from the credential").unwrap();
    let text = GOOD.replace("passphrase_file = \"passphrase\"\n", "");
    let config = NodeConfig::load(&setup.write(&text), Some(credentials.path())).unwrap();
    assert!(config.passphrase().is_ok());
}
