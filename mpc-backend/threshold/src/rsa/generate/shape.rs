//! What follows from the size of a key and the number of pieces (`spec/rsa-generation.md`, section 3).

use alloc::vec::Vec;

use arith::integer::Integer;
use arith::word::Word;

use super::trial::{Divisors, odd_primes};
use crate::fault::Misuse;
use crate::party::PartyIndex;
use crate::sharing::replicated::words::Run;
use crate::sharing::replicated::{Piece, Pieces, Shared};

/// Candidates of a batch.
pub(super) const BATCH: usize = 32;

/// Bits, at least, of what is added to a number above its residues.
const ABOVE_BITS: usize = 24;

/// The first 64 bits of sqrt(2) / 2, rounded up: primes are at least this part of 2^k.
const ROOT_HALF: u64 = 0xb504_f333_f9de_6485;

/// A prime of the sieve, with the constants of the Chinese remainder for u = (x - 3) / 4.
struct Sieved {
    modulus: Word,
    /// 1/4 times the inverse of `cofactor`.
    scale: u64,
    /// -3 times `scale`: what one piece adds.
    shift: u64,
    /// M over the prime.
    cofactor: Integer,
}

/// Constants of a size.
pub(super) struct Shape {
    /// Bits of n; of a prime half as many.
    pub(super) bits: usize,
    primes: Vec<Sieved>,
    /// M times 2^i, for i below the bits of the number of primes.
    multiples: Vec<Integer>,
    /// Bits of what M is multiplied by above the residues.
    above_bits: usize,
    /// A multiple of M that makes p large enough.
    offset: Integer,
    /// Every odd prime up to some bound, those of the sieve first.
    pub(super) divisors: Divisors,
}

impl Shape {
    /// For a modulus of `bits` bits, shared as `layout` says.
    ///
    /// # Errors
    /// [`Misuse::KeySize`] when half the bits are no multiple of 64, or too few for the sieve.
    pub(super) fn new(layout: &Pieces, bits: usize) -> Result<Self, Misuse> {
        let half = bits / 2;
        let piece_bits = layout.all().len().next_power_of_two().trailing_zeros() as usize;
        // Pieces sum to less than a quarter of 2^(half - 2), the room above sqrt(2)/2 being 0.29 of it.
        let room = (half.checked_sub(4 + piece_bits + ABOVE_BITS)).filter(|_| half.is_multiple_of(64));
        let room = room.ok_or(Misuse::KeySize)?;
        let limbs = half / 64;
        let candidates = odd_primes(divisor_max(bits));
        let mut product = Integer::from_word(1, limbs);
        let mut primes = Vec::new();
        for prime in &candidates {
            let next = times(&product, u64::from(*prime));
            if next.bits() > room {
                break;
            }
            product = next;
            primes.push(*prime);
        }
        let above_bits = ABOVE_BITS + room - product.bits();
        let sieved = primes.iter().map(|prime| Sieved::new(*prime, &product)).collect::<Option<_>>();
        let doublings = primes.len().next_power_of_two().trailing_zeros();
        let multiples = (0..=doublings).rev().map(|power| times(&product, 1 << power)).collect();
        Ok(Self {
            bits,
            primes: sieved.ok_or(Misuse::KeySize)?,
            multiples,
            above_bits,
            offset: offset(&product, limbs),
            divisors: Divisors::new(&candidates),
        })
    }

    /// Limbs of a prime.
    pub(super) fn limbs(&self) -> usize {
        self.bits / 128
    }

    /// The primes of the sieve, ascending from 3.
    pub(super) fn primes(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.primes.iter().map(|prime| prime.modulus.get())
    }

    /// How many products of residues give, almost always, enough units for a batch.
    pub(super) fn runs(&self) -> Vec<Run> {
        let run = |prime: &Sieved| {
            let (modulus, wanted) = (u64::from(prime.modulus.get()), 2 * BATCH as u64);
            // x y is a unit with probability (1 - 1/l)^2: the mean, and four deviations of it.
            let (units, all) = ((modulus - 1) * (modulus - 1), modulus * modulus);
            let mean = (wanted * all).div_ceil(units);
            let deviation = (mean * (all - units) / units + 1).isqrt() + 1;
            Run { modulus: prime.modulus, count: (mean + 4 * deviation) as usize }
        };
        self.primes.iter().map(run).collect()
    }

