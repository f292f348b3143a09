//! Symmetric encryption of the KMS interface without a network: one evaluation as a node answers it, and as a client
//! combines it. What nodes and client sign and verify beside it is in both.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ed25519_dalek::SigningKey;
use proto::kms::v1::Statement;
use rand_core::{OsRng, RngCore as _};
use threshold::dprf::{self, Request};
use threshold::party::{PartyIndex, SignerSet, Threshold};

use super::Report;
use super::cluster::{CLUSTER_ID, generate};
use super::cpu::{Runs, timed};
use super::protocol::SETS;

/// Rows of every size of cluster.
pub fn measure(report: &mut Report) -> Result<()> {
    for (needed, parties) in SETS {
        evaluation(Threshold::new(needed, parties)?, &format!("{needed}of{parties}"), report)?;
    }
    Ok(())
}

fn evaluation(threshold: Threshold, set: &str, report: &mut Report) -> Result<()> {
    let key = generate(threshold, dprf::GROUP)?;
    let quorum = SignerSet::new(threshold.all().iter().take(usize::from(threshold.needed())))?;
    let (_, first) = key.first_key_value().context("a key has parties")?;
    let [client, node] = [[7; 32], [8; 32]].map(|seed| SigningKey::from_bytes(&seed));
    let (mut at_node, mut at_client) = (Runs::default(), Runs::default());
    while at_client.total() < TIME {
        let [mut input, mut request_nonce] = [[0; 32]; 2];
        OsRng.fill_bytes(&mut input);
        OsRng.fill_bytes(&mut request_nonce);
        let said = Statement { request_nonce: request_nonce.to_vec(), ..Statement::default() };
        let statement = || proto::kms::statement(&CLUSTER_ID, &said, &input);
        let request = Request {
            cluster_id: CLUSTER_ID,
            key_id: [1; 16],
            epoch: 1,
            public_key: first.public_key.clone(),
            quorum: quorum.clone(),
            client: client.verifying_key().to_bytes(),
            input,
            request_nonce,
        };
        let (signature, asked) = timed(|| statement().sign(&client));
        let mut answers: Vec<(PartyIndex, Vec<u8>)> = Vec::new();
        for party in quorum.iter() {
            let share = &key.get(&party).context("every party has a share")?.share;
            let (answer, used) = timed(|| {
                let verified = statement().verify(&request.client, &signature);
                let answer = dprf::answer(party, share, &request, &mut OsRng)?;
                let said = proto::statement::agreement(&CLUSTER_ID, 1, &request_nonce, &answer);
                anyhow::ensure!(verified && said.sign(&node).len() == 64, "a signature does not hold");
                Ok(answer)
            });
            at_node.add(used);
            answers.push((party, answer?));
        }
        let (value, used) = timed(|| dprf::combine(&answers, &first.commitments, threshold, &request));
        value.context("an answer is wrong")?;
        at_client.add(asked + used);
    }
    report.insert(format!("kms.evaluation.{set}.node.cpu_us"), at_node.best_us());
    report.insert(format!("kms.evaluation.{set}.node.median.cpu_us"), at_node.median_us());
    report.insert(format!("kms.evaluation.{set}.client.cpu_us"), at_client.best_us());
    report.insert(format!("kms.evaluation.{set}.client.median.cpu_us"), at_client.median_us());
    let whole = at_client.median_us() + at_node.median_us() * f64::from(threshold.needed());
    report.insert(format!("kms.evaluation.{set}.whole.cpu_us"), whole);
    Ok(())
}

/// CPU time that clients are measured for.
const TIME: Duration = Duration::from_millis(500);
