//! What all fake nodes know: a registry that applies every command, and the shared keys.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use proto::client::v1::{
    Code, ComplainRequest, CopyKeyReply, Counters, DeriveReply, DeriveRequest, Empty, Error, GenerateReply,
    ImportReply, LeaseReply, ListObjectsReply, ListTokensReply, OprfReply, PeerStatus, PoolStatus,
    ProposeReply, RandomReply, ReadObjectsReply, SignReply, SignRequest, StatusReply, request, response,
};
use proto::limits::{COMMAND_WINDOW, FORMAT};
use proto::manifest::Manifest;
use proto::registry::v1::{
    BirthCertificate, BirthStatement, Command, NodeSignature, ObjectRecord, Purpose, Role, SignedCommand,
    TokenRecord, author, command::Body,
};
use proto::statement;
use threshold::ecdsa::{OnlineRequest, answer};
use threshold::party::SignerSet;

use super::keys::{OprfKey, SigningShares, party};
use super::kms::Outstanding;
use super::rsa::{self, RsaShares};

pub const TOKEN: [u8; 16] = [5; 16];

/// One connection, as a node knows it.
pub struct Caller {
    pub client_key: [u8; 32],
    pub exporter: [u8; 32],
    pub challenge: Vec<u8>,
    pub logins: Vec<(Vec<u8>, Role)>,
    pub instance: Vec<u8>,
}

/// The state; every request and every presignature used is written down.
pub struct World {
    pub cluster_id: [u8; 32],
    threshold: u8,
    pub index: u64,
    pub token: TokenRecord,
    pub objects: BTreeMap<Vec<u8>, ObjectRecord>,
    /// Presignature ids with the node that used them.
    pub spent: BTreeSet<(u8, Vec<u8>)>,
    /// Requests by node and kind.
    pub seen: Vec<(u8, &'static str)>,
    pub complaints: Vec<ComplainRequest>,
    /// Session keys that each node was told are no more.
    pub ended: BTreeSet<(u8, Vec<u8>)>,
    births: BTreeMap<Vec<u8>, BirthStatement>,
    /// Of which key each copy is.
    copies: BTreeMap<Vec<u8>, Vec<u8>>,
    applied: BTreeMap<Vec<u8>, u64>,
    oprf: BTreeMap<Vec<u8>, OprfKey>,
    /// The try that each node gave last for each OPRF key.
    tries: BTreeMap<(u8, Vec<u8>), u32>,
    pub signing: BTreeMap<Vec<u8>, SigningShares>,
    pub outstanding: Outstanding,
    rsa: BTreeMap<Vec<u8>, RsaShares>,
}

pub type Outcome = Result<response::Result, (Code, String)>;

/// Objects in one answer.
const PAGE: usize = 3;

/// The digest of each part of a list.
pub fn part_digests(objects: &[ObjectRecord]) -> Vec<[u8; 32]> {
    let mut parts = vec![BTreeMap::new(); statement::LIST_PARTS];
    for record in objects {
        let part = usize::from(statement::list_part(&record.object_id));
        parts[part].insert(record.object_id.clone(), statement::record_hash(record));
    }
    parts.iter().map(|part| statement::part_digest(part.values())).collect()
}

pub fn refuse<T>(code: Code, message: &str) -> Result<T, (Code, String)> {
    Err((code, message.into()))
}

impl World {
    pub fn new(manifest: &Manifest) -> Self {
        Self {
            cluster_id: manifest.cluster_id(),
            threshold: manifest.threshold,
            index: 3,
            token: TokenRecord {
                format: FORMAT,
                token_id: TOKEN.to_vec(),
                changed_at: 3,
                ..Default::default()
            },
            objects: BTreeMap::new(),
            spent: BTreeSet::new(),
            seen: Vec::new(),
            applied: BTreeMap::new(),
            oprf: BTreeMap::new(),
            tries: BTreeMap::new(),
            signing: BTreeMap::new(),
            outstanding: Outstanding::new(),
            rsa: BTreeMap::new(),
            complaints: Vec::new(),
            ended: BTreeSet::new(),
            births: BTreeMap::new(),
            copies: BTreeMap::new(),
        }
    }

