//! The private exponent, shared from the start (`spec/rsa-generation.md`, step 7).

use alloc::vec::Vec;

use arith::integer::Integer;
use arith::modulus::Modulus;

use super::Setting;
use super::accuse::{self, Suspect};
use super::batch;
use super::closing;
use super::session::{Next, State};
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
    let e = setting.exponent.to_integer(setting.exponent.limbs());
    // |r phi| < 2^bits e times the number of pieces, and 64 bits more than that needs are in the mask.
    let mask_bits = setting.shape.bits + 64 + HIDING_BITS;
    let limbs = (mask_bits + e.bits() + 9).div_ceil(64);
    let [p, q] = product.factors().map(|prime| prime.resized(limbs));
    let mut public = Integer::from_be_bytes(candidate.n(), limbs);
    public.add(&Integer::from_word(1, limbs));
    let phi = p.plus(&q).negated().plus_public(&public);
    let wide = session.draw(e.bits() + HIDING_BITS, e.limbs() + HIDING_BITS / 64);
    let r = wide.modulo(&e);
    let mask = session.draw(mask_bits, limbs);
    let plus = mask.times(&e.resized(limbs));
    let factors = Factors { x: r.resized(limbs), y: phi.resized(limbs), plus };
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
        let e = setting.exponent.to_integer(r.limbs());
        let Some(scale) = scale(setting, &inverse.value, &e) else {
            // e divides phi, or r is zero: either has chance of about 1/e.
            return batch::start(setting, session);
        };
        let limbs = phi.limbs();
        let k = r.resized(2 * e.limbs()).times(&scale).modulo(&e).resized(limbs);
        let k = k.plus_public(&excess(setting, limbs));
        let mask = session.draw(setting.shape.bits + HIDING_BITS, limbs);
        let plus = mask.times(&e.resized(limbs)).negated().plus_public(&Integer::from_word(1, limbs));
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
        let (quotient, rest) =
            opened.divided_by_number(&setting.exponent.to_integer(setting.exponent.limbs()));
        // Check 7.1
        if let Err(fault) = session.enforce(rest.bits() == 0, Fault::of_nobody(Rule::RsaExponent)) {
            return Ok(accuse::start(Suspect { fault, products, sent: None, sieve: None }, session));
        }
        let key = PublicKey::new(&n, setting.exponent).map_err(|_| Misuse::KeySize)?;
        let pieces = mask.plus_public(&quotient).resized(key.limbs());
        closing::start(key, pieces, products, setting, session)
    }
}

/// -1/z for z, which was opened, modulo e, so that k = -r / (r phi); twice as wide as e. `None` if z is zero.
fn scale(setting: &Setting, opened: &Integer, e: &Integer) -> Option<Integer> {
    let (_, z) = opened.divided_by_number(e);
    let modulus = Modulus::new(setting.exponent.to_be_bytes())?;
    let z = z.to_be_bytes();
    let scale = modulus.residue(z.get(z.len() - modulus.bytes()..)?)?.inverse()?.negated();
    Some(Integer::from_be_bytes(&scale.to_be_bytes(), 2 * e.limbs()))
}

/// The multiple of e that k has too much: with it phi k / e is above all masks together, phi being at least half of
/// 2^bits, so that no piece of d is negative.
fn excess(setting: &Setting, limbs: usize) -> Integer {
    let bytes = [setting.exponent.to_be_bytes(), &[0; HIDING_BITS / 8]].concat();
    let mut excess = Integer::zero(limbs);
    excess.add_scaled(&Integer::from_be_bytes(&bytes, limbs), 2 * setting.layout.all().len() as u64);
    excess
}
