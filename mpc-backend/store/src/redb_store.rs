//! Records in one redb file: the store of a node.
//!
//! **Layout.** One file, mode 0600. Table `records` maps (table name, key) to the value; table
//! `format` holds one number, [`FORMAT`](crate::FORMAT), written when the file is made and checked
//! at each opening. redb keeps a copy-on-write B-tree with checksummed pages and two commit slots.
//!
//! **Atomic and durable.** [`Store::write`] is one redb transaction with immediate durability: the
//! new pages are synced, then the commit slot that names them. It returns after the second sync.
//!
//! **Crash points.** Before the commit slot is synced: the old state is found at the next opening,
//! nothing of the batch is visible. After: all of it is. Making the file and writing `format` is one
//! such transaction; a file without it is taken as new only when it also has no records.
//!
//! **Not covered.** redb's checksums find accidents, not attacks: the caller seals its values. An
//! old copy of the whole file put back is not noticed here; nodes compare registry heads with their
//! peers before they serve (design 3a).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageError, TableDefinition,
};

use crate::{FORMAT, Record, Store, StoreError, Write, check_limits};

const RECORDS: TableDefinition<(&str, &[u8]), &[u8]> = TableDefinition::new("records");
const FORMATS: TableDefinition<&str, u32> = TableDefinition::new("format");
const FORMAT_KEY: &str = "store";
/// Page cache, in bytes: a node's working set is a few hundred records.
const CACHE_BYTES: usize = 16 << 20;

/// A store in one redb file.
pub struct RedbStore {
    database: Database,
    path: PathBuf,
}

impl RedbStore {
    /// Opens the file, or makes it with mode 0600 when there is none.
    ///
    /// Errors when another process has it open, when it is damaged or not a store, and when it was
    /// written in another format.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|error| StoreError::Io { path: path.into(), detail: error.to_string() })?;
        // redb panics over some damage.
        let database = catch_unwind(|| checked(file)).map_err(|_| StoreError::Corrupted {
            path: path.into(),
            detail: "its pages do not belong together".into(),
        })?;
        let database = database.map_err(|error| opening(path, error))?;
        let store = Self { database, path: path.into() };
        store.check_format()?;
        Ok(store)
    }

    /// Writes the format into a new file; refuses a file of another format, or one without.
    fn check_format(&self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(|error| self.failed(error.into()))?;
        {
            let mut formats = transaction.open_table(FORMATS).map_err(|error| self.failed(error.into()))?;
            let records = transaction.open_table(RECORDS).map_err(|error| self.failed(error.into()))?;
            let found = formats
                .get(FORMAT_KEY)
                .map_err(|error| self.failed(error.into()))?
                .map(|format| format.value());
            match found {
                Some(FORMAT) => return Ok(()),
                Some(found) => return Err(StoreError::Format { path: self.path.clone(), found }),
                None if !records.is_empty().map_err(|error| self.failed(error.into()))? => {
                    return Err(StoreError::Corrupted {
                        path: self.path.clone(),
                        detail: "records without a format".into(),
                    });
                }
                None => {
                    formats.insert(FORMAT_KEY, FORMAT).map_err(|error| self.failed(error.into()))?;
                }
            }
        }
        transaction.commit().map_err(|error| self.failed(error.into()))
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        match error {
            redb::Error::Corrupted(detail) => StoreError::Corrupted { path: self.path.clone(), detail },
            other => StoreError::Io { path: self.path.clone(), detail: other.to_string() },
        }
    }
}

