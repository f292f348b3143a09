//! RSA: one answer of each node of a quorum, multiplied and verified here and nowhere else.
//!
//! Answers carry no proofs: when they do not make a result that verifies, the same nodes are asked to prove theirs
//! (`threshold/spec/rsa.md`, 3.5), and who does not is left out. The nodes are not told of it: T answers of a
//! decryption are the plaintext, and a node that was shown another's would have two.

use proto::client::v1::{RsaHash as WireHash, RsaReply, RsaRequest, RsaWork, request, response};
use proto::kms::rsa_hash;
use proto::statement;
use rand_core::{OsRng, RngCore};
use threshold::fault::{Checks, Error, Rule};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::rsa::combine::combine;
use threshold::rsa::encode::Block;
use threshold::rsa::encode::oaep::Oaep;
use threshold::rsa::encode::rejection;
use threshold::rsa::{Hash, Partial, Proof, PublicKey, Values};
use threshold::sharing::replicated::Pieces;
use token::backend::{BackendError, BackendResult, Decryption, Padding, RsaHash, Scheme, TokenId};
use zeroize::Zeroizing;

use crate::birth::Birth;
use crate::call::{ATTEMPT_MIN, Setback, Terms, wrong_kind};
use crate::core::{Core, fresh_nonce};
use crate::failure::NodeFailure;
use crate::kms::Ask;
use crate::login::Shown;
use crate::record::Trusted;

/// What stays the same whichever nodes answer.
struct Job<'a> {
    core: &'a Core,
    birth: &'a Birth,
    key: &'a PublicKey,
    layout: Pieces,
    /// Without quorum and nonce.
    asked: RsaRequest,
    /// Whether each request is a signed statement.
    shown: &'a Shown,
    block: Block,
}

/// One node's answer.
struct Part {
    party: PartyIndex,
    partial: Partial,
    node_signature: Vec<u8>,
}

impl Core {
    /// Signs a digest, or data as they are.
    pub(crate) fn rsa_sign(
        &self,
        token: TokenId,
        key: &Trusted,
        (scheme, shown): (&Scheme, &Shown),
        message: &[u8],
    ) -> BackendResult<Vec<u8>> {
        let (birth, public) = rsa_key(key)?;
        let internal = |what: &dyn std::fmt::Display| BackendError::Internal(what.to_string());
        let asked = RsaRequest { data: message.to_vec(), ..RsaRequest::default() };
        let (asked, block) = match scheme {
            Scheme::RsaPkcs1 { mechanism, digest, .. } => {
                let block = match digest {
                    Some(hash) => Block::pkcs1(public, to_hash(*hash), message),
                    None => Block::pkcs1_data(public, message),
                };
                (RsaRequest { mechanism: *mechanism, ..asked }, block)
            }
            Scheme::RsaRaw { mechanism, modulus_bytes } => {
                let zeros = usize::from(*modulus_bytes).saturating_sub(message.len());
                let data = [vec![0; zeros].as_slice(), message].concat();
                let block = Block::raw(public, &data).map_err(|_| BackendError::DataInvalid)?;
                (RsaRequest { mechanism: *mechanism, data, ..asked }, Ok(block))
            }
            Scheme::RsaPss { mechanism, hash, mgf, salt_bytes, .. } => {
                let mut salt = vec![0; usize::from(*salt_bytes)];
                OsRng.fill_bytes(&mut salt);
                let block = Block::pss(public, to_hash(*hash), to_hash(*mgf), &salt, message);
                let (hash, mask_hash) = (to_wire(*hash).into(), to_wire(*mgf).into());
                (RsaRequest { mechanism: *mechanism, hash, mask_hash, salt, ..asked }, block)
            }
            Scheme::Ecdsa { .. } | Scheme::Eddsa { .. } | Scheme::Schnorr { .. } => {
                return Err(BackendError::KeyUseForbidden);
            }
        };
        let block = block.map_err(|error| internal(&error))?;
        let mut result = self.rsa(token, key, (birth, public), (asked, shown), block)?;
        Ok(std::mem::take(&mut *result))
    }

