//! What all signers of a presignature agree on before they begin, whatever the scheme (nonce rule R2).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::codec::Writer;
use crate::ecdsa::pair::Boots;
use crate::ecdsa::{BootId, Pairs};
use crate::fault::{Checks, Misuse};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::transcript::{Label, hash};

/// A node outside the signer set without whose grant no signer answers (nonce rule R3, strict mode).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witness {
    /// Who.
    pub party: PartyIndex,
    /// The book in which it writes what it granted: fresh at each of its starts.
    pub book: [u8; 16],
}

impl Witness {
    fn to_bytes(self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.bytes(&self.party.to_bytes()).bytes(&self.book);
        writer.finish()
    }
}

/// The session of one presignature, but for the key's public half.
#[derive(Clone)]
pub struct SessionContext {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Refreshes of the key so far.
    pub epoch: u64,
    /// T-of-N of the key.
    pub threshold: Threshold,
    /// The exact T signers.
    pub signers: SignerSet,
    /// This party.
    pub me: PartyIndex,
    /// Boot ids of exactly the signers.
    pub boot_ids: BTreeMap<PartyIndex, BootId>,
    /// The block of presignatures that this one belongs to.
    pub block_id: [u8; 16],
    /// Identity of the client to whom all signers assigned the block.
    pub client: [u8; 32],
    /// Position of this presignature; the caller never starts one number of a block twice.
    pub number: u64,
    /// In strict mode, who must grant its use.
    pub witness: Option<Witness>,
    /// [`Checks::all`], except in simulations.
    pub checks: Checks,
}

/// Sigma of the pair with each peer at the start: a pair that was replaced since is not used.
pub(crate) type PairIds = BTreeMap<PartyIndex, [u8; 32]>;

impl SessionContext {
    /// The local checks that precede everything.
    pub(crate) fn validate(&self, pairs: &Pairs) -> Result<PairIds, Misuse> {
        let in_range = self.signers.iter().all(|party| party.get() <= self.threshold.parties());
        if self.signers.len() != usize::from(self.threshold.needed()) || !in_range {
            return Err(Misuse::SignerSet);
        }
        if !self.signers.contains(self.me) {
            return Err(Misuse::NotASigner);
        }
        let outside = |witness: &Witness| {
            witness.party.get() <= self.threshold.parties() && !self.signers.contains(witness.party)
        };
        if !self.witness.as_ref().is_none_or(outside) {
            return Err(Misuse::Witness);
        }
        if !self.boot_ids.keys().copied().eq(self.signers.iter()) {
            return Err(Misuse::BootIds);
        }
        let boot = |party| self.boot_ids.get(&party).copied().ok_or(Misuse::BootIds);
        let mut ids = PairIds::new();
        for peer in self.signers.peers_of(self.me) {
            let pair = pairs.get(peer).filter(|pair| !pair.is_dead()).ok_or(Misuse::NoPair(peer))?;
            let boots = Boots { mine: boot(self.me)?, peers: boot(peer)? };
            if !pair.was_made_by(boots) {
                return Err(Misuse::BootIds);
            }
            ids.insert(peer, *pair.id());
        }
        Ok(ids)
    }

    /// pid: binds the session to group, key, set, epochs, boots, block, client, number and witness.
    ///
    /// DEVIATION D11: without the sids of the pairs. A party knows only those of its own pairs;
    /// each enters what is made of its own pair instead.
    pub(crate) fn id(&self, label: Label, group: &str, public_key: &[u8]) -> [u8; 32] {
        let mut boots = Writer::default();
        self.boot_ids.values().for_each(|boot| {
            boots.bytes(boot);
        });
        let witness = self.witness.map(Witness::to_bytes).unwrap_or_default();
        let parts: [&[u8]; 11] = [
            group.as_bytes(),
            &self.cluster_id,
            &self.key_id,
            &self.epoch.to_be_bytes(),
            public_key,
            &self.signers.to_bytes(),
            &boots.finish(),
            &self.block_id,
            &self.client,
            &self.number.to_be_bytes(),
            &witness,
        ];
        hash(label, &parts)
    }
}
