//! Keys that are used through the KMS interface: the schema, and what is hashed and signed of it.

use sha2::{Digest, Sha256};

use crate::statement::{Statement, hash};

/// Version 1 of the schema.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/counterfoil.kms.v1.rs"));
}

use self::v1::{Input, Pair};
use crate::client::v1::{DeriveRequest, RsaRequest, SignRequest};

/// CKA_COUNTERFOIL_KMS, `CKA_VENDOR_DEFINED` with the letters "CF" and 1: an encoded [`v1::KmsKey`].
pub const CKA_COUNTERFOIL_KMS: u64 = 0xc346_0001;
/// CKK_COUNTERFOIL_DPRF: keys of symmetric KMS encryption, which no mechanism uses.
pub const CKK_COUNTERFOIL_DPRF: u64 = 0xc346_0001;

/// Longest [`v1::KmsKey`], in bytes.
pub const KEY_BYTES_MAX: usize = 60 << 10;
/// Longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 8 << 10;
/// Most tags of one key.
pub const TAGS_MAX: usize = 50;
/// Most aliases of one key.
pub const ALIASES_MAX: usize = 50;
/// Most grants of one key.
pub const GRANTS_MAX: usize = 128;
/// Most versions of the material of one key.
pub const MATERIALS_MAX: usize = 256;
/// Longest name or value of a tag, alias, or name in a grant, in bytes.
pub const TEXT_BYTES_MAX: usize = 512;
/// Longest encryption context, names and values together, in bytes, and most pairs.
pub const CONTEXT_BYTES_MAX: usize = 8 << 10;
/// Most pairs of an encryption context.
pub const CONTEXT_PAIRS_MAX: usize = 64;
/// How far ahead of a node's clock a statement may expire, in ms.
pub const STATEMENT_MS_MAX: u64 = 5 * 60 * 1000;
/// Most nonces in one answer.
pub const NONCES_MAX: u32 = 16;

/// A key's id as people write it: a UUID in lower case.
pub fn uuid(object_id: &[u8; 16]) -> String {
    let digits = hex::encode(object_id);
    let mut parts = String::with_capacity(36);
    for (position, digit) in digits.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            parts.push('-');
        }
        parts.push(digit);
    }
    parts
}

/// The object of a UUID in lower case.
pub fn object_of(uuid: &str) -> Option<[u8; 16]> {
    let mut object_id = [0; 16];
    hex::decode_to_slice(uuid.replace('-', ""), &mut object_id).ok()?;
    (self::uuid(&object_id) == uuid).then_some(object_id)
}

/// Whether a context is within its limits, ascending by name and without doubles.
pub fn context_is_canonical(context: &[Pair]) -> bool {
    let bytes: usize = context.iter().map(|pair| pair.name.len() + pair.value.len()).sum();
    context.len() <= CONTEXT_PAIRS_MAX
        && bytes <= CONTEXT_BYTES_MAX
        && context.is_sorted_by(|one, next| one.name < next.name)
}

/// Hash of an encryption context, each name and value with its length.
pub fn context_hash(context: &[Pair]) -> [u8; 32] {
    let parts: Vec<&[u8]> =
        context.iter().flat_map(|pair| [pair.name.as_bytes(), pair.value.as_bytes()]).collect();
    hash("kms/context", &parts).0
}

/// What a client signs when it asks for something: everything in the statement, and `parameter`, which says what the
/// request asks for beside it: its [`input_hash`], [`sign_hash`], [`rsa_hash`] or [`derive_hash`], or nothing.
pub fn statement(cluster_id: &[u8; 32], said: &v1::Statement, parameter: &[u8]) -> Statement {
    let quorum: Vec<u8> = said.quorum.iter().flat_map(|node| node.to_be_bytes()).collect();
    hash(
        "kms/request",
        &[
            cluster_id,
            &said.key_id,
            said.operation.as_bytes(),
            &context_hash(&said.context),
            &quorum,
            &said.request_nonce,
            &said.expires_unix_ms.to_be_bytes(),
            parameter,
        ],
    )
}

