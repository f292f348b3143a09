//! Message passing between simulated parties.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use rand_core::CryptoRngCore;

use super::lies::{Liar, Lie};
use super::memory::InFlight;
use super::{Cluster, setup_context};
use crate::ecdsa::combine::combine_with;
use crate::ecdsa::{
    OnlineRequest, Pair, PairSetup, PartialSignature, PresignSession, Presignature, SetupStep, Signature,
};
use crate::fault::{Checks, Fault};
use crate::group::Curve;
use crate::party::{PartyIndex, SignerSet};
use crate::round::Step;

/// How a presigning ended for each signer.
pub struct Outcome<C: Curve> {
    /// Of those that finished.
    pub presignatures: BTreeMap<PartyIndex, Presignature<C>>,
    /// Of those that found a fault.
    pub faults: BTreeMap<PartyIndex, Fault>,
}

/// Runs a pair set-up. `tamper` sees every message with its sender, before delivery.
pub fn pair_up(
    low: PartyIndex,
    high: PartyIndex,
    checks: Checks,
    tamper: &mut dyn FnMut(PartyIndex, &mut Vec<u8>),
    rng: &mut dyn CryptoRngCore,
) -> (Result<Pair, Fault>, Result<Pair, Fault>) {
    let (of_low, to_high) = PairSetup::start(setup_context(low, high, checks), rng);
    let (of_high, to_low) = PairSetup::start(setup_context(high, low, checks), rng);
    let mut states = (SetupStep::Continue(of_low, to_high), SetupStep::Continue(of_high, to_low));
    loop {
        let (of_low, mut to_high, of_high, mut to_low) = match states {
            (SetupStep::Continue(of_low, to_high), SetupStep::Continue(of_high, to_low)) => {
                (of_low, to_high, of_high, to_low)
            }
            (low, high) => return (finished(low), finished(high)),
        };
        tamper(low, &mut to_high);
        tamper(high, &mut to_low);
        states = match (of_low.handle(&to_low, rng), of_high.handle(&to_high, rng)) {
            (Ok(low), Ok(high)) => (low, high),
            (low, high) => return (low.and_then(finished), high.and_then(finished)),
        };
    }
}

/// The pair of a finished set-up. One that was left alone ends without a verdict on anybody.
fn finished(step: SetupStep) -> Result<Pair, Fault> {
    match step {
        SetupStep::Done(pair) => Ok(pair),
        SetupStep::Continue(..) => Err(Fault::of_nobody(crate::fault::Rule::PairDead)),
    }
}

/// Runs one presigning; with a lie, the last signer is the liar.
///
/// # Panics
/// When `signers` is not an exact signer set of the cluster with live pairs.
pub fn presign<C: Curve>(
    cluster: &mut Cluster<C>,
    signers: &SignerSet,
    number: u64,
    checks: Checks,
    lie: Option<Lie>,
    rng: &mut dyn CryptoRngCore,
) -> Outcome<C> {
    presign_watched(cluster, signers, number, checks, lie, rng, &mut |_| {})
}

/// [`presign`], with `watch` seeing every message before its receiver, and free to replace it.
///
/// # Panics
/// As [`presign`].
pub fn presign_watched<C: Curve>(
    cluster: &mut Cluster<C>,
    signers: &SignerSet,
    number: u64,
    checks: Checks,
    lie: Option<Lie>,
    rng: &mut dyn CryptoRngCore,
    watch: &mut dyn FnMut(&mut InFlight<'_, C>),
) -> Outcome<C> {
    let mut liar = lie.zip(signers.iter().next_back()).map(|(lie, party)| Liar::new(lie, party));
    if let Some(liar) = &liar {
        liar.before_start(cluster);
    }
    let mut sessions = BTreeMap::new();
    let mut wire = VecDeque::new();
    for me in signers.iter() {
        let context = cluster.presign_context(signers, me, number, checks);
        let party = cluster.parties.get_mut(&me).expect("signers are parties");
        let (session, outbox) = PresignSession::start(context, &party.share, &mut party.pairs, rng)
            .expect("the caller gives an exact signer set with live pairs");
        sessions.insert(me, session);
        wire.extend(outbox.into_iter().map(|(to, message)| (me, to, message)));
    }
    if let Some(liar) = &mut liar {
        liar.after_start(&mut sessions);
    }
    let mut outcome = Outcome { presignatures: BTreeMap::new(), faults: BTreeMap::new() };
    while let Some((from, to, mut message)) = wire.pop_front() {
        if let Some(liar) = liar.as_ref().filter(|liar| liar.party == from) {
            liar.alter::<C>(to, &mut message);
        }
        let (session, parties) = (sessions.get(&to), &mut cluster.parties);
        watch(&mut InFlight { from, to, message: &mut message, session, parties });
        let Some(session) = sessions.remove(&to) else { continue };
        let party = cluster.parties.get_mut(&to).expect("signers are parties");
        let outbox = match session.receive(from, &message, &mut party.pairs, rng) {
            Ok(Step::Next(session, outbox)) => {
                sessions.insert(to, session);
                outbox
            }
            Ok(Step::Done(presignature, outbox)) => {
                outcome.presignatures.insert(to, presignature);
                outbox
            }
            Err(fault) => {
                outcome.faults.insert(to, fault);
                continue;
            }
        };
        wire.extend(outbox.into_iter().map(|(receiver, message)| (to, receiver, message)));
    }
    outcome
}

/// The client's step with one check left out.
///
/// # Errors
/// As [`crate::ecdsa::combine`].
pub fn combine<C: Curve>(
    answers: &[(PartyIndex, PartialSignature<C>)],
    request: &OnlineRequest<C>,
    checks: Checks,
) -> Result<Signature<C>, Fault> {
    combine_with(answers, request, checks)
}
