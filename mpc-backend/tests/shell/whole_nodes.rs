//! Three nodes with their engines: they find each other, serve, stop and come back.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::framed::Client;
use crate::support::nodes::Files;
use ed25519_dalek::SigningKey;
use proto::client::v1::node_frame::Frame as FromNode;
use proto::client::v1::{Code, StatusReply, response};

async fn status(client: &mut Client, id: u64) -> StatusReply {
    client.status(id).await;
    match client.receive().await.unwrap().frame {
        Some(FromNode::Response(response)) => match response.result {
            Some(response::Result::Status(status)) => status,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_serve_an_operator_and_survive_a_restart() {
    let files = Files::new().await;
    let mut nodes = [files.start(1).await, files.start(2).await, files.start(3).await];
    for node in &mut nodes {
        tokio::time::timeout(Duration::from_secs(20), node.serving()).await.unwrap();
    }
    let mut client = files.client(2, &files.operator).await;
    client.hello(files.manifest.cluster_id()).await;
    match client.receive().await.unwrap().frame {
        Some(FromNode::Hello(reply)) => assert_eq!((reply.node, reply.error), (2, None)),
        other => panic!("{other:?}"),
    }
    let mut id = 0;
    crate::support::eventually_async("a leader and two peers", async || {
        id += 1;
        let status = status(&mut client, id).await;
        status.serving && status.leader != 0 && status.peers.iter().filter(|peer| peer.connected).count() == 2
    })
    .await;
    let begun = Instant::now();
    for node in nodes {
        node.stop().await;
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "three stops of less than five seconds");

    let mut nodes = [files.start(1).await, files.start(2).await, files.start(3).await];
    for node in &mut nodes {
        tokio::time::timeout(Duration::from_secs(20), node.serving()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_client_is_told_that_it_is_not_enrolled() {
    let files = Files::new().await;
    let _nodes = [files.start(1).await, files.start(2).await];
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let mut client = files.client(1, &stranger).await;
    client.hello(files.manifest.cluster_id()).await;
    match client.receive().await.unwrap().frame {
        Some(FromNode::Hello(reply)) => {
            let code = reply.error.unwrap().code();
            assert!(matches!(code, Code::NotEnrolled | Code::Unavailable), "{code:?}");
        }
        other => panic!("{other:?}"),
    }
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil-node"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn wrong_configuration_ends_with_code_2_and_one_line() {
    let files = Files::new().await;
    let config = files.config(1, "surprise = 1\n");
    let output = binary().arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("surprise") && line.lines().count() == 1, "{line}");
}

#[tokio::test]
async fn terminated_node_ends_with_code_0_and_a_locked_store_with_2() {
    let files = Files::new().await;
    let config = files.config(1, "log_format = \"json\"\n");
    let mut node = binary().arg("--config").arg(&config).spawn().unwrap();
    let address = &files.manifest.node(1).unwrap().client;
    crate::support::eventually("listening", || std::net::TcpStream::connect(address).is_ok()).await;

    let second = files.config(1, "listen_peer = \"127.0.0.1:0\"\nlisten_client = \"127.0.0.1:0\"\n");
    let output = binary().arg("--config").arg(&second).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("in use by another process"));

    let begun = Instant::now();
    let pid = rustix::process::Pid::from_raw(node.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(node.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5));
}
