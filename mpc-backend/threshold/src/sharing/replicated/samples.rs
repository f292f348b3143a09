//! Uniform numbers below a bound, from the PRF of one draw (`spec/replicated.md`, section 4).

use arith::word::Word;
use zeroize::Zeroizing;

use super::pieces::Piece;
use super::session::{Draw, Session};
use crate::transcript::Label;

/// Bytes of the PRF that are made at once.
const CHUNK_BYTES: usize = 2048;

/// A bound for numbers that are made of W bytes each, and that has no more.
pub(super) struct Bound<const W: usize> {
    pub(super) word: Word,
    /// Larger samples would favour low residues.
    most: u64,
}

impl<const W: usize> Bound<W> {
    pub(super) fn new(word: Word) -> Self {
        let (top, modulus) = (u64::MAX >> (64 - 8 * W), u64::from(word.get()));
        Self { word, most: top - (top % modulus + 1) % modulus }
    }
}

/// The numbers of one draw, piece and position. Which samples are skipped says nothing of those that
/// are kept.
pub(super) struct Samples<'s, const W: usize> {
    session: &'s Session,
    label: Label,
    piece: Piece,
    draw: Draw,
    position: u8,
    chunk: u32,
    bytes: Zeroizing<[u8; CHUNK_BYTES]>,
    used: usize,
}

impl<'s, const W: usize> Samples<'s, W> {
    pub(super) fn new(session: &'s Session, label: Label, piece: Piece, draw: Draw, position: u8) -> Self {
        let bytes = Zeroizing::new([0; CHUNK_BYTES]);
        Self { session, label, piece, draw, position, chunk: 0, bytes, used: CHUNK_BYTES }
    }

    /// The next number below `bound`, in constant time but for the number of samples.
    pub(super) fn below(&mut self, bound: &Bound<W>) -> u32 {
        loop {
            let sample = self.sample();
            if sample <= bound.most {
                return bound.word.reduce(sample);
            }
        }
    }

    fn sample(&mut self) -> u64 {
        if self.used + W > CHUNK_BYTES {
            let [a, b, c, d] = self.chunk.to_be_bytes();
            let index = [self.position, a, b, c, d];
            self.session.expand(self.label, self.piece, self.draw, &index, &mut *self.bytes);
            (self.chunk, self.used) = (self.chunk + 1, 0);
        }
        let sample = self.bytes.iter().skip(self.used).take(W);
        self.used += W;
        sample.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