    /// What the caller may see.
    fn visible(&self, caller: &Caller) -> Vec<ObjectRecord> {
        let as_user = caller.logins.contains(&(TOKEN.to_vec(), Role::User));
        self.objects.values().filter(|record| as_user || !is_private(record)).cloned().collect()
    }

    pub fn handle(&mut self, node: u8, caller: &mut Caller, op: request::Op) -> (u64, response::Result) {
        let outcome = self.dispatch(node, caller, op);
        let result = outcome.unwrap_or_else(|(code, message)| {
            response::Result::Error(Error { code: code.into(), message, nodes: vec![] })
        });
        (self.index, result)
    }

    fn dispatch(&mut self, node: u8, caller: &mut Caller, op: request::Op) -> Outcome {
        use response::Result as R;
        let mut saw = |kind| self.seen.push((node, kind));
        match op {
            request::Op::Status(_) => Ok(R::Status(StatusReply {
                node: node.into(),
                peers: vec![PeerStatus { node: 9, ..Default::default() }],
                pools: vec![PoolStatus { signers: vec![1, 2], ..Default::default() }],
                counters: Some(Counters::default()),
                ..Default::default()
            })),
            request::Op::ListTokens(_) => {
                saw("tokens");
                Ok(R::ListTokens(ListTokensReply { tokens: vec![self.token.clone()] }))
            }
            request::Op::ListObjects(asked) => {
                saw(if asked.digest_only { "digest" } else { "objects" });
                let parts = part_digests(&self.visible(caller));
                let digest = statement::list_digest(&parts).to_vec();
                let parts = if asked.digest_only { vec![] } else { parts.concat() };
                Ok(R::ListObjects(ListObjectsReply { digest, parts }))
            }
            request::Op::ReadObjects(asked) => {
                saw("records");
                let mut objects = self.visible(caller);
                let place = |record: &ObjectRecord| {
                    (statement::list_part(&record.object_id), record.object_id.clone())
                };
                objects.retain(|record| asked.parts.contains(&u32::from(place(record).0)));
                objects.sort_by_key(place);
                if !asked.after.is_empty() {
                    let after = (statement::list_part(&asked.after), asked.after);
                    objects.retain(|record| place(record) > after);
                }
                // A page of a real node holds more.
                let more = objects.len() > PAGE;
                objects.truncate(PAGE);
                Ok(R::ReadObjects(ReadObjectsReply { objects, more }))
            }
            request::Op::Oprf(asked) => {
                if asked.only_ask {
                    let taken = self.tries.get(&(node, asked.key_id)).copied().unwrap_or_default();
                    let free_tries = 0x3ff & !taken;
                    let quiet_ms = u32::MAX;
                    return Ok(R::Oprf(OprfReply { free_tries, quiet_ms, ..OprfReply::default() }));
                }
                *self.tries.entry((node, asked.key_id.clone())).or_default() |= 1 << (asked.try_number - 1);
                saw("oprf");
                let Some(key) = self.oprf.get(&asked.key_id) else {
                    return refuse(Code::NotFound, "OPRF key");
                };
                let context = statement::oprf_context(&self.cluster_id, &asked.key_id);
                let evaluation = key.evaluate(node, &asked.blinded, &context);
                let (evaluated, proof) = (evaluation.element.to_vec(), evaluation.proof.to_vec());
                Ok(R::Oprf(OprfReply { evaluated, proof, ..OprfReply::default() }))
            }
            request::Op::Login(asked) => {
                saw("login");
                let role = asked.role();
                let login = match role {
                    Role::User => &self.token.user_login,
                    _ => &self.token.so_login,
                };
                let Some(login) = login.as_ref().filter(|login| login.version == asked.login_version) else {
                    return refuse(Code::Forbidden, "another version");
                };
                let said = statement::login(
                    &self.cluster_id,
                    node.into(),
                    &caller.client_key,
                    &caller.exporter,
                    &caller.challenge,
                    &asked.token_id,
                    role,
                    asked.login_version,
                );
                assert!(said.verify(&login.login_key, &asked.signature), "login signature");
                self.tries.retain(|(counting, _), _| *counting != node);
                caller.logins.retain(|(token, _)| *token != asked.token_id);
                caller.logins.push((asked.token_id, role));
                Ok(R::Login(Empty {}))
            }
            request::Op::Logout(_) => Ok(R::Logout(Empty {})),
            request::Op::Propose(asked) => {
                saw("propose");
                self.apply(&asked.command.unwrap()).map(|index| R::Propose(ProposeReply { index }))
            }
            request::Op::Generate(asked) => {
                saw("generate");
                let (public_key, commitments) = match asked.purpose() {
                    Purpose::LoginOprf => {
                        let key = OprfKey::new(self.threshold);
                        let commitments = key.commitments();
                        self.oprf.insert(asked.key_id.clone(), key);
                        (commitments[0].clone(), commitments)
                    }
                    _ if asked.curve == rsa::NAME => {
                        let shares = RsaShares::new(self.threshold);
                        let made = (shares.public.encode(), shares.commitments());
                        self.rsa.insert(asked.key_id.clone(), shares);
                        made
                    }
                    _ => {
                        let shares = SigningShares::new(self.threshold);
                        let public = shares.public_key();
                        let commitments = shares.commitments();
                        self.signing.insert(asked.key_id.clone(), shares);
                        (public, commitments)
                    }
                };
                let statement = BirthStatement {
                    format: FORMAT,
                    cluster_id: self.cluster_id.to_vec(),
                    purpose: asked.purpose,
                    token_id: asked.token_id,
                    key_id: asked.key_id,
                    curve: asked.curve,
                    public_key,
                    commitments,
                    attributes_hash: asked.attributes_hash,
                    transcript: vec![8; 32],
                    base_index: self.index,
                    epoch: 1,
                    role: asked.role,
                    pin_version: asked.pin_version,
                    client_key: caller.client_key.to_vec(),
                    instance: if asked.attributes.is_empty() { vec![] } else { caller.instance.clone() },
                    imported: false,
                };
                self.births.insert(statement.key_id.clone(), statement.clone());
                Ok(R::Generate(GenerateReply { birth: Some(certify(&statement, 2 * self.threshold - 1)) }))
            }
            request::Op::Lease(asked) => {
                saw("lease");
                let presignature_ids = self.lease(caller, &asked.key_id, &asked.signers, asked.count);
                Ok(R::Lease(LeaseReply { presignature_ids, ..LeaseReply::default() }))
            }
            request::Op::Sign(asked) => {
                saw("sign");
                self.sign(node, caller, asked).map(R::Sign)
            }
            request::Op::Derive(asked) => {
                saw("derive");
                self.derive(node, caller, asked).map(R::Derive)
            }
            request::Op::Rsa(asked) => {
                saw(if asked.prove { "prove" } else { "rsa" });
                if !caller.logins.contains(&(TOKEN.to_vec(), Role::User)) {
                    return refuse(Code::NotLoggedIn, "no login");
                }
                Ok(R::Rsa(self.rsa[&asked.key_id].answer(&self.cluster_id, node, &asked)))
            }
            request::Op::Import(asked) => {
                saw("import");
                if !asked.attributes.is_empty() {
                    let said = BirthStatement::decode(asked.statement.as_slice()).unwrap();
                    assert_eq!(said.instance, caller.instance);
                    self.births.insert(said.key_id.clone(), said);
                }
                let signature = statement::birth(&asked.statement)
                    .sign(&ed25519_dalek::SigningKey::from_bytes(&[node; 32]));
                Ok(R::Import(ImportReply { signature }))
            }
            request::Op::KeepImport(asked) => {
                saw("keep");
                let birth = asked.birth.unwrap();
                assert_eq!(birth.signatures.len(), usize::from(2 * self.threshold - 1));
                Ok(R::KeepImport(Empty {}))
            }
            request::Op::Grant(_) => refuse(Code::InvalidArgument, "not in strict mode"),
            request::Op::Complain(asked) => {
                saw("complain");
                self.complaints.push(asked);
                Ok(R::Complain(Empty {}))
            }
            request::Op::RenewPair(_) => refuse(Code::Forbidden, "not by clients"),
            request::Op::HoldKeys(asked) => {
                saw("hold");
                self.ended.extend(asked.destroyed.into_iter().map(|key| (node, key)));
                Ok(R::HoldKeys(Empty {}))
            }
            request::Op::CopyKey(asked) => {
                saw("copy");
                let source = self.births.get(&asked.source_id).cloned().unwrap();
                self.copies.insert(asked.key_id.clone(), asked.source_id);
                let copy = BirthStatement {
                    key_id: asked.key_id,
                    attributes_hash: statement::attributes_hash(&asked.attributes).to_vec(),
                    base_index: asked.base_index,
                    client_key: caller.client_key.to_vec(),
                    instance: match asked.attributes.iter().any(|own| own.r#type == 1 && own.value == [0]) {
                        true => caller.instance.clone(),
                        false => vec![],
                    },
                    imported: false,
                    ..source
                };
                let signatures = certify(&copy, node).signatures;
                let signature = signatures.into_iter().next_back().unwrap().signature;
                Ok(R::CopyKey(CopyKeyReply { signature }))
            }
            request::Op::KmsNonces(asked) => {
                saw("nonces");
                self.kms_nonces_reply(node, asked.count)
            }
            request::Op::KmsEvaluate(asked) => {
                saw("evaluate");
                self.kms_evaluate(node, caller, asked)
            }
            request::Op::KmsSeal(asked) => {
                saw("seal");
                self.kms_seal(node, caller, asked)
            }
            request::Op::KmsCheck(asked) => {
                saw("check");
                self.kms_check(caller, &asked.statement.unwrap())
            }
            request::Op::Random(asked) => {
                saw("random");
                Ok(R::Random(RandomReply { random: vec![4; asked.length as usize] }))
            }
        }
    }

