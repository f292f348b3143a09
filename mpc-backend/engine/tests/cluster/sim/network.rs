//! Links between nodes: they keep order, break, come back, and repeat messages; and where lies are told.

use engine::Input;
use prost::Message;
use proto::client::v1::NodeFrame;
use proto::peer::v1::{Envelope, Protocol};
use rand_core::RngCore;
use sha2::Digest;

use super::{Delivery, Sim, node_key};

impl Sim {
    pub fn pair(one: u8, other: u8) -> (u8, u8) {
        (one.min(other), one.max(other))
    }

    pub fn disconnect(&mut self, one: u8, other: u8) {
        let link = self.links.entry(Self::pair(one, other)).or_default();
        if !link.0 {
            return;
        }
        *link = (false, link.1 + 1);
        self.input(one, Input::PeerDisconnected { peer: other });
        self.input(other, Input::PeerDisconnected { peer: one });
    }

    /// What a node sends; a liar's messages become what it likes.
    pub(super) fn send(&mut self, from: u8, to: u8, mut envelope: Envelope) {
        if self.alter.as_mut().is_some_and(|alter| alter(from, &mut envelope)) {
            return self.transmit(from, to, envelope);
        }
        let Some(mut liar) = self.liars.remove(&from) else {
            let boots = self.node(from).boots;
            self.ledger.message(from, boots, &envelope);
            return self.transmit(from, to, envelope);
        };
        let mut told = liar.tell(to, envelope.clone(), &mut self.rng);
        // Liars are of one mind. Two that answered each other's lies with more would never end.
        told.retain(|(to, message)| !self.liars.contains_key(to) || *message == envelope);
        self.liars.insert(from, liar);
        told.into_iter().for_each(|(to, envelope)| self.transmit(from, to, envelope));
    }

    /// What a node answers a client.
    pub(super) fn reply(&mut self, node: u8, mut frame: NodeFrame) -> NodeFrame {
        match self.liars.get_mut(&node) {
            Some(liar) => {
                let cluster = self.manifest.cluster_id();
                liar.answer(&mut frame, (&cluster, node, &node_key(node)), &mut self.rng);
            }
            None => self.ledger.reply(node, &frame),
        }
        frame
    }

    fn transmit(&mut self, from: u8, to: u8, envelope: Envelope) {
        self.trace.update(envelope.encode_to_vec());
        let (up, link) = self.links.get(&Self::pair(from, to)).copied().unwrap_or_default();
        if !up {
            return;
        }
        if self.breaks > 0 && self.rng.next_u32() % 1000 < self.breaks {
            self.disconnect(from, to);
            return self.schedule(50, Delivery::Connect { one: from, other: to });
        }
        let delay = self.delay();
        let last = self.last_on_link.entry((from, to)).or_default();
        *last = (*last).max(self.now + delay);
        let delay = *last - self.now;
        // A pair set-up speaks in lockstep: there a repeat is a peer's misbehaviour, not a network's.
        let repeatable = [Protocol::Generation, Protocol::Presign].contains(&envelope.protocol());
        if self.duplicates && repeatable && self.rng.next_u32().is_multiple_of(3) {
            self.schedule(delay, Delivery::Peer { from, to, link, envelope: envelope.clone() });
        }
        self.schedule(delay, Delivery::Peer { from, to, link, envelope });
    }
}
