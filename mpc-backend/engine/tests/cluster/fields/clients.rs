//! An enrolled client, logged in as its token's user, lies in every field of every request to node 1. The node
//! says what it makes of it; no peer is ever blamed for it.

use engine::Input;
use lies::{Lie::*, Schema, Table};
use prost::Message;
use proto::client::v1::{
    ClientFrame, CopyKeyRequest, GenerateRequest, Hello, HoldKeysRequest, KeepImportRequest, LeaseRequest,
    ListObjectsRequest, ListTokensRequest, LoginRequest, LogoutRequest, OprfRequest, ProposeRequest,
    RandomRequest, ReadObjectsRequest, Request, RsaHash, RsaRequest, StatusRequest, client_frame, node_frame,
    request::Op, response::Result as Reply,
};
use proto::kms::v1::{
    self, Fresh, KmsCheckRequest, KmsEvaluateRequest, KmsNoncesRequest, KmsSealRequest, Usage,
};
use proto::limits::FORMAT;
use proto::registry::v1::{CreateObjects, NewObject, Purpose, Role, command::Body};
use proto::statement;
use threshold::oprf::EvaluationKey;
use threshold::secret::Secret;
use threshold::signing::{self, SigningCurve};

use super::{Harmless, reason};
use crate::curves::{key_attributes_on, mechanism_of};
use crate::import_session;
use crate::kms::{self, Symmetric, Use};
use crate::rsa::{PSS, asked, attributes, generate};
use crate::service::ready;
use crate::sim::Sim;
use crate::user::{Key, User, attribute, party};

const ROOT: &str = "counterfoil.client.v1.ClientFrame";
/// The registry's tests lie inside commands, with signatures that fit.
const STOPS: &[&str] = &["Command"];
/// Ids of requests: far from those that the scripted client gives.
const ID: u64 = 1 << 60;

const HARMLESS: &[Harmless] = &[
    ("CopyKeyRequest.base_index", &[Other, Missing], "within its window; all nodes must sign the same birth"),
    ("CopyKeyRequest.key_id", &[Other], "an id is what the client says"),
    ("DeriveRequest.peer", &[Other], "the user may agree with any peer; all T nodes must see the same"),
    (
        "DeriveRequest.request_nonce",
        &[Other],
        "a nonce is what the client says; all T nodes must see the same",
    ),
    ("GenerateRequest.attributes", &[Missing], "a key that the registry shall record"),
    ("GenerateRequest.key_id", &[Other], "an id is what the client says"),
    ("Hello.instance", &[Other, Missing], "what a process calls itself; its session keys are its own"),
    ("Hello.software", &[], "a name for the log"),
    ("KmsEvaluateRequest.lease", &[], "at most `kms::NONCES_MAX`"),
    ("KmsNoncesRequest.count", &[], "at least one, at most `kms::NONCES_MAX`"),
    ("KmsSealRequest.lease", &[], "at most `kms::NONCES_MAX`"),
    ("LoginRequest.pin_given", &[], "less is done: the tries stay counted"),
    ("LeaseRequest.count", &[], "at least one, at most `limits::LEASE_MAX`"),
    ("HoldKeysRequest.destroyed", &[], "only keys of the process that says so end"),
    ("ListObjectsRequest.digest_only", &[], "less is sent"),
    ("OprfRequest.only_ask", &[], "less is done: the try stays free"),
    ("ReadObjectsRequest.parts", &[Other, Missing], "any part may be read"),
    ("ReadObjectsRequest.after", &[Other, Missing], "whatever comes after it is sent"),
    ("RandomRequest.length", &[Other], "within `limits::RANDOM_BYTES_MAX`"),
    ("Request.deadline_ms", &[], "bounded by the node"),
    ("Request.id", &[], "given back as it is"),
    ("Request.min_registry_index", &[Other, Missing], "below what the node has applied"),
    ("RsaRequest.data", &[Other], "the user may sign any digest; all T nodes must see the same"),
    ("RsaRequest.mask_hash", &[Other], "the user may choose any; all T nodes must see the same"),
    ("RsaRequest.prove", &[], "whether a proof is added to the same answer"),
    ("RsaRequest.request_nonce", &[Other], "a nonce is what the client says; all T nodes must see the same"),
    ("RsaRequest.salt", &[], "a salt that fits is the client's choice; all T nodes must see the same"),
    ("SignRequest.digest", &[Other, Longer], "the user may sign any digest; all T nodes must see the same"),
    ("SignRequest.grant", &[], "read where the presignature has a witness only: `cluster/strict.rs`"),
    ("SignRequest.lease", &[], "at most `limits::LEASE_MAX`"),
    ("SignRequest.request_nonce", &[Other], "a nonce is what the client says; all T nodes must see the same"),
];

