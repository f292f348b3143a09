//! Enforcing checks, and the one door for proving that a test needs its check.

use subtle::Choice;

use super::Fault;
#[cfg(feature = "sim")]
use super::Rule;

/// Which checks are enforced: all of them.
///
/// In simulations (feature `sim`) one rule can be left out, to prove that its test would fail
/// without the check. Without that feature the type has no content and no such door.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checks {
    #[cfg(feature = "sim")]
    left_out: Option<Rule>,
}

impl Checks {
    /// Every check.
    pub fn all() -> Self {
        Self::default()
    }

    /// Every check but `rule`.
    #[cfg(feature = "sim")]
    pub const fn all_but(rule: Rule) -> Self {
        Self { left_out: Some(rule) }
    }

    /// Whether `rule` is left out, for a check that is made inside a library's own step.
    #[cfg(feature = "sim")]
    pub fn leaves_out(self, rule: Rule) -> bool {
        self.left_out == Some(rule)
    }

    /// Passes when the check `held`.
    ///
    /// # Errors
    /// `fault` when it did not.
    pub fn enforce(self, held: bool, fault: Fault) -> Result<(), Fault> {
        #[cfg(feature = "sim")]
        let held = held || self.leaves_out(fault.rule);
        if held { Ok(()) } else { Err(fault) }
    }
}

/// Passes when a check of what is secret `held`: that it did is told, and nothing else. The one branch on such a
/// check that is no rule of a protocol.
///
/// # Errors
/// `failure` when it did not.
pub(crate) fn verdict<E>(held: Choice, failure: E) -> Result<(), E> {
    if held.into() { Ok(()) } else { Err(failure) }
}
