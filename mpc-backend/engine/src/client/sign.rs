//! The way of one signature at a node: authorise, take one presignature out of its pool for good, answer.

use proto::client::v1::{Code, LeaseReply, LeaseRequest, SignReply, SignRequest, response};
use proto::kms::sign_hash;
use proto::limits::LEASE_MAX;
use proto::registry::v1::Purpose;
use proto::statement;
use rand_core::CryptoRngCore;
use threshold::party::SignerSet;
use threshold::signing::{self, SigningCurve, SigningRequest, SigningScheme};

use super::consent::KeyUse;
use super::dispatch::{Outcome, Wait};
use super::kms::Stated;
use super::{Failure, short};
use crate::engine::Engine;
use crate::event::Event;
use crate::registry::{Id, PublicKey, attributes, birth};
use crate::session_keys::Usable;
use crate::sessions::{PoolKey, PresignatureId, party};

/// How long a request waits for a presigning that is under way and may be the one asked for, in ms: the
/// coordinator may be a message ahead of this node.
const PRESIGNING_WAIT_MS: u64 = 1_500;

/// Mechanisms of ECDSA and the digest lengths that they take, in bytes (PKCS#11 3.1, 6.3.12).
const ECDSA: [(u64, usize, usize); 10] = [
    (0x1041, 1, 64),  // CKM_ECDSA: whatever the application hashed
    (0x1042, 20, 20), // CKM_ECDSA_SHA1
    (0x1043, 28, 28), // CKM_ECDSA_SHA224
    (0x1044, 32, 32), // CKM_ECDSA_SHA256
    (0x1045, 48, 48), // CKM_ECDSA_SHA384
    (0x1046, 64, 64), // CKM_ECDSA_SHA512
    (0x1047, 28, 28), // CKM_ECDSA_SHA3_224
    (0x1048, 32, 32), // CKM_ECDSA_SHA3_256
    (0x1049, 48, 48), // CKM_ECDSA_SHA3_384
    (0x104a, 64, 64), // CKM_ECDSA_SHA3_512
];
/// Mechanisms that sign messages, and their scheme.
const SCHNORR: [(u64, SigningScheme); 3] = [
    (0x1057, SigningScheme::Ed25519),        // CKM_EDDSA
    (0xc346_0001, SigningScheme::FrostP256), // CKM_COUNTERFOIL_FROST_P256_SHA256
    (0xc346_0002, SigningScheme::Bip340),    // CKM_COUNTERFOIL_BIP340
];

impl Engine {
    /// The key of a request that this connection may see: of a token that it is logged in to as the user, and a
    /// session key only where it is its own.
    pub(crate) fn owned_key(&self, conn: u64, key_id: &[u8]) -> Result<(Id, Usable<'_>), Failure> {
        let not_found = || Failure::new(Code::NotFound, "no such key");
        let key_id = Id::try_from(key_id).map_err(|_| Failure::invalid("key id: 16 bytes"))?;
        let key = self.usable(&key_id).ok_or_else(not_found)?;
        if key.owner.is_some_and(|owner| self.clients.owner(conn) != Some(*owner)) {
            return Err(not_found());
        }
        // A login to another token does not even learn that the key exists.
        self.require_user(conn, &key.token_id)?;
        Ok((key_id, key))
    }

    /// The key and the client of a request, once this connection may sign with the key by this mechanism.
    pub(super) fn authorise_key(
        &self,
        conn: u64,
        key_id: &[u8],
        mechanism: u64,
    ) -> Result<(Id, PublicKey), Failure> {
        self.authorise_use(conn, key_id, attributes::CKA_SIGN, mechanism)
    }

