//! Section 5: two-party multiplication (random vector OLE) with one check column.
//!
//! DKLs23 (ePrint 2023/765), protocol 5.2. Alice puts in a_0, a_1 and gets c_0, c_1; Bob gets a
//! random b and d_0, d_1, with c_i + d_i = a_i b. Bob's choice bits and Alice's inputs stay hidden.
//! When Bob's check fails Alice is at fault and the pair is dead. The caller guarantees that T1
//! was compared before the check: otherwise a third party could make two honest ones blame each
//! other. DEVIATIONS D1 (check columns), D2 (wide pads), D5 (gadget per direction).

mod keys;

use alloc::vec::Vec;

use arith::sha256::LANES;
use elliptic_curve::ff::Field;
use rand_core::CryptoRngCore;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use self::keys::{Keys, Pads, bits};
use super::ot::extension::{Columns, ExtensionMessage, check, extend};
use super::ot::{Delta, delta_column};
use super::pair::{AliceSide, BobSide};
use crate::codec::{DecodeError, Reader, Writer, scalar_from_bytes};
use crate::group::Curve;
use crate::group::wide::Late;
use crate::secret::{Secret, Wiped};
use crate::transcript::HASH_BYTES;

/// l: inputs of one multiplication, the nonce share and the key share.
pub const INPUTS: usize = 2;
/// rho: check columns. One is enough for orders above 2^(128 + 2 log2 xi + 80); see D1.
pub const CHECKS: usize = 1;

/// A reduced integer of the curve's scalar field.
type Short<C> = <<C as Curve>::Late as Late>::Short;
/// A pad.
type Long<C> = <<C as Curve>::Late as Late>::Long;

/// Both outputs of one side.
pub(crate) type Outputs<C> = Secret<[<C as Curve>::Scalar; INPUTS]>;

/// Alice's reply.
pub struct Reply<C: Curve, const RHO: usize = CHECKS> {
    /// a~: xi rows of l + rho masked inputs.
    pub(crate) masked: Vec<C::Scalar>,
    /// eta.
    pub(crate) sums: [C::Scalar; RHO],
    /// mu.
    pub(crate) check: [u8; HASH_BYTES],
}

impl<C: Curve, const RHO: usize> Reply<C, RHO> {
    /// Bytes of an encoded reply.
    pub const BYTES: usize = (C::XI * (INPUTS + RHO) + RHO) * C::SCALAR_BYTES + HASH_BYTES;

    /// Appends the encoding.
    pub fn encode(&self, writer: &mut Writer) {
        for scalar in self.masked.iter().chain(&self.sums) {
            writer.scalar::<C>(scalar);
        }
        writer.bytes(&self.check);
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// [`DecodeError`] for a short message or a scalar that is not canonical.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let masked =
            (0..C::XI * (INPUTS + RHO)).map(|_| reader.scalar::<C>()).collect::<Result<Vec<_>, _>>()?;
        let mut sums = [C::Scalar::ZERO; RHO];
        for sum in &mut sums {
            *sum = reader.scalar::<C>()?;
        }
        Ok(Self { masked, sums, check: reader.array()? })
    }
}

/// Bob between his message and Alice's reply.
pub(crate) struct BobState<C: Curve> {
    choices: Secret<Vec<u8>>,
    columns: Columns,
    digest: [u8; HASH_BYTES],
    gadget: Vec<Short<C>>,
    /// b = chi.
    pub(crate) product_share: Secret<C::Scalar>,
}

/// What a liar makes of its own half.
#[cfg(feature = "sim")]
impl<C: Curve> BobState<C> {
    /// Every choice bit zero, over columns of the liar's choice.
    pub(crate) fn choosing_zeros(side: &mut BobSide, columns: Columns, digest: [u8; HASH_BYTES]) -> Self {
        let gadget = decode_gadget::<C>(&side.gadgets.of::<C>(&side.sid));
        let choices = Secret::new(alloc::vec![0; C::XI / 8]);
        Self { choices, columns, digest, gadget, product_share: Secret::new(C::Scalar::ZERO) }
    }

