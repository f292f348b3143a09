//! What computes for long is done beside the engine, that it does not stand between others and their answers: the
//! engine hands it to the shell, and takes the outcome as an input.

use std::fmt;

use rand_core::CryptoRngCore;

use crate::client::{Offer, OfferChecked, Part, PartMade};
use crate::engine::Engine;
use crate::sessions::{Step, StepDone};

/// Something to compute.
pub struct Work(Kind);

enum Kind {
    /// A step of a generation: up to seconds.
    Step(Step),
    /// A part of an RSA signature or decryption: milliseconds.
    Part(Box<Part>),
    /// Whether a share of an imported RSA key is right: milliseconds.
    Offer(Box<Offer>),
}

/// What came of it.
pub struct Worked(Outcome);

enum Outcome {
    Step(StepDone),
    Part(Box<PartMade>),
    Offer(Box<OfferChecked>),
}

impl Work {
    /// Computes it.
    pub fn run(self, rng: &mut dyn CryptoRngCore) -> Worked {
        Worked(match self.0 {
            Kind::Step(step) => Outcome::Step(step.run(rng)),
            Kind::Part(part) => Outcome::Part(Box::new(part.run(rng))),
            Kind::Offer(offer) => Outcome::Offer(Box::new(offer.run())),
        })
    }

    /// Whether it is a step of a generation, which may take its time; for everything else a client waits.
    pub const fn is_of_generation(&self) -> bool {
        matches!(self.0, Kind::Step(_))
    }
}

impl From<Step> for Work {
    fn from(step: Step) -> Self {
        Self(Kind::Step(step))
    }
}

impl From<Part> for Work {
    fn from(part: Part) -> Self {
        Self(Kind::Part(Box::new(part)))
    }
}

impl From<Offer> for Work {
    fn from(offer: Offer) -> Self {
        Self(Kind::Offer(Box::new(offer)))
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Step(_) => "Work::Step",
            Kind::Part(_) => "Work::Part",
            Kind::Offer(_) => "Work::Offer",
        })
    }
}

impl Engine {
    /// The shell has done some work.
    pub(crate) fn worked(&mut self, worked: Worked) {
        match worked.0 {
            Outcome::Step(done) => self.step_done(done),
            Outcome::Part(made) => self.part_made(*made),
            Outcome::Offer(checked) => self.offer_checked(*checked),
        }
    }
}
