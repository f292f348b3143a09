//! The private exponent, shared from the start (`spec/rsa-generation.md`, step 7).

use alloc::vec::Vec;

use arith::integer::Integer;

use super::Setting;
use super::accuse::{self, Suspect};
use super::batch;
use super::closing;
use super::session::{Next, State};
use super::shape::power;
use super::test::Candidate;
use crate::fault::{Error, Fault, Misuse, Rule};
use crate::round::RawRound;
use crate::rsa::public::PublicKey;
use crate::rsa::share::HIDING_BITS;
use crate::sharing::replicated::Shared;
use crate::sharing::replicated::product::{AwaitingParts, Factors, Opened, multiply};
use crate::sharing::replicated::session::Session;

/// The proven candidate.
pub(super) struct Primes {
    pub(super) candidate: Candidate,
    pub(super) product: Opened,
}

/// Waits for r phi, masked by a multiple of e.
pub(super) struct AwaitingInverse {
    n: Vec<u8>,
    phi: Shared,
    r: Shared,
    product: AwaitingParts,
}

/// Waits for 1 + phi k, masked by a multiple of e.
pub(super) struct AwaitingExponent {
    n: Vec<u8>,
    mask: Shared,
    inverse: Opened,
    product: AwaitingParts,
}

/// Opens r phi + e m: modulo e it is uniform, above it is hidden by m.
pub(super) fn start(primes: Primes, setting: &Setting, session: &mut Session) -> Result<Next, Error> {
    let Primes { candidate, product } = primes;
    let limbs = setting.shape.bits / 64 + 4;
    let [p, q] = product.factors().map(|prime| prime.resized(limbs));
    let mut public = Integer::from_be_bytes(candidate.n(), limbs);
    public.add(&Integer::from_word(1, limbs));
    let phi = p.plus(&q).negated().plus_public(&public);
    let r = session.draw_below(setting.exponent);
    // |r phi| < 2^(bits + 32) times the number of pieces.
    let mask = session.draw(setting.shape.bits + 64 + HIDING_BITS, limbs);
    let e = Integer::from_word(u64::from(setting.exponent.get()), limbs);
    let factors = Factors { x: r.resized(limbs), y: phi.resized(limbs), plus: mask.times(&e) };
    let (product, outbox) = multiply(session, Vec::from([factors]))?;
    let next = AwaitingInverse { n: candidate.n().to_vec(), phi, r, product };
    Ok(Next::Round(State::Inverse(next), outbox))
}

impl AwaitingInverse {
    /// Opens 1 + phi k - e rho for k = -1/phi modulo e, made so large that the difference is positive.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { n, phi, r, product } = self;
        let mut opened = product.finish(session, raw)?;
        let Some(inverse) = opened.pop() else { return Err(Misuse::KeySize.into()) };
        let e = u64::from(setting.exponent.get());
        let z = inverse.value.divided_by(e).map_or(0, |(_, rest)| rest);
        if z == 0 {
            // e divides phi, or r is zero: either has chance of about 1/e.
            return batch::start(setting, session);
        }
        // -1/z, so that k = -r / (r phi).
        let scale = e - power(setting.exponent, z, e - 2);
        let limbs = phi.limbs();
        let k = Shared::new(&setting.layout, setting.me, limbs, |piece| {
            let r = r.get(piece).map_or(0, Integer::low_word);
            Integer::from_word(u64::from(setting.exponent.reduce(r * scale)), limbs)
        });
        let k = k.plus_public(&excess(setting, limbs));
        let mask = session.draw(setting.shape.bits + HIDING_BITS, limbs);
        let plus =
            mask.times(&Integer::from_word(e, limbs)).negated().plus_public(&Integer::from_word(1, limbs));
        let (product, outbox) = multiply(session, Vec::from([Factors { x: phi, y: k, plus }]))?;
        Ok(Next::Round(State::Exponent(AwaitingExponent { n, mask, inverse, product }), outbox))
    }
}

impl AwaitingExponent {
    /// d = (1 + phi k) / e: each mask is a piece of it, and the first takes what was opened.
    pub(super) fn finish(
        self,
        setting: &Setting,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<Next, Error> {
        let Self { n, mask, inverse, product } = self;
        let mut products = Vec::from([inverse]);
        products.extend(product.finish(session, raw)?);
        let opened = products.last().map_or(Integer::zero(1), |opened| opened.value.resized(mask.limbs()));
        let e = setting.exponent.get();
        let (quotient, rest) = opened.divided_by(u64::from(e)).unwrap_or((opened, 1));
        // Check 7.1
        if let Err(fault) = session.enforce(rest == 0, Fault::of_nobody(Rule::RsaExponent)) {
            return Ok(accuse::start(Suspect { fault, products, sent: None, sieve: None }, session));
        }
        let key = PublicKey::new(&n, u64::from(e)).map_err(|_| Misuse::KeySize)?;
        let pieces = mask.plus_public(&quotient).resized(key.limbs());
        closing::start(key, pieces, products, setting, session)
    }
}

/// The multiple of e that k has too much: with it phi k / e is above all masks together, phi being at least half of
/// 2^bits, so that no piece of d is negative.
fn excess(setting: &Setting, limbs: usize) -> Integer {
    let factor = 2 * setting.layout.all().len() as u64 * u64::from(setting.exponent.get());
    let mut bytes = factor.to_be_bytes().to_vec();
    bytes.resize(bytes.len() + HIDING_BITS / 8, 0);
    Integer::from_be_bytes(&bytes, limbs)
}
