//! The hashes of PKCS#1.

use alloc::vec::Vec;

use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// A hash of RFC 8017, for messages, MGF1 and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1: for old verifiers only.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Length of a digest.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `parts` one after the other.
    pub fn digest(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        fn of(mut hasher: impl DynDigest, parts: &[&[u8]], bytes: usize) -> Zeroizing<Vec<u8>> {
            parts.iter().for_each(|part| hasher.update(part));
            let mut digest = Zeroizing::new(alloc::vec![0; bytes]);
            hasher.finalize_into(&mut digest).expect("the output has the digest's length");
            digest
        }
        match self {
            Self::Sha1 => of(Sha1::default(), parts, self.bytes()),
            Self::Sha224 => of(Sha224::default(), parts, self.bytes()),
            Self::Sha256 => of(Sha256::default(), parts, self.bytes()),
            Self::Sha384 => of(Sha384::default(), parts, self.bytes()),
            Self::Sha512 => of(Sha512::default(), parts, self.bytes()),
        }
    }

    /// XORs MGF1 of `seed` into `output` (RFC 8017, B.2.1). Time depends on lengths only.
    pub(super) fn mask(self, seed: &[u8], output: &mut [u8]) {
        for (counter, piece) in (0_u32..).zip(output.chunks_mut(self.bytes())) {
            let mask = self.digest(&[seed, &counter.to_be_bytes()]);
            piece.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
        }
    }

    /// What stands before a digest in DigestInfo (RFC 8017, 9.2, note 1).
    pub(super) const fn digest_info(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20],
            Self::Sha224 => &[0x30, 0x2d, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4, 5, 0, 4, 28],
            Self::Sha256 => &[0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32],
            Self::Sha384 => &[0x30, 0x41, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 48],
            Self::Sha512 => &[0x30, 0x51, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 64],
        }
    }
}
