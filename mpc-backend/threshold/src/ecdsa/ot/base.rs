//! Step 3.1: 128 random OTs on 16-byte keys, batched over one sender point (ristretto255).
//!
//! Endemic OT with Masny and Rindal's programmable function (ePrint 2019/706) in the one-point
//! form of 2021/682. Assumes CDH and a random oracle; the caller guarantees that `sid` is fresh.
//! DEVIATION D3: the whole instance is hashed into each key.
//!
//! A point that is not canonical, or an identity sender point, is its sender's fault. Nothing else
//! can fail here: the receiver's message is statistically independent of her choices.

use alloc::vec::Vec;

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use rand_core::CryptoRngCore;
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use super::{BLOCK_BITS, BLOCKS, Delta, ROWS, SEED_BYTES, Seed};
use crate::fault::Rule;
use crate::secret::Secret;
use crate::transcript::{BASE_FUNCTION, BASE_KEY, expand};

/// Bytes of an encoded point.
pub const POINT_BYTES: usize = 32;
/// The identity, which no honest sender sends.
pub const IDENTITY: [u8; POINT_BYTES] = [0; POINT_BYTES];
/// Bytes of the receiver's message: two points an instance.
pub const CHOICES_BYTES: usize = ROWS * 2 * POINT_BYTES;

/// The receiver's keys, instance 4i + l for level l of block i: the chosen one of two.
pub type ReceiverKeys = Secret<[Seed; ROWS]>;
/// The sender's keys: both of each instance.
pub type SenderKeys = Secret<[[Seed; 2]; ROWS]>;

/// Bob, the sender.
pub struct Sender {
    secret: Secret<Scalar>,
    point: [u8; POINT_BYTES],
}

impl Sender {
    /// Draws a; the message is A = a B.
    pub fn new(rng: &mut dyn CryptoRngCore) -> Self {
        let secret = Secret::new(Scalar::random(rng));
        let point = RistrettoPoint::mul_base(secret.expose()).compress().to_bytes();
        Self { secret, point }
    }

    /// A, to be sent.
    pub const fn point(&self) -> &[u8; POINT_BYTES] {
        &self.point
    }

    /// Both keys of each instance, from the receiver's message.
    ///
    /// # Errors
    /// [`Rule::Malformed`] for a point that is not canonical.
    pub fn keys(self, sid: &[u8; 32], choices: &[u8]) -> Result<SenderKeys, Rule> {
        if choices.len() != CHOICES_BYTES {
            return Err(Rule::Malformed);
        }
        let mut keys = SenderKeys::new([[[0; SEED_BYTES]; 2]; ROWS]);
        let instances = choices.as_chunks::<{ 2 * POINT_BYTES }>().0;
        for ((at, pair), keys) in INSTANCES.zip(instances).zip(keys.expose_mut()) {
            let (sent0, sent1) = pair.split_at(POINT_BYTES);
            let points = [decode(sent0)?, decode(sent1)?];
            for ((branch, key), (own, other)) in (0_u8..).zip(keys).zip(points.iter().zip([sent1, sent0])) {
                let shared = Zeroizing::new((own + function(sid, at, branch, other)) * self.secret.expose());
                derive(sid, at, branch, &self.point, pair, &shared, key);
            }
        }
        Ok(keys)
    }
}

/// Alice, the receiver: her message and her keys, for the choices that `delta` prescribes.
///
/// She chooses the complement of each path bit: the sibling's key, never the path's own.
///
/// The caller has refused the identity as sender point.
///
/// # Errors
/// [`Rule::Malformed`] for a sender point that is not canonical.
pub fn receive(
    sid: &[u8; 32],
    delta: &Delta,
    sender_point: &[u8; POINT_BYTES],
    rng: &mut dyn CryptoRngCore,
) -> Result<(ReceiverKeys, Vec<u8>), Rule> {
    let sender = decode(sender_point)?;
    let table = RistrettoBasepointTable::create(&sender);
    let mut keys = ReceiverKeys::new([[0; SEED_BYTES]; ROWS]);
    let mut message = Vec::with_capacity(CHOICES_BYTES);
    for ((at, key), bit) in INSTANCES.zip(keys.expose_mut()).zip(choice_bits(delta)) {
        let secret = Secret::new(Scalar::random(rng));
        let mut uniform = Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *uniform);
        let other = RistrettoPoint::from_uniform_bytes(&uniform);
        let programmed = RistrettoPoint::mul_base(secret.expose())
            - function(sid, at, bit.unwrap_u8(), other.compress().as_bytes());
        // S_c is the programmed point, S_{1-c} the random one.
        let first = RistrettoPoint::conditional_select(&programmed, &other, bit).compress();
        let second = RistrettoPoint::conditional_select(&other, &programmed, bit).compress();
        let start = message.len();
        message.extend_from_slice(first.as_bytes());
        message.extend_from_slice(second.as_bytes());
        let pair = message.get(start..).expect("the message has just grown past `start`");
        let shared = Zeroizing::new(secret.expose() * &table);
        derive(sid, at, bit.unwrap_u8(), sender_point, pair, &shared, key);
    }
    Ok((keys, message))
}

