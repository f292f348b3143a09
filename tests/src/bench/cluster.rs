//! All parties of a key in one process: the shipped protocols, with a queue for a network.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context as _, Result, anyhow};
use rand_core::{OsRng, RngCore as _};
use threshold::codec::scalar_from_bytes;
use threshold::dkg::{DkgContext, DkgCurve, DkgOutput, DkgSession, Progress};
use threshold::ecdsa::presign::{PresignContext, PresignSession, Presignature};
use threshold::ecdsa::{
    BootId, OnlineRequest, PairSetup, Pairs, PartialSignature, SetupContext, SetupStep, Signature, answer,
    combine,
};
use threshold::fault::Checks;
use threshold::group::{Curve, Point};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::round::{Outbox, Step};
use threshold::secret::Secret;

/// Messages on their way: sender, receiver, bytes.
type Wire = VecDeque<(PartyIndex, PartyIndex, Vec<u8>)>;

/// One key and its parties.
pub struct Cluster<C: Curve> {
    threshold: Threshold,
    public_key: C::Point,
    shares: BTreeMap<PartyIndex, Secret<C::Scalar>>,
    pairs: BTreeMap<PartyIndex, Pairs>,
    /// Presignings begun: each has its own number.
    begun: u64,
}

/// A presignature of each signer, and the bytes that making it took.
pub struct Presigned<C: Curve> {
    pub presignatures: BTreeMap<PartyIndex, Presignature<C>>,
    pub bytes: usize,
}

/// Generates a key among all parties: one output each.
pub fn generate(threshold: Threshold, curve: DkgCurve) -> Result<BTreeMap<PartyIndex, DkgOutput>> {
    let [mut session_id, mut key_id] = [[0; 32]; 2];
    OsRng.fill_bytes(&mut session_id);
    OsRng.fill_bytes(&mut key_id);
    let context = |me| DkgContext {
        cluster_id: CLUSTER_ID,
        session_id,
        key_id: KEY_ID,
        epoch: 1,
        threshold,
        curve,
        purpose: [0; 32],
        me,
    };
    let (mut sessions, mut wire, mut outputs) = (BTreeMap::new(), Wire::new(), BTreeMap::new());
    for me in threshold.all().iter() {
        let (session, outbox) = DkgSession::start(&context(me), &mut OsRng)?;
        sessions.insert(me, session);
        send(&mut wire, me, outbox);
    }
    while let Some((from, to, message)) = wire.pop_front() {
        let session = sessions.get_mut(&to).context("every party has a session")?;
        match session.receive(from, &message)? {
            Progress::Continue(outbox) => send(&mut wire, to, outbox),
            Progress::Done(output, outbox) => {
                outputs.insert(to, output);
                send(&mut wire, to, outbox);
            }
        }
    }
    Ok(outputs)
}

/// A pair set-up between every two parties.
pub fn pair_all(threshold: Threshold) -> Result<BTreeMap<PartyIndex, Pairs>> {
    let all = threshold.all();
    let mut pairs: BTreeMap<_, _> = all.iter().map(|party| (party, Pairs::new())).collect();
    for low in all.iter() {
        for high in all.iter().filter(|high| low < *high) {
            let start = |me, peer| PairSetup::start(setup_context(me, peer), &mut OsRng);
            let (of_low, to_high) = start(low, high);
            let (of_high, to_low) = start(high, low);
            let mut steps = (SetupStep::Continue(of_low, to_high), SetupStep::Continue(of_high, to_low));
            let (of_low, of_high) = loop {
                steps = match steps {
                    (SetupStep::Continue(of_low, to_high), SetupStep::Continue(of_high, to_low)) => {
                        (of_low.handle(&to_low, &mut OsRng)?, of_high.handle(&to_high, &mut OsRng)?)
                    }
                    (SetupStep::Done(of_low), SetupStep::Done(of_high)) => break (of_low, of_high),
                    _ => return Err(anyhow!("one side finished before the other")),
                };
            };
            for (party, pair) in [(low, of_low), (high, of_high)] {
                pairs.entry(party).or_default().insert(pair);
            }
        }
    }
    Ok(pairs)
}