/// Fields of requests that take another cluster than this one to be honest.
const ELSEWHERE: [(&str, &str); 15] = [
    ("ComplainRequest.parts", "two members' signed answers: `cluster/complain.rs`"),
    ("ComplainRequest.request", "the request that they answered: `cluster/complain.rs`"),
    ("GrantRequest.book_id", "of a witness, in strict mode: `cluster/strict.rs`"),
    ("GrantRequest.sign", "the request to grant, in strict mode: `cluster/strict.rs`"),
    ("ImportRequest.attributes", "of a session key: `cluster/import_session.rs`"),
    ("ImportRequest.share", "a key that the client has split: `cluster/import.rs`"),
    ("ImportRequest.statement", "a key that the client has split: `cluster/import.rs`"),
    ("RenewPairRequest.peer", "operators alone may ask: `cluster/blame.rs`"),
    ("Request.complain", "`cluster/complain.rs`"),
    ("Request.grant", "strict mode: `cluster/strict.rs`"),
    ("Request.import", "`cluster/import.rs`"),
    ("Request.renew_pair", "`cluster/blame.rs`"),
    ("SignedPart.node", "`cluster/complain.rs`"),
    ("SignedPart.node_signature", "`cluster/complain.rs`"),
    ("SignedPart.partial", "`cluster/complain.rs`"),
];

/// The encoding of a point that is one of another point when the lie "other" has changed it.
fn peer(curve: SigningCurve) -> Vec<u8> {
    let usable = |bytes: &[u8]| signing::PublicKey::decode(curve, bytes).is_some();
    let mut bytes = vec![0; curve.group().element_bytes()];
    let (middle, last) = (bytes.len() / 2, bytes.len() - 1);
    bytes[0] = 2;
    let found = (0..=u8::MAX).find(|x| {
        bytes[last] = *x;
        bytes[middle] = 1;
        let other = usable(&bytes);
        bytes[middle] = 0;
        other && usable(&bytes)
    });
    found.map(|_| bytes).unwrap()
}

/// A blinded PIN that is no element of the group any more when the lie "other" has changed it.
fn blinded(sim: &mut Sim) -> Vec<u8> {
    let one: [u8; 32] = std::array::from_fn(|at| u8::from(at == 0));
    let key = EvaluationKey::new(party(1), &Secret::new(one)).unwrap();
    loop {
        let (_, blinded) = threshold::oprf::blind(b"1234", &mut sim.rng).unwrap();
        let mut other = blinded;
        other[blinded.len() / 2] ^= 1;
        if key.evaluate(&other, &[0; 32], &mut sim.rng).is_err() {
            return blinded.to_vec();
        }
    }
}

/// A symmetric key, and a data key of it that nobody has seen.
type Sealed = (Symmetric, (v1::Input, Vec<Vec<u8>>));