    /// The key and the client of a request, once this connection may use the key as `usage`, a `CKA_` flag,
    /// says, and by this mechanism.
    pub(super) fn authorise_use(
        &self,
        conn: u64,
        key_id: &[u8],
        usage: u64,
        mechanism: u64,
    ) -> Result<(Id, PublicKey), Failure> {
        let (key_id, key) = self.owned_key(conn, key_id)?;
        let has = |attribute| attributes::is_true(key.attributes, attribute);
        let class = attributes::number(key.attributes, attributes::CKA_CLASS);
        if class != Some(attributes::CKO_PRIVATE_KEY) || !has(usage) {
            return Err(Failure::forbidden("the key's attributes do not allow this use"));
        }
        if !attributes::mechanism_allowed(key.attributes, mechanism) {
            return Err(Failure::forbidden("the key's attributes do not allow this mechanism"));
        }
        let client = self.clients.get(conn).ok_or(Failure::invalid("no such connection"))?.key;
        self.authorise_kms(&key_id, &client, operation(usage), &[])?;
        Ok((key_id, client))
    }

    /// The pool of a request, once this connection may use the key.
    pub(super) fn authorise(
        &self,
        conn: u64,
        key_id: &[u8],
        signers: &[u32],
        mechanism: u64,
    ) -> Result<PoolKey, Failure> {
        let (key_id, client) = self.authorise_key(conn, key_id, mechanism)?;
        let scheme = self.scheme_of(&key_id, mechanism)?;
        if self.shares.active(&key_id, Purpose::SigningKey).is_none() {
            return Err(Failure::missing("this node holds no share of the key", vec![self.me.index]));
        }
        let signers = self.signer_set(signers).map_err(Failure::invalid)?;
        Ok(PoolKey { key_id, scheme, signers, client })
    }

