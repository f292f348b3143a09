//! The module's own log, apart from whatever the host application logs with.
//!
//! Each record is one line, written by one `write` to a file opened for appending, so that several
//! processes can share the file and a forked child inherits no lock and no buffer. When
//! `COUNTERFOIL_LOG` is set, records go to standard error instead; without it and a file, nowhere.
//!
//! A PIN, key or digest never stands in a record.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// How severe a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The call failed.
    Error,
    /// Something to look into; the call may have succeeded all the same.
    Warn,
    /// What happens rarely: logins, changes, failed-over nodes.
    Info,
    /// Every call.
    Debug,
}

impl Level {
    /// The level of this name, in lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug].into_iter().find(|level| level.name() == name)
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Where records go.
#[derive(Clone, Debug)]
pub struct Log {
    sink: Sink,
    level: Level,
}

#[derive(Clone, Debug)]
enum Sink {
    Nowhere,
    Stderr,
    File(PathBuf),
}

impl Log {
    /// A log to standard error when `COUNTERFOIL_LOG` is set (to the name of a level, or to anything for `level`), else
    /// to `file`.
    pub fn new(file: Option<PathBuf>, level: Level) -> Self {
        match (std::env::var_os(LOG_VARIABLE), file) {
            (Some(value), _) => {
                let level = value.to_str().and_then(Level::from_name).unwrap_or(level);
                Self { sink: Sink::Stderr, level }
            }
            (None, Some(file)) => Self { sink: Sink::File(file), level },
            (None, None) => Self::off(),
        }
    }

    /// A log that writes nothing.
    pub fn off() -> Self {
        Self { sink: Sink::Nowhere, level: Level::Error }
    }

    /// Writes one record. A log that cannot be written never fails the call.
    pub fn write(&self, level: Level, text: fmt::Arguments<'_>) {
        if level > self.level || matches!(self.sink, Sink::Nowhere) {
            return;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let text = text.to_string().replace(char::is_control, " ");
        let line = format!(
            "{}.{:03} pid={} {} {text}\n",
            since.as_secs(),
            since.subsec_millis(),
            std::process::id(),
            level.name()
        );
        let _ = match &self.sink {
            Sink::Nowhere => Ok(()),
            Sink::Stderr => std::io::stderr().write_all(line.as_bytes()),
            Sink::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)
                .and_then(|mut file| file.write_all(line.as_bytes())),
        };
    }

    /// [`Self::write`] at [`Level::Error`].
    pub fn error(&self, text: fmt::Arguments<'_>) {
        self.write(Level::Error, text);
    }

    /// [`Self::write`] at [`Level::Warn`].
    pub fn warn(&self, text: fmt::Arguments<'_>) {
        self.write(Level::Warn, text);
    }

    /// [`Self::write`] at [`Level::Info`].
    pub fn info(&self, text: fmt::Arguments<'_>) {
        self.write(Level::Info, text);
    }
}

/// Turns on the log to standard error.
pub const LOG_VARIABLE: &str = "COUNTERFOIL_LOG";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn records_are_single_lines_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let log = Log::new(Some(path.clone()), Level::Warn);
        log.warn(format_args!("two\nlines"));
        log.info(format_args!("not severe enough"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains(&format!("pid={} warn two lines", std::process::id())), "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}
