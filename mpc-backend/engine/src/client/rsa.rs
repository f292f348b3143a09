//! RSA at a node: authorise, build the padded block, answer this node's part. The answer goes to the client's own
//! channel and nowhere else: T parts of a decryption are the plaintext.

use proto::client::v1::{Code, RsaHash, RsaReply, RsaRequest, RsaWork, response};
use proto::kms::rsa_hash;
use proto::registry::v1::Purpose;
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::rsa::encode::Block;
use threshold::rsa::{Hash, Partial, PublicKey, Stored};
use threshold::secret::Secret;
use threshold::sharing::replicated::Pieces;

use super::consent::KeyUse;
use super::dispatch::Outcome;
use super::kms::Stated;
use super::sign::operation;
use super::{Failure, ReplyTo, short};
use crate::effect::Effect;
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::{Id, PublicKey as ClientKey, attributes, birth};
use crate::sessions::party;

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

/// A part to compute, of a request that was authorised.
pub(crate) struct Part {
    reply: ReplyTo,
    use_of: Use,
    padding: Padding,
    request: RsaRequest,
    set: SignerSet,
    /// The key and this party's share of it, as they are kept.
    public_key: Vec<u8>,
    secret: Secret<Vec<u8>>,
    threshold: Threshold,
    me: PartyIndex,
}

/// Who uses which key by what; for the log and the signature.
struct Use {
    key_id: Id,
    client: ClientKey,
    usage: u64,
    mechanism: u64,
    request_nonce: [u8; 32],
}

/// What came of a part.
pub(crate) struct PartMade {
    reply: ReplyTo,
    use_of: Use,
    made: Result<(Partial, Proven), Failure>,
}

/// A proof and the public values that it is held against; both empty where none was asked for.
type Proven = (Vec<u8>, Vec<u8>);

impl Part {
    /// Computes it: milliseconds.
    pub(crate) fn run(self, rng: &mut dyn CryptoRngCore) -> PartMade {
        let made = self.compute(rng);
        PartMade { reply: self.reply, use_of: self.use_of, made }
    }

    fn compute(&self, rng: &mut dyn CryptoRngCore) -> Result<(Partial, Proven), Failure> {
        let damaged = || Failure::new(Code::Internal, "the stored share is damaged");
        let key = PublicKey::decode(&self.public_key).map_err(|_| damaged())?;
        let layout = Pieces::new(self.threshold).map_err(|_| damaged())?;
        let stored = Stored::decode(key, &layout, self.me, self.secret.expose()).map_err(|_| damaged())?;
        let block = block(stored.key(), self.padding, &self.request)?;
        let internal = |error: threshold::fault::Misuse| Failure::new(Code::Internal, error.to_string());
        let partial = stored.partial(&block, &self.set).map_err(internal)?;
        if !self.request.prove {
            return Ok((partial, (Vec::new(), Vec::new())));
        }
        let proof = stored.prove(&block, &self.set, &partial, rng).map_err(internal)?;
        Ok((partial, (proof.as_bytes().to_vec(), stored.values().to_vec())))
    }
}

impl Engine {
    /// Authorises the use of an RSA key, and has this node's part computed, with a proof if the client asks for one.
    pub(super) fn rsa(&mut self, reply: ReplyTo, request: &RsaRequest) -> Result<Outcome, Failure> {
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
        let (key_id, client) = self.authorise_use(reply.conn, &request.key_id, usage, request.mechanism)?;
        let stated = Stated {
            said: request.statement.as_ref(),
            key_id: &key_id,
            operation: operation(usage),
            quorum: &request.quorum,
            request_nonce: &request.request_nonce,
            parameter: &|| rsa_hash(request),
            once: true,
        };
        self.check_stated(reply.conn, &stated)?;
        self.check_consent(
            reply.conn,
            &KeyUse {
                key_id: &key_id,
                quorum: &request.quorum,
                request_nonce: &request.request_nonce,
                parameter: &|| rsa_hash(request),
                consent: &request.consent,
            },
        )?;
        let share = self
            .shares
            .active(&key_id, Purpose::SigningKey)
            .ok_or_else(|| Failure::missing("this node holds no share of the key", vec![self.me.index]))?;
        let quorum = self.signer_set(&request.quorum).map_err(Failure::invalid)?;
        let set = SignerSet::new(quorum.into_iter().map(party))
            .map_err(|_| Failure::new(Code::Internal, "quorum is not a set"))?;
        let request_nonce = <[u8; 32]>::try_from(request.request_nonce.as_slice())
            .map_err(|_| Failure::invalid("request nonce: 32 bytes"))?;
        if birth::rsa(&share.statement).is_none() {
            return Err(Failure::forbidden("this is no RSA key"));
        }
        let part = Part {
            reply,
            use_of: Use { key_id, client, usage, mechanism: request.mechanism, request_nonce },
            padding: *padding,
            request: request.clone(),
            set,
            public_key: share.statement.public_key.clone(),
            secret: Secret::new(share.secret.expose().clone()),
            threshold: self.me.threshold,
            me: self.me.party,
        };
        self.clients.computing.begin(&client)?;
        self.emit(Effect::Work(part.into()));
        Ok(Outcome::Later)
    }

    /// A part was computed: it is signed, and answered, if the key may still be used so.
    pub(crate) fn part_made(&mut self, made: PartMade) {
        let PartMade { reply, use_of, made } = made;
        self.clients.computing.end(&use_of.client);
        let allowed = self.authorise_use(reply.conn, &use_of.key_id, use_of.usage, use_of.mechanism);
        let (partial, (proof, values)) = match allowed.and(made) {
            Ok(made) => made,
            Err(failure) => return self.fail(reply, failure),
        };
        let (cluster, node) = (&self.me.cluster_id, u32::from(self.me.index));
        let said = statement::rsa(cluster, node, &use_of.request_nonce, partial.as_bytes());
        let node_signature = said.sign(&self.me.identity);
        self.counters.signatures += 1;
        let Use { key_id, client, mechanism, .. } = use_of;
        self.log(Event::KeyUsed { key: hex::encode(key_id), client: short(&client), mechanism });
        let partial = partial.as_bytes().to_vec();
        self.answer(reply, response::Result::Rsa(RsaReply { partial, node_signature, proof, values }));
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
