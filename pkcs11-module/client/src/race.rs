//! The race for one signature: one signer set works on it, and when it is slow another set starts
//! beside it, with another presignature. The first signature that verifies wins.
//!
//! The bound after which a set counts as slow follows what answers usually take ([`crate::pace`]).
//! Where all calls are slow, more sets would only make all of them slower: so few calls of a process
//! may race at once.
//! A set that lost goes on at the nodes; its presignature is burnt, its late answers are taken by
//! the pool and tell when the slow node is back.

use std::thread;
use std::time::Duration;

use rand_core::{OsRng, RngCore};
use token::backend::{BackendError, BackendResult};

use crate::asking::{Asking, wait};
use crate::call::{ATTEMPT_MIN, ATTEMPTS_IN_DEADLINE, PAUSE_FIRST, PAUSE_MAX, Setback};
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::search::{NoQuorum, Search};
use crate::sign::{Job, Signer, is_gone};
use crate::stash::{Demand, Lease};

/// One signature and all signer sets that work on it.
pub(crate) struct Race<'a> {
    signer: &'a Signer,
    job: &'a Job<'a>,
    deadline: Deadline,
    search: Search,
    pause: Duration,
    tries: Vec<Try<'a>>,
    /// It is slow, but enough other calls race already.
    held_back: bool,
    /// What to say if no set has a witness.
    no_witness: Option<BackendError>,
    /// No presignature was at hand.
    has_leased: bool,
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
    /// Strict mode: the witness is asked.
    Granting(Spent, Asking<'a>),
    Signing(Spent, Asking<'a>),
    Over,
}

/// A presignature, and the one request that it is used for.
pub(crate) struct Spent {
    pub(crate) lease: Lease,
    pub(crate) nonce: [u8; 32],
    /// The witness's word, in strict mode.
    pub(crate) grant: Vec<u8>,
}

impl Spent {
    fn new(lease: Lease) -> Self {
        let mut nonce = [0; 32];
        OsRng.fill_bytes(&mut nonce);
        Self { lease, nonce, grant: Vec::new() }
    }
}

impl<'a> Race<'a> {
    pub(crate) fn new(signer: &'a Signer, job: &'a Job<'a>, deadline: Deadline) -> Self {
        let (search, tries) = (Search::default(), Vec::new());
        signer.races.begins();
        let pause = PAUSE_FIRST;
        Self {
            signer,
            job,
            deadline,
            search,
            pause,
            tries,
            held_back: false,
            no_witness: None,
            has_leased: false,
        }
    }

    /// Carries it to its end.
    pub(crate) fn run(&mut self) -> BackendResult<Vec<u8>> {
        let nodes = &self.job.core.nodes;
        loop {
            // Each set first has its say, so that the error names those who were silent.
            let over = self.deadline.is_over();
            if over && self.tries.is_empty() {
                nodes.out_of_time(&self.search)?;
            }
            if !over && self.tries.iter().all(|one| one.slow_at.is_none()) {
                self.start_another()?;
            }
            let mut position = 0;
            while let Some(one) = self.tries.get_mut(position) {
                match one.advance(self.signer, self.job) {
                    None => position += 1,
                    Some(outcome) => {
                        self.tries.remove(position);
                        self.signer.races.has_sets(self.tries.len() + 1, self.tries.len());
                        match outcome {
                            Ok(signature) => return Ok(signature),
                            Err(Setback::Witness(error)) => self.no_witness = Some(error),
                            Err(setback) => self.search.take(setback, nodes.threshold())?,
                        }
                    }
                }
            }
            let askings = self.tries.iter().filter_map(Try::asking);
            let deadlines = self.tries.iter().map(|one| one.slow_at.unwrap_or(one.deadline));
            if let Some(next) = deadlines.chain(self.tries.iter().map(|one| one.deadline)).min() {
                wait(askings, if self.held_back { next.at_most(HELD_BACK) } else { next });
            }
            for one in &mut self.tries {
                one.look_at_the_clock(self.job);
            }
        }
    }

    /// Whether it had to wait for a presignature.
    pub(crate) fn has_leased(&self) -> bool {
        self.has_leased
    }

    /// Starts one more signer set. Without any other, those under way are waited for, or there is a pause.
    fn start_another(&mut self) -> BackendResult<()> {
        let core = self.job.core;
        self.held_back = !self.tries.is_empty() && !self.signer.races.may_grow(self.job.is_awaited());
        if self.tries.len() >= TRIES_MAX || self.held_back {
            return Ok(());
        }
        core.look_at_slow_nodes();
        match core.nodes.choose(core.threshold(), &self.search) {
            Ok(set) => {
                self.search.was_tried(&set);
                let left = self.deadline.remaining().unwrap_or_default();
                let share = self.deadline.at_most((left / ATTEMPTS_IN_DEADLINE).max(ATTEMPT_MIN));
                // The first has all the time: others may start beside it, and given up too early, what
                // the nodes did for it is lost.
                let deadline = if self.tries.is_empty() { self.deadline } else { share };
                let one = Try::start(self.signer, self.job, set, deadline);
                self.has_leased |= matches!(one.phase, Phase::Leasing(_));
                self.tries.push(one);
                self.signer.races.has_sets(self.tries.len() - 1, self.tries.len());
            }
            Err(_) if !self.tries.is_empty() => {}
            Err(NoQuorum::Final(error)) => return Err(error),
            Err(NoQuorum::NotReady) => {
                if let Some(error) = self.no_witness.take() {
                    return Err(error);
                }
                core.look_at_missed(&self.search, self.deadline);
                thread::sleep(self.pause.min(self.deadline.remaining().unwrap_or_default()));
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                self.search.forgive();
            }
        }
        Ok(())
    }
}

impl Drop for Race<'_> {
    fn drop(&mut self) {
        self.signer.races.has_sets(self.tries.len(), 0);
        self.signer.races.ends();
    }
}

