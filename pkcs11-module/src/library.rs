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
    use client::clusters::Clusters;
    use client::config::{Config, ConfigError};
    use client::log::{Level, Log};
    use token::backend::Backend;
    use token::{Error, Provider};

    use super::{Library, Result};

    impl Library {
        /// Reads the configurations that `parameters` name, or else `COUNTERFOIL_CONFIG`: one a cluster. Nothing is connected yet: the first call that needs
        /// the cluster does that.
        ///
        /// # Errors
        /// [`Error::GeneralError`]; the reason stands in the log, one line that names file, key and remedy.
        pub(crate) fn open(parameters: Option<&str>) -> Result<Self> {
            let mut configs = Config::all(parameters).map_err(refused)?;
            let first = configs.first().ok_or(Error::GeneralError)?;
            let log = Log::new(first.log.clone(), first.log_level);
            let backend: Arc<dyn Backend> = match configs.len() {
                1 => Arc::new(ClusterClient::new(configs.remove(0))),
                _ => Arc::new(Clusters::new(configs.into_iter().map(ClusterClient::new), log.clone())),
            };
            Ok(Self { provider: Provider::new(backend), log })
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
        pub(crate) fn open(_parameters: Option<&str>) -> Result<Self> {
            let backend = LocalBackend::with_token("test", b"so-pin-123456", b"user-pin-654321");
            Ok(Self { provider: Provider::new(Arc::new(backend)), log: Log::off() })
        }
    }
}
