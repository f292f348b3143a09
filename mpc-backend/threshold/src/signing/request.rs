//! What is to be signed, the answers to it, and their combination.

use alloc::vec::Vec;

use curve25519_dalek::EdwardsPoint;

use super::{SigningCurve, SigningScheme, each};
use crate::codec::DecodeError;
use crate::ecdsa::{self, OnlineRequest, PartialSignature};
use crate::fault::{Checks, Fault, Rule};
use crate::frost::{self, Bip340, Ed25519, FrostP256, Schnorr};
use crate::group::p256::P256Point;
use crate::group::p384::P384Point;
use crate::group::secp256k1::Secp256k1Point;
use crate::group::{Curve, P256, P384, Point, Secp256k1};
use crate::party::{PartyIndex, SignerSet};

/// A key's public half, decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum PublicKey {
    /// On P-256.
    P256(P256Point),
    /// On P-384.
    P384(P384Point),
    /// On secp256k1.
    Secp256k1(Secp256k1Point),
    /// On edwards25519.
    Edwards25519(EdwardsPoint),
}

impl PublicKey {
    /// The key with exactly this encoding, as a birth certificate has it; `None` for anything else.
    pub fn decode(curve: SigningCurve, bytes: &[u8]) -> Option<Self> {
        Some(match curve {
            SigningCurve::P256 => Self::P256(Point::decode(bytes)?),
            SigningCurve::P384 => Self::P384(Point::decode(bytes)?),
            SigningCurve::Secp256k1 => Self::Secp256k1(Point::decode(bytes)?),
            SigningCurve::Edwards25519 => Self::Edwards25519(Point::decode(bytes)?),
        })
    }

    /// Its encoding, which costs nothing for a key that was decoded.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::P256(point) => point.encode(),
            Self::P384(point) => point.encode(),
            Self::Secp256k1(point) => point.encode(),
            Self::Edwards25519(point) => point.encode(),
        }
    }

    /// The same key, with a table of its multiples where its curve makes use of one: see
    /// [`Point::with_multiples`].
    #[must_use]
    pub fn with_multiples(self) -> Self {
        match self {
            Self::P256(point) => Self::P256(point.with_multiples()),
            Self::P384(point) => Self::P384(point.with_multiples()),
            Self::Secp256k1(point) => Self::Secp256k1(point.with_multiples()),
            Self::Edwards25519(point) => Self::Edwards25519(point.with_multiples()),
        }
    }

    /// What the key is on.
    pub const fn curve(&self) -> SigningCurve {
        match self {
            Self::P256(_) => SigningCurve::P256,
            Self::P384(_) => SigningCurve::P384,
            Self::Secp256k1(_) => SigningCurve::Secp256k1,
            Self::Edwards25519(_) => SigningCurve::Edwards25519,
        }
    }
}

/// What is to be signed, and by whom for whom: equal at the client and at every signer. As
/// [`OnlineRequest`] has it.
#[derive(Clone)]
pub struct SigningRequest {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Epoch of the key.
    pub epoch: u64,
    /// What is signed by.
    pub scheme: SigningScheme,
    /// The key's public half, on the scheme's curve.
    pub public_key: PublicKey,
    /// The exact signers.
    pub signers: SignerSet,
    /// Identity of the client, authenticated by the channel.
    pub client: [u8; 32],
    /// Number of the mechanism that the client asked for.
    pub mechanism: u32,
    /// The variant of the scheme: [`frost::Message::parameter`]. Empty for ECDSA.
    pub parameter: Vec<u8>,
    /// The digest, at most [`ecdsa::DIGEST_BYTES_MAX`] bytes, or the message of a scheme that hashes
    /// itself, at most [`frost::MESSAGE_BYTES_MAX`].
    pub digest: Vec<u8>,
    /// Fresh for each request.
    pub request_nonce: [u8; 32],
    /// Whether the presignature names a witness.
    pub witnessed: bool,
}

impl SigningRequest {
    /// The request as the protocol on one curve has it.
    pub fn with_key<C: Curve>(&self, public_key: &C::Point) -> OnlineRequest<C> {
        OnlineRequest {
            cluster_id: self.cluster_id,
            key_id: self.key_id,
            epoch: self.epoch,
            public_key: public_key.clone(),
            signers: self.signers.clone(),
            client: self.client,
            mechanism: self.mechanism,
            digest: self.digest.clone(),
            request_nonce: self.request_nonce,
        }
    }

    /// The request as FROST has it.
    pub fn of_message<S: Schnorr>(&self, public_key: &S::Point) -> frost::OnlineRequest<S> {
        frost::OnlineRequest {
            cluster_id: self.cluster_id,
            key_id: self.key_id,
            epoch: self.epoch,
            public_key: public_key.clone(),
            signers: self.signers.clone(),
            client: self.client,
            mechanism: self.mechanism,
            parameter: self.parameter.clone(),
            message: self.digest.clone(),
            request_nonce: self.request_nonce,
            witnessed: self.witnessed,
        }
    }

    /// Whether an answer's context is the one that an honest signer makes of this request.
    pub fn is_answered_by(&self, answer: &Answer) -> bool {
        match (answer, &self.public_key) {
            (Answer::EcdsaP256(answer), PublicKey::P256(key)) => self.with_key(key).is_answered_by(answer),
            (Answer::EcdsaP384(answer), PublicKey::P384(key)) => self.with_key(key).is_answered_by(answer),
            (Answer::EcdsaSecp256k1(answer), PublicKey::Secp256k1(key)) => {
                self.with_key(key).is_answered_by(answer)
            }
            (Answer::Ed25519(answer), PublicKey::Edwards25519(key)) => {
                self.of_message(key).is_answered_by(answer)
            }
            (Answer::FrostP256(answer), PublicKey::P256(key)) => self.of_message(key).is_answered_by(answer),
            (Answer::Bip340(answer), PublicKey::Secp256k1(key)) => {
                self.of_message(key).is_answered_by(answer)
            }
            _ => false,
        }
    }
}

