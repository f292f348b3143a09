//! Everything that is hashed in a protocol: one encoding, one table of labels.
//!
//! The encoding is injective: each part carries its length, and their number is hashed first.
//! `enc(x)` = u32(len x) || x; [`hash`] = SHA-256(enc(label) || enc(u32(n)) || enc(x1) .. enc(xn)).
//! (ecdsa specification, section 2.3.)

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::group::Curve;

/// Output of [`hash`], in bytes.
pub const HASH_BYTES: usize = 32;

/// A domain-separation label. Only this file makes one, and each is used for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(&'static str);

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Label = Label($text);)*

        /// Every label, for the uniqueness test.
        pub const ALL_LABELS: &[Label] = &[$($name),*];
    };
}

labels! {
    /// Identity of one pair set-up.
    SETUP_ID = "counterfoil/ecdsa/v1/setup/id";
    /// Identity of one direction of a pair set-up.
    SETUP_DIRECTION = "counterfoil/ecdsa/v1/setup/dir";
    /// Transcript of one direction of a pair set-up.
    SETUP_TRANSCRIPT = "counterfoil/ecdsa/v1/setup/transcript";
    /// Confirmation of a pair set-up.
    SETUP_CONFIRM = "counterfoil/ecdsa/v1/setup/confirm";
    /// Programmable function of the base OT.
    BASE_FUNCTION = "counterfoil/ecdsa/v1/base/F";
    /// Output key of the base OT.
    BASE_KEY = "counterfoil/ecdsa/v1/base/key";
    /// Children of a tree node.
    TREE_NODE = "counterfoil/ecdsa/v1/tree/node";
    /// Proof value of a leaf.
    TREE_PROOF = "counterfoil/ecdsa/v1/tree/proof";
    /// Digest of a tree's proof values.
    TREE_DIGEST = "counterfoil/ecdsa/v1/tree/digest";
    /// Secret of a pair.
    PAIR_SECRET = "counterfoil/ecdsa/v1/pair/secret";
    /// Key of the zero shares of key shares.
    PAIR_ZERO_KEY = "counterfoil/ecdsa/v1/pair/zero-sk";
    /// Key of the online masks of u.
    PAIR_ONLINE_U = "counterfoil/ecdsa/v1/pair/online-u";
    /// Key of the online masks of w.
    PAIR_ONLINE_W = "counterfoil/ecdsa/v1/pair/online-w";
    /// Challenges of the extension check.
    EXTENSION_CHALLENGE = "counterfoil/ecdsa/v1/ext/chi";
    /// Tag over the row hashes of an extension.
    EXTENSION_TAG = "counterfoil/ecdsa/v1/ext/t";
    /// Digest of an extension message.
    EXTENSION_MESSAGE = "counterfoil/ecdsa/v1/ext/msg";
    /// Gadget vector of a direction and curve.
    GADGET = "counterfoil/ecdsa/v1/mul/gadget";
    /// Key of the pads of one multiplication.
    MUL_PADS = "counterfoil/ecdsa/v1/mul/pads";
    /// Key of the check hashes of one multiplication.
    MUL_KEY = "counterfoil/ecdsa/v1/mul/key";
    /// Digest of the masked inputs of one multiplication.
    MUL_MASKED = "counterfoil/ecdsa/v1/mul/atilde";
    /// Challenges of the multiplication check.
    MUL_CHALLENGE = "counterfoil/ecdsa/v1/mul/theta";
    /// Check value of one multiplication.
    MUL_CHECK = "counterfoil/ecdsa/v1/mul/mu";
    /// Identity of one presigning.
    PRESIGN_ID = "counterfoil/ecdsa/v1/presign/id";
    /// Commitment to a nonce point.
    PRESIGN_COMMITMENT = "counterfoil/ecdsa/v1/com/R";
    /// Transcript of the first round of presigning.
    PRESIGN_ROUND1 = "counterfoil/ecdsa/v1/presign/T1";
    /// Transcript of the second round: the presignature's id.
    PRESIGN_ROUND2 = "counterfoil/ecdsa/v1/presign/T2";
    /// Session and pair set-up that a first message belongs to.
    PRESIGN_PAIR = "counterfoil/ecdsa/v1/presign/pair";
    /// Zero shares of the key shares.
    ZERO_KEY = "counterfoil/ecdsa/v1/zero/sk";
    /// Context of one signature.
    ONLINE_CONTEXT = "counterfoil/ecdsa/v1/online/ctx";
    /// Re-randomisation of the nonce.
    ONLINE_DELTA = "counterfoil/ecdsa/v1/online/delta";
    /// Masks of u.
    ONLINE_U = "counterfoil/ecdsa/v1/online/u";
    /// Masks of w.
    ONLINE_W = "counterfoil/ecdsa/v1/online/w";
    /// Identity of one session that makes nonces.
    FROST_SESSION = "counterfoil/frost/v1/session";
    /// Name of the nonces that a session made.
    FROST_NONCES = "counterfoil/frost/v1/nonces";
    /// Context of one signature.
    FROST_CONTEXT = "counterfoil/frost/v1/ctx";
    /// Masks of answers.
    FROST_MASK = "counterfoil/frost/v1/mask";
    /// Identity of one key generation.
    DKG_CONTEXT = "counterfoil/dkg/v1/context";
    /// Commitment to a first package.
    DKG_COMMITMENT = "counterfoil/dkg/v1/commitment";
    /// Echo of all commitments.
    DKG_COMMITMENTS = "counterfoil/dkg/v1/echo/commitments";
    /// Echo of all opened packages.
    DKG_PACKAGES = "counterfoil/dkg/v1/echo/packages";
    /// Transcript of one key generation.
    DKG_TRANSCRIPT = "counterfoil/dkg/v1/transcript";
    /// Identity of one set-up of replicated keys.
    SHARING_KEYS_ID = "counterfoil/replicated/v1/keys/id";
    /// Commitment to a contribution to a replicated key.
    SHARING_COMMITMENT = "counterfoil/replicated/v1/keys/commitment";
    /// Echo of all such commitments.
    SHARING_COMMITMENTS = "counterfoil/replicated/v1/keys/echo";
    /// A replicated key.
    SHARING_KEY = "counterfoil/replicated/v1/keys/key";
    /// Confirmation of a replicated key.
    SHARING_CONFIRM = "counterfoil/replicated/v1/keys/confirm";
    /// Identity of a session over replicated keys.
    SHARING_SESSION = "counterfoil/replicated/v1/session";
    /// Messages of such a session, and all of them so far.
    SHARING_VIEW = "counterfoil/replicated/v1/view";
    /// Random pieces.
    SHARING_PIECE = "counterfoil/replicated/v1/piece";
    /// What zero shares are made of.
    SHARING_ZERO = "counterfoil/replicated/v1/zero";
    /// Random residues of pieces.
    SHARING_WORD = "counterfoil/replicated/v1/word";
    /// What zero shares of residues are made of.
    SHARING_WORD_ZERO = "counterfoil/replicated/v1/word/zero";
    /// Purpose of the generation of an RSA key.
    RSA_PURPOSE = "counterfoil/rsa/v1/generate/purpose";
    /// Bases of the tests of a modulus.
    RSA_BASE = "counterfoil/rsa/v1/generate/base";
    /// Message of a new key's test signature.
    RSA_TRIAL = "counterfoil/rsa/v1/generate/trial";
    /// Identity of an RSA key.
    RSA_KEY = "counterfoil/rsa/v1/key";
    /// Base of an RSA key's public values.
    RSA_GENERATOR = "counterfoil/rsa/v1/generator";
    /// An RSA key's public values.
    RSA_VALUES = "counterfoil/rsa/v1/values";
    /// Challenge of the proof of an RSA partial.
    RSA_CHALLENGE = "counterfoil/rsa/v1/challenge";
    /// What is raised to d for a ciphertext whose padding may be wrong.
    RSA_REJECTION_BLOCK = "counterfoil/rsa/v1/rejection/block";
    /// Length of what such a ciphertext decrypts to.
    RSA_REJECTION_LENGTH = "counterfoil/rsa/v1/rejection/length";
    /// What such a ciphertext decrypts to.
    RSA_REJECTION_MESSAGE = "counterfoil/rsa/v1/rejection/message";
    /// Everything that one key agreement depends on.
    ECDH_CONTEXT = "counterfoil/ecdh/v1/context";
    /// Challenge of the proof of a key agreement's answer.
    ECDH_CHALLENGE = "counterfoil/ecdh/v1/challenge";
    /// Value of the distributed pseudorandom function, from its input and the point.
    DPRF_VALUE = "counterfoil/dprf/v1/value";
    /// Challenge of an evaluation's proof.
    OPRF_CHALLENGE = "counterfoil/oprf/v1/challenge";
}

