//! AWS Signature Version 4, the verifying side: header and presigned form.
//!
//! Source: AWS General Reference, "Signature Version 4 signing process". What is signed is rebuilt from
//! the request itself, so that nothing of it can be changed: method, path, query, the named headers, and
//! the hash of the body. This is the agent's own door, and no node believes it: towards the nodes the
//! access key's cluster identity signs.

mod canonical;
mod claim;
mod time;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{Kind, Refusal};
use claim::Claim;

/// A request as it came, nothing decoded.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// Before the question mark.
    pub path: &'a str,
    /// Behind it; empty if there is none.
    pub query: &'a str,
    /// In order; names in small letters.
    pub headers: &'a [(String, String)],
    /// The whole body.
    pub body: &'a [u8],
}

/// What a scope must name.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The agent's region.
    pub region: &'a str,
    /// `kms` or `sts`.
    pub service: &'a str,
}

/// How far the clocks of client and agent may be apart, in s.
pub const SKEW_S: u64 = 300;
/// Longest life of a presigned request, in s.
pub const PRESIGNED_S_MAX: u64 = 7 * 24 * 3600;

impl Signed<'_> {
    /// The values of a header, joined as the signature wants them; `None` if there is no such header.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.trim()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }
}

/// Verifies a request and says which access key signed it, by what `look_up` finds for its id.
/// `now` in s since 1970.
///
/// # Errors
/// `MissingAuthenticationToken`, `IncompleteSignature`, `UnrecognizedClient`, `InvalidSignature`.
pub fn verify<'k, K>(
    request: &Signed<'_>,
    scope: Scope<'_>,
    now: u64,
    look_up: impl Fn(&str) -> Option<(&'k K, &'k Zeroizing<String>)>,
) -> Result<&'k K, Refusal> {
    let claim = Claim::of(request)?;
    let invalid = |why: String| Refusal::new(Kind::InvalidSignature, why);
    let signed_at = time::seconds(&claim.date).ok_or_else(|| {
        Refusal::new(Kind::IncompleteSignature, "X-Amz-Date is not of the form 20260101T000000Z")
    })?;
    let [day, region, service, end] = claim.scope.each_ref().map(String::as_str);
    if Some(day) != claim.date.get(..8) {
        return Err(invalid(format!("Date in Credential scope does not match: {day}")));
    }
    if region != scope.region {
        let text = format!(
            "Credential should be scoped to a valid region, not {region:?}; this is {}",
            scope.region
        );
        return Err(invalid(text));
    }
    if service != scope.service || end != "aws4_request" {
        return Err(invalid(format!("Credential should be scoped to {}/aws4_request", scope.service)));
    }
    if signed_at > now + SKEW_S {
        return Err(invalid(format!("Signature not yet current: {} is later than now", claim.date)));
    }
    if now > signed_at + claim.lives_s {
        return Err(invalid(format!("Signature expired: {} is too long ago", claim.date)));
    }
    claim.covers(request)?;
    if request
        .header("x-amz-content-sha256")
        .is_some_and(|hash| hash != hex::encode(Sha256::digest(request.body)))
    {
        return Err(invalid("x-amz-content-sha256 is not the hash of the body".into()));
    }
    let unknown =
        || Refusal::new(Kind::UnrecognizedClient, "The security token included in the request is invalid.");
    if claim.has_session_token {
        return Err(unknown());
    }
    let (key, secret) = look_up(&claim.access_key_id).ok_or_else(unknown)?;
    let wanted = signature(secret, &claim, &canonical::request(request, &claim));
    if bool::from(wanted.ct_eq(&claim.signature)) {
        Ok(key)
    } else {
        Err(invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS \
             Secret Access Key and signing method."
                .into(),
        ))
    }
}

/// The signature that the owner of `secret` would have made.
fn signature(secret: &Zeroizing<String>, claim: &Claim, canonical: &str) -> [u8; 32] {
    let text = format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        claim.date,
        claim.scope.join("/"),
        hex::encode(Sha256::digest(canonical))
    );
    let mut key = Zeroizing::new(format!("AWS4{}", secret.as_str()).into_bytes());
    for part in &claim.scope {
        key = Zeroizing::new(mac(&key, part.as_bytes()).to_vec());
    }
    mac(&key, text.as_bytes())
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.chain_update(message).finalize().into_bytes().into()
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
