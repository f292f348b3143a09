//! Random sequences of calls, each answer compared with a model of the library.
//!
//! [`model`] is what the library is held against: sessions, operations, session objects, and for every call one answer.
//! [`calls`] draws calls at random and makes them. What ends an operation is written down in crate `token`,
//! `operation.rs`; the model says it a second time, in its own words, from the specification.
//!
//! Logging in and out, and objects on the token, are left to other tests: they ask the cluster, and what an active
//! operation does at a logout is open (PKCS#11 3.1 section 5.6.10).

pub mod calls;
pub mod model;

use crate::grid::library::Library;
use crate::grid::state::Login;
use crate::grid::world::World;
use calls::{Caller, Random};
use model::Model;

/// How much was done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Done {
    /// Sequences.
    pub sequences: u64,
    /// Calls in them.
    pub calls: u64,
    /// Signatures among them.
    pub signatures: u64,
}

/// Runs sequences number `first` to `first + count - 1`, a third of them in each state of login.
///
/// # Panics
/// At the first answer that is not the model's, with the number of the sequence and its calls.
pub fn run(library: &Library, world: &mut World, first: u64, count: u64) -> Done {
    let mut done = Done::default();
    let logins = [Login::User, Login::Nobody, Login::SecurityOfficer];
    for (block, login) in logins.into_iter().enumerate() {
        world.enter(library, login);
        for number in (first..first + count).filter(|number| number % 3 == block as u64) {
            let calls = sequence(library, world, number, &mut done);
            done.calls += calls;
            done.sequences += 1;
        }
    }
    done
}

fn sequence(library: &Library, world: &World, number: u64, done: &mut Done) -> u64 {
    let mut random = Random::new(number);
    let mut model = Model::new(world);
    let mut caller = Caller::new(library, world);
    let mut trace = Vec::new();
    let length = 8 + random.below(24);
    for _ in 0..length {
        let call = caller.draw(&mut random, &model);
        let (rv, result) = caller.make(&call, &model);
        trace.push(format!("{call:?} -> {}", crate::grid::report::name(rv)));
        if let Err(expected) = model.check(&call, rv, &result) {
            panic!("sequence {number}: {expected} was expected\n{}", trace.join("\n"));
        }
        done.signatures += u64::from(model.signed());
    }
    caller.end(&model);
    length
}
