//! What fake nodes do for keys of the KMS interface: nonces that are good once, evaluations and seals. They know no
//! policy; the nodes' own tests do.

use std::collections::BTreeSet;

use proto::client::v1::{Code, Empty, response};
use proto::kms::v1::{
    Input, Kind, KmsEvaluateReply, KmsEvaluateRequest, KmsNoncesReply, KmsSealReply, KmsSealRequest,
    Statement,
};
use proto::kms::{context_hash, input_hash, sealed};
use proto::statement;
use rand_core::{OsRng, RngCore};
use threshold::dprf;
use threshold::party::SignerSet;

use super::keys::party;
use super::world::{Caller, Outcome, World, refuse};

/// Nonces that are good, by node.
pub type Outstanding = BTreeSet<(u8, Vec<u8>)>;

impl World {
    pub fn kms_nonces(&mut self, node: u8, count: u32) -> Vec<Vec<u8>> {
        let mut nonce = || {
            let mut nonce = vec![0; 16];
            OsRng.fill_bytes(&mut nonce);
            self.outstanding.insert((node, nonce.clone()));
            nonce
        };
        (0..count).map(|_| nonce()).collect()
    }

    pub fn kms_nonces_reply(&mut self, node: u8, count: u32) -> Outcome {
        Ok(response::Result::KmsNonces(KmsNoncesReply { nonces: self.kms_nonces(node, count) }))
    }

    pub fn kms_evaluate(&mut self, node: u8, caller: &Caller, asked: KmsEvaluateRequest) -> Outcome {
        let (said, input) = (asked.statement.unwrap(), asked.input.unwrap());
        let hash = self.kms_asked(caller, &said, Some(&input));
        if said.operation == "Encrypt" && !self.takes(node, &input) {
            return refuse(Code::NonceGone, "nonce");
        }
        if input.kind() == Kind::Sealed {
            for (fresh, seal) in input.freshness.iter().zip(&asked.seals) {
                let key = ed25519_dalek::SigningKey::from_bytes(&[fresh.node as u8; 32]).verifying_key();
                let said = sealed(&self.cluster_id, fresh.node, &hash);
                assert!(said.verify(&key.to_bytes(), seal), "seal");
            }
        }
        let shares = &self.signing[&said.key_id];
        let request_nonce = said.request_nonce.clone().try_into().unwrap();
        let request = dprf::Request {
            cluster_id: self.cluster_id,
            key_id: said.key_id.clone().try_into().unwrap(),
            epoch: 1,
            public_key: shares.public_key(),
            quorum: SignerSet::new(said.quorum.iter().map(|node| party(*node as u8))).unwrap(),
            client: caller.client_key,
            input: hash,
            request_nonce,
        };
        let partial = shares.evaluate(node, &request);
        let said = statement::agreement(&self.cluster_id, node.into(), &request_nonce, &partial);
        let node_signature = said.sign(&ed25519_dalek::SigningKey::from_bytes(&[node; 32]));
        let nonces = self.kms_nonces(node, asked.lease);
        Ok(response::Result::KmsEvaluate(KmsEvaluateReply { partial, node_signature, nonces }))
    }

    pub fn kms_seal(&mut self, node: u8, caller: &Caller, asked: KmsSealRequest) -> Outcome {
        let (said, input) = (asked.statement.unwrap(), asked.input.unwrap());
        let hash = self.kms_asked(caller, &said, Some(&input));
        if !self.takes(node, &input) {
            return refuse(Code::NonceGone, "nonce");
        }
        let key = ed25519_dalek::SigningKey::from_bytes(&[node; 32]);
        let seal = sealed(&self.cluster_id, node.into(), &hash).sign(&key);
        let nonces = self.kms_nonces(node, asked.lease);
        Ok(response::Result::KmsSeal(KmsSealReply { seal, nonces }))
    }

    pub fn kms_check(&mut self, caller: &Caller, said: &Statement) -> Outcome {
        self.kms_asked(caller, said, None);
        Ok(response::Result::KmsCheck(Empty {}))
    }

    /// The hash of what is asked; the statement is the client's.
    fn kms_asked(&self, caller: &Caller, said: &Statement, input: Option<&Input>) -> [u8; 32] {
        let hash = |input| input_hash(&self.cluster_id, &said.key_id, &context_hash(&said.context), input);
        let hash = input.map(hash);
        let parameter = hash.as_ref().map_or(&[][..], <[u8; 32]>::as_slice);
        let signed = proto::kms::statement(&self.cluster_id, said, parameter);
        assert!(signed.verify(&caller.client_key, &said.signature), "statement");
        hash.unwrap_or_default()
    }

    fn takes(&mut self, node: u8, input: &Input) -> bool {
        let own = input.freshness.iter().find(|fresh| fresh.node == u32::from(node)).unwrap();
        self.outstanding.remove(&(node, own.nonce.clone()))
    }
}
