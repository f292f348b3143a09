//! Signing with keys whose curve is known at run time only: what nodes and clients call.
//!
//! The protocols are generic over their curve. Here the curve of a key is looked up once for each
//! message or answer, and everything that computes runs behind that one branch. What each step means
//! and what its caller must guarantee stands with the protocol, [`crate::ecdsa`] or [`crate::frost`].

mod request;
#[cfg(feature = "sim")]
mod simulated;

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRngCore;

pub use self::request::{Answer, PublicKey, SigningRequest, combine};
#[cfg(feature = "sim")]
pub use self::simulated::{combine_with, duplicate, stored_form, unmasked};
use crate::codec::scalar;
use crate::dkg::DkgCurve;
use crate::ecdsa::{self, Pairs, PresignContext, PresignSession, Witness};
use crate::fault::{Error, Fault, Misuse};
use crate::frost::{self, Ed25519, NonceSession, Schnorr as _};
use crate::group::{Curve, P256, P384, Point, Secp256k1};
use crate::party::PartyIndex;
pub use crate::presigning::SessionContext;
use crate::round::{Outbox, Step};
use crate::secret::Secret;

/// What a signing key is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningCurve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// secp256k1.
    Secp256k1,
    /// edwards25519, for Ed25519.
    Edwards25519,
}

/// Does the same with a value of any curve.
macro_rules! each {
    ($any:expr, $value:ident => $what:expr) => {
        match $any {
            Self::P256($value) => $what,
            Self::P384($value) => $what,
            Self::Secp256k1($value) => $what,
            Self::Edwards25519($value) => $what,
        }
    };
}
use each;

impl SigningCurve {
    /// Every curve.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::Secp256k1, Self::Edwards25519];

    /// Its name in birth certificates and transcripts.
    pub const fn name(self) -> &'static str {
        self.group().name()
    }

    /// The curve of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Whether its scheme signs messages; else it signs digests.
    pub const fn signs_messages(self) -> bool {
        matches!(self, Self::Edwards25519)
    }

    /// Whether this is something to be signed: a variant of its scheme, and a message of that variant.
    pub fn accepts(self, parameter: &[u8], message: &[u8]) -> bool {
        let bytes = message;
        match self {
            Self::P256 | Self::P384 | Self::Secp256k1 => {
                parameter.is_empty() && bytes.len() <= ecdsa::DIGEST_BYTES_MAX
            }
            Self::Edwards25519 => {
                bytes.len() <= frost::MESSAGE_BYTES_MAX
                    && Ed25519::accepts(frost::Message { parameter, bytes })
            }
        }
    }

    /// The group in which its keys are generated.
    pub const fn group(self) -> DkgCurve {
        match self {
            Self::P256 => DkgCurve::P256,
            Self::P384 => DkgCurve::P384,
            Self::Secp256k1 => DkgCurve::Secp256k1,
            Self::Edwards25519 => DkgCurve::Edwards25519,
        }
    }
}

/// The context of a presigning of ECDSA.
fn with_key<C: Curve>(context: SessionContext, public_key: C::Point) -> PresignContext<C> {
    PresignContext {
        cluster_id: context.cluster_id,
        key_id: context.key_id,
        epoch: context.epoch,
        public_key,
        threshold: context.threshold,
        signers: context.signers,
        me: context.me,
        boot_ids: context.boot_ids,
        block_id: context.block_id,
        client: context.client,
        number: context.number,
        witness: context.witness,
        checks: context.checks,
    }
}

/// A presigning in whatever round it is; see [`PresignSession`] and [`NonceSession`].
pub enum Session {
    /// On P-256.
    P256(PresignSession<P256>),
    /// On P-384.
    P384(PresignSession<P384>),
    /// On secp256k1.
    Secp256k1(PresignSession<Secp256k1>),
    /// On edwards25519.
    Edwards25519(Box<NonceSession<Ed25519>>),
}

