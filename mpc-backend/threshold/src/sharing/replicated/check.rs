//! Check of an opened product by a sacrificed one (`spec/replicated.md`, section 4).

use alloc::vec::Vec;

use arith::integer::Integer;
use subtle::ConstantTimeEq as _;

use super::open::{AwaitingPieces, open};
use super::product::{AwaitingParts, Factors, Opened, multiply};
use super::session::Session;
use super::shared::Shared;
use crate::fault::{Fault, Misuse, Rule};
use crate::round::{Outbox, RawRound};

/// Bits of the coin: an undetected lie has chance 2^-128.
const COIN_LIMBS: usize = 2;

/// Bits by which the width must exceed those of the product, for the sacrifice to be sound.
pub const SLACK_BITS: usize = 64 * COIN_LIMBS + 1;

/// The claim z = x y over the integers.
struct Claim {
    x: Shared,
    y: Shared,
    z: Integer,
}

/// Waits for the parts of the sacrificed product.
pub struct AwaitingSacrifice {
    claim: Claim,
    mask: Shared,
    plus: Shared,
    product: AwaitingParts,
}

/// Waits for the coin.
pub struct AwaitingCoin {
    claim: Claim,
    mask: Shared,
    plus: Shared,
    sacrifice: Vec<Opened>,
    coin: AwaitingPieces,
}

/// Waits for the masked factor.
pub struct AwaitingFactor {
    claim: Claim,
    plus: Shared,
    sacrifice: Vec<Opened>,
    coin: Integer,
    factor: AwaitingPieces,
}

/// Waits for what must be zero.
pub struct AwaitingZero {
    sacrifice: Vec<Opened>,
    zero: AwaitingPieces,
}

/// Begins the check that `z` = `x` `y`, where the pieces of x and y are signed integers with |x y| and
/// |z| below 2^(64 limbs - [`SLACK_BITS`]); they are widened to `limbs`.
///
/// # Errors
/// [`Misuse::Threshold`] when N < 2T - 1.
pub fn check(
    session: &mut Session,
    x: &Shared,
    y: &Shared,
    z: &Integer,
    limbs: usize,
) -> Result<(AwaitingSacrifice, Outbox), Misuse> {
    let claim = Claim { x: x.resized(limbs), y: y.resized(limbs), z: z.resized(limbs) };
    let mask = session.draw(64 * limbs, limbs);
    let plus = session.draw(64 * limbs, limbs);
    let factors = Factors { x: mask.resized(limbs), y: claim.y.resized(limbs), plus: plus.resized(limbs) };
    let (product, outbox) = multiply(session, Vec::from([factors]))?;
    Ok((AwaitingSacrifice { claim, mask, plus, product }, outbox))
}

impl AwaitingSacrifice {
    /// Step 2: the coin, now that the sacrifice is fixed.
    ///
    /// # Errors
    /// As [`AwaitingParts::finish`].
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<(AwaitingCoin, Outbox), Fault> {
        let sacrifice = self.product.finish(session, raw)?;
        let coin = session.draw(64 * COIN_LIMBS, COIN_LIMBS);
        let (coin, outbox) = open(session, &coin);
        let Self { claim, mask, plus, .. } = self;
        Ok((AwaitingCoin { claim, mask, plus, sacrifice, coin }, outbox))
    }
}

impl AwaitingCoin {
    /// Step 3: d = a + c x.
    ///
    /// # Errors
    /// As [`AwaitingPieces::finish`].
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<(AwaitingFactor, Outbox), Fault> {
        let coin = self.coin.finish(session, raw)?.resized(self.mask.limbs());
        let (factor, outbox) = open(session, &self.mask.plus(&self.claim.x.times(&coin)));
        let Self { claim, plus, sacrifice, .. } = self;
        Ok((AwaitingFactor { claim, plus, sacrifice, coin, factor }, outbox))
    }
}

impl AwaitingFactor {
    /// Step 4: v = d y - (m - r) - c z.
    ///
    /// # Errors
    /// As [`AwaitingPieces::finish`].
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<(AwaitingZero, Outbox), Fault> {
        let factor = self.factor.finish(session, raw)?;
        let mut known = self.coin.product(&self.claim.z);
        self.sacrifice.iter().for_each(|opened| known.add(&opened.value));
        known.negate_if(1.into());
        let value = self.claim.y.times(&factor).plus(&self.plus).plus_public(&known);
        let (zero, outbox) = open(session, &value);
        Ok((AwaitingZero { sacrifice: self.sacrifice, zero }, outbox))
    }
}

impl AwaitingZero {
    /// The verdict, and the sacrificed product: when the check failed, the lie is in that one or in the
    /// one that was checked, and both go to [`super::audit`].
    ///
    /// # Errors
    /// As [`AwaitingPieces::finish`]; the verdict is [`Rule::SharingProduct`], naming nobody.
    pub fn finish(
        self,
        session: &mut Session,
        raw: &RawRound,
    ) -> Result<(Result<(), Fault>, Vec<Opened>), Fault> {
        let value = self.zero.finish(session, raw)?;
        // Check 6.4
        let zero = value.ct_eq(&Integer::zero(value.limbs())).into();
        let verdict = session.checks().enforce(zero, Fault::of_nobody(Rule::SharingProduct));
        Ok((verdict, self.sacrifice))
    }
}
