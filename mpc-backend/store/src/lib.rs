//! Where a node keeps its records: a small trait and two implementations.
//!
//! A record is bytes under a table name and a key. What the bytes mean, and that they are sealed,
//! is the caller's affair; this crate knows no key, no protocol and no clock.
//!
//! Read `RedbStore` for the layout on disk and the crash points; `suite` is what every
//! implementation must pass.

mod error;
mod memory;
mod redb_store;
pub mod suite;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use redb_store::RedbStore;

/// Version of the layout of a store file. A file of another version is refused.
pub const FORMAT: u32 = 1;

/// One change of one record.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// Table name.
    pub table: &'static str,
    /// Key within the table, at most [`KEY_BYTES_MAX`].
    pub key: Vec<u8>,
    /// The new value, at most [`VALUE_BYTES_MAX`]; `None` removes the record.
    pub value: Option<Vec<u8>>,
}

/// A record's key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// A durable map from (table, key) to bytes.
///
/// Calls block on the disk: an asynchronous caller moves them off its executor.
pub trait Store: Send + Sync {
    /// The value of one record, or `None`.
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Records of a table with `from <= key`, and `key < to` unless `to` is `None`, in ascending
    /// order of the key's bytes, at most `limit` of them.
    fn range(
        &self,
        table: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// All records of a table in ascending order of the key's bytes.
    fn scan(&self, table: &'static str) -> Result<Vec<Record>, StoreError> {
        self.range(table, &[], None, usize::MAX)
    }

    /// Makes all changes or none of them, in order, and returns once they would survive a crash.
    fn write(&self, writes: &[Write]) -> Result<(), StoreError>;
}

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// Longest value, in bytes (a registry snapshot is the largest).
pub const VALUE_BYTES_MAX: usize = 128 << 20;

/// Refuses a batch with a key or value over the limits, before anything is written.
fn check_limits(writes: &[Write]) -> Result<(), StoreError> {
    for write in writes {
        let value_bytes = write.value.as_ref().map_or(0, Vec::len);
        if write.key.len() > KEY_BYTES_MAX || value_bytes > VALUE_BYTES_MAX {
            return Err(StoreError::TooLarge { table: write.table, key_bytes: write.key.len(), value_bytes });
        }
    }
    Ok(())
}
