//! Requests for keys of the KMS interface: nonces, evaluations of symmetric keys, seals of data keys, and whether this
//! node would let a client do something. Each but the first is a statement that the client signed.
//!
//! An evaluation to encrypt needs a nonce that this node has given to this client and takes back with it, so that leave
//! to encrypt opens nothing that was encrypted before. An evaluation to decrypt takes any input.

mod fresh;
mod pace;
mod statement;

use proto::client::v1::{Code, Empty, response};
use proto::kms::v1::{
    Input, Kind, KmsCheckRequest, KmsEvaluateReply, KmsEvaluateRequest, KmsNoncesReply, KmsNoncesRequest,
    KmsSealReply, KmsSealRequest, State, Usage,
};
use proto::kms::{NONCES_MAX, context_hash, input_hash, sealed};
use proto::registry::v1::Purpose;
use rand_core::CryptoRngCore;
use threshold::dprf;
use threshold::fault::Misuse;
use threshold::party::SignerSet;

pub(super) use self::fresh::Fresh;
pub(super) use self::pace::Pace;
use self::statement::Asked;
pub(super) use self::statement::Stated;
use super::{Failure, short};
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::{Id, PublicKey};
use crate::sessions::party;

/// Operations that evaluate what has just been made, and those that evaluate what was. ReEncryptFrom is none: a client
/// that re-encrypts has the plaintext, so that this is to decrypt, and leave to do less gives no value.
const ENCRYPTS: [&str; 5] = [
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptTo",
];
const DECRYPTS: [&str; 1] = ["Decrypt"];
const SEALS: [&str; 1] = ["GenerateDataKeyWithoutPlaintext"];

/// The usage that an operation with the key itself needs; none for others.
pub(super) fn usage_of(operation: &str) -> Option<Usage> {
    match operation {
        "Sign" | "Verify" => Some(Usage::SignVerify),
        "DeriveSharedSecret" => Some(Usage::KeyAgreement),
        "ReEncryptFrom" => Some(Usage::EncryptDecrypt),
        _ => {
            [&ENCRYPTS[..], &DECRYPTS, &SEALS].concat().contains(&operation).then_some(Usage::EncryptDecrypt)
        }
    }
}

