//! Data keys, data key pairs and random bytes.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use proto::kms::v1::Kind as Content;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::encryption::{check_context, no_recipient};
use super::wire::base64;
use super::{Call, invalid};
use crate::algorithm::Spec;
use crate::blob;
use crate::error::{Kind, Refusal};
use crate::keys::{Context, Key, spec_of};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataKey {
    key_id: String,
    #[serde(default)]
    encryption_context: Context,
    number_of_bytes: Option<i64>,
    key_spec: Option<String>,
    recipient: Option<Value>,
    #[serde(default)]
    dry_run: bool,
}

impl DataKey {
    fn bytes(&self) -> Result<u16, Refusal> {
        match (self.key_spec.as_deref(), self.number_of_bytes) {
            (Some("AES_256"), None) => Ok(32),
            (Some("AES_128"), None) => Ok(16),
            (None, Some(bytes)) => bytes_of(bytes),
            _ => Err(invalid("give either KeySpec, AES_256 or AES_128, or NumberOfBytes")),
        }
    }

    /// The key, once everything is checked that needs no node.
    fn key(&self, call: &Call<'_>, operation: &str) -> Result<Key, Refusal> {
        no_recipient(self.recipient.as_ref())?;
        let key = symmetric(call, &self.key_id, &self.encryption_context)?;
        call.dry_run(self.dry_run, &key, operation, &self.encryption_context)?;
        Ok(key)
    }
}

pub(super) fn generate_data_key(call: &Call<'_>, asked: DataKey) -> Result<Value, Refusal> {
    let bytes = asked.bytes()?;
    let key = asked.key(call, "GenerateDataKey")?;
    let mut data_key = Zeroizing::new(vec![0; usize::from(bytes)]);
    call.keys.random(&mut data_key)?;
    let context = &asked.encryption_context;
    let ciphertext = blob::encrypt(call.keys, &key, Content::Message, "GenerateDataKey", context, &data_key)?;
    Ok(json!({
        "CiphertextBlob": base64(&ciphertext),
        "Plaintext": base64(&data_key),
        "KeyId": call.arn(&key),
    }))
}

/// Nobody knows the data key until somebody decrypts the blob.
pub(super) fn generate_data_key_without_plaintext(call: &Call<'_>, asked: DataKey) -> Result<Value, Refusal> {
    const OPERATION: &str = "GenerateDataKeyWithoutPlaintext";
    let bytes = asked.bytes()?;
    let key = asked.key(call, OPERATION)?;
    let ciphertext = blob::seal(call.keys, &key, OPERATION, &asked.encryption_context, bytes)?;
    Ok(json!({ "CiphertextBlob": base64(&ciphertext), "KeyId": call.arn(&key) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataKeyPair {
    key_id: String,
    #[serde(default)]
    encryption_context: Context,
    key_pair_spec: String,
    recipient: Option<Value>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn generate_data_key_pair(call: &Call<'_>, asked: DataKeyPair) -> Result<Value, Refusal> {
    pair(call, &asked, "GenerateDataKeyPair", true)
}

pub(super) fn generate_data_key_pair_without_plaintext(
    call: &Call<'_>,
    asked: DataKeyPair,
) -> Result<Value, Refusal> {
    pair(call, &asked, "GenerateDataKeyPairWithoutPlaintext", false)
}

/// The pair is made here; without plaintext, its private half leaves this process in the blob only.
fn pair(call: &Call<'_>, asked: &DataKeyPair, operation: &str, shown: bool) -> Result<Value, Refusal> {
    no_recipient(asked.recipient.as_ref())?;
    let unsupported = || {
        Refusal::new(Kind::UnsupportedOperation, format!("a pair of {} is not offered", asked.key_pair_spec))
    };
    let spec =
        Spec::named(&asked.key_pair_spec).filter(|spec| *spec != Spec::Symmetric).ok_or_else(unsupported)?;
    let key = symmetric(call, &asked.key_id, &asked.encryption_context)?;
    call.dry_run(asked.dry_run, &key, operation, &asked.encryption_context)?;
    let (private, public) =
        generate(spec).ok_or_else(|| Refusal::new(Kind::Internal, "no key pair was made"))?;
    let context = &asked.encryption_context;
    let ciphertext = blob::encrypt(call.keys, &key, Content::Message, operation, context, &private)?;
    let mut answer = Map::from_iter([
        ("PrivateKeyCiphertextBlob".to_owned(), base64(&ciphertext)),
        ("PublicKey".to_owned(), base64(&public)),
        ("KeyId".to_owned(), json!(call.arn(&key))),
        ("KeyPairSpec".to_owned(), json!(asked.key_pair_spec)),
    ]);
    if shown {
        answer.insert("PrivateKeyPlaintext".into(), base64(&private));
    }
    Ok(Value::Object(answer))
}

/// A pair: PKCS#8 and SubjectPublicKeyInfo.
fn generate(spec: Spec) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let curve: &'static EcdsaSigningAlgorithm = match spec {
        Spec::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Spec::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        Spec::Secp256k1 => &ECDSA_P256K1_SHA256_ASN1_SIGNING,
        Spec::Rsa(bits) => return generate_rsa(bits),
        Spec::Edwards25519 => {
            let pair = Ed25519KeyPair::generate().ok()?;
            let private = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
            return Some((Zeroizing::new(private), public.as_ref().to_vec()));
        }
        Spec::Symmetric => return None,
    };
    let pair = EcdsaKeyPair::generate(curve).ok()?;
    let private = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some((Zeroizing::new(private), public.as_ref().to_vec()))
}

fn generate_rsa(bits: u16) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>)> {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        _ => KeySize::Rsa4096,
    };
    let pair = PrivateDecryptingKey::generate(size).ok()?;
    let private: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    Some((Zeroizing::new(private.as_ref().to_vec()), public.as_ref().to_vec()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Random {
    number_of_bytes: Option<i64>,
    recipient: Option<Value>,
}

pub(super) fn generate_random(call: &Call<'_>, asked: Random) -> Result<Value, Refusal> {
    no_recipient(asked.recipient.as_ref())?;
    let bytes = bytes_of(asked.number_of_bytes.ok_or_else(|| invalid("NumberOfBytes is missing"))?)?;
    let mut random = Zeroizing::new(vec![0; usize::from(bytes)]);
    call.keys.random(&mut random)?;
    Ok(json!({ "Plaintext": base64(&random) }))
}

fn bytes_of(number: i64) -> Result<u16, Refusal> {
    let bytes = u16::try_from(number).ok().filter(|bytes| (1..=1024).contains(bytes));
    bytes.ok_or_else(|| invalid("NumberOfBytes is 1 to 1024"))
}

/// A key that data keys can be encrypted under.
fn symmetric(call: &Call<'_>, name: &str, context: &Context) -> Result<Key, Refusal> {
    let key = call.key(name, false)?;
    if spec_of(&key) != Some(Spec::Symmetric) {
        let text = format!("{} is not a symmetric encryption key", call.arn(&key));
        return Err(Refusal::new(Kind::InvalidKeyUsage, text));
    }
    check_context(context)?;
    call.usable(&key)?;
    Ok(key)
}
