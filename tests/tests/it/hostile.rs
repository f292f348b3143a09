//! Strangers and an enrolled client that misbehave beside an application that signs: no failed call,
//! no memory that grows with them, and each is in the node's log with what it is known by.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use mpc_backend::tls::{self, PublicKey};
use prost::Message;
use proto::client::v1::client_frame::Frame;
use proto::client::v1::{
    ClientFrame, Hello, LeaseRequest, NodeFrame, Request, SignRequest, node_frame, request, response,
};
use proto::limits::{CLIENT_FRAME_BYTES_MAX, FORMAT};
use proto::manifest::{Manifest, NodeEntry};
use rand_core::{OsRng, RngCore};
use tests::application::finish_load;
use tests::lab::Lab;
use tests::openssl::accept_all;
use tests::process::resident_bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a node may gain: its allocator's pieces, not anything that counts attackers.
const GROWTH_MAX: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
/// Silent connections to each listener at a time.
const SILENT: usize = 40;

#[test]
fn hostile_clients_and_strangers_disturb_nobody_and_fill_nothing() {
    let rounds = crate::setting("HOSTILE_ROUNDS", 40);
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    let point = target.keygen("beside").unwrap();
    let attack = Attack::new(&lab);
    // What a node keeps for good after its first attackers is there before the count begins.
    attack.rounds(10);
    let before = sizes(&lab);
    let load = target.start_load("beside", 10, 2).unwrap();
    attack.rounds(rounds);
    let load = finish_load(load).unwrap();
    let after = sizes(&lab);

    let accepted = accept_all(&point, &load.samples).unwrap();
    println!(
        "{rounds} rounds of attacks on 3 nodes: {} signatures, {} failed calls, slowest {} us, {accepted} samples accepted by OpenSSL; memory before {before:?}, after {after:?} bytes",
        load.operations, load.failures, load.max_us
    );
    assert_eq!(load.failures, 0, "{:?}", load.first_error);
    assert!(accepted > 0);
    for (before, after) in before.iter().zip(&after) {
        assert!(after.saturating_sub(*before) < GROWTH_MAX, "{before} to {after} bytes");
    }
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    let own = hex::encode(attack.client.verifying_key().to_bytes());
    for node in lab.nodes() {
        let log = fs::read_to_string(lab.folder().join(format!("node{node}/log"))).unwrap();
        let line = |words: &[&str]| log.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(
            line(&["handshake refused", "\"peer\"", "127.0.0.1"]),
            "node {node}: strangers at peers' door"
        );
        assert!(
            line(&["handshake refused", "\"client\"", "127.0.0.1"]),
            "node {node}: noise at clients' door"
        );
        assert!(line(&["client connection closed", own.as_str()]), "node {node}: malformed frames");
    }
}

fn sizes(lab: &Lab) -> Vec<u64> {
    lab.pids().values().map(|pid| resident_bytes(*pid).unwrap()).collect()
}

struct Attack {
    runtime: tokio::runtime::Runtime,
    manifest: Manifest,
    /// The lab's own client, so that refusals come after its hello.
    client: SigningKey,
}