impl Store for RedbStore {
    fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let records = self.database.begin_read()?.open_table(RECORDS)?;
            Ok(records.get((table, key))?.map(|value| value.value().to_vec()))
        };
        read().map_err(|error| self.failed(error))
    }

    fn range(
        &self,
        table: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let read = || -> Result<Vec<Record>, redb::Error> {
            let records = self.database.begin_read()?.open_table(RECORDS)?;
            let mut found = Vec::new();
            for record in records.range((table, from)..)? {
                let (name_and_key, value) = record?;
                let (name, key) = name_and_key.value();
                if found.len() >= limit || name != table || to.is_some_and(|to| key >= to) {
                    break;
                }
                found.push((key.to_vec(), value.value().to_vec()));
            }
            Ok(found)
        };
        read().map_err(|error| self.failed(error))
    }

    fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        check_limits(writes)?;
        let commit = || -> Result<(), redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            {
                let mut records = transaction.open_table(RECORDS)?;
                for write in writes {
                    let key = (write.table, write.key.as_slice());
                    match &write.value {
                        Some(value) => records.insert(key, value.as_slice())?,
                        None => records.remove(key)?,
                    };
                }
            }
            transaction.commit()?;
            Ok(())
        };
        commit().map_err(|error| self.failed(error))
    }
}

/// Opens the file and compares all of it with its checksums: reads do not. The few thousand records of a
/// node take milliseconds.
fn checked(file: File) -> Result<Database, DatabaseError> {
    let mut database = Database::builder().set_cache_size(CACHE_BYTES).create_file(file)?;
    if !database.check_integrity()? {
        let detail = "its pages do not match their checksums".to_owned();
        return Err(DatabaseError::Storage(StorageError::Corrupted(detail)));
    }
    Ok(database)
}

/// What an error of [`checked`] means to the operator.
fn opening(path: &Path, error: DatabaseError) -> StoreError {
    let path = path.to_path_buf();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked { path },
        DatabaseError::UpgradeRequired(version) => {
            StoreError::Corrupted { path, detail: format!("redb file format {version}") }
        }
        DatabaseError::Storage(StorageError::Corrupted(detail)) => StoreError::Corrupted { path, detail },
        // A file with other contents: redb reports its missing magic number as invalid data.
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            StoreError::Corrupted { path, detail: error.to_string() }
        }
        other => StoreError::Io { path, detail: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn put(key: &[u8], value: &[u8]) -> [Write; 1] {
        [Write { table: "t", key: key.to_vec(), value: Some(value.to_vec()) }]
    }

    #[test]
    fn redb_store_passes_the_suite() {
        let folder = tempfile::tempdir().unwrap();
        crate::suite::run(&RedbStore::open(&folder.path().join("store")).unwrap());
    }

    #[test]
    fn records_survive_reopening_and_the_file_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        RedbStore::open(&path).unwrap().write(&put(b"k", b"v")).unwrap();
        assert_eq!(RedbStore::open(&path).unwrap().get("t", b"k").unwrap().unwrap(), b"v");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn second_opening_is_told_that_the_file_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let _held = RedbStore::open(&path).unwrap();
        assert!(matches!(RedbStore::open(&path), Err(StoreError::Locked { .. })));
    }

    #[test]
    fn another_kind_of_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        std::fs::write(&path, "not a database, but long enough to look like one. ".repeat(500)).unwrap();
        let error = RedbStore::open(&path).err().unwrap();
        assert!(matches!(error, StoreError::Corrupted { .. }), "{error}");
    }

    #[test]
    fn damaged_file_is_refused_or_still_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        RedbStore::open(&path).unwrap().write(&put(b"k", b"v")).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..4096].fill(0xA5);
        std::fs::write(&path, bytes).unwrap();
        let error = RedbStore::open(&path).err().unwrap();
        assert!(matches!(error, StoreError::Corrupted { .. }), "{error}");
    }

    #[test]
    fn another_format_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = RedbStore::open(&path).unwrap();
        let transaction = store.database.begin_write().unwrap();
        transaction.open_table(FORMATS).unwrap().insert(FORMAT_KEY, 9).unwrap();
        transaction.commit().unwrap();
        drop(store);
        let error = RedbStore::open(&path).err().unwrap().to_string();
        assert!(error.contains("format 9") && error.contains("reads 1"), "{error}");
    }
}
