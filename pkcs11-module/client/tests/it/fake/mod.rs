//! A cluster of fake nodes in this process: real TLS, frames, OPRF and presignatures; one perfect
//! registry that all of them share. Each node can be told to misbehave.

mod keys;
mod kms;
pub mod rsa;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::ClusterClient;
use client::config::Config;
use client::identity::Identity;
use client::log::Level;
use ed25519_dalek::SigningKey;
use proto::client::v1::{Code, Error, NodeFrame, request, response};
use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};

pub use self::world::{TOKEN, World, part_digests};

/// What a node does instead of its duty.
pub enum Deed {
    Refuse(Code),
    /// Says that it cannot, because these nodes are away.
    Miss(Vec<u32>),
    /// Never answers.
    Hang,
    /// Sends one byte of the answer every few milliseconds, forever.
    Drip,
    /// Does its duty, then closes without an answer.
    LoseAnswer,
    /// Does its duty and alters the answer.
    Lie(fn(&mut response::Result)),
    /// Does its duty, alters its part of the signature and signs that.
    Perjure(fn(&mut Vec<u8>)),
    /// Does its duty after so many milliseconds.
    Delay(u64),
}

/// Decides for each request; `None` is duty.
pub type Script = Box<dyn FnMut(&request::Op) -> Option<Deed> + Send>;

/// Sees each frame that a node sends, and may change it.
pub type Alter = Box<dyn FnMut(&mut NodeFrame) + Send>;

/// One node.
pub struct Node {
    pub index: u8,
    pub key: SigningKey,
    pub cluster_id: Mutex<[u8; 32]>,
    /// What its hello says in place of a welcome.
    pub hello_error: Mutex<Option<Error>>,
    script: Mutex<Option<Script>>,
    alter: Mutex<Option<Alter>>,
    running: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// The cluster; stops when dropped.
pub struct Fake {
    pub manifest: Manifest,
    pub nodes: BTreeMap<u8, Arc<Node>>,
    pub world: Arc<Mutex<World>>,
}

pub const CLIENT_SEED: [u8; 32] = [77; 32];

impl Fake {
    /// 2 of 3, with one uninitialised token.
    pub fn start() -> Self {
        Self::with_keys(|index| SigningKey::from_bytes(&[index; 32]))
    }

    /// 2 of 3, where nodes prove the keys that `proven` gives; the manifest names the usual ones.
    pub fn with_keys(proven: impl Fn(u8) -> SigningKey) -> Self {
        Self::of(2, proven)
    }

    /// 3 of 5, with one uninitialised token.
    pub fn of_five() -> Self {
        Self::of(3, |index| SigningKey::from_bytes(&[index; 32]))
    }

    fn of(threshold: u8, proven: impl Fn(u8) -> SigningKey) -> Self {
        let listeners: Vec<(u8, TcpListener)> =
            (1..2 * threshold).map(|index| (index, TcpListener::bind("127.0.0.1:0").unwrap())).collect();
        let manifest = Manifest {
            format: FORMAT,
            threshold,
            nodes: listeners
                .iter()
                .map(|(index, listener)| NodeEntry {
                    index: *index,
                    key: SigningKey::from_bytes(&[*index; 32]).verifying_key().to_bytes(),
                    peer: "127.0.0.1:1".into(),
                    client: listener.local_addr().unwrap().to_string(),
                })
                .collect(),
            operators: (0..2)
                .map(|index| OperatorEntry { name: format!("o{index}"), key: [200 + index; 32] })
                .collect(),
        };
        let world = Arc::new(Mutex::new(World::new(&manifest)));
        let nodes: BTreeMap<u8, Arc<Node>> = listeners
            .into_iter()
            .map(|(index, listener)| {
                let node = Arc::new(Node {
                    index,
                    key: proven(index),
                    cluster_id: Mutex::new(manifest.cluster_id()),
                    hello_error: Mutex::default(),
                    script: Mutex::default(),
                    alter: Mutex::default(),
                    running: AtomicBool::new(true),
                    streams: Mutex::default(),
                });
                wire::listen(listener, node.clone(), world.clone());
                (index, node)
            })
            .collect();
        Self { manifest, nodes, world }
    }

    /// A client whose deadline a busy machine keeps, and that ends a test of failures soon.
    pub fn client(&self) -> Arc<ClusterClient> {
        self.client_with(Duration::from_secs(4))
    }

    pub fn client_with(&self, deadline: Duration) -> Arc<ClusterClient> {
        Arc::new(ClusterClient::new(Config { deadline, ..self.config() }))
    }

    /// Of such a client, without a log.
    pub fn config(&self) -> Config {
        Config {
            manifest: self.manifest.clone(),
            identity: Identity::from_seed(&CLIENT_SEED),
            rsa: token::backend::RsaPolicy::default(),
            views: Vec::new(),
            deadline: Duration::from_millis(1500),
            log: None,
            log_level: Level::Warn,
        }
    }

    /// Tells a node how to behave from now on.
    pub fn script(&self, node: u8, script: impl FnMut(&request::Op) -> Option<Deed> + Send + 'static) {
        *self.nodes[&node].script.lock().unwrap() = Some(Box::new(script));
    }

    /// Has a node's frames altered from now on.
    pub fn alter(&self, node: u8, alter: impl FnMut(&mut NodeFrame) + Send + 'static) {
        *self.nodes[&node].alter.lock().unwrap() = Some(Box::new(alter));
    }

    /// From now on the node does its duty.
    pub fn behave(&self, node: u8) {
        *self.nodes[&node].script.lock().unwrap() = None;
        *self.nodes[&node].alter.lock().unwrap() = None;
    }

    /// Kills a node's process, as far as clients can see.
    pub fn stop(&self, node: u8) {
        let address = &self.manifest.node(node).unwrap().client;
        let node = &self.nodes[&node];
        node.running.store(false, Ordering::SeqCst);
        // The listener wakes up and sees that it is over.
        let _ = TcpStream::connect(address);
        for stream in node.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Starts it again at its address.
    pub fn restart(&self, node: u8) {
        let address = &self.manifest.node(node).unwrap().client;
        let listener = (0..200)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(5));
                TcpListener::bind(address).ok()
            })
            .expect("the port is free again");
        let node = &self.nodes[&node];
        node.running.store(true, Ordering::SeqCst);
        wire::listen(listener, node.clone(), self.world.clone());
    }

    /// How many requests of this kind each node has received.
    pub fn count(&self, kind: &str) -> usize {
        self.world.lock().unwrap().seen.iter().filter(|(_, seen)| *seen == kind).count()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        for node in self.nodes.keys() {
            self.stop(*node);
        }
    }
}
