//! The Kubernetes socket of the KMS agent, as an API server speaks to it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use client::ClusterClient;
use client::kms::{KmsRecord, Spec};
use kms::kubernetes::v2::key_management_service_client::KeyManagementServiceClient;
use kms::kubernetes::v2::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};
use proto::kms::v1::{KmsKey, State, Usage};
use tests::application::binary_beside;
use tests::lab::{Lab, PIN};
use token::backend::{Backend, Freshness, Role};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

const ALIAS: &str = "kubernetes";
const SEED: &[u8] = &[7; 32];

/// An agent with a socket, beside the lab's own; ends with this.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(lab: &Lab) -> Self {
        let folder = lab.folder().join("kms");
        let socket = folder.join("kubernetes.sock");
        let text = std::fs::read_to_string(folder.join("kms.toml")).unwrap();
        let mut settings: toml::Table = text.parse().unwrap();
        settings.insert("listen".into(), format!("unix:{}", folder.join("aws.sock").display()).into());
        let plugin = toml::Table::from_iter([
            ("socket".to_owned(), socket.to_str().unwrap().into()),
            ("access_key_id".to_owned(), settings["credential"][0]["access_key_id"].clone()),
            ("key".to_owned(), format!("alias/{ALIAS}").into()),
        ]);
        settings.insert("kubernetes".into(), plugin.into());
        let config = folder.join("kubernetes.toml");
        std::fs::write(&config, settings.to_string()).unwrap();
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).unwrap();
        let binary = binary_beside(&std::env::current_exe().unwrap(), "counterfoil-kms").unwrap();
        let process = Command::new(binary).arg("--config").arg(&config).spawn().unwrap();
        let agent = Self { process, socket };
        let start = Instant::now();
        while std::os::unix::net::UnixStream::connect(&agent.socket).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the agent does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        agent
    }

    /// A new connection, and what it is asked.
    fn ask<R>(
        &self,
        ask: impl AsyncFnOnce(&mut KeyManagementServiceClient<Channel>) -> Result<tonic::Response<R>, Status>,
    ) -> Result<R, Status> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let endpoint = Endpoint::try_from(format!("unix:{}", self.socket.display())).unwrap();
            let mut client = KeyManagementServiceClient::new(endpoint.connect().await.unwrap());
            ask(&mut client).await.map(tonic::Response::into_inner)
        })
    }

    fn status(&self) -> StatusResponse {
        self.ask(async |client| client.status(StatusRequest {}).await).unwrap()
    }

    fn encrypt(&self, plaintext: &[u8]) -> Result<EncryptResponse, Status> {
        let request = EncryptRequest { plaintext: plaintext.to_vec(), uid: "1".into() };
        self.ask(async |client| client.encrypt(request).await)
    }

    fn decrypt(&self, request: DecryptRequest) -> Result<DecryptResponse, Status> {
        self.ask(async |client| client.decrypt(request).await)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn asked(answer: &EncryptResponse) -> DecryptRequest {
    DecryptRequest {
        ciphertext: answer.ciphertext.clone(),
        uid: "2".into(),
        key_id: answer.key_id.clone(),
        annotations: answer.annotations.clone(),
    }
}

/// A symmetric key with the alias, made by the lab's own client.
fn key(config: &Path) -> (std::sync::Arc<ClusterClient>, token::backend::TokenId, KmsRecord) {
    let client = ClusterClient::from_config(config).unwrap();
    let token = client.tokens().unwrap()[0].id;
    client.login(token, Role::User, PIN.as_bytes()).unwrap();
    let mut record = KmsKey { created_unix_s: 1, aliases: vec![ALIAS.into()], ..KmsKey::default() };
    record.set_usage(Usage::EncryptDecrypt);
    record.set_state(State::Enabled);
    let key = client.kms(token).create(Spec::Symmetric, "kms", record).unwrap();
    (client, token, key)
}

#[test]
fn api_server_finds_a_plugin_that_keeps_what_it_promises() {
    let lab = Lab::up_with(3, 2, &["--kms", "0"]).unwrap();
    let (client, token, key) = key(Path::new(&lab.variable("COUNTERFOIL_CONFIG").unwrap()));
    let agent = Agent::start(&lab);

    // 1. It is well, and names its key.
    let status = agent.status();
    assert_eq!((status.version.as_str(), status.healthz.as_str()), ("v2", "ok"));
    assert!(status.key_id.contains(&key.id()) && status.key_id.len() < 1024);
    // 2. Nobody else may speak to it.
    let mode = std::fs::metadata(&agent.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // 3. What it encrypts fits beside the data, under the key that it named.
    let answer = agent.encrypt(SEED).unwrap();
    assert!((1..1024).contains(&answer.ciphertext.len()), "{}", answer.ciphertext.len());
    assert_eq!(answer.key_id, status.key_id);
    // 4. It comes back, and 5. never looks the same.
    assert_eq!(agent.decrypt(asked(&answer)).unwrap().plaintext, SEED);
    assert_ne!(agent.encrypt(SEED).unwrap().ciphertext, answer.ciphertext);
    // 6. Damage is found, 7. another key id is too, and 8. so are annotations that it never made.
    let refused = |edit: &dyn Fn(&mut DecryptRequest)| {
        let mut lie = asked(&answer);
        edit(&mut lie);
        assert_eq!(agent.decrypt(lie).unwrap_err().code(), Code::InvalidArgument);
    };
    for at in (0..answer.ciphertext.len()).step_by(17) {
        refused(&|lie| lie.ciphertext[at] ^= 1);
    }
    refused(&|lie| lie.ciphertext.truncate(40));
    refused(&|lie| lie.key_id.push('0'));
    refused(&|lie| drop(lie.annotations.insert("kms.example/a".into(), vec![1])));
    // 9. After a restart it is the same key, and after new material another, which opens the old.
    drop(agent);
    let agent = Agent::start(&lab);
    assert_eq!(agent.status().key_id, status.key_id);
    let current = client.kms(token).find(&key.id(), Freshness::Current).unwrap();
    client.kms(token).rotate(&current, 2, true).unwrap();
    let newer = agent.encrypt(SEED).unwrap();
    assert_ne!(newer.key_id, status.key_id);
    assert_eq!(agent.status().key_id, newer.key_id);
    assert_eq!(agent.decrypt(asked(&newer)).unwrap().plaintext, SEED);
    assert_eq!(agent.decrypt(asked(&answer)).unwrap().plaintext, SEED);
    drop(agent);
    let agent = Agent::start(&lab);
    assert_eq!(agent.status().key_id, newer.key_id);
    // 10. With one node away nothing changes; with two it is ill, and still the same key.
    lab.kill(3).unwrap();
    assert_eq!(agent.decrypt(asked(&answer)).unwrap().plaintext, SEED);
    lab.kill(2).unwrap();
    assert_eq!(agent.encrypt(SEED).unwrap_err().code(), Code::Unavailable);
    assert_eq!(agent.status().key_id, newer.key_id);
}