impl Attack {
    fn new(lab: &Lab) -> Self {
        let config = PathBuf::from(lab.variable("COUNTERFOIL_CONFIG").unwrap());
        let text: toml::Table = fs::read_to_string(&config).unwrap().parse().unwrap();
        let named = |key: &str| config.with_file_name(text[key].as_str().unwrap());
        let seed = fs::read_to_string(named("identity")).unwrap();
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            manifest: Manifest::from_toml(&fs::read_to_string(named("manifest")).unwrap()).unwrap(),
            client: SigningKey::from_bytes(&hex::decode(seed.trim()).unwrap().try_into().unwrap()),
        }
    }

    fn rounds(&self, count: u64) {
        self.runtime.block_on(async {
            for _ in 0..count {
                for node in &self.manifest.nodes {
                    tokio::time::timeout(PATIENCE, self.round(node)).await.expect("a node hangs");
                }
            }
        });
    }

    async fn round(&self, node: &NodeEntry) {
        let mut silent = Vec::new();
        for address in [&node.client, &node.peer] {
            for _ in 0..SILENT {
                silent.push(TcpStream::connect(address).await.unwrap());
            }
            noise(address).await;
        }
        let stranger = SigningKey::from_bytes(&[7; 32]);
        let at_peers_door = connect(&node.peer, &stranger, node.key).await;
        assert!(is_closed(at_peers_door).await, "a stranger is served as a peer");
        self.unknown_client(node, &stranger).await;
        self.malformed_frames(node).await;
        self.wrong_requests(node).await;
    }

    fn hello(&self) -> Vec<u8> {
        let cluster_id = self.manifest.cluster_id().to_vec();
        frame(Frame::Hello(Hello { format: FORMAT, cluster_id, software: "attack".into(), instance: vec![] }))
    }

    async fn unknown_client(&self, node: &NodeEntry, stranger: &SigningKey) {
        let mut stream = connect(&node.client, stranger, node.key).await.unwrap();
        stream.write_all(&self.hello()).await.unwrap();
        let Some(node_frame::Frame::Hello(reply)) = receive(&mut stream).await else { panic!("no answer") };
        assert!(reply.error.is_some_and(|error| error.message.contains("not enrolled")));
        assert!(is_closed(Ok(stream)).await);
    }

    /// What ends a connection: an absurd length, bytes that are no frame, a request before the hello,
    /// two hellos.
    async fn malformed_frames(&self, node: &NodeEntry) {
        let hello = self.hello();
        let lease = frame(Frame::Request(asked(1, request::Op::Lease(LeaseRequest::default()))));
        let bad: [Vec<u8>; 5] = [
            u32::MAX.to_be_bytes().to_vec(),
            [hello.clone(), u32::MAX.to_be_bytes().to_vec()].concat(),
            [hello.clone(), 9_u32.to_be_bytes().to_vec(), vec![0xff; 9]].concat(),
            lease,
            [hello.clone(), hello].concat(),
        ];
        for bytes in bad {
            let mut stream = connect(&node.client, &self.client, node.key).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            assert!(is_closed(Ok(stream)).await, "a node goes on after {bytes:02x?}");
        }
    }

    /// Well-formed frames with absurd contents: each gets an error, and the connection lives.
    async fn wrong_requests(&self, node: &NodeEntry) {
        let mut stream = connect(&node.client, &self.client, node.key).await.unwrap();
        stream.write_all(&self.hello()).await.unwrap();
        receive(&mut stream).await.unwrap();
        let mut noise = vec![0; 32];
        OsRng.fill_bytes(&mut noise);
        let signers = || vec![u32::MAX; 2000];
        let wrong = [
            request::Op::Lease(LeaseRequest {
                key_id: noise.clone(),
                signers: signers(),
                count: u32::MAX,
                mechanism: u64::MAX,
            }),
            request::Op::Sign(SignRequest {
                signers: signers(),
                digest: vec![1; 9000],
                ..Default::default()
            }),
            request::Op::Sign(SignRequest {
                key_id: noise[..16].to_vec(),
                signers: vec![1, 2],
                presignature_id: noise.clone(),
                mechanism: 0x1041,
                digest: vec![1; 32],
                request_nonce: noise,
                ..Default::default()
            }),
        ];
        for (id, op) in (1..).zip(wrong) {
            stream.write_all(&frame(Frame::Request(asked(id, op)))).await.unwrap();
            match receive(&mut stream).await {
                Some(node_frame::Frame::Response(response)) => {
                    assert!(matches!(response.result, Some(response::Result::Error(_))), "{response:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn asked(id: u64, op: request::Op) -> Request {
    Request { id, deadline_ms: 2000, min_registry_index: 0, op: Some(op) }
}

fn frame(frame: Frame) -> Vec<u8> {
    proto::frame::encode(&ClientFrame { frame: Some(frame) }, CLIENT_FRAME_BYTES_MAX).unwrap()
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(address: &str, key: &SigningKey, node: PublicKey) -> std::io::Result<Stream> {
    tls::connect(address, tls::client_config(key, node).unwrap()).await
}

/// Random bytes where a handshake should be, until the node closes.
async fn noise(address: &str) {
    let mut bytes = [0; 300];
    OsRng.fill_bytes(&mut bytes);
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The node may close before it has read all.
    let _closed = stream.write_all(&bytes).await;
    let _closed = stream.read_to_end(&mut Vec::new()).await;
}

/// Whether the node closes the connection, whatever it says first.
async fn is_closed(stream: std::io::Result<Stream>) -> bool {
    match stream {
        Err(_) => true,
        Ok(mut stream) => tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.is_ok(),
    }
}

async fn receive(stream: &mut Stream) -> Option<node_frame::Frame> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.ok()?;
    let mut body = vec![0; u32::from_be_bytes(header) as usize];
    stream.read_exact(&mut body).await.ok()?;
    NodeFrame::decode(body.as_slice()).unwrap().frame
}
