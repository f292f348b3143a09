//! RSA of three parties in this process: a key without a dealer, and the part of one of them in a signature.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use threshold::rsa::Exponent;

use anyhow::{Context as _, Result};
use rand_core::{OsRng, RngCore as _};
use threshold::fault::Checks;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::round::Outbox;
use threshold::rsa::Hash;
use threshold::rsa::encode::Block;
use threshold::rsa::generate::{Ceremony, Generated, Step, Wanted};
use threshold::sharing::replicated::keys::KeysContext;

use super::Report;
use super::cpu::{Runs, timed};
use crate::openssl::rsa_signature_us;

/// A key of 2048 bits, the parts of its owners, and OpenSSL's signature with a whole key.
pub fn measure(report: &mut Report) -> Result<()> {
    let threshold = Threshold::new(2, 3)?;
    let (made, used) = timed(|| generate(threshold, 2048));
    let Made { keys, batches, sent_bytes } = made?;
    let parties = f64::from(threshold.parties());
    let row = |name: &str| format!("protocol.keygen.rsa2048.2of3.{name}");
    report.insert(row("batch.cpu_us"), used.as_secs_f64() * 1e6 / f64::from(batches) / parties);
    report.insert(row("batch.sent_bytes"), sent_bytes as f64 / f64::from(batches) / parties);
    let set = SignerSet::new(threshold.all().iter().take(2))?;
    let mut slowest = 0.0_f64;
    for (party, one) in keys.iter().filter(|(party, _)| set.contains(**party)) {
        let mut runs = Runs::default();
        while runs.total() < PART_TIME {
            let mut digest = [0; 32];
            OsRng.fill_bytes(&mut digest);
            let block = Block::pkcs1(&one.key, Hash::Sha256, &digest)?;
            let (partial, used) = timed(|| one.share.partial(&one.key, &block, &set));
            partial?;
            runs.add(used);
        }
        report.insert(format!("protocol.part.rsa2048.2of3.party{}.cpu_us", party.get()), runs.median_us());
        slowest = slowest.max(runs.median_us());
    }
    let theirs = rsa_signature_us(2048)?;
    report.insert("openssl.sign.rsa2048.cpu_us".into(), theirs);
    report.insert("ratio.cpu.rsa2048.part".into(), slowest / theirs);
    Ok(())
}

struct Made {
    keys: BTreeMap<PartyIndex, Generated>,
    batches: u32,
    /// By all parties.
    sent_bytes: usize,
}

fn generate(threshold: Threshold, bits: usize) -> Result<Made> {
    let mut session_id = [0; 32];
    OsRng.fill_bytes(&mut session_id);
    let (mut ceremonies, mut wire) = (BTreeMap::new(), VecDeque::new());
    let send = |wire: &mut VecDeque<_>, from: PartyIndex, outbox: Outbox| {
        wire.extend(outbox.into_iter().map(|(to, message)| (from, to, message)));
    };
    for me in threshold.all().iter() {
        let context = KeysContext { cluster_id: [1; 32], session_id, epoch: 1, threshold, me };
        let wanted = Wanted { bits, exponent: Exponent::F4 };
        let (ceremony, outbox) = Ceremony::start(&context, wanted, &[2; 32], Checks::all(), &mut OsRng)?;
        ceremonies.insert(me, ceremony);
        send(&mut wire, me, outbox);
    }
    let (mut keys, mut batches, mut sent_bytes) = (BTreeMap::new(), 0, 0);
    while let Some((from, to, message)) = wire.pop_front() {
        sent_bytes += message.len();
        let ceremony = ceremonies.get_mut(&to).context("every party has a ceremony")?;
        let mut outbox = Outbox::default();
        let step = ceremony.receive(from, &message, &mut outbox, &mut OsRng)?;
        batches = batches.max(ceremony.batches());
        if let Step::Done(key) = step {
            keys.insert(to, *key);
        }
        send(&mut wire, to, outbox);
    }
    Ok(Made { keys, batches, sent_bytes })
}

/// CPU time that parts are measured for.
const PART_TIME: Duration = Duration::from_secs(2);
