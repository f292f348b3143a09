//! The text that is signed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::Signed;
use super::claim::Claim;

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The canonical request.
pub(super) fn request(request: &Signed<'_>, claim: &Claim) -> String {
    let mut query: Vec<(String, String)> = pairs(request.query)
        .into_iter()
        .filter(|(name, _)| !(claim.presigned && name == "X-Amz-Signature"))
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = claim
        .signed_headers
        .iter()
        .map(|name| format!("{name}:{}\n", single_spaced(&request.header(name).unwrap_or_default())))
        .collect();
    // The path is encoded once more than the request has it; only `/` is served, and that is the same.
    let path: Vec<String> = request.path.split('/').map(encode).collect();
    [
        request.method,
        &path.join("/"),
        &query.join("&"),
        &headers,
        &claim.signed_headers.join(";"),
        &hex::encode(Sha256::digest(request.body)),
    ]
    .join("\n")
}

/// The names and values of a query, decoded.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(split).collect()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Without space around, and with one space for each run of spaces.
fn single_spaced(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
