//! A client of the tests: frames over TLS, and nothing between the test and the bytes.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use mpc_backend::tls::{self, PublicKey};
use prost::Message;
use proto::client::v1::client_frame::Frame;
use proto::client::v1::{ClientFrame, Hello, NodeFrame, Request, StatusRequest, request};
use proto::limits::{CLIENT_FRAME_BYTES_MAX, FORMAT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub struct Client(TlsStream<TcpStream>);

impl Client {
    pub async fn connect(address: &str, key: &SigningKey, node: PublicKey) -> Self {
        let config = tls::client_config(key, node).unwrap();
        Self(tls::connect(address, config).await.unwrap())
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    pub async fn send(&mut self, frame: Frame) {
        let frame = ClientFrame { frame: Some(frame) };
        self.send_bytes(&proto::frame::encode(&frame, CLIENT_FRAME_BYTES_MAX).unwrap()).await;
    }

    pub async fn hello(&mut self, cluster_id: [u8; 32]) {
        let software = "test".into();
        self.send(Frame::Hello(Hello {
            format: FORMAT,
            cluster_id: cluster_id.into(),
            software,
            instance: vec![],
        }))
        .await;
    }

    pub async fn status(&mut self, id: u64) {
        let op = Some(request::Op::Status(StatusRequest {}));
        self.send(Frame::Request(Request { id, deadline_ms: 5000, min_registry_index: 0, op })).await;
    }

    /// The next frame, or `None` when the node closed the connection.
    pub async fn receive(&mut self) -> Option<NodeFrame> {
        let read = async {
            let mut header = [0; 4];
            self.0.read_exact(&mut header).await.ok()?;
            let mut body = vec![0; u32::from_be_bytes(header) as usize];
            self.0.read_exact(&mut body).await.ok()?;
            Some(NodeFrame::decode(body.as_slice()).unwrap())
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer or an end within 10 s")
    }
}