    /// Ids for this connection. An empty pool is filled at once.
    pub(super) fn lease(
        &mut self,
        conn: u64,
        request: &LeaseRequest,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Outcome, Failure> {
        check_mechanism(request.mechanism)?;
        let pool = self.authorise(conn, &request.key_id, &request.signers, request.mechanism)?;
        if pool.coordinator() != self.me.index {
            return Err(Failure::invalid("leases are given by the lowest node of the signer set"));
        }
        if !self.may_lease(&pool.client) {
            let message = "too many presignatures were leased and not used; some are forgiven each second";
            return Err(Failure::new(Code::ResourceExhausted, message));
        }
        // Where others wait, nobody gets more than what it can use now.
        let most = if self.clients.waits_for_lease(&pool) { 1 } else { LEASE_MAX };
        let count = request.count.clamp(1, most) as usize;
        let ids = self.lease_ids(&pool, count);
        if !ids.is_empty() {
            let witnesses = self.witnesses_of(&pool, &ids);
            let presignature_ids = ids.into_iter().map(Vec::from).collect();
            let reply = LeaseReply { presignature_ids, witnesses };
            return Ok(Outcome::Now(response::Result::Lease(reply)));
        }
        self.check_members(&pool)?;
        if self.pairs_ready(&pool) {
            // A cold key gets one at once: two would take twice the time.
            let cold = self.sessions.pools.is_unused(&pool, self.now);
            let most = if cold { 1 } else { self.me.limits.presign_pool.max(1) as usize };
            while self.presigning(&pool) < count.min(most) {
                match self.make_room(&pool, true) {
                    Ok(()) => self
                        .begin_presign(&pool, true, rng)
                        .map_err(|why| Failure::missing(why, Vec::new()))?,
                    Err(_) if self.presigning(&pool) > 0 => break,
                    Err(full) => return Err(full),
                }
            }
        }
        Ok(Outcome::Wait(Wait::Lease(pool)))
    }

    pub(super) fn sign(
        &mut self,
        conn: u64,
        request: &SignRequest,
        waited: bool,
    ) -> Result<Outcome, Failure> {
        check_mechanism(request.mechanism)?;
        let pool = self.authorise(conn, &request.key_id, &request.signers, request.mechanism)?;
        check_message(pool.scheme, request)?;
        self.check_stated_sign(conn, &pool.key_id, request, !waited)?;
        self.check_consent_to_sign(conn, &pool.key_id, request)?;
        let sizes = |_| Failure::invalid("presignature id and request nonce: 32 bytes");
        let id = <[u8; 32]>::try_from(request.presignature_id.as_slice()).map_err(sizes)?;
        let request_nonce = <[u8; 32]>::try_from(request.request_nonce.as_slice()).map_err(sizes)?;
        self.check_grant(&pool, &id, request)?;
        // Spent is spent: from here on nobody gets this presignature again, whatever happens.
        let taken = self.take_presignature(&pool, &id);
        #[cfg(feature = "sim")]
        let taken = self.after_take(&pool, &id, &request_nonce, taken);
        let Some(presignature) = taken else {
            if waited || self.presigning(&pool) == 0 {
                return Err(Failure::new(Code::PresignatureGone, "no such presignature for this client"));
            }
            let until = self.now + PRESIGNING_WAIT_MS;
            return Ok(Outcome::Wait(Wait::Presigning { pool, until }));
        };
        let known = Some(presignature.public_key());
        let witnessed = presignature.witness().is_some();
        let online = self.online_request(&pool, request, request_nonce, (known, witnessed))?;
        let answer = signing::Presignature::answer;
        #[cfg(feature = "sim")]
        let answer = if self.me.bugs.has(crate::bugs::Bug::NoMasks) { signing::unmasked } else { answer };
        let partial = answer(presignature, &self.sessions.pairs, &online)
            .map_err(|error| Failure::new(Code::PresignatureGone, error.to_string()))?;
        let (cluster, node) = (&self.me.cluster_id, u32::from(self.me.index));
        let statement = statement::partial(cluster, node, &request_nonce, &partial);
        let node_signature = statement.sign(&self.me.identity);
        self.counters.signatures += 1;
        let (key, client) = (hex::encode(pool.key_id), short(&pool.client));
        self.log(Event::KeyUsed { key, client, mechanism: request.mechanism });
        self.sessions.quotas.settle(&pool.client, 1);
        let ids = self.lease_more(&pool, request.lease);
        let witnesses = self.witnesses_of(&pool, &ids);
        let presignature_ids = ids.into_iter().map(Vec::from).collect();
        let reply = SignReply { partial, node_signature, presignature_ids, witnesses };
        Ok(Outcome::Now(response::Result::Sign(reply)))
    }

    /// Refuses a signature that its key wants the PIN for, unless it was given for this one.
    pub(super) fn check_consent_to_sign(
        &self,
        conn: u64,
        key_id: &Id,
        request: &SignRequest,
    ) -> Result<(), Failure> {
        let asked = KeyUse {
            key_id,
            quorum: &request.signers,
            request_nonce: &request.request_nonce,
            parameter: &|| sign_hash(request),
            consent: &request.consent,
        };
        self.check_consent(conn, &asked)
    }

    /// Holds a signature by a key of the KMS interface against the client's statement.
    pub(super) fn check_stated_sign(
        &mut self,
        conn: u64,
        key_id: &Id,
        request: &SignRequest,
        once: bool,
    ) -> Result<(), Failure> {
        let stated = Stated {
            said: request.statement.as_ref(),
            key_id,
            operation: operation(attributes::CKA_SIGN),
            quorum: &request.signers,
            request_nonce: &request.request_nonce,
            parameter: &|| sign_hash(request),
            once,
        };
        self.check_stated(conn, &stated)
    }

    /// What a key signs by when asked for a mechanism, which must be one of its curve.
    pub(super) fn scheme_of(&self, key_id: &Id, mechanism: u64) -> Result<SigningScheme, Failure> {
        let key = self.usable(key_id).ok_or(Failure::new(Code::NotFound, "no such key"))?;
        let curve =
            birth::signing_curve(key.statement).ok_or(Failure::forbidden("this key does not sign"))?;
        scheme(mechanism, curve).ok_or(Failure::invalid("mechanism does not sign on the key's curve"))
    }

    /// What is to be signed. `known` is a public key that may be this one and needs no decoding then,
    /// which costs more than the rest of an answer. `witnessed` says whether the presignature names a
    /// witness.
    pub(super) fn online_request(
        &self,
        pool: &PoolKey,
        request: &SignRequest,
        request_nonce: [u8; 32],
        (known, witnessed): (Option<signing::PublicKey>, bool),
    ) -> Result<SigningRequest, Failure> {
        let internal = |_| Failure::new(Code::Internal, "signer set is not a set");
        let key = self.usable(&pool.key_id).ok_or(Failure::new(Code::NotFound, "no such key"))?;
        let (curve, recorded) = (pool.scheme.curve(), &key.statement.public_key);
        let known = known.filter(|known| known.curve() == curve && known.encode() == *recorded);
        let public_key = known.or_else(|| signing::PublicKey::decode(curve, recorded));
        Ok(SigningRequest {
            cluster_id: self.me.cluster_id,
            key_id: pool.key_id,
            epoch: key.statement.epoch,
            scheme: pool.scheme,
            public_key: public_key.ok_or(Failure::new(Code::Internal, "public key is not a point"))?,
            signers: SignerSet::new(pool.signers.iter().copied().map(party)).map_err(internal)?,
            client: pool.client,
            mechanism: u32::try_from(request.mechanism).map_err(|_| Failure::invalid("mechanism"))?,
            parameter: request.parameter.clone(),
            digest: request.digest.clone(),
            request_nonce,
            witnessed,
        })
    }

    /// The lowest node adds fresh leases to its answer, if any are free and nobody waits for them.
    fn lease_more(&mut self, pool: &PoolKey, more: u32) -> Vec<PresignatureId> {
        let leases = more > 0 && pool.coordinator() == self.me.index;
        if !leases || self.clients.waits_for_lease(pool) || !self.may_lease(&pool.client) {
            return Vec::new();
        }
        self.lease_ids(pool, more.min(LEASE_MAX) as usize)
    }
}

/// The operation of the KMS interface that a use of a private key is.
pub(super) const fn operation(usage: u64) -> &'static str {
    match usage {
        attributes::CKA_SIGN => "Sign",
        attributes::CKA_DERIVE => "DeriveSharedSecret",
        _ => "Decrypt",
    }
}

