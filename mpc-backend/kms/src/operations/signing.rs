//! Sign, Verify, GetPublicKey, DeriveSharedSecret.

use proto::kms::v1::Usage;
use serde::Deserialize;
use serde_json::{Value, json};

use super::metadata::algorithms;
use super::wire::{Bytes, base64};
use super::{Call, invalid};
use crate::algorithm::{Algorithm, Spec, usage_name};
use crate::error::{Kind, Refusal};
use crate::keys::{Context, Key, spec_of};
use crate::verification::{der, is_signature};

/// Longest message, in bytes; a longer one is sent as its digest.
const MESSAGE_BYTES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sign {
    key_id: String,
    message: Bytes,
    message_type: Option<String>,
    signing_algorithm: String,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn sign(call: &Call<'_>, asked: Sign) -> Result<Value, Refusal> {
    let key = call.key(&asked.key_id, false)?;
    let algorithm = algorithm(call, &key, &asked.signing_algorithm)?;
    let signed = to_be_signed(algorithm, asked.message_type.as_deref(), &asked.message.0)?;
    call.usable(&key)?;
    call.dry_run(asked.dry_run, &key, "Sign", &Context::new())?;
    let signature = call.keys.sign(&key, algorithm, &signed)?;
    let signature = match algorithm {
        Algorithm::Ecdsa(_) => der(spec_of(&key), &signature)
            .ok_or_else(|| Refusal::new(Kind::Internal, "the signature is not two numbers"))?,
        _ => signature,
    };
    Ok(json!({
        "KeyId": call.arn(&key),
        "Signature": base64(&signature),
        "SigningAlgorithm": asked.signing_algorithm,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Verify {
    key_id: String,
    message: Bytes,
    message_type: Option<String>,
    signature: Bytes,
    signing_algorithm: String,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn verify(call: &Call<'_>, asked: Verify) -> Result<Value, Refusal> {
    let key = call.key(&asked.key_id, false)?;
    let algorithm = algorithm(call, &key, &asked.signing_algorithm)?;
    let signed = to_be_signed(algorithm, asked.message_type.as_deref(), &asked.message.0)?;
    call.usable(&key)?;
    call.dry_run(asked.dry_run, &key, "Verify", &Context::new())?;
    call.keys.check(&key, "Verify", &Context::new())?;
    if !is_signature(public(&key), spec_of(&key), algorithm, &signed, &asked.signature.0) {
        return Err(Refusal::new(Kind::KmsInvalidSignature, "the signature is wrong"));
    }
    Ok(json!({
        "KeyId": call.arn(&key),
        "SignatureValid": true,
        "SigningAlgorithm": asked.signing_algorithm,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetPublicKey {
    key_id: String,
}

pub(super) fn get_public_key(call: &Call<'_>, asked: GetPublicKey) -> Result<Value, Refusal> {
    let key = call.key(&asked.key_id, false)?;
    let spec = spec_of(&key).filter(|spec| *spec != Spec::Symmetric).ok_or_else(|| {
        let text = format!("{} is a symmetric key and has no public half.", call.arn(&key));
        Refusal::new(Kind::UnsupportedOperation, text)
    })?;
    call.usable(&key)?;
    call.keys.check(&key, "GetPublicKey", &Context::new())?;
    let mut answer = json!({
        "KeyId": call.arn(&key),
        "PublicKey": base64(public(&key)),
        "CustomerMasterKeySpec": spec.name(),
        "KeySpec": spec.name(),
        "KeyUsage": usage_name(key.key.usage()),
    });
    if let Value::Object(members) = &mut answer {
        members.extend(algorithms(&key));
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeriveSharedSecret {
    key_id: String,
    key_agreement_algorithm: String,
    public_key: Bytes,
    recipient: Option<Value>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn derive_shared_secret(call: &Call<'_>, asked: DeriveSharedSecret) -> Result<Value, Refusal> {
    super::encryption::no_recipient(asked.recipient.as_ref())?;
    let key = call.key(&asked.key_id, false)?;
    of_usage(call, &key, Usage::KeyAgreement)?;
    if asked.key_agreement_algorithm != "ECDH" {
        return Err(invalid("KeyAgreementAlgorithm is ECDH"));
    }
    call.usable(&key)?;
    let coordinate = match spec_of(&key) {
        Some(Spec::P384) => 48,
        _ => 32,
    };
    let point_bytes = 1 + 2 * coordinate;
    // Both keys are on one curve, so their encodings differ in the point only.
    let own = public(&key);
    let head = own.get(..own.len().saturating_sub(point_bytes)).unwrap_or_default();
    let point = asked.public_key.0.strip_prefix(head).filter(|point| point.len() == point_bytes);
    let point = point.filter(|point| is_on_curve(spec_of(&key), point));
    let point = point.ok_or_else(|| {
        invalid("PublicKey is SubjectPublicKeyInfo of an uncompressed point on the key's curve")
    })?;
    call.dry_run(asked.dry_run, &key, "DeriveSharedSecret", &Context::new())?;
    let secret = call.keys.derive(&key, point)?;
    Ok(json!({
        "KeyId": call.arn(&key),
        "SharedSecret": base64(&secret),
        "KeyAgreementAlgorithm": "ECDH",
        "KeyOrigin": "AWS_KMS",
    }))
}

/// Whether this is a point of the key's curve, uncompressed.
fn is_on_curve(spec: Option<Spec>, point: &[u8]) -> bool {
    point.first() == Some(&4)
        && match spec {
            Some(Spec::P256) => p256::PublicKey::from_sec1_bytes(point).is_ok(),
            Some(Spec::P384) => p384::PublicKey::from_sec1_bytes(point).is_ok(),
            _ => false,
        }
}

/// The key's public half, SubjectPublicKeyInfo.
pub(super) fn public(key: &Key) -> &[u8] {
    key.object.attributes.get(&cryptoki_sys::CKA_PUBLIC_KEY_INFO).map(Vec::as_slice).unwrap_or_default()
}

fn of_usage(call: &Call<'_>, key: &Key, usage: Usage) -> Result<(), Refusal> {
    if key.key.usage() == usage {
        return Ok(());
    }
    let (arn, has) = (call.arn(key), usage_name(key.key.usage()));
    let text = format!("{arn} key usage is {has} which is not valid for this operation.");
    Err(Refusal::new(Kind::InvalidKeyUsage, text))
}

fn algorithm(call: &Call<'_>, key: &Key, named: &str) -> Result<Algorithm, Refusal> {
    let known = ["ECDSA_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256"].contains(&named);
    let algorithm = Algorithm::named(named);
    if algorithm.is_none() && !known {
        return Err(invalid(format!("{named:?} is no SigningAlgorithm")));
    }
    of_usage(call, key, Usage::SignVerify)?;
    let fits = |algorithm: &Algorithm| spec_of(key).is_some_and(|spec| spec.algorithms().contains(algorithm));
    algorithm.filter(fits).ok_or_else(|| {
        let text = format!("Algorithm {named} is incompatible with key spec of {}.", call.arn(key));
        Refusal::new(Kind::InvalidKeyUsage, text)
    })
}

/// The digest of a message, or what it is said to be; with Ed25519 the message.
fn to_be_signed(
    algorithm: Algorithm,
    message_type: Option<&str>,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    if message.is_empty() || message.len() > MESSAGE_BYTES_MAX {
        return Err(invalid(format!("a Message has 1 to {MESSAGE_BYTES_MAX} bytes")));
    }
    match (message_type.unwrap_or("RAW"), algorithm.hash()) {
        ("RAW", None) => Ok(message.to_vec()),
        ("RAW", Some(_)) if algorithm == Algorithm::Ed25519ph => {
            Err(invalid("ED25519_PH_SHA_512 wants the MessageType DIGEST"))
        }
        ("RAW", Some(hash)) => Ok(hash.digest(message)),
        ("DIGEST", Some(hash)) if message.len() == hash.bytes() => Ok(message.to_vec()),
        ("DIGEST", Some(hash)) => Err(invalid(format!(
            "Digest is invalid length for algorithm {}: it has {} bytes",
            algorithm.name(),
            hash.bytes()
        ))),
        ("DIGEST", None) => Err(invalid("ED25519_SHA_512 wants the MessageType RAW")),
        (other, _) => Err(invalid(format!("MessageType is RAW or DIGEST, not {other:?}"))),
    }
}
