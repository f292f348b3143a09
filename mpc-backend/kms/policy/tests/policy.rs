//! What a policy and grants decide, and which documents are refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use policy::{
    Ask, Constraint, Decision, GRANT_OPERATIONS, Grant, POLICY_BYTES_MAX, Policy, account_of, default_policy,
    principal_of, root_of,
};

const ACCOUNT: &str = "123456789012";
const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn policy(statements: &str) -> Policy {
    Policy::parse(&document(statements)).unwrap_or_else(|error| panic!("{statements}: {error}"))
}

#[track_caller]
fn decides(policy: &Policy, principal: &str, action: &str, context: &[(&str, &str)], expected: Decision) {
    let context = pairs(context);
    let ask = Ask { principal, account: ACCOUNT, action, context: &context, grants: &[] };
    assert_eq!(policy.decide(&ask), expected, "{principal} {action} {context:?}");
}

/// A statement for Alice that allows Decrypt under a condition.
fn under(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{ALICE}"}},"Action":"kms:Decrypt","Resource":"*","Condition":{condition}}}"#
    )
}

use Decision::{Allowed, Denied, NotAllowed};

#[test]
fn default_policy_allows_its_account_everything_and_others_nothing() {
    let policy = Policy::parse(&default_policy(ACCOUNT)).unwrap();
    decides(&policy, ALICE, "kms:Decrypt", &[], Allowed);
    decides(&policy, BOB, "kms:PutKeyPolicy", &[], Allowed);
    let other = Policy::parse(&default_policy("999999999999")).unwrap();
    decides(&other, ALICE, "kms:Decrypt", &[], NotAllowed);
    assert!(!policy.locks_out(ALICE, ACCOUNT) && other.locks_out(ALICE, ACCOUNT));
}

#[test]
fn a_denial_wins_and_what_nobody_allows_is_not_allowed() {
    let all = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":["kms:Encrypt","kms:GenerateDataKey*"],"Resource":"*"}},
           {{"Effect":"Deny","Principal":{{"AWS":["{BOB}"]}},"Action":"kms:encrypt","Resource":["*"]}}"#
    );
    let policy = policy(&all);
    decides(&policy, ALICE, "kms:Encrypt", &[], Allowed);
    decides(&policy, ALICE, "kms:GenerateDataKeyWithoutPlaintext", &[], Allowed);
    decides(&policy, ALICE, "kms:Decrypt", &[], NotAllowed);
    decides(&policy, BOB, "kms:Encrypt", &[], Denied);
    decides(&policy, BOB, "kms:GenerateDataKey", &[], Allowed);
}

#[test]
fn all_but_the_named_actions() {
    let policy = policy(
        r#"{"Effect":"Allow","Principal":"*","NotAction":["kms:*Delete*","kms:Put*"],"Resource":"*"}"#,
    );
    decides(&policy, BOB, "kms:Encrypt", &[], Allowed);
    decides(&policy, BOB, "kms:PutKeyPolicy", &[], NotAllowed);
    decides(&policy, BOB, "kms:DeleteAlias", &[], NotAllowed);
}

