//! Opens everything a node needs, in the order in which a refusal costs least: configuration and
//! keys, store, sockets, and only then engine, log and listeners. A refusal leaves nothing running.

use std::sync::Arc;
use std::time::SystemTime;

use ed25519_dalek::SigningKey;
use engine::{Engine, EngineConfig, Input, Limits, PRESIGNATURE_BYTES, Restored};
use proto::manifest::{Manifest, NodeEntry};
use rand_core::{OsRng, RngCore};
use store::RedbStore;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clients::{self, Connections, Desk, Lie};
use super::core::{self, Inputs, QUEUE_MAX, Seat};
use super::disk::Disk;
use super::effects::{Effects, Proposal};
use super::error::StartError;
use super::peers::{self, Dialler, Links};
use super::workshop::Workshop;
use super::{Node, registry};
use crate::config::NodeConfig;
use crate::raft::{Calls, Member, RegistryCall, StoredSnapshot};
use crate::seal::{Costs, Owner, SealError, SealedStore};
use crate::shutdown;
use crate::tls::{self, Acceptor, Expected};

impl Node {
    /// Starts a node. It serves clients once its start-up check has passed. `lie` is for tests.
    pub async fn start(config: NodeConfig, lie: Option<Lie>) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let identity = config.identity()?;
        let opening = config.clone();
        let opened = tokio::task::spawn_blocking(move || open(&opening)).await;
        let store = Arc::new(opened.map_err(std::io::Error::other)??);
        let snapshot = StoredSnapshot::read(&store)?;
        let engine = engine(&config, &identity, &store, snapshot)?;
        let peer_listener = listen("listen_peer", &config.listen_peer).await?;
        let client_listener = listen("listen_client", &config.listen_client).await?;
        let parts = Parts::new(&config, store, engine, lie)?;
        let node = parts.run(&config, &identity, peer_listener, client_listener).await?;
        tracing::info!(
            node = config.index,
            peer = config.listen_peer,
            client = config.listen_client,
            "started"
        );
        Ok(node)
    }
}

/// Opens the sealed store; slow, because the passphrase is stretched.
fn open(config: &NodeConfig) -> Result<SealedStore, StartError> {
    let passphrase = config.passphrase()?;
    let owner = Owner { cluster_id: config.manifest.cluster_id(), node: config.index };
    let store = Box::new(RedbStore::open(&config.store)?);
    SealedStore::open(store, owner, &passphrase, Costs::default()).map_err(|error| seal(config, error))
}

fn seal(config: &NodeConfig, error: SealError) -> StartError {
    StartError::Seal { file: config.store.display().to_string(), error }
}

fn engine(
    config: &NodeConfig,
    identity: &SigningKey,
    store: &SealedStore,
    snapshot: Option<StoredSnapshot>,
) -> Result<Engine, StartError> {
    let mut records = Vec::new();
    for table in engine::persist::TABLES {
        let found = store.scan(table).map_err(|error| seal(config, error))?;
        records.extend(found.into_iter().map(|(key, value)| engine::Record {
            table: table.into(),
            key,
            value,
        }));
    }
    let mut boot_id = [0; 16];
    OsRng.fill_bytes(&mut boot_id);
    let presignatures = |bytes| u32::try_from(bytes / PRESIGNATURE_BYTES as u64).unwrap_or(u32::MAX);
    let limits = Limits {
        presign_pool: config.presign_pool,
        presignatures_max: presignatures(config.pools_bytes_max),
        presignatures_per_key: presignatures(config.pools_bytes_max_per_key),
        presignatures_per_client: presignatures(config.pools_bytes_max_per_client),
        strict: config.strict,
        rsa_pkcs1_decryption: config.rsa_pkcs1_decryption,
        rsa_raw: config.rsa_raw,
        kms_requests_per_s: config.kms_requests_per_s,
        session_keys_max: config.session_keys_max,
        session_keys_per_client: config.session_keys_per_client,
        rsa_pool: config.rsa_pool,
        ..Limits::default()
    };
    let engine_config = EngineConfig {
        manifest: config.manifest.clone(),
        index: config.index,
        identity: identity.clone(),
        boot_id,
        wall_clock_ms: wall_clock_ms(),
        software: concat!("counterfoil-node/", env!("CARGO_PKG_VERSION")).into(),
        limits,
    };
    let registry = snapshot.map(|snapshot| snapshot.registry);
    Ok(Engine::new(engine_config, Restored { records, registry })?)
}

fn wall_clock_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

async fn listen(key: &'static str, address: &str) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| StartError::Listen { key, address: address.into(), error })
}

