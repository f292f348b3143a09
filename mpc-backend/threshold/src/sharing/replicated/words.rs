//! Many products of shared random residues modulo small numbers, opened with one broadcast
//! (`spec/replicated.md`, section 4).
//!
//! Where z = x y is not zero, x is a uniform unit that nobody knows. A wrong part is not caught here: see
//! [`OpenedWords::audit`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use arith::integer::Integer;
use arith::word::Word;
use zeroize::Zeroizing;

use super::open::{accept_copies, encode};
use super::pieces::{Piece, Pieces};
use super::samples::{Bound, Samples};
use super::session::{Draw, Session};
use crate::codec::{DecodeError, Reader};
use crate::fault::{Fault, Misuse, Rule};
use crate::party::PartyIndex;
use crate::round::{Outbox, RawRound};
use crate::transcript::{Label, SHARING_WORD, SHARING_WORD_ZERO};

/// Products modulo one number, which is below 2^16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The number.
    pub modulus: Word,
    /// How many products.
    pub count: usize,
}

/// Residues of a party for one piece, one for each product of all runs.
type Column = Zeroizing<Vec<u16>>;

/// The draws of x, y and the zero shares.
#[derive(Clone, Copy)]
struct Draws {
    x: Draw,
    y: Draw,
    zero: Draw,
}

/// Waits for the peers' parts.
pub struct AwaitingWords {
    runs: Vec<Run>,
    draws: Draws,
    x: BTreeMap<Piece, Column>,
}

/// Products that were opened. A product is numbered over all runs.
pub struct OpenedWords {
    runs: Vec<Run>,
    draws: Draws,
    x: BTreeMap<Piece, Column>,
    parts: BTreeMap<PartyIndex, Vec<u16>>,
    values: Vec<u16>,
}

/// Opens x y for random x and y, `runs` long.
///
/// # Errors
/// [`Misuse::Threshold`] when N < 2T - 1.
pub fn multiply(session: &mut Session, runs: Vec<Run>) -> Result<(AwaitingWords, Outbox), Misuse> {
    let draws = Draws { x: session.next_draw(), y: session.next_draw(), zero: session.next_draw() };
    let keys = session.keys().clone();
    let held = |draw| {
        let column = |piece| (piece, residues(session, &runs, SHARING_WORD, piece, draw, 0));
        keys.pieces().held_by(keys.me()).map(column).collect::<BTreeMap<_, _>>()
    };
    let (x, y) = (held(draws.x), held(draws.y));
    let mut part = Zeroizing::new(alloc::vec![0_u64; runs.iter().map(|run| run.count).sum()]);
    for (left, right) in keys.terms()?.of(keys.me()) {
        if let (Some(x), Some(y)) = (x.get(&left), y.get(&right)) {
            // At most PIECES_MAX^2 = 2^14 products of 32 bits.
            let terms = x.iter().zip(y.iter()).map(|(x, y)| u64::from(*x) * u64::from(*y));
            part.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
    }
    add_zero(session, &runs, draws.zero, &mut part);
    let reduced: Column =
        Zeroizing::new(modulo(&runs).zip(part.iter()).map(|(m, sum)| m.reduce(*sum) as u16).collect());
    let body = write(&runs, &reduced);
    let outbox = session.broadcast(body);
    Ok((AwaitingWords { runs, draws, x }, outbox))
}

impl AwaitingWords {
    /// The opened products.
    ///
    /// # Errors
    /// [`Rule::Malformed`] naming the sender, [`Rule::SharingView`].
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<OpenedWords, Fault> {
        let Self { runs, draws, x } = self;
        let parts = session.accept(raw, |_, body| read(&runs, body))?;
        let mut sums = alloc::vec![0_u64; runs.iter().map(|run| run.count).sum()];
        for part in parts.values() {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += u64::from(*part));
        }
        let values = modulo(&runs).zip(&sums).map(|(m, sum)| m.reduce(*sum) as u16).collect();
        Ok(OpenedWords { runs, draws, x, parts, values })
    }
}

impl OpenedWords {
    /// The products that are not zero, run by run.
    pub fn units(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let mut next = 0;
        self.runs.iter().map(move |run| {
            let first = next;
            next += run.count;
            (first..next).filter(|at| self.values.get(*at).is_some_and(|value| *value != 0)).collect()
        })
    }

    /// This party's piece of x of product `at`, zero beyond the end.
    pub fn piece(&self, piece: Piece, at: usize) -> u16 {
        self.x.get(&piece).and_then(|column| column.get(at)).copied().unwrap_or(0)
    }

