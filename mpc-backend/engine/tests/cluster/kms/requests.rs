//! What a client of the KMS interface says to nodes.

use prost::Message;
use proto::client::v1::{GenerateRequest, request::Op, response::Result as Reply};
use proto::kms::v1::{
    Fresh, Input, Kind, KmsCheckRequest, KmsEvaluateReply, KmsEvaluateRequest, KmsKey, KmsNoncesRequest,
    KmsSealRequest, Pair, State, Statement, Usage,
};
use proto::kms::{CKA_COUNTERFOIL_KMS, CKK_COUNTERFOIL_DPRF, context_hash, input_hash, sealed};
use proto::limits::FORMAT;
use proto::registry::v1::{
    Attribute, BirthStatement, DestroyObject, Purpose, Role, UpdateObject, command::Body,
};
use proto::statement;
use rand_core::RngCore;
use threshold::dprf;
use threshold::party::{SignerSet, Threshold};

use crate::sim::Sim;
use crate::user::{Outcome, User, attribute, party};

/// An operation and its context.
pub type Asked<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// A symmetric key that the registry recorded.
#[derive(Clone)]
pub struct Symmetric {
    pub id: [u8; 16],
    /// Of each version of the material.
    pub births: Vec<BirthStatement>,
}

/// A new record with the default policy.
pub fn key_record(usage: Usage) -> KmsKey {
    KmsKey {
        format: FORMAT,
        usage: usage as i32,
        state: State::Enabled as i32,
        created_unix_s: 1,
        ..KmsKey::default()
    }
}

/// A policy that allows these actions to clients of these names.
pub fn policy_of(user: &User, rules: &[(&str, &[&str])]) -> String {
    let account = policy::account_of(&user.token);
    let rule = |(client, actions): &(&str, &[&str])| {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":["{}"],"Resource":"*"}}"#,
            policy::principal_of(&account, client),
            actions.join(r#"",""#)
        )
    };
    let rules: Vec<String> = rules.iter().map(rule).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, rules.join(","))
}

pub fn pairs(context: &[(&str, &str)]) -> Vec<Pair> {
    context.iter().map(|(name, value)| Pair { name: (*name).into(), value: (*value).into() }).collect()
}

/// Attributes of a key of the pseudorandom function.
pub fn attributes(record: &KmsKey) -> Vec<Attribute> {
    vec![
        attribute(0x0, &4u64.to_be_bytes()),
        attribute(0x1, &[1]),
        attribute(0x2, &[1]),
        attribute(0x100, &CKK_COUNTERFOIL_DPRF.to_be_bytes()),
        attribute(0x103, &[1]),
        attribute(0x162, &[0]),
        attribute(0x163, &[1]),
        attribute(CKA_COUNTERFOIL_KMS, &record.encode_to_vec()),
    ]
}

/// A nonce that a node gives.
pub fn nonce(sim: &mut Sim, user: &mut User, node: u8) -> Vec<u8> {
    match user.call(sim, node, Op::KmsNonces(KmsNoncesRequest { count: 1 })).unwrap() {
        Reply::KmsNonces(mut reply) => reply.nonces.remove(0),
        _ => panic!("another answer"),
    }
}

/// An input for a quorum, fresh at each of its nodes, under the first version of the material.
pub fn input(sim: &mut Sim, user: &mut User, kind: Kind, quorum: [u8; 2]) -> Input {
    let fresh =
        |sim: &mut Sim, user: &mut User, node| Fresh { node: u32::from(node), nonce: nonce(sim, user, node) };
    Input {
        version: 1,
        kind: kind as i32,
        encryptor: user.public().to_vec(),
        commitment: vec![8; 32],
        freshness: quorum.map(|node| fresh(sim, user, node)).to_vec(),
    }
}

/// What a client signs, of the time of the simulation.
pub fn statement(
    sim: &Sim,
    user: &User,
    key_id: [u8; 16],
    (operation, context): Asked<'_>,
    quorum: [u8; 2],
    parameter: &[u8],
) -> Statement {
    let mut said = Statement {
        key_id: key_id.to_vec(),
        operation: operation.into(),
        context: pairs(context),
        quorum: quorum.map(u32::from).to_vec(),
        request_nonce: vec![0; 32],
        expires_unix_ms: sim.now + 60_000,
        signature: vec![],
    };
    sim.rng.clone().fill_bytes(&mut said.request_nonce);
    said.request_nonce[..8]
        .copy_from_slice(&NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes());
    said.signature = proto::kms::statement(&sim.manifest.cluster_id(), &said, parameter).sign(&user.key);
    said
}