/// Hash of everything that a symmetric key is evaluated at: the input, the key and the context.
pub fn input_hash(cluster_id: &[u8; 32], key_id: &[u8], context_hash: &[u8; 32], input: &Input) -> [u8; 32] {
    let freshness: Vec<u8> = input
        .freshness
        .iter()
        .flat_map(|fresh| {
            let nonce: [u8; 32] = Sha256::digest(&fresh.nonce).into();
            fresh.node.to_be_bytes().into_iter().chain(nonce)
        })
        .collect();
    hash(
        "kms/input",
        &[
            cluster_id,
            key_id,
            &input.version.to_be_bytes(),
            &(input.kind as u32).to_be_bytes(),
            context_hash,
            &input.encryptor,
            &input.commitment,
            &freshness,
        ],
    )
    .0
}

/// Hash of what is signed, by what mechanism and with which presignature.
pub fn sign_hash(request: &SignRequest) -> [u8; 32] {
    let SignRequest { mechanism, parameter, presignature_id, digest, .. } = request;
    hash("kms/sign", &[&mechanism.to_be_bytes(), parameter, presignature_id, digest]).0
}

/// Hash of what is done with a private RSA key, to what and by what mechanism.
pub fn rsa_hash(request: &RsaRequest) -> [u8; 32] {
    let RsaRequest { mechanism, data, hash: digest, mask_hash, salt, prove, work, .. } = request;
    let numbers: Vec<u8> =
        [*work, *digest, *mask_hash, i32::from(*prove)].into_iter().flat_map(i32::to_be_bytes).collect();
    hash("kms/rsa", &[&mechanism.to_be_bytes(), &numbers, salt, data]).0
}

/// Hash of the peer's key in an agreement, and of its mechanism.
pub fn derive_hash(request: &DeriveRequest) -> [u8; 32] {
    hash("kms/derive", &[&request.mechanism.to_be_bytes(), &request.peer]).0
}

