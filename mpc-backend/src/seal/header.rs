//! How the sealing key comes from a passphrase: Argon2id (RFC 9106) over a random salt, both
//! parameters and salt recorded in the clear so that the same key comes again.
//!
//! The header also names the store's cluster and node in the clear, so that a misplaced file is
//! refused with the right words. An altered header yields another key or other associated data, and
//! then the check record does not open.

use std::path::Path;

use aes_gcm::{Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::{Owner, SealError};
use crate::identity::{self, IdentityError};

/// Version of the sealed form. Another version is refused.
pub const FORMAT: u32 = 1;

/// The contents of the passphrase file without the line end. Not printable, wiped when dropped.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Reads a file that only its owner may read: 12 to 1024 bytes besides the line end.
    pub fn from_file(path: &Path) -> Result<Self, PassphraseError> {
        let mut contents = identity::read_private(path, PASSPHRASE_BYTES_MAX + 1)?
            .ok_or_else(|| PassphraseError::Length(path.into()))?;
        if contents.last() == Some(&b'\n') {
            contents.pop();
        }
        if !(PASSPHRASE_BYTES_MIN..=PASSPHRASE_BYTES_MAX).contains(&contents.len()) {
            return Err(PassphraseError::Length(path.into()));
        }
        Ok(Self(contents))
    }

    /// A passphrase that the caller holds, for tests and simulations.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

/// Why a passphrase file was refused.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// It could not be read, or others may read it.
    #[error(transparent)]
    File(#[from] IdentityError),
    /// Too short to resist guessing, or too long.
    #[error("{} must hold {PASSPHRASE_BYTES_MIN} to {PASSPHRASE_BYTES_MAX} bytes", .0.display())]
    Length(std::path::PathBuf),
}

/// Cost of one guess at the passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Costs {
    /// RFC 9106, 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 4 }
    }
}

/// What stands in the clear at the head of a sealed store.
pub(super) struct Header {
    pub owner: Owner,
    /// Counts the sealing keys that this store has had.
    pub epoch: u32,
    costs: Costs,
    salt: [u8; SALT_BYTES],
}

impl Header {
    /// A header with a fresh salt.
    pub fn create(owner: Owner, costs: Costs) -> Self {
        let mut salt = [0; SALT_BYTES];
        OsRng.fill_bytes(&mut salt);
        Self { owner, epoch: 1, costs, salt }
    }

    /// Format, owner, epoch, costs and salt, numbers big-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&self.owner.cluster_id);
        bytes.push(self.owner.node);
        for number in [self.epoch, self.costs.memory_kib, self.costs.passes, self.costs.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes
    }

    /// Reads a header; refuses another format, trailing bytes and absurd costs.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        let mut rest = bytes;
        let format = u32::from_be_bytes(take(&mut rest)?);
        if format != FORMAT {
            return Err(SealError::Format { name: "seal/header".into(), found: format });
        }
        let cluster_id = take(&mut rest)?;
        let [node] = take(&mut rest)?;
        let epoch = u32::from_be_bytes(take(&mut rest)?);
        let costs = Costs {
            memory_kib: u32::from_be_bytes(take(&mut rest)?),
            passes: u32::from_be_bytes(take(&mut rest)?),
            lanes: u32::from_be_bytes(take(&mut rest)?),
        };
        let salt = take(&mut rest)?;
        // The bounds keep an altered header from exhausting the machine before the check fails.
        if !rest.is_empty() || costs.memory_kib > MEMORY_KIB_MAX || costs.passes > PASSES_MAX {
            return Err(SealError::Header);
        }
        Ok(Self { owner: Owner { cluster_id, node }, epoch, costs, salt })
    }

    /// The cipher that this header and a passphrase yield.
    pub fn cipher(&self, passphrase: &Passphrase) -> Result<Aes256Gcm, SealError> {
        let Costs { memory_kib, passes, lanes } = self.costs;
        let params =
            Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(|_| SealError::Header)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(&passphrase.0, &self.salt, key.as_mut())
            .map_err(|_| SealError::Header)?;
        Ok(Aes256Gcm::new((&*key).into()))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SealError> {
    let (head, tail) = rest.split_first_chunk().ok_or(SealError::Header)?;
    *rest = tail;
    Ok(*head)
}

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const MEMORY_KIB_MAX: u32 = 4 << 20;
const PASSES_MAX: u32 = 64;
const PASSPHRASE_BYTES_MIN: usize = 12;
const PASSPHRASE_BYTES_MAX: usize = 1024;