/// H: hashes `parts` under `label`.
pub fn hash(label: Label, parts: &[&[u8]]) -> [u8; HASH_BYTES] {
    hash_all(label, parts.iter().copied())
}

/// H over parts that stand one after the other elsewhere.
pub fn hash_all<'a>(label: Label, parts: impl Iterator<Item = &'a [u8]> + Clone) -> [u8; HASH_BYTES] {
    let mut hasher = Sha256::new();
    let count = u32::try_from(parts.clone().count()).expect("no transcript has 2^32 parts");
    absorb(&mut hasher, label.0.as_bytes());
    absorb(&mut hasher, &count.to_be_bytes());
    for part in parts {
        absorb(&mut hasher, part);
    }
    hasher.finalize().into()
}

/// H over parts that are made one after the other.
///
/// Many small parts cost less in larger pieces than each on its own.
pub struct Frames {
    hasher: Sha256,
    pending: Zeroizing<[u8; PIECE_BYTES]>,
    used: usize,
    missing: usize,
}

impl Frames {
    /// H under `label` over `count` parts.
    pub fn new(label: Label, count: usize) -> Self {
        let mut hasher = Sha256::new();
        absorb(&mut hasher, label.0.as_bytes());
        absorb(&mut hasher, &u32::try_from(count).expect("no transcript has 2^32 parts").to_be_bytes());
        Self { hasher, pending: Zeroizing::new([0; PIECE_BYTES]), used: 0, missing: count }
    }

