//! From a request to its handler, and the waiting room for those that cannot be answered yet. What waited
//! is authorised again: the registry may have moved.

use std::collections::BTreeMap;

use proto::client::v1::{Code, Empty, Request, request, response};
use rand_core::CryptoRngCore;

use super::{Clients, Failure, ReplyTo};
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::sessions::PoolKey;

/// Deadline of a request that names none, in ms.
const DEADLINE_DEFAULT_MS: u32 = 5_000;
/// Longest deadline, in ms.
const DEADLINE_MAX_MS: u32 = 600_000;

/// What became of a request.
#[expect(clippy::large_enum_variant, reason = "one a request, and none is kept")]
pub(crate) enum Outcome {
    /// The answer.
    Now(response::Result),
    /// Another part of the node will answer.
    Later,
    /// To be tried again when this holds.
    Wait(Wait),
}

/// What a request waits for.
pub(crate) enum Wait {
    /// The registry has applied this index.
    Index(u64),
    /// A presignature of this pool is free, or one more can be begun.
    Lease(PoolKey),
    /// A presigning of this pool ends: its id may be the one asked for.
    Presigning { pool: PoolKey, until: u64 },
}

/// A request in the waiting room.
pub(super) struct Parked {
    pub(super) reply: ReplyTo,
    request: Request,
    deadline: u64,
    wait: Wait,
    since: u64,
    /// When to see whether its pool has stalled: while the client still has time to hear of it and to turn to other
    /// nodes.
    patient_until: u64,
}

impl Parked {
    fn new(reply: ReplyTo, request: Request, (since, deadline): (u64, u64), wait: Wait) -> Self {
        let patient_until = since + deadline.saturating_sub(since) / 4 * 3;
        Self { reply, request, deadline, wait, since, patient_until }
    }

    pub(super) fn due(&self) -> u64 {
        match &self.wait {
            Wait::Presigning { until, .. } => self.deadline.min(*until),
            Wait::Index(_) => self.deadline,
            Wait::Lease(_) => self.patient_until,
        }
    }
}

impl Clients {
    /// Whether a request waits for a presignature of this pool.
    pub(super) fn waits_for_lease(&self, pool: &PoolKey) -> bool {
        self.parked.iter().any(|parked| matches!(&parked.wait, Wait::Lease(waited) if waited == pool))
    }

    /// The pools that requests wait for, and how many do.
    pub(crate) fn waiting_leases(&self) -> BTreeMap<PoolKey, usize> {
        let mut waiting = BTreeMap::new();
        for parked in &self.parked {
            if let Wait::Lease(pool) = &parked.wait {
                *waiting.entry(pool.clone()).or_default() += 1;
            }
        }
        waiting
    }
}

impl Engine {
    pub(super) fn request(&mut self, conn: u64, request: Request, rng: &mut dyn CryptoRngCore) {
        let reply = ReplyTo { conn, id: request.id };
        if let Err(failure) = self.open_request(reply) {
            self.count_refusal(conn, "request", &failure);
            return self.respond(reply, response::Result::Error(failure.to_error()));
        }
        let wanted = if request.deadline_ms == 0 { DEADLINE_DEFAULT_MS } else { request.deadline_ms };
        let deadline = self.now + u64::from(wanted.min(DEADLINE_MAX_MS));
        if request.min_registry_index > self.registry.index() {
            let wait = Wait::Index(request.min_registry_index);
            return self.clients.parked.push(Parked::new(reply, request, (self.now, deadline), wait));
        }
        let wait = self.attempt(reply, &request, deadline, false, rng);
        let parked = wait.map(|wait| Parked::new(reply, request, (self.now, deadline), wait));
        self.clients.parked.extend(parked);
    }

    /// Answers a request, or tells what it waits for.
    fn attempt(
        &mut self,
        reply: ReplyTo,
        request: &Request,
        deadline: u64,
        waited: bool,
        rng: &mut dyn CryptoRngCore,
    ) -> Option<Wait> {
        match self.dispatch(reply, request, deadline, waited, rng) {
            Ok(Outcome::Now(result)) => self.answer(reply, result),
            Ok(Outcome::Later) => {}
            Ok(Outcome::Wait(wait)) => return Some(wait),
            Err(failure) => self.fail(reply, failure),
        }
        None
    }

