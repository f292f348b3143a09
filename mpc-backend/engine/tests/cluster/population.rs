//! Clients that sign as fast as they can, the way the real client does: lease, ask T nodes at once, combine,
//! verify, and after a failure another signer set, until a deadline. Now and then they agree on a secret instead.

mod agreement;

use std::collections::BTreeMap;

use engine::Input;
use proto::client::v1::{
    ClientFrame, DeriveReply, Error, LeaseRequest, Request, SignReply, client_frame, node_frame, request::Op,
    response::Result as Reply,
};
use proto::registry::v1::Role;
use proto::statement;
use rand_core::RngCore;
use threshold::fault::Checks;
use threshold::signing::{Answer, combine_with};

use self::agreement::Agreement;
use crate::curves::{mechanism_of, schemes_on, verifies};
use crate::sim::{Delivery, Sim, World};
use crate::user::{Conn, Key, User, party};

/// How long one signer set is tried, in ms.
const TRY_MS: u64 = 700;
/// Pause of a client whose every set failed, in ms.
const PAUSE_MS: u64 = 60;
/// Pause between two signatures, in ms: seeds are for faults, not for load.
const THINK_MS: u64 = 250;
/// One of so many tasks is a key agreement.
const AGREE_EVERY: u32 = 4;

/// A connection to a node.
struct Line {
    conn: Conn,
    boot: u32,
    /// Request id of the login, until it is answered.
    login: Option<u64>,
}

enum Stage {
    Idle,
    Leasing { set: Vec<u8>, request: u64 },
    Signing { set: Vec<u8>, nonce: [u8; 32], open: BTreeMap<u64, u8>, parts: Vec<(u8, SignReply)> },
    Agreeing { set: Vec<u8>, nonce: [u8; 32], open: BTreeMap<u64, u8>, parts: Vec<(u8, DeriveReply)> },
}

/// One thread of an application.
pub struct Worker {
    user: User,
    pub key: Key,
    /// A key of X25519.
    agreement_key: Key,
    /// What is to be agreed on, unless a signature is wanted.
    agreement: Option<Agreement>,
    lines: BTreeMap<u8, Line>,
    stage: Stage,
    stage_until: u64,
    pause_until: u64,
    digest: Vec<u8>,
    /// What the client checks: everything, but with a planted bug.
    pub checks: Checks,
    /// Since its last success: how often each set has failed, then how often a refusal named a member of
    /// it. Names may lie.
    failures: BTreeMap<Vec<u8>, (u32, u32)>,
    pub signatures: u32,
    pub agreements: u32,
    pub retries: u32,
}

impl Worker {
    pub fn new(world: &World, number: u64) -> Self {
        Self {
            user: world.user(number),
            key: world.key.clone(),
            agreement_key: world.agreement_key.clone(),
            agreement: None,
            lines: BTreeMap::new(),
            stage: Stage::Idle,
            stage_until: 0,
            pause_until: 0,
            digest: Vec::new(),
            checks: Checks::all(),
            failures: BTreeMap::new(),
            signatures: 0,
            agreements: 0,
            retries: 0,
        }
    }

    /// Begins a new task; the present one is given up.
    pub fn start_over(&mut self, now: u64) {
        (self.stage, self.pause_until) = (Stage::Idle, now);
        self.digest.clear();
    }

    /// Does what can be done now.
    pub fn poll(&mut self, sim: &mut Sim) {
        for node in sim.all() {
            self.keep_line(sim, node);
            let replies = self.lines.get(&node).and_then(|line| sim.replies.remove(&line.conn.id));
            for frame in replies.unwrap_or_default() {
                if let Some(node_frame::Frame::Response(response)) = frame.frame {
                    self.answered(sim, node, response.id, response.result);
                }
            }
        }
        if !matches!(self.stage, Stage::Idle) && sim.now >= self.stage_until {
            self.failed(sim.now);
        }
        if matches!(self.stage, Stage::Idle) && sim.now >= self.pause_until {
            self.begin(sim);
        }
    }