/// Block and level of one instance.
#[derive(Clone, Copy)]
struct Instance {
    block: u16,
    level: u16,
}

/// The instances in order 4i + l.
const INSTANCES: Instances = Instances(0);

#[derive(Clone, Copy)]
struct Instances(u16);

impl Iterator for Instances {
    type Item = Instance;

    fn next(&mut self) -> Option<Instance> {
        let number = self.0;
        self.0 += 1;
        let levels = BLOCK_BITS as u16;
        (usize::from(number) < BLOCKS * BLOCK_BITS)
            .then_some(Instance { block: number / levels, level: number % levels })
    }
}

/// The complement of each path bit, the top bit of each block first.
fn choice_bits(delta: &Delta) -> impl Iterator<Item = Choice> + '_ {
    delta.expose().iter().flat_map(|block| {
        (0..BLOCK_BITS).map(move |level| !Choice::from((block >> (BLOCK_BITS - 1 - level)) & 1))
    })
}

fn decode(bytes: &[u8]) -> Result<RistrettoPoint, Rule> {
    CompressedRistretto::from_slice(bytes).ok().and_then(|point| point.decompress()).ok_or(Rule::Malformed)
}

/// F(i, l, e, P): a group element from 64 uniform bytes.
fn function(sid: &[u8; 32], at: Instance, branch: u8, point: &[u8]) -> RistrettoPoint {
    let mut uniform = [0; 64];
    let parts: [&[u8]; 5] = [sid, &at.block.to_be_bytes(), &at.level.to_be_bytes(), &[branch], point];
    expand(BASE_FUNCTION, &parts, &mut uniform);
    RistrettoPoint::from_uniform_bytes(&uniform)
}

/// k(i, l, e) = X(base/key, 16; sid, i, l, e, A, S_0, S_1, Z).
fn derive(
    sid: &[u8; 32],
    at: Instance,
    branch: u8,
    sender: &[u8; POINT_BYTES],
    pair: &[u8],
    shared: &RistrettoPoint,
    key: &mut Seed,
) {
    let (sent0, sent1) = pair.split_at(POINT_BYTES);
    let shared = Zeroizing::new(shared.compress().to_bytes());
    let block = at.block.to_be_bytes();
    let level = at.level.to_be_bytes();
    let parts: [&[u8]; 8] = [sid, &block, &level, &[branch], sender, sent0, sent1, &*shared];
    expand(BASE_KEY, &parts, key);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn receiver_gets_exactly_the_chosen_key() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let sid = [7; 32];
        let delta = Delta::new(core::array::from_fn(|block| (block % 16) as u8));
        let sender = Sender::new(&mut rng);
        let (received, choices) = receive(&sid, &delta, sender.point(), &mut rng).unwrap();
        assert_eq!(choices.len(), CHOICES_BYTES);
        let sent = sender.keys(&sid, &choices).unwrap();
        for (instance, (key, both)) in received.expose().iter().zip(sent.expose()).enumerate() {
            let path = (instance / 4 % 16) >> (3 - instance % 4) & 1;
            assert_eq!(*key, both[1 - path]);
            assert_ne!(*key, both[path]);
        }
    }

    #[test]
    fn points_that_are_not_canonical_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let delta = Delta::new([0; BLOCKS]);
        assert_eq!(receive(&[0; 32], &delta, &[0xff; 32], &mut rng).err(), Some(Rule::Malformed));
        let sender = Sender::new(&mut rng);
        let (_, mut choices) = receive(&[0; 32], &delta, sender.point(), &mut rng).unwrap();
        choices[32..64].fill(0xff);
        assert_eq!(sender.keys(&[0; 32], &choices).err(), Some(Rule::Malformed));
    }
}
