//! The race for one signature: one signer set works on it, and when it is slow another set starts
//! beside it, with another presignature. The first signature that verifies wins.
//!
//! The bound after which a set counts as slow follows what answers usually take ([`crate::pace`]).
//! A set that lost goes on at the nodes; its presignature is burnt, its late answers are taken by
//! the pool and tell when the slow node is back.

use std::thread;
use std::time::Duration;

use token::backend::{BackendError, BackendResult};

use crate::asking::{Asking, wait};
use crate::call::{ATTEMPT_MIN, ATTEMPTS_IN_DEADLINE, PAUSE_FIRST, PAUSE_MAX, Setback};
use crate::deadline::Deadline;
use crate::search::{NoQuorum, Search};
use crate::sign::{Job, Signer, is_gone};
use crate::stash::{Demand, PresignatureId};

/// One signature and all signer sets that work on it.
pub(crate) struct Race<'a> {
    signer: &'a Signer,
    job: &'a Job<'a>,
    deadline: Deadline,
    search: Search,
    pause: Duration,
    tries: Vec<Try<'a>>,
}

/// One signer set at work.
pub(crate) struct Try<'a> {
    pub(crate) set: Vec<u8>,
    pub(crate) demand: Demand<'a>,
    /// Ids that it was given.
    ids: u32,
    deadline: Deadline,
    /// From when on another set may start; `None` once it was allowed.
    slow_at: Option<Deadline>,
    phase: Phase<'a>,
}

