//! Whole generations of small keys in one process, honest and with one liar. Party 1 lies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod ceremony;
mod honest;
mod lies;

use crate::rsa::Exponent;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::session::State;
use super::{Generated, Generation, Progress, Wanted};
use crate::fault::{Checks, Error, Fault, Rule};
use crate::party::PartyIndex;
use crate::round::Outbox;
use crate::sharing::replicated::tests::{honest_keys, party};

const LIAR: u8 = 1;
const E: Exponent = Exponent::F4;
/// Bits of the keys: offered in tests only.
const BITS: usize = 512;
const WANTED: Wanted = Wanted { bits: BITS, exponent: E };
/// Where a body begins: behind round and view.
const BODY: usize = 4 + 32;

/// A message on its way; a lie changes it.
struct Wire<'a> {
    /// The round as its sender's state names it.
    step: Step,
    from: u8,
    to: u8,
    message: &'a mut Vec<u8>,
}

impl Wire<'_> {
    fn is_lie_in(&self, step: Step) -> bool {
        self.from == LIAR && self.step == step
    }
}

/// What a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nonces,
    Sieve,
    Products,
    Tests,
    Choice,
    Audit,
    Seed,
    Powers,
    Check,
    Inverse,
    Exponent,
    Values,
    Trials,
    Confirmations,
    Accuse,
    Residue,
    Over,
}

impl Step {
    fn of(state: &State) -> Self {
        match state {
            State::Nonces(_) => Self::Nonces,
            State::Sieve(_) => Self::Sieve,
            State::Products(_) => Self::Products,
            State::Tests(_) => Self::Tests,
            State::Choice(_) => Self::Choice,
            State::Audit(_) => Self::Audit,
            State::Seed(_) => Self::Seed,
            State::Powers(_) => Self::Powers,
            State::Check(_) => Self::Check,
            State::Inverse(_) => Self::Inverse,
            State::Exponent(_) => Self::Exponent,
            State::Values(_) => Self::Values,
            State::Trials(_) => Self::Trials,
            State::Confirmations(_) => Self::Confirmations,
            State::Accuse(_) => Self::Accuse,
            State::Residue(_) => Self::Residue,
            State::Over => Self::Over,
        }
    }
}

/// What the parties ended with, and the steps on the way.
struct Ended {
    results: BTreeMap<u8, Result<Box<Generated>, Fault>>,
    steps: Vec<Step>,
}

impl Ended {
    fn generated(self) -> Vec<Generated> {
        self.results.into_values().map(|result| *result.unwrap_or_else(|fault| panic!("{fault:?}"))).collect()
    }

    fn honest(&self) -> impl Iterator<Item = (u8, Option<Fault>)> + '_ {
        let honest = self.results.iter().filter(|(party, _)| **party != LIAR);
        honest.map(|(party, result)| (*party, result.as_ref().err().copied()))
    }

    fn all_honest_found(&self, rule: Rule) {
        assert!(self.honest().count() > 0, "after {:?}", self.steps);
        for (index, fault) in self.honest() {
            assert_eq!(fault, Some(Fault::of(party(LIAR), rule)), "party {index} after {:?}", self.steps);
        }
    }
}

/// A whole cluster in lockstep.
struct Cluster {
    generations: BTreeMap<PartyIndex, Generation>,
    outboxes: BTreeMap<PartyIndex, Outbox>,
    ended: Ended,
}

impl Cluster {
    fn start(needed: u8, wanted: Wanted, checks: Checks, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (mut generations, mut outboxes) = (BTreeMap::new(), BTreeMap::new());
        for keys in honest_keys(needed, seed) {
            let me = keys.me();
            let (generation, outbox) = Generation::start(keys, wanted, &[7; 32], checks, &mut rng).unwrap();
            generations.insert(me, generation);
            outboxes.insert(me, outbox);
        }
        let ended = Ended { results: BTreeMap::new(), steps: Vec::new() };
        Self { generations, outboxes, ended }
    }

    fn step(&self) -> Step {
        self.generations.get(&party(2)).map_or(Step::Over, |generation| Step::of(&generation.state))
    }

    /// One round; whether there is another.
    fn round(&mut self, lie: &mut impl FnMut(&mut Wire<'_>)) -> bool {
        let step = self.step();
        if step != Step::Over {
            self.ended.steps.push(step);
        }
        let mut outgoing = Vec::new();
        for (from, outbox) in core::mem::take(&mut self.outboxes) {
            for (to, mut message) in outbox {
                lie(&mut Wire { step, from: from.get(), to: to.get(), message: &mut message });
                outgoing.push((from, to, message));
            }
        }
        // The liar goes on as if it had meant what it said.
        let said =
            outgoing.iter().find(|(from, ..)| from.get() == LIAR).and_then(|(.., said)| said.get(BODY..));
        let liar = self.generations.get_mut(&party(LIAR)).and_then(|liar| liar.session.as_mut());
        said.zip(liar).into_iter().for_each(|(said, liar)| liar.say(said));
        outgoing.into_iter().for_each(|(from, to, message)| self.deliver(from, to, &message));
        !self.outboxes.is_empty()
    }

    fn deliver(&mut self, from: PartyIndex, to: PartyIndex, message: &[u8]) {
        let Some(generation) = self.generations.get_mut(&to) else { return };
        let result = match generation.receive(from, message) {
            Ok(Progress::Continue(outbox)) if outbox.is_empty() => return,
            Ok(Progress::Continue(outbox)) => {
                assert!(self.outboxes.insert(to, outbox).is_none());
                return;
            }
            Ok(Progress::Done(generated)) => Ok(generated),
            Err(Error::Fault(fault)) => Err(fault),
            Err(Error::Misuse(misuse)) => panic!("{misuse}"),
        };
        self.generations.remove(&to);
        assert!(self.ended.results.insert(to.get(), result).is_none());
    }

    fn run(mut self, mut lie: impl FnMut(&mut Wire<'_>)) -> Ended {
        while self.round(&mut lie) {}
        self.ended
    }
}

fn generate(needed: u8, checks: Checks, seed: u64, lie: impl FnMut(&mut Wire<'_>)) -> Ended {
    Cluster::start(needed, WANTED, checks, seed).run(lie)
}
