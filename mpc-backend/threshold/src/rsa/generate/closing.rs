//! Public values, trial signatures, and everybody's word (`spec/rsa-generation.md`, steps 8 and 9).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::accuse::{self, Suspect};
use super::session::{Next, State};
use super::test::agree;
use super::{Generated, Setting};
use crate::codec::{DecodeError, Reader};
use crate::fault::{Error, Fault, Misuse, Rule};
use crate::party::{PartyIndex, SignerSet};
use crate::round::RawRound;
use crate::rsa::combine::combine;
use crate::rsa::encode::Block;
use crate::rsa::hash::Hash;
use crate::rsa::partial::Partial;
use crate::rsa::public::PublicKey;
use crate::rsa::share::{KeyShare, Values, power};
use crate::sharing::replicated::product::Opened;
use crate::sharing::replicated::session::Session;
use crate::sharing::replicated::{Piece, Shared};
use crate::transcript::{RSA_TRIAL, hash};

/// Waits for the public values.
pub(super) struct AwaitingValues {
    key: PublicKey,
    share: KeyShare,
    /// Those that d was made with.
    products: Vec<Opened>,
    own: BTreeMap<Piece, Vec<u8>>,
}

/// Waits for the partials of the trial signatures.
pub(super) struct AwaitingTrials {
    key: PublicKey,
    share: KeyShare,
    values: Values,
    block: Block,
}

/// Waits until everybody has confirmed.
pub(super) struct AwaitingConfirmations {
    key: PublicKey,
    share: KeyShare,
    values: Values,
}

/// Step 8: V_A = g^(d_A) for each piece.
pub(super) fn start(
    key: PublicKey,
    pieces: Shared,
    products: Vec<Opened>,
    setting: &Setting,
    session: &mut Session,
) -> Result<Next, Error> {
    let share = KeyShare { layout: setting.layout.clone(), party: setting.me, pieces };
    let generator = key.generator();
    let value = |(piece, value)| (piece, power(&key, &generator, value).to_be_bytes().to_vec());
    let own: BTreeMap<_, _> = share.pieces.iter().map(value).collect();
    let assigned = setting.assigned_to(setting.me).filter_map(|piece| own.get(&piece));
    let body = Zeroizing::new(assigned.flatten().copied().collect::<Vec<u8>>());
    drop(generator);
    let outbox = session.broadcast(body);
    Ok(Next::Round(State::Values(AwaitingValues { key, share, products, own }), outbox))
}

impl AwaitingValues {
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { key, share, products, own } = self;
        let said = session.accept(raw, |from, body| {
            let mut reader = Reader::new(body);
            let value = |piece| {
                let value = reader.bytes(setting.bytes())?;
                let residue = key.modulus().residue(value).and_then(|residue| residue.inverse());
                residue.map(|_| (piece, value.to_vec())).ok_or(DecodeError::Value)
            };
            let values = setting.assigned_to(from).map(value).collect::<Result<BTreeMap<_, _>, _>>()?;
            reader.finish()?;
            Ok(values)
        })?;
        for (from, values) in &said {
            // Check 8.1
            session.enforce(agree(&own, values), Fault::of(*from, Rule::RsaValue))?;
        }
        let all: BTreeMap<Piece, Vec<u8>> = said.into_values().flatten().collect();
        let values = Values::new(all.into_values().collect());
        // Check 8.2
        let right = key.public_power(&values.product(&key, |_| true)) == key.generator();
        if let Err(fault) = session.enforce(right, Fault::of_nobody(Rule::RsaInverse)) {
            return Ok(accuse::start(Suspect { fault, products, sent: None, sieve: None }, session));
        }
        let digest = hash(RSA_TRIAL, &[session.id(), key.n()]);
        let block = Block::pkcs1(&key, Hash::Sha256, &digest).map_err(|_| Misuse::KeySize)?;
        let mut body = Zeroizing::new(Vec::new());
        for set in trial_sets(setting)?.iter().filter(|set| set.contains(setting.me)) {
            body.extend_from_slice(share.partial(&key, &block, set)?.as_bytes());
        }
        let outbox = session.broadcast(body);
        Ok(Next::Round(State::Trials(AwaitingTrials { key, share, values, block }), outbox))
    }
}

impl AwaitingTrials {
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { key, share, values, block } = self;
        let sets = trial_sets(setting)?;
        let said = session.accept(raw, |from, body| {
            let mut reader = Reader::new(body);
            let sets = sets.iter().filter(|set| set.contains(from));
            let partials = sets.map(|_| Ok(reader.bytes(setting.bytes())?.to_vec()));
            let partials = partials.collect::<Result<Vec<_>, DecodeError>>()?;
            reader.finish()?;
            Ok(partials)
        })?;
        let mut by_party: BTreeMap<PartyIndex, _> =
            said.into_iter().map(|(from, partials)| (from, partials.into_iter())).collect();
        for set in &sets {
            let next = |party: PartyIndex| {
                let partial = by_party.get_mut(&party).and_then(Iterator::next);
                (party, Partial::from_bytes(&partial.unwrap_or_default()))
            };
            let partials: Vec<_> = set.iter().map(next).collect();
            // Check 9.1
            combine(&key, &block, set, &partials, session.checks())?;
        }
        let outbox = session.broadcast(Zeroizing::default());
        Ok(Next::Round(State::Confirmations(AwaitingConfirmations { key, share, values }), outbox))
    }
}

impl AwaitingConfirmations {
    /// The key, once everybody has seen the same messages and found no fault.
    pub(super) fn finish(self, session: &mut Session, raw: &RawRound) -> Result<Next, Error> {
        // Check 9.2
        session.accept(raw, |_, body| Reader::new(body).finish())?;
        let Self { key, share, values } = self;
        Ok(Next::Done(Generated { key, share, values, transcript: *session.view() }))
    }
}

/// The first and the last T parties.
fn trial_sets(setting: &Setting) -> Result<[SignerSet; 2], Misuse> {
    let needed = usize::from(setting.layout.threshold().needed());
    let [first, last] = [0, setting.all.len() - needed]
        .map(|skipped| SignerSet::new(setting.all.iter().skip(skipped).take(needed)));
    Ok([first?, last?])
}
