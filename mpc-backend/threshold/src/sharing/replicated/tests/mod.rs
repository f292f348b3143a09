//! Runs of whole set-ups and sessions, honest and with one liar. Party 1 lies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod honest;
mod keys;
mod layout;
mod lies;
mod wire;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use arith::integer::Integer;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

use super::audit::Account;
use super::keys::{EpochKeys, KeysContext, KeysSession, Progress};
use super::product::{Factors, Opened};
use super::session::Session;
use super::{Pieces, Shared};
use crate::fault::{Checks, Fault, Rule};
use crate::party::{PartyIndex, Threshold};
use crate::round::{Outbox, RawRound};

const LIAR: u8 = 1;

pub(crate) fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

fn threshold(needed: u8) -> Threshold {
    Threshold::new(needed, 2 * needed - 1).unwrap()
}

fn fault(rule: Rule) -> Option<Fault> {
    Some(Fault::of(party(LIAR), rule))
}

/// A message on its way; a lie changes it.
struct Wire<'a> {
    /// Key set-up: 1 to 3. Session: 0 for nonces, then one for each round.
    round: usize,
    from: u8,
    to: u8,
    message: &'a mut Vec<u8>,
}

impl Wire<'_> {
    fn is_lie_of(&self, round: usize) -> bool {
        self.from == LIAR && self.round == round
    }
}

type KeysResults = BTreeMap<u8, Result<EpochKeys, Fault>>;

