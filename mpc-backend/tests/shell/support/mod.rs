//! What the tests of the shell share: a store that outlives its node, and a small cluster of logs.

pub mod framed;
pub mod nodes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use mpc_backend::node::peers::{self, Dialler, Links, PeerInput};
use mpc_backend::raft::{Calls, Member, RegistryCall, StoredSnapshot};
use mpc_backend::seal::{Costs, Owner, Passphrase, SealedStore};
use mpc_backend::shutdown::{self, Shutdown, Trigger};
use mpc_backend::tls::{self, Acceptor, Expected};
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use store::{MemoryStore, Record, Store, StoreError, Write};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A store that a test can also reach from below the seal, and after its node is gone.
#[derive(Clone, Default)]
pub struct Shared(pub Arc<MemoryStore>);

impl Store for Shared {
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key)
    }

    fn range(
        &self,
        table: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.0.range(table, from, to, limit)
    }

    fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.0.write(writes)
    }
}

/// Cheap guesses, for tests only.
pub const COSTS: Costs = Costs { memory_kib: 8, passes: 1, lanes: 1 };

pub fn sealed(below: &Shared, node: u8) -> Arc<SealedStore> {
    let owner = Owner { cluster_id: [7; 32], node };
    let passphrase = Passphrase::from_bytes(b"correct horse battery");
    Arc::new(SealedStore::open(Box::new(below.clone()), owner, &passphrase, COSTS).unwrap())
}

/// A registry that only remembers what it was told, in order.
#[derive(Clone, Default)]
pub struct Remembered(Arc<Mutex<Vec<Vec<u8>>>>);

impl Remembered {
    pub fn commands(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }

    /// Answers the log until it stops.
    pub fn serve(&self) -> mpsc::Sender<RegistryCall> {
        let (calls, mut receiver) = mpsc::channel(16);
        let commands = self.0.clone();
        tokio::spawn(async move {
            while let Some(call) = receiver.recv().await {
                let mut commands = commands.lock().unwrap();
                match call {
                    RegistryCall::Apply { command, done, .. } => {
                        commands.push(command);
                        done.send(()).unwrap();
                    }
                    RegistryCall::Snapshot { done } => {
                        done.send(serde_json::to_vec(&*commands).unwrap()).unwrap();
                    }
                    RegistryCall::Replace { snapshot, done } => {
                        *commands = serde_json::from_slice(&snapshot).unwrap();
                        done.send(Ok(())).unwrap();
                    }
                }
            }
        });
        calls
    }
}

/// Keys, addresses and disks of a cluster; its nodes come and go.
pub struct Cluster {
    pub manifest: Arc<Manifest>,
    pub keys: Vec<SigningKey>,
    pub stores: Vec<Shared>,
}

impl Cluster {
    pub async fn new() -> Self {
        let keys: Vec<SigningKey> = (1..=3).map(|index| SigningKey::from_bytes(&[index; 32])).collect();
        let mut nodes = Vec::new();
        for (index, key) in (1u8..).zip(&keys) {
            let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
            let peer = format!("127.0.0.1:{port}");
            nodes.push(NodeEntry { index, key: key.verifying_key().to_bytes(), client: peer.clone(), peer });
        }
        let operators = (1..=2).map(|n| OperatorEntry { name: format!("o{n}"), key: [100 + n; 32] });
        let manifest = Manifest { format: 1, threshold: 2, nodes, operators: operators.collect() };
        Self { manifest: Arc::new(manifest), keys, stores: (0..3).map(|_| Shared::default()).collect() }
    }

    pub fn key(&self, index: u8) -> &SigningKey {
        &self.keys[usize::from(index) - 1]
    }

    pub async fn start(&self, index: u8) -> Node {
        let store = sealed(&self.stores[usize::from(index) - 1], index);
        let registry = Remembered::default();
        if let Some(snapshot) = StoredSnapshot::read(&store).unwrap() {
            *registry.0.lock().unwrap() = serde_json::from_slice(&snapshot.registry).unwrap();
        }
        let others: Vec<&NodeEntry> = self.manifest.nodes.iter().filter(|node| node.index != index).collect();
        let channels: Vec<_> =
            others.iter().map(|node| (node.index, peers::channel(self.key(index), node).unwrap())).collect();
        let members = self.manifest.nodes.iter().map(|node| node.index);
        let calls = Calls::new(channels.clone());
        let member = Member::start(index, members, store, registry.serve(), calls).await.unwrap();
        let (engine, inputs) = mpsc::channel(64);
        let links = Arc::new(Links::new(index, others.iter().map(|node| node.index), engine));
        let (trigger, shutdown) = shutdown::channel();
        let mut tasks = vec![self.listen(index, &links, &member, &shutdown).await];
        for (peer, channel) in channels.into_iter().filter(|(peer, _)| *peer < index) {
            let dialler = Dialler { peer, channel, links: links.clone() };
            tasks.push(tokio::spawn(dialler.run(shutdown.clone())));
        }
        member.allow_voting(true).await.unwrap();
        Node { member, registry, links, inputs, trigger, tasks }
    }

    async fn listen(
        &self,
        index: u8,
        links: &Arc<Links>,
        member: &Member,
        shutdown: &Shutdown,
    ) -> JoinHandle<()> {
        let listener = TcpListener::bind(&self.manifest.node(index).unwrap().peer).await.unwrap();
        let keys = self.manifest.nodes.iter().filter(|node| node.index != index).map(|node| node.key);
        let config = tls::server_config(self.key(index), Expected::only(keys)).unwrap();
        let (connections, accepted) = mpsc::channel(16);
        tokio::spawn(Acceptor::new(listener, config, "peer").run(connections, shutdown.clone()));
        let (manifest, links, member) = (self.manifest.clone(), links.clone(), member.clone());
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            peers::serve(manifest, accepted, links, member, shutdown).await.unwrap();
        })
    }
}

pub struct Node {
    pub member: Member,
    pub registry: Remembered,
    pub links: Arc<Links>,
    pub inputs: mpsc::Receiver<PeerInput>,
    trigger: Trigger,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// As a crash: nothing is told to anyone, only the store remains.
    pub async fn kill(self) {
        self.trigger.stop();
        for task in &self.tasks {
            task.abort();
        }
        self.member.stop().await;
    }
}

/// Waits until `done`, or fails with `what` after 20 seconds.
pub async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not within 20 s: {what}"));
}

/// As [`eventually`], for a question that itself waits.
pub async fn eventually_async(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not within 20 s: {what}"));
}