static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

impl Symmetric {
    /// Has all nodes generate a key and the registry record it.
    pub fn new(sim: &mut Sim, user: &mut User, id: [u8; 16], record: KmsKey) -> Self {
        let birth = Self::object(sim, user, id, &record).unwrap();
        Self { id, births: vec![birth] }
    }

    /// An object of this kind.
    pub fn object(sim: &mut Sim, user: &mut User, id: [u8; 16], record: &KmsKey) -> Outcome<BirthStatement> {
        let attributes = attributes(record);
        let request = GenerateRequest {
            purpose: Purpose::SigningKey as i32,
            token_id: user.token.to_vec(),
            key_id: id.to_vec(),
            curve: dprf::NAME.into(),
            attributes_hash: statement::attributes_hash(&attributes).to_vec(),
            ..GenerateRequest::default()
        };
        let birth = user.generate(sim, 1, request)?;
        let statement = BirthStatement::decode(birth.statement.as_slice()).unwrap();
        let authors = [user.login_author(Role::User), user.client_author()];
        user.propose(sim, 1, user.create_key(id, &attributes, birth), &authors)?;
        sim.run(50);
        Ok(statement)
    }

    pub fn with_id(&self, id: [u8; 16]) -> Self {
        Self { id, births: self.births.clone() }
    }

    fn object_now(&self, sim: &Sim) -> proto::registry::v1::ObjectRecord {
        let registry = sim.nodes[0].engine.as_ref().unwrap().registry();
        let key = registry.key(&self.id).unwrap();
        registry.object(&key.token_id, &self.id).unwrap().clone()
    }

