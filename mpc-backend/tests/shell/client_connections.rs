//! The clients' listener before a simple engine: what it hands over, what it refuses, how it ends.

use std::sync::Arc;

use crate::support::framed::Client;
use ed25519_dalek::SigningKey;
use engine::Input;
use mpc_backend::node::clients::{self, Connections};
use mpc_backend::shutdown::{self, Trigger};
use mpc_backend::tls::{self, Acceptor, Expected};
use proto::client::v1::node_frame::Frame as FromNode;
use proto::client::v1::{Code, HelloReply, NodeFrame, Response, client_frame, response};
use proto::limits::HELLO_FRAME_BYTES_MAX;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

struct Listener {
    address: String,
    node: SigningKey,
    connections: Arc<Connections>,
    inputs: mpsc::Receiver<Input>,
    trigger: Trigger,
    served: JoinHandle<()>,
}

async fn listener(max: usize) -> Listener {
    let node = SigningKey::from_bytes(&[1; 32]);
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (trigger, shutdown) = shutdown::channel();
    let (handshaken, accepted) = mpsc::channel(16);
    let config = tls::server_config(&node, Expected::any()).unwrap();
    tokio::spawn(Acceptor::new(socket, config, "client").run(handshaken, shutdown.clone()));
    let connections = Arc::new(Connections::default());
    let (queue, inputs) = mpsc::channel(16);
    let desk = clients::Desk { queue, seat: None };
    let served = tokio::spawn(clients::serve(accepted, connections.clone(), desk, max, shutdown));
    Listener { address, node, connections, inputs, trigger, served }
}

impl Listener {
    async fn client(&self, seed: u8) -> Client {
        let key = SigningKey::from_bytes(&[seed; 32]);
        Client::connect(&self.address, &key, self.node.verifying_key().to_bytes()).await
    }

    /// Greets a client and accepts its hello.
    async fn greeted(&mut self, seed: u8) -> (Client, u64) {
        let mut client = self.client(seed).await;
        client.hello([7; 32]).await;
        let conn = match self.inputs.recv().await.unwrap() {
            Input::ClientOpened { conn, client_key, exporter } => {
                let expected = SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
                assert_eq!(client_key, expected);
                assert_ne!(exporter, [0; 32]);
                conn
            }
            _ => panic!("a connection opens first"),
        };
        assert!(matches!(self.inputs.recv().await.unwrap(), Input::ClientFrame { .. }));
        let reply = HelloReply { format: 1, ..HelloReply::default() };
        self.connections.reply(conn, NodeFrame { frame: Some(FromNode::Hello(reply)) });
        assert!(matches!(client.receive().await.unwrap().frame, Some(FromNode::Hello(_))));
        (client, conn)
    }

    async fn next_request(&mut self) -> u64 {
        match self.inputs.recv().await.unwrap() {
            Input::ClientFrame { frame, .. } => match frame.frame {
                Some(client_frame::Frame::Request(request)) => request.id,
                _ => panic!("a request was sent"),
            },
            _ => panic!("a frame was sent"),
        }
    }

    async fn closed(&mut self) -> u64 {
        match self.inputs.recv().await.unwrap() {
            Input::ClientClosed { conn } => conn,
            _ => panic!("the connection was to end"),
        }
    }
}

fn answer(id: u64) -> NodeFrame {
    let result = Some(response::Result::Login(proto::client::v1::Empty {}));
    NodeFrame { frame: Some(FromNode::Response(Response { id, registry_index: 1, result })) }
}

#[tokio::test]
async fn requests_reach_the_engine_and_answers_the_client() {
    let mut listener = listener(8).await;
    let (mut client, conn) = listener.greeted(5).await;
    for id in 1..=3 {
        client.status(id).await;
        assert_eq!(listener.next_request().await, id);
        listener.connections.reply(conn, answer(id));
        assert_eq!(client.receive().await, Some(answer(id)));
    }
    listener.connections.close(conn);
    assert_eq!(client.receive().await, None);
    assert_eq!(listener.closed().await, conn);
}

#[tokio::test]
async fn malformed_frame_closes_that_connection_and_no_other() {
    let mut listener = listener(8).await;
    let (mut honest, honest_conn) = listener.greeted(5).await;
    let (mut liar, liar_conn) = listener.greeted(6).await;
    liar.send_bytes(&[0, 0, 0, 3, 0xff, 0xff, 0xff]).await;
    assert_eq!(liar.receive().await, None);
    assert_eq!(listener.closed().await, liar_conn);
    honest.status(1).await;
    assert_eq!(listener.next_request().await, 1);
    listener.connections.reply(honest_conn, answer(1));
    assert_eq!(honest.receive().await, Some(answer(1)));
}

#[tokio::test]
async fn oversized_frame_is_refused_and_before_hello_already_a_small_one() {
    let mut listener = listener(8).await;
    let mut early = listener.client(6).await;
    early.send_bytes(&(HELLO_FRAME_BYTES_MAX as u32 + 1).to_be_bytes()).await;
    assert_eq!(early.receive().await, None);
    assert!(matches!(listener.inputs.recv().await.unwrap(), Input::ClientOpened { .. }));
    let _ = listener.closed().await;
    let (mut late, conn) = listener.greeted(7).await;
    late.send_bytes(&u32::MAX.to_be_bytes()).await;
    assert_eq!(late.receive().await, None);
    assert_eq!(listener.closed().await, conn);
}

#[tokio::test]
async fn open_requests_of_one_client_are_bounded() {
    let mut listener = listener(8).await;
    let (mut client, conn) = listener.greeted(5).await;
    for id in 0..80 {
        client.status(id).await;
    }
    for id in 0..64 {
        assert_eq!(listener.next_request().await, id);
    }
    let more = tokio::time::timeout(std::time::Duration::from_millis(200), listener.inputs.recv()).await;
    assert!(more.is_err(), "the 65th waits");
    listener.connections.reply(conn, answer(0));
    assert_eq!(listener.next_request().await, 64);
}

#[tokio::test]
async fn too_many_clients_are_turned_away() {
    let mut listener = listener(1).await;
    let (_first, _) = listener.greeted(5).await;
    let mut second = listener.client(6).await;
    assert_eq!(second.receive().await, None);
}

#[tokio::test]
async fn stopping_node_answers_open_requests_with_unavailable() {
    let mut listener = listener(8).await;
    let (mut client, _) = listener.greeted(5).await;
    client.status(9).await;
    assert_eq!(listener.next_request().await, 9);
    listener.trigger.stop();
    match client.receive().await.unwrap().frame {
        Some(FromNode::Response(Response {
            id: 9, result: Some(response::Result::Error(error)), ..
        })) => {
            assert_eq!(error.code(), Code::Unavailable);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.receive().await, None);
    drop(listener.inputs);
    listener.served.await.unwrap();
}
