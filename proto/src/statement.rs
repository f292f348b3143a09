//! The bytes that are signed and hashed, each under its own tag.
//!
//! Every statement is SHA-256 over length-prefixed parts, the tag first, so that no two tuples
//! encode alike and no signature of one kind passes as another. TLS 1.3 signatures by the same
//! identity keys start with 64 spaces (RFC 8446, 4.4.3) and cannot collide with a 32-byte digest
//! that is signed as such.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::client::v1::SignRequest;
use crate::registry::v1::{Attribute, AuthorSignature, ObjectRecord, Role};

/// What is signed: a tagged SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statement(pub [u8; 32]);

impl Statement {
    /// Signs with an Ed25519 key: 64 bytes.
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        key.sign(&self.0).to_bytes().to_vec()
    }

    /// Whether `signature` is by `key` (32 bytes) over this statement. Strict: no small-order keys,
    /// no malleable signatures (RFC 8032, 5.1.7).
    pub fn verify(&self, key: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = <[u8; 32]>::try_from(key) else { return false };
        let Ok(key) = VerifyingKey::from_bytes(&key) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify_strict(&self.0, &signature).is_ok()
    }
}

/// A registry command, by its authors. `command` is the encoded `Command`.
pub fn command(cluster_id: &[u8; 32], command: &[u8]) -> Statement {
    hash("registry/command", &[cluster_id, command])
}

/// A login at one node over one connection, so that no node can relay it to another (design 3a).
///
/// `exporter` is the TLS exporter of that connection under [`LOGIN_EXPORTER_LABEL`].
#[allow(clippy::too_many_arguments)]
pub fn login(
    cluster_id: &[u8; 32],
    node: u32,
    client_key: &[u8],
    exporter: &[u8],
    challenge: &[u8],
    token_id: &[u8],
    role: Role,
    login_version: u64,
) -> Statement {
    let role = (role as u32).to_be_bytes();
    hash(
        "login",
        &[
            cluster_id,
            &node.to_be_bytes(),
            client_key,
            exporter,
            challenge,
            token_id,
            &role,
            &login_version.to_be_bytes(),
        ],
    )
}

/// A login of the user of a token.
#[derive(Clone, Copy)]
pub struct UserLogin<'a> {
    /// The token.
    pub token_id: &'a [u8],
    /// PIN version.
    pub version: u64,
}

/// One use of a key that asks for the PIN each time, by the consent key. `parameter` is the hash of what else the request
/// says: its [`crate::kms::sign_hash`] or [`crate::kms::rsa_hash`].
pub fn key_use(
    cluster_id: &[u8; 32],
    client_key: &[u8],
    login: UserLogin<'_>,
    key_id: &[u8],
    quorum: &[u32],
    request_nonce: &[u8],
    parameter: &[u8; 32],
) -> Statement {
    let quorum: Vec<u8> = quorum.iter().flat_map(|node| node.to_be_bytes()).collect();
    hash(
        "key-use",
        &[
            cluster_id,
            client_key,
            login.token_id,
            &login.version.to_be_bytes(),
            key_id,
            &quorum,
            request_nonce,
            parameter,
        ],
    )
}

/// A birth certificate, by every node that generated the key. `statement` is the encoded `BirthStatement`.
pub fn birth(statement: &[u8]) -> Statement {
    hash("birth", &[statement])
}

/// An RSA key that `owner` has made ahead. `kind` is spelled as in a birth statement.
pub fn modulus(cluster_id: &[u8; 32], owner: u32, kind: &str, session: &[u8; 32]) -> [u8; 32] {
    hash("modulus", &[cluster_id, &owner.to_be_bytes(), kind.as_bytes(), session]).0
}

/// What an OPRF evaluation is proven for: one key of one cluster.
pub fn oprf_context(cluster_id: &[u8; 32], key_id: &[u8]) -> [u8; 32] {
    hash("oprf", &[cluster_id, key_id]).0
}