/// Runs a key set-up; what every party ended with.
fn set_up(
    threshold: Threshold,
    checks: Checks,
    seed: u64,
    mut lie: impl FnMut(&mut Wire<'_>),
) -> KeysResults {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (mut sessions, mut queue) = (BTreeMap::new(), VecDeque::new());
    for me in threshold.all().iter() {
        let context =
            KeysContext { cluster_id: [1; 32], session_id: [seed as u8; 32], epoch: 3, threshold, me };
        let (session, outbox) = KeysSession::start(&context, checks, &mut rng).unwrap();
        sessions.insert(me, session);
        queue.extend(outbox.into_iter().map(|(to, message)| (me, to, message)));
    }
    let mut results = BTreeMap::new();
    while let Some((from, to, mut message)) = queue.pop_front() {
        let round = usize::from(message[0]);
        lie(&mut Wire { round, from: from.get(), to: to.get(), message: &mut message });
        let outbox = match sessions.get_mut(&to).unwrap().receive(from, &message) {
            Ok(Progress::Continue(outbox)) => outbox,
            Ok(Progress::Done(keys, outbox)) => {
                assert!(results.insert(to.get(), Ok(keys)).is_none());
                outbox
            }
            Err(fault) => {
                assert!(results.insert(to.get(), Err(fault)).is_none());
                continue;
            }
        };
        queue.extend(outbox.into_iter().map(|(next, message)| (to, next, message)));
    }
    results
}

pub(crate) fn honest_keys(needed: u8, seed: u64) -> Vec<Arc<EpochKeys>> {
    let results = set_up(threshold(needed), Checks::all(), seed, |_| ());
    results.into_values().map(|result| Arc::new(result.ok().unwrap())).collect()
}

/// The fault of every party in the round in which somebody found one.
type Faults = BTreeMap<u8, Option<Fault>>;

/// A party's verdict, and the sacrificed product.
type Checked = (Result<(), Fault>, Vec<Opened>);

/// All parties of a session in lockstep.
struct Run<L> {
    sessions: Vec<Session>,
    round: usize,
    lie: L,
}

impl<L: FnMut(&mut Wire<'_>)> Run<L> {
    fn start(keys: &[Arc<EpochKeys>], checks: Checks, seed: u64, lie: L) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut run = Self { sessions: Vec::new(), round: 0, lie };
        let started = keys.iter().map(|keys| {
            // The liar's own view is that of what it did not send.
            let liar = keys.me() == party(LIAR);
            let checks = if liar { Checks::all_but(Rule::SharingView) } else { checks };
            super::session::start(keys.clone(), [9; 32], checks, &mut rng)
        });
        let started = started.collect();
        let (states, inboxes) = run.exchange(started);
        let sessions = states.into_iter().zip(&inboxes).map(|(state, raw)| state.finish(raw).unwrap());
        run.sessions = sessions.collect();
        run
    }

    fn each<T>(&mut self, act: impl FnMut(&mut Session) -> T) -> Vec<T> {
        self.sessions.iter_mut().map(act).collect()
    }

    /// Sends every message; the inbox of each party.
    fn exchange<S>(&mut self, states: Vec<(S, Outbox)>) -> (Vec<S>, Vec<RawRound>) {
        let mut inboxes: Vec<RawRound> = states.iter().map(|_| RawRound::new()).collect();
        let (states, outboxes): (Vec<S>, Vec<Outbox>) = states.into_iter().unzip();
        let messages: Vec<Vec<(PartyIndex, Vec<u8>)>> =
            outboxes.into_iter().map(|outbox| outbox.into_iter().collect()).collect();
        // The liar echoes what party 2 echoes, whatever it did before.
        let view = messages[1][0].1[..32].to_vec();
        for (from, outbox) in (1..).zip(messages) {
            for (to, mut message) in outbox {
                if from == LIAR && self.round > 0 {
                    message[..32].copy_from_slice(&view);
                }
                (self.lie)(&mut Wire { round: self.round, from, to: to.get(), message: &mut message });
                inboxes[usize::from(to.get()) - 1].insert(party(from), Zeroizing::new(message));
            }
        }
        self.round += 1;
        (states, inboxes)
    }

    /// A whole round: sends, and lets every party finish.
    fn step<S, T>(
        &mut self,
        states: Vec<(S, Outbox)>,
        finish: impl Fn(S, &mut Session, &RawRound) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Faults> {
        let (states, inboxes) = self.exchange(states);
        let finished: Vec<_> = states
            .into_iter()
            .zip(&mut self.sessions)
            .zip(&inboxes)
            .map(|((state, session), raw)| finish(state, session, raw))
            .collect();
        if finished.iter().all(Result::is_ok) {
            return Ok(finished.into_iter().map(|one| one.ok().unwrap()).collect());
        }
        Err((1..).zip(finished.iter().map(|one| one.as_ref().err().copied())).collect())
    }

    fn open(&mut self, values: &[Shared]) -> Result<Vec<Integer>, Faults> {
        let opened =
            self.sessions.iter_mut().zip(values).map(|(session, value)| super::open::open(session, value));
        let opened = opened.collect();
        self.step(opened, |state, session, raw| state.finish(session, raw))
    }

    fn multiply(&mut self, x: &[Shared], y: &[Shared], plus: &[Shared]) -> Result<Vec<Opened>, Faults> {
        let operands = x.iter().zip(y).zip(plus);
        let started = self.sessions.iter_mut().zip(operands).map(|(session, ((x, y), plus))| {
            let [x, y, plus] = [x, y, plus].map(|shared| shared.resized(x.limbs()));
            super::product::multiply(session, Vec::from([Factors { x, y, plus }])).unwrap()
        });
        let started = started.collect();
        let opened = self.step(started, |state, session, raw| state.finish(session, raw))?;
        Ok(opened.into_iter().flatten().collect())
    }

    /// The four rounds of a check; every party's verdict and sacrifice.
    fn check(&mut self, x: &[Shared], y: &[Shared], z: &[Integer]) -> Result<Vec<Checked>, Faults> {
        let claims = x.iter().zip(y).zip(z);
        let started = self.sessions.iter_mut().zip(claims).map(|(session, ((x, y), z))| {
            let limbs = (z.bits() + super::check::SLACK_BITS).div_ceil(64);
            super::check::check(session, x, y, z, limbs).unwrap()
        });
        let sacrifice = started.collect();
        let coin = self.step(sacrifice, |state, session, raw| state.finish(session, raw))?;
        let factor = self.step(coin, |state, session, raw| state.finish(session, raw))?;
        let zero = self.step(factor, |state, session, raw| state.finish(session, raw))?;
        self.step(zero, |state, session, raw| state.finish(session, raw))
    }

    fn audit(&mut self, products: Vec<Opened>) -> Result<Vec<Account>, Faults> {
        let started = self.sessions.iter_mut().zip(products);
        let started = started.map(|(session, one)| super::audit::audit(session, one)).collect();
        self.step(started, |state, session, raw| state.finish(session, raw))
    }
}

/// The integer whose pieces these are.
fn whole(shares: &[Shared]) -> Integer {
    let mut pieces = BTreeMap::new();
    shares.iter().for_each(|share| pieces.extend(share.iter()));
    let mut sum = Integer::zero(shares[0].limbs());
    pieces.values().for_each(|piece| sum.add(piece));
    sum
}