    /// Connects, says hello and logs in, again after each restart of the node.
    fn keep_line(&mut self, sim: &mut Sim, node: u8) {
        let boot = sim.node(node).boots;
        let gone = |line: &Line| line.boot != boot || sim.closed.contains(&line.conn.id);
        if self.lines.get(&node).is_some_and(gone) {
            self.lines.remove(&node);
        }
        if self.lines.contains_key(&node) || !sim.node(node).serving {
            return;
        }
        let key = self.user.key.clone();
        let Ok(conn) = self.user.connect_as(sim, node, &key) else { return };
        let login = Op::Login(self.user.login_request(sim, node, &conn, Role::User));
        let request = self.post(sim, node, conn.id, login);
        self.lines.insert(node, Line { conn, boot, login: Some(request) });
    }

    /// Sends a request over a network with delay.
    fn post(&mut self, sim: &mut Sim, node: u8, conn: u64, op: Op) -> u64 {
        let id = self.user.fresh();
        let request = Request { id, deadline_ms: 3_000, min_registry_index: 0, op: Some(op) };
        let frame = ClientFrame { frame: Some(client_frame::Frame::Request(request)) };
        let (boot, delay) = (sim.node(node).boots, sim.delay());
        sim.schedule(delay, Delivery::Client { node, boot, conn, frame: Box::new(frame) });
        id
    }

    fn begin(&mut self, sim: &mut Sim) {
        if self.digest.is_empty() {
            self.digest = vec![0; 32];
            sim.rng.fill_bytes(&mut self.digest);
            // One key signs by all schemes of its curve.
            let schemes = schemes_on(self.key.curve());
            self.key.scheme = schemes[sim.rng.next_u32() as usize % schemes.len()];
            self.agreement = None;
            if sim.rng.next_u32().is_multiple_of(AGREE_EVERY) {
                self.agreement = Some(self.new_agreement(sim));
            }
        }
        let ready = |node: &u8| self.lines.get(node).is_some_and(|line| line.login.is_none());
        let mut sets = sim.signer_sets();
        sets.retain(|set| set.iter().all(ready));
        let start = sim.rng.next_u32() as usize % sets.len().max(1);
        sets.rotate_left(start);
        let Some(set) =
            sets.into_iter().min_by_key(|set| self.failures.get(set).copied().unwrap_or_default())
        else {
            self.pause_until = sim.now + PAUSE_MS;
            return;
        };
        if self.agreement.is_some() {
            return self.ask_for_agreement(sim, set);
        }
        let (key_id, signers) = (self.key.id.to_vec(), set.iter().copied().map(u32::from).collect());
        let lease =
            Op::Lease(LeaseRequest { key_id, signers, count: 1, mechanism: mechanism_of(self.key.scheme) });
        let request = self.post(sim, set[0], self.lines[&set[0]].conn.id, lease);
        self.stage = Stage::Leasing { set, request };
        self.stage_until = sim.now + TRY_MS;
    }

    fn failed(&mut self, now: u64) {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        if let Stage::Leasing { set, .. } | Stage::Signing { set, .. } | Stage::Agreeing { set, .. } = stage {
            self.failures.entry(set).or_default().0 += 1;
        }
        self.retries += 1;
        self.pause_until = now + PAUSE_MS / 4;
    }

    fn blamed(&mut self, sim: &Sim, error: &Error) {
        for set in sim.signer_sets() {
            if set.iter().any(|node| error.nodes.contains(&u32::from(*node))) {
                self.failures.entry(set).or_default().1 += 1;
            }
        }
    }

    fn answered(&mut self, sim: &mut Sim, from: u8, id: u64, result: Option<Reply>) {
        let result = result.expect("a node answers with something");
        if let Some(line) = self.lines.get_mut(&from).filter(|line| line.login == Some(id)) {
            match result {
                Reply::Login(_) => line.login = None,
                // Not ready: the client comes again.
                _ => drop(self.lines.remove(&from)),
            }
            return;
        }
        match (&mut self.stage, result) {
            (Stage::Leasing { set, request }, Reply::Lease(lease)) if *request == id => {
                let set = std::mem::take(set);
                match lease.presignature_ids.first().cloned() {
                    Some(presignature) => self.ask(sim, set, &presignature),
                    None => self.failed(sim.now),
                }
            }
            (Stage::Signing { open, parts, .. }, Reply::Sign(reply)) if open.get(&id) == Some(&from) => {
                open.remove(&id);
                parts.push((from, reply));
                if open.is_empty() {
                    self.finish(sim);
                }
            }
            (Stage::Agreeing { open, parts, .. }, Reply::Derive(reply)) if open.get(&id) == Some(&from) => {
                open.remove(&id);
                parts.push((from, reply));
                if open.is_empty() {
                    self.agree(sim);
                }
            }
            (Stage::Leasing { request, .. }, Reply::Error(error)) if *request == id => {
                self.blamed(sim, &error);
                self.failed(sim.now);
            }
            (Stage::Signing { open, .. } | Stage::Agreeing { open, .. }, Reply::Error(error))
                if open.contains_key(&id) =>
            {
                self.blamed(sim, &error);
                self.failed(sim.now);
            }
            // An answer to a request that was given up.
            _ => {}
        }
    }

