//! A SoftHSM token for the length of a run: the same harness measures it beside ours.

use anyhow::{Context, Result};

use crate::application::Target;

/// A token of its own; gone when dropped.
pub struct SoftHsm(conformance::softhsm::SoftHsm);

impl SoftHsm {
    /// Initialises the token.
    pub fn new() -> Result<Self> {
        conformance::softhsm::SoftHsm::new().map(Self).context("SoftHSM (Debian package softhsm2)")
    }

    /// The token for an application.
    pub fn target(&self) -> Result<Target> {
        Ok(Target {
            module: self.0.module.display().to_string(),
            token: conformance::softhsm::SoftHsm::TOKEN.into(),
            pin: conformance::softhsm::SoftHsm::PIN.into(),
            environment: self.0.environment(),
        })
    }
}