    fn dispatch(
        &mut self,
        reply: ReplyTo,
        request: &Request,
        deadline: u64,
        waited: bool,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Outcome, Failure> {
        use request::Op;
        let op = request.op.as_ref().ok_or(Failure::invalid("empty request"))?;
        let client = self.clients.get(reply.conn).ok_or(Failure::invalid("no such connection"))?;
        let (key, operator) = (client.key, client.operator);
        if let Op::Status(_) = op {
            return Ok(Outcome::Now(self.status(&key)));
        }
        if !self.is_serving() {
            return Err(Failure::new(Code::Unavailable, format!("not serving: {}", self.startup.phase())));
        }
        if !operator && !self.registry.is_enrolled(&key) {
            return Err(Failure::new(Code::NotEnrolled, "the client was revoked"));
        }
        match op {
            Op::Status(_) => Ok(Outcome::Now(self.status(&key))),
            Op::ListTokens(_) => Ok(Outcome::Now(self.list_tokens())),
            Op::Propose(propose) => self.propose(reply, propose, deadline),
            Op::Random(random) => self.random(random, rng).map(Outcome::Now),
            Op::RenewPair(renew) if operator => {
                let peer = NodeIndex::try_from(renew.peer).unwrap_or_default();
                self.renew_pair(peer, rng).map(|()| Outcome::Now(response::Result::RenewPair(Empty {})))
            }
            Op::RenewPair(_) => Err(Failure::forbidden("only operators have pairs made anew")),
            _ if operator => {
                Err(Failure::forbidden("operators ask for status, give commands and renew pairs"))
            }
            Op::ListObjects(list) => self.list_objects(reply.conn, list).map(Outcome::Now),
            Op::ReadObjects(read) => self.read_objects(reply.conn, read).map(Outcome::Now),
            Op::Oprf(oprf) => self.oprf(reply, &key, oprf, rng),
            Op::Login(login) => self.login(reply.conn, login).map(Outcome::Now),
            Op::Logout(logout) => self.logout(reply.conn, logout).map(Outcome::Now),
            Op::Generate(generate) => self.generate(reply, generate, deadline, rng),
            Op::Lease(lease) => self.lease(reply.conn, lease, rng),
            Op::Sign(sign) => self.sign(reply.conn, sign, waited),
            Op::Import(import) => self.import(reply, import),
            Op::Derive(derive) => self.derive(reply.conn, derive, rng).map(Outcome::Now),
            Op::Rsa(rsa) => self.rsa(reply, rsa),
            Op::Complain(complaint) => self.complain(reply.conn, complaint).map(Outcome::Now),
            Op::HoldKeys(hold) => self.hold_keys(reply.conn, hold).map(Outcome::Now),
            Op::CopyKey(copy) => self.copy_key(reply, &key, copy),
            Op::KeepImport(keep) => self.keep_import(reply.conn, keep).map(Outcome::Now),
            Op::KmsNonces(nonces) => Ok(Outcome::Now(self.kms_nonces(&key, nonces, rng))),
            Op::KmsEvaluate(evaluate) => self.kms_evaluate(reply.conn, evaluate, rng).map(Outcome::Now),
            Op::KmsSeal(seal) => self.kms_seal(reply.conn, seal, rng).map(Outcome::Now),
            Op::KmsCheck(check) => self.kms_check(reply.conn, check).map(Outcome::Now),
            Op::Grant(grant) => self.grant(reply.conn, grant, rng).map(Outcome::Now),
        }
    }

    /// Tries again what waited for something that holds now. What waits on keeps its place.
    pub(crate) fn retry_parked(&mut self, rng: &mut dyn CryptoRngCore) {
        let mut position = 0;
        while let Some(parked) = self.clients.parked.get(position) {
            if self.holds(&parked.wait) {
                let parked = self.clients.parked.remove(position);
                // What waited for the registry was not looked at yet.
                let waited = !matches!(parked.wait, Wait::Index(_));
                let wait = self.attempt(parked.reply, &parked.request, parked.deadline, waited, rng);
                let Some(wait) = wait else { continue };
                let place = position.min(self.clients.parked.len());
                self.clients.parked.insert(place, Parked { wait, ..parked });
            }
            position += 1;
        }
    }

    fn holds(&self, wait: &Wait) -> bool {
        match wait {
            Wait::Index(index) => self.registry.index() >= *index,
            Wait::Lease(pool) => {
                let idle = self.presigning(pool) == 0 && self.pairs_ready(pool);
                self.sessions.pools.has_free(pool) || idle || self.check_members(pool).is_err()
            }
            Wait::Presigning { pool, until } => self.presigning(pool) == 0 || *until <= self.now,
        }
    }

    /// Presigning failed: whoever waits for its pool hears of it now.
    pub(crate) fn fail_waiting_leases(&mut self, pool: &PoolKey, why: &str, named: &[NodeIndex]) {
        let waits = |parked: &Parked| matches!(&parked.wait, Wait::Lease(waited) if waited == pool);
        let failed: Vec<ReplyTo> =
            self.clients.parked.iter().filter(|p| waits(p)).map(|parked| parked.reply).collect();
        self.clients.parked.retain(|parked| !waits(parked));
        let shunned = |peer: &NodeIndex| named.contains(peer) || !self.peers.is_up(*peer);
        let peers: Vec<_> = pool.peers_of(self.me.index).filter(shunned).collect();
        for reply in failed {
            self.fail(reply, Failure::missing(&format!("presigning failed: {why}"), peers.clone()));
        }
    }

    /// Gives up what the client no longer waits for.
    pub(crate) fn expire_requests(&mut self) {
        let now = self.now;
        let mut stalled = Vec::new();
        for parked in self.clients.parked.iter_mut().filter(|parked| parked.patient_until <= now) {
            if let Wait::Lease(pool) = &parked.wait {
                stalled.push((pool.clone(), parked.since));
                // Looked at once: if the pool works, it waits to its end.
                parked.patient_until = parked.deadline;
            }
        }
        stalled.iter().for_each(|(pool, since)| self.presigning_stalled(pool, *since));
        let late: Vec<(ReplyTo, &'static str)> = self
            .clients
            .parked
            .iter()
            .filter(|parked| parked.deadline <= now)
            .map(|parked| match parked.wait {
                Wait::Index(_) => (parked.reply, "the registry did not reach the wanted index in time"),
                Wait::Lease(_) => (parked.reply, "no presignature was ready in time"),
                Wait::Presigning { .. } => (parked.reply, "the presignature was not ready in time"),
            })
            .collect();
        self.clients.parked.retain(|parked| parked.deadline > now);
        for (reply, message) in late {
            self.fail(reply, Failure::new(Code::DeadlineExceeded, message));
        }
        self.expire_proposals();
    }
}