    /// The record that node 1 has.
    pub fn record(&self, sim: &Sim) -> KmsKey {
        let object = self.object_now(sim);
        let found = object.attributes.iter().find(|one| one.r#type == CKA_COUNTERFOIL_KMS).unwrap();
        KmsKey::decode(found.value.as_slice()).unwrap()
    }

    /// Changes the record, by `user` through node `node`.
    pub fn update(
        &self,
        sim: &mut Sim,
        user: &mut User,
        node: u8,
        change: impl FnOnce(&mut KmsKey),
    ) -> Outcome<u64> {
        let (object, mut record) = (self.object_now(sim), self.record(sim));
        change(&mut record);
        let update = UpdateObject {
            token_id: user.token.to_vec(),
            object_id: self.id.to_vec(),
            predecessor: statement::record_hash(&object).to_vec(),
            attributes: attributes(&record),
        };
        let authors = [user.login_author(Role::User), user.client_author()];
        let outcome = user.propose(sim, node, Body::UpdateObject(update), &authors);
        sim.run(50);
        outcome
    }

    pub fn destroy(&self, sim: &mut Sim, user: &mut User) -> Outcome<u64> {
        let predecessor = statement::record_hash(&self.object_now(sim)).to_vec();
        let destroy =
            DestroyObject { token_id: user.token.to_vec(), object_id: self.id.to_vec(), predecessor };
        let authors = [user.login_author(Role::User), user.client_author()];
        let outcome = user.propose(sim, 1, Body::DestroyObject(destroy), &authors);
        sim.run(50);
        outcome
    }

    pub fn hash(&self, sim: &Sim, context: &[(&str, &str)], input: &Input) -> [u8; 32] {
        input_hash(&sim.manifest.cluster_id(), &self.id, &context_hash(&pairs(context)), input)
    }

    /// One node's part, to a statement as it is.
    pub fn evaluate_said(
        &self,
        sim: &mut Sim,
        user: &mut User,
        node: u8,
        said: Statement,
        input: &Input,
        seals: &[Vec<u8>],
    ) -> Outcome<KmsEvaluateReply> {
        let request = KmsEvaluateRequest {
            statement: Some(said),
            input: Some(input.clone()),
            seals: seals.to_vec(),
            lease: 0,
        };
        match user.call(sim, node, Op::KmsEvaluate(request))? {
            Reply::KmsEvaluate(reply) => Ok(reply),
            _ => panic!("another answer"),
        }
    }

    /// One node's part.
    #[allow(clippy::too_many_arguments)]
    pub fn evaluate(
        &self,
        sim: &mut Sim,
        user: &mut User,
        node: u8,
        asked: Asked<'_>,
        quorum: [u8; 2],
        input: &Input,
        seals: &[Vec<u8>],
    ) -> Outcome<KmsEvaluateReply> {
        let hash = self.hash(sim, asked.1, input);
        let said = statement(sim, user, self.id, asked, quorum, &hash);
        self.evaluate_said(sim, user, node, said, input, seals)
    }

    /// Whether a node would let the client describe the key.
    pub fn check(&self, sim: &mut Sim, user: &mut User, node: u8) -> Outcome<()> {
        let quorum = if node == 1 { [1, 2] } else { [2, 3] };
        let statement = Some(statement(sim, user, self.id, ("DescribeKey", &[]), quorum, &[]));
        user.call(sim, node, Op::KmsCheck(KmsCheckRequest { statement })).map(drop)
    }

    /// One node's signature.
    pub fn seal(
        &self,
        sim: &mut Sim,
        user: &mut User,
        node: u8,
        quorum: [u8; 2],
        input: &Input,
    ) -> Outcome<Vec<u8>> {
        let hash = self.hash(sim, &[], input);
        let asked = ("GenerateDataKeyWithoutPlaintext", &[][..]);
        let statement = Some(statement(sim, user, self.id, asked, quorum, &hash));
        let request = KmsSealRequest { statement, input: Some(input.clone()), lease: 0 };
        match user.call(sim, node, Op::KmsSeal(request))? {
            Reply::KmsSeal(reply) => Ok(reply.seal),
            _ => panic!("another answer"),
        }
    }

    /// Asks a quorum one statement and combines what its nodes say.
    fn value(
        &self,
        sim: &mut Sim,
        user: &mut User,
        asked: Asked<'_>,
        quorum: [u8; 2],
        (input, seals): (&Input, &[Vec<u8>]),
    ) -> Outcome<[u8; 32]> {
        let hash = self.hash(sim, asked.1, input);
        let said = statement(sim, user, self.id, asked, quorum, &hash);
        let nonce: [u8; 32] = said.request_nonce.clone().try_into().unwrap();
        let mut answers = vec![];
        for node in quorum {
            let reply = self.evaluate_said(sim, user, node, said.clone(), input, seals)?;
            let cluster = sim.manifest.cluster_id();
            let signed = statement::agreement(&cluster, u32::from(node), &nonce, &reply.partial);
            assert!(signed.verify(&sim.manifest.node(node).unwrap().key, &reply.node_signature));
            answers.push((party(node), reply.partial));
        }
        let birth = &self.births[input.version as usize - 1];
        let request = dprf::Request {
            cluster_id: sim.manifest.cluster_id(),
            key_id: birth.key_id.clone().try_into().unwrap(),
            epoch: birth.epoch,
            public_key: birth.public_key.clone(),
            quorum: SignerSet::new(quorum.map(party)).unwrap(),
            client: user.public(),
            input: hash,
            request_nonce: nonce,
        };
        let threshold = Threshold::new(2, 3).unwrap();
        Ok(*dprf::combine(&answers, &birth.commitments, threshold, &request).unwrap().expose())
    }
}

/// A one-time key to encrypt with, under the newest material.
pub fn encrypted(
    sim: &mut Sim,
    user: &mut User,
    key: &Symmetric,
    operation: &str,
    context: &[(&str, &str)],
    quorum: [u8; 2],
) -> Outcome<(Input, [u8; 32])> {
    let mut made = input(sim, user, Kind::Message, quorum);
    made.version = key.births.len() as u32;
    let value = key.value(sim, user, (operation, context), quorum, (&made, &[]))?;
    Ok((made, value))
}

/// The one-time key of what was encrypted.
pub fn decrypted(
    sim: &mut Sim,
    user: &mut User,
    key: &Symmetric,
    made: &Input,
    seals: &[Vec<u8>],
    context: &[(&str, &str)],
    quorum: [u8; 2],
) -> Outcome<[u8; 32]> {
    key.value(sim, user, ("Decrypt", context), quorum, (made, seals))
}

/// A data key that nobody has seen, and its signatures.
pub fn sealed_input(
    sim: &mut Sim,
    user: &mut User,
    key: &Symmetric,
    quorum: [u8; 2],
) -> (Input, Vec<Vec<u8>>) {
    let made = input(sim, user, Kind::Sealed, quorum);
    let seals = quorum.map(|node| key.seal(sim, user, node, quorum, &made).unwrap());
    for (node, seal) in quorum.into_iter().zip(&seals) {
        let said = sealed(&sim.manifest.cluster_id(), u32::from(node), &key.hash(sim, &[], &made));
        assert!(said.verify(&sim.manifest.node(node).unwrap().key, seal));
    }
    (made, seals.to_vec())
}
