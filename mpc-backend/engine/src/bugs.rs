//! Planted bugs: what the simulation must find. Without feature `sim` a [`Bugs`] has no content, every
//! question to it is `false` at compile time, and there is no way to plant anything.

use threshold::fault::Checks;
#[cfg(feature = "sim")]
use threshold::fault::Rule;

/// Stands in the version that a test build reports, and so in its binary: a shipped one has it nowhere.
#[cfg(feature = "sim")]
pub const MARKER: &str = "counterfoil-test-build-with-planted-bugs";

/// One deliberate mistake of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg(feature = "sim")]
pub enum Bug {
    /// A numbered check of the specifications is left out.
    Unchecked(Rule),
    /// R1: a presignature is written to the store.
    PresignatureOnDisk,
    /// R2: presignatures outlive the boot of a member.
    KeptAfterRestart,
    /// R3: a presignature stays in its pool when it is taken.
    NotRemoved,
    /// R3: ids made for one client are given to every client.
    OtherClient,
    /// R3, strict mode: a signer answers without its witness's grant.
    NoGrant,
    /// R3, strict mode: a witness grants a presignature to every request.
    GrantedTwice,
    /// R5: the randomness of a presigning depends on the key and the signers only.
    CopiedRandomness,
    /// R6: a presigning's number is accepted again.
    NumberTwice,
    /// R6: a request whose presignature is gone is answered from a kept copy.
    AnswerKept,
    /// R7: the caps on presignatures are not enforced.
    NoCaps,
    /// R8: the randomness of a presigning follows from the key and its number, as in RFC 6979.
    Deterministic,
    /// R9: answers go out without their zero-shares.
    NoMasks,
    /// dprf 2.3: an input to encrypt is evaluated whatever nonce it has.
    AnyNonce,
    /// KMS: a pair signs, agrees and decrypts without a statement of the client.
    NoStatement,
    /// R10: a signer set is not held against T, the order of its members and this node's own place.
    AnySigners,
    /// An RSA key that was made ahead stays in its pool when it is taken.
    ModulusKept,
}

/// Which bug is planted in this node: none, in a build without feature `sim`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bugs {
    #[cfg(feature = "sim")]
    planted: Option<Bug>,
}

impl Bugs {
    /// The checks of the protocols that this node enforces.
    pub(crate) fn checks(self) -> Checks {
        #[cfg(feature = "sim")]
        if let Some(Bug::Unchecked(rule)) = self.planted {
            return Checks::all_but(rule);
        }
        Checks::all()
    }
}

/// The version to report.
pub(crate) fn software(version: String) -> String {
    #[cfg(feature = "sim")]
    return format!("{version} {MARKER}");
    #[cfg(not(feature = "sim"))]
    version
}

#[cfg(feature = "sim")]
pub(crate) use planting::Kept;
#[cfg(feature = "sim")]
pub use planting::Sizes;

#[cfg(feature = "sim")]
mod planting {
    use std::collections::BTreeMap;

    use rand_core::{CryptoRng, RngCore, impls};
    use sha2::{Digest, Sha256};
    use threshold::ecdsa::Pairs;
    use threshold::signing::{self, Presignature, SessionContext};
    use threshold::sim;
    use zeroize::Zeroizing;

    use super::{Bug, Bugs};
    use crate::effect::{Effect, Write};
    use crate::engine::Engine;
    use crate::input::NodeIndex;
    use crate::peers::Why;
    use crate::sessions::PoolKey;

    /// Copies of presignatures, by id, with the nonce of the request that took each.
    pub(crate) type Kept = BTreeMap<[u8; 32], ([u8; 32], Presignature)>;

    /// How much a node holds in memory for others.
    #[derive(Clone, Copy, Debug)]
    pub struct Sizes {
        /// Messages before their session, of the peer with the most.
        pub early_messages: usize,
        /// Their bytes.
        pub early_bytes: usize,
        /// Orders that wait.
        pub orders: usize,
        /// Presignings on their way.
        pub presigns: usize,
        /// Generations on their way.
        pub generations: usize,
        /// Presignatures.
        pub presignatures: usize,
    }

    impl Engine {
        /// How much this node holds for others now.
        pub fn sizes(&self) -> Sizes {
            let sessions = &self.sessions;
            let (early_messages, early_bytes) = sessions.early.size();
            Sizes {
                early_messages,
                early_bytes,
                orders: sessions.orders.len(),
                presigns: sessions.presigns.len(),
                generations: sessions.generations.len(),
                presignatures: self.ready_with(None),
            }
        }