    fn lease(&mut self, caller: &Caller, key_id: &[u8], signers: &[u32], count: u32) -> Vec<Vec<u8>> {
        let set: Vec<u8> = signers.iter().map(|node| *node as u8).collect();
        let key = self.signing.get_mut(self.copies.get(key_id).map_or(key_id, Vec::as_slice)).unwrap();
        let id = key_id.try_into().unwrap();
        (0..count.min(2))
            .map(|_| key.presign(self.cluster_id, id, &set, caller.client_key).to_vec())
            .collect()
    }

    fn sign(&mut self, node: u8, caller: &Caller, asked: SignRequest) -> Result<SignReply, (Code, String)> {
        if !caller.logins.contains(&(TOKEN.to_vec(), Role::User)) {
            return refuse(Code::NotLoggedIn, "no login");
        }
        assert!(self.spent.insert((node, asked.presignature_id.clone())), "a presignature was used twice");
        let id: [u8; 32] = asked.presignature_id.clone().try_into().unwrap();
        let source = self.copies.get(&asked.key_id).unwrap_or(&asked.key_id);
        let key = self.signing.get_mut(source).unwrap();
        let Some(presignature) = key.ready.get_mut(&id).and_then(|parts| parts.remove(&node)) else {
            return refuse(Code::PresignatureGone, "gone");
        };
        let request = OnlineRequest {
            cluster_id: self.cluster_id,
            key_id: asked.key_id.clone().try_into().unwrap(),
            epoch: 1,
            public_key: key.cluster.public_key.clone(),
            signers: SignerSet::new(asked.signers.iter().map(|node| party(*node as u8))).unwrap(),
            client: caller.client_key,
            mechanism: asked.mechanism as u32,
            digest: asked.digest,
            request_nonce: asked.request_nonce.clone().try_into().unwrap(),
        };
        let partial =
            answer(presignature, &key.cluster.parties[&party(node)].pairs, &request).unwrap().encode();
        let said = statement::partial(&self.cluster_id, node.into(), &asked.request_nonce, &partial);
        let node_signature = said.sign(&ed25519_dalek::SigningKey::from_bytes(&[node; 32]));
        let presignature_ids = self.lease(caller, &asked.key_id, &asked.signers, asked.lease);
        Ok(SignReply { partial, node_signature, presignature_ids, witnesses: Vec::new() })
    }

