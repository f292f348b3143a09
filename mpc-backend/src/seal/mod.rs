//! Sealed records: what a node writes to its disk (decision 0011).
//!
//! **Layout.** A sealed value is format (4 bytes) ‖ nonce (12 random bytes) ‖ AES-256-GCM ciphertext
//! with its 16-byte tag. The associated data are format, key epoch, cluster id, node, table and key,
//! so a record opens only where it was put. Table `seal` holds `header` in the clear (see `header`)
//! and `check`, sealed: a constant and the number of values sealed so far.
//!
//! **Atomic and durable.** One `write` is one write of the store, the new count with it.
//!
//! **Limits.** Random nonces under one key are safe for 2^32 values (NIST SP 800-38D, 8.3); the
//! count is sealed with each write, and past the limit writing is refused. Keys and table names are
//! not hidden. One old record put back beside newer ones still opens: it is the right record of an
//! earlier time. What must not go back is compared with the peers (design 3a) or kept in memory only
//! (design 5, R1).

mod header;

use std::sync::Mutex;

use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes256Gcm, Nonce};
use rand_core::{OsRng, RngCore};
use store::{Store, StoreError, Write};
use zeroize::Zeroizing;

use header::Header;
pub use header::{Costs, FORMAT, Passphrase, PassphraseError};

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The cluster.
    pub cluster_id: [u8; 32],
    /// 1-based index of the node.
    pub node: u8,
}

/// Why a sealed store refused.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The store beneath.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value that is not what was sealed under this name.
    #[error(
        "record {name} does not open: sealed under another passphrase, moved from another node or altered"
    )]
    Record {
        /// Table and the start of the key in hex.
        name: String,
    },
    /// A value in another format.
    #[error("record {name} has sealed format {found}, this software reads {FORMAT}")]
    Format {
        /// Table and the start of the key in hex.
        name: String,
        /// The format in the record.
        found: u32,
    },
    /// The check record does not open.
    #[error("the passphrase does not open this store: it is another one, or the store's header was altered")]
    Passphrase,
    /// The header is not one.
    #[error("the store's seal header is damaged: put back a backup of this node")]
    Header,
    /// The store of another node or cluster.
    #[error("the store belongs to node {} of cluster {}, not to node {} of cluster {}",
        .found.node, hex::encode(.found.cluster_id), .expected.node, hex::encode(.expected.cluster_id))]
    Owner {
        /// Who the header names.
        found: Owner,
        /// Who we are.
        expected: Owner,
    },
    /// 2^32 values were sealed.
    #[error("this store's sealing key is used up: move the node to a new store")]
    Exhausted,
}

/// An opened record: its key and its value.
pub type OpenRecord = (Vec<u8>, Zeroizing<Vec<u8>>);

/// A store whose values are sealed.
pub struct SealedStore {
    store: Box<dyn Store>,
    cipher: Aes256Gcm,
    owner: Owner,
    epoch: u32,
    /// Values sealed so far; the lock also keeps counts in the order of the writes.
    sealed: Mutex<u64>,
}

impl SealedStore {
    /// Opens a sealed store, or makes one with `costs` when `store` has none.
    ///
    /// Errors when it belongs to another node or cluster, and when the passphrase does not open it.
    pub fn open(
        store: Box<dyn Store>,
        owner: Owner,
        passphrase: &Passphrase,
        costs: Costs,
    ) -> Result<Self, SealError> {
        match store.get(TABLE, HEADER)? {
            Some(bytes) => {
                let header = Header::decode(&bytes)?;
                if header.owner != owner {
                    return Err(SealError::Owner { found: header.owner, expected: owner });
                }
                let opened = Self::with(store, &header, passphrase, 0)?;
                let check = opened.get(TABLE, CHECK).map_err(|error| match error {
                    SealError::Record { .. } => SealError::Passphrase,
                    other => other,
                })?;
                let check = check.ok_or(SealError::Header)?;
                let count = check.strip_prefix(CHECK_TEXT).and_then(|count| count.try_into().ok());
                let count = u64::from_be_bytes(count.ok_or(SealError::Header)?);
                *opened.count() = count;
                Ok(opened)
            }
            None => {
                let header = Header::create(owner, costs);
                let made = Self::with(store, &header, passphrase, 1)?;
                let header = Write { table: TABLE, key: HEADER.into(), value: Some(header.encode()) };
                let check = made.seal(made.check(1))?;
                made.store.write(&[header, check])?;
                Ok(made)
            }
        }
    }

    /// The value of one record, or `None`.
    pub fn get(&self, table: &'static str, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
        self.store.get(table, key)?.map(|value| self.unseal(table, key, value)).transpose()
    }

