//! Signing by a scheme that is known at run time only: what nodes and clients call.
//!
//! The protocols are generic over their curve or scheme. Here the scheme is looked up once for each
//! message or answer, and everything that computes runs behind that one branch. What each step means
//! and what its caller must guarantee stands with the protocol, [`crate::ecdsa`] or [`crate::frost`].

mod request;
mod scheme;
#[cfg(feature = "sim")]
mod simulated;

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRngCore;

pub use self::request::{Answer, PublicKey, SigningRequest, combine};
pub use self::scheme::{SigningCurve, SigningScheme};
#[cfg(feature = "sim")]
pub use self::simulated::{combine_with, duplicate, stored_form, unmasked};
use crate::codec::scalar;
use crate::ecdsa::{self, Pairs, PresignContext, PresignSession, Witness};
use crate::fault::{Error, Fault, Misuse};
use crate::frost::{self, Bip340, Ed25519, FrostP256, NonceSession, Schnorr};
use crate::group::{Curve, P256, P384, Point, Secp256k1};
use crate::party::PartyIndex;
pub use crate::presigning::SessionContext;
use crate::round::{Outbox, Step};
use crate::secret::Secret;

/// Does the same with a value of any scheme.
macro_rules! each {
    ($any:expr, $value:ident => $what:expr) => {
        match $any {
            Self::EcdsaP256($value) => $what,
            Self::EcdsaP384($value) => $what,
            Self::EcdsaSecp256k1($value) => $what,
            Self::Ed25519($value) => $what,
            Self::FrostP256($value) => $what,
            Self::Bip340($value) => $what,
        }
    };
}
use each;

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
    /// For ECDSA on P-256.
    EcdsaP256(PresignSession<P256>),
    /// For ECDSA on P-384.
    EcdsaP384(PresignSession<P384>),
    /// For ECDSA on secp256k1.
    EcdsaSecp256k1(PresignSession<Secp256k1>),
    /// For Ed25519.
    Ed25519(Box<NonceSession<Ed25519>>),
    /// For Schnorr on P-256.
    FrostP256(Box<NonceSession<FrostP256>>),
    /// For BIP-340.
    Bip340(Box<NonceSession<Bip340>>),
}

