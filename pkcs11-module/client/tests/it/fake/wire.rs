//! The node's side of a connection.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proto::client::v1::{
    ClientFrame, Code, Error, HelloReply, NodeFrame, Request, Response, client_frame, node_frame, request,
    response,
};
use proto::frame;
use proto::limits::{CLIENT_FRAME_BYTES_MAX, FORMAT};
use proto::statement::{self, LOGIN_EXPORTER_LABEL};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_eddsa_type};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, ServerConnection, SignatureScheme, StreamOwned,
};

use super::world::{Caller, World};
use super::{Deed, Node};

type Tls = StreamOwned<ServerConnection, TcpStream>;

pub fn listen(listener: TcpListener, node: Arc<Node>, world: Arc<Mutex<World>>) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            if !node.running.load(Ordering::SeqCst) {
                return;
            }
            let stream = stream.unwrap();
            node.streams.lock().unwrap().push(stream.try_clone().unwrap());
            let (node, world) = (node.clone(), world.clone());
            thread::spawn(move || {
                let own = stream.try_clone().unwrap();
                serve(stream, &node, &world);
                let _ = own.shutdown(std::net::Shutdown::Both);
            });
        }
    });
}

/// Ends when the client goes away, whatever the reason.
fn serve(tcp: TcpStream, node: &Node, world: &Mutex<World>) -> Option<()> {
    tcp.set_nodelay(true).ok()?;
    let mut tls = StreamOwned::new(ServerConnection::new(server_config(node)).ok()?, tcp);
    let hello: ClientFrame = frame::read(&mut tls, CLIENT_FRAME_BYTES_MAX).ok()?;
    let Some(client_frame::Frame::Hello(hello)) = hello.frame else { panic!("no hello") };
    let spki = tls.conn.peer_certificates()?.first()?.to_vec();
    let mut caller = Caller {
        client_key: spki[spki.len() - 32..].try_into().unwrap(),
        exporter: tls.conn.export_keying_material([0; 32], LOGIN_EXPORTER_LABEL, None).unwrap(),
        challenge: (0..32).map(|_| rand_core::RngCore::next_u32(&mut rand_core::OsRng) as u8).collect(),
        logins: Vec::new(),
        instance: hello.instance,
    };
    let reply = HelloReply {
        format: FORMAT,
        cluster_id: node.cluster_id.lock().unwrap().to_vec(),
        node: node.index.into(),
        boot_id: vec![node.index; 16],
        challenge: caller.challenge.clone(),
        error: node.hello_error.lock().unwrap().clone(),
    };
    send(&mut tls, node, node_frame::Frame::Hello(reply))?;
    loop {
        let frame: ClientFrame = frame::read(&mut tls, CLIENT_FRAME_BYTES_MAX).ok()?;
        let Some(client_frame::Frame::Request(request)) = frame.frame else { panic!("no request") };
        answer(&mut tls, node, world, &mut caller, request)?;
    }
}

fn answer(
    tls: &mut Tls,
    node: &Node,
    world: &Mutex<World>,
    caller: &mut Caller,
    request: Request,
) -> Option<()> {
    let op = request.op.unwrap();
    let deed = node.script.lock().unwrap().as_mut().and_then(|script| script(&op));
    let duty = |caller: &mut Caller| world.lock().unwrap().handle(node.index, caller, op.clone());
    let respond = |(registry_index, result)| {
        node_frame::Frame::Response(Response { id: request.id, registry_index, result: Some(result) })
    };
    match deed {
        None => {
            let answer = duty(caller);
            send(tls, node, respond(answer))
        }
        Some(Deed::Refuse(code)) => {
            let error = Error { code: code.into(), message: "as told".into(), nodes: vec![] };
            send(tls, node, respond((0, response::Result::Error(error))))
        }
        Some(Deed::Miss(nodes)) => {
            let error = Error { code: Code::Unavailable.into(), message: "as told".into(), nodes };
            send(tls, node, respond((0, response::Result::Error(error))))
        }
        Some(Deed::Lie(alter)) => {
            let (index, mut result) = duty(caller);
            alter(&mut result);
            send(tls, node, respond((index, result)))
        }
        Some(Deed::Perjure(alter)) => {
            let cluster = *node.cluster_id.lock().unwrap();
            let (index, mut result) = duty(caller);
            if let (request::Op::Sign(asked), response::Result::Sign(reply)) = (&op, &mut result) {
                alter(&mut reply.partial);
                let said =
                    statement::partial(&cluster, node.index.into(), &asked.request_nonce, &reply.partial);
                reply.node_signature = said.sign(&node.key);
            }
            send(tls, node, respond((index, result)))
        }
        Some(Deed::Delay(millis)) => {
            thread::sleep(Duration::from_millis(millis));
            let answer = duty(caller);
            send(tls, node, respond(answer))
        }
        Some(Deed::LoseAnswer) => {
            duty(caller);
            None
        }
        Some(Deed::Hang) => loop {
            thread::sleep(Duration::from_millis(20));
            if !node.running.load(Ordering::SeqCst) {
                return None;
            }
        },
        Some(Deed::Drip) => {
            tls.write_all(&1_000_000_u32.to_be_bytes()).ok()?;
            while node.running.load(Ordering::SeqCst) {
                tls.write_all(&[0]).ok()?;
                thread::sleep(Duration::from_millis(5));
            }
            None
        }
    }
}

fn send(tls: &mut Tls, node: &Node, frame: node_frame::Frame) -> Option<()> {
    let mut frame = NodeFrame { frame: Some(frame) };
    if let Some(alter) = node.alter.lock().unwrap().as_mut() {
        alter(&mut frame);
    }
    frame::write(tls, &frame, CLIENT_FRAME_BYTES_MAX).ok()
}

fn server_config(node: &Node) -> Arc<ServerConfig> {
    let pkcs8 = [&hex::decode("302e020100300506032b657004220420").unwrap()[..], node.key.as_bytes()].concat();
    let spki =
        [&hex::decode("302a300506032b6570032100").unwrap()[..], node.key.verifying_key().as_bytes()].concat();
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).unwrap();
    let certified = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key));
    let provider = Arc::new(default_provider());
    let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified)));
    Arc::new(config)
}

/// Accepts every client that proves its key.
#[derive(Debug)]
struct AnyKey(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let spki = SubjectPublicKeyInfoDer::from(cert.as_ref());
        rustls::crypto::verify_tls13_signature_with_raw_key(message, &spki, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