/// A fresh login at node 1, and one honest frame of each kind.
fn frames(
    sim: &mut Sim,
    user: &mut User,
    key: &Key,
    (oprf, rsa, imported): (&[u8], &Key, &proto::registry::v1::BirthCertificate),
    (sealed, uses): &(Sealed, [Use; 3]),
    round: u16,
) -> Vec<ClientFrame> {
    for conn in user.conns.values().map(|conn| conn.id).collect::<Vec<_>>() {
        (1..=3).for_each(|node| sim.input(node, Input::ClientClosed { conn }));
    }
    user.connect(sim);
    user.login(sim);
    let token = user.token.to_vec();
    let conn = &user.conns[&1];
    let (cluster, client) = (sim.manifest.cluster_id(), user.public());
    let (exporter, challenge) = (conn.exporter, conn.challenge.clone());
    let said = statement::login(&cluster, 1, &client, &exporter, &challenge, &user.token, Role::User, 1);
    let (kind, pin_key) = user.login_author(Role::User);
    let object = NewObject {
        object_id: [&round.to_be_bytes()[..], &[7; 14]].concat(),
        attributes: vec![attribute(0, &[0; 8]), attribute(1, &[1]), attribute(2, &[0])],
        birth: None,
    };
    let create = CreateObjects { token_id: token.clone(), objects: vec![object] };
    let command = Some(user.command(sim, Body::CreateObjects(create), &[(kind, pin_key.clone())]));
    let client_author = user.client_author();
    let label = proto::registry::v1::EnrolClient { client_key: vec![3; 32], ..Default::default() };
    let by_client = Some(user.command(sim, Body::EnrolClient(label), &[client_author]));
    let by_operator = (
        proto::registry::v1::author::Kind::OperatorKey(
            crate::sim::operator_key(1).verifying_key().to_bytes().to_vec(),
        ),
        crate::sim::operator_key(1),
    );
    let label = proto::registry::v1::EnrolClient { client_key: vec![3; 32], ..Default::default() };
    let by_operator = Some(user.command(sim, Body::EnrolClient(label), &[by_operator]));
    let lease = user.lease(sim, key, [1, 2]).unwrap().remove(0);
    let generate = GenerateRequest {
        purpose: Purpose::SigningKey as i32,
        token_id: token.clone(),
        key_id: [&round.to_be_bytes()[..], &[8; 14]].concat(),
        curve: "P-256".into(),
        attributes_hash: vec![1; 32],
        ..GenerateRequest::default()
    };
    let generate_login = GenerateRequest {
        purpose: Purpose::LoginOprf as i32,
        curve: "ristretto255".into(),
        attributes_hash: vec![],
        role: Role::User as i32,
        pin_version: 2,
        ..generate.clone()
    };
    let attributes = key_attributes_on(key.curve(), true);
    let copy = CopyKeyRequest {
        source_id: key.id.to_vec(),
        key_id: [&round.to_be_bytes()[..], &[10; 14]].concat(),
        attributes: attributes.clone(),
        base_index: sim.log.len() as u64,
    };
    let mut attributes = attributes;
    attributes[1] = attribute(1, &[0]);
    let generate_session = GenerateRequest {
        key_id: [&round.to_be_bytes()[..], &[9; 14]].concat(),
        curve: key.birth.curve.clone(),
        attributes_hash: statement::attributes_hash(&attributes).to_vec(),
        attributes,
        ..generate.clone()
    };
    let blinded = blinded(sim);
    let pss = RsaRequest {
        hash: RsaHash::Sha1 as i32,
        mask_hash: RsaHash::Sha1 as i32,
        salt: vec![5; 8],
        prove: true,
        ..asked(rsa, [1, 2], PSS, &[6; 20])
    };
    let (symmetric, (input, seals)) = sealed;
    let hash = symmetric.hash(sim, &[], input);
    let evaluate = KmsEvaluateRequest {
        statement: Some(kms::statement(sim, user, symmetric.id, ("Decrypt", &[]), [1, 2], &hash)),
        input: Some(input.clone()),
        seals: seals.clone(),
        lease: 1,
    };
    let freshness =
        vec![Fresh { node: 1, nonce: kms::nonce(sim, user, 1) }, Fresh { node: 2, nonce: vec![2; 16] }];
    let input = v1::Input { freshness, ..input.clone() };
    let hash = symmetric.hash(sim, &[], &input);
    let asked = ("GenerateDataKeyWithoutPlaintext", &[][..]);
    let seal = KmsSealRequest {
        statement: Some(kms::statement(sim, user, symmetric.id, asked, [1, 2], &hash)),
        input: Some(input),
        lease: 1,
    };
    let asked = ("DescribeKey", &[("a", "b")][..]);
    let check =
        KmsCheckRequest { statement: Some(kms::statement(sim, user, symmetric.id, asked, [1, 2], &[])) };
    let [sign, derive, use_rsa] = uses.clone().map(|bare| bare.stated(sim, user).op());
    let ops = [
        Op::KmsNonces(KmsNoncesRequest { count: 2 }),
        Op::KmsEvaluate(evaluate),
        Op::KmsSeal(seal),
        Op::KmsCheck(check),
        Op::Status(StatusRequest {}),
        Op::ListTokens(ListTokensRequest {}),
        Op::ListObjects(ListObjectsRequest { token_id: token.clone(), digest_only: false }),
        Op::ReadObjects(ReadObjectsRequest {
            token_id: token.clone(),
            parts: vec![1, 2],
            after: [vec![0; 15], vec![1]].concat(),
        }),
        Op::Oprf(OprfRequest {
            key_id: oprf.to_vec(),
            blinded: blinded.to_vec(),
            try_number: 1,
            only_ask: false,
        }),
        Op::Login(LoginRequest {
            token_id: token.clone(),
            role: Role::User as i32,
            login_version: 1,
            signature: said.sign(&pin_key),
            pin_given: true,
        }),
        Op::Propose(ProposeRequest { command }),
        Op::Propose(ProposeRequest { command: by_client }),
        Op::Propose(ProposeRequest { command: by_operator }),
        Op::Generate(generate_login),
        Op::Generate(generate),
        Op::Generate(generate_session),
        Op::HoldKeys(HoldKeysRequest { destroyed: vec![vec![6; 16]] }),
        Op::CopyKey(copy),
        Op::KeepImport(KeepImportRequest { birth: Some(imported.clone()) }),
        Op::Lease(LeaseRequest {
            key_id: key.id.to_vec(),
            signers: vec![1, 2],
            count: 1,
            mechanism: mechanism_of(key.scheme),
        }),
        Op::Sign(user.sign_request(key, [1, 2], &lease, &[5; 32])),
        Op::Derive(user.derive_request(key, [1, 2], &peer(key.curve()))),
        Op::Rsa(pss),
        sign,
        derive,
        use_rsa,
        Op::Random(RandomRequest { length: 32 }),
        Op::Logout(LogoutRequest { token_id: token }),
    ];
    let hello =
        Hello { format: FORMAT, cluster_id: cluster.to_vec(), software: "sim".into(), instance: vec![4; 16] };
    // Odd, so that the lie "other" names a lower one.
    let min_registry_index = (sim.log.len() as u64 - 1) | 1;
    let request = |op| Request { id: ID, deadline_ms: 3_000, min_registry_index, op: Some(op) };
    let requests = ops.map(|op| client_frame::Frame::Request(request(op)));
    [client_frame::Frame::Hello(hello)]
        .into_iter()
        .chain(requests)
        .map(|frame| ClientFrame { frame: Some(frame) })
        .collect()
}

