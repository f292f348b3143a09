//! The JSON form. Unknown members and repeated ones are refused: what a reader of the text could
//! overlook must not decide.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::Malformed;

/// Versions of the language; the older differs in variables only, which are refused in both.
const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];

/// A whole document.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Document {
    version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    #[serde(rename = "Statement")]
    statements: OneOrMany<RawStatement>,
}

/// What [`Document::parse`] gives on.
pub(crate) struct Parsed {
    pub(crate) statements: Vec<RawStatement>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Parsed, Malformed> {
        let document: Self = serde_json::from_str(text).map_err(|error| Malformed::new(error.to_string()))?;
        if document.version.as_deref().is_some_and(|version| !VERSIONS.contains(&version)) {
            return Err(Malformed::new("Version is 2012-10-17 or 2008-10-17"));
        }
        if document.statements.0.is_empty() {
            return Err(Malformed::new("the policy has no statement"));
        }
        Ok(Parsed { statements: document.statements.0 })
    }
}

/// A statement before it is checked. `NotPrincipal` and `NotResource` are not among its members.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RawStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    pub(crate) effect: RawEffect,
    pub(crate) principal: RawPrincipal,
    pub(crate) action: Option<OneOrMany<String>>,
    pub(crate) not_action: Option<OneOrMany<String>>,
    pub(crate) resource: OneOrMany<String>,
    #[serde(default)]
    pub(crate) condition: Pairs<Pairs<OneOrMany<Scalar>>>,
}

#[derive(Clone, Copy, Deserialize)]
pub(crate) enum RawEffect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum RawPrincipal {
    Any(String),
    Of(RawPrincipals),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrincipals {
    #[serde(rename = "AWS")]
    pub(crate) aws: OneOrMany<String>,
}

/// A string, or a truth value or number, which the language writes without quotes too.
pub(crate) struct Scalar(pub(crate) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Truth(bool),
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::Text(text) => text,
            Form::Truth(truth) => truth.to_string(),
        }))
    }
}

/// One value, or a list of them.
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
            type Value = Vec<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value or a list of values")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| vec![one])
            }

            fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Vec<T>, E> {
                T::deserialize(serde::de::value::BoolDeserializer::new(truth)).map(|one| vec![one])
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|one| vec![one])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(Values(PhantomData)).map(Self)
    }
}

/// The members of an object, none of them twice.
pub(crate) struct Pairs<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Vec<(String, T)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all: Self::Value = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if all.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                        return Err(A::Error::custom(format!("{name} stands twice")));
                    }
                    all.push((name, value));
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}
