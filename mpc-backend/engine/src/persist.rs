//! What a node keeps on disk, and in which form. Nonces and presignatures are not here (nonce rule R1).
//!
//! | table | key | value |
//! |---|---|---|
//! | `share` | key id, 16 bytes | [`ShareRecord`] |
//! | `head` | node index, 1 byte | format, then an encoded `SignedHead`: the last one of that node |
//! | `tries` | key id of an OPRF key, 16 bytes | format, then 32 bytes for each of the ten tries with a PIN: the hash of the attempt that took it, zeros where none did |
//! | `quarantine` | node index, 1 byte | format, then an encoded `Evidence`: what that peer is quarantined for |
//!
//! Every value starts with its format version, four bytes big-endian. Integers are big-endian, byte
//! strings have a four-byte length. The shell seals values before they reach the disk.

use prost::Message;
use proto::client::v1::Evidence;
use proto::limits::FORMAT;
use proto::registry::v1::SignedHead;
use zeroize::Zeroizing;

use crate::client::Tries;
pub(crate) use crate::effect::Write;
use crate::input::{NodeIndex, Record};

/// Shares of keys.
pub const SHARE: &str = "share";
/// Last signed head of each node, this one's own among them.
pub const HEAD: &str = "head";
/// Peers that are quarantined; a peer without a record is not.
pub const QUARANTINE: &str = "quarantine";
/// Tries with a PIN since the last login; a PIN without a record has all of them.
pub const TRIES: &str = "tries";
/// All tables; a shell restores exactly these.
pub const TABLES: [&str; 4] = [SHARE, HEAD, QUARANTINE, TRIES];

/// A key's share at this node.
pub struct ShareRecord {
    /// The birth statement that this node signed.
    pub statement: Vec<u8>,
    /// Registry index from which on the key is recorded; 0 while it is pending.
    pub active_since: u64,
    /// The share's bytes as crate `threshold` encodes them.
    pub secret: Zeroizing<Vec<u8>>,
}

/// Why a record was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by other software.
    #[error("record {table}/{key} has format {found}, this software reads {FORMAT}")]
    Format {
        /// The table.
        table: String,
        /// The key in hex.
        key: String,
        /// What it has.
        found: u32,
    },
    /// Truncated, too long or not what the table holds.
    #[error("record {table}/{key} is damaged")]
    Damaged {
        /// The table.
        table: String,
        /// The key in hex.
        key: String,
    },
    /// No such table.
    #[error("there is no table {0}")]
    Table(String),
}

impl RecordError {
    /// This record does not hold what it should.
    pub fn damaged(record: &Record) -> Self {
        Self::Damaged { table: record.table.clone(), key: hex::encode(&record.key) }
    }
}

/// Writes a share.
pub fn put_share(key_id: &[u8; 16], record: &ShareRecord) -> Write {
    let length = 4 + 8 + 4 + record.statement.len() + 4 + record.secret.len();
    let mut value = Zeroizing::new(Vec::with_capacity(length));
    value.extend_from_slice(&FORMAT.to_be_bytes());
    value.extend_from_slice(&record.active_since.to_be_bytes());
    for part in [&record.statement, &*record.secret] {
        value.extend_from_slice(&(part.len() as u32).to_be_bytes());
        value.extend_from_slice(part);
    }
    Write { table: SHARE, key: key_id.to_vec(), value: Some(value) }
}

/// Erases a share.
pub fn delete_share(key_id: &[u8; 16]) -> Write {
    Write { table: SHARE, key: key_id.to_vec(), value: None }
}

/// Writes the last head of a node.
pub fn put_head(node: NodeIndex, head: &SignedHead) -> Write {
    put_message(HEAD, node, head)
}

/// Writes what a peer is quarantined for.
pub fn put_quarantine(peer: NodeIndex, evidence: &Evidence) -> Write {
    put_message(QUARANTINE, peer, evidence)
}

/// Ends a peer's quarantine.
pub fn delete_quarantine(peer: NodeIndex) -> Write {
    Write { table: QUARANTINE, key: vec![peer], value: None }
}

/// Writes which tries with a PIN are taken, under its OPRF key.
pub(crate) fn put_tries(key_id: &[u8; 16], tries: &Tries) -> Write {
    let value = [&FORMAT.to_be_bytes()[..], &tries.encode()].concat();
    Write { table: TRIES, key: key_id.to_vec(), value: Some(Zeroizing::new(value)) }
}