enum Phase<'a> {
    Leasing(Asking<'a>),
    Signing(Spent, Asking<'a>),
    Over,
}

/// A presignature that was sent, and the request that it was sent with.
pub(crate) struct Spent {
    pub(crate) id: PresignatureId,
    pub(crate) nonce: [u8; 32],
}

impl<'a> Race<'a> {
    pub(crate) fn new(signer: &'a Signer, job: &'a Job<'a>, deadline: Deadline) -> Self {
        let (search, tries) = (Search::default(), Vec::new());
        Self { signer, job, deadline, search, pause: PAUSE_FIRST, tries }
    }

    /// Carries it to its end.
    pub(crate) fn run(mut self) -> BackendResult<Vec<u8>> {
        let nodes = &self.job.core.nodes;
        loop {
            if self.deadline.is_over() {
                nodes.out_of_time(&self.search)?;
            }
            if self.tries.iter().all(|one| one.slow_at.is_none()) {
                self.start_another()?;
            }
            let mut position = 0;
            while let Some(one) = self.tries.get_mut(position) {
                match one.advance(self.signer, self.job) {
                    None => position += 1,
                    Some(outcome) => {
                        self.tries.remove(position);
                        match outcome {
                            Ok(signature) => return Ok(signature),
                            Err(setback) => self.search.take(setback, nodes.threshold())?,
                        }
                    }
                }
            }
            let askings = self.tries.iter().filter_map(Try::asking);
            let deadlines = self.tries.iter().map(|one| one.slow_at.unwrap_or(one.deadline));
            if let Some(next) = deadlines.chain(self.tries.iter().map(|one| one.deadline)).min() {
                wait(askings, next);
            }
            for one in &mut self.tries {
                one.look_at_the_clock(self.job);
            }
        }
    }

    /// Starts one more signer set. Without any other, those under way are waited for, or there is a pause.
    fn start_another(&mut self) -> BackendResult<()> {
        let core = self.job.core;
        if self.tries.len() >= TRIES_MAX {
            return Ok(());
        }
        core.look_at_slow_nodes();
        match core.nodes.choose(core.threshold(), &self.search) {
            Ok(set) => {
                self.search.was_tried(&set);
                let left = self.deadline.remaining().unwrap_or_default();
                let deadline = self.deadline.at_most((left / ATTEMPTS_IN_DEADLINE).max(ATTEMPT_MIN));
                self.tries.push(Try::start(self.signer, self.job, set, deadline));
            }
            Err(_) if !self.tries.is_empty() => {}
            Err(NoQuorum::Final(error)) => return Err(error),
            Err(NoQuorum::NotReady) => {
                thread::sleep(self.pause.min(self.deadline.remaining().unwrap_or_default()));
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                self.search.forgive();
            }
        }
        Ok(())
    }
}

impl<'a> Try<'a> {
    fn start(signer: &'a Signer, job: &'a Job<'a>, set: Vec<u8>, deadline: Deadline) -> Self {
        let demand = signer.stash.demand(job.object(), &set);
        let mut one = Self { set, demand, ids: 0, deadline, slow_at: None, phase: Phase::Over };
        one.next_id(job);
        one
    }

    /// Spends an id, or asks for some.
    fn next_id(&mut self, job: &'a Job<'a>) {
        let patience = match self.demand.take() {
            Some(id) => {
                self.ids += 1;
                let (spent, asking) = job.spend(&self.set, &self.demand, id, self.deadline);
                self.phase = Phase::Signing(spent, asking);
                job.core.nodes.patience()
            }
            None => {
                self.phase = Phase::Leasing(job.lease(&self.set, &self.demand, self.deadline));
                LEASE_PATIENCE
            }
        };
        self.slow_at = Some(self.deadline.at_most(patience));
    }

    /// Goes on as far as the answers that are here allow; the outcome, if there is one.
    fn advance(&mut self, signer: &Signer, job: &'a Job<'a>) -> Option<Result<Vec<u8>, Setback>> {
        loop {
            let over = self.deadline.is_over();
            let asking = self.asking_mut()?;
            if !asking.advance() && !over {
                return None;
            }
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return None,
                Phase::Leasing(asking) => {
                    if let Err(setback) = job.leased(&self.set, &self.demand, asking) {
                        return Some(Err(setback));
                    }
                }
                Phase::Signing(spent, asking) => {
                    let outcome = signer.signed(job, self, spent, asking);
                    let gone = matches!(&outcome, Err(Setback::Nodes(failures))
                        if failures.iter().all(|(_, failure)| is_gone(failure)));
                    if !gone || self.ids >= IDS_PER_SET {
                        return Some(outcome);
                    }
                    // Once may be another client's; twice, and a member has restarted.
                    if self.ids > 1 {
                        self.demand.clear();
                    }
                }
            }
            self.next_id(job);
        }
    }

    /// When it has taken too long, the nodes that are to blame are left out for a while, and another
    /// set may start.
    fn look_at_the_clock(&mut self, job: &Job<'_>) {
        if !self.slow_at.is_some_and(Deadline::is_over) {
            return;
        }
        self.slow_at = None;
        let Some(asking) = self.asking_mut() else { return };
        // Where nobody has answered yet, the slow one may be this machine.
        let silent: Vec<u8> = asking.silent().collect();
        if silent.len() < asking.len() || asking.len() < job.core.threshold() {
            job.core.are_slow(&silent, asking.age());
        }
    }

    fn asking(&self) -> Option<&Asking<'a>> {
        match &self.phase {
            Phase::Leasing(asking) | Phase::Signing(_, asking) => Some(asking),
            Phase::Over => None,
        }
    }

    fn asking_mut(&mut self) -> Option<&mut Asking<'a>> {
        match &mut self.phase {
            Phase::Leasing(asking) | Phase::Signing(_, asking) => Some(asking),
            Phase::Over => None,
        }
    }
}

impl Search {
    /// What a set that failed teaches; an error when that is the end.
    fn take(&mut self, setback: Setback, threshold: usize) -> BackendResult<()> {
        match setback {
            Setback::Final(error) => return Err(error),
            Setback::Set => {}
            Setback::Nodes(failures) => {
                for (node, failure) in failures {
                    self.has_failed(node, failure);
                }
            }
        }
        self.verdict(threshold).map_or(Ok(()), Err::<(), BackendError>)
    }
}

/// Signer sets that work on one signature at once: each spends a presignature.
const TRIES_MAX: usize = 4;
/// Ids that are tried at one signer set before another set is.
const IDS_PER_SET: u32 = 4;
/// An empty pool takes the time of a presigning, behind those of others; a new pair of nodes first
/// sets itself up.
const LEASE_PATIENCE: Duration = Duration::from_millis(500);
