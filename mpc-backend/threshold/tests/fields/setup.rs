//! A pair set-up; party 2 lies to party 1.

use threshold::ecdsa::{PairSetup, SetupContext, SetupStep};
use threshold::fault::Checks;
use threshold::sim::{self, fields::Field};

use crate::common::{party, rng};
use crate::{Ended, Protocol, Tamper, Variant, Wire};

pub struct Setup;

impl Protocol for Setup {
    const NAME: &'static str = "Pair set-up";
    const ROUNDS: &'static [&'static str] = &["hello", "choices", "trees", "confirmation"];
    const LIAR: u8 = 2;
    const VICTIM: u8 = 1;
    const VARIANTS: &'static [Variant] =
        &[Variant::Usual, Variant::Session, Variant::Epoch, Variant::Receiver];

    fn fields(message: &[u8]) -> Option<Vec<Field>> {
        sim::of_setup(message)
    }

    fn passes(lie: &str) -> Option<&'static str> {
        // Both sides move in turn, so a repeat comes in the next message's place.
        (lie == "twice").then_some("nothing more is awaited")
    }

    fn run(&mut self, variant: Variant, tamper: &mut Tamper<'_>) -> Ended {
        let mut random = rng(variant as u64);
        // The recorded messages of another receiver were for party 3.
        let victim = if variant == Variant::Receiver { 3 } else { 1 };
        let epoch = if variant == Variant::Epoch { 2 } else { 1 };
        let context =
            |me, peer| SetupContext { epoch, ..sim::setup_context(party(me), party(peer), Checks::all()) };
        let (honest, to_liar) = PairSetup::start(context(victim, 2), &mut random);
        let (liar, to_honest) = PairSetup::start(context(2, victim), &mut random);
        let mut states = [(1, Some(honest)), (2, Some(liar))];
        let mut wire =
            std::collections::VecDeque::from([(1, 2, to_liar.to_vec()), (2, 1, to_honest.to_vec())]);
        let mut ended = Ended::default();
        while let Some((from, to, message)) = wire.pop_front() {
            for arrived in tamper(Wire { from, to, round: message[0], message: &message }) {
                let Some(state) = states[usize::from(to) - 1].1.take() else { continue };
                match state.handle(&arrived, &mut random) {
                    Ok(SetupStep::Continue(state, reply)) => {
                        states[usize::from(to) - 1].1 = Some(state);
                        wire.push_back((to, from, reply.to_vec()));
                    }
                    Ok(SetupStep::Done(_)) => {
                        ended.finished.insert(to);
                    }
                    Err(fault) => {
                        // There is no pair yet: what would be dead is never made.
                        if fault.rule.severity() == threshold::fault::Severity::PairDead {
                            ended.dead.insert((to, from));
                        }
                        ended.faults.insert(to, fault);
                    }
                }
            }
        }
        ended
    }
}