/// The registry head of a node. `statement` is the encoded `HeadStatement`.
pub fn head(cluster_id: &[u8; 32], statement: &[u8]) -> Statement {
    hash("registry/head", &[cluster_id, statement])
}

/// A node's answer to a signing request: the encoded partial signature under its request.
pub fn partial(cluster_id: &[u8; 32], node: u32, request_nonce: &[u8], partial: &[u8]) -> Statement {
    hash("partial", &[cluster_id, &node.to_be_bytes(), request_nonce, partial])
}

/// A node's answer to a key agreement under its request.
pub fn agreement(cluster_id: &[u8; 32], node: u32, request_nonce: &[u8], partial: &[u8]) -> Statement {
    hash("agreement", &[cluster_id, &node.to_be_bytes(), request_nonce, partial])
}

/// A node's part of an RSA signature or decryption under its request.
pub fn rsa(cluster_id: &[u8; 32], node: u32, request_nonce: &[u8], partial: &[u8]) -> Statement {
    hash("rsa", &[cluster_id, &node.to_be_bytes(), request_nonce, partial])
}

/// A witness's grant that a client uses one presignature for exactly this request (nonce rule R3, strict
/// mode). `book_id` names the book in which the witness has written it down.
pub fn grant(
    cluster_id: &[u8; 32],
    witness: u32,
    book_id: &[u8],
    client_key: &[u8],
    request: &SignRequest,
) -> Statement {
    let signers: Vec<u8> = request.signers.iter().flat_map(|node| node.to_be_bytes()).collect();
    hash(
        "grant",
        &[
            cluster_id,
            &witness.to_be_bytes(),
            book_id,
            client_key,
            &request.presignature_id,
            &request.key_id,
            &signers,
            &request.mechanism.to_be_bytes(),
            &request.parameter,
            &request.digest,
            &request.request_nonce,
        ],
    )
}

/// The chain over all commands: each link covers the one before, the index and the signed command
/// with its signatures.
pub fn chain(previous: &[u8; 32], index: u64, signed_command: &[u8]) -> [u8; 32] {
    hash("registry/chain", &[previous, &index.to_be_bytes(), signed_command]).0
}

