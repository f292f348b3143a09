//! A key agreement at a node: authorise, validate the peer's point, answer this node's part. The answer goes to
//! the client's own channel and nowhere else; what this node sees and computes tells it nothing of the secret.

use proto::client::v1::{Code, DeriveReply, DeriveRequest, response};
use proto::registry::v1::Purpose;
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::ecdh::{Request, answer};
use threshold::fault::Misuse;
use threshold::party::SignerSet;

use super::kms::Stated;
use super::sign::operation;
use super::{Failure, short};
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::{attributes, birth};
use crate::sessions::party;

/// CKM_ECDH1_DERIVE and CKM_ECDH1_COFACTOR_DERIVE: the same, because every group here has prime order, and X25519
/// clears the cofactor in any case.
const MECHANISMS: [u64; 2] = [0x1050, 0x1051];

impl Engine {
    /// This node's part of what a key and the peer's point have in common.
    pub(super) fn derive(
        &mut self,
        conn: u64,
        request: &DeriveRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<response::Result, Failure> {
        if !MECHANISMS.contains(&request.mechanism) {
            return Err(Failure::invalid("mechanism is no key agreement"));
        }
        let usage = attributes::CKA_DERIVE;
        let (key_id, client) = self.authorise_use(conn, &request.key_id, usage, request.mechanism)?;
        let stated = Stated {
            said: request.statement.as_ref(),
            key_id: &key_id,
            operation: operation(usage),
            quorum: &request.quorum,
            request_nonce: &request.request_nonce,
            parameter: &|| proto::kms::derive_hash(request),
            once: true,
        };
        self.check_stated(conn, &stated)?;
        let share = self
            .shares
            .active(&key_id, Purpose::SigningKey)
            .ok_or_else(|| Failure::missing("this node holds no share of the key", vec![self.me.index]))?;
        let quorum = self.signer_set(&request.quorum).map_err(Failure::invalid)?;
        let request_nonce = <[u8; 32]>::try_from(request.request_nonce.as_slice())
            .map_err(|_| Failure::invalid("request nonce: 32 bytes"))?;
        let curve = birth::agreement_curve(&share.statement)
            .ok_or_else(|| Failure::forbidden("keys on this curve do not agree on secrets"))?;
        let agreement = Request {
            cluster_id: self.me.cluster_id,
            key_id,
            epoch: share.statement.epoch,
            curve,
            public_key: share.statement.public_key.clone(),
            quorum: SignerSet::new(quorum.into_iter().map(party))
                .map_err(|_| Failure::new(Code::Internal, "quorum is not a set"))?,
            client,
            mechanism: u32::try_from(request.mechanism).map_err(|_| Failure::invalid("mechanism"))?,
            peer: request.peer.clone(),
            request_nonce,
        };
        let partial =
            answer(self.me.party, &share.secret, &agreement, rng).map_err(|misuse| match misuse {
                Misuse::StoredKey => Failure::new(Code::Internal, misuse.to_string()),
                misuse => Failure::invalid(&misuse.to_string()),
            })?;
        let (cluster, node) = (&self.me.cluster_id, u32::from(self.me.index));
        let said = statement::agreement(cluster, node, &request_nonce, &partial);
        let node_signature = said.sign(&self.me.identity);
        let (key, client) = (hex::encode(key_id), short(&client));
        self.log(Event::KeyUsed { key, client, mechanism: request.mechanism });
        Ok(response::Result::Derive(DeriveReply { partial, node_signature }))
    }
}
