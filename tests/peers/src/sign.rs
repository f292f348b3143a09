//! One signature of the first T parties, in the peer's four phases.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use dkls23_core::curve::DklsCurve;
use dkls23_core::protocols::sign_session::SignSession;
use dkls23_core::protocols::signing::{SignData, verify_ecdsa_signature};
use dkls23_core::protocols::{Abort, Party};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{bytes_of, timed};

/// CPU of all signers, verification included, and the bytes that they send each other.
pub fn once<C: DklsCurve>(parties: &[Party<C>], threshold: u8) -> Result<(Duration, usize)>
where
    C::AffinePoint: Serialize + DeserializeOwned,
    C::Scalar: Serialize + DeserializeOwned,
{
    let signers = &parties[..usize::from(threshold)];
    let message_hash = rand::random::<[u8; 32]>();
    let sign_id = rand::random::<[u8; 32]>().to_vec();
    let data = |me: &Party<C>| SignData {
        sign_id: sign_id.clone(),
        counterparties: signers
            .iter()
            .map(|one| one.party_index)
            .filter(|one| *one != me.party_index)
            .collect(),
        message_hash,
    };

    let (started, first) = timed(|| {
        signers.iter().map(|me| SignSession::new(me, data(me)).map_err(aborted)).collect::<Result<Vec<_>>>()
    })?;
    let (mut sessions, sent): (Vec<_>, Vec<_>) = started.into_iter().unzip();
    let mut bytes = sizes(sent.iter().flatten())?;
    let inboxes: Vec<Vec<_>> = signers
        .iter()
        .map(|me| {
            sent.iter().flatten().filter(|one| one.parties.receiver == me.party_index).cloned().collect()
        })
        .collect();

    let (sent, second) = timed(|| {
        let work = sessions.iter_mut().zip(&inboxes);
        work.map(|(session, inbox)| session.phase2(inbox).map_err(aborted)).collect::<Result<Vec<_>>>()
    })?;
    bytes += sizes(sent.iter().flatten())?;
    let inboxes: Vec<Vec<_>> = signers
        .iter()
        .map(|me| {
            sent.iter().flatten().filter(|one| one.parties.receiver == me.party_index).cloned().collect()
        })
        .collect();

    let (answers, third) = timed(|| {
        let work = sessions.iter_mut().zip(&inboxes);
        work.map(|(session, inbox)| session.phase3(inbox).map_err(aborted)).collect::<Result<Vec<_>>>()
    })?;
    // Everybody sends its answer to one who combines.
    bytes += sizes(answers.iter().skip(1))?;

    let combiner = sessions.into_iter().next().ok_or_else(|| anyhow!("no signers"))?;
    // The last phase verifies the signature itself.
    let (signature, last) = timed(|| combiner.phase4(&answers, true).map_err(aborted))?;
    let [r, s] = [signature.r, signature.s].map(|word| word.map(|byte| format!("{byte:02x}")).concat());
    let public_key = &signers.first().ok_or_else(|| anyhow!("no signers"))?.pk;
    ensure!(verify_ecdsa_signature::<C>(&message_hash, public_key, &r, &s), "the signature is wrong");
    Ok((first + second + third + last, bytes))
}

fn sizes<'a, T: Serialize + 'a>(messages: impl Iterator<Item = &'a T>) -> Result<usize> {
    messages.map(bytes_of).sum()
}

fn aborted(abort: Abort) -> anyhow::Error {
    anyhow!("party {} aborted: {}", abort.index.as_u8(), abort.description())
}
