//! The public key that signatures are verified with: decoded once, and with a table of its multiples once
//! it is in steady use, because verifying costs more than everything else that a client does for a signature.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use threshold::signing::{PublicKey, SigningCurve};

/// A point that is decoded when it is first wanted.
#[derive(Debug, Default)]
pub(crate) struct PublicPoint {
    plain: OnceLock<Option<PublicKey>>,
    uses: AtomicU32,
    prepared: OnceLock<Option<Prepared>>,
}

/// A point with its table, and the place in memory that it takes.
#[derive(Debug)]
struct Prepared {
    point: PublicKey,
    _place: Place,
}

/// One of the tables that the process may have.
#[derive(Debug)]
struct Place;

static PLACES: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take() -> Option<Self> {
        let one_more = |taken| (taken < TABLES_MAX).then_some(taken + 1);
        PLACES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        PLACES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PublicPoint {
    /// The point with this encoding, always the same for one `PublicPoint`; `None` if there is none.
    pub(crate) fn get(&self, curve: SigningCurve, encoded: &[u8]) -> Option<&PublicKey> {
        let plain = self.plain.get_or_init(|| PublicKey::decode(curve, encoded)).as_ref()?;
        if self.uses.load(Ordering::Relaxed) < STEADY_USES {
            self.uses.fetch_add(1, Ordering::Relaxed);
            return Some(plain);
        }
        let prepare =
            || Place::take().map(|place| Prepared { point: plain.clone().with_multiples(), _place: place });
        let prepared = self.prepared.get_or_init(prepare);
        Some(prepared.as_ref().map_or(plain, |prepared| &prepared.point))
    }
}

/// Uses after which a table, which costs about as much as ten verifications, is worth its making.
const STEADY_USES: u32 = 16;
/// Tables of one process, of about 250 KB each on P-256.
const TABLES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use threshold::group::{Curve, P256, Point as _};

    const CURVE: SigningCurve = SigningCurve::P256;

    #[test]
    fn the_point_stays_the_same_and_tables_are_few() {
        let encoded = |scalar: u64| <P256 as Curve>::Point::mul_base(&scalar.into()).encode();
        let used = |encoded: &[u8]| {
            let public = PublicPoint::default();
            for _ in 0..=STEADY_USES {
                assert!(*public.get(CURVE, encoded).unwrap() == PublicKey::decode(CURVE, encoded).unwrap());
            }
            public
        };
        assert!(PublicPoint::default().get(CURVE, &[2; 33][..5]).is_none());
        let all: Vec<PublicPoint> =
            (1..=TABLES_MAX as u64 + 1).map(|scalar| used(&encoded(scalar))).collect();
        let has_table = |public: &PublicPoint| public.prepared.get().unwrap().is_some();
        assert_eq!(all.iter().filter(|public| has_table(public)).count(), TABLES_MAX);
        drop(all);
        assert!(has_table(&used(&encoded(1))), "tables make room for others");
    }
}
