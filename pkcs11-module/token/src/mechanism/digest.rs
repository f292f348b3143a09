//! Message digests (PKCS#11 3.1 chapter 6; FIPS 180-4, FIPS 202), computed in this process.

use ::digest::DynDigest;
use cryptoki_sys::*;

use super::{Keys, Mechanism, Use, Work};

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512Trunc224,
    Sha512Trunc256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// A digest in progress.
pub(crate) type Hasher = Box<dyn DynDigest + Send>;

impl Hash {
    /// A new digest.
    pub(crate) fn start(self) -> Hasher {
        match self {
            Self::Sha1 => Box::new(sha1::Sha1::default()),
            Self::Sha224 => Box::new(sha2::Sha224::default()),
            Self::Sha256 => Box::new(sha2::Sha256::default()),
            Self::Sha384 => Box::new(sha2::Sha384::default()),
            Self::Sha512 => Box::new(sha2::Sha512::default()),
            Self::Sha512Trunc224 => Box::new(sha2::Sha512_224::default()),
            Self::Sha512Trunc256 => Box::new(sha2::Sha512_256::default()),
            Self::Sha3_224 => Box::new(sha3::Sha3_224::default()),
            Self::Sha3_256 => Box::new(sha3::Sha3_256::default()),
            Self::Sha3_384 => Box::new(sha3::Sha3_384::default()),
            Self::Sha3_512 => Box::new(sha3::Sha3_512::default()),
        }
    }
}

const fn digest(id: u64, hash: Hash) -> Mechanism {
    Mechanism { id, uses: &[Use::Digest], keys: Keys::None, work: Work::Digest(hash) }
}

pub(crate) static SHA_1: Mechanism = digest(CKM_SHA_1, Hash::Sha1);
pub(crate) static SHA224: Mechanism = digest(CKM_SHA224, Hash::Sha224);
pub(crate) static SHA256: Mechanism = digest(CKM_SHA256, Hash::Sha256);
pub(crate) static SHA384: Mechanism = digest(CKM_SHA384, Hash::Sha384);
pub(crate) static SHA512: Mechanism = digest(CKM_SHA512, Hash::Sha512);
pub(crate) static SHA512_224: Mechanism = digest(CKM_SHA512_224, Hash::Sha512Trunc224);
pub(crate) static SHA512_256: Mechanism = digest(CKM_SHA512_256, Hash::Sha512Trunc256);
pub(crate) static SHA3_224: Mechanism = digest(CKM_SHA3_224, Hash::Sha3_224);
pub(crate) static SHA3_256: Mechanism = digest(CKM_SHA3_256, Hash::Sha3_256);
pub(crate) static SHA3_384: Mechanism = digest(CKM_SHA3_384, Hash::Sha3_384);
pub(crate) static SHA3_512: Mechanism = digest(CKM_SHA3_512, Hash::Sha3_512);