    /// Records of a table with `from <= key` and, if given, `key < to`, in ascending order, at most
    /// `limit`.
    pub fn range(
        &self,
        table: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<OpenRecord>, SealError> {
        let records = self.store.range(table, from, to, limit)?.into_iter();
        records.map(|(key, value)| self.unseal(table, &key, value).map(|value| (key, value))).collect()
    }

    /// All records of a table in ascending order of the key.
    pub fn scan(&self, table: &'static str) -> Result<Vec<OpenRecord>, SealError> {
        self.range(table, &[], None, usize::MAX)
    }

    /// Seals and makes all changes or none, and returns once they would survive a crash.
    pub fn write(&self, writes: Vec<Write>) -> Result<(), SealError> {
        let mut count = self.count();
        let values = writes.iter().filter(|write| write.value.is_some()).count() as u64;
        // One more for the check record itself.
        let next = *count + values + 1;
        if next > SEALED_MAX {
            return Err(SealError::Exhausted);
        }
        let sealed: Result<Vec<Write>, SealError> =
            writes.into_iter().chain([self.check(next)]).map(|write| self.seal(write)).collect();
        // Counted before the write: a nonce of a failed write was used all the same.
        *count = next;
        Ok(self.store.write(&sealed?)?)
    }

    fn with(
        store: Box<dyn Store>,
        header: &Header,
        passphrase: &Passphrase,
        sealed: u64,
    ) -> Result<Self, SealError> {
        let cipher = header.cipher(passphrase)?;
        Ok(Self { store, cipher, owner: header.owner, epoch: header.epoch, sealed: Mutex::new(sealed) })
    }

    fn count(&self) -> std::sync::MutexGuard<'_, u64> {
        self.sealed.lock().expect("nothing panics while the count is locked")
    }

    fn check(&self, count: u64) -> Write {
        let value = [CHECK_TEXT, &count.to_be_bytes()].concat();
        Write { table: TABLE, key: CHECK.into(), value: Some(value) }
    }

    fn seal(&self, write: Write) -> Result<Write, SealError> {
        let Write { table, key, value } = write;
        let Some(value) = value.map(Zeroizing::new) else { return Ok(Write { table, key, value: None }) };
        let mut nonce = [0; NONCE_BYTES];
        OsRng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(PREFIX_BYTES + value.len() + TAG_BYTES);
        sealed.extend_from_slice(&FORMAT.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&value);
        let (_, text) = sealed.split_at_mut_checked(PREFIX_BYTES).expect("the prefix was just written");
        let tag = self
            .cipher
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), &self.context(table, &key), text)
            .expect("a value is far shorter than the 64 GiB that GCM takes");
        sealed.extend_from_slice(&tag);
        Ok(Write { table, key, value: Some(sealed) })
    }

    fn unseal(
        &self,
        table: &'static str,
        key: &[u8],
        sealed: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let altered = || SealError::Record { name: name(table, key) };
        let (format, rest) = sealed.split_first_chunk().ok_or_else(altered)?;
        let format = u32::from_be_bytes(*format);
        if format != FORMAT {
            return Err(SealError::Format { name: name(table, key), found: format });
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(altered)?;
        let (text, tag) = text.split_last_chunk::<TAG_BYTES>().ok_or_else(altered)?;
        let mut value = Zeroizing::new(text.to_vec());
        self.cipher
            .decrypt_in_place_detached(nonce.into(), &self.context(table, key), &mut value, tag.into())
            .map_err(|_| altered())?;
        Ok(value)
    }

    /// The associated data. All parts before the table have fixed length; the table's length stands
    /// before it, and the key is the rest.
    fn context(&self, table: &str, key: &[u8]) -> Vec<u8> {
        let mut context = Vec::from(CONTEXT_LABEL);
        context.extend_from_slice(&FORMAT.to_be_bytes());
        context.extend_from_slice(&self.epoch.to_be_bytes());
        context.extend_from_slice(&self.owner.cluster_id);
        context.push(self.owner.node);
        context.extend_from_slice(&(table.len() as u32).to_be_bytes());
        context.extend_from_slice(table.as_bytes());
        context.extend_from_slice(key);
        context
    }
}

/// A record's name for messages: the table and the first eight bytes of the key.
fn name(table: &str, key: &[u8]) -> String {
    match key.split_at_checked(NAME_BYTES) {
        Some((start, rest)) if !rest.is_empty() => format!("{table}/{}…", hex::encode(start)),
        _ => format!("{table}/{}", hex::encode(key)),
    }
}

const TABLE: &str = "seal";
const HEADER: &[u8] = b"header";
const CHECK: &[u8] = b"check";
const CHECK_TEXT: &[u8] = b"counterfoil sealed store";
const CONTEXT_LABEL: &[u8] = b"counterfoil/sealed-record/v1";
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const PREFIX_BYTES: usize = 4 + NONCE_BYTES;
const NAME_BYTES: usize = 8;
/// NIST SP 800-38D, 8.3: at most 2^32 invocations with random 96-bit nonces under one key.
const SEALED_MAX: u64 = 1 << 32;
