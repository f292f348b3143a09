//! What can go wrong with a store, each with the file and what to do.

use std::path::PathBuf;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error("{} is in use by another process: stop that process, or give this one its own store", path.display())]
    Locked {
        /// The store file.
        path: PathBuf,
    },
    /// The file is not a store, or its checksums do not hold.
    #[error("{} is damaged or not a store ({detail}): put back a backup of this node", path.display())]
    Corrupted {
        /// The store file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Written in another format.
    #[error("{} has store format {found}, this software reads {}", path.display(), crate::FORMAT)]
    Format {
        /// The store file.
        path: PathBuf,
        /// The format in the file.
        found: u32,
    },
    /// The operating system refused.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The store file.
        path: PathBuf,
        /// The system's message.
        detail: String,
    },
    /// A key or value is over the limits.
    #[error("a record of table {table} is too large: key {key_bytes} bytes, value {value_bytes} bytes")]
    TooLarge {
        /// Table name.
        table: &'static str,
        /// Length of the key, in bytes.
        key_bytes: usize,
        /// Length of the value, in bytes.
        value_bytes: usize,
    },
}
