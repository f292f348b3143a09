//! What a request says of its own signature, read strictly.

use std::collections::BTreeMap;

use super::{ALGORITHM, PRESIGNED_S_MAX, SKEW_S, Signed, canonical};
use crate::error::{Kind, Refusal};

/// An unchecked signature and what it is said to cover.
pub(super) struct Claim {
    pub(super) access_key_id: String,
    /// Day, region, service, `aws4_request`.
    pub(super) scope: [String; 4],
    /// Names of headers, in small letters, ascending.
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: [u8; 32],
    /// As the request writes it.
    pub(super) date: String,
    /// How long after its date the signature holds, in s.
    pub(super) lives_s: u64,
    pub(super) presigned: bool,
    pub(super) has_session_token: bool,
}

impl Claim {
    pub(super) fn of(request: &Signed<'_>) -> Result<Self, Refusal> {
        match request.header("authorization") {
            Some(header) => Self::of_header(request, &header),
            None if request.query.contains("X-Amz-Algorithm=") => Self::of_query(request),
            None => Err(Refusal::new(Kind::MissingAuthenticationToken, "Missing Authentication Token")),
        }
    }

    fn of_header(request: &Signed<'_>, header: &str) -> Result<Self, Refusal> {
        let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
        if algorithm != ALGORITHM {
            return Err(incomplete(format!("Authorization must begin with {ALGORITHM}")));
        }
        let mut members = BTreeMap::new();
        for member in rest.split(',') {
            let (name, value) = member.trim().split_once('=').unwrap_or((member.trim(), ""));
            if members.insert(name, value).is_some() {
                return Err(incomplete(format!("Authorization has {name:?} twice")));
            }
        }
        let member = |name: &str| {
            let missing = || incomplete(format!("Authorization header requires '{name}' parameter."));
            members.get(name).copied().ok_or_else(missing)
        };
        let date = request.header("x-amz-date").ok_or_else(|| {
            incomplete("Authorization header requires existence of an 'X-Amz-Date' header.".into())
        })?;
        let mut claim =
            Self::new(member("Credential")?, member("SignedHeaders")?, member("Signature")?, date, SKEW_S)?;
        claim.has_session_token = request.header("x-amz-security-token").is_some();
        Ok(claim)
    }

    fn of_query(request: &Signed<'_>) -> Result<Self, Refusal> {
        let mut members = BTreeMap::new();
        for (name, value) in canonical::pairs(request.query) {
            if members.insert(name.clone(), value).is_some() {
                return Err(incomplete(format!("the query has {name:?} twice")));
            }
        }
        let member = |name: &str| {
            let missing = || incomplete(format!("AWS query-string parameters must include '{name}'."));
            members.get(name).map(String::as_str).ok_or_else(missing)
        };
        if member("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete(format!("X-Amz-Algorithm must be {ALGORITHM}")));
        }
        let lives_s: u64 = member("X-Amz-Expires")?
            .parse()
            .ok()
            .filter(|lives| (1..=PRESIGNED_S_MAX).contains(lives))
            .ok_or_else(|| incomplete(format!("X-Amz-Expires is 1 to {PRESIGNED_S_MAX} seconds")))?;
        let date = member("X-Amz-Date")?.to_owned();
        let (credential, headers) = (member("X-Amz-Credential")?, member("X-Amz-SignedHeaders")?);
        let mut claim = Self::new(credential, headers, member("X-Amz-Signature")?, date, lives_s)?;
        claim.presigned = true;
        claim.has_session_token = members.contains_key("X-Amz-Security-Token");
        Ok(claim)
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        date: String,
        lives_s: u64,
    ) -> Result<Self, Refusal> {
        let parts: Vec<String> = credential.split('/').map(str::to_owned).collect();
        let Ok([access_key_id, day, region, service, end]) = <[String; 5]>::try_from(parts) else {
            return Err(incomplete("Credential must have 5 parts between slashes".into()));
        };
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        let small = |name: &String| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !signed_headers.is_sorted_by(|one, next| one < next) || !signed_headers.iter().all(small) {
            return Err(incomplete(
                "SignedHeaders must be in small letters, sorted, none of them twice".into(),
            ));
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature, &mut bytes)
            .map_err(|_| incomplete("Signature must be 64 hexadecimal digits".into()))?;
        Ok(Self {
            access_key_id,
            scope: [day, region, service, end],
            signed_headers,
            signature: bytes,
            date,
            lives_s,
            presigned: false,
            has_session_token: false,
        })
    }

    /// Whether everything that decides is among what was signed.
    pub(super) fn covers(&self, request: &Signed<'_>) -> Result<(), Refusal> {
        let signed = |name: &str| self.signed_headers.iter().any(|known| known == name);
        let uncovered = |name: &str| {
            Refusal::new(
                Kind::InvalidSignature,
                format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."),
            )
        };
        if !signed("host") || request.header("host").is_none() {
            return Err(uncovered("host"));
        }
        for (name, _) in request.headers.iter().filter(|(name, _)| name.starts_with("x-amz-")) {
            if !signed(name) {
                return Err(uncovered(name));
            }
        }
        match self.signed_headers.iter().find(|name| request.header(name).is_none()) {
            Some(absent) => Err(Refusal::new(
                Kind::InvalidSignature,
                format!("'{absent}' is in SignedHeaders and not in the request"),
            )),
            None => Ok(()),
        }
    }
}

fn incomplete(why: String) -> Refusal {
    Refusal::new(Kind::IncompleteSignature, why)
}
