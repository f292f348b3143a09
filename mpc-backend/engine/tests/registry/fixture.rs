//! A registry with operators, nodes and clients whose keys the test holds, and births that it signs.

use ed25519_dalek::SigningKey;
use engine::registry::{Refusal, Registry};
use prost::Message;
use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use proto::registry::v1::{
    Attribute, BirthCertificate, BirthStatement, Command, CreateObjects, CreateToken, EnrolClient, InitToken,
    Login, LoginAuthor, NewObject, NodeSignature, Purpose, Role, SetLogin, SignedCommand, author,
    command::Body,
};
use proto::statement;

pub const TOKEN: [u8; 16] = [7; 16];
pub type Author = (author::Kind, SigningKey);

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn public(seed: u8) -> Vec<u8> {
    key(seed).verifying_key().to_bytes().to_vec()
}

pub fn operator(seed: u8) -> Author {
    (author::Kind::OperatorKey(public(seed)), key(seed))
}

pub fn client(seed: u8) -> Author {
    (author::Kind::ClientKey(public(seed)), key(seed))
}

pub fn login(role: Role, seed: u8) -> Author {
    (author::Kind::Login(LoginAuthor { token_id: TOKEN.to_vec(), role: role as i32 }), key(seed))
}

pub fn manifest() -> Manifest {
    let entry = |index: u8| NodeEntry {
        index,
        key: key(index).verifying_key().to_bytes(),
        peer: String::new(),
        client: String::new(),
    };
    let operator =
        |seed: u8| OperatorEntry { name: String::new(), key: key(seed).verifying_key().to_bytes() };
    Manifest {
        format: FORMAT,
        threshold: 2,
        nodes: (1..=3).map(entry).collect(),
        operators: (11..=12).map(operator).collect(),
    }
}

pub struct Fixture {
    pub registry: Registry,
    pub next: u8,
}

impl Fixture {
    pub fn empty() -> Self {
        Self { registry: Registry::new(&manifest()), next: 0 }
    }

    /// Client 50 enrolled; the token initialised with SO login 60 and user login 61.
    pub fn ready() -> Self {
        let mut fixture = Self::empty();
        let operators = [operator(11), operator(12)];
        let enrol =
            EnrolClient { client_key: public(50), name: "client 50".into(), ..EnrolClient::default() };
        fixture.apply(Body::EnrolClient(enrol), &operators).unwrap();
        fixture.apply(Body::CreateToken(CreateToken { token_id: TOKEN.to_vec() }), &operators).unwrap();
        let init = fixture.init(60, 1);
        fixture.apply(init, &[client(50)]).unwrap();
        let set = fixture.set_login(Role::User, 61, 1);
        fixture.apply(set, &[login(Role::SecurityOfficer, 60)]).unwrap();
        fixture
    }

    pub fn command(&mut self, body: Body) -> Command {
        self.next += 1;
        Command {
            format: FORMAT,
            cluster_id: manifest().cluster_id().to_vec(),
            command_id: vec![self.next; 16],
            not_after_index: self.registry.index() + 10,
            body: Some(body),
        }
    }

    pub fn apply(&mut self, body: Body, authors: &[Author]) -> Result<(), Refusal> {
        let command = self.command(body);
        self.submit(&signed(&command, authors))
    }

    /// Applies at the next index, and checks that a refusal changed nothing but the chain.
    pub fn submit(&mut self, command: &SignedCommand) -> Result<(), Refusal> {
        let before = self.state();
        let index = self.registry.index() + 1;
        let early = self.registry.check(&command.encode_to_vec());
        let result = self.registry.apply(index, &command.encode_to_vec()).result.map(drop);
        assert_eq!(early, result, "the early check and the decision agree");
        if result.is_err() {
            assert_eq!(self.state(), before, "a refused command changed something");
        }
        result
    }

    fn state(&self) -> proto::registry::v1::Snapshot {
        let mut state = proto::registry::v1::Snapshot::decode(self.registry.snapshot().as_slice()).unwrap();
        (state.index, state.chain_hash) = (0, Vec::new());
        state
    }