    /// Decrypts a ciphertext that is as long as the modulus.
    pub(crate) fn rsa_decrypt(
        &self,
        token: TokenId,
        key: &Trusted,
        (decryption, shown): (&Decryption, &Shown),
        ciphertext: &[u8],
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        let (birth, public) = rsa_key(key)?;
        let Decryption { mechanism, padding, unwrap } = decryption;
        let work = if *unwrap { RsaWork::Unwrap } else { RsaWork::Decrypt }.into();
        let data = ciphertext.to_vec();
        let asked = RsaRequest { mechanism: *mechanism, work, data, ..RsaRequest::default() };
        let block = Block::ciphertext(public, ciphertext).map_err(|_| BackendError::CiphertextInvalid)?;
        match padding {
            Padding::Oaep { hash, mgf, label } => {
                let oaep = Oaep { hash: to_hash(*hash), mask: to_hash(*mgf), label };
                let padded = self.rsa(token, key, (birth, public), (asked, shown), block)?;
                oaep.decode(&padded).ok_or(BackendError::CiphertextInvalid)
            }
            Padding::Raw => self.rsa(token, key, (birth, public), (asked, shown), block),
            // Both are always asked for, one after the other, before anybody looks at the padding.
            Padding::Pkcs1 => {
                let fallback =
                    Block::rejection(public, ciphertext).map_err(|_| BackendError::CiphertextInvalid)?;
                let of_fallback = RsaRequest { work: RsaWork::Reject.into(), ..asked.clone() };
                let root = self.rsa(token, key, (birth, public), (of_fallback, shown), fallback)?;
                let padded = self.rsa(token, key, (birth, public), (asked, shown), block)?;
                Ok(rejection::decode(public, ciphertext, &padded, &root))
            }
        }
    }

    fn rsa(
        &self,
        token: TokenId,
        key: &Trusted,
        (birth, public): (&Birth, &PublicKey),
        (asked, shown): (RsaRequest, &Shown),
        block: Block,
    ) -> BackendResult<Zeroizing<Vec<u8>>> {
        let deadline = self.start()?;
        if self.logins.get(token).is_none() {
            return Err(BackendError::NotLoggedIn);
        }
        let internal = |what: &dyn std::fmt::Display| BackendError::Internal(what.to_string());
        let parties = u8::try_from(self.manifest.nodes.len()).map_err(|error| internal(&error))?;
        let threshold = Threshold::new(self.manifest.threshold, parties).map_err(|error| internal(&error))?;
        let job = Job {
            core: self,
            birth,
            key: public,
            layout: Pieces::new(threshold).map_err(|error| internal(&error))?,
            asked: RsaRequest { key_id: key.record.id.0.to_vec(), ..asked },
            shown,
            block,
        };
        let mut attempts = 0;
        let result = self.with_quorum(self.threshold(), deadline, |set, attempt| {
            // Nothing is spent by asking others, so a slow quorum is left soon, but not twice.
            attempts += 1;
            let soon = deadline.at_most(self.nodes.patience().max(ATTEMPT_MIN));
            let attempt = if attempts > HASTY_ATTEMPTS { attempt } else { soon };
            let terms = Terms {
                token: Some(token),
                min_registry_index: self.read_floor(),
                // A node takes a statement once.
                repeatable: !shown.stated,
                deadline: attempt,
            };
            job.attempt(set, terms)
        });
        result.map_err(|error| match error {
            BackendError::Refused(text) => {
                self.log.warn(format_args!("RSA with key {}: {text}", key.record.id));
                BackendError::KeyUseForbidden
            }
            other => other,
        })
    }
}

