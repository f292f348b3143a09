//! Encrypt, Decrypt, ReEncrypt.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use proto::kms::v1::{Kind as Content, Usage};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::wire::{Bytes, base64};
use super::{Call, invalid};
use crate::algorithm::{Oaep, SYMMETRIC, Spec};
use crate::blob::{self, Blob};
use crate::error::{Kind, Refusal};
use crate::keys::{Context, Key, spec_of};

/// Longest plaintext of a symmetric key, in bytes.
const PLAINTEXT_BYTES_MAX: usize = 4096;
/// Longest blob that is looked at, in bytes.
const BLOB_BYTES_MAX: usize = 6144;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encrypt {
    key_id: String,
    plaintext: Bytes,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn encrypt(call: &Call<'_>, asked: Encrypt) -> Result<Value, Refusal> {
    let plaintext = &asked.plaintext.0;
    if plaintext.is_empty() || plaintext.len() > PLAINTEXT_BYTES_MAX {
        return Err(invalid(format!("a Plaintext has 1 to {PLAINTEXT_BYTES_MAX} bytes")));
    }
    let key = call.key(&asked.key_id, false)?;
    let named = asked.encryption_algorithm.as_deref().unwrap_or(SYMMETRIC);
    let padding = algorithm(call, &key, named, &asked.encryption_context)?;
    call.usable(&key)?;
    call.dry_run(asked.dry_run, &key, "Encrypt", &asked.encryption_context)?;
    let ciphertext = seal(call, &key, padding, "Encrypt", &asked.encryption_context, plaintext)?;
    Ok(json!({
        "CiphertextBlob": base64(&ciphertext),
        "KeyId": call.arn(&key),
        "EncryptionAlgorithm": named,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decrypt {
    ciphertext_blob: Bytes,
    #[serde(default)]
    encryption_context: Context,
    key_id: Option<String>,
    encryption_algorithm: Option<String>,
    recipient: Option<Value>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn decrypt(call: &Call<'_>, asked: Decrypt) -> Result<Value, Refusal> {
    no_recipient(asked.recipient.as_ref())?;
    let source = Source {
        blob: &asked.ciphertext_blob.0,
        key: asked.key_id.as_deref(),
        algorithm: asked.encryption_algorithm.as_deref(),
        context: &asked.encryption_context,
    };
    let (key, plaintext) = source.open(call, "Decrypt", asked.dry_run)?;
    Ok(json!({
        "KeyId": call.arn(&key),
        "Plaintext": base64(&plaintext),
        "EncryptionAlgorithm": source.algorithm.unwrap_or(SYMMETRIC),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReEncrypt {
    ciphertext_blob: Bytes,
    #[serde(default)]
    source_encryption_context: Context,
    source_key_id: Option<String>,
    source_encryption_algorithm: Option<String>,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: Context,
    destination_encryption_algorithm: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// The plaintext passes through this process, so what is asked of the source's policy is `kms:Decrypt`.
pub(super) fn re_encrypt(call: &Call<'_>, asked: ReEncrypt) -> Result<Value, Refusal> {
    let to = call.key(&asked.destination_key_id, false)?;
    let context = &asked.destination_encryption_context;
    let named = asked.destination_encryption_algorithm.as_deref().unwrap_or(SYMMETRIC);
    let padding = algorithm(call, &to, named, context)?;
    call.usable(&to)?;
    let source = Source {
        blob: &asked.ciphertext_blob.0,
        key: asked.source_key_id.as_deref(),
        algorithm: asked.source_encryption_algorithm.as_deref(),
        context: &asked.source_encryption_context,
    };
    if asked.dry_run {
        call.keys.check(&to, "ReEncryptTo", context)?;
    }
    let (from, plaintext) = source.open(call, "Decrypt", asked.dry_run)?;
    let ciphertext = seal(call, &to, padding, "ReEncryptTo", context, &plaintext)?;
    Ok(json!({
        "CiphertextBlob": base64(&ciphertext),
        "SourceKeyId": call.arn(&from),
        "KeyId": call.arn(&to),
        "SourceEncryptionAlgorithm": source.algorithm.unwrap_or(SYMMETRIC),
        "DestinationEncryptionAlgorithm": named,
    }))
}

/// Something to be decrypted.
struct Source<'a> {
    blob: &'a [u8],
    key: Option<&'a str>,
    algorithm: Option<&'a str>,
    context: &'a Context,
}

impl Source<'_> {
    fn open(
        &self,
        call: &Call<'_>,
        operation: &str,
        dry_run: bool,
    ) -> Result<(Key, Zeroizing<Vec<u8>>), Refusal> {
        if self.blob.is_empty() || self.blob.len() > BLOB_BYTES_MAX {
            return Err(invalid(format!("a CiphertextBlob has 1 to {BLOB_BYTES_MAX} bytes")));
        }
        let named = self.key.map(|name| call.key(name, false)).transpose()?;
        let algorithm = self.algorithm.unwrap_or(SYMMETRIC);
        if algorithm != SYMMETRIC {
            let key = named.ok_or_else(|| invalid("KeyId is needed with an asymmetric key"))?;
            let padding = self::algorithm(call, &key, algorithm, self.context)?;
            let padding = padding.ok_or_else(|| wrong_algorithm(call, &key, algorithm))?;
            call.usable(&key)?;
            call.dry_run(dry_run, &key, operation, self.context)?;
            let plaintext = call.keys.decrypt(&key, padding, self.blob)?;
            return Ok((key, plaintext));
        }
        if let Some(key) = &named {
            self::algorithm(call, key, algorithm, self.context)?;
        }
        let blob = Blob::parse(self.blob)?;
        if blob.kind() == Content::Kubernetes {
            return Err(blob::invalid());
        }
        let id = proto::kms::uuid(&blob.key_id);
        let key = match named {
            Some(key) if key.id() == id => key,
            Some(key) => {
                let text = format!("{} is not the key that the ciphertext was made with", call.arn(&key));
                return Err(Refusal::new(Kind::IncorrectKey, text));
            }
            // A blob names its key; if there is none of this name, it is no blob of ours.
            None => call.key(&id, false).map_err(|refusal| match refusal.kind {
                Kind::NotFound => blob::invalid(),
                _ => refusal,
            })?,
        };
        self::algorithm(call, &key, algorithm, self.context).map_err(|_| blob::invalid())?;
        call.usable(&key)?;
        call.dry_run(dry_run, &key, operation, self.context)?;
        let plaintext = blob.open(call.keys, &key, operation, self.context)?;
        Ok((key, plaintext))
    }
}

/// Encrypts, whatever the kind of key.
fn seal(
    call: &Call<'_>,
    key: &Key,
    padding: Option<Oaep>,
    operation: &str,
    context: &Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let Some(padding) = padding else {
        return blob::encrypt(call.keys, key, Content::Message, operation, context, plaintext);
    };
    let Some(Spec::Rsa(bits)) = spec_of(key) else { return Err(wrong_algorithm(call, key, "RSAES_OAEP")) };
    let most = padding.plaintext_bytes_max(bits);
    if plaintext.len() > most {
        return Err(invalid(format!("this algorithm and key take at most {most} bytes")));
    }
    call.keys.check(key, operation, context)?;
    let failed = |_| Refusal::new(Kind::Internal, "the public key does not encrypt");
    let public = PublicEncryptingKey::from_der(super::signing::public(key))
        .map_err(|_| Refusal::new(Kind::Internal, "the key's public half cannot be read"))?;
    let public = OaepPublicEncryptingKey::new(public).map_err(failed)?;
    let hash = match padding {
        Oaep::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Oaep::Sha256 => &OAEP_SHA256_MGF1SHA256,
    };
    let mut room = vec![0; public.ciphertext_size()];
    Ok(public.encrypt(hash, plaintext, &mut room, None).map_err(failed)?.to_vec())
}

/// The padding of an algorithm, none for that of symmetric keys; refuses what does not go with the key.
fn algorithm(call: &Call<'_>, key: &Key, named: &str, context: &Context) -> Result<Option<Oaep>, Refusal> {
    let padding = Oaep::named(named);
    if padding.is_none() && named != SYMMETRIC {
        return Err(invalid(format!("{named:?} is no EncryptionAlgorithm")));
    }
    if key.key.usage() != Usage::EncryptDecrypt {
        let text = format!("{} key usage is not ENCRYPT_DECRYPT", call.arn(key));
        return Err(Refusal::new(Kind::InvalidKeyUsage, text));
    }
    let known = spec_of(key).is_some_and(|spec| spec.encryption_algorithms().contains(&named));
    if !known {
        return Err(wrong_algorithm(call, key, named));
    }
    if padding.is_some() && !context.is_empty() {
        return Err(invalid("an encryption context is for symmetric keys"));
    }
    check_context(context)?;
    Ok(padding)
}

/// Refuses a context that is longer than nodes take.
pub(super) fn check_context(context: &Context) -> Result<(), Refusal> {
    if proto::kms::context_is_canonical(&client::kms::pairs(context)) {
        return Ok(());
    }
    let (pairs, bytes) = (proto::kms::CONTEXT_PAIRS_MAX, proto::kms::CONTEXT_BYTES_MAX);
    Err(invalid(format!("an encryption context has at most {pairs} pairs and {bytes} bytes")))
}

/// Answers for an attested recipient only are not made here.
pub(super) fn no_recipient(recipient: Option<&Value>) -> Result<(), Refusal> {
    match recipient {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(Refusal::new(Kind::UnsupportedOperation, "Recipient is not offered")),
    }
}

fn wrong_algorithm(call: &Call<'_>, key: &Key, named: &str) -> Refusal {
    let text = format!("Algorithm {named} is incompatible with key spec of {}.", call.arn(key));
    Refusal::new(Kind::InvalidKeyUsage, text)
}