/// What node 1 answers to a frame: an error's code and line, or `None` when it does what the frame says.
fn answer(sim: &mut Sim, user: &User, frame: ClientFrame, opens: bool) -> Option<String> {
    let conn = if opens { u64::from(u32::MAX) } else { user.conns[&1].id };
    if opens {
        sim.input(1, Input::ClientClosed { conn });
        sim.input(1, Input::ClientOpened { conn, client_key: user.public(), exporter: [1; 32] });
    }
    sim.replies.remove(&conn);
    sim.input(1, Input::ClientFrame { conn, frame });
    let limit = sim.now + 40_000;
    loop {
        let reply =
            sim.replies.remove(&conn).and_then(|mut frames| frames.pop()).and_then(|frame| frame.frame);
        let error = match reply {
            Some(node_frame::Frame::Hello(reply)) => Some(reply.error),
            Some(node_frame::Frame::Response(response)) => Some(match response.result.unwrap() {
                Reply::Error(error) => Some(error),
                _ => None,
            }),
            None => None,
        };
        if let Some(error) = error {
            return error.map(|error| format!("{}: {}", error.code().as_str_name(), error.message));
        }
        assert!(sim.step(limit), "node 1 never answers");
    }
}

const HEAD: &str = "\
# What a client can lie about to a node