impl Session {
    /// Starts a session with this party's stored `share` of a key; the messages are to be sent.
    ///
    /// # Errors
    /// [`Misuse::StoredKey`] when public key or share is not in canonical form; what
    /// [`PresignSession::start`] says.
    pub fn start(
        scheme: SigningScheme,
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
        fn draw<S: Schnorr>(
            any: fn(Box<NonceSession<S>>) -> Session,
            (public_key, share): (&[u8], &[u8]),
            context: SessionContext,
            pairs: &Pairs,
            rng: &mut dyn CryptoRngCore,
        ) -> Result<(Session, Outbox), Misuse> {
            let public_key = Point::decode(public_key).ok_or(Misuse::StoredKey)?;
            let share = Secret::new(scalar(share).map_err(|_| Misuse::StoredKey)?);
            let (session, outbox) = NonceSession::start(context, public_key, &share, pairs, rng)?;
            Ok((any(Box::new(session)), outbox))
        }
        let key = (public_key, share.expose().as_slice());
        match scheme {
            SigningScheme::EcdsaP256 => begin(Self::EcdsaP256, key, context, pairs, rng),
            SigningScheme::EcdsaP384 => begin(Self::EcdsaP384, key, context, pairs, rng),
            SigningScheme::EcdsaSecp256k1 => begin(Self::EcdsaSecp256k1, key, context, pairs, rng),
            SigningScheme::Ed25519 => draw(Self::Ed25519, key, context, pairs, rng),
            SigningScheme::FrostP256 => draw(Self::FrostP256, key, context, pairs, rng),
            SigningScheme::Bip340 => draw(Self::Bip340, key, context, pairs, rng),
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
        fn drawn<S: Schnorr>(
            step: Step<NonceSession<S>, frost::Nonces<S>>,
            session: fn(Box<NonceSession<S>>) -> Session,
            nonces: fn(Box<frost::Nonces<S>>) -> Presignature,
        ) -> Step<Session, Presignature> {
            match step {
                Step::Next(next, outbox) => Step::Next(session(Box::new(next)), outbox),
                Step::Done(done, outbox) => Step::Done(nonces(Box::new(done)), outbox),
            }
        }
        macro_rules! ecdsa {
            ($scheme:ident, $session:expr) => {
                step($session.receive(from, message, pairs, rng)?, Self::$scheme, Presignature::$scheme)
            };
        }
        macro_rules! frost {
            ($scheme:ident, $session:expr) => {
                drawn($session.receive(from, message)?, Self::$scheme, Presignature::$scheme)
            };
        }
        Ok(match self {
            Self::EcdsaP256(session) => ecdsa!(EcdsaP256, session),
            Self::EcdsaP384(session) => ecdsa!(EcdsaP384, session),
            Self::EcdsaSecp256k1(session) => ecdsa!(EcdsaSecp256k1, session),
            Self::Ed25519(session) => frost!(Ed25519, session),
            Self::FrostP256(session) => frost!(FrostP256, session),
            Self::Bip340(session) => frost!(Bip340, session),
        })
    }
}

/// One party's part of a nonce that is ready for one signature; see [`ecdsa::Presignature`] and
/// [`frost::Nonces`]. It stands on the heap, because on P-384 it is the largest thing that pools hold.
pub enum Presignature {
    /// For ECDSA on P-256.
    EcdsaP256(Box<ecdsa::Presignature<P256>>),
    /// For ECDSA on P-384.
    EcdsaP384(Box<ecdsa::Presignature<P384>>),
    /// For ECDSA on secp256k1.
    EcdsaSecp256k1(Box<ecdsa::Presignature<Secp256k1>>),
    /// For Ed25519.
    Ed25519(Box<frost::Nonces<Ed25519>>),
    /// For Schnorr on P-256.
    FrostP256(Box<frost::Nonces<FrostP256>>),
    /// For BIP-340.
    Bip340(Box<frost::Nonces<Bip340>>),
}

impl Presignature {
    /// The name under which a client asks for it.
    pub const fn id(&self) -> &[u8; 32] {
        each!(self, presignature => presignature.id())
    }

    /// The key's public half.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::EcdsaP256(own) => PublicKey::P256(own.public_key().clone()),
            Self::EcdsaP384(own) => PublicKey::P384(own.public_key().clone()),
            Self::EcdsaSecp256k1(own) => PublicKey::Secp256k1(own.public_key().clone()),
            Self::Ed25519(own) => PublicKey::Edwards25519(*own.public_key()),
            Self::FrostP256(own) => PublicKey::P256(own.public_key().clone()),
            Self::Bip340(own) => PublicKey::Secp256k1(own.public_key().clone()),
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
    /// As [`ecdsa::answer`] and [`frost::answer`]; a request by another scheme is [`Misuse::WrongPresignature`].
    pub fn answer(self, pairs: &Pairs, request: &SigningRequest) -> Result<Vec<u8>, Error> {
        use SigningScheme as Scheme;
        macro_rules! ecdsa {
            ($own:expr, $key:expr) => {
                Ok(ecdsa::answer(*$own, pairs, &request.with_key($key))?.encode())
            };
        }
        macro_rules! frost {
            ($own:expr, $key:expr) => {
                Ok(frost::answer(*$own, pairs, &request.of_message($key))?.encode())
            };
        }
        match (self, request.scheme, &request.public_key) {
            (Self::EcdsaP256(own), Scheme::EcdsaP256, PublicKey::P256(key)) => ecdsa!(own, key),
            (Self::EcdsaP384(own), Scheme::EcdsaP384, PublicKey::P384(key)) => ecdsa!(own, key),
            (Self::EcdsaSecp256k1(own), Scheme::EcdsaSecp256k1, PublicKey::Secp256k1(key)) => {
                ecdsa!(own, key)
            }
            (Self::Ed25519(own), Scheme::Ed25519, PublicKey::Edwards25519(key)) => frost!(own, key),
            (Self::FrostP256(own), Scheme::FrostP256, PublicKey::P256(key)) => frost!(own, key),
            (Self::Bip340(own), Scheme::Bip340, PublicKey::Secp256k1(key)) => frost!(own, key),
            _ => Err(Misuse::WrongPresignature.into()),
        }
    }
}