    fn ask(&mut self, sim: &mut Sim, set: Vec<u8>, presignature: &[u8]) {
        // To all or to none, as the client does.
        if set.iter().any(|node| !self.lines.contains_key(node)) {
            return self.failed(sim.now);
        }
        let mut nonce = [0; 32];
        sim.rng.fill_bytes(&mut nonce);
        let mut open = BTreeMap::new();
        for node in set.iter().copied() {
            let mut request = self.user.sign_request(&self.key, &set, presignature, &self.digest);
            request.request_nonce = nonce.to_vec();
            let Some(conn) = self.lines.get(&node).map(|line| line.conn.id) else { continue };
            open.insert(self.post(sim, node, conn, Op::Sign(request)), node);
        }
        self.stage = Stage::Signing { set, nonce, open, parts: Vec::new() };
    }

    /// T answers: they combine, or somebody lied.
    fn finish(&mut self, sim: &mut Sim) {
        let Stage::Signing { set, nonce, parts, .. } = std::mem::replace(&mut self.stage, Stage::Idle) else {
            return;
        };
        let request = self.user.signing_request(sim, &self.key, &set, &self.digest, nonce);
        let cluster = sim.manifest.cluster_id();
        let mut answers = Vec::new();
        for (node, reply) in &parts {
            let said = statement::partial(&cluster, u32::from(*node), &nonce, &reply.partial);
            let signed = said.verify(&sim.manifest.node(*node).unwrap().key, &reply.node_signature);
            let partial = Answer::decode(self.key.scheme, &reply.partial, None).ok().filter(|_| signed);
            answers.extend(partial.map(|partial| (party(*node), partial)));
        }
        match combine_with(answers, &request, &self.key.birth.commitments, self.checks) {
            Ok(signature) => self.signed(sim, &set, &signature),
            Err(fault) => {
                if set.iter().all(|node| !sim.liars.contains_key(node)) {
                    sim.ledger.violation(format!("answers of honest nodes {set:?} do not combine: {fault}"));
                }
                self.stage = Stage::Leasing { set, request: 0 };
                self.failed(sim.now);
            }
        }
    }

    fn signed(&mut self, sim: &mut Sim, set: &[u8], signature: &[u8]) {
        if !verifies(self.key.scheme, &self.key.birth.public_key, &self.digest, signature) {
            sim.ledger.violation(format!("a signature by {set:?} was accepted and does not verify"));
        }
        sim.ledger.signature(signature);
        self.signatures += 1;
        self.done(sim, set);
    }

    fn done(&mut self, sim: &Sim, set: &[u8]) {
        self.failures.remove(set);
        self.start_over(sim.now);
        self.pause_until = sim.now + THINK_MS;
    }

    /// Hangs up and asks no more.
    pub fn leave(&mut self, sim: &mut Sim) {
        for (node, line) in std::mem::take(&mut self.lines) {
            sim.input(node, Input::ClientClosed { conn: line.conn.id });
        }
    }
}

/// Lets time pass with all workers at work; nodes' bounds are checked on the way.
pub fn work(sim: &mut Sim, workers: &mut [Worker], ms: u64) {
    let limit = sim.now + ms;
    loop {
        let moved = sim.step(limit.min(sim.now + 20));
        for worker in workers.iter_mut() {
            worker.poll(sim);
        }
        sim.check_bounds();
        if !moved {
            sim.now = limit.min(sim.now + 20);
            if sim.now >= limit {
                return;
            }
        }
    }
}
