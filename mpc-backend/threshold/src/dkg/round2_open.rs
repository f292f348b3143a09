//! Round 2: packages are opened, with the echo of all commitments (`spec/dkg.md`).
//!
//! Proves that each package was fixed before any was seen, and that its sender knows the constant
//! term. A party whose opening, package or proof is wrong is named; different echoes name nobody.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use frost_core::keys::dkg::{part2, round1};

use super::context::{Setting, framed};
use super::round1_commit::{Opening, commitment};
use super::round3_share::{self, AwaitingShares, ShareMessage};
use super::suite::{Suite, UncheckedPackage, decode_package, fault_of, identifier};
use crate::codec::{DecodeError, Reader, Writer};
use crate::fault::{Fault, Rule};
use crate::party::PartyIndex;
use crate::round::{Inbox, Outbox};
use crate::sharing::Commitments;
use crate::transcript::{DKG_PACKAGES, HASH_BYTES, hash_all};

/// Number of this round on the wire.
pub(super) const ROUND: u8 = 2;

/// Body of the round's message.
pub(super) struct OpenMessage {
    /// Hash over all commitments as the sender saw them.
    pub(super) view: [u8; HASH_BYTES],
    /// Salt and package that the sender's commitment hides.
    pub(super) opening: Opening,
}

impl OpenMessage {
    /// Bytes without the package.
    pub(super) const FIXED_BYTES: usize = 2 * HASH_BYTES;

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::FIXED_BYTES + self.opening.package.len());
        writer.bytes(&self.view).bytes(&self.opening.salt).bytes(&self.opening.package);
        writer.finish()
    }

    pub(super) fn decode(body: &[u8], package_bytes: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let view = reader.array()?;
        let salt = reader.array()?;
        let package = reader.bytes(package_bytes)?.to_vec();
        reader.finish()?;
        Ok(Self { view, opening: Opening { salt, package } })
    }
}

/// Waits for the peers' openings.
pub(super) struct AwaitingOpenings<S: Suite> {
    pub(super) secret: round1::SecretPackage<S>,
    pub(super) opening: Opening,
    pub(super) commitments: BTreeMap<PartyIndex, [u8; HASH_BYTES]>,
    pub(super) view: [u8; HASH_BYTES],
    pub(super) setting: Setting,
}

impl<S: Suite> AwaitingOpenings<S> {
    /// # Errors
    /// [`Rule::KeygenCommitments`] and [`Rule::KeygenZero`] naming nobody; [`Rule::KeygenOpening`], [`Rule::Malformed`] and
    /// [`Rule::ProofOfPossession`] naming the sender.
    pub(super) fn finish(self, inbox: &Inbox<OpenMessage>) -> Result<(AwaitingShares<S>, Outbox), Fault> {
        let packages = self.checked_packages(inbox)?;
        let Self { secret, opening, view, setting, .. } = self;
        let view = packages_view(&setting, &view, &opening, inbox);
        let own = decode_package::<S>(&opening.package, setting.threshold);
        let own = own.map_err(|_| Fault::of_nobody(Rule::Malformed))?;
        let mut polynomials = alloc::vec![own.commitments];
        let mut frost_packages = BTreeMap::new();
        for (party, package) in packages {
            polynomials.push(package.commitments);
            frost_packages.insert(identifier::<S>(party), package.frost);
        }
        // Check 2.5, and the shares: frost verifies each proof before it evaluates.
        #[cfg(feature = "sim")]
        let part2 = if setting.checks.leaves_out(Rule::ProofOfPossession) {
            super::left_out::part2_without_proofs
        } else {
            part2
        };
        let (secret, shares) =
            part2(secret, &frost_packages).map_err(|error| fault_of(&error, &setting.parties))?;
        // Check 2.6
        let sum = Commitments::sum(&polynomials).ok_or(Fault::of_nobody(Rule::Malformed))?;
        setting.checks.enforce(!sum.holds_identity(), Fault::of_nobody(Rule::KeygenZero))?;

        // Send 3
        let mut outbox = Outbox::default();
        for peer in setting.peers() {
            let share = shares.get(&identifier::<S>(peer)).expect("frost answers every package with a share");
            let share = round3_share::share_bytes(share.signing_share());
            let message = ShareMessage { view, share };
            outbox.push(peer, framed(round3_share::ROUND, &message.encode()));
        }
        Ok((AwaitingShares { secret, packages: frost_packages, sum, view, setting }, outbox))
    }

    /// Checks 2.2 to 2.4.
    fn checked_packages(
        &self,
        inbox: &Inbox<OpenMessage>,
    ) -> Result<BTreeMap<PartyIndex, UncheckedPackage<S>>, Fault> {
        let setting = &self.setting;
        // Check 2.2
        for (from, message) in inbox.iter() {
            let fault = Fault::of(from, Rule::KeygenCommitments);
            setting.checks.enforce(message.view == self.view, fault)?;
        }
        let mut packages = BTreeMap::new();
        for (from, message) in inbox.iter() {
            // Check 2.3
            let committed = self.commitments.get(&from);
            let opens = committed == Some(&commitment(setting, from, &message.opening));
            setting.checks.enforce(opens, Fault::of(from, Rule::KeygenOpening))?;
            // Check 2.4
            let package = decode_package::<S>(&message.opening.package, setting.threshold);
            packages.insert(from, package.map_err(|_| Fault::of(from, Rule::Malformed))?);
        }
        Ok(packages)
    }
}

/// Hash over the view of round 1 and every opening, by party.
fn packages_view(
    setting: &Setting,
    view: &[u8; HASH_BYTES],
    own: &Opening,
    inbox: &Inbox<OpenMessage>,
) -> [u8; HASH_BYTES] {
    let mut openings: BTreeMap<PartyIndex, &Opening> =
        inbox.iter().map(|(from, message)| (from, &message.opening)).collect();
    openings.insert(setting.me, own);
    let parts = openings.values().flat_map(|opening| [opening.salt.as_slice(), &opening.package]);
    hash_all(DKG_PACKAGES, [setting.id.as_slice(), view].into_iter().chain(parts))
}
