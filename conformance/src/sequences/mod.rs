//! Random sequences of calls, each answer compared with a model of the library.
//!
//! [`model`] is what the library is held against: sessions, operations, session objects and key pairs of sessions, and for
//! every call one answer. [`draw`] draws calls at random and [`make`] makes them. What ends an operation is written down in crate `token`,
//! `operation.rs`; the model says it a second time, in its own words, from the specification.
//!
//! Logging in and out, and objects on the token, are left to other tests: they ask the cluster, and what an active
//! operation does at a logout is open (PKCS#11 3.1 section 5.6.10).

pub mod calls;
pub mod draw;
pub mod keys;
pub mod make;
pub mod model;
pub mod operations;
pub mod random;

use crate::grid::arena::Arena;
use crate::grid::library::Library;
use crate::grid::state::Login;
use crate::grid::world::World;
use crate::session::Attribute;
use keys::Rsa;
use model::Model;
use random::Random;

/// How much was done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Done {
    /// Sequences.
    pub sequences: u64,
    /// Calls in them.
    pub calls: u64,
    /// Signatures and plaintexts of the nodes among them.
    pub works: u64,
}

/// Draws calls and makes them.
pub struct Caller<'a> {
    library: &'a Library,
    world: &'a World,
    arena: Arena,
    /// A session that was closed.
    closed: usize,
    /// An object that was destroyed.
    gone: usize,
}

impl<'a> Caller<'a> {
    /// For one sequence.
    pub fn new(library: &'a Library, world: &'a World) -> Self {
        Self { library, world, arena: Arena::new(), closed: world.closed, gone: world.destroyed }
    }
}

/// Runs sequences number `first` to `first + count - 1`, a third of them in each state of login. `rsa` are the numbers of
/// an RSA key for [`Rsa::bring`].
///
/// # Panics
/// At the first answer that is not the model's, with the number of the sequence and its calls.
pub fn run(library: &Library, world: &mut World, rsa: &[Attribute], first: u64, count: u64) -> Done {
    let mut done = Done::default();
    let logins = [Login::User, Login::Nobody, Login::SecurityOfficer];
    for (block, login) in logins.into_iter().enumerate() {
        world.enter(library, login);
        let rsa = Rsa::bring(library, world, rsa);
        for number in (first..first + count).filter(|number| number % 3 == block as u64) {
            let calls = sequence(library, world, &rsa, number, &mut done);
            done.calls += calls;
            done.sequences += 1;
        }
        rsa.end(library);
    }
    done
}

fn sequence(library: &Library, world: &World, rsa: &Rsa, number: u64, done: &mut Done) -> u64 {
    let mut random = Random::new(number);
    let mut model = Model::new(world, rsa);
    let mut caller = Caller::new(library, world);
    let mut trace = Vec::new();
    let length = 8 + random.below(32);
    for _ in 0..length {
        let call = caller.draw(&mut random, &model);
        let (rv, result) = caller.make(&call, &model);
        trace.push(format!("{call:?} -> {}", crate::grid::report::name(rv)));
        if let Err(expected) = model.check(&call, rv, &result) {
            panic!("sequence {number}: {expected} was expected\n{}", trace.join("\n"));
        }
        done.works += u64::from(model.worked());
    }
    caller.end(&model);
    length
}