#[test]
fn conditions_on_a_pair_of_the_context() {
    let equals = policy(&under(r#"{"StringEquals":{"kms:EncryptionContext:App":["blue","green"]}}"#));
    decides(&equals, ALICE, "kms:Decrypt", &[("App", "blue")], Allowed);
    decides(&equals, ALICE, "kms:Decrypt", &[("app", "green"), ("more", "x")], Allowed);
    decides(&equals, ALICE, "kms:Decrypt", &[("App", "Blue")], NotAllowed);
    decides(&equals, ALICE, "kms:Decrypt", &[], NotAllowed);
    decides(&equals, BOB, "kms:Decrypt", &[("App", "blue")], NotAllowed);
    // Nobody can say which of the two is meant.
    decides(&equals, ALICE, "kms:Decrypt", &[("App", "blue"), ("app", "blue")], NotAllowed);

    let folded = policy(&under(r#"{"StringEqualsIgnoreCase":{"kms:EncryptionContext:App":"BLUE"}}"#));
    decides(&folded, ALICE, "kms:Decrypt", &[("App", "blUe")], Allowed);
    let like = policy(&under(r#"{"StringLike":{"kms:EncryptionContext:App":"dev-?-*"}}"#));
    decides(&like, ALICE, "kms:Decrypt", &[("App", "dev-1-")], Allowed);
    decides(&like, ALICE, "kms:Decrypt", &[("App", "dev-11")], NotAllowed);
    let not = policy(&under(r#"{"StringNotEquals":{"kms:EncryptionContext:App":"blue"}}"#));
    decides(&not, ALICE, "kms:Decrypt", &[("App", "blue")], NotAllowed);
    decides(&not, ALICE, "kms:Decrypt", &[], Allowed);
    let optional = policy(&under(r#"{"StringEqualsIfExists":{"kms:EncryptionContext:App":"blue"}}"#));
    decides(&optional, ALICE, "kms:Decrypt", &[], Allowed);
    decides(&optional, ALICE, "kms:Decrypt", &[("App", "red")], NotAllowed);
    let absent = policy(&under(r#"{"Null":{"kms:EncryptionContext:App":"true"}}"#));
    decides(&absent, ALICE, "kms:Decrypt", &[], Allowed);
    decides(&absent, ALICE, "kms:Decrypt", &[("App", "")], NotAllowed);
    let present = policy(&under(r#"{"Null":{"kms:EncryptionContext:App":false}}"#));
    decides(&present, ALICE, "kms:Decrypt", &[], NotAllowed);
    decides(&present, ALICE, "kms:Decrypt", &[("App", "")], Allowed);
}

#[test]
fn conditions_of_one_statement_hold_together() {
    let both = policy(&under(
        r#"{"StringEquals":{"kms:EncryptionContext:a":"1","kms:CallerAccount":"123456789012"},"StringLike":{"kms:EncryptionContext:b":"2*"}}"#,
    ));
    decides(&both, ALICE, "kms:Decrypt", &[("a", "1"), ("b", "22")], Allowed);
    decides(&both, ALICE, "kms:Decrypt", &[("a", "1")], NotAllowed);
    decides(&both, ALICE, "kms:Decrypt", &[("b", "22")], NotAllowed);
}

#[test]
fn conditions_on_the_names_of_all_pairs() {
    let all = policy(&under(r#"{"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["a","b"]}}"#));
    decides(&all, ALICE, "kms:Decrypt", &[("a", ""), ("b", "")], Allowed);
    decides(&all, ALICE, "kms:Decrypt", &[], Allowed);
    decides(&all, ALICE, "kms:Decrypt", &[("a", ""), ("c", "")], NotAllowed);
    decides(&all, ALICE, "kms:Decrypt", &[("A", "")], NotAllowed);
    let any = policy(&under(r#"{"ForAnyValue:StringLike":{"kms:EncryptionContextKeys":"a*"}}"#));
    decides(&any, ALICE, "kms:Decrypt", &[("ab", ""), ("c", "")], Allowed);
    decides(&any, ALICE, "kms:Decrypt", &[], NotAllowed);
    let none = policy(&under(r#"{"ForAllValues:StringNotEquals":{"kms:EncryptionContextKeys":"a"}}"#));
    decides(&none, ALICE, "kms:Decrypt", &[("a", ""), ("c", "")], NotAllowed);
    decides(&none, ALICE, "kms:Decrypt", &[("c", "")], Allowed);
}

#[test]
fn no_request_comes_through_a_service() {
    let via = policy(&under(r#"{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#));
    decides(&via, ALICE, "kms:Decrypt", &[], NotAllowed);
    let resource = policy(&under(r#"{"Bool":{"kms:GrantIsForAWSResource":true}}"#));
    decides(&resource, ALICE, "kms:Decrypt", &[], NotAllowed);
    let direct = policy(&under(r#"{"Bool":{"kms:GrantIsForAWSResource":"false"}}"#));
    decides(&direct, ALICE, "kms:Decrypt", &[], Allowed);
}

#[test]
fn an_ambiguous_pair_meets_every_denial() {
    let denies = policy(&format!(
        r#"{{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}},{}"#,
        under(r#"{"StringEquals":{"kms:EncryptionContext:a":"x"}}"#).replace("Allow", "Deny")
    ));
    decides(&denies, ALICE, "kms:Decrypt", &[("a", "y")], Allowed);
    decides(&denies, ALICE, "kms:Decrypt", &[("a", "y"), ("A", "z")], Denied);
}

#[test]
fn grants_give_what_they_say_and_no_denial_yields() {
    let grant = |constraint| Grant {
        grantee: ALICE.into(),
        retiring: Some(BOB.into()),
        operations: vec!["Decrypt".into(), "DescribeKey".into()],
        constraint,
    };
    let silent = policy(
        r#"{"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:a":"secret"}}}"#,
    );
    let asks = |grant: Grant, principal: &str, action: &str, context: &[(&str, &str)]| {
        let context = pairs(context);
        let ask = Ask { principal, account: ACCOUNT, action, context: &context, grants: &[grant] };
        silent.decide(&ask)
    };
    assert_eq!(asks(grant(Constraint::None), ALICE, "kms:Decrypt", &[]), Allowed);
    assert_eq!(asks(grant(Constraint::None), BOB, "kms:Decrypt", &[]), NotAllowed);
    assert_eq!(asks(grant(Constraint::None), ALICE, "kms:Encrypt", &[]), NotAllowed);
    assert_eq!(asks(grant(Constraint::None), ALICE, "kms:Decrypt", &[("a", "secret")]), Denied);
    assert_eq!(asks(grant(Constraint::None), BOB, "kms:RetireGrant", &[]), Allowed);
    assert_eq!(asks(grant(Constraint::None), ALICE, "kms:RetireGrant", &[]), NotAllowed);
    let equals = grant(Constraint::Equals(pairs(&[("a", "1")])));
    assert_eq!(asks(equals.clone(), ALICE, "kms:Decrypt", &[("a", "1")]), Allowed);
    assert_eq!(asks(equals.clone(), ALICE, "kms:Decrypt", &[("a", "1"), ("b", "2")]), NotAllowed);
    assert_eq!(asks(equals, ALICE, "kms:DescribeKey", &[]), Allowed);
    let subset = grant(Constraint::Subset(pairs(&[("a", "1")])));
    assert_eq!(asks(subset.clone(), ALICE, "kms:Decrypt", &[("a", "1"), ("b", "2")]), Allowed);
    assert_eq!(asks(subset, ALICE, "kms:Decrypt", &[("A", "1")]), NotAllowed);
    assert!(GRANT_OPERATIONS.is_sorted());
}

#[test]
fn what_is_not_enforced_is_refused() {
    let head = r#""Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*""#;
    policy(&format!("{{{head}}}"));
    let statements = [
        format!(r#"{{{head},"NotPrincipal":"*"}}"#),
        format!(r#"{{{head},"NotResource":"*"}}"#),
        format!(r#"{{{head},"Surprise":1}}"#),
        format!(r#"{{{head},"Effect":"Deny"}}"#),
        format!(r#"{{{head},"NotAction":"kms:Encrypt"}}"#),
        head.replace(r#","Resource":"*""#, ""),
        r#"{"Effect":"Allow","Principal":"*","Resource":"*"}"#.into(),
        r#"{"Effect":"allow","Principal":"*","Action":"kms:*","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":"*","Action":[],"Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":"*","Action":"kms:","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"arn:aws:kms:::key/1"}"#.into(),
        r#"{"Effect":"Allow","Principal":"everyone","Action":"kms:*","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"kms:*","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":{"AWS":[]},"Action":"kms:*","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/r"},"Action":"kms:*","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/*"},"Action":"kms:*","Resource":"*"}"#.into(),
        r#"{"Effect":"Allow","Principal":{"AWS":"12345678901"},"Action":"kms:*","Resource":"*"}"#.into(),
        under(r#"{"StringEquals":{"kms:KeySpec":"RSA_2048"}}"#),
        under(r#"{"StringEquals":{"kms:EncryptionContext:":"x"}}"#),
        under(r#"{"StringEquals":{"kms:EncryptionContext:a":[]}}"#),
        under(r#"{"StringEquals":{"kms:EncryptionContext:a":1}}"#),
        under(r#"{"StringEquals":{"kms:EncryptionContext:a":"${aws:username}"}}"#),
        under(r#"{"StringEquals":{"kms:EncryptionContext:a":"1","kms:EncryptionContext:A":"2"}}"#),
        under(r#"{"StringEquals":{"kms:EncryptionContextKeys":"a"}}"#),
        under(r#"{"ForAllValues:StringEquals":{"kms:EncryptionContext:a":"a"}}"#),
        under(r#"{"ForSomeValues:StringEquals":{"kms:EncryptionContextKeys":"a"}}"#),
        under(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#),
        under(r#"{"Null":{"kms:EncryptionContext:a":"maybe"}}"#),
        under(r#"{"NullIfExists":{"kms:EncryptionContext:a":"true"}}"#),
        under(&format!(r#"{{"StringLike":{{"kms:EncryptionContext:a":"{}"}}}}"#, "*a".repeat(2049))),
    ];
    for statement in statements {
        assert!(Policy::parse(&document(&statement)).is_err(), "{statement}");
    }
    for text in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"Statement":[]}"#,
        r#"{"Version":"2020-01-01","Statement":[]}"#,
        &document(&format!("{{{head}}}")).replace("2012-10-17", "2013-10-17"),
        &format!("{}{}", document(&format!("{{{head}}}")), "x"),
        &format!("{}{}", document(&format!("{{{head}}}")), " ".repeat(POLICY_BYTES_MAX)),
        &"[".repeat(POLICY_BYTES_MAX),
        &format!(r#"{{"Statement":{}"#, r#"{"Condition":"#.repeat(1000)),
    ] {
        assert!(Policy::parse(text).is_err(), "{text:.80}");
    }
}

#[test]
fn names_are_derived_alike() {
    assert_eq!(account_of(b"token"), account_of(b"token"));
    assert_ne!(account_of(b"token"), account_of(b"nekot"));
    assert!(account_of(b"").len() == 12 && account_of(b"").bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(principal_of(ACCOUNT, "alice"), ALICE);
    assert_eq!(root_of(ACCOUNT), "arn:aws:iam::123456789012:root");
}
