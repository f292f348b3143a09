//! What `dkls23-core` needs for a key and for a signature: all parties in one process, on one thread,
//! so that CPU time of the process is CPU time of all parties.
//!
//! Prints lines `name value`, dotted names that end with their unit, for `make bench`. Encoding is
//! not timed, in the peer's favour; bytes are its own serde types in postcard, without framing.

mod keygen;
mod sign;

use std::time::Duration;

use anyhow::Result;
use dkls23_core::curve::DklsCurve;
use dkls23_core::protocols::Party;
use dkls23_core::protocols::re_key::re_key;
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// As in ours.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<()> {
    curve::<p256::NistP256>("p256")?;
    curve::<k256::Secp256k1>("secp256k1")?;
    let (party, used, bytes) = keygen::two_of_three::<p256::NistP256>()?;
    print("keygen.p256.2of3.cpu_us", micros(used));
    print("keygen.p256.2of3.bytes", bytes as f64);
    print("state.p256.2of3.bytes_per_node", bytes_of(&party)? as f64);
    Ok(())
}

fn curve<C: DklsCurve>(name: &str) -> Result<()>
where
    C::AffinePoint: Serialize + DeserializeOwned,
    C::Scalar: Serialize + DeserializeOwned,
{
    for (threshold, share_count) in [(2, 3), (3, 5)] {
        let set = format!("sign.{name}.{threshold}of{share_count}");
        let parties = dealt::<C>(threshold, share_count);
        let mut times: Vec<Duration> = Vec::new();
        let mut bytes = 0;
        while times.iter().sum::<Duration>() < SIGN_TIME {
            let (used, sent) = sign::once(&parties, threshold)?;
            times.push(used);
            bytes = sent;
        }
        times.sort_unstable();
        print(&format!("{set}.cpu_us"), times.first().copied().map_or(0.0, micros));
        print(&format!("{set}.median.cpu_us"), times.get(times.len() / 2).copied().map_or(0.0, micros));
        print(&format!("{set}.bytes"), bytes as f64);
    }
    Ok(())
}

/// CPU time that signatures of one kind are measured for, as in our own bench.
const SIGN_TIME: Duration = Duration::from_secs(2);

/// A key from the peer's trusted dealer. A signature costs the same with it.
fn dealt<C: DklsCurve>(threshold: u8, share_count: u8) -> Vec<Party<C>> {
    let parameters =
        dkls23_core::protocols::Parameters::new(threshold, share_count).expect("both counts are valid");
    let secret = <C::Scalar as p256::elliptic_curve::Field>::random(&mut rand::rng());
    re_key::<C>(&parameters, &rand::random::<[u8; 32]>(), &secret, None, |_| String::new()).0
}

/// CPU time of this process during `work`.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let before = now();
    let result = work()?;
    Ok((result, now().saturating_sub(before)))
}

fn bytes_of<T: Serialize>(value: &T) -> Result<usize> {
    Ok(postcard::to_allocvec(value)?.len())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn print(name: &str, value: f64) {
    println!("peer.dkls23-core.{name} {value:.1}");
}