/// Gives back all tries.
pub(crate) fn delete_tries(key_id: &[u8; 16]) -> Write {
    Write { table: TRIES, key: key_id.to_vec(), value: None }
}

/// Reads which tries are taken.
pub(crate) fn read_tries(record: &Record) -> Result<([u8; 16], Tries), RecordError> {
    match (record.key.as_slice().try_into(), Tries::decode(body(record)?)) {
        (Ok(key_id), Some(tries)) => Ok((key_id, tries)),
        _ => Err(RecordError::damaged(record)),
    }
}

fn put_message(table: &'static str, node: NodeIndex, message: &impl Message) -> Write {
    let mut value = FORMAT.to_be_bytes().to_vec();
    value.extend_from_slice(&message.encode_to_vec());
    Write { table, key: vec![node], value: Some(Zeroizing::new(value)) }
}

/// Reads a share.
pub fn read_share(record: &Record) -> Result<([u8; 16], ShareRecord), RecordError> {
    let body = body(record)?;
    let parsed = (|| {
        let key_id = <[u8; 16]>::try_from(record.key.as_slice()).ok()?;
        let (active_since, rest) = body.split_first_chunk::<8>()?;
        let (statement, rest) = counted(rest)?;
        let (secret, rest) = counted(rest)?;
        rest.is_empty().then(|| {
            let record = ShareRecord {
                statement: statement.to_vec(),
                active_since: u64::from_be_bytes(*active_since),
                secret: Zeroizing::new(secret.to_vec()),
            };
            (key_id, record)
        })
    })();
    parsed.ok_or_else(|| RecordError::damaged(record))
}

/// Reads the last head of a node.
pub fn read_head(record: &Record) -> Result<(NodeIndex, SignedHead), RecordError> {
    read_message(record)
}

/// Reads what a peer is quarantined for.
pub fn read_quarantine(record: &Record) -> Result<(NodeIndex, Evidence), RecordError> {
    read_message(record)
}

fn read_message<M: Message + Default>(record: &Record) -> Result<(NodeIndex, M), RecordError> {
    let message = M::decode(body(record)?).ok();
    match (record.key.as_slice(), message) {
        ([node], Some(message)) => Ok((*node, message)),
        _ => Err(RecordError::damaged(record)),
    }
}

fn body(record: &Record) -> Result<&[u8], RecordError> {
    let (format, body) = record.value.split_first_chunk::<4>().ok_or_else(|| RecordError::damaged(record))?;
    match u32::from_be_bytes(*format) {
        FORMAT => Ok(body),
        found => {
            let (table, key) = (record.table.clone(), hex::encode(&record.key));
            Err(RecordError::Format { table, key, found })
        }
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(write: Write) -> Record {
        Record { table: write.table.to_owned(), key: write.key, value: write.value.unwrap() }
    }

    fn share() -> ShareRecord {
        ShareRecord { statement: vec![1, 2], active_since: 7, secret: Zeroizing::new(vec![3]) }
    }

    #[test]
    fn share_round_trips() {
        let (key, back) = read_share(&record(put_share(&[9; 16], &share()))).unwrap();
        assert_eq!((key, back.statement, back.active_since), ([9; 16], vec![1, 2], 7));
        assert_eq!(*back.secret, vec![3]);
    }

    #[test]
    fn tries_round_trip_and_damaged_ones_are_named() {
        let tries = Tries::default();
        let kept = || record(put_tries(&[7; 16], &tries));
        assert_eq!(read_tries(&kept()), Ok(([7; 16], tries.clone())));
        let (mut other, mut short) = (kept(), kept());
        other.key.push(7);
        short.value.pop();
        assert!(read_tries(&other).is_err() && read_tries(&short).is_err());
    }

    #[test]
    fn damaged_share_is_named() {
        let mut broken = record(put_share(&[9; 16], &share()));
        broken.value.pop();
        let error = read_share(&broken).err().unwrap().to_string();
        assert!(error.contains(&hex::encode([9; 16])), "{error}");
    }

    #[test]
    fn unknown_format_is_refused_with_both_numbers() {
        let mut newer = record(put_share(&[9; 16], &share()));
        newer.value.splice(..4, 8u32.to_be_bytes());
        let error = read_share(&newer).err().unwrap().to_string();
        assert!(error.contains("format 8") && error.contains("reads 1"), "{error}");
    }
}