    /// Opens everything about product `at`, which must be worthless: of a candidate that was thrown
    /// away.
    pub fn audit(self, session: &mut Session, at: usize) -> (AwaitingWordAccounts, Outbox) {
        let draws = self.draws;
        let pick = |label, piece, draw, position| {
            let column = residues(session, &self.runs, label, piece, draw, position);
            Integer::from_word(u64::from(column.get(at).copied().unwrap_or(0)), 1)
        };
        let mut account = Vec::new();
        for piece in session.pieces().held_by(session.me()) {
            account.extend([draws.x, draws.y].map(|draw| pick(SHARING_WORD, piece, draw, 0)));
            let positions = 0..session.pieces().holders_each() as u8;
            account.extend(positions.map(|position| pick(SHARING_WORD_ZERO, piece, draws.zero, position)));
        }
        let body = encode(account.iter());
        let outbox = session.broadcast(body);
        (AwaitingWordAccounts { opened: self, at }, outbox)
    }
}

/// Waits for the peers' openings.
pub struct AwaitingWordAccounts {
    opened: OpenedWords,
    at: usize,
}

impl AwaitingWordAccounts {
    /// Passes when every part was right.
    ///
    /// # Errors
    /// [`Rule::SharingPart`], [`Rule::SharingCopy`] and [`Rule::Malformed`] naming who lied;
    /// [`Rule::SharingView`] and [`Rule::SharingCopies`] naming nobody.
    pub fn finish(self, session: &mut Session, raw: &RawRound) -> Result<(), Fault> {
        let keys = session.keys().clone();
        let layout = keys.pieces();
        // Checks 7.2 and 7.3
        let account = accept_copies(session, raw, 2 + layout.holders_each(), 1)?;
        let word = |piece: Piece, field: usize| {
            account.get(&piece).and_then(|words| words.get(field)).map_or(0, Integer::low_word)
        };
        let nobody = Fault::of_nobody(Rule::Malformed);
        let modulus = modulo(&self.opened.runs).nth(self.at).ok_or(nobody)?;
        let terms = keys.terms().map_err(|_| nobody)?;
        // Check 7.4
        for (party, sent) in &self.opened.parts {
            let products =
                terms.of(*party).map(|(left, right)| modulus.reduce(word(left, 0) * word(right, 1)));
            let mut sum: u64 = products.map(u64::from).sum();
            for piece in layout.held_by(*party) {
                let (own, next) = around(layout, piece, *party);
                let less = modulus.get() - modulus.reduce(word(piece, 2 + next));
                sum += u64::from(modulus.reduce(word(piece, 2 + own))) + u64::from(less);
            }
            let right = sent.get(self.at).is_some_and(|sent| u32::from(*sent) == modulus.reduce(sum));
            session.checks().enforce(right, Fault::of(*party, Rule::SharingPart))?;
        }
        Ok(())
    }
}

/// The modulus of each product.
fn modulo(runs: &[Run]) -> impl Iterator<Item = Word> + '_ {
    runs.iter().flat_map(|run| core::iter::repeat_n(run.modulus, run.count))
}

/// Positions of `party` and of the next among the holders of `piece`.
fn around(layout: &Pieces, piece: Piece, party: PartyIndex) -> (usize, usize) {
    let own = layout.holders(piece).iter().position(|holder| *holder == party).unwrap_or(0);
    (own, (own + 1) % layout.holders_each())
}

/// Adds this party's zero share.
fn add_zero(session: &Session, runs: &[Run], draw: Draw, part: &mut [u64]) {
    for piece in session.pieces().held_by(session.me()) {
        let (own, next) = around(session.pieces(), piece, session.me());
        let [own, next] = [own, next]
            .map(|position| residues(session, runs, SHARING_WORD_ZERO, piece, draw, position as u8));
        for ((sum, modulus), (own, next)) in
            part.iter_mut().zip(modulo(runs)).zip(own.iter().zip(next.iter()))
        {
            *sum += u64::from(*own) + u64::from(modulus.get() - u32::from(*next));
        }
    }
}

fn residues(session: &Session, runs: &[Run], label: Label, piece: Piece, draw: Draw, position: u8) -> Column {
    let mut samples = Samples::<2>::new(session, label, piece, draw, position);
    let mut column = Zeroizing::new(Vec::with_capacity(runs.iter().map(|run| run.count).sum()));
    for run in runs {
        let bound = Bound::new(run.modulus);
        column.extend((0..run.count).map(|_| samples.below(&bound) as u16));
    }
    column
}

/// A byte for residues modulo less than 2^8, two for others.
fn write(runs: &[Run], residues: &[u16]) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(2 * residues.len()));
    for (modulus, residue) in modulo(runs).zip(residues) {
        let [high, low] = residue.to_be_bytes();
        if modulus.get() > 1 << 8 {
            body.push(high);
        }
        body.push(low);
    }
    body
}

/// The inverse of [`write`].
fn read(runs: &[Run], body: &[u8]) -> Result<Vec<u16>, DecodeError> {
    let mut reader = Reader::new(body);
    let residue = |modulus: Word| {
        let high = if modulus.get() > 1 << 8 { reader.array()? } else { [0] };
        let [low] = reader.array()?;
        let residue = u16::from_be_bytes([high[0], low]);
        if u32::from(residue) < modulus.get() { Ok(residue) } else { Err(DecodeError::Value) }
    };
    let residues = modulo(runs).map(residue).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(residues)
}
