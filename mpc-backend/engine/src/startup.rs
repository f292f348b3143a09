//! From start to service: peers answer for the last head that this node signed, so that an old store put
//! back is noticed; then the node catches up; then it serves (design 3a).

use std::collections::BTreeMap;

use crate::effect::Effect;
use crate::engine::{AfterPersist, Engine};
use crate::event::Event;
use crate::input::NodeIndex;
use crate::persist;
use crate::registry::heads::{Comparison, Head};

/// How long a starting node waits for T peers before T - 1 are enough, in ms: with one node down, the
/// others must be able to start.
const GRACE_MS: u64 = 3_000;
/// How long the highest head of any peer is waited for, in ms. Then one that an honest peer vouches for is
/// enough: a liar may sign a head that no registry will ever reach.
const CATCH_UP_MS: u64 = 10_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Checking,
    CatchingUp,
    Serving,
}

/// Where this node is between start and service.
pub(crate) struct Startup {
    phase: Phase,
    grace_until: Option<u64>,
    catch_up_until: Option<u64>,
    /// Index of the last head of each peer that answered.
    reported: BTreeMap<NodeIndex, u64>,
    /// Highest head that this node signed: served only from there on.
    target: u64,
    /// A head that this node signed and its store does not know.
    fence: Option<Head>,
    /// Two heads at one index were seen.
    stopped: bool,
    /// Own head that is durable, and whether a newer one is on its way to the disk.
    own_durable: u64,
    own_in_flight: bool,
}

impl Startup {
    pub(crate) fn new(own_durable: u64) -> Self {
        Self {
            phase: Phase::Checking,
            grace_until: None,
            catch_up_until: None,
            reported: BTreeMap::new(),
            target: own_durable,
            fence: None,
            stopped: false,
            own_durable,
            own_in_flight: false,
        }
    }

    pub(crate) fn begin(&mut self, now: u64) {
        self.grace_until.get_or_insert(now + GRACE_MS);
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.phase == Phase::Serving && self.fence.is_none()
    }

    /// Whether registry writes are stopped by an alarm.
    pub(crate) fn writes_stopped(&self) -> bool {
        self.stopped
    }

    /// For status.
    pub(crate) fn phase(&self) -> &'static str {
        match (self.phase, &self.fence, self.stopped) {
            (_, Some(_), _) => "store is old: catching up before voting",
            (Phase::Checking, ..) => "waiting for peers to report the registry head",
            (Phase::CatchingUp, ..) => "catching up with the registry",
            (Phase::Serving, _, true) => "serving; registry writes stopped by two heads at one index",
            (Phase::Serving, _, false) => "serving",
        }
    }

    /// Once these are over only a peer's report or the registry moves things on: no clock is waited for.
    pub(crate) fn timeout(&self, now: u64) -> Option<u64> {
        let until = match self.phase {
            Phase::Checking => self.grace_until,
            Phase::CatchingUp => self.catch_up_until,
            Phase::Serving => None,
        };
        until.filter(|until| *until > now)
    }

    /// From which registry index on this node serves. Of T heads or more the T-th highest is not above that of
    /// the best honest peer, since fewer than T lie.
    fn serves_from(&self, needed: usize, now: u64) -> u64 {
        let mut heads: Vec<u64> = self.reported.values().copied().collect();
        heads.sort_unstable_by(|one, other| other.cmp(one));
        let waited = self.catch_up_until.is_some_and(|until| until <= now);
        let vouched = heads.get(needed - 1).filter(|_| waited);
        self.target.max(vouched.or(heads.first()).copied().unwrap_or(0))
    }
}

impl Engine {
    /// A peer answered our query: its own head, and the last one of ours that it has seen.
    pub(crate) fn head_reported(&mut self, peer: NodeIndex, own: Option<Head>, yours: Option<Head>) {
        self.startup.reported.insert(peer, own.as_ref().map_or(0, |head| head.index));
        own.into_iter().for_each(|head| self.peer_head(head));
        if let Some(head) = yours.filter(|head| head.node == self.me.index) {
            self.own_head_returned(peer, head);
        }
    }