    pub(crate) fn columns(&self) -> &[u128] {
        self.columns.expose()
    }

    pub(crate) fn replace_column(&mut self, position: usize, column: u128) {
        if let Some(place) = self.columns.expose_mut().get_mut(position) {
            *place = column;
        }
    }

    pub(crate) fn choices(&self) -> impl Iterator<Item = bool> + '_ {
        bits(self.choices.expose()).map(bool::from)
    }

    pub(crate) const fn digest(&self) -> [u8; HASH_BYTES] {
        self.digest
    }
}

/// Bob, round 1: draws beta, b = sum of beta_j g_j, and extends.
pub(crate) fn bob_start<C: Curve>(
    side: &mut BobSide,
    rng: &mut dyn CryptoRngCore,
) -> (BobState<C>, ExtensionMessage) {
    let gadget = decode_gadget::<C>(&side.gadgets.of::<C>(&side.sid));
    let mut choices = Secret::new(alloc::vec![0; C::XI / 8]);
    rng.fill_bytes(choices.expose_mut());
    #[cfg(feature = "sim")]
    side.repeat_choices(choices.expose_mut());
    let mut sum = Zeroizing::new(C::Late::zero());
    for (element, bit) in gadget.iter().zip(bits(choices.expose())) {
        C::Late::add_chosen(&mut sum, element, bit);
    }
    let product_share = Secret::new(C::Late::reduce(&sum));
    let number = side.take_number();
    let (message, columns) = extend(&side.sid, &side.leaves, number, choices.expose(), rng);
    let digest = message.digest();
    (BobState { choices, columns, digest, gadget, product_share }, message)
}

/// Alice, before anything is replied: the columns of a message, and whether its check holds.
pub(crate) fn alice_check<C: Curve>(side: &AliceSide, message: &ExtensionMessage) -> (Columns, Choice) {
    check(&side.sid, &side.leaves, &side.delta, message, C::XI)
}

/// Alice, round 2: the reply for `inputs`, and her outputs c.
///
/// `columns` and `digest` are of an extension message whose check held; `view` is T1.
pub(crate) fn alice_reply<C: Curve, const RHO: usize>(
    side: &mut AliceSide,
    columns: &Columns,
    digest: &[u8; HASH_BYTES],
    view: &[u8; HASH_BYTES],
    inputs: [&Secret<C::Scalar>; INPUTS],
    rng: &mut dyn CryptoRngCore,
) -> (Reply<C, RHO>, Outputs<C>) {
    let gadget = decode_gadget::<C>(&side.gadgets.of::<C>(&side.sid));
    let keys = Keys::new(&side.sid, view, digest);
    let masked = alice_mask::<C, RHO>(&keys, columns, &side.delta, inputs, rng);
    alice_seal(&keys, masked, inputs, &gadget)
}

/// Alice's values before the check is attached.
struct Masked<C: Curve, const RHO: usize> {
    /// alpha^0, xi rows of l + rho.
    zero_pads: Wiped<Long<C>>,
    /// a^, her random inputs of the check columns.
    blinds: Zeroizing<[C::Scalar; RHO]>,
    /// a~.
    masked: Vec<C::Scalar>,
}

fn alice_mask<C: Curve, const RHO: usize>(
    keys: &Keys,
    columns: &Columns,
    delta: &Delta,
    inputs: [&Secret<C::Scalar>; INPUTS],
    mut rng: &mut dyn CryptoRngCore,
) -> Masked<C, RHO> {
    let blinds = Zeroizing::new(core::array::from_fn(|_| C::Scalar::random(&mut rng)));
    let values = inputs.iter().map(|input| input.expose()).chain(blinds.iter());
    let short = Wiped(values.map(C::Late::short).collect());
    let values = columns.expose().len() * (INPUTS + RHO);
    let mut zero_pads = Wiped(Vec::with_capacity(values));
    let mut masked = Vec::with_capacity(values);
    let mut pads = Pads::<C>::new(keys, INPUTS + RHO);
    let offset = delta_column(delta);
    for (position, column) in (0_u16..).zip(columns.expose()) {
        let [zeros, ones] = pads.fill([(position, *column), (position, *column ^ offset)]);
        for ((zero, one), input) in zeros.zip(ones).zip(&short.0) {
            masked.push(C::Late::difference(&zero, &one, input));
            zero_pads.0.push(zero);
        }
    }
    Masked { zero_pads, blinds, masked }
}

