//! One key generation among three parties: the peer redoes its base transfers for each key.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, anyhow};
use dkls23_core::curve::DklsCurve;
use dkls23_core::protocols::dkg_session::DkgSession;
use dkls23_core::protocols::{Parameters, Party, PartyIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{bytes_of, timed};

/// One party of the key, CPU of all three, and the bytes that they send each other.
pub fn two_of_three<C: DklsCurve>() -> Result<(Party<C>, Duration, usize)>
where
    C::AffinePoint: Serialize + DeserializeOwned,
    C::Scalar: Serialize + DeserializeOwned,
{
    let parties = [1, 2, 3].map(|index| PartyIndex::new(index).expect("not zero"));
    let session_id = rand::random::<[u8; 32]>().to_vec();
    let aborted = |abort: dkls23_core::protocols::Abort| anyhow!("key generation: {}", abort.description());
    // Messages by round; a broadcast counts once for each of the two receivers.
    let mut bytes = 0;
    let (party, used) = timed(|| {
        let mut sessions: Vec<DkgSession<C>> = parties
            .iter()
            .map(|me| DkgSession::new(Parameters::new(2, 3).expect("valid"), *me, session_id.clone()))
            .collect();
        let fragments: Vec<Vec<C::Scalar>> = sessions.iter().map(DkgSession::phase1).collect();
        bytes +=
            2 * fragments.iter().flatten().try_fold(0, |sum, one| bytes_of(one).map(|one| sum + one))? / 3;
        let (mut proofs, mut zero2, mut chain2) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (place, (me, session)) in parties.iter().zip(&mut sessions).enumerate() {
            let mine: Vec<C::Scalar> = fragments.iter().map(|row| row[place]).collect();
            let (proof, zero, chain) = session.phase2(&mine).map_err(aborted)?;
            bytes += 2 * (bytes_of(&proof)? + bytes_of(&chain)?) + bytes_of(&zero)?;
            proofs.push(proof);
            zero2.extend(zero);
            chain2.insert(*me, chain);
        }
        let (mut zero3, mut products, mut chain3) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (me, session) in parties.iter().zip(&mut sessions) {
            let (zero, product, chain) = session.phase3().map_err(aborted)?;
            bytes += 2 * bytes_of(&chain)? + bytes_of(&zero)? + bytes_of(&product)?;
            zero3.extend(zero);
            products.extend(product);
            chain3.insert(*me, chain);
        }
        let mut last = None;
        for (me, session) in parties.iter().zip(sessions) {
            let zero2: Vec<_> = zero2.iter().filter(|one| one.parties.receiver == *me).cloned().collect();
            let zero3: Vec<_> = zero3.iter().filter(|one| one.parties.receiver == *me).cloned().collect();
            let product: Vec<_> =
                products.iter().filter(|one| one.parties.receiver == *me).cloned().collect();
            let finished = session
                .phase4(&proofs, &zero2, &zero3, &product, &chain2, &chain3, |_| String::new())
                .map_err(aborted)?;
            last = Some(finished.0);
        }
        last.ok_or_else(|| anyhow!("no parties"))
    })?;
    Ok((party, used, bytes))
}
