//! The verifier against the signer of AWS's own library.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use kms::error::{Kind, Refusal};
use kms::sigv4::{Scope, Signed, verify};
use zeroize::Zeroizing;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const NOW: u64 = 1_795_339_272;
const HOUR: Duration = Duration::from_secs(3600);

/// A request as its owner keeps it.
#[derive(Clone)]
struct Owned {
    method: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Owned {
    fn unsigned(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let all = [("host", "127.0.0.1:4599"), ("content-type", "application/x-amz-json-1.1")];
        Self {
            method: "POST".into(),
            query: String::new(),
            headers: all
                .iter()
                .chain(headers)
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            body: body.to_vec(),
        }
    }

    fn target(body: &[u8]) -> Self {
        Self::unsigned(&[("x-amz-target", "TrentService.Encrypt")], body)
    }

    /// Signed by AWS's library, at `at`.
    fn signed(mut self, at: u64, edit: impl Fn(&mut SigningSettings)) -> Self {
        let mut settings = SigningSettings::default();
        edit(&mut settings);
        let identity = Credentials::new(ID, SECRET, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("kms")
            .time(UNIX_EPOCH + Duration::from_secs(at))
            .settings(settings)
            .build()
            .unwrap();
        let uri =
            format!("http://127.0.0.1:4599/{}{}", if self.query.is_empty() { "" } else { "?" }, self.query);
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request =
            SignableRequest::new(&self.method, uri, headers, SignableBody::Bytes(&self.body)).unwrap();
        let (instructions, _) = sign(request, &params.into()).unwrap().into_parts();
        for (name, value) in instructions.headers() {
            self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut request = http::Request::builder().uri(format!("/?{}", self.query)).body(()).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        self.query = request.uri().query().unwrap_or_default().to_owned();
        self
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
    }

    fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    fn judged(&self, now: u64, region: &str) -> Result<(), Refusal> {
        let secret = Zeroizing::new(SECRET.to_owned());
        let request = Signed {
            method: &self.method,
            path: "/",
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        };
        let look_up = |id: &str| (id == ID).then_some((&(), &secret));
        verify(&request, Scope { region, service: "kms" }, now, look_up).map(|_| ())
    }

    #[track_caller]
    fn refused(&self, kind: Kind) {
        assert_eq!(self.judged(NOW, "us-east-1").unwrap_err().kind, kind);
    }
}

fn presigned(settings: &mut SigningSettings) {
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(HOUR);
}

#[test]
fn what_the_library_signs_is_accepted_in_both_forms() {
    for body in [&b"{}"[..], b"", br#"{"KeyId":"alias/a b"}"#, &[0xff; 4096]] {
        Owned::target(body).signed(NOW, |_| {}).judged(NOW, "us-east-1").unwrap();
        Owned::target(body).signed(NOW, presigned).judged(NOW, "us-east-1").unwrap();
        let with_hash = |settings: &mut SigningSettings| {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        };
        Owned::target(body).signed(NOW, with_hash).judged(NOW, "us-east-1").unwrap();
    }
    let values = ["  two  spaces   and more ", "a,b", "é", "=%20&+"];
    for value in values.into_iter().filter(|value| value.is_ascii()) {
        Owned::unsigned(&[("x-amz-meta", value), ("my-header", value)], b"x")
            .signed(NOW, |_| {})
            .judged(NOW, "us-east-1")
            .unwrap();
    }
    for query in ["a=b&A=c", "z&y=&x=1", "q=%2F%20%C3%A9~", "a=2&a=1"] {
        let mut request = Owned::target(b"{}");
        request.query = query.into();
        request.signed(NOW, |_| {}).judged(NOW, "us-east-1").unwrap();
    }
}

#[test]
fn nothing_of_a_signed_request_can_be_changed() {
    for edit in [|_: &mut SigningSettings| {}, presigned] {
        let honest = Owned::target(br#"{"KeyId":"a"}"#).signed(NOW, edit);
        honest.judged(NOW, "us-east-1").unwrap();
        let alter = |change: &dyn Fn(&mut Owned)| {
            let mut lie = honest.clone();
            change(&mut lie);
            lie.refused(Kind::InvalidSignature);
        };
        alter(&|lie| lie.body[2] ^= 1);
        alter(&|lie| lie.body.push(b' '));
        alter(&|lie| lie.method = "GET".into());
        alter(&|lie| lie.query.push_str("&more=1"));
        alter(&|lie| lie.set("host", "elsewhere"));
        alter(&|lie| lie.set("x-amz-target", "TrentService.Decrypt"));
        alter(&|lie| lie.headers.push(("x-amz-target".into(), "TrentService.Decrypt".into())));
        alter(&|lie| lie.headers.retain(|(name, _)| name != "x-amz-target"));
        alter(&|lie| lie.headers.push(("x-amz-more".into(), "1".into())));
        alter(&|lie| lie.set("x-amz-content-sha256", &"0".repeat(64)));
    }
}

#[test]
fn every_digit_of_the_signature_counts() {
    let honest = Owned::target(b"{}").signed(NOW, |_| {});
    let header = honest.header("authorization");
    let start = header.len() - 64;
    for at in start..header.len() {
        let mut lie = honest.clone();
        let other = if &header[at..=at] == "0" { "1" } else { "0" };
        lie.set("authorization", &format!("{}{other}{}", &header[..at], &header[at + 1..]));
        lie.refused(Kind::InvalidSignature);
    }
}

#[test]
fn clocks_may_be_five_minutes_apart() {
    let header = |at: u64| Owned::target(b"{}").signed(at, |_| {}).judged(NOW, "us-east-1");
    for good in [NOW, NOW - 300, NOW + 300] {
        header(good).unwrap();
    }
    for bad in [NOW - 301, NOW + 301, 0] {
        assert_eq!(header(bad).unwrap_err().kind, Kind::InvalidSignature);
    }
    let presigned_at = |at: u64| Owned::target(b"{}").signed(at, presigned).judged(NOW, "us-east-1");
    presigned_at(NOW - 3600).unwrap();
    assert_eq!(presigned_at(NOW - 3601).unwrap_err().kind, Kind::InvalidSignature);
}

#[test]
fn scope_names_this_region_service_and_day() {
    let honest = Owned::target(b"{}").signed(NOW, |_| {});
    assert_eq!(honest.judged(NOW, "eu-west-1").unwrap_err().kind, Kind::InvalidSignature);
    for (one, other) in
        [("/kms/", "/s3/"), ("/aws4_request", "/aws5_request"), ("/us-east-1/", "/us-east-2/")]
    {
        let mut lie = honest.clone();
        lie.set("authorization", &honest.header("authorization").replace(one, other));
        lie.refused(Kind::InvalidSignature);
    }
    let mut lie = honest.clone();
    lie.set("authorization", &honest.header("authorization").replace("/20261122/", "/20261123/"));
    lie.refused(Kind::InvalidSignature);
}

#[test]
fn requests_without_a_whole_signature_are_told_why() {
    Owned::target(b"{}").refused(Kind::MissingAuthenticationToken);
    let honest = Owned::target(b"{}").signed(NOW, |_| {});
    let header = honest.header("authorization");
    for bad in [
        "Basic YTpi".to_owned(),
        "AWS4-HMAC-SHA256".into(),
        "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=00".into(),
        header.replace("Signature=", "Signatur="),
        header.replace("Signature=", "Signature=0"),
        header.replace("SignedHeaders=", "SignedHeaders=z;"),
        header.replace("host", "Host"),
        format!("{header}, Signature=00"),
    ] {
        let mut lie = honest.clone();
        lie.set("authorization", &bad);
        lie.refused(Kind::IncompleteSignature);
    }
    let mut lie = honest.clone();
    lie.set("x-amz-date", "yesterday");
    lie.refused(Kind::IncompleteSignature);
    let mut lie = honest.clone();
    lie.headers.retain(|(name, _)| name != "x-amz-date");
    lie.refused(Kind::IncompleteSignature);
    let mut stranger = honest;
    stranger.set("authorization", &header.replace(ID, "AKIAIOSFODNN7NOBODYX"));
    stranger.refused(Kind::UnrecognizedClient);
}
