//! Random number generation (PKCS#11 3.0 section 5.19).

use cryptoki_sys::*;
use token::Provider;
use zeroize::Zeroizing;

use super::ptr::{DATA_BYTES_MAX, Ptr};
use super::{Answer, Failure};

/// `C_SeedRandom`.
pub(super) fn seed_random(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    seed: Ptr<'_, CK_BYTE>,
    seed_len: CK_ULONG,
) -> Answer {
    let seed = Zeroizing::new(seed.required()?.data(seed_len)?);
    Ok(provider.seed_random(session, &seed)?)
}

/// `C_GenerateRandom`. Made in pieces, so that a great request needs no great copy.
pub(super) fn generate_random(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    random: Ptr<'_, CK_BYTE>,
    random_len: CK_ULONG,
) -> Answer {
    let random = random.required()?;
    let len = usize::try_from(random_len).map_err(|_| Failure::ARGUMENTS_BAD)?;
    if len > DATA_BYTES_MAX {
        return Err(Failure::ARGUMENTS_BAD);
    }
    let mut piece = Zeroizing::new(vec![0; len.min(PIECE_BYTES)]);
    let mut done = 0;
    loop {
        let take = PIECE_BYTES.min(len - done);
        piece.truncate(take);
        provider.generate_random(session, &mut piece)?;
        random.element(done).fill(&piece)?;
        done += take;
        if done == len {
            return Ok(());
        }
    }
}

/// Bytes made at a time.
const PIECE_BYTES: usize = 64 * 1024;