/// Hash of an object's attributes in ascending type order, as a birth certificate carries it.
pub fn attributes_hash(attributes: &[Attribute]) -> [u8; 32] {
    let mut sorted: Vec<&Attribute> = attributes.iter().collect();
    sorted.sort_by_key(|attribute| attribute.r#type);
    let mut parts = Vec::new();
    for attribute in &sorted {
        parts.extend_from_slice(&attribute.r#type.to_be_bytes());
        parts.extend_from_slice(&(attribute.value.len() as u32).to_be_bytes());
        parts.extend_from_slice(&attribute.value);
    }
    hash("attributes", &[&parts]).0
}

/// Hash of one record, that its successor names. The author is left out: it is the command that
/// carries the record, and covers the predecessor itself.
pub fn record_hash(record: &ObjectRecord) -> [u8; 32] {
    // With its signatures: a node that leaves them out shows another record.
    let birth = record.birth.as_ref().map(|birth| birth.encode_to_vec()).unwrap_or_default();
    hash(
        "record",
        &[
            &record.format.to_be_bytes(),
            &record.token_id,
            &record.object_id,
            &record.version.to_be_bytes(),
            &record.predecessor,
            &attributes_hash(&record.attributes),
            &birth,
        ],
    )
    .0
}

/// Parts that a token's list of objects is divided into, so that a change costs no more than its part.
pub const LIST_PARTS: usize = 256;

/// The part of the list that an object stands in: the last byte of its id, which is random.
pub fn list_part(object_id: &[u8]) -> u8 {
    object_id.last().copied().unwrap_or_default()
}

/// Digest of one part of a list: the [`record_hash`] of each record, in ascending order of ids.
pub fn part_digest<'a>(hashes: impl IntoIterator<Item = &'a [u8; 32]>) -> [u8; 32] {
    hash("part", &hashes.into_iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>()).0
}

/// Digest of a whole list, from those of its [`LIST_PARTS`] parts: T equal ones make a list believable.
pub fn list_digest(parts: &[[u8; 32]]) -> [u8; 32] {
    hash("list", &parts.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>()).0
}

/// Attaches one author's signature to a command.
pub fn sign_command(
    cluster_id: &[u8; 32],
    encoded: &[u8],
    author: crate::registry::v1::author::Kind,
    key: &SigningKey,
) -> AuthorSignature {
    AuthorSignature {
        author: Some(crate::registry::v1::Author { kind: Some(author) }),
        signature: command(cluster_id, encoded).sign(key),
    }
}

/// Tagged hash: tag and parts length-prefixed, the number of parts before them.
pub(crate) fn hash(tag: &str, parts: &[&[u8]]) -> Statement {
    let mut state = Sha256::new();
    let mut part = |bytes: &[u8]| {
        state.update((bytes.len() as u64).to_be_bytes());
        state.update(bytes);
    };
    part(TAG_PREFIX.as_bytes());
    part(tag.as_bytes());
    part(&(parts.len() as u64).to_be_bytes());
    for bytes in parts {
        part(bytes);
    }
    Statement(state.finalize().into())
}

/// Label of the TLS exporter (RFC 8446, 7.5) that a login is bound to; 32 bytes, no context.
pub const LOGIN_EXPORTER_LABEL: &[u8] = b"EXPORTER-counterfoil-login-v1";

const TAG_PREFIX: &str = "counterfoil/statement/v1";

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(hash("a", &[b"bc", b"d"]), hash("a", &[b"b", b"cd"]));
        assert_ne!(hash("a", &[b"b"]), hash("a", &[b"b", b""]));
        assert_ne!(hash("ab", &[b"c"]), hash("a", &[b"bc"]));
    }

    #[test]
    fn attribute_order_does_not_matter() {
        let one = Attribute { r#type: 1, value: vec![1] };
        let two = Attribute { r#type: 2, value: vec![] };
        assert_eq!(attributes_hash(&[one.clone(), two.clone()]), attributes_hash(&[two, one]));
    }

    #[test]
    fn grant_covers_everything_that_an_answer_depends_on() {
        let request = SignRequest {
            key_id: vec![1; 16],
            signers: vec![1, 2],
            presignature_id: vec![2; 32],
            mechanism: 0x1041,
            digest: vec![3; 32],
            request_nonce: vec![4; 32],
            ..SignRequest::default()
        };
        let said = |request: &SignRequest| grant(&[0; 32], 3, &[5; 16], &[6; 32], request);
        let honest = said(&request);
        let lies: [fn(&mut SignRequest); 7] = [
            |lie| lie.key_id[0] = 9,
            |lie| lie.signers = vec![1, 3],
            |lie| lie.presignature_id[0] = 9,
            |lie| lie.mechanism = 0x1044,
            |lie| lie.parameter = vec![1],
            |lie| lie.digest[0] = 9,
            |lie| lie.request_nonce[0] = 9,
        ];
        for alter in lies {
            let mut lie = request.clone();
            alter(&mut lie);
            assert_ne!(said(&lie), honest);
        }
        assert_ne!(grant(&[9; 32], 3, &[5; 16], &[6; 32], &request), honest);
        assert_ne!(grant(&[0; 32], 4, &[5; 16], &[6; 32], &request), honest);
        assert_ne!(grant(&[0; 32], 3, &[9; 16], &[6; 32], &request), honest);
        assert_ne!(grant(&[0; 32], 3, &[5; 16], &[9; 32], &request), honest);
        let again = SignRequest { lease: 7, grant: vec![1], ..request };
        assert_eq!(said(&again), honest);
    }

    #[test]
    fn signature_of_another_statement_is_refused() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signature = command(&[0; 32], b"x").sign(&key);
        assert!(command(&[0; 32], b"x").verify(key.verifying_key().as_bytes(), &signature));
        assert!(!command(&[1; 32], b"x").verify(key.verifying_key().as_bytes(), &signature));
        assert!(!birth(b"x").verify(key.verifying_key().as_bytes(), &signature));
    }
}