/// The engine's and the disk's threads, running, and what the edges need to reach them.
struct Parts {
    store: Arc<SealedStore>,
    manifest: Arc<Manifest>,
    links: Arc<Links>,
    connections: Arc<Connections>,
    desk: Desk,
    registry: mpsc::Sender<RegistryCall>,
    reports: mpsc::UnboundedSender<Input>,
    proposals: mpsc::UnboundedReceiver<Proposal>,
    voting: watch::Receiver<bool>,
    serving: watch::Receiver<bool>,
    failed: watch::Receiver<Option<String>>,
    clock: Instant,
    core: shutdown::Trigger,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Parts {
    fn new(
        config: &NodeConfig,
        store: Arc<SealedStore>,
        engine: Engine,
        lie: Option<Lie>,
    ) -> Result<Self, StartError> {
        let manifest = Arc::new(config.manifest.clone());
        let (clients, client_inputs) = mpsc::channel(QUEUE_MAX);
        let (peers, peer_inputs) = mpsc::channel(QUEUE_MAX);
        let (registry, registry_calls) = mpsc::channel(1);
        let (reports, report_inputs) = mpsc::unbounded_channel();
        let (proposals, proposed) = mpsc::unbounded_channel();
        let (voting, may_vote) = watch::channel(false);
        let (serving, serves) = watch::channel(false);
        let (failing, failed) = watch::channel(None);
        let others = others(&manifest, config.index).map(|node| node.index);
        let links = Arc::new(Links::new(config.index, others, peers));
        let connections = Arc::new(Connections::new(lie));
        let (disk, disk_thread) = Disk::start(store.clone(), reports.clone(), failing.clone())?;
        let (workshop, workers) = Workshop::start(&reports, &failing)?;
        let effects = Effects {
            links: links.clone(),
            connections: connections.clone(),
            disk,
            workshop,
            proposals,
            voting,
            serving,
            replaced: None,
        };
        let inputs = Inputs {
            registry: registry_calls,
            reports: report_inputs,
            clients: client_inputs,
            peers: peer_inputs,
        };
        let (core, stop) = shutdown::channel();
        let clock = Instant::now();
        let seat = Seat::new(engine, effects, clock);
        let engine_thread = core::spawn(seat.clone(), inputs, stop)?;
        Ok(Self {
            store,
            manifest,
            links,
            connections,
            desk: Desk { queue: clients, seat: Some(seat) },
            registry,
            reports,
            proposals: proposed,
            voting: may_vote,
            serving: serves,
            failed,
            clock,
            core,
            threads: [engine_thread, disk_thread].into_iter().chain(workers).collect(),
        })
    }

    async fn run(
        self,
        config: &NodeConfig,
        identity: &SigningKey,
        peer_listener: TcpListener,
        client_listener: TcpListener,
    ) -> Result<Node, StartError> {
        let channels = others(&self.manifest, config.index)
            .map(|node| Ok((node.index, peers::channel(identity, node)?)))
            .collect::<Result<Vec<_>, rustls::Error>>()?;
        let calls = Calls::new(channels.clone());
        let members = self.manifest.nodes.iter().map(|node| node.index);
        let member = Member::start(config.index, members, self.store, self.registry, calls).await?;
        let (edges, shutdown) = shutdown::channel();
        let mut edge_tasks = JoinSet::new();

        let (connections, accepted) = mpsc::channel(QUEUE_MAX);
        let expected = Expected::only(others(&self.manifest, config.index).map(|node| node.key));
        let acceptor = Acceptor::new(peer_listener, tls::server_config(identity, expected)?, "peer");
        edge_tasks.spawn(acceptor.run(connections, shutdown.clone()));
        let (manifest, links, peer_member) = (self.manifest.clone(), self.links.clone(), member.clone());
        let peers_shutdown = shutdown.clone();
        edge_tasks.spawn(async move {
            let served = peers::serve(manifest, accepted, links, peer_member, peers_shutdown).await;
            if let Err(error) = served {
                tracing::error!(%error, "the peer listener failed");
            }
        });
        for (peer, channel) in channels.into_iter().filter(|(peer, _)| *peer < config.index) {
            edge_tasks.spawn(Dialler { peer, channel, links: self.links.clone() }.run(shutdown.clone()));
        }

        let (connections, accepted) = mpsc::channel(QUEUE_MAX);
        let acceptor =
            Acceptor::new(client_listener, tls::server_config(identity, Expected::any())?, "client");
        edge_tasks.spawn(acceptor.run(connections, shutdown.clone()));
        let max = config.max_connections;
        edge_tasks.spawn(clients::serve(accepted, self.connections, self.desk, max, shutdown.clone()));

        let mut core_tasks = JoinSet::new();
        core_tasks.spawn(registry::propose(member.clone(), self.proposals, self.reports.clone(), self.clock));
        core_tasks.spawn(registry::vote(member.clone(), self.voting));
        core_tasks.spawn(registry::watch_leader(member.clone(), self.reports));
        Ok(Node {
            edges,
            core: self.core,
            edge_tasks,
            core_tasks,
            threads: self.threads,
            member,
            failed: self.failed,
            serving: self.serving,
        })
    }
}

fn others(manifest: &Manifest, index: u8) -> impl Iterator<Item = &NodeEntry> {
    manifest.nodes.iter().filter(move |node| node.index != index)
}
