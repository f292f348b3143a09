//! A scripted client: what `client` does over TLS, here against the simulation.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use engine::Input;
use prost::Message;
use proto::client::v1::{
    ClientFrame, Code, DeriveReply, DeriveRequest, Error, GenerateRequest, Hello, LeaseReply, LeaseRequest,
    LoginRequest, ProposeRequest, Request, SignReply, SignRequest, client_frame, node_frame, request::Op,
    response::Result as Reply,
};
use proto::limits::FORMAT;
use proto::registry::v1::{
    Attribute, BirthCertificate, BirthStatement, Command, CreateObjects, EnrolClient, LoginAuthor, NewObject,
    Purpose, Role, SignedCommand, author, command::Body,
};
use proto::statement;
use rand_core::RngCore;
use threshold::party::{PartyIndex, SignerSet};
use threshold::signing::{Answer, PublicKey, SigningCurve, SigningRequest, SigningScheme, combine};

use crate::curves::{key_attributes_on, mechanism_of, name_of, usual_scheme};
use crate::sim::{Sim, operator_key};

pub type Outcome<T> = Result<T, Error>;
type Author = (author::Kind, SigningKey);

pub struct Conn {
    pub id: u64,
    pub challenge: Vec<u8>,
    pub exporter: [u8; 32],
}

/// One client with a connection to each node, and the token it works with.
pub struct User {
    pub key: SigningKey,
    pub conns: BTreeMap<u8, Conn>,
    pub token: [u8; 16],
    pub so: Option<SigningKey>,
    pub pin_key: Option<SigningKey>,
    /// What the process calls itself.
    pub instance: [u8; 16],
    next: u64,
}

/// A key that the registry recorded.
#[derive(Clone)]
pub struct Key {
    pub id: [u8; 16],
    pub birth: BirthStatement,
    /// What it is to sign by.
    pub scheme: SigningScheme,
}

impl Key {
    pub fn curve(&self) -> SigningCurve {
        SigningCurve::of_name(&self.birth.curve).unwrap()
    }

    /// The same key, to sign by another scheme.
    pub fn by(&self, scheme: SigningScheme) -> Self {
        Self { scheme, ..self.clone() }
    }
}

pub fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