impl<'a> Try<'a> {
    fn start(signer: &'a Signer, job: &'a Job<'a>, set: Vec<u8>, deadline: Deadline) -> Self {
        let demand = signer.stash.demand(job.object(), job.scheme, &set);
        let mut one = Self { set, demand, ids: 0, deadline, slow_at: None, phase: Phase::Over };
        one.next_id(job);
        one
    }

    /// Uses an id, or asks for some.
    fn next_id(&mut self, job: &'a Job<'a>) {
        match self.demand.take() {
            Some(lease) => self.use_id(job, lease),
            None => {
                self.phase = Phase::Leasing(job.lease(&self.set, &self.demand, self.deadline));
                self.is_slow_after(LEASE_PATIENCE, job);
            }
        }
    }

    fn use_id(&mut self, job: &'a Job<'a>, lease: Lease) {
        self.ids += 1;
        let spent = Spent::new(lease);
        match job.ask_witness(&self.set, &spent, self.deadline) {
            Some(asking) => {
                self.phase = Phase::Granting(spent, asking);
                self.is_slow_after(job.core.nodes.patience(), job);
            }
            None => self.spend(job, spent),
        }
    }

    fn spend(&mut self, job: &'a Job<'a>, spent: Spent) {
        let asking = job.spend(&self.set, &self.demand, &spent, self.deadline);
        self.phase = Phase::Signing(spent, asking);
        self.is_slow_after(job.core.nodes.patience(), job);
    }

    fn is_slow_after(&mut self, patience: Duration, job: &Job<'_>) {
        let patience = if job.is_awaited() { patience.max(BUSY_PATIENCE) } else { patience };
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
                Phase::Leasing(asking) => match job.leased(&self.set, &self.demand, asking) {
                    Ok(lease) => self.use_id(job, lease),
                    Err(setback) => return Some(Err(setback)),
                },
                Phase::Granting(mut spent, asking) => match job.granted(&self.set, &mut spent, asking) {
                    Ok(()) => self.spend(job, spent),
                    Err(setback) => {
                        self.demand.drop_witnessed(&spent.lease);
                        if !self.may_go_on(&setback) {
                            return Some(Err(setback));
                        }
                        self.next_id(job);
                    }
                },
                Phase::Signing(spent, asking) => {
                    let outcome = signer.signed(job, self, spent, asking);
                    if !outcome.as_ref().is_err_and(|setback| self.may_go_on(setback)) {
                        return Some(outcome);
                    }
                    self.next_id(job);
                }
            }
        }
    }

    /// Whether another id of this set may do better: this one was gone, or its witness failed, which is
    /// no fault of the set.
    fn may_go_on(&self, setback: &Setback) -> bool {
        let Setback::Nodes(failures) = setback else { return false };
        let is_due_to_id = |(node, failure): &(u8, NodeFailure)| is_gone(failure) || !self.set.contains(node);
        if self.ids >= IDS_PER_SET || !failures.iter().all(is_due_to_id) {
            return false;
        }
        // Once may be another client's; twice, and a member has restarted.
        if self.ids > 1 {
            self.demand.clear();
        }
        true
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
            Phase::Leasing(asking) | Phase::Granting(_, asking) | Phase::Signing(_, asking) => Some(asking),
            Phase::Over => None,
        }
    }

    fn asking_mut(&mut self) -> Option<&mut Asking<'a>> {
        match &mut self.phase {
            Phase::Leasing(asking) | Phase::Granting(_, asking) | Phase::Signing(_, asking) => Some(asking),
            Phase::Over => None,
        }
    }
}

impl Search {
    /// What a set that failed teaches; an error when that is the end.
    fn take(&mut self, setback: Setback, threshold: usize) -> BackendResult<()> {
        match setback {
            Setback::Final(error) => return Err(error),
            Setback::Set | Setback::Witness(_) => {}
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
/// When to see again whether a call that is slow may race.
const HELD_BACK: Duration = Duration::from_millis(250);
/// Ids that are tried at one signer set before another set is.
const IDS_PER_SET: u32 = 4;
/// Nodes that have as much to do as they can are not slow before this.
const BUSY_PATIENCE: Duration = Duration::from_secs(1);
/// An empty pool takes the time of a presigning, behind those of others; a new pair of nodes first
/// sets itself up.
const LEASE_PATIENCE: Duration = Duration::from_millis(500);
