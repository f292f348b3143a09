//! The encodings of RFC 8017 that the public half of a key needs.
//!
//! The nodes have their own (crate `threshold`, `rsa::encode`): what they sign must not depend on a line of the client's.

use zeroize::Zeroizing;

use crate::backend::RsaHash;
use crate::rv::{Error, Result};

/// Bytes of PKCS#1 v1.5 padding at least: a zero, the type, eight of padding, a zero.
pub(crate) const PKCS1_OVERHEAD_BYTES: usize = 11;

/// EMSA-PKCS1-v1_5 (9.2) of a digest, or of a message as it is. `None` where the modulus has no room.
pub(crate) fn pkcs1_signature(bytes: usize, digest: Option<RsaHash>, message: &[u8]) -> Option<Vec<u8>> {
    let info = digest.map(digest_info).unwrap_or_default();
    let room = bytes.checked_sub(PKCS1_OVERHEAD_BYTES)?.checked_sub(info.len() + message.len())?;
    Some([&[0, 1], vec![0xff; 8 + room].as_slice(), &[0], info, message].concat())
}

/// A number of `bytes` bytes, with zeros before the message. `None` where the message is longer.
pub(crate) fn raw(bytes: usize, message: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let zeros = vec![0; bytes.checked_sub(message.len())?];
    Some(Zeroizing::new([zeros.as_slice(), message].concat()))
}

/// EME-PKCS1-v1_5 (7.2.1).
pub(super) fn pkcs1_encryption(
    bytes: usize,
    message: &[u8],
    mut random: impl FnMut(&mut [u8]) -> Result<()>,
) -> Result<Zeroizing<Vec<u8>>> {
    let room = bytes.checked_sub(PKCS1_OVERHEAD_BYTES).and_then(|most| most.checked_sub(message.len()));
    let mut padding = Zeroizing::new(vec![0; 8 + room.ok_or(Error::DataLenRange)?]);
    random(&mut padding)?;
    // One byte in 256 is zero and is drawn again.
    for byte in padding.iter_mut() {
        while *byte == 0 {
            let mut again = [0];
            random(&mut again)?;
            let [drawn] = again;
            *byte = drawn;
        }
    }
    Ok(Zeroizing::new([&[0, 2], padding.as_slice(), &[0], message].concat()))
}

/// EME-OAEP (7.1.1) with a hash, that of MGF1, and a label.
pub(super) fn oaep_encode(
    bytes: usize,
    (hash, mgf): (RsaHash, RsaHash),
    label: &[u8],
    message: &[u8],
    mut random: impl FnMut(&mut [u8]) -> Result<()>,
) -> Result<Zeroizing<Vec<u8>>> {
    let room = bytes.checked_sub(2 * hash.bytes() + 2).and_then(|most| most.checked_sub(message.len()));
    let zeros = vec![0; room.ok_or(Error::DataLenRange)?];
    let mut seed = Zeroizing::new(vec![0; hash.bytes()]);
    random(&mut seed)?;
    let data = Zeroizing::new([&hash.digest(&[label]), zeros.as_slice(), &[1], message].concat());
    let data = masked(mgf, &seed, &data);
    let seed = masked(mgf, &data, &seed);
    Ok(Zeroizing::new([&[0], seed.as_slice(), &data].concat()))
}

/// EMSA-PSS-VERIFY (9.1.2) of a block of the modulus' length, `bits` being one less than the modulus has.
pub(super) fn is_pss(
    block: &[u8],
    bits: usize,
    (hash, mgf): (RsaHash, RsaHash),
    salt_bytes: usize,
    digest: &[u8],
) -> bool {
    parse_pss(block, bits, hash, mgf, salt_bytes)
        .is_some_and(|(salt, seed)| *hash.digest(&[&[0; 8], digest, &salt]) == *seed)
}

/// The salt and the hash in a block that has PSS's form.
fn parse_pss(
    block: &[u8],
    bits: usize,
    hash: RsaHash,
    mgf: RsaHash,
    salt_bytes: usize,
) -> Option<(Vec<u8>, &[u8])> {
    let (above, encoded) = block.split_at_checked(block.len().checked_sub(bits.div_ceil(8))?)?;
    let (last, rest) = encoded.split_last()?;
    let (data, seed) = rest.split_at_checked(rest.len().checked_sub(hash.bytes())?)?;
    let unused = 8 * encoded.len() - bits;
    let spare = !(0xff_u8 >> unused);
    let has_form = above.iter().all(|byte| *byte == 0) && *last == 0xbc && data.first()? & spare == 0;
    let mut data = masked(mgf, seed, data);
    data.first_mut().map(|first| *first &= !spare)?;
    let (padding, salt) = data.split_at_checked(data.len().checked_sub(salt_bytes)?)?;
    let (one, zeros) = padding.split_last()?;
    let is_right = has_form && *one == 1 && zeros.iter().all(|byte| *byte == 0);
    is_right.then(|| (salt.to_vec(), seed))
}

/// Data under MGF1 of a seed (B.2.1): masked, or unmasked again.
pub(crate) fn masked(mgf: RsaHash, seed: &[u8], data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut masked = Zeroizing::new(data.to_vec());
    for (counter, piece) in (0_u32..).zip(masked.chunks_mut(mgf.bytes())) {
        let mask = mgf.digest(&[seed, &counter.to_be_bytes()]);
        piece.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    masked
}

/// What stands before a digest in DigestInfo (9.2, note 1).
const fn digest_info(hash: RsaHash) -> &'static [u8] {
    match hash {
        RsaHash::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        RsaHash::Sha224 => b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c",
        RsaHash::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
        RsaHash::Sha384 => b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
        RsaHash::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    }
}