/// A node's word that it gave its nonce in the input of a data key that nobody has seen.
pub fn sealed(cluster_id: &[u8; 32], node: u32, input_hash: &[u8; 32]) -> Statement {
    hash("kms/sealed", &[cluster_id, &node.to_be_bytes(), input_hash])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::kms::v1::Fresh;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<Pair> {
        pairs.iter().map(|(name, value)| Pair { name: (*name).into(), value: (*value).into() }).collect()
    }

    #[test]
    fn contexts_that_read_alike_have_different_hashes() {
        let one = context_hash(&pairs(&[("ab", "c"), ("d", "e")]));
        for other in [&[("a", "bc"), ("d", "e")][..], &[("ab", "cde")], &[("abcde", "")], &[]] {
            assert_ne!(context_hash(&pairs(other)), one);
        }
    }

    #[test]
    fn contexts_have_one_order_and_no_doubles() {
        assert!(context_is_canonical(&pairs(&[("A", "1"), ("a", "1")])));
        assert!(!context_is_canonical(&pairs(&[("b", "1"), ("a", "1")])));
        assert!(!context_is_canonical(&pairs(&[("a", "1"), ("a", "2")])));
        assert!(!context_is_canonical(&[Pair { name: "n".repeat(CONTEXT_BYTES_MAX), value: "v".into() }]));
    }

    #[test]
    fn uuids_name_objects_and_have_one_spelling() {
        let object = std::array::from_fn(|at| at as u8 * 17);
        assert_eq!(uuid(&object), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(object_of("00112233-4455-6677-8899-aabbccddeeff"), Some(object));
        for other in ["00112233-4455-6677-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff", "", "-"] {
            assert_eq!(object_of(other), None);
        }
    }

    #[test]
    fn an_input_is_all_that_it_was_made_of() {
        let input = Input {
            version: 1,
            kind: v1::Kind::Message as i32,
            encryptor: vec![1; 32],
            commitment: vec![2; 32],
            freshness: vec![Fresh { node: 1, nonce: vec![3; 16] }, Fresh { node: 2, nonce: vec![4; 16] }],
        };
        let hash = |cluster, key, context, input: &Input| {
            input_hash(&[cluster; 32], &[key; 16], &[context; 32], input)
        };
        let honest = hash(5, 6, 7, &input);
        assert_ne!(hash(9, 6, 7, &input), honest);
        assert_ne!(hash(5, 9, 7, &input), honest);
        assert_ne!(hash(5, 6, 9, &input), honest);
        let lies: [fn(&mut Input); 8] = [
            |lie| lie.version = 2,
            |lie| lie.kind = v1::Kind::Sealed as i32,
            |lie| lie.encryptor[0] = 9,
            |lie| lie.commitment[0] = 9,
            |lie| lie.freshness[0].node = 3,
            |lie| lie.freshness[1].nonce[0] = 9,
            |lie| lie.freshness.truncate(1),
            |lie| lie.freshness.swap(0, 1),
        ];
        for alter in lies {
            let mut lie = input.clone();
            alter(&mut lie);
            assert_ne!(hash(5, 6, 7, &lie), honest);
        }
    }

    /// What is in no statement and no hash is held against the statement by the node: key, quorum, nonce.
    #[test]
    fn the_hash_of_a_request_is_all_that_it_asks_for() {
        let mut hashes = vec![];
        let lies: [fn(&mut SignRequest); 5] = [
            |_| {},
            |lie| lie.mechanism = 1,
            |lie| lie.digest = vec![9; 32],
            |lie| lie.parameter = vec![0],
            |lie| lie.presignature_id = vec![9; 32],
        ];
        for alter in lies {
            let mut request = SignRequest::default();
            alter(&mut request);
            hashes.push(sign_hash(&request));
        }
        let lies: [fn(&mut RsaRequest); 8] = [
            |_| {},
            |lie| lie.mechanism = 1,
            |lie| lie.data = vec![9; 32],
            |lie| lie.salt = vec![9; 32],
            |lie| lie.hash = 1,
            |lie| lie.mask_hash = 1,
            |lie| lie.prove = true,
            |lie| lie.work = 1,
        ];
        for alter in lies {
            let mut request = RsaRequest::default();
            alter(&mut request);
            hashes.push(rsa_hash(&request));
        }
        let lies: [fn(&mut DeriveRequest); 3] =
            [|_| {}, |lie| lie.mechanism = 1, |lie| lie.peer = vec![9; 33]];
        for alter in lies {
            let mut request = DeriveRequest::default();
            alter(&mut request);
            hashes.push(derive_hash(&request));
        }
        let known = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!((hashes.len(), known), (16, 16));
    }

    #[test]
    fn a_statement_is_all_that_it_says() {
        let said = v1::Statement {
            key_id: vec![1; 16],
            operation: "Encrypt".into(),
            context: pairs(&[("a", "b")]),
            quorum: vec![1, 2],
            request_nonce: vec![2; 32],
            expires_unix_ms: 3,
            signature: vec![],
        };
        let honest = statement(&[4; 32], &said, &[5; 32]);
        assert_ne!(statement(&[9; 32], &said, &[5; 32]), honest);
        assert_ne!(statement(&[4; 32], &said, &[9; 32]), honest);
        let lies: [fn(&mut v1::Statement); 6] = [
            |lie| lie.key_id[0] = 9,
            |lie| lie.operation = "Decrypt".into(),
            |lie| lie.context.clear(),
            |lie| lie.quorum = vec![1, 3],
            |lie| lie.request_nonce[0] = 9,
            |lie| lie.expires_unix_ms = 9,
        ];
        for alter in lies {
            let mut lie = said.clone();
            alter(&mut lie);
            assert_ne!(statement(&[4; 32], &lie, &[5; 32]), honest);
        }
    }
}