fn alice_seal<C: Curve, const RHO: usize>(
    keys: &Keys,
    values: Masked<C, RHO>,
    inputs: [&Secret<C::Scalar>; INPUTS],
    gadget: &[Short<C>],
) -> (Reply<C, RHO>, Outputs<C>) {
    let challenges = keys.challenges::<C, RHO>(&values.masked);
    let mut sums = [C::Scalar::ZERO; RHO];
    for ((sum, blind), challenge) in sums.iter_mut().zip(values.blinds.iter()).zip(&challenges) {
        *sum = *blind;
        for (factor, input) in challenge.iter().zip(inputs) {
            *sum += *factor * input.expose();
        }
    }
    let zero = [C::Scalar::ZERO; RHO];
    let rows = values.zero_pads.0.chunks_exact(INPUTS + RHO);
    let check = keys.check::<C, RHO>(rows.clone().map(|row| (row, Choice::from(0))), &challenges, &zero);
    let mut outputs = gadget_products::<C>(gadget, rows);
    for output in outputs.expose_mut() {
        *output = -*output;
    }
    (Reply { masked: values.masked, sums, check }, outputs)
}

/// Bob, after round 2: his outputs d, and whether Alice's check holds.
pub(crate) fn bob_finish<C: Curve, const RHO: usize>(
    sid: &[u8; 32],
    state: &BobState<C>,
    view: &[u8; HASH_BYTES],
    reply: &Reply<C, RHO>,
) -> (Outputs<C>, Choice) {
    let stride = INPUTS + RHO;
    let keys = Keys::new(sid, view, &state.digest);
    let mut pads = Pads::<C>::new(&keys, stride);
    let mut opened = Wiped(Vec::with_capacity(reply.masked.len()));
    const { assert!(LANES == 2 && C::XI.is_multiple_of(LANES)) };
    let rows = (0_u16..)
        .step_by(LANES)
        .zip(state.columns.expose().as_chunks::<LANES>().0)
        .zip(reply.masked.chunks_exact(LANES * stride));
    let mut choices = bits(state.choices.expose());
    for ((position, [one, other]), masked) in rows {
        let rows = pads.fill([(position, *one), (position + 1, *other)]);
        for ((row, masked), bit) in rows.into_iter().zip(masked.chunks_exact(stride)).zip(&mut choices) {
            for (pad, value) in row.zip(masked) {
                opened.0.push(C::Late::plus_chosen(&pad, &C::Late::short(value), bit));
            }
        }
    }
    let challenges = keys.challenges::<C, RHO>(&reply.masked);
    let rows = opened.0.chunks_exact(stride);
    let checked = rows.clone().zip(bits(state.choices.expose()));
    let verdict = keys.check::<C, RHO>(checked, &challenges, &reply.sums).ct_eq(&reply.check);
    (gadget_products::<C>(&state.gadget, rows), verdict)
}

/// For each input i the sum of g_j row_{j,i}.
fn gadget_products<'a, C: Curve>(
    gadget: &[Short<C>],
    rows: impl Iterator<Item = &'a [Long<C>]>,
) -> Outputs<C> {
    let mut sums = Zeroizing::new([C::Late::zero(), C::Late::zero()]);
    for (row, element) in rows.zip(gadget) {
        for (sum, value) in sums.iter_mut().zip(row) {
            C::Late::add_product(sum, element, value);
        }
    }
    Secret::new(sums.each_ref().map(C::Late::reduce))
}

fn decode_gadget<C: Curve>(bytes: &[u8]) -> Vec<Short<C>> {
    let element = |bytes| scalar_from_bytes::<C>(bytes).expect("the gadget was encoded here");
    bytes.chunks_exact(C::SCALAR_BYTES).map(|bytes| C::Late::short(&element(bytes))).collect()
}

#[cfg(test)]
mod tests;