impl<C: Curve> Cluster<C> {
    pub fn new(threshold: Threshold, curve: DkgCurve) -> Result<Self> {
        let outputs = generate(threshold, curve)?;
        let first = outputs.values().next().context("a cluster has parties")?;
        // As in a client that has signed with this key a few times.
        let public_key = C::Point::decode(&first.public_key).context("public key")?.with_multiples();
        let scalar = |output: &DkgOutput| scalar_from_bytes::<C>(output.share.expose()).map(Secret::new);
        let shares =
            outputs.iter().map(|(party, output)| Ok((*party, scalar(output)?))).collect::<Result<_>>()?;
        Ok(Self { threshold, public_key, shares, pairs: pair_all(threshold)?, begun: 0 })
    }

    /// The first T parties.
    fn signers(&self) -> Result<SignerSet> {
        Ok(SignerSet::new(self.threshold.all().iter().take(self.threshold.needed().into()))?)
    }

    /// One presigning with `RHO` check columns.
    pub fn presign<const RHO: usize>(&mut self) -> Result<Presigned<C>> {
        self.begun += 1;
        let signers = self.signers()?;
        let (mut sessions, mut wire, mut bytes) = (BTreeMap::new(), Wire::new(), 0);
        for me in signers.iter() {
            let context = PresignContext {
                cluster_id: CLUSTER_ID,
                key_id: KEY_ID,
                epoch: 1,
                public_key: self.public_key.clone(),
                threshold: self.threshold,
                signers: signers.clone(),
                me,
                boot_ids: signers.iter().map(|party| (party, boot_id(party))).collect(),
                block_id: [0; 16],
                client: CLIENT,
                number: self.begun,
                witness: None,
                checks: Checks::all(),
            };
            let share = self.shares.get(&me).context("a share")?;
            let pairs = self.pairs.get_mut(&me).context("pairs")?;
            let (session, outbox) =
                PresignSession::<C, RHO>::start_with_columns(context, share, pairs, &mut OsRng)?;
            sessions.insert(me, session);
            send(&mut wire, me, outbox);
        }
        let mut presignatures = BTreeMap::new();
        while let Some((from, to, message)) = wire.pop_front() {
            bytes += message.len();
            let session = sessions.remove(&to).context("a session that is still open")?;
            let pairs = self.pairs.get_mut(&to).context("pairs")?;
            match session.receive(from, &message, pairs, &mut OsRng)? {
                Step::Next(session, outbox) => {
                    sessions.insert(to, session);
                    send(&mut wire, to, outbox);
                }
                Step::Done(presignature, outbox) => {
                    presignatures.insert(to, presignature);
                    send(&mut wire, to, outbox);
                }
            }
        }
        Ok(Presigned { presignatures, bytes })
    }

    /// The client's request for one digest.
    pub fn request(&self, digest: &[u8]) -> Result<OnlineRequest<C>> {
        let mut request_nonce = [0; 32];
        OsRng.fill_bytes(&mut request_nonce);
        Ok(OnlineRequest {
            cluster_id: CLUSTER_ID,
            key_id: KEY_ID,
            epoch: 1,
            public_key: self.public_key.clone(),
            signers: self.signers()?,
            client: CLIENT,
            mechanism: 0x1041,
            digest: digest.to_vec(),
            request_nonce,
        })
    }

    /// The online step of all signers and the client, which verifies.
    pub fn sign(
        &self,
        presignatures: BTreeMap<PartyIndex, Presignature<C>>,
        request: &OnlineRequest<C>,
    ) -> Result<Signature<C>> {
        let mut answers = Vec::with_capacity(presignatures.len());
        for (party, presignature) in presignatures {
            let pairs = self.pairs.get(&party).context("pairs")?;
            let sent = answer(presignature, pairs, request)?.encode();
            let first = answers.first().map(|(_, first)| first);
            answers.push((party, PartialSignature::decode_beside(&sent, first)?));
        }
        Ok(combine(&answers, request)?)
    }
}

fn setup_context(me: PartyIndex, peer: PartyIndex) -> SetupContext {
    SetupContext {
        cluster_id: CLUSTER_ID,
        epoch: 1,
        me,
        peer,
        my_boot: boot_id(me),
        peer_boot: boot_id(peer),
        checks: Checks::all(),
    }
}

fn boot_id(party: PartyIndex) -> BootId {
    [party.get(); 16]
}

fn send(wire: &mut Wire, from: PartyIndex, outbox: Outbox) {
    wire.extend(outbox.into_iter().map(|(to, message)| (from, to, message)));
}

pub const CLUSTER_ID: [u8; 32] = [1; 32];
const KEY_ID: [u8; 16] = [2; 16];
const CLIENT: [u8; 32] = [3; 32];
