//! Orders to begin a session that came before this node has applied what they rest on: the coordinator may
//! be a registry index ahead. They wait for a moment and within bounds, and are then checked like any other.

use proto::peer::v1::PresignStart;
use proto::registry::v1::{Attribute, BirthStatement};
use rand_core::CryptoRngCore;

use super::SessionId;
use crate::engine::Engine;
use crate::input::NodeIndex;
use crate::peers::Why;

/// Most orders that wait.
const ORDERS_MAX: usize = 64;
/// How long an order waits, in ms; early messages are kept a little longer.
const WAIT_MS: u64 = 2_500;

/// What a coordinator wants begun.
pub(crate) enum Order {
    /// A key, the attributes of a session key, and what was made for it ahead.
    Generation(BirthStatement, Vec<Attribute>, Vec<u8>),
    Presign(PresignStart),
}

impl Order {
    /// The coordinator's registry index.
    fn index(&self) -> u64 {
        match self {
            Self::Generation(statement, ..) => statement.base_index,
            Self::Presign(start) => start.registry_index,
        }
    }
}

/// An order that waits.
pub(crate) struct Waiting {
    peer: NodeIndex,
    pub(super) session: SessionId,
    order: Order,
    pub(crate) deadline: u64,
}

impl Engine {
    /// Begins what a peer ordered, once this node has applied what the order rests on.
    pub(crate) fn order(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        order: Order,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        if order.index() <= self.registry.index() {
            return self.obey(peer, session, order, rng);
        }
        if self.sessions.orders.len() >= ORDERS_MAX {
            self.send_failed(peer, &session);
            return Err("too many orders ahead of this node's registry");
        }
        let deadline = self.now + WAIT_MS;
        self.sessions.orders.push(Waiting { peer, session, order, deadline });
        Ok(())
    }

    fn obey(
        &mut self,
        peer: NodeIndex,
        session: SessionId,
        order: Order,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), Why> {
        let begun = match order {
            Order::Generation(statement, attributes, modulus) => {
                self.join_generation(peer, session, statement, (attributes, modulus), rng)
            }
            Order::Presign(start) => self.join_presign(peer, session, &start, rng),
        };
        begun.inspect_err(|_| self.send_failed(peer, &session))
    }

    /// The registry moved or time passed.
    pub(crate) fn retry_orders(&mut self, rng: &mut dyn CryptoRngCore) {
        let (index, now) = (self.registry.index(), self.now);
        let waiting = std::mem::take(&mut self.sessions.orders);
        for order in waiting {
            if order.order.index() <= index {
                let protocol = proto::peer::v1::Protocol::Control as i32;
                if let Err(why) = self.obey(order.peer, order.session, order.order, rng) {
                    self.refuse_message(order.peer, protocol, why);
                }
            } else if order.deadline <= now {
                self.send_failed(order.peer, &order.session);
            } else {
                self.sessions.orders.push(order);
            }
        }
    }
}
