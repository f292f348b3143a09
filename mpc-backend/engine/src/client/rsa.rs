//! RSA at a node: authorise, build the padded block, answer this node's part. The answer goes to the client's own
//! channel and nowhere else: T parts of a decryption are the plaintext.

use proto::client::v1::{Code, RsaHash, RsaReply, RsaRequest, RsaWork, response};
use proto::registry::v1::Purpose;
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::party::SignerSet;
use threshold::rsa::encode::Block;
use threshold::rsa::{Hash, PublicKey, Stored};
use threshold::sharing::replicated::Pieces;

use super::{Failure, short};
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::{attributes, birth};
use crate::sessions::party;
use crate::shares::Share;

/// What a mechanism makes of the data (PKCS#11 3.1, section 6.1).
#[derive(Clone, Copy)]
enum Padding {
    /// PKCS#1 v1.5 of a DigestInfo with this hash, or of the data as it is.
    Pkcs1(Option<Hash>),
    /// PSS with this hash, or with one that the request names.
    Pss(Option<Hash>),
    /// None: the data are the number.
    Raw,
    /// A ciphertext.
    Oaep,
}

/// It decrypts nothing but keys.
const RSA_AES_KEY_WRAP: u64 = 0x1054;

const MECHANISMS: [(u64, Padding); 15] = [
    (0x01, Padding::Pkcs1(None)),               // CKM_RSA_PKCS
    (0x03, Padding::Raw),                       // CKM_RSA_X_509
    (0x06, Padding::Pkcs1(Some(Hash::Sha1))),   // CKM_SHA1_RSA_PKCS
    (0x46, Padding::Pkcs1(Some(Hash::Sha224))), // CKM_SHA224_RSA_PKCS
    (0x40, Padding::Pkcs1(Some(Hash::Sha256))), // CKM_SHA256_RSA_PKCS
    (0x41, Padding::Pkcs1(Some(Hash::Sha384))), // CKM_SHA384_RSA_PKCS
    (0x42, Padding::Pkcs1(Some(Hash::Sha512))), // CKM_SHA512_RSA_PKCS
    (0x0d, Padding::Pss(None)),                 // CKM_RSA_PKCS_PSS
    (0x0e, Padding::Pss(Some(Hash::Sha1))),     // CKM_SHA1_RSA_PKCS_PSS
    (0x47, Padding::Pss(Some(Hash::Sha224))),   // CKM_SHA224_RSA_PKCS_PSS
    (0x43, Padding::Pss(Some(Hash::Sha256))),   // CKM_SHA256_RSA_PKCS_PSS
    (0x44, Padding::Pss(Some(Hash::Sha384))),   // CKM_SHA384_RSA_PKCS_PSS
    (0x45, Padding::Pss(Some(Hash::Sha512))),   // CKM_SHA512_RSA_PKCS_PSS
    (0x09, Padding::Oaep),                      // CKM_RSA_PKCS_OAEP
    (RSA_AES_KEY_WRAP, Padding::Oaep),          // CKM_RSA_AES_KEY_WRAP
];