    /// Adds the next part, of up to 1020 bytes.
    #[inline]
    pub fn push(&mut self, part: &[u8]) {
        let length = u32::try_from(part.len()).expect("every part is bounded far below 4 GiB");
        if self.used + 4 + part.len() > PIECE_BYTES {
            self.flush();
        }
        let (_, free) = self.pending.split_at_mut(self.used);
        let (head, free) = free.split_at_mut(4);
        head.copy_from_slice(&length.to_be_bytes());
        free.split_at_mut(part.len()).0.copy_from_slice(part);
        self.used += 4 + part.len();
        self.missing = self.missing.checked_sub(1).expect("no more parts than announced");
    }

    /// H, once all parts are there.
    pub fn hash(mut self) -> [u8; HASH_BYTES] {
        assert_eq!(self.missing, 0, "as many parts as announced");
        self.flush();
        self.hasher.finalize().into()
    }

    fn flush(&mut self) {
        self.hasher.update(self.pending.split_at(self.used).0);
        self.used = 0;
    }
}

/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 1024;

/// X: fills `output` with SHA-256(key || u32(0)) || SHA-256(key || u32(1)) .., key = H(..).
pub fn expand(label: Label, parts: &[&[u8]], output: &mut [u8]) {
    expand_all(label, parts.iter().copied(), output);
}

/// X over parts that stand one after the other elsewhere.
pub fn expand_all<'a>(label: Label, parts: impl Iterator<Item = &'a [u8]> + Clone, output: &mut [u8]) {
    let mut key = hash_all(label, parts);
    for (counter, piece) in (0_u32..).zip(output.chunks_mut(HASH_BYTES)) {
        let mut block: [u8; HASH_BYTES] =
            Sha256::new().chain_update(key).chain_update(counter.to_be_bytes()).finalize().into();
        for (out, byte) in piece.iter_mut().zip(block.iter()) {
            *out = *byte;
        }
        block.zeroize();
    }
    key.zeroize();
}

/// H2S: a scalar from `WIDE_BYTES` of X, within 2^-128 of uniform, in constant time.
pub fn hash_to_scalar<C: Curve>(label: Label, parts: &[&[u8]]) -> C::Scalar {
    let mut wide = Zeroizing::new(alloc::vec![0; C::WIDE_BYTES]);
    expand(label, parts, &mut wide);
    C::reduce_wide(&wide)
}

fn absorb(hasher: &mut Sha256, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("every part is bounded far below 4 GiB");
    hasher.update(length.to_be_bytes());
    hasher.update(part);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn no_two_labels_are_equal_and_none_is_a_prefix_of_the_version() {
        for (position, label) in ALL_LABELS.iter().enumerate() {
            assert!(label.0.starts_with("counterfoil/") && label.0.contains("/v1/"), "{label:?}");
            assert!(!ALL_LABELS[position + 1..].contains(label), "{label:?} stands twice");
        }
    }

    /// Values printed by `dkls23_reference.py`.
    #[test]
    fn hashes_equal_the_reference() {
        let parts: [&[u8]; 2] = [b"abc", b""];
        assert_eq!(hex::encode(hash(PRESIGN_ID, &parts)), REF_H);
        let mut long = [0; 48];
        expand(MUL_CHALLENGE, &parts, &mut long);
        assert_eq!(hex::encode(long), REF_X);
    }

    const REF_H: &str = "043a13a3a9e7bccf2e5400a73a0521c5b63d50b4c3826f1b72d8647dc8298d67";
    const REF_X: &str =
        "dc9a542cd3a5345ea6c707db7f2d94e6bc689ee11191a6d4737c73b3ff5187540142a0565fa24cec1829ea162ba3e92c";

    fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(0_u8..3, 0..4), 0..4)
    }

    proptest! {
        #[test]
        fn frames_hash_as_parts_do(parts in parts()) {
            let mut frames = Frames::new(PRESIGN_ID, parts.len());
            parts.iter().for_each(|part| frames.push(part));
            prop_assert_eq!(frames.hash(), hash_all(PRESIGN_ID, parts.iter().map(Vec::as_slice)));
        }

        /// Short parts over a small alphabet: moving a byte over a boundary must change the hash.
        #[test]
        fn different_tuples_have_different_hashes(left in parts(), right in parts()) {
            let digest = |parts: &[Vec<u8>]| hash_all(PRESIGN_ID, parts.iter().map(Vec::as_slice));
            prop_assert_eq!(left == right, digest(&left) == digest(&right));
        }
    }
}
