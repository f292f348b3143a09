//! A cluster's past, made once in a process: a token, a user with a PIN, a key, another of X25519, and the first pair
//! set-ups.
//! Each seed begins from it, so that its time goes into faults and not into set-up.

use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use threshold::ecdsa::Pairs;
use threshold::signing::SigningCurve;

use super::{Shape, Sim, Store, THREE_OF_FIVE, TWO_OF_THREE};
use crate::curves::{usual_scheme, x25519_attributes};
use crate::service::ready_on;
use crate::user::{Key, User};

/// The boot id of a process, and its pairs.
pub struct FirstStart {
    pub boot_id: [u8; 16],
    pub pairs: Pairs,
}

/// What is on the disks of all nodes, and what the client knows.
pub struct World {
    shape: Shape,
    stores: Vec<Store>,
    log: Vec<Vec<u8>>,
    pin_key: SigningKey,
    pub key: Key,
    /// Of X25519.
    pub agreement_key: Key,
    first_starts: Vec<FirstStart>,
}

impl World {
    /// The past of clusters of this shape, with a key on P-256.
    pub fn of(shape: Shape) -> &'static Self {
        Self::on(shape, SigningCurve::P256)
    }

    /// The same, with the key on another curve.
    pub fn on(shape: Shape, curve: SigningCurve) -> &'static Self {
        const CURVES: usize = SigningCurve::ALL.len();
        static WORLDS: [[OnceLock<World>; CURVES]; 2] = [const { [const { OnceLock::new() }; CURVES] }; 2];
        let of_shape = [TWO_OF_THREE, THREE_OF_FIVE].iter().position(|known| *known == shape).unwrap();
        let of_curve = SigningCurve::ALL.iter().position(|known| *known == curve).unwrap();
        WORLDS[of_shape][of_curve].get_or_init(|| Self::make(shape, curve))
    }

    fn make(shape: Shape, curve: SigningCurve) -> Self {
        let (mut sim, mut user, key) = ready_on(Sim::of(shape, 0), usual_scheme(curve));
        let agreement_key = user.generate_key(&mut sim, 1, [2; 16], &x25519_attributes()).unwrap();
        sim.run(1_000);
        let stores = sim.nodes.iter().map(|node| node.store.clone()).collect();
        let pin_key = user.pin_key.unwrap();
        let mut world =
            Self { shape, stores, log: sim.log, pin_key, key, agreement_key, first_starts: Vec::new() };
        world.first_starts = world.start_once();
        world
    }

    fn start_once(&self) -> Vec<FirstStart> {
        let mut sim = self.cold(0);
        let boot_id = |node: u8| [node; 16];
        sim.all().for_each(|node| sim.node(node).boot_id = Some(boot_id(node)));
        sim.start_all();
        sim.run(1_000);
        let pairs = |node| sim.nodes[usize::from(node) - 1].engine.as_ref().unwrap().pairs();
        sim.all().map(|node| FirstStart { boot_id: boot_id(node), pairs: pairs(node) }).collect()
    }

    /// A cluster with this past, of which no node runs yet. Its first start finds the pair set-ups made; later
    /// ones make their own.
    pub fn warm(&'static self, seed: u64) -> Sim {
        let mut sim = self.cold(seed);
        for (node, first) in sim.nodes.iter_mut().zip(&self.first_starts) {
            node.first_start = Some(first);
        }
        sim
    }

    /// The same without any pair set-up.
    pub fn cold(&self, seed: u64) -> Sim {
        let mut sim = Sim::empty(self.shape, seed);
        sim.log.clone_from(&self.log);
        for (node, store) in sim.nodes.iter_mut().zip(&self.stores) {
            node.store.clone_from(store);
            node.old_stores.push(store.clone());
        }
        sim
    }

    /// A warm cluster that runs, after `prepare`, and its user, who is logged in.
    pub fn running(&'static self, seed: u64, prepare: impl FnOnce(&mut Sim)) -> (Sim, User) {
        let mut sim = self.warm(seed);
        prepare(&mut sim);
        sim.start_all();
        sim.run(1_000);
        let mut user = self.user(1);
        user.connect(&mut sim);
        user.login(&mut sim);
        (sim, user)
    }

    /// The client that owns the key, with connections of its own numbers.
    pub fn user(&self, conns: u64) -> User {
        let mut user = User::new(50, 7);
        user.pin_key = Some(self.pin_key.clone());
        user.number_from(conns << 48);
        user
    }
}
