//! One step after the other, with the variables that earlier ones have kept.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::Agent;
use crate::check::{self, Peer};
use crate::json::{bytes_of, text_of};

/// Follows the steps of one case.
pub struct Follower {
    variables: Map<String, Value>,
    peer: Option<Peer>,
}

impl Follower {
    /// `variables` are those of the case.
    pub fn new(mut variables: Map<String, Value>) -> Self {
        let mut run = [0; 8];
        aws_lc_rs::rand::fill(&mut run).expect("the kernel gives randomness");
        variables.insert("run".into(), hex::encode(run).into());
        Self { variables, peer: None }
    }

    /// Does a step and checks what comes of it.
    pub async fn step(&mut self, agent: &mut Agent, step: &Value) -> Result<()> {
        if let Some(wanted) = step.get("refused") {
            let operation = step["do"].as_str().context("no operation")?;
            let refused = agent.ask(operation, self.value(&step["with"])?).await?.err();
            ensure!(refused.as_ref().map(|refused| json!(refused.0)).as_ref() == Some(wanted), "{refused:?}");
            return Ok(());
        }
        let answer = self.answer(agent, step).await?;
        let each = |name: &str| step.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, place) in each("keep") {
            let found = at(&answer, place.as_str().unwrap_or_default());
            self.variables.insert(name, found.with_context(|| format!("no {place} in {answer}"))?);
        }
        for (place, wanted) in each("is") {
            ensure!(at(&answer, &place) == Some(self.value(&wanted)?), "{place} of {answer}");
        }
        for (place, wanted) in each("has") {
            ensure!(self.is_among(&answer, &place, &wanted)?, "{place} of {answer}");
        }
        for (place, unwanted) in each("lacks") {
            ensure!(!self.is_among(&answer, &place, &unwanted)?, "{place} of {answer}");
        }
        for place in step.get("none").and_then(Value::as_array).into_iter().flatten() {
            ensure!(at(&answer, place.as_str().unwrap_or_default()).is_none(), "{place} of {answer}");
        }
        for (place, size) in each("bytes") {
            let found = bytes_of(&at(&answer, &place).context("nothing there")?)?;
            ensure!(
                Some(found.len() as u64) == self.value(&size)?.as_u64(),
                "{place}: {} bytes",
                found.len()
            );
        }
        Ok(())
    }

    fn is_among(&self, answer: &Value, place: &str, value: &Value) -> Result<bool> {
        let all = at(answer, place).with_context(|| format!("no {place} in {answer}"))?;
        Ok(all.as_array().context("no list")?.contains(&self.value(value)?))
    }

    async fn answer(&mut self, agent: &mut Agent, step: &Value) -> Result<Value> {
        if let Some(operation) = step.get("do").and_then(Value::as_str) {
            return agent.answer(operation, self.value(&step["with"])?).await;
        }
        let own = |name: &str| -> Result<Value> {
            self.value(step.get(name).with_context(|| format!("the step has no {name}"))?)
        };
        let text = |name: &str| Ok::<_, anyhow::Error>(own(name)?.as_str().context("no text")?.to_owned());
        let bytes = |name: &str| bytes_of(&own(name)?);
        if step.get("key").is_some() {
            return agent.key(&text("key")?, &text("usage")?).await;
        }
        if step.get("peer").is_some() {
            let peer = Peer::new(&text("peer")?)?;
            let public = text_of(&peer.public()?);
            self.peer = Some(peer);
            return Ok(json!({ "public": public }));
        }
        if step.get("pair").is_some() {
            check::pair(&text("spec")?, &bytes("pair")?, &bytes("public")?)?;
        } else if step.get("agree").is_some() {
            let peer = self.peer.as_ref().context("no peer")?;
            ensure!(peer.agree(&bytes("public")?)? == bytes("agree")?, "another secret");
        } else if step.get("verify").is_some() {
            let (spec, algorithm) = (text("spec")?, text("verify")?);
            check::verify(&spec, &algorithm, &bytes("public")?, &bytes("message")?, &bytes("signature")?)?;
        } else if step.get("oaep").is_some() {
            let ciphertext = check::encrypt(&text("oaep")?, &bytes("public")?, &bytes("plaintext")?)?;
            return Ok(json!({ "ciphertext": text_of(&ciphertext) }));
        } else {
            bail!("an unknown step");
        }
        Ok(json!({}))
    }

    /// What something written in the plan means here.
    fn value(&self, written: &Value) -> Result<Value> {
        let members = match written {
            Value::String(text) => return self.filled(text),
            Value::Array(all) => return all.iter().map(|member| self.value(member)).collect(),
            Value::Object(members) => members,
            other => return Ok(other.clone()),
        };
        if let Some(text) = members.get("text").and_then(Value::as_str) {
            return Ok(text_of(text.as_bytes()).into());
        }
        if let Some(size) = members.get("zeros").and_then(Value::as_u64) {
            return Ok(text_of(&vec![0; usize::try_from(size)?]).into());
        }
        if let (Some(whole), Some(place)) = (members.get("flip"), members.get("at").and_then(Value::as_u64)) {
            let mut damaged = bytes_of(&self.value(whole)?)?;
            *damaged.get_mut(usize::try_from(place)?).context("nothing to damage there")? ^= 1;
            return Ok(text_of(&damaged).into());
        }
        if let (Some(message), Some(hash)) = (members.get("digest"), members.get("by")) {
            let message = bytes_of(&self.value(message)?)?;
            let digest = check::digest(self.value(hash)?.as_str().unwrap_or_default(), &message)?;
            return Ok(text_of(&digest).into());
        }
        if let Some(document) = members.get("json") {
            return Ok(self.value(document)?.to_string().into());
        }
        let mut all = Map::new();
        for (name, member) in members {
            match (name.as_str(), self.value(member)?) {
                ("...", Value::Object(added)) => all.extend(added),
                (name, value) => drop(all.insert(name.into(), value)),
            }
        }
        Ok(all.into())
    }

    fn filled(&self, text: &str) -> Result<Value> {
        let variable = |name: &str| self.variables.get(name).with_context(|| format!("no variable {name}"));
        if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
            && !name.contains('}')
        {
            return variable(name).cloned();
        }
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, (name, behind))) =
            rest.split_once("${").and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            filled += before;
            filled += variable(name)?.as_str().context("a variable that is no text")?;
            rest = behind;
        }
        Ok((filled + rest).into())
    }
}

/// What is at a place of an answer.
fn at(answer: &Value, place: &str) -> Option<Value> {
    if place.is_empty() {
        return Some(answer.clone());
    }
    let (name, rest) = place.split_once('.').unwrap_or((place, ""));
    match answer {
        Value::Array(all) if name == "*" => Some(all.iter().filter_map(|member| at(member, rest)).collect()),
        Value::Array(all) => at(all.get(name.parse::<usize>().ok()?)?, rest),
        _ => at(answer.get(name)?, rest),
    }
}
