//! Opening a shared integer: every holder sends its pieces, and copies are compared
//! (`spec/replicated.md`, section 4).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::pieces::Piece;
use super::session::Session;
use super::shared::Shared;
use crate::codec::{DecodeError, Reader};
use crate::fault::{Fault, Rule};
use crate::round::{Outbox, RawRound};

/// Waits for the peers' pieces.
pub struct AwaitingPieces {
    limbs: usize,
}

/// Opens `value`: whoever hears the messages learns it.
pub fn open(session: &mut Session, value: &Shared) -> (AwaitingPieces, Outbox) {
    let body = encode(value.iter().map(|(_, piece)| piece));
    let outbox = session.broadcast(body);
    (AwaitingPieces { limbs: value.limbs() }, outbox)
}

impl AwaitingPieces {
    /// The integer modulo its width.
    ///
    /// # Errors
    /// [`Rule::Malformed`] and [`Rule::SharingCopy`] naming the sender; [`Rule::SharingView`] and
    /// [`Rule::SharingCopies`] naming nobody.
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<Integer, Fault> {
        let pieces = accept_copies(session, raw, 1, self.limbs)?;
        let mut sum = Integer::zero(self.limbs);
        pieces.values().flatten().for_each(|piece| sum.add(piece));
        Ok(sum)
    }
}

/// Accepts a round of pieces with `each` integers a piece; what is said of every piece, when all its
/// holders say the same.
pub(super) fn accept_copies(
    session: &mut Session,
    raw: &RawRound,
    each: usize,
    limbs: usize,
) -> Result<BTreeMap<Piece, Vec<Integer>>, Fault> {
    let keys = session.keys().clone();
    let layout = keys.pieces();
    let mut said = session.accept(raw, |from, body| {
        let mut reader = Reader::new(body);
        let pieces = layout.held_by(from).map(|piece| Ok((piece, decode(&mut reader, each, limbs)?)));
        let pieces = pieces.collect::<Result<BTreeMap<_, _>, DecodeError>>()?;
        reader.finish()?;
        Ok(pieces)
    })?;
    let mut agreed = said.remove(&session.me()).unwrap_or_default();
    // Check 5.2
    for (from, pieces) in &said {
        for (piece, copy) in pieces {
            let same = agreed.get(piece).is_none_or(|own| equal(own, copy));
            session.checks().enforce(same, Fault::of(*from, Rule::SharingCopy))?;
        }
    }
    // Check 5.3
    let mut others = BTreeMap::<Piece, Vec<Integer>>::new();
    for (piece, copy) in said.into_values().flatten().filter(|(piece, _)| !agreed.contains_key(piece)) {
        let same = others.get(&piece).is_none_or(|first| equal(first, &copy));
        session.checks().enforce(same, Fault::of_nobody(Rule::SharingCopies))?;
        others.entry(piece).or_insert(copy);
    }
    agreed.append(&mut others);
    Ok(agreed)
}

fn equal(left: &[Integer], right: &[Integer]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(one, other)| one.ct_eq(other).into())
}

/// Integers one after the other.
pub(super) fn encode<'a>(integers: impl Iterator<Item = &'a Integer> + Clone) -> Zeroizing<Vec<u8>> {
    // At full length from the start, so that nothing outgrown stays behind unwiped.
    let length = integers.clone().map(|integer| 8 * integer.limbs()).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    integers.for_each(|integer| body.extend_from_slice(&integer.to_be_bytes()));
    body
}

/// The inverse of [`encode`] for `count` integers.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    limbs: usize,
) -> Result<Vec<Integer>, DecodeError> {
    (0..count).map(|_| Ok(Integer::from_be_bytes(reader.bytes(8 * limbs)?, limbs))).collect()
}