Every field of a `counterfoil.client.v1.ClientFrame`, altered by an enrolled client that is logged in as
its token's user, and what node 1 of three answers. Whatever the client says, no check of a peer's message
fails, and no node is blamed. Lies inside a registry command, with signatures that fit, are told in
`mpc-backend/engine/tests/registry`.

Written by `mpc-backend/engine/tests/cluster/fields`: `UPDATE_FIELDS=1 cargo test -p engine --test cluster fields`.
";

#[test]
fn every_field_of_every_request_is_lied_about() {
    let schema = Schema::new();
    let all = schema.fields(ROOT, STOPS);
    let (mut sim, mut user, key) = ready(32);
    let registry = sim.node(1).engine.as_ref().unwrap().registry();
    let oprf = statement_of(registry.login(&user.token, Role::User).unwrap().oprf.as_ref().unwrap()).key_id;
    let rsa = generate(&mut sim, &mut user, 2, &attributes(true, true)).unwrap();
    let (_, imported) = import_session::held_by(&mut sim, &mut user);
    let symmetric = Symmetric::new(&mut sim, &mut user, [3; 16], kms::key_record(Usage::EncryptDecrypt));
    let made = kms::sealed_input(&mut sim, &mut user, &symmetric, [1, 2]);
    let of_kms = ((symmetric, made), kms::uses(&mut sim, &mut user));
    let (mut table, mut unexplained, mut round) = (Table::default(), vec![], 0);
    for field in &all {
        for lie in schema.lies(field) {
            round += 1;
            let honest = frames(&mut sim, &mut user, &key, (&oprf, &rsa, &imported), &of_kms, round);
            let altered = honest.iter().enumerate().find_map(|(number, frame)| {
                let altered = schema.alter(ROOT, &frame.encode_to_vec(), field, *lie)?;
                Some((number == 0, ClientFrame::decode(altered.as_slice()).unwrap()))
            });
            let Some((opens, frame)) = altered else { continue };
            let verdict = match (answer(&mut sim, &user, frame, opens), reason(HARMLESS, field, *lie)) {
                (Some(refusal), None) => refusal,
                (None, Some(reason)) => format!("done: {reason}"),
                (other, reason) => {
                    unexplained.push(format!("{field} {lie:?}: {other:?}, {reason:?}"));
                    continue;
                }
            };
            table.add(field, *lie, verdict);
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for (field, reason) in ELSEWHERE {
        table.except(field, reason);
    }
    assert_eq!(table.without(&all), [""; 0], "fields that nobody lied about");
    sim.run(20_000);
    user.connect(&mut sim);
    user.login(&mut sim);
    user.sign(&mut sim, &key, [1, 2], &[5; 32]).unwrap();
    for node in &sim.nodes {
        assert_eq!(node.engine.as_ref().unwrap().counters().failed_checks, 0, "a client's lie blames a node");
    }
    table.check(concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/fields/from-clients.md"), HEAD);
}

fn statement_of(birth: &proto::registry::v1::BirthCertificate) -> proto::registry::v1::BirthStatement {
    proto::registry::v1::BirthStatement::decode(birth.statement.as_slice()).unwrap()
}