impl Job<'_> {
    fn attempt(&self, set: &[u8], terms: Terms) -> Result<Zeroizing<Vec<u8>>, Setback> {
        let members = set.iter().filter_map(|node| PartyIndex::new(*node));
        let quorum = SignerSet::new(members).map_err(|misuse| internal(&misuse))?;
        let nonce = fresh_nonce();
        let replies = self.ask(set, &nonce, false, terms)?;
        let mut partials = Vec::with_capacity(replies.len());
        let mut parts = Vec::with_capacity(replies.len());
        for (party, reply) in replies {
            let RsaReply { partial, node_signature, .. } = reply;
            let partial = Zeroizing::new(partial);
            partials.push((party, Partial::from_bytes(&partial)));
            parts.push(Part { party, partial: Partial::from_bytes(&partial), node_signature });
        }
        let fault = match combine(self.key, &self.block, &quorum, &partials, Checks::all()) {
            Ok(result) => return Ok(result),
            Err(Error::Misuse(misuse)) => return Err(internal(&misuse)),
            Err(Error::Fault(fault)) => fault,
        };
        let named = match fault.culprit {
            Some(party) => vec![(party.get(), NodeFailure::Misbehaved(fault.rule.to_string()))],
            None => self.who_lied(set, &quorum, &parts, terms)?,
        };
        self.blame(&nonce, &parts, &named);
        if named.is_empty() { Err(Setback::Set) } else { Err(Setback::Nodes(named)) }
    }

    fn ask(
        &self,
        set: &[u8],
        nonce: &[u8; 32],
        prove: bool,
        terms: Terms,
    ) -> Result<Vec<(PartyIndex, RsaReply)>, Setback> {
        let mut asked = RsaRequest {
            quorum: set.iter().copied().map(u32::from).collect(),
            request_nonce: nonce.to_vec(),
            prove,
            ..self.asked.clone()
        };
        if self.shown.stated {
            let signs = asked.work() == RsaWork::Unspecified;
            let ask = Ask { operation: if signs { "Sign" } else { "Decrypt" }, context: &[] };
            let parameter = rsa_hash(&asked);
            let key = self.asked.key_id.as_slice();
            asked.statement = Some(self.core.kms_statement(key, ask, set, nonce, &parameter));
        }
        if let Some(again) = &self.shown.again {
            let parameter = rsa_hash(&asked);
            asked.consent = again.sign(self.core, &asked.key_id, &asked.quorum, nonce, &parameter);
        }
        let requests = set.iter().map(|node| (*node, request::Op::Rsa(asked.clone()))).collect();
        let mut replies = Vec::with_capacity(set.len());
        for (node, answer) in Core::all_answered(self.core.ask(requests, terms))? {
            let response::Result::Rsa(reply) = answer.result else { return Err(wrong_kind(node)) };
            let party = PartyIndex::new(node).ok_or_else(|| wrong_kind(node))?;
            replies.push((party, reply));
        }
        Ok(replies)
    }

    /// Asks for proofs of what the nodes have answered. A node whose proof does not hold is named; that of another
    /// answer than the first is none.
    fn who_lied(
        &self,
        set: &[u8],
        quorum: &SignerSet,
        parts: &[Part],
        terms: Terms,
    ) -> Result<Vec<(u8, NodeFailure)>, Setback> {
        let replies = self.ask(set, &fresh_nonce(), true, terms)?;
        let mut named = Vec::new();
        for (part, (party, reply)) in parts.iter().zip(replies) {
            let proven = self.values(&reply.values).and_then(|values| {
                let proof = Proof::from_bytes(&reply.proof);
                let claim = (part.party, &part.partial);
                let said = (&self.block, quorum);
                proof.verify(self.key, &self.layout, &values, claim, said, Checks::all()).ok()
            });
            if party != part.party || proven.is_none() {
                let failure = NodeFailure::Misbehaved(Rule::RsaProof.to_string());
                named.push((part.party.get(), failure));
            }
        }
        Ok(named)
    }

    /// The public values, if they are those that the birth certificate has the digest of.
    fn values(&self, bytes: &[u8]) -> Option<Values> {
        let values = Values::decode(self.key, &self.layout, bytes).ok()?;
        let known = self.birth.statement().commitments.first()?;
        (values.digest(self.key).as_slice() == known).then_some(values)
    }

    /// Names the liars in the log, each with its own signature over what it said, and leaves them out from now on.
    fn blame(&self, nonce: &[u8; 32], parts: &[Part], named: &[(u8, NodeFailure)]) {
        for (node, failure) in named {
            let Some(part) = parts.iter().find(|part| part.party.get() == *node) else { continue };
            let (cluster, partial) = (&self.core.cluster_id, part.partial.as_bytes());
            let said = statement::rsa(cluster, u32::from(*node), nonce, partial);
            let key = self.core.manifest.node(*node).map(|node| node.key);
            let signed = key.is_some_and(|key| said.verify(&key, &part.node_signature));
            self.core.log.error(format_args!(
                "RSA with key {}, request {}, answer of node {node} hashed {}, signed by it: {signed}, signature {}: {failure}",
                hex::encode(&self.asked.key_id),
                hex::encode(nonce),
                hex::encode(said.0),
                hex::encode(&part.node_signature),
            ));
            self.core.nodes.failed(*node, failure);
        }
    }
}

fn internal(what: &dyn std::fmt::Display) -> Setback {
    Setback::Final(BackendError::Internal(what.to_string()))
}

/// Certificate and public half of an RSA key.
fn rsa_key(key: &Trusted) -> BackendResult<(&Birth, &PublicKey)> {
    let birth = key.birth.as_ref().ok_or(BackendError::KeyUseForbidden)?;
    Ok((birth, birth.rsa_key().ok_or(BackendError::KeyUseForbidden)?))
}

const fn to_hash(hash: RsaHash) -> Hash {
    match hash {
        RsaHash::Sha1 => Hash::Sha1,
        RsaHash::Sha224 => Hash::Sha224,
        RsaHash::Sha256 => Hash::Sha256,
        RsaHash::Sha384 => Hash::Sha384,
        RsaHash::Sha512 => Hash::Sha512,
    }
}

const fn to_wire(hash: RsaHash) -> WireHash {
    match hash {
        RsaHash::Sha1 => WireHash::Sha1,
        RsaHash::Sha224 => WireHash::Sha224,
        RsaHash::Sha256 => WireHash::Sha256,
        RsaHash::Sha384 => WireHash::Sha384,
        RsaHash::Sha512 => WireHash::Sha512,
    }
}

/// Quorums that are given no more time than answers usually take.
const HASTY_ATTEMPTS: u32 = 2;