    pub fn birth(&mut self, purpose: Purpose, key_id: &[u8]) -> BirthStatement {
        let signing = purpose == Purpose::SigningKey;
        let element = vec![2; if signing { 33 } else { 32 }];
        BirthStatement {
            format: FORMAT,
            cluster_id: manifest().cluster_id().to_vec(),
            purpose: purpose as i32,
            token_id: TOKEN.to_vec(),
            key_id: key_id.to_vec(),
            curve: if signing { "P-256" } else { "ristretto255" }.into(),
            public_key: element.clone(),
            commitments: vec![element.clone(), element],
            attributes_hash: Vec::new(),
            transcript: vec![3; 32],
            base_index: self.registry.index(),
            epoch: 1,
            role: Role::Unspecified as i32,
            pin_version: 0,
            client_key: public(50),
            instance: Vec::new(),
            imported: false,
        }
    }

    fn new_login(&mut self, role: Role, seed: u8, version: u64) -> Login {
        self.next += 1;
        let mut birth = self.birth(Purpose::LoginOprf, &[self.next; 16]);
        (birth.role, birth.pin_version) = (role as i32, version);
        Login { version, login_key: public(seed), consent_key: public(seed), oprf: Some(certify(&birth)) }
    }

    pub fn init(&mut self, seed: u8, version: u64) -> Body {
        let so_login = Some(self.new_login(Role::SecurityOfficer, seed, version));
        Body::InitToken(InitToken { token_id: TOKEN.to_vec(), label: vec![b' '; 32], so_login })
    }

    pub fn set_login(&mut self, role: Role, seed: u8, version: u64) -> Body {
        let login = Some(self.new_login(role, seed, version));
        Body::SetLogin(SetLogin { token_id: TOKEN.to_vec(), role: role as i32, login })
    }

    pub fn private_key(&mut self, id: u8) -> NewObject {
        let attributes = key_attributes();
        let mut birth = self.birth(Purpose::SigningKey, &[id; 16]);
        birth.attributes_hash = statement::attributes_hash(&attributes).to_vec();
        NewObject { object_id: vec![id; 16], attributes, birth: Some(certify(&birth)) }
    }
}

pub fn signed(command: &Command, authors: &[Author]) -> SignedCommand {
    let encoded = command.encode_to_vec();
    let cluster_id = manifest().cluster_id();
    let sign = |(kind, key): &Author| statement::sign_command(&cluster_id, &encoded, kind.clone(), key);
    SignedCommand { signatures: authors.iter().map(sign).collect(), command: encoded }
}

pub fn certify(birth: &BirthStatement) -> BirthCertificate {
    let statement = birth.encode_to_vec();
    let sign = |node: u8| NodeSignature {
        node: u32::from(node),
        signature: statement::birth(&statement).sign(&key(node)),
    };
    BirthCertificate { signatures: (1..=3).map(sign).collect(), statement }
}

pub fn create(objects: Vec<NewObject>) -> Body {
    Body::CreateObjects(CreateObjects { token_id: TOKEN.to_vec(), objects })
}

pub fn user() -> [Author; 1] {
    [login(Role::User, 61)]
}

pub fn attribute(r#type: u64, value: &[u8]) -> Attribute {
    Attribute { r#type, value: value.to_vec() }
}

pub fn key_attributes() -> Vec<Attribute> {
    vec![
        attribute(0x0, &3u64.to_be_bytes()),
        attribute(0x2, &[1]),
        attribute(0x100, &3u64.to_be_bytes()),
        attribute(0x103, &[1]),
        attribute(0x108, &[1]),
        attribute(0x162, &[0]),
        attribute(0x163, &[1]),
        attribute(0x180, &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    ]
}

/// A public data object.
pub fn data(id: u8) -> NewObject {
    let attributes = vec![attribute(0x0, &0u64.to_be_bytes()), attribute(0x2, &[0]), attribute(0x11, b"x")];
    NewObject { object_id: vec![id; 16], attributes, birth: None }
}