impl Engine {
    /// Nonces for the inputs that a client will make.
    pub(super) fn kms_nonces(
        &mut self,
        client: &PublicKey,
        request: &KmsNoncesRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> response::Result {
        let nonces = self.clients.fresh.give(client, request.count.clamp(1, NONCES_MAX), rng);
        response::Result::KmsNonces(KmsNoncesReply { nonces })
    }

    /// Whether this client may do it now.
    pub(super) fn kms_check(
        &mut self,
        conn: u64,
        request: &KmsCheckRequest,
    ) -> Result<response::Result, Failure> {
        let asked = self.kms_asked(conn, request.statement.as_ref(), &[])?;
        self.authorise_kms(&asked.key_id, &asked.client, asked.operation(), asked.context())?;
        Ok(response::Result::KmsCheck(Empty {}))
    }

    /// This node's part of an evaluation.
    pub(super) fn kms_evaluate(
        &mut self,
        conn: u64,
        request: &KmsEvaluateRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<response::Result, Failure> {
        let (asked, input, hash) =
            self.kms_input(conn, request.statement.as_ref(), request.input.as_ref())?;
        let encrypts = ENCRYPTS.contains(&asked.operation());
        if !encrypts && !DECRYPTS.contains(&asked.operation()) {
            return Err(Failure::invalid("this operation evaluates nothing"));
        }
        let material = self.kms_material(&asked, input, encrypts)?;
        match (encrypts, input.kind()) {
            (_, Kind::Unspecified) | (true, Kind::Sealed) => {
                return Err(Failure::invalid("kind of the input"));
            }
            (false, Kind::Sealed) => self.check_seals(input, &hash, &request.seals)?,
            (_, Kind::Message | Kind::Kubernetes) if !request.seals.is_empty() => {
                return Err(Failure::invalid("only the input of a sealed data key is signed"));
            }
            (_, Kind::Message | Kind::Kubernetes) => {}
        }
        let share = self
            .shares
            .active(&material, Purpose::SigningKey)
            .filter(|share| share.statement.curve == dprf::NAME)
            .ok_or_else(|| Failure::missing("this node holds no share of the key", vec![self.me.index]))?;
        let members = asked.quorum.iter().copied().map(party);
        let evaluation = dprf::Request {
            cluster_id: self.me.cluster_id,
            key_id: material,
            epoch: share.statement.epoch,
            public_key: share.statement.public_key.clone(),
            quorum: SignerSet::new(members)
                .map_err(|_| Failure::new(Code::Internal, "quorum is not a set"))?,
            client: asked.client,
            input: hash,
            request_nonce: asked.request_nonce,
        };
        // Taken before anything is answered, whatever becomes of it.
        if encrypts {
            self.take_nonce(&asked, input)?;
        }
        let share = self.shares.active(&material, Purpose::SigningKey);
        let share = share.ok_or_else(|| Failure::missing("no share", vec![self.me.index]))?;
        let partial = dprf::answer(self.me.party, &share.secret, &evaluation, rng).map_err(|misuse| {
            let internal = matches!(misuse, Misuse::StoredKey | Misuse::PeerPoint);
            Failure::new(if internal { Code::Internal } else { Code::InvalidArgument }, misuse.to_string())
        })?;
        let (cluster, node) = (&self.me.cluster_id, u32::from(self.me.index));
        let said = proto::statement::agreement(cluster, node, &asked.request_nonce, &partial);
        let node_signature = said.sign(&self.me.identity);
        self.log_evaluated(&asked);
        let nonces = self.lease_nonces(&asked.client, request.lease, rng);
        Ok(response::Result::KmsEvaluate(KmsEvaluateReply { partial, node_signature, nonces }))
    }

    /// This node's signature that the input of a data key is fresh.
    pub(super) fn kms_seal(
        &mut self,
        conn: u64,
        request: &KmsSealRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<response::Result, Failure> {
        let (asked, input, hash) =
            self.kms_input(conn, request.statement.as_ref(), request.input.as_ref())?;
        if !SEALS.contains(&asked.operation()) || input.kind() != Kind::Sealed {
            return Err(Failure::invalid("this operation makes no data key that nobody has seen"));
        }
        self.kms_material(&asked, input, true)?;
        self.take_nonce(&asked, input)?;
        let seal = sealed(&self.me.cluster_id, u32::from(self.me.index), &hash).sign(&self.me.identity);
        self.log_evaluated(&asked);
        let nonces = self.lease_nonces(&asked.client, request.lease, rng);
        Ok(response::Result::KmsSeal(KmsSealReply { seal, nonces }))
    }

    /// A statement about an input of the right form, by a client that may do what it says.
    fn kms_input<'a>(
        &mut self,
        conn: u64,
        statement: Option<&'a proto::kms::v1::Statement>,
        input: Option<&'a Input>,
    ) -> Result<(Asked<'a>, &'a Input, [u8; 32]), Failure> {
        let input = input.ok_or(Failure::invalid("no input"))?;
        self.check_input(input)?;
        let said = statement.ok_or(Failure::invalid("no statement"))?;
        let hash = input_hash(&self.me.cluster_id, &said.key_id, &context_hash(&said.context), input);
        let asked = self.kms_asked(conn, statement, &hash)?;
        self.authorise_kms(&asked.key_id, &asked.client, asked.operation(), asked.context())?;
        Ok((asked, input, hash))
    }

    fn check_input(&self, input: &Input) -> Result<(), Failure> {
        let fresh = &input.freshness;
        let known = |node: u32| u8::try_from(node).is_ok_and(|node| self.me.manifest.node(node).is_some());
        let sizes = input.encryptor.len() == 32
            && input.commitment.len() == 32
            && fresh.len() == usize::from(self.me.threshold.needed())
            && fresh.is_sorted_by(|one, next| one.node < next.node)
            && fresh.iter().all(|one| known(one.node) && one.nonce.len() == 16);
        if sizes { Ok(()) } else { Err(Failure::invalid("input with wrong sizes or nodes")) }
    }

    /// The object whose share is evaluated.
    fn kms_material(&self, asked: &Asked<'_>, input: &Input, newest: bool) -> Result<Id, Failure> {
        let kms = self.registry.kms(&asked.key_id).ok_or(Failure::new(Code::NotFound, "no such key"))?;
        match kms.material(asked.key_id, input.version) {
            None => Err(Failure::new(Code::NotFound, "the key has no such material")),
            Some((_, false)) if newest => Err(Failure::new(Code::Conflict, "the key was rotated since")),
            Some((material, _)) => Ok(material),
        }
    }

    /// Takes back this node's nonce of an input that was made for this quorum by this client.
    fn take_nonce(&mut self, asked: &Asked<'_>, input: &Input) -> Result<(), Failure> {
        let own = u32::from(self.me.index);
        let nodes = input.freshness.iter().map(|fresh| fresh.node);
        if !nodes.eq(asked.quorum.iter().copied().map(u32::from)) || input.encryptor != asked.client {
            return Err(Failure::invalid("an input is made for the nodes that are asked, by who asks"));
        }
        let nonce = input.freshness.iter().find(|fresh| fresh.node == own);
        let nonce = nonce.and_then(|fresh| fresh.nonce.as_slice().try_into().ok());
        let nonce = nonce.ok_or(Failure::invalid("no nonce of this node"))?;
        #[cfg(feature = "sim")]
        if self.me.bugs.has(crate::bugs::Bug::AnyNonce) {
            return Ok(());
        }
        match self.clients.fresh.take(&asked.client, &nonce) {
            true => Ok(()),
            false => Err(Failure::new(Code::NonceGone, "this nonce is not outstanding for this client")),
        }
    }

    fn check_seals(&self, input: &Input, hash: &[u8; 32], seals: &[Vec<u8>]) -> Result<(), Failure> {
        let signed = |(fresh, seal): (&proto::kms::v1::Fresh, &Vec<u8>)| {
            let entry = u8::try_from(fresh.node).ok().and_then(|node| self.me.manifest.node(node));
            entry.is_some_and(|entry| sealed(&self.me.cluster_id, fresh.node, hash).verify(&entry.key, seal))
        };
        let all = seals.len() == input.freshness.len() && input.freshness.iter().zip(seals).all(signed);
        if all { Ok(()) } else { Err(Failure::forbidden("this input is not signed by its nodes")) }
    }

    /// Whether the policy lets a client do an operation with a key of the interface, and its state and usage too. Other
    /// keys know none of this.
    pub(super) fn authorise_kms(
        &self,
        key_id: &Id,
        client: &PublicKey,
        operation: &str,
        context: &[proto::kms::v1::Pair],
    ) -> Result<(), Failure> {
        let Some(kms) = self.registry.kms(key_id) else { return Ok(()) };
        if kms.is_material() {
            return Err(Failure::forbidden("material is used through its key"));
        }
        let name = self.registry.client_name(client).ok_or(Failure::forbidden("client without a name"))?;
        if !kms.allows(name, operation, context) {
            return Err(Failure::new(Code::PolicyDenied, format!("kms:{operation} is not allowed")));
        }
        let Some(usage) = usage_of(operation) else { return Ok(()) };
        match kms.key.state() {
            State::Enabled => {}
            State::PendingDeletion => {
                return Err(Failure::new(Code::KeyState, "the key is pending deletion"));
            }
            State::Disabled | State::Unspecified => {
                return Err(Failure::new(Code::KeyState, "the key is disabled"));
            }
        }
        if kms.key.usage() != usage {
            return Err(Failure::new(Code::KeyUsage, "the key is for another usage"));
        }
        Ok(())
    }

    fn lease_nonces(&mut self, client: &PublicKey, more: u32, rng: &mut dyn CryptoRngCore) -> Vec<Vec<u8>> {
        self.clients.fresh.give(client, more.min(NONCES_MAX), rng)
    }

    fn log_evaluated(&mut self, asked: &Asked<'_>) {
        let (key, client) = (hex::encode(asked.key_id), short(&asked.client));
        self.log(Event::KmsUsed { key, client, operation: asked.operation().to_owned() });
    }
}
