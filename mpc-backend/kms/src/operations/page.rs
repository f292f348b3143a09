//! Lists in pages.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::invalid;
use crate::error::{Kind, Refusal};

/// Which page a request wants.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    limit: Option<i64>,
    marker: Option<String>,
}

impl Page {
    /// The page of these items, each with a name that sorts as the list does, under this member's name.
    pub(super) fn of(&self, member: &str, items: Vec<(String, Value)>) -> Result<Value, Refusal> {
        let limit = self.limit.unwrap_or(DEFAULT);
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let limit = limit.ok_or_else(|| invalid(format!("Limit is 1 to {LIMIT_MAX}")))?;
        let after = match &self.marker {
            None => None,
            Some(marker) => Some(
                hex::decode(marker)
                    .ok()
                    .and_then(|name| String::from_utf8(name).ok())
                    .ok_or_else(|| Refusal::new(Kind::InvalidMarker, "the Marker was not given out here"))?,
            ),
        };
        let mut rest: Vec<(String, Value)> =
            items.into_iter().filter(|(name, _)| after.as_ref().is_none_or(|after| name > after)).collect();
        rest.sort_by(|one, next| one.0.cmp(&next.0));
        let truncated = rest.len() > limit;
        rest.truncate(limit);
        let marker = rest.last().map(|(name, _)| hex::encode(name));
        let mut answer = Map::new();
        answer.insert(member.into(), rest.into_iter().map(|(_, item)| item).collect());
        answer.insert("Truncated".into(), json!(truncated));
        if truncated {
            answer.insert("NextMarker".into(), json!(marker));
        }
        Ok(Value::Object(answer))
    }
}

const DEFAULT: i64 = 100;
const LIMIT_MAX: usize = 1000;
