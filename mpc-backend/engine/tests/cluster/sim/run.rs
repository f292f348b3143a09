//! How time passes in a simulation: what is due happens in order, and is delivered.

use engine::{Engine, Input, ProposalError};

use crate::sim::{Delivery, Node, Sim};

impl Sim {
    pub fn deliver_log(&mut self, index: u8) {
        let boot = self.node(index).boots;
        for _ in self.node(index).applied..self.log.len() {
            self.schedule(20, Delivery::Apply { node: index, boot });
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let same = |sim: &mut Self, node: u8, boot: u32| sim.node(node).boots == boot;
        match delivery {
            Delivery::Peer { from, to, link, envelope } => {
                let current = self.links.get(&Self::pair(from, to)).copied();
                if current == Some((true, link)) {
                    if let Some(liar) = self.liars.get_mut(&to) {
                        liar.hear(from, &envelope);
                    }
                    self.input(to, Input::PeerMessage { peer: from, envelope });
                }
            }
            Delivery::Connect { one, other } => self.connect(one, other),
            Delivery::Durable { node, boot, ticket, writes } if same(self, node, boot) => {
                if self.node(node).engine.is_some() {
                    for write in writes {
                        let place = (write.table.to_owned(), write.key);
                        match write.value {
                            Some(value) => self.node(node).store.insert(place, value.to_vec()),
                            None => self.node(node).store.remove(&place),
                        };
                    }
                    self.input(node, Input::Persisted { ticket });
                }
            }
            Delivery::Worked { node, boot, worked } if same(self, node, boot) => {
                self.input(node, Input::Worked(*worked));
            }
            Delivery::Commit { node, boot, ticket, command } => self.commit(node, boot, ticket, command),
            Delivery::Apply { node, boot } if same(self, node, boot) && !self.hold_log.contains(&node) => {
                let next = self.node(node).applied;
                if let Some(command) = self.log.get(next).cloned() {
                    self.node(node).applied += 1;
                    self.input(node, Input::Applied { index: next as u64 + 1, command });
                }
            }
            Delivery::Done { node, boot, ticket, result } if same(self, node, boot) => {
                self.input(node, Input::ProposalDone { ticket, result });
            }
            Delivery::Client { node, boot, conn, frame } if same(self, node, boot) => {
                self.input(node, Input::ClientFrame { conn, frame: *frame });
            }
            Delivery::Start { node } => {
                if !self.runs(node) {
                    self.start(node);
                }
            }
            Delivery::Client { .. }
            | Delivery::Durable { .. }
            | Delivery::Worked { .. }
            | Delivery::Apply { .. }
            | Delivery::Done { .. } => {}
        }
    }

    fn connect(&mut self, one: u8, other: u8) {
        let both = self.runs(one) && self.runs(other);
        if both && (self.isolated.contains(&one) || self.isolated.contains(&other)) {
            return self.schedule(50, Delivery::Connect { one, other });
        }
        let link = self.links.entry(Self::pair(one, other)).or_default();
        if both && !link.0 {
            link.0 = true;
            self.input(one, Input::PeerConnected { peer: other });
            self.input(other, Input::PeerConnected { peer: one });
        }
    }

    fn commit(&mut self, node: u8, boot: u32, ticket: u64, command: Vec<u8>) {
        let voters = self.nodes.iter().filter(|node| node.engine.is_some() && node.voting).count();
        if voters < usize::from(self.shape.needed) {
            let result = Err(ProposalError::NoLeader);
            return self.schedule(1, Delivery::Done { node, boot, ticket, result });
        }
        self.log.push(command);
        for index in self.all() {
            let (boot, delay) = (self.node(index).boots, self.delay());
            self.schedule(delay, Delivery::Apply { node: index, boot });
        }
        let result = Ok(self.log.len() as u64);
        self.schedule(20, Delivery::Done { node, boot, ticket, result });
    }

    /// The next thing that happens; `false` when nothing does before `limit`.
    pub fn step(&mut self, limit: u64) -> bool {
        self.steps += 1;
        let waiting = self.queue.len();
        assert!(
            self.steps < STEPS_MAX && waiting < QUEUE_MAX,
            "no rest: step {}, {waiting} waiting",
            self.steps
        );
        let due = |node: &Node| {
            let due = node.engine.as_ref().and_then(Engine::poll_timeout)?;
            Some(due.saturating_sub(node.skew))
        };
        let ticks = self.nodes.iter().zip(1..).filter_map(|(node, index)| Some((due(node)?, index)));
        let tick: Option<(u64, u8)> = ticks.min();
        let first = self.queue.first_key_value().map(|(key, _)| key.0);
        match (first, tick) {
            (Some(at), tick) if at <= limit && tick.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                let (_, delivery) = self.queue.pop_first().unwrap();
                self.deliver(delivery);
                true
            }
            (_, Some((due, index))) if due <= limit => {
                self.now = self.now.max(due);
                self.input(index, Input::Tick);
                true
            }
            _ => false,
        }
    }

    pub fn run(&mut self, ms: u64) {
        let limit = self.now + ms;
        while self.step(limit) {}
        self.now = limit;
    }
}

/// Far beyond what an execution comes to; one that gets there never ends.
const STEPS_MAX: u64 = 3_000_000;
const QUEUE_MAX: usize = 20_000;
