//! Round 3: secret shares go to their receivers, with the echo of all packages (`spec/dkg.md`).
//!
//! Proves that the share lies on the polynomial that its sender committed to. A party whose share
//! is malformed or wrong is named; different echoes name nobody.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use frost_core::keys::SigningShare;
use frost_core::keys::dkg::{part3, round1, round2};
use frost_core::{Error, Identifier};
use zeroize::Zeroizing;

use super::context::Setting;
use super::round4_confirm::{self, AwaitingConfirmations, ConfirmMessage};
use super::suite::{Suite, fault_of, identifier};
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Checks, Fault, Rule};
use crate::group::Point;
use crate::round::{Inbox, Outbox};
use crate::secret::Secret;
use crate::sharing::Commitments;
use crate::transcript::{DKG_TRANSCRIPT, HASH_BYTES, hash_all};

/// Number of this round on the wire.
pub(super) const ROUND: u8 = 3;

/// Body of the round's message; secret.
pub(super) struct ShareMessage {
    /// Hash over all opened packages as the sender saw them.
    pub(super) view: [u8; HASH_BYTES],
    /// The sender's polynomial at the receiver's position.
    pub(super) share: Secret<Vec<u8>>,
}

impl ShareMessage {
    /// Bytes for a suite with scalars of this length.
    pub(super) const fn bytes(scalar_bytes: usize) -> usize {
        HASH_BYTES + scalar_bytes
    }

    /// The bytes are secret; who sends them wipes them.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::with_capacity(Self::bytes(self.share.expose().len()));
        writer.bytes(&self.view).bytes(self.share.expose());
        Zeroizing::new(writer.finish())
    }

    pub(super) fn decode(body: &[u8], scalar_bytes: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let message =
            Self { view: reader.array()?, share: Secret::new(reader.bytes(scalar_bytes)?.to_vec()) };
        reader.finish()?;
        Ok(message)
    }
}

/// A share of frost's in its canonical bytes.
pub(super) fn share_bytes<S: Suite>(share: &SigningShare<S>) -> Secret<Vec<u8>> {
    Secret::new(share.serialize())
}

/// Waits for the peers' shares.
pub(super) struct AwaitingShares<S: Suite> {
    pub(super) secret: round2::SecretPackage<S>,
    pub(super) packages: BTreeMap<Identifier<S>, round1::Package<S>>,
    pub(super) sum: Commitments<S::Point>,
    pub(super) view: [u8; HASH_BYTES],
    pub(super) setting: Setting,
}

impl<S: Suite> AwaitingShares<S> {
    /// # Errors
    /// [`Rule::KeygenPackages`] and [`Rule::ZeroShare`] naming nobody; [`Rule::Malformed`] and
    /// [`Rule::SecretShare`] naming the sender.
    pub(super) fn finish(
        self,
        inbox: &Inbox<ShareMessage>,
    ) -> Result<(AwaitingConfirmations<S>, Outbox), Fault> {
        let Self { secret, packages, sum, view, setting } = self;
        // Check 3.2
        for (from, message) in inbox.iter() {
            let fault = Fault::of(from, Rule::KeygenPackages);
            setting.checks.enforce(message.view == view, fault)?;
        }
        // Check 3.3
        let mut shares = BTreeMap::new();
        for (from, message) in inbox.iter() {
            let share = SigningShare::<S>::deserialize(message.share.expose());
            let share = share.map_err(|_| Fault::of(from, Rule::Malformed))?;
            shares.insert(identifier::<S>(from), round2::Package::new(share));
        }
        // Check 3.4
        let key = checked_sum(&secret, &packages, &shares, setting.checks);
        let share = share_bytes(&key.map_err(|error| fault_of(&error, &setting.parties))?);
        // Check 3.5
        let own = sum.verification_share(setting.me);
        let usable = !own.is_identity();
        setting.checks.enforce(usable, Fault::of_nobody(Rule::ZeroShare))?;

        // Send 4
        let commitments = sum.encode();
        let parts = commitments.iter().map(Vec::as_slice);
        let transcript = hash_all(DKG_TRANSCRIPT, [setting.id.as_slice(), &view].into_iter().chain(parts));
        let message = ConfirmMessage { transcript, verification_share: own.encode() };
        let outbox = setting.broadcast(round4_confirm::ROUND, &message.encode());
        Ok((AwaitingConfirmations { share, sum, transcript, setting }, outbox))
    }
}

/// This party's share of the key; frost verifies each part of it before it adds.
fn checked_sum<S: Suite>(
    secret: &round2::SecretPackage<S>,
    packages: &BTreeMap<Identifier<S>, round1::Package<S>>,
    shares: &BTreeMap<Identifier<S>, round2::Package<S>>,
    checks: Checks,
) -> Result<SigningShare<S>, Error<S>> {
    #[cfg(feature = "sim")]
    if checks.leaves_out(Rule::SecretShare) {
        return super::left_out::sum_of_shares(secret, shares);
    }
    // The shipped type of `checks` leaves nothing out.
    let _ = checks;
    part3(secret, packages, shares).map(|(key, _)| *key.signing_share())
}