pub fn attribute(r#type: u64, value: &[u8]) -> Attribute {
    Attribute { r#type, value: value.to_vec() }
}

/// A private key on P-256.
pub fn key_attributes(sign: bool) -> Vec<Attribute> {
    key_attributes_on(SigningCurve::P256, sign)
}

impl User {
    pub fn new(seed: u8, token: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[seed; 32]),
            conns: BTreeMap::new(),
            token: [token; 16],
            so: None,
            pin_key: None,
            instance: [seed; 16],
            next: u64::from(seed) << 32,
        }
    }

    pub fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Numbers connections and requests from here on.
    pub fn number_from(&mut self, number: u64) {
        self.next = number;
    }

    pub fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn connect_as(&mut self, sim: &mut Sim, node: u8, key: &SigningKey) -> Outcome<Conn> {
        let (id, mut exporter) = (self.fresh(), [0; 32]);
        sim.rng.fill_bytes(&mut exporter);
        let client_key = key.verifying_key().to_bytes();
        sim.input(node, Input::ClientOpened { conn: id, client_key, exporter });
        let cluster_id = sim.manifest.cluster_id().into();
        let hello =
            Hello { format: FORMAT, cluster_id, instance: self.instance.to_vec(), ..Hello::default() };
        let frame = ClientFrame { frame: Some(client_frame::Frame::Hello(hello)) };
        sim.input(node, Input::ClientFrame { conn: id, frame });
        match sim.replies.remove(&id).unwrap_or_default().pop().and_then(|frame| frame.frame) {
            Some(node_frame::Frame::Hello(reply)) => match reply.error {
                Some(error) => Err(error),
                None => Ok(Conn { id, challenge: reply.challenge, exporter }),
            },
            _ => Err(Error { code: Code::Unavailable as i32, message: "no answer".into(), nodes: vec![] }),
        }
    }

    pub fn connect(&mut self, sim: &mut Sim) {
        let key = self.key.clone();
        self.conns.clear();
        for node in sim.all() {
            if let Ok(conn) = self.connect_as(sim, node, &key) {
                self.conns.insert(node, conn);
            }
        }
    }

    pub fn call_on(&mut self, sim: &mut Sim, node: u8, conn: u64, op: Op) -> Outcome<Reply> {
        let id = self.send(sim, node, conn, op);
        self.answer(sim, conn, id)
    }

    /// Sends a request whose answer is taken later; its number.
    pub fn send(&mut self, sim: &mut Sim, node: u8, conn: u64, op: Op) -> u64 {
        self.send_within(sim, node, conn, op, 20_000)
    }

    /// The same with a deadline, in ms.
    pub fn send_within(&mut self, sim: &mut Sim, node: u8, conn: u64, op: Op, deadline_ms: u32) -> u64 {
        let id = self.fresh();
        let min_registry_index = sim.log.len() as u64;
        let request = Request { id, deadline_ms, min_registry_index, op: Some(op) };
        let frame = ClientFrame { frame: Some(client_frame::Frame::Request(request)) };
        sim.input(node, Input::ClientFrame { conn, frame });
        id
    }

    /// The answer to request `id`, the only open one of its connection.
    pub fn answer(&self, sim: &mut Sim, conn: u64, id: u64) -> Outcome<Reply> {
        let limit = sim.now + 30_000;
        loop {
            for frame in sim.replies.remove(&conn).unwrap_or_default() {
                if let Some(node_frame::Frame::Response(response)) = frame.frame {
                    assert_eq!(response.id, id);
                    return match response.result.unwrap() {
                        Reply::Error(error) => Err(error),
                        reply => Ok(reply),
                    };
                }
            }
            if !sim.step(limit) {
                return Err(Error {
                    code: Code::DeadlineExceeded as i32,
                    message: "silence".into(),
                    nodes: vec![],
                });
            }
        }
    }

    pub fn call(&mut self, sim: &mut Sim, node: u8, op: Op) -> Outcome<Reply> {
        let conn = self.conns.get(&node).map(|conn| conn.id);
        let gone = Error { code: Code::Unavailable as i32, message: "no connection".into(), nodes: vec![] };
        self.call_on(sim, node, conn.ok_or(gone)?, op)
    }

    pub fn command(&mut self, sim: &mut Sim, body: Body, authors: &[Author]) -> SignedCommand {
        let mut command_id = vec![0; 16];
        sim.rng.fill_bytes(&mut command_id);
        let cluster_id = sim.manifest.cluster_id();
        let command = Command {
            format: FORMAT,
            cluster_id: cluster_id.to_vec(),
            command_id,
            not_after_index: sim.log.len() as u64 + 100,
            body: Some(body),
        }
        .encode_to_vec();
        let sign = |(kind, key): &Author| statement::sign_command(&cluster_id, &command, kind.clone(), key);
        SignedCommand { signatures: authors.iter().map(sign).collect(), command }
    }

    pub fn propose(&mut self, sim: &mut Sim, node: u8, body: Body, authors: &[Author]) -> Outcome<u64> {
        let command = Some(self.command(sim, body, authors));
        match self.call(sim, node, Op::Propose(ProposeRequest { command }))? {
            Reply::Propose(reply) => Ok(reply.index),
            _ => panic!("another answer"),
        }
    }

    /// T operators give a command through the first one's connection.
    pub fn operate(&mut self, sim: &mut Sim, node: u8, body: Body) -> Outcome<u64> {
        let conn = self.connect_as(sim, node, &operator_key(1))?;
        let author = |index| {
            let key = operator_key(index);
            (author::Kind::OperatorKey(key.verifying_key().to_bytes().to_vec()), key)
        };
        let authors: Vec<Author> = (1..=sim.shape.needed).map(author).collect();
        let command = Some(self.command(sim, body, &authors));
        match self.call_on(sim, node, conn.id, Op::Propose(ProposeRequest { command }))? {
            Reply::Propose(reply) => Ok(reply.index),
            _ => panic!("another answer"),
        }
    }

    /// Under a name of its own.
    pub fn enrol(&mut self, sim: &mut Sim) {
        self.enrol_as(sim, &format!("client {}", hex::encode(&self.public()[..8])));
    }

    pub fn enrol_as(&mut self, sim: &mut Sim, name: &str) {
        let client_key = self.public().to_vec();
        let body = Body::EnrolClient(EnrolClient { client_key, name: name.into(), ..EnrolClient::default() });
        self.operate(sim, 1, body).unwrap();
        sim.run(100);
        self.connect(sim);
    }

    pub fn client_author(&self) -> Author {
        (author::Kind::ClientKey(self.public().to_vec()), self.key.clone())
    }

    pub fn login_author(&self, role: Role) -> Author {
        let key = if role == Role::User { &self.pin_key } else { &self.so };
        let author = LoginAuthor { token_id: self.token.to_vec(), role: role as i32 };
        (author::Kind::Login(author), key.clone().unwrap())
    }

    /// The user's proof for a connection.
    pub fn login_request(&self, sim: &Sim, node: u8, conn: &Conn, role: Role) -> LoginRequest {
        let (_, key) = self.login_author(role);
        let (cluster, client, node) = (sim.manifest.cluster_id(), self.public(), u32::from(node));
        let (exporter, challenge) = (&conn.exporter, &conn.challenge);
        let statement = statement::login(&cluster, node, &client, exporter, challenge, &self.token, role, 1);
        LoginRequest {
            token_id: self.token.to_vec(),
            role: role as i32,
            login_version: 1,
            signature: statement.sign(&key),
            pin_given: true,
        }
    }

    pub fn login_at(&mut self, sim: &mut Sim, node: u8, role: Role) -> Outcome<()> {
        let request = self.login_request(sim, node, self.conns.get(&node).unwrap(), role);
        self.call(sim, node, Op::Login(request)).map(drop)
    }

    pub fn login(&mut self, sim: &mut Sim) {
        let nodes: Vec<u8> = self.conns.keys().copied().collect();
        for node in nodes {
            self.login_at(sim, node, Role::User).unwrap();
        }
    }

    /// Asks for a signing key.
    pub fn key_request(&self, id: [u8; 16], attributes: &[Attribute]) -> GenerateRequest {
        GenerateRequest {
            purpose: Purpose::SigningKey as i32,
            token_id: self.token.to_vec(),
            key_id: id.to_vec(),
            curve: name_of(attributes).into(),
            attributes_hash: statement::attributes_hash(attributes).to_vec(),
            ..GenerateRequest::default()
        }
    }

    /// Records a generated key.
    pub fn create_key(&self, id: [u8; 16], attributes: &[Attribute], birth: BirthCertificate) -> Body {
        let object =
            NewObject { object_id: id.to_vec(), attributes: attributes.to_vec(), birth: Some(birth) };
        Body::CreateObjects(CreateObjects { token_id: self.token.to_vec(), objects: vec![object] })
    }

    pub fn generate_key(
        &mut self,
        sim: &mut Sim,
        node: u8,
        id: [u8; 16],
        attributes: &[Attribute],
    ) -> Outcome<Key> {
        let birth = self.generate(sim, node, self.key_request(id, attributes))?;
        self.record(sim, node, id, attributes, birth)
    }

    /// Has a generated key recorded.
    pub fn record(
        &mut self,
        sim: &mut Sim,
        node: u8,
        id: [u8; 16],
        attributes: &[Attribute],
        birth: BirthCertificate,
    ) -> Outcome<Key> {
        let statement = BirthStatement::decode(birth.statement.as_slice()).unwrap();
        let authors = [self.login_author(Role::User)];
        self.propose(sim, node, self.create_key(id, attributes, birth), &authors)?;
        sim.run(50);
        // An RSA key has none, and none is asked of it.
        let scheme = SigningCurve::of_name(&statement.curve).map_or(SigningScheme::EcdsaP256, usual_scheme);
        Ok(Key { id, birth: statement, scheme })
    }

    pub fn lease(&mut self, sim: &mut Sim, key: &Key, signers: impl AsRef<[u8]>) -> Outcome<Vec<Vec<u8>>> {
        Ok(self.lease_some(sim, key, signers, 1)?.presignature_ids)
    }

    pub fn lease_some(
        &mut self,
        sim: &mut Sim,
        key: &Key,
        signers: impl AsRef<[u8]>,
        count: u32,
    ) -> Outcome<LeaseReply> {
        let signers = signers.as_ref();
        match self.call(sim, signers[0], self.lease_request(key, signers, count))? {
            Reply::Lease(reply) => Ok(reply),
            _ => panic!("another answer"),
        }
    }

    pub fn lease_request(&self, key: &Key, signers: &[u8], count: u32) -> Op {
        let signers = signers.iter().copied().map(u32::from).collect();
        let mechanism = mechanism_of(key.scheme);
        Op::Lease(LeaseRequest { key_id: key.id.to_vec(), signers, count, mechanism })
    }

    pub fn sign_request(
        &self,
        key: &Key,
        signers: impl AsRef<[u8]>,
        id: &[u8],
        digest: &[u8],
    ) -> SignRequest {
        SignRequest {
            key_id: key.id.to_vec(),
            signers: signers.as_ref().iter().copied().map(u32::from).collect(),
            presignature_id: id.to_vec(),
            mechanism: mechanism_of(key.scheme),
            digest: digest.to_vec(),
            request_nonce: vec![9; 32],
            ..SignRequest::default()
        }
    }

    pub fn sign_at(&mut self, sim: &mut Sim, node: u8, request: SignRequest) -> Outcome<SignReply> {
        match self.call(sim, node, Op::Sign(request))? {
            Reply::Sign(reply) => Ok(reply),
            _ => panic!("another answer"),
        }
    }

    /// Lease, two answers, combine; the combination verifies under the public key or fails.
    pub fn sign(
        &mut self,
        sim: &mut Sim,
        key: &Key,
        signers: impl AsRef<[u8]>,
        digest: &[u8],
    ) -> Outcome<Vec<u8>> {
        let signers = signers.as_ref();
        let id = self.lease(sim, key, signers)?.remove(0);
        let mut answers = Vec::new();
        for node in signers.iter().copied() {
            let reply = self.sign_at(sim, node, self.sign_request(key, signers, &id, digest))?;
            let cluster = sim.manifest.cluster_id();
            let statement = statement::partial(&cluster, u32::from(node), &[9; 32], &reply.partial);
            assert!(statement.verify(&sim.manifest.node(node).unwrap().key, &reply.node_signature));
            let partial = Answer::decode(key.scheme, &reply.partial, None).unwrap();
            answers.push((party(node), partial));
        }
        let request = self.signing_request(sim, key, signers, digest, [9; 32]);
        Ok(combine(answers, &request, &key.birth.commitments).unwrap())
    }

    /// What a node is asked for in a key agreement.
    pub fn derive_request(&self, key: &Key, quorum: impl AsRef<[u8]>, peer: &[u8]) -> DeriveRequest {
        DeriveRequest {
            key_id: key.id.to_vec(),
            quorum: quorum.as_ref().iter().copied().map(u32::from).collect(),
            mechanism: 0x1050,
            peer: peer.to_vec(),
            request_nonce: vec![9; 32],
            ..DeriveRequest::default()
        }
    }

    pub fn derive_at(&mut self, sim: &mut Sim, node: u8, request: DeriveRequest) -> Outcome<DeriveReply> {
        match self.call(sim, node, Op::Derive(request))? {
            Reply::Derive(reply) => Ok(reply),
            _ => panic!("another answer"),
        }
    }

    /// The request as `threshold` has it.
    pub fn signing_request(
        &self,
        sim: &Sim,
        key: &Key,
        signers: &[u8],
        digest: &[u8],
        request_nonce: [u8; 32],
    ) -> SigningRequest {
        SigningRequest {
            cluster_id: sim.manifest.cluster_id(),
            key_id: key.id,
            epoch: key.birth.epoch,
            scheme: key.scheme,
            public_key: PublicKey::decode(key.curve(), &key.birth.public_key).unwrap(),
            signers: SignerSet::new(signers.iter().copied().map(party)).unwrap(),
            client: self.public(),
            mechanism: mechanism_of(key.scheme) as u32,
            parameter: Vec::new(),
            digest: digest.to_vec(),
            request_nonce,
            witnessed: sim.limits.strict,
        }
    }
}
