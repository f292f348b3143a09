//! What exists between `C_Initialize` and `C_Finalize`.

use client::log::Log;
use token::{Provider, Result};

/// The library at work: PKCS#11 over the cluster client, and the log of both.
pub(crate) struct Library {
    pub(crate) provider: Provider,
    pub(crate) log: Log,
}

#[cfg(not(test))]
mod cluster {
    use std::sync::Arc;

    use client::ClusterClient;
    use client::config::{Config, ConfigError};
    use client::log::{Level, Log};
    use token::{Error, Provider};

    use super::{Library, Result};

    impl Library {
        /// Reads the configuration that `COUNTERFOIL_CONFIG` names. Nothing is connected yet: the first call that needs
        /// the cluster does that.
        ///
        /// # Errors
        /// [`Error::GeneralError`]; the reason stands in the log, one line that names file, key and remedy.
        pub(crate) fn open() -> Result<Self> {
            let config = Config::from_env().map_err(refused)?;
            let log = Log::new(config.log.clone(), config.log_level);
            Ok(Self { provider: Provider::new(Arc::new(ClusterClient::new(config))), log })
        }
    }

    /// Without a configuration there is no log file yet: the line goes where `COUNTERFOIL_LOG` says.
    fn refused(error: ConfigError) -> Error {
        Log::new(None, Level::Error).error(format_args!("C_Initialize: {error}"));
        Error::GeneralError
    }
}

/// The crate's own tests run the whole C interface over a token in memory.
#[cfg(test)]
mod double {
    use std::sync::Arc;

    use client::log::Log;
    use token::Provider;
    use token::local_backend::LocalBackend;

    use super::{Library, Result};

    impl Library {
        /// One token with both PINs set.
        pub(crate) fn open() -> Result<Self> {
            let backend = LocalBackend::with_token("test", b"so-pin-123456", b"user-pin-654321");
            Ok(Self { provider: Provider::new(Arc::new(backend)), log: Log::off() })
        }
    }
}
