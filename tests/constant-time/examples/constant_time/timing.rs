//! What runs other instructions under valgrind than on this processor: AWS-LC's and the hash crates'
//! code is chosen by the processor's features, and valgrind's has fewer. One class of inputs is a fixed
//! secret, the other a fresh one each time.

use std::hint::black_box;

use constant_time::welch::{LIMIT, test};
use curve25519_dalek::{RistrettoPoint, Scalar};
use elliptic_curve::Field;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore as _, SeedableRng};
use threshold::group::{Curve, P256, P384, Point, Secp256k1};
use threshold::party::PartyIndex;
use threshold::secret::Secret;
use threshold::sim::secrets::zero_share;

use crate::controls::equal_early;
use crate::rsa::Dealt;

/// Measures every operation; whether all stayed under the limit and the control above it.
/// `SAMPLES` is their number for an operation that takes ten microseconds (200,000).
pub fn run() -> bool {
    let samples = std::env::var("SAMPLES").map_or(200_000, |text| text.parse().unwrap());
    println!("{samples} samples; the times differ from |t| = {LIMIT} on");
    let mut good = true;
    let mut judge = |name: String, is_control: bool, t: &dyn Fn() -> f64| {
        // Chance and neighbours exceed the limit now and then, a leak does so every time.
        let t = if is_control { t() } else { (0..3).map(|_| t()).fold(f64::MAX, f64::min) };
        let passed = (t >= LIMIT) == is_control;
        good &= passed;
        let kind = if is_control { "  control, must differ" } else { "" };
        println!("|t| = {t:>7.2}  {name}{kind}{}", if passed { "" } else { "  FAILED" });
    };
    judge("an early exit".to_owned(), true, &|| early_exit(samples));
    judge("ristretto255: multiplication in variable time".to_owned(), true, &|| {
        let (point, zero) = (RistrettoPoint::mul_base(&Scalar::ONE), Scalar::ZERO);
        test(samples / 4, scalars::<Scalar>(), |k| {
            black_box(RistrettoPoint::vartime_double_scalar_mul_basepoint(k, &point, &zero));
        })
    });
    of_group::<<P256 as Curve>::Point>(P256::NAME, samples, &mut judge);
    of_group::<<P384 as Curve>::Point>(P384::NAME, samples / 10, &mut judge);
    of_group::<<Secp256k1 as Curve>::Point>(Secp256k1::NAME, samples / 4, &mut judge);
    of_group::<RistrettoPoint>("ristretto255", samples / 4, &mut judge);
    judge("hashing of a secret key to a zero share".to_owned(), false, &|| zero_shares(samples));
    // Two to four milliseconds each.
    judge("RSA: a part of a signature, 2048 bits".to_owned(), false, &|| rsa_parts(samples / 100));
    good
}

type Judge<'a> = dyn FnMut(String, bool, &dyn Fn() -> f64) + 'a;

fn of_group<P: Point<Scalar: Field>>(name: &str, samples: usize, judge: &mut Judge<'_>) {
    let point = P::mul_base(&P::Scalar::random(ChaCha20Rng::seed_from_u64(1)));
    judge(format!("{name}: base multiplication"), false, &|| {
        test(samples, scalars::<P::Scalar>(), |k| drop(black_box(P::mul_base(k))))
    });
    judge(format!("{name}: variable-base multiplication"), false, &|| {
        test(samples / 4, scalars::<P::Scalar>(), |k| drop(black_box(point.mul(k))))
    });
    judge(format!("{name}: encoding"), false, &|| {
        let mut scalars = scalars::<P::Scalar>();
        test(samples / 4, |class| P::mul_base(&scalars(class)), |point| drop(black_box(point.encode())))
    });
}

/// Class one is a scalar with long runs of zeros, class two uniform.
fn scalars<F: Field>() -> impl FnMut(bool) -> F {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let fixed = F::ONE.double();
    move |class| {
        let random = F::random(&mut rng);
        if class { random } else { fixed }
    }
}

fn zero_shares(samples: usize) -> f64 {
    let [me, peer] = [1, 2].map(|index| PartyIndex::new(index).unwrap());
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    // Both classes allocate alike: where a key lies would show as well.
    let input = |class: bool| {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Secret::new(if class { key } else { [0; 32] })
    };
    test(samples, input, |key| {
        black_box(zero_share::<P256>(me, peer, key));
    })
}

/// Class one is a share with long runs of zeros, class two one that is uniform below n.
fn rsa_parts(samples: usize) -> f64 {
    let dealt = Dealt::new();
    let block = dealt.block();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let input = |class: bool| {
        dealt.any_share(|piece| {
            rng.fill_bytes(piece);
            if !class {
                piece.fill(0);
                piece.iter_mut().next_back().into_iter().for_each(|last| *last = 1);
            }
        })
    };
    test(samples, input, |share| {
        black_box(dealt.part(&block, share));
    })
}

/// A comparison that stops at the first difference: late for class one, early for class two.
fn early_exit(samples: usize) -> f64 {
    let secret = [0x42_u8; 256];
    let input = |class: bool| if class { [0x42; 256] } else { [0; 256] };
    test(samples, input, |guess| {
        black_box(equal_early(black_box(&secret), black_box(guess)));
    })
}