impl Session {
    /// Starts a session with this party's stored `share` of a key; the messages are to be sent.
    ///
    /// # Errors
    /// [`Misuse::StoredKey`] when public key or share is not in canonical form; what
    /// [`PresignSession::start`] says.
    pub fn start(
        curve: SigningCurve,
        public_key: &[u8],
        share: &Secret<Vec<u8>>,
        context: SessionContext,
        pairs: &mut Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(Self, Outbox), Misuse> {
        fn begin<C: Curve>(
            any: fn(PresignSession<C>) -> Session,
            (public_key, share): (&[u8], &[u8]),
            context: SessionContext,
            pairs: &mut Pairs,
            rng: &mut dyn CryptoRngCore,
        ) -> Result<(Session, Outbox), Misuse> {
            let public_key = C::Point::decode(public_key).ok_or(Misuse::StoredKey)?;
            let share = Secret::new(scalar(share).map_err(|_| Misuse::StoredKey)?);
            let context = with_key::<C>(context, public_key);
            let (session, outbox) = PresignSession::start(context, &share, pairs, rng)?;
            Ok((any(session), outbox))
        }
        let key = (public_key, share.expose().as_slice());
        match curve {
            SigningCurve::P256 => begin(Self::P256, key, context, pairs, rng),
            SigningCurve::P384 => begin(Self::P384, key, context, pairs, rng),
            SigningCurve::Secp256k1 => begin(Self::Secp256k1, key, context, pairs, rng),
            SigningCurve::Edwards25519 => {
                let (public_key, share) = key;
                let public_key = Point::decode(public_key).ok_or(Misuse::StoredKey)?;
                let share = Secret::new(scalar(share).map_err(|_| Misuse::StoredKey)?);
                let (session, outbox) = NonceSession::start(context, public_key, &share, pairs, rng)?;
                Ok((Self::Edwards25519(Box::new(session)), outbox))
            }
        }
    }

    /// The peers whose message of the current round is missing.
    pub fn missing(&self) -> Vec<PartyIndex> {
        each!(self, session => session.missing().collect())
    }

    /// Takes a message of `from`, whom the channel has authenticated.
    ///
    /// # Errors
    /// As [`PresignSession::receive`].
    pub fn receive(
        self,
        from: PartyIndex,
        message: &[u8],
        pairs: &mut Pairs,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Step<Self, Presignature>, Fault> {
        fn step<C: Curve>(
            step: Step<PresignSession<C>, ecdsa::Presignature<C>>,
            session: fn(PresignSession<C>) -> Session,
            presignature: fn(Box<ecdsa::Presignature<C>>) -> Presignature,
        ) -> Step<Session, Presignature> {
            match step {
                Step::Next(next, outbox) => Step::Next(session(next), outbox),
                Step::Done(done, outbox) => Step::Done(presignature(Box::new(done)), outbox),
            }
        }
        Ok(match self {
            Self::P256(session) => {
                step(session.receive(from, message, pairs, rng)?, Self::P256, Presignature::P256)
            }
            Self::P384(session) => {
                step(session.receive(from, message, pairs, rng)?, Self::P384, Presignature::P384)
            }
            Self::Secp256k1(session) => {
                step(session.receive(from, message, pairs, rng)?, Self::Secp256k1, Presignature::Secp256k1)
            }
            Self::Edwards25519(session) => match session.receive(from, message)? {
                Step::Next(next, outbox) => Step::Next(Self::Edwards25519(Box::new(next)), outbox),
                Step::Done(done, outbox) => Step::Done(Presignature::Edwards25519(Box::new(done)), outbox),
            },
        })
    }
}

/// One party's part of a nonce that is ready for one signature; see [`ecdsa::Presignature`] and
/// [`frost::Nonces`]. It stands
/// on the heap, because on P-384 it is the largest thing that pools hold.
pub enum Presignature {
    /// On P-256.
    P256(Box<ecdsa::Presignature<P256>>),
    /// On P-384.
    P384(Box<ecdsa::Presignature<P384>>),
    /// On secp256k1.
    Secp256k1(Box<ecdsa::Presignature<Secp256k1>>),
    /// On edwards25519.
    Edwards25519(Box<frost::Nonces<Ed25519>>),
}

impl Presignature {
    /// The name under which a client asks for it.
    pub const fn id(&self) -> &[u8; 32] {
        each!(self, presignature => presignature.id())
    }

    /// The key's public half.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::P256(own) => PublicKey::P256(own.public_key().clone()),
            Self::P384(own) => PublicKey::P384(own.public_key().clone()),
            Self::Secp256k1(own) => PublicKey::Secp256k1(own.public_key().clone()),
            Self::Edwards25519(own) => PublicKey::Edwards25519(*own.public_key()),
        }
    }

    /// Without whose grant no signer may answer, in strict mode.
    pub const fn witness(&self) -> Option<Witness> {
        each!(self, presignature => presignature.witness())
    }

    /// Answers `request` with the presignature, which is gone afterwards whatever happens. The encoded
    /// answer.
    ///
    /// # Errors
    /// As [`ecdsa::answer`] and [`frost::answer`]; a request for a key on another curve is [`Misuse::WrongPresignature`].
    pub fn answer(self, pairs: &Pairs, request: &SigningRequest) -> Result<Vec<u8>, Error> {
        match (self, &request.public_key) {
            (Self::P256(own), PublicKey::P256(key)) => {
                Ok(ecdsa::answer(*own, pairs, &request.with_key(key))?.encode())
            }
            (Self::P384(own), PublicKey::P384(key)) => {
                Ok(ecdsa::answer(*own, pairs, &request.with_key(key))?.encode())
            }
            (Self::Secp256k1(own), PublicKey::Secp256k1(key)) => {
                Ok(ecdsa::answer(*own, pairs, &request.with_key(key))?.encode())
            }
            (Self::Edwards25519(own), PublicKey::Edwards25519(key)) => {
                Ok(frost::answer(*own, pairs, &request.of_message(key))?.encode())
            }
            _ => Err(Misuse::WrongPresignature.into()),
        }
    }
}
