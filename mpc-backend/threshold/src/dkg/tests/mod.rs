//! Runs of whole key generations, honest and with one liar.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

/// Runs `cheat` on every suite.
macro_rules! on_each_suite {
    ($cheat:ident) => {
        $cheat::<frost_p256::P256Sha256>(DkgCurve::P256);
        $cheat::<crate::dkg::p384::P384Sha384>(DkgCurve::P384);
        $cheat::<frost_secp256k1::Secp256K1Sha256>(DkgCurve::Secp256k1);
        $cheat::<frost_ed25519::Ed25519Sha512>(DkgCurve::Edwards25519);
        $cheat::<frost_ristretto255::Ristretto255Sha512>(DkgCurve::Ristretto255);
    };
}

mod honest;
mod liars;
mod polynomial;
mod wire;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

use super::context::Setting;
use super::session::Session;
use super::suite::Suite;
use super::{DkgContext, DkgCurve, DkgOutput, Progress, round1_commit};
use crate::fault::{Checks, Fault, Rule};
use crate::party::{PartyIndex, Threshold};
use crate::round::Outbox;

/// What one message looked like when it was put on the wire; a lie changes it.
pub(super) struct Wire<'a> {
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) round: u8,
    pub(super) message: &'a mut Vec<u8>,
}

pub(super) fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

pub(super) fn context(me: u8, threshold: Threshold, curve: DkgCurve) -> DkgContext {
    DkgContext {
        cluster_id: [1; 32],
        session_id: [2; 32],
        key_id: [3; 16],
        epoch: 4,
        threshold,
        curve,
        purpose: [5; 32],
        me: party(me),
    }
}

/// All sessions of one generation, and the messages between them.
pub(super) struct Run<S: Suite> {
    pub(super) sessions: BTreeMap<u8, Session<S>>,
    pub(super) queue: VecDeque<(PartyIndex, PartyIndex, Vec<u8>)>,
    pub(super) results: BTreeMap<u8, Result<DkgOutput, Fault>>,
    pub(super) rng: ChaCha20Rng,
}

impl<S: Suite> Run<S> {
    /// Starts every party; `checks` hold at all of them.
    pub(super) fn start(needed: u8, parties: u8, curve: DkgCurve, checks: Checks) -> Self {
        Self::start_seeded(needed, parties, curve, checks, 7)
    }

    pub(super) fn start_seeded(needed: u8, parties: u8, curve: DkgCurve, checks: Checks, seed: u64) -> Self {
        let threshold = Threshold::new(needed, parties).unwrap();
        let mut run = Self {
            sessions: BTreeMap::new(),
            queue: VecDeque::new(),
            results: BTreeMap::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
        };
        for me in 1..=parties {
            let mut setting = Setting::new(&context(me, threshold, curve)).unwrap();
            setting.checks = checks;
            let (state, outbox) = round1_commit::start(setting, &mut run.rng);
            run.sessions.insert(me, Session::with_state(state));
            run.send(party(me), outbox);
        }
        run
    }

    pub(super) fn send(&mut self, from: PartyIndex, outbox: Outbox) {
        self.queue.extend(outbox.into_iter().map(|(to, message)| (from, to, message)));
    }

    /// Delivers everything in the order of sending, each message after `lie` has seen it.
    pub(super) fn deliver(self, lie: impl FnMut(Wire<'_>)) -> BTreeMap<u8, Result<DkgOutput, Fault>> {
        self.deliver_by(|_, _| 0, lie)
    }

    /// Delivers everything in a random order, so that messages of later rounds come early.
    pub(super) fn deliver_shuffled(self) -> BTreeMap<u8, Result<DkgOutput, Fault>> {
        self.deliver_by(|rng, waiting| rng.next_u32() as usize % waiting, |_| ())
    }

    fn deliver_by(
        mut self,
        mut pick: impl FnMut(&mut ChaCha20Rng, usize) -> usize,
        mut lie: impl FnMut(Wire<'_>),
    ) -> BTreeMap<u8, Result<DkgOutput, Fault>> {
        while !self.queue.is_empty() {
            let position = pick(&mut self.rng, self.queue.len());
            let (from, to, mut message) = self.queue.remove(position).unwrap();
            let round = message[0];
            lie(Wire { from: from.get(), to: to.get(), round, message: &mut message });
            match self.sessions.get_mut(&to.get()).unwrap().receive(from, &message) {
                Ok(Progress::Continue(outbox)) => self.send(to, outbox),
                Ok(Progress::Done(output, outbox)) => {
                    self.send(to, outbox);
                    assert!(self.results.insert(to.get(), Ok(output)).is_none());
                }
                Err(fault) => assert!(self.results.insert(to.get(), Err(fault)).is_none()),
            }
        }
        self.results
    }
}

/// The fault that `rule` gives for `liar`.
pub(super) fn fault(liar: u8, rule: Rule) -> Fault {
    Fault::of(party(liar), rule)
}