    /// A peer's signed head, asked for or not.
    pub(crate) fn peer_head(&mut self, head: Head) {
        let write = persist::put_head(head.node, &head.signed);
        if self.heads.keep(head) {
            self.persist(vec![write], AfterPersist::Nothing);
            self.check_for_fork();
        }
    }

    /// Own heads are durable before they are sent: one above the durable one means that the store is old.
    fn own_head_returned(&mut self, peer: NodeIndex, head: Head) {
        if head.index <= self.startup.own_durable {
            if self.registry.compare(&head) == Comparison::Different {
                self.stop_writes(peer, head.index);
            }
            return;
        }
        if self.startup.fence.as_ref().is_some_and(|fence| fence.index >= head.index) {
            return;
        }
        let (ours, theirs) = (self.startup.own_durable, head.index);
        self.log(Event::StoreIsOld { peer, ours, theirs });
        if self.startup.is_serving() {
            self.emit(Effect::ServingChanged(false));
        }
        if self.startup.phase == Phase::Serving {
            self.startup.phase = Phase::CatchingUp;
        }
        self.startup.target = self.startup.target.max(theirs);
        self.startup.fence = Some(head);
        self.emit(Effect::AllowVoting(false));
    }

    pub(crate) fn advance_startup(&mut self) {
        if self.startup.phase == Phase::Checking && self.heads_answered() {
            self.enter(Phase::CatchingUp);
            self.startup.catch_up_until = Some(self.now + CATCH_UP_MS);
            if self.startup.fence.is_none() {
                self.emit(Effect::AllowVoting(true));
            }
        }
        self.lift_fence();
        let target = self.startup.serves_from(usize::from(self.me.threshold.needed()), self.now);
        let caught_up = self.startup.fence.is_none() && self.registry.index() >= target;
        if self.startup.phase == Phase::CatchingUp && caught_up {
            self.enter(Phase::Serving);
            self.emit(Effect::ServingChanged(true));
            self.sign_head();
        }
    }

    fn heads_answered(&self) -> bool {
        let needed = usize::from(self.me.threshold.needed());
        let over = self.startup.grace_until.is_some_and(|until| until <= self.now);
        let reported = self.startup.reported.len();
        reported >= needed || (over && reported + 1 >= needed)
    }

    /// The fence falls once the registry has passed the unknown head on the same chain.
    fn lift_fence(&mut self) {
        let Some(fence) = &self.startup.fence else { return };
        if self.startup.phase == Phase::Checking || self.registry.index() < fence.index {
            return;
        }
        if self.registry.compare(fence) == Comparison::Different {
            let index = fence.index;
            return self.stop_writes(self.me.index, index);
        }
        self.startup.fence = None;
        self.emit(Effect::AllowVoting(true));
    }

    fn enter(&mut self, phase: Phase) {
        self.startup.phase = phase;
        self.log(Event::PhaseChanged { phase: self.startup.phase() });
    }

    /// Signs the present head when it is new, one write at a time.
    pub(crate) fn sign_head(&mut self) {
        let checked = self.startup.phase != Phase::Checking && self.startup.fence.is_none();
        let new = self.registry.index() > self.startup.own_durable;
        if !checked || !new || self.startup.own_in_flight {
            return;
        }
        let head = Head::sign(&self.registry, self.me.index, &self.me.identity);
        self.startup.own_in_flight = true;
        self.persist(vec![persist::put_head(head.node, &head.signed)], AfterPersist::Head(head));
    }

    pub(crate) fn own_head_durable(&mut self, head: Head) {
        self.startup.own_in_flight = false;
        self.startup.own_durable = head.index;
        self.heads.keep(head);
        self.broadcast_head();
        self.sign_head();
    }

    pub(crate) fn check_for_fork(&mut self) {
        if let Some(head) = self.heads.fork(&self.registry, self.me.index) {
            let (peer, index) = (head.node, head.index);
            self.stop_writes(peer, index);
        }
    }

    fn stop_writes(&mut self, peer: NodeIndex, index: u64) {
        if !self.startup.stopped {
            self.startup.stopped = true;
            self.log(Event::HeadsDiffer { peer, index });
        }
    }
}