    fn derive(
        &mut self,
        node: u8,
        caller: &Caller,
        asked: DeriveRequest,
    ) -> Result<DeriveReply, (Code, String)> {
        if !caller.logins.contains(&(TOKEN.to_vec(), Role::User)) {
            return refuse(Code::NotLoggedIn, "no login");
        }
        let key = &self.signing[&asked.key_id];
        let request = threshold::ecdh::Request {
            cluster_id: self.cluster_id,
            key_id: asked.key_id.clone().try_into().unwrap(),
            epoch: 1,
            curve: threshold::ecdh::AgreementCurve::P256,
            public_key: key.public_key(),
            quorum: SignerSet::new(asked.quorum.iter().map(|node| party(*node as u8))).unwrap(),
            client: caller.client_key,
            mechanism: asked.mechanism as u32,
            peer: asked.peer,
            request_nonce: asked.request_nonce.clone().try_into().unwrap(),
        };
        let partial = key.agree(node, &request);
        let said = statement::agreement(&self.cluster_id, node.into(), &asked.request_nonce, &partial);
        let node_signature = said.sign(&ed25519_dalek::SigningKey::from_bytes(&[node; 32]));
        Ok(DeriveReply { partial, node_signature })
    }

    /// Applies a command as the registry would, once; checks that its signatures are true.
    fn apply(&mut self, signed: &SignedCommand) -> Result<u64, (Code, String)> {
        let command = Command::decode(signed.command.as_slice()).unwrap();
        if let Some(index) = self.applied.get(&command.command_id) {
            return Ok(*index);
        }
        if !(self.index..=self.index + COMMAND_WINDOW).contains(&command.not_after_index) {
            return Err((
                Code::Conflict,
                format!("valid until {}, now is {}", command.not_after_index, self.index),
            ));
        }
        for signature in &signed.signatures {
            let key = match signature.author.clone().unwrap().kind.unwrap() {
                author::Kind::ClientKey(key) | author::Kind::OperatorKey(key) => key,
                author::Kind::Login(login) if login.role() == Role::User => {
                    self.token.user_login.clone().unwrap().login_key
                }
                author::Kind::Login(_) => self.token.so_login.clone().unwrap().login_key,
            };
            let said = statement::command(&self.cluster_id, &signed.command);
            assert!(said.verify(&key, &signature.signature), "author's signature");
        }
        match command.body.unwrap() {
            Body::InitToken(init) => {
                self.objects.clear();
                self.token.label = init.label;
                self.token.so_login = init.so_login;
                self.token.user_login = None;
            }
            Body::SetLogin(set) if set.role() == Role::User => self.token.user_login = set.login,
            Body::SetLogin(set) => self.token.so_login = set.login,
            Body::CreateObjects(create) => {
                for new in create.objects {
                    let record = ObjectRecord {
                        format: FORMAT,
                        token_id: TOKEN.to_vec(),
                        object_id: new.object_id.clone(),
                        version: 1,
                        attributes: new.attributes,
                        birth: new.birth,
                        author: Some(signed.clone()),
                        ..Default::default()
                    };
                    self.objects.insert(new.object_id, record);
                }
            }
            Body::UpdateObject(update) => {
                let record = self.objects.get_mut(&update.object_id).unwrap();
                if statement::record_hash(record).as_slice() != update.predecessor {
                    return refuse(Code::Conflict, "stale");
                }
                record.version += 1;
                record.predecessor = update.predecessor;
                record.attributes = update.attributes;
            }
            Body::DestroyObject(destroy) => {
                self.objects.remove(&destroy.object_id);
            }
            other => panic!("{other:?} is not for these tests"),
        }
        self.index += 1;
        self.token.changed_at = self.index;
        self.applied.insert(command.command_id, self.index);
        Ok(self.index)
    }
}

/// A certificate by all nodes.
pub fn certify(statement: &BirthStatement, nodes: u8) -> BirthCertificate {
    let statement = statement.encode_to_vec();
    let signatures = (1..=nodes)
        .map(|node| {
            let key = ed25519_dalek::SigningKey::from_bytes(&[node; 32]);
            NodeSignature { node: node.into(), signature: statement::birth(&statement).sign(&key) }
        })
        .collect();
    BirthCertificate { statement, signatures }
}

fn is_private(record: &ObjectRecord) -> bool {
    record.birth.is_some()
}