/// Whether any key signs with this mechanism.
pub(super) fn check_mechanism(mechanism: u64) -> Result<(), Failure> {
    let known = SCHNORR.iter().any(|(number, _)| *number == mechanism)
        || ECDSA.iter().any(|(number, ..)| *number == mechanism);
    if known { Ok(()) } else { Err(Failure::invalid("mechanism does not sign")) }
}

/// What keys on `curve` sign by when asked for a mechanism.
fn scheme(mechanism: u64, curve: SigningCurve) -> Option<SigningScheme> {
    match SCHNORR.iter().find(|(number, _)| *number == mechanism) {
        Some((_, scheme)) => Some(*scheme).filter(|scheme| scheme.curve() == curve),
        None => curve.ecdsa().filter(|_| ECDSA.iter().any(|(number, ..)| *number == mechanism)),
    }
}

/// Whether what is to be signed fits the scheme and the mechanism.
pub(super) fn check_message(scheme: SigningScheme, request: &SignRequest) -> Result<(), Failure> {
    let (digest, length) = (&request.digest, request.digest.len());
    if !scheme.accepts(&request.parameter, digest) {
        return Err(Failure::invalid("message or parameter does not fit the mechanism"));
    }
    // A digest has a length of its mechanism, or is what enters ECDSA on the key's curve: the leftmost
    // bytes of a longer one, or a shorter one with zeros before it (FIPS 186-5, 6.4.1).
    let of_mechanism = |(number, least, most): &(u64, usize, usize)| {
        *number == request.mechanism && (*least..=*most).contains(&length)
    };
    let fits = scheme.signs_messages()
        || ECDSA.iter().any(of_mechanism)
        || length == scheme.curve().group().scalar_bytes();
    if fits { Ok(()) } else { Err(Failure::invalid("digest length does not fit the mechanism")) }
}
