//! What is to be signed, the answers to it, and their combination.

use alloc::vec::Vec;

use curve25519_dalek::EdwardsPoint;

use super::{SigningCurve, each};
use crate::codec::DecodeError;
use crate::ecdsa::{self, OnlineRequest, PartialSignature};
use crate::fault::{Checks, Fault};
use crate::frost::{self, Ed25519, Schnorr};
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
        each!(self, point => point.encode())
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
    /// The key's public half.
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
            (Answer::P256(answer), PublicKey::P256(key)) => self.with_key(key).is_answered_by(answer),
            (Answer::P384(answer), PublicKey::P384(key)) => self.with_key(key).is_answered_by(answer),
            (Answer::Secp256k1(answer), PublicKey::Secp256k1(key)) => {
                self.with_key(key).is_answered_by(answer)
            }
            (Answer::Edwards25519(answer), PublicKey::Edwards25519(key)) => {
                self.of_message(key).is_answered_by(answer)
            }
            _ => false,
        }
    }
}

/// One signer's answer; see [`PartialSignature`] and [`frost::PartialSignature`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// On P-256.
    P256(PartialSignature<P256>),
    /// On P-384.
    P384(PartialSignature<P384>),
    /// On secp256k1.
    Secp256k1(PartialSignature<Secp256k1>),
    /// On edwards25519.
    Edwards25519(frost::PartialSignature<Ed25519>),
}

impl Answer {
    /// The answer with exactly these bytes, beside `other`, an answer of the same signature: see
    /// [`PartialSignature::decode_beside`].
    ///
    /// # Errors
    /// [`DecodeError`] for another length or a value that is not canonical.
    pub fn decode(curve: SigningCurve, bytes: &[u8], other: Option<&Self>) -> Result<Self, DecodeError> {
        macro_rules! beside {
            ($curve:ident) => {{
                let other = match other {
                    Some(Self::$curve(other)) => Some(other),
                    _ => None,
                };
                PartialSignature::decode_beside(bytes, other).map(Self::$curve)
            }};
        }
        match curve {
            SigningCurve::P256 => beside!(P256),
            SigningCurve::P384 => beside!(P384),
            SigningCurve::Secp256k1 => beside!(Secp256k1),
            SigningCurve::Edwards25519 => frost::PartialSignature::decode(bytes).map(Self::Edwards25519),
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
            Self::P256(answer) => answer.nonce_point.encode(),
            Self::P384(answer) => answer.nonce_point.encode(),
            Self::Secp256k1(answer) => answer.nonce_point.encode(),
            Self::Edwards25519(answer) => answer.commitments.clone(),
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
/// As [`ecdsa::combine`] and [`frost::combine`]; an answer on another curve is a missing one.
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
    macro_rules! of_curve {
        ($curve:ident) => {{
            let own = answers.into_iter().filter_map(|(party, answer)| match answer {
                Answer::$curve(answer) => Some((party, answer)),
                _ => None,
            });
            own.collect::<Vec<_>>()
        }};
    }
    macro_rules! ecdsa {
        ($curve:ident, $key:expr) => {
            ecdsa::combine::combine_with(&of_curve!($curve), &request.with_key($key), checks)?.to_bytes()
        };
    }
    Ok(match &request.public_key {
        PublicKey::P256(key) => ecdsa!(P256, key),
        PublicKey::P384(key) => ecdsa!(P384, key),
        PublicKey::Secp256k1(key) => ecdsa!(Secp256k1, key),
        PublicKey::Edwards25519(key) => {
            let request = request.of_message(key);
            frost::combine::combine_with(&of_curve!(Edwards25519), &request, commitments, checks)?
        }
    })
}