        /// Whether this node holds a share of a key.
        pub fn holds_share(&self, key_id: &[u8]) -> bool {
            self.shares.get(key_id).is_some()
        }

        /// Presignatures, all or those of sets with this peer.
        pub fn ready_with(&self, peer: Option<NodeIndex>) -> usize {
            self.sessions.pools.ready_with(peer)
        }

        /// Copies of this node's pair set-ups, as they were before their first session.
        pub fn pairs(&self) -> Pairs {
            sim::duplicate_pairs(&self.sessions.pairs)
        }

        /// Begins with pair set-ups that were made before: both nodes of each must, with the boot ids that
        /// they had then.
        pub fn adopt_pairs(&mut self, pairs: &Pairs) {
            self.sessions.pairs = sim::duplicate_pairs(pairs);
        }

        /// Plants a bug in this node, from now on.
        pub fn plant(&mut self, bug: Bug) {
            self.me.bugs = Bugs { planted: Some(bug) };
        }

        /// What a node with the planted bug takes for `id`.
        pub(crate) fn after_take(
            &mut self,
            pool: &PoolKey,
            id: &[u8; 32],
            request: &[u8; 32],
            taken: Option<Presignature>,
        ) -> Option<Presignature> {
            let bugs = self.me.bugs;
            if let Some(presignature) = taken {
                if bugs.has(Bug::NotRemoved) || bugs.has(Bug::AnswerKept) {
                    self.kept.insert(*id, (*request, signing::duplicate(&presignature)));
                }
                return Some(presignature);
            }
            if bugs.has(Bug::OtherClient) {
                let clients: Vec<_> = self.registry.clients().collect();
                return clients
                    .into_iter()
                    .find_map(|client| self.take_presignature(&PoolKey { client, ..pool.clone() }, id));
            }
            let (first, presignature) = self.kept.get(id)?;
            (bugs.has(Bug::NotRemoved) || first == request).then(|| signing::duplicate(presignature))
        }

        /// Writes what must never be written.
        pub(crate) fn leak_to_disk(&mut self, pool: &PoolKey, presignature: &Presignature) {
            if self.me.bugs.has(Bug::PresignatureOnDisk) {
                let value = Some(Zeroizing::new(signing::stored_form(presignature)));
                let key = [pool.key_id.as_slice(), presignature.id()].concat();
                let ticket = self.ticket();
                let writes = vec![Write { table: crate::persist::SHARE, key, value }];
                self.emit(Effect::Persist { ticket, writes });
            }
        }
    }

    impl Bugs {
        pub(crate) fn has(self, bug: Bug) -> bool {
            self.planted == Some(bug)
        }

        pub(crate) fn forgives(self, bug: Bug, why: Why) -> Result<(), Why> {
            if self.has(bug) { Ok(()) } else { Err(why) }
        }

        /// The randomness of a presigning with a bug.
        pub(crate) fn predictable(self, context: &SessionContext, share: &[u8]) -> Option<Predictable> {
            let (signers, number) = (context.signers.to_bytes(), context.number.to_be_bytes());
            match self.planted {
                Some(Bug::CopiedRandomness) => Some(Predictable::new([share, &context.key_id, &signers])),
                Some(Bug::Deterministic) => {
                    Some(Predictable::new([share, &context.key_id, &signers, number.as_slice()]))
                }
                _ => None,
            }
        }
    }

    /// Randomness that its seed determines.
    pub(crate) struct Predictable([u8; 32]);

    impl Predictable {
        fn new<const PARTS: usize>(parts: [&[u8]; PARTS]) -> Self {
            let mut seed = Sha256::new();
            parts.iter().for_each(|part| seed.update(part));
            Self(seed.finalize().into())
        }
    }

    impl RngCore for Predictable {
        fn next_u32(&mut self) -> u32 {
            impls::next_u32_via_fill(self)
        }

        fn next_u64(&mut self) -> u64 {
            impls::next_u64_via_fill(self)
        }

        fn fill_bytes(&mut self, dest: &mut [u8]) {
            for chunk in dest.chunks_mut(32) {
                self.0 = Sha256::digest(self.0).into();
                chunk.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
            }
        }

        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
            self.fill_bytes(dest);
            Ok(())
        }
    }

    impl CryptoRng for Predictable {}
}
