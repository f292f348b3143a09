//! Setting up a token: OPRF keys, PINs and logins.

use ed25519_dalek::SigningKey;
use prost::Message;
use proto::client::v1::{Code, GenerateRequest, OprfRequest, request::Op, response::Result as Reply};
use proto::registry::v1::{
    BirthCertificate, BirthStatement, CreateToken, InitToken, Login, Purpose, Role, SetLogin, command::Body,
};
use proto::statement;
use rand_core::RngCore;
use sha2::{Digest, Sha256};
use threshold::oprf::{Evaluation, blind};
use threshold::party::Threshold;
use threshold::sharing::Commitments;

use crate::sim::Sim;
use crate::user::{Outcome, User, party};

/// The consent key of a PIN, from its login key.
pub fn consent_key(login: &SigningKey) -> SigningKey {
    SigningKey::from_bytes(&login.to_bytes().map(|byte| !byte))
}

impl User {
    pub fn generate(
        &mut self,
        sim: &mut Sim,
        node: u8,
        request: GenerateRequest,
    ) -> Outcome<BirthCertificate> {
        match self.call(sim, node, Op::Generate(request))? {
            Reply::Generate(reply) => Ok(reply.birth.unwrap()),
            _ => panic!("another answer"),
        }
    }

    /// The login key of a PIN under an OPRF key, evaluated at these nodes with the first try that all of them give.
    pub fn evaluate(
        &mut self,
        sim: &mut Sim,
        birth: &BirthCertificate,
        pin: &[u8],
        nodes: impl IntoIterator<Item = u8>,
    ) -> Outcome<SigningKey> {
        let nodes: Vec<u8> = nodes.into_iter().collect();
        let birth = BirthStatement::decode(birth.statement.as_slice()).unwrap();
        let (blinded, element) = blind(pin, &mut sim.rng).unwrap();
        let (mut answers, mut try_number) = (Vec::new(), 1);
        while let Some(node) = nodes.get(answers.len()).copied() {
            let (key_id, blinded) = (birth.key_id.clone(), element.to_vec());
            let request = OprfRequest { key_id, blinded, try_number, only_ask: false };
            let reply = match self.call(sim, node, Op::Oprf(request)) {
                Ok(Reply::Oprf(reply)) => reply,
                Ok(_) => panic!("another answer"),
                Err(error) if error.code() == Code::Conflict => {
                    try_number += 1;
                    answers.clear();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let element = reply.evaluated.try_into().unwrap();
            answers.push((party(node), Evaluation { element, proof: reply.proof.try_into().unwrap() }));
        }
        let threshold = Threshold::new(sim.shape.needed, sim.shape.parties).unwrap();
        let commitments = Commitments::decode(&birth.commitments, threshold).unwrap();
        let context = statement::oprf_context(&sim.manifest.cluster_id(), &birth.key_id);
        let output = blinded.combine(&answers, &commitments, &context).unwrap();
        Ok(SigningKey::from_bytes(&Sha256::digest(output.expose()).into()))
    }

    fn new_login(&mut self, sim: &mut Sim, role: Role, pin: &[u8]) -> Outcome<(Login, SigningKey)> {
        let mut key_id = vec![0; 16];
        sim.rng.fill_bytes(&mut key_id);
        let request = GenerateRequest {
            purpose: Purpose::LoginOprf as i32,
            token_id: self.token.to_vec(),
            key_id,
            curve: "ristretto255".into(),
            role: role as i32,
            pin_version: 1,
            ..GenerateRequest::default()
        };
        let oprf = self.generate(sim, 2, request)?;
        let nodes = sim.all().rev().take(usize::from(sim.shape.needed));
        let key = self.evaluate(sim, &oprf, pin, nodes)?;
        let [login_key, consent_key] =
            [&key, &consent_key(&key)].map(|key| key.verifying_key().to_bytes().to_vec());
        Ok((Login { version: 1, login_key, oprf: Some(oprf), consent_key }, key))
    }

    /// Creates and initialises the token and sets the user's PIN.
    pub fn set_up_token(&mut self, sim: &mut Sim) {
        let token_id = self.token.to_vec();
        self.operate(sim, 2, Body::CreateToken(CreateToken { token_id: token_id.clone() })).unwrap();
        let (so_login, so) = self.new_login(sim, Role::SecurityOfficer, b"so pin").unwrap();
        let init = InitToken { token_id: token_id.clone(), label: vec![b' '; 32], so_login: Some(so_login) };
        let authors = [self.client_author()];
        self.propose(sim, 1, Body::InitToken(init), &authors).unwrap();
        self.so = Some(so);
        let (login, user) = self.new_login(sim, Role::User, b"1234").unwrap();
        let set = SetLogin { token_id, role: Role::User as i32, login: Some(login) };
        let authors = [self.login_author(Role::SecurityOfficer)];
        self.propose(sim, 3, Body::SetLogin(set), &authors).unwrap();
        self.pin_key = Some(user);
        sim.run(100);
    }
}
