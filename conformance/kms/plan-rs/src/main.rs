//! Follows `plan.json` through the AWS SDK for Rust; AWS-LC checks. Wants the variables that `counterfoil lab up --kms`
//! prints, and `SSL_CERT_FILE` for HTTPS.

mod check;
mod json;
mod sdk;
mod step;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::sdk::Refused;
use crate::step::Follower;

/// A client of the agent, and what it has done.
pub struct Agent {
    kms: aws_sdk_kms::Client,
    done: BTreeSet<String>,
    /// Symmetric keys to take where the plan makes one, while too few nodes are up to make any.
    spare: Option<Vec<String>>,
}

impl Agent {
    /// An operation's answer as AWS's protocol has it.
    async fn ask(&self, operation: &str, members: Value) -> Result<Result<Value, Refused>> {
        let Value::Object(members) = members else { anyhow::bail!("{members} are no members") };
        sdk::ask(&self.kms, operation, members).await
    }

    async fn answer(&mut self, operation: &str, members: Value) -> Result<Value> {
        if let Some(spare) = self.spare.as_mut().filter(|_| operation == "CreateKey") {
            let key = json!({ "KeyId": spare.pop().context("no spare key is left")? });
            return self.ask("DescribeKey", key).await?.map_err(anyhow::Error::new);
        }
        let answer = self.ask(operation, members).await?.map_err(anyhow::Error::new)?;
        self.done.insert(operation.into());
        Ok(answer)
    }

    /// One key of each kind for all followers of a lab.
    async fn key(&mut self, spec: &str, usage: &str) -> Result<Value> {
        let alias = format!("alias/plan/{spec}/{usage}");
        if let Ok(found) = self.ask("DescribeKey", json!({ "KeyId": alias })).await? {
            return Ok(found);
        }
        let made = self.answer("CreateKey", json!({ "KeySpec": spec, "KeyUsage": usage })).await?;
        let id = made.pointer("/KeyMetadata/KeyId").context("a key without an id")?;
        self.answer("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": id })).await?;
        Ok(made)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let plan: Value = serde_json::from_str(include_str!("../../plan.json"))?;
    let retry = aws_config::retry::RetryConfig::disabled();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).retry_config(retry).load().await;
    let spare = std::env::var("SPARE").ok();
    let spare = spare.map(|spare| spare.split_whitespace().map(str::to_owned).collect());
    let mut agent = Agent { kms: aws_sdk_kms::Client::new(&config), done: BTreeSet::new(), spare };
    let sizes = std::env::var("RSA").unwrap_or_default();
    let sizes: Vec<&str> = sizes.split_whitespace().collect();
    for case in list(&plan, "cases")? {
        if agent.spare.is_some() && case.get("all nodes").is_some() {
            continue;
        }
        let name = case["case"].as_str().context("a case without a name")?;
        let steps = list(case, "steps")?;
        let sets = case.get("for").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![json!({})]);
        for variables in sets {
            let bits = variables["spec"].as_str().and_then(|spec| spec.strip_prefix("RSA_"));
            let makes = steps.iter().any(|step| step.get("key").is_some());
            if makes && bits.is_some_and(|bits| !sizes.contains(&bits)) {
                continue;
            }
            let mut follower = Follower::new(variables.as_object().cloned().unwrap_or_else(Map::new));
            for step in steps {
                let what = || format!("{name} {variables}: {step}");
                follower.step(&mut agent, step).await.with_context(what)?;
            }
        }
        println!("Rust: {name}: passed");
    }
    let wanted: BTreeSet<String> =
        list(&plan, "operations")?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    ensure!(agent.spare.is_some() || agent.done == wanted, "{:?}", agent.done.symmetric_difference(&wanted));
    Ok(())
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    value.get(name).and_then(Value::as_array).with_context(|| format!("no list {name}"))
}
