//! A cluster's past, made once in a process: a token, a user with a PIN, one key. Each seed begins from it, so
//! that its time goes into faults and not into set-up.

use std::sync::OnceLock;

use ed25519_dalek::SigningKey;

use super::{Shape, Sim, Store, THREE_OF_FIVE, TWO_OF_THREE};
use crate::service::ready_in;
use crate::user::{Key, User};

/// What is on the disks of all nodes, and what the client knows.
pub struct World {
    shape: Shape,
    stores: Vec<Store>,
    log: Vec<Vec<u8>>,
    pin_key: SigningKey,
    pub key: Key,
}

impl World {
    /// The past of clusters of this shape.
    pub fn of(shape: Shape) -> &'static Self {
        static WORLDS: [OnceLock<World>; 2] = [const { OnceLock::new() }; 2];
        let place = [TWO_OF_THREE, THREE_OF_FIVE].iter().position(|known| *known == shape).unwrap();
        WORLDS[place].get_or_init(|| Self::make(shape))
    }

    fn make(shape: Shape) -> Self {
        let (mut sim, user, key) = ready_in(shape, 0);
        sim.run(1_000);
        let stores = sim.nodes.into_iter().map(|node| node.store).collect();
        Self { shape, stores, log: sim.log, pin_key: user.pin_key.unwrap(), key }
    }

    /// A cluster with this past, of which no node runs yet.
    pub fn sim(&self, seed: u64) -> Sim {
        let mut sim = Sim::empty(self.shape, seed);
        sim.log.clone_from(&self.log);
        for (node, store) in sim.nodes.iter_mut().zip(&self.stores) {
            node.store.clone_from(store);
            node.old_stores.push(store.clone());
        }
        sim
    }

    /// The client that owns the key, with connections of its own numbers.
    pub fn user(&self, conns: u64) -> User {
        let mut user = User::new(50, 7);
        user.pin_key = Some(self.pin_key.clone());
        user.number_from(conns << 48);
        user
    }
}