    /// u for p = 4 u + 3 with the residues that `residue` gives for a piece and the position of a
    /// prime: every piece uniform in its interval, and the first with the offset. `above` has pieces of
    /// [`Self::above_bits`].
    pub(super) fn combine(
        &self,
        layout: &Pieces,
        party: PartyIndex,
        above: &Shared,
        residue: impl Fn(Piece, usize) -> u16,
    ) -> Shared {
        let product = self.multiples.last();
        Shared::new(layout, party, self.limbs(), |piece| {
            let mut sum = Integer::zero(self.limbs());
            for (at, prime) in self.primes.iter().enumerate() {
                let first = u64::from(piece == Piece::FIRST) * prime.shift;
                let digit = prime.modulus.reduce(u64::from(residue(piece, at)) * prime.scale + first);
                sum.add_scaled(&prime.cofactor, u64::from(digit));
            }
            // One multiple of M for each prime at most is too much.
            for multiple in &self.multiples {
                sum.subtract_if_not_less(multiple);
            }
            let above = above.get(piece).map_or(0, Integer::low_word);
            product.into_iter().for_each(|product| sum.add_scaled(product, above));
            if piece == Piece::FIRST {
                sum.add(&self.offset);
            }
            sum
        })
    }

    /// Bits of what is drawn for [`Self::combine`].
    pub(super) const fn above_bits(&self) -> usize {
        self.above_bits
    }
}

impl Sieved {
    /// `None` unless `prime` is an odd prime that divides `product` once.
    fn new(prime: u32, product: &Integer) -> Option<Self> {
        let modulus = Word::new(prime)?;
        let (cofactor, rest) = product.divided_by(u64::from(prime))?;
        let (_, residue) = cofactor.divided_by(u64::from(prime))?;
        let scale = power(modulus, 4 * residue, u64::from(prime).checked_sub(2)?);
        let shift = u64::from(modulus.reduce((u64::from(prime) - 3 % u64::from(prime)) * scale));
        (rest == 0 && residue != 0).then_some(Self { modulus, scale, shift, cofactor })
    }
}

/// `base` to the `exponent` modulo a word; all public.
pub(super) fn power(modulus: Word, base: u64, exponent: u64) -> u64 {
    let mut power = 1;
    for bit in (0..64).rev() {
        power = u64::from(modulus.reduce(power * power));
        if exponent >> bit & 1 == 1 {
            power = u64::from(modulus.reduce(power * u64::from(modulus.reduce(base))));
        }
    }
    power
}

/// Up to where moduli are divided: where the next prime costs as much as the tests that it saves.
const fn divisor_max(bits: usize) -> u32 {
    match bits {
        ..2048 => 1 << 13,
        2048..3072 => 1 << 16,
        3072..4096 => 1 << 17,
        _ => 1 << 18,
    }
}

/// The least multiple of `product` that is not below a quarter of the least prime.
fn offset(product: &Integer, limbs: usize) -> Integer {
    // Long division by subtraction of shifted multiples; both numbers are public.
    let mut rest = Integer::zero(limbs);
    let least = Integer::from_be_bytes(&shifted(ROOT_HALF, limbs), limbs);
    let least = least.divided_by(4).map_or(Integer::zero(limbs), |(quarter, _)| quarter);
    rest.add(&least);
    for shift in (0..=64 * limbs - product.bits()).rev() {
        rest.subtract_if_not_less(&doubled(product, shift));
    }
    let mut offset = least;
    offset.subtract(&rest);
    offset.add(product);
    offset
}

/// `top` as the highest word of a number.
fn shifted(top: u64, limbs: usize) -> Vec<u8> {
    let mut bytes = top.to_be_bytes().to_vec();
    bytes.resize(8 * limbs, 0);
    bytes
}

fn times(number: &Integer, factor: u64) -> Integer {
    let mut product = Integer::zero(number.limbs());
    product.add_scaled(number, factor);
    product
}

fn doubled(number: &Integer, times: usize) -> Integer {
    let mut sum = number.resized(number.limbs());
    for _ in 0..times {
        let again = sum.resized(sum.limbs());
        sum.add(&again);
    }
    sum
}
