//! Streams between nodes: who may connect, what is carried, what ends a stream.

use std::time::Duration;

use crate::support::{Cluster, Node};
use ed25519_dalek::SigningKey;
use mpc_backend::node::peers::{self, PeerInput};
use mpc_backend::tls;
use proto::limits::{FORMAT, PEER_PAYLOAD_BYTES_MAX};
use proto::peer::v1::peer_client::PeerClient;
use proto::peer::v1::{Envelope, RaftMessage};

async fn next(node: &mut Node) -> PeerInput {
    tokio::time::timeout(Duration::from_secs(10), node.inputs.recv()).await.unwrap().unwrap()
}

fn envelope(sender: u32, receiver: u32) -> Envelope {
    Envelope { format: FORMAT, sender, receiver, payload: b"hello".to_vec(), ..Envelope::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_pass_both_ways_and_the_end_is_told() {
    let cluster = Cluster::new().await;
    let (mut one, mut two) = (cluster.start(1).await, cluster.start(2).await);
    assert!(matches!(next(&mut one).await, PeerInput::Connected(2)));
    assert!(matches!(next(&mut two).await, PeerInput::Connected(1)));
    one.links.send(2, envelope(1, 2));
    two.links.send(1, envelope(2, 1));
    assert!(matches!(next(&mut two).await, PeerInput::Message(1, message) if message.payload == b"hello"));
    assert!(matches!(next(&mut one).await, PeerInput::Message(2, message) if message.payload == b"hello"));
    two.kill().await;
    assert!(matches!(next(&mut one).await, PeerInput::Disconnected(2)));
    let mut two = cluster.start(2).await;
    assert!(matches!(next(&mut one).await, PeerInput::Connected(2)));
    assert!(matches!(next(&mut two).await, PeerInput::Connected(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_message_ends_the_stream_and_never_reaches_the_engine() {
    let cluster = Cluster::new().await;
    let (mut one, mut two) = (cluster.start(1).await, cluster.start(2).await);
    assert!(matches!(next(&mut one).await, PeerInput::Connected(2)));
    assert!(matches!(next(&mut two).await, PeerInput::Connected(1)));
    let oversized = Envelope { payload: vec![0; PEER_PAYLOAD_BYTES_MAX + 1], ..envelope(2, 1) };
    for wrong in [envelope(3, 1), envelope(2, 3), Envelope { format: 2, ..envelope(2, 1) }, oversized] {
        two.links.send(1, wrong);
        assert!(matches!(next(&mut one).await, PeerInput::Disconnected(2)));
        assert!(matches!(next(&mut one).await, PeerInput::Connected(2)));
        assert!(matches!(next(&mut two).await, PeerInput::Disconnected(1)));
        assert!(matches!(next(&mut two).await, PeerInput::Connected(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_key_is_refused_in_both_directions() {
    let cluster = Cluster::new().await;
    let _one = cluster.start(1).await;
    let entry = cluster.manifest.node(1).unwrap();
    let stranger = SigningKey::from_bytes(&[77; 32]);
    let mut client = PeerClient::new(peers::channel(&stranger, entry).unwrap());
    assert!(client.raft(RaftMessage::default()).await.is_err());

    let mut impostor = entry.clone();
    impostor.key = stranger.verifying_key().to_bytes();
    let config = tls::client_config(cluster.key(2), impostor.key).unwrap();
    assert!(tls::connect(&impostor.peer, config).await.is_err());
    let config = tls::client_config(cluster.key(2), entry.key).unwrap();
    assert!(tls::connect(&entry.peer, config).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raft_call_of_unknown_kind_format_or_body_is_refused() {
    let cluster = Cluster::new().await;
    let _one = cluster.start(1).await;
    let entry = cluster.manifest.node(1).unwrap();
    let mut client = PeerClient::new(peers::channel(cluster.key(2), entry).unwrap());
    let mut ask = async |format, kind, payload: &[u8]| {
        let message = RaftMessage { format, kind, payload: payload.to_vec() };
        client.raft(message).await.unwrap_err().message().to_owned()
    };
    assert!(ask(7, 1, b"").await.contains("format 7, this software reads 1"));
    assert!(ask(FORMAT, 9, b"").await.contains("unknown kind 9"));
    assert!(ask(FORMAT, 1, b"\xff\xff\xff").await.contains("damaged"));
}