/// One signer's answer; see [`PartialSignature`] and [`frost::PartialSignature`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Of ECDSA on P-256.
    EcdsaP256(PartialSignature<P256>),
    /// Of ECDSA on P-384.
    EcdsaP384(PartialSignature<P384>),
    /// Of ECDSA on secp256k1.
    EcdsaSecp256k1(PartialSignature<Secp256k1>),
    /// Of Ed25519.
    Ed25519(frost::PartialSignature<Ed25519>),
    /// Of Schnorr on P-256.
    FrostP256(frost::PartialSignature<FrostP256>),
    /// Of BIP-340.
    Bip340(frost::PartialSignature<Bip340>),
}

impl Answer {
    /// The answer with exactly these bytes, beside `other`, an answer of the same signature: see
    /// [`PartialSignature::decode_beside`].
    ///
    /// # Errors
    /// [`DecodeError`] for another length or a value that is not canonical.
    pub fn decode(scheme: SigningScheme, bytes: &[u8], other: Option<&Self>) -> Result<Self, DecodeError> {
        macro_rules! beside {
            ($scheme:ident) => {{
                let other = match other {
                    Some(Self::$scheme(other)) => Some(other),
                    _ => None,
                };
                PartialSignature::decode_beside(bytes, other).map(Self::$scheme)
            }};
        }
        match scheme {
            SigningScheme::EcdsaP256 => beside!(EcdsaP256),
            SigningScheme::EcdsaP384 => beside!(EcdsaP384),
            SigningScheme::EcdsaSecp256k1 => beside!(EcdsaSecp256k1),
            SigningScheme::Ed25519 => frost::PartialSignature::decode(bytes).map(Self::Ed25519),
            SigningScheme::FrostP256 => frost::PartialSignature::decode(bytes).map(Self::FrostP256),
            SigningScheme::Bip340 => frost::PartialSignature::decode(bytes).map(Self::Bip340),
        }
    }

    /// The name of the presignature.
    pub const fn presignature(&self) -> &[u8; 32] {
        each!(self, answer => &answer.presignature)
    }

    /// What must never be answered with twice, encoded: the nonce point before its re-randomisation, or all
    /// commitments to nonces. Public, for ledgers.
    pub fn nonce(&self) -> Vec<u8> {
        match self {
            Self::EcdsaP256(answer) => answer.nonce_point.encode(),
            Self::EcdsaP384(answer) => answer.nonce_point.encode(),
            Self::EcdsaSecp256k1(answer) => answer.nonce_point.encode(),
            Self::Ed25519(answer) => answer.commitments.clone(),
            Self::FrostP256(answer) => answer.commitments.clone(),
            Self::Bip340(answer) => answer.commitments.clone(),
        }
    }

    /// Hash of everything that the answer depends on.
    pub const fn context(&self) -> &[u8; 32] {
        each!(self, answer => &answer.context)
    }
}

/// Combines the answers of all signers of `request` into a signature that was verified: r || s, or R || z.
///
/// `commitments` are those of the key's polynomial, as its birth certificate has them: where a scheme's
/// answers can be checked one by one, a wrong one names its author.
///
/// # Errors
/// As [`ecdsa::combine`] and [`frost::combine`]; an answer by another scheme is a missing one, and so is a key
/// on another curve than the scheme's.
pub fn combine(
    answers: Vec<(PartyIndex, Answer)>,
    request: &SigningRequest,
    commitments: &[Vec<u8>],
) -> Result<Vec<u8>, Fault> {
    combine_checked(answers, request, commitments, Checks::all())
}

pub(super) fn combine_checked(
    answers: Vec<(PartyIndex, Answer)>,
    request: &SigningRequest,
    commitments: &[Vec<u8>],
    checks: Checks,
) -> Result<Vec<u8>, Fault> {
    macro_rules! own {
        ($scheme:ident) => {{
            let own = answers.into_iter().filter_map(|(party, answer)| match answer {
                Answer::$scheme(answer) => Some((party, answer)),
                _ => None,
            });
            own.collect::<Vec<_>>()
        }};
    }
    macro_rules! ecdsa {
        ($scheme:ident, $key:expr) => {
            Ok(ecdsa::combine::combine_with(&own!($scheme), &request.with_key($key), checks)?.to_bytes())
        };
    }
    macro_rules! frost {
        ($scheme:ident, $key:expr) => {
            frost::combine::combine_with(&own!($scheme), &request.of_message($key), commitments, checks)
        };
    }
    match (request.scheme, &request.public_key) {
        (SigningScheme::EcdsaP256, PublicKey::P256(key)) => ecdsa!(EcdsaP256, key),
        (SigningScheme::EcdsaP384, PublicKey::P384(key)) => ecdsa!(EcdsaP384, key),
        (SigningScheme::EcdsaSecp256k1, PublicKey::Secp256k1(key)) => ecdsa!(EcdsaSecp256k1, key),
        (SigningScheme::Ed25519, PublicKey::Edwards25519(key)) => frost!(Ed25519, key),
        (SigningScheme::FrostP256, PublicKey::P256(key)) => frost!(FrostP256, key),
        (SigningScheme::Bip340, PublicKey::Secp256k1(key)) => frost!(Bip340, key),
        _ => Err(Fault::of_nobody(Rule::AnswersDiffer)),
    }
}