impl Engine {
    /// This node's part of an RSA signature or decryption, with a proof if the client asks for one.
    pub(super) fn rsa(
        &mut self,
        conn: u64,
        request: &RsaRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<response::Result, Failure> {
        let found = MECHANISMS.iter().find(|(number, _)| *number == request.mechanism);
        let (_, padding) = found.ok_or(Failure::invalid("mechanism is none of RSA"))?;
        let work = RsaWork::try_from(request.work).map_err(|_| Failure::invalid("no such work"))?;
        if matches!(padding, Padding::Raw) && !self.me.limits.rsa_raw {
            return Err(Failure::forbidden("this node uses no RSA key without padding"));
        }
        let usage = match (padding, work) {
            (Padding::Raw, RsaWork::Unspecified) => attributes::CKA_SIGN,
            (Padding::Raw, RsaWork::Decrypt) => attributes::CKA_DECRYPT,
            (Padding::Pkcs1(_) | Padding::Pss(_), RsaWork::Unspecified) => attributes::CKA_SIGN,
            (Padding::Oaep, RsaWork::Unwrap) => attributes::CKA_UNWRAP,
            (Padding::Pkcs1(None), RsaWork::Decrypt | RsaWork::Reject) => {
                if !self.me.limits.rsa_pkcs1_decryption {
                    return Err(Failure::forbidden("this node does not decrypt by PKCS#1 v1.5"));
                }
                attributes::CKA_DECRYPT
            }
            (Padding::Oaep, RsaWork::Unspecified | RsaWork::Decrypt)
                if request.mechanism != RSA_AES_KEY_WRAP =>
            {
                attributes::CKA_DECRYPT
            }
            _ => return Err(Failure::invalid("mechanism is not for this use")),
        };
        let (key_id, client) = self.authorise_use(conn, &request.key_id, usage, request.mechanism)?;
        let share = self
            .shares
            .active(&key_id, Purpose::SigningKey)
            .ok_or_else(|| Failure::missing("this node holds no share of the key", vec![self.me.index]))?;
        let quorum = self.signer_set(&request.quorum).map_err(Failure::invalid)?;
        let set = SignerSet::new(quorum.into_iter().map(party))
            .map_err(|_| Failure::new(Code::Internal, "quorum is not a set"))?;
        let request_nonce = <[u8; 32]>::try_from(request.request_nonce.as_slice())
            .map_err(|_| Failure::invalid("request nonce: 32 bytes"))?;
        let stored = self.stored_rsa(share)?;
        let block = block(stored.key(), *padding, request)?;
        let internal = |error: threshold::fault::Misuse| Failure::new(Code::Internal, error.to_string());
        let partial = stored.partial(&block, &set).map_err(internal)?;
        let (proof, values) = match request.prove {
            true => {
                let proof = stored.prove(&block, &set, &partial, rng).map_err(internal)?;
                (proof.as_bytes().to_vec(), stored.values().to_vec())
            }
            false => (Vec::new(), Vec::new()),
        };
        let (cluster, node) = (&self.me.cluster_id, u32::from(self.me.index));
        let said = statement::rsa(cluster, node, &request_nonce, partial.as_bytes());
        let node_signature = said.sign(&self.me.identity);
        self.counters.signatures += 1;
        let (key, client) = (hex::encode(key_id), short(&client));
        self.log(Event::KeyUsed { key, client, mechanism: request.mechanism });
        let partial = partial.as_bytes().to_vec();
        Ok(response::Result::Rsa(RsaReply { partial, node_signature, proof, values }))
    }

    fn stored_rsa(&self, share: &Share) -> Result<Stored, Failure> {
        if birth::rsa(&share.statement).is_none() {
            return Err(Failure::forbidden("this is no RSA key"));
        }
        let damaged = || Failure::new(Code::Internal, "the stored share is damaged");
        let key = PublicKey::decode(&share.statement.public_key).map_err(|_| damaged())?;
        let layout = Pieces::new(self.me.threshold).map_err(|_| damaged())?;
        Stored::decode(key, &layout, self.me.party, share.secret.expose()).map_err(|_| damaged())
    }
}

/// The number that is raised to the private exponent. Never a block that the client made, but where the operator has
/// allowed that: whoever may have one signed can have everything signed.
fn block(key: &PublicKey, padding: Padding, request: &RsaRequest) -> Result<Block, Failure> {
    let RsaRequest { data, salt, .. } = request;
    let (hash, mask) = (to_hash(request.hash()), to_hash(request.mask_hash()));
    let is_pss = matches!(padding, Padding::Pss(_));
    if !is_pss && (hash.is_some() || mask.is_some() || !salt.is_empty()) {
        return Err(Failure::invalid("hash, mask hash and salt are parameters of PSS alone"));
    }
    let block = match padding {
        Padding::Pkcs1(None) if request.work() == RsaWork::Decrypt => Block::ciphertext(key, data),
        Padding::Pkcs1(None) if request.work() == RsaWork::Reject => Block::rejection(key, data),
        Padding::Pkcs1(Some(hash)) => Block::pkcs1(key, hash, data),
        Padding::Pkcs1(None) => Block::pkcs1_data(key, data),
        Padding::Pss(fixed) => {
            let (Some(hash), Some(mask)) = (hash, mask) else {
                return Err(Failure::invalid("PSS needs hash and mask hash"));
            };
            if fixed.is_some_and(|fixed| fixed != hash) {
                return Err(Failure::invalid("hash is not that of the mechanism"));
            }
            Block::pss(key, hash, mask, salt, data)
        }
        Padding::Oaep => Block::ciphertext(key, data),
        Padding::Raw => Block::raw(key, data),
    };
    block.map_err(|error| Failure::invalid(&error.to_string()))
}

const fn to_hash(hash: RsaHash) -> Option<Hash> {
    Some(match hash {
        RsaHash::Unspecified => return None,
        RsaHash::Sha1 => Hash::Sha1,
        RsaHash::Sha224 => Hash::Sha224,
        RsaHash::Sha256 => Hash::Sha256,
        RsaHash::Sha384 => Hash::Sha384,
        RsaHash::Sha512 => Hash::Sha512,
    })
}
