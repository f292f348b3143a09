//! Random numbers (PKCS#11 3.1 section 5.19).

use super::Provider;
use crate::rv::Result;

impl Provider {
    /// `C_SeedRandom`.
    ///
    /// # Errors
    /// [`crate::Error::SessionHandleInvalid`], [`crate::Error::Backend`].
    pub fn seed_random(&self, session: u64, seed: &[u8]) -> Result<()> {
        self.session(session)?;
        Ok(self.backend.seed_random(seed)?)
    }

    /// `C_GenerateRandom`.
    ///
    /// # Errors
    /// [`crate::Error::SessionHandleInvalid`], [`crate::Error::Backend`].
    pub fn generate_random(&self, session: u64, out: &mut [u8]) -> Result<()> {
        self.session(session)?;
        Ok(self.backend.random(out)?)
    }
}
