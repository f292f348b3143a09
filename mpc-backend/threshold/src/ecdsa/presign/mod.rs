//! Presigning (specification, section 6): two rounds, without the message.
//!
//! | round | file | sends to each peer | kind |
//! |---|---|---|---|
//! | 1 | `round1_commit` | nonce, commitment; extension message | broadcast + direct |
//! | 2 | `round2_open` | R, salt, pk, T1; reply, Gamma points, psi | broadcast + direct |
//! | output | `output` | nothing | |
//!
//! A broadcast travels in the same message as the direct part. That is safe without a broadcast
//! channel: round 1 is echoed by its hash T1 inside round 2, and round 2 by T2, the presignature's
//! id, on which the answers must agree.

mod output;
pub(crate) mod round1_commit;
pub(crate) mod round2_open;
pub(crate) mod session;

use alloc::collections::BTreeMap;

pub use self::output::Presignature;
pub use self::session::PresignSession;
use super::BootId;
use super::pair::{Pair, PairKey, Pairs};
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::group::{Curve, Point};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::presigning::{SessionContext, Witness};
use crate::transcript::{Label, PRESIGN_ID, PRESIGN_PAIR, hash, hash_to_scalar};

/// What all signers of a presignature agree on before they begin.
#[derive(Clone)]
pub struct PresignContext<C: Curve> {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Refreshes of the key so far.
    pub epoch: u64,
    /// Q.
    pub public_key: C::Point,
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

impl<C: Curve> PresignContext<C> {
    fn session(&self) -> SessionContext {
        SessionContext {
            cluster_id: self.cluster_id,
            key_id: self.key_id,
            epoch: self.epoch,
            threshold: self.threshold,
            signers: self.signers.clone(),
            me: self.me,
            boot_ids: self.boot_ids.clone(),
            block_id: self.block_id,
            client: self.client,
            number: self.number,
            witness: self.witness,
            checks: self.checks,
        }
    }

    /// The local checks that precede everything.
    fn validate(&self, pairs: &Pairs) -> Result<(), Misuse> {
        self.session().validate(pairs).map(drop)
    }

    /// pid: [`SessionContext::id`].
    fn id(&self) -> [u8; 32] {
        self.session().id(PRESIGN_ID, C::NAME, &self.public_key.encode())
    }

    fn peers(&self) -> impl Iterator<Item = PartyIndex> + Clone + '_ {
        self.signers.peers_of(self.me)
    }
}

/// What stays the same through one session.
pub(crate) struct Session<C: Curve> {
    pub(crate) context: PresignContext<C>,
    /// pid.
    pub(crate) id: [u8; 32],
    /// Sigma of each pair at the start: a pair that was replaced since is not used.
    pub(crate) pair_ids: BTreeMap<PartyIndex, [u8; 32]>,
}

impl<C: Curve> Session<C> {
    #[cfg(feature = "sim")]
    pub(crate) fn duplicate(&self) -> Self {
        Self { context: self.context.clone(), id: self.id, pair_ids: self.pair_ids.clone() }
    }

    fn enforce(&self, held: bool, fault: Fault) -> Result<(), Fault> {
        self.context.checks.enforce(held, fault)
    }

    /// The live pair with `peer` that this session began with.
    fn pair<'a>(&self, pairs: &'a mut Pairs, peer: PartyIndex) -> Result<&'a mut Pair, Fault> {
        let id = self.pair_ids.get(&peer).ok_or(Fault::of_nobody(Rule::PairDead))?;
        pairs.same(peer, id)
    }

    /// A check whose failure is the peer's fault and kills the pair before anything else happens.
    fn enforce_or_kill(&self, pair: &mut Pair, held: bool, rule: Rule) -> Result<(), Fault> {
        self.enforce(held, Fault::of(pair.peer(), rule)).inspect_err(|_| pair.kill())
    }

    /// Sender and value of everybody's broadcast in order of position, mine included.
    fn in_order<'a, M>(
        &'a self,
        mine: &'a M,
        of: impl Fn(PartyIndex) -> Option<&'a M> + 'a,
    ) -> impl Iterator<Item = (PartyIndex, &'a M)> + 'a {
        self.context.signers.iter().filter_map(move |party| {
            let value = if party == self.context.me { Some(mine) } else { of(party) };
            Some((party, value?))
        })
    }
}

/// H(presign/pair; pid, Sigma): the session and the pair set-up that a first message is made for.
pub(crate) fn binding(id: &[u8; 32], pair: &[u8; 32]) -> [u8; 32] {
    hash(PRESIGN_PAIR, &[id, pair])
}

/// One peer's part of a share of zero: sgn(i, j) H2S(label; K_ij, binding). The parts of all
/// members sum to zero.
pub(crate) fn zero_part<C: Curve>(
    label: Label,
    me: PartyIndex,
    peer: PartyIndex,
    key: &PairKey,
    binding: &[u8; 32],
) -> C::Scalar {
    let part = hash_to_scalar::<C>(label, &[key.expose(), binding]);
    if me < peer { part } else { -part }
}
