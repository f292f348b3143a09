//! Hashing to ristretto255 (RFC 9497, 4.1, by RFC 9380).

use curve25519_dalek::RistrettoPoint;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::OUTPUT_BYTES;

/// `CreateContextString(0, "ristretto255-SHA512")` (RFC 9497, 3.1).
const CONTEXT: &[u8] = b"OPRFV1-\x00-ristretto255-SHA512";

/// Block size of SHA-512 (RFC 9380: s_in_bytes).
const BLOCK_BYTES: usize = 128;

/// HashToGroup of RFC 9497: the input element.
pub fn hash_to_group(input: &[u8]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&expand(input, &[b"HashToGroup-", CONTEXT]))
}

/// The last step of Finalize (RFC 9497, 3.3.1): the output from input and unblinded element.
pub(crate) fn finalize(input: &[u8], unblinded: &RistrettoPoint) -> Zeroizing<[u8; OUTPUT_BYTES]> {
    let element = Zeroizing::new(unblinded.compress().to_bytes());
    let input_length = u16::try_from(input.len()).expect("inputs are at most INPUT_BYTES_MAX long");
    let element_length = u16::try_from(element.len()).expect("an element has 32 bytes");
    let digest = Sha512::new()
        .chain_update(input_length.to_be_bytes())
        .chain_update(input)
        .chain_update(element_length.to_be_bytes())
        .chain_update(*element)
        .chain_update(b"Finalize")
        .finalize();
    Zeroizing::new(digest.into())
}

/// expand_message_xmd of RFC 9380, 5.3.1, with SHA-512 and len_in_bytes = 64: one output block.
///
/// `tag` is the domain separation tag in pieces, together at most 255 bytes.
pub fn expand(message: &[u8], tag: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let tag_length = tag.iter().map(|piece| piece.len()).sum::<usize>();
    let tag_length = u8::try_from(tag_length).expect("every tag here is far below 256 bytes");
    let absorb_tag = |hasher: Sha512| {
        let hasher = tag.iter().fold(hasher, |hasher, piece| hasher.chain_update(piece));
        hasher.chain_update([tag_length])
    };
    // b_0 = H(Z_pad || msg || l_i_b_str || I2OSP(0, 1) || DST_prime)
    let first = Sha512::new()
        .chain_update([0; BLOCK_BYTES])
        .chain_update(message)
        .chain_update(64_u16.to_be_bytes())
        .chain_update([0]);
    let b0: Zeroizing<[u8; 64]> = Zeroizing::new(absorb_tag(first).finalize().into());
    // b_1 = H(b_0 || I2OSP(1, 1) || DST_prime)
    let second = Sha512::new().chain_update(*b0).chain_update([1]);
    Zeroizing::new(absorb_tag(second).finalize().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use curve25519_dalek::Scalar;

    /// DeriveKeyPair (RFC 9497, 3.2.1): only the vectors need it, since our keys come from the DKG.
    fn derive_key(seed: &[u8], info: &[u8]) -> Scalar {
        let length = u16::try_from(info.len()).unwrap().to_be_bytes();
        (0..=255_u8)
            .map(|counter| [seed, &length, info, &[counter]].concat())
            .map(|input| Scalar::from_bytes_mod_order_wide(&expand(&input, &[b"DeriveKeyPair", CONTEXT])))
            .find(|key| *key != Scalar::ZERO)
            .unwrap()
    }

    #[test]
    fn rfc9497_derive_key_pair_ristretto255() {
        let key = derive_key(&[0xa3; 32], b"test key");
        assert_eq!(
            hex::encode(key.to_bytes()),
            "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e"
        );
    }
}
