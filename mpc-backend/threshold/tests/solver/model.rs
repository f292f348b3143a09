//! What corrupt parties know of a presigning, as equations (`spec/ecdsa.md`, sections 5 to 7).
//!
//! Known: the corrupt parties' shares, sessions and pair keys, every message that one of them sent or
//! got, and the answers of all signers. Unknown: the key's polynomial, and each honest party's nonce
//! share r, mask phi, product shares chi, outputs c and d with other honest parties, zero shares and
//! answer masks with other honest parties. Products of unknowns are relations of the system.
//!
//! Not modelled: points (they would need a discrete logarithm), hashes and ciphers (taken as ideal,
//! so a key that is not held gives nothing), timing.

use std::collections::BTreeMap;

use elliptic_curve::ff::Field;
use threshold::ecdsa::{OnlineRequest, PartialSignature};
use threshold::group::{Curve, Point};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::sharing::lagrange_at_zero;
use threshold::sim::{self, Cluster, Memory};

use crate::linear::{Expression, System, Unknown};

type Value<C> = Expression<<C as Curve>::Scalar>;

fn known<C: Curve>(value: C::Scalar) -> Value<C> {
    Value::<C>::constant(value)
}

/// Hidden choices of a session, and chi.
type Chosen<C> = (Vec<u8>, Value<C>);

/// The equations of everything seen so far.
pub struct Model<C: Curve> {
    pub system: System<C::Scalar>,
    threshold: Threshold,
    /// Coefficients of the key's polynomial, the key first.
    polynomial: Vec<Unknown>,
    /// chi and hidden choices by Bob, Alice and extension number.
    choices: BTreeMap<(PartyIndex, PartyIndex, u64), Vec<Chosen<C>>>,
}

/// An honest party's values of one session.
struct Honest<C: Curve> {
    mask: Value<C>,
    masked_nonce: Value<C>,
    masked_key: Value<C>,
}

/// One presigning in the model.
pub struct Seen<C: Curve> {
    signers: SignerSet,
    corrupt: Vec<PartyIndex>,
    honest: BTreeMap<PartyIndex, Honest<C>>,
    /// Masks between honest parties by context: of u and of w.
    answer_masks: BTreeMap<(PartyIndex, PartyIndex, [u8; 32]), [Value<C>; 2]>,
}

impl<C: Curve> Model<C> {
    /// The polynomial, and the shares that `corrupt` hold of it.
    pub fn new(cluster: &Cluster<C>, corrupt: &[PartyIndex]) -> Self {
        let mut system = System::new();
        let polynomial: Vec<_> = (0..cluster.threshold.needed()).map(|_| system.unknown()).collect();
        let mut model = Self { system, threshold: cluster.threshold, polynomial, choices: BTreeMap::new() };
        for party in corrupt {
            let share = known::<C>(*cluster.parties[party].share.expose());
            let value = model.share(*party);
            model.system.equal(&value, &share);
        }
        model
    }

    /// f at `party`.
    fn share(&self, party: PartyIndex) -> Value<C> {
        let x = C::Scalar::from(u64::from(party.get()));
        let horner = |sum: Value<C>, coefficient: &Unknown| sum.scaled(x).add(&Value::<C>::of(*coefficient));
        self.polynomial.iter().rev().fold(known::<C>(C::Scalar::ZERO), horner)
    }

    /// The key, if it is the only one that the equations leave and the public key agrees.
    pub fn key(&mut self, public_key: &C::Point) -> Option<C::Scalar> {
        self.system.close();
        assert!(!self.system.contradicts(), "the model disagrees with what the parties computed");
        let key = self.system.value(&Value::<C>::of(self.polynomial[0]))?;
        (C::Point::mul_base(&key) == *public_key).then_some(key)
    }

    /// Adds a presigning of `signers` as the corrupt among them saw it.
    pub fn see(&mut self, signers: &SignerSet, memory: &Memory<C>) -> Seen<C> {
        let corrupt: Vec<_> = signers.iter().filter(|party| memory.held.contains_key(party)).collect();
        let honest: Vec<_> = signers.iter().filter(|party| !corrupt.contains(party)).collect();
        assert_eq!(signers.len(), usize::from(self.threshold.needed()));
        let mut zero: BTreeMap<PartyIndex, Value<C>> =
            honest.iter().map(|h| (*h, known::<C>(C::Scalar::ZERO))).collect();
        for (at, one) in honest.iter().enumerate() {
            for other in &honest[at + 1..] {
                let part = Value::<C>::of(self.system.unknown());
                zero.insert(*one, zero[one].clone().add(&part));
                zero.insert(*other, zero[other].clone().plus(-C::Scalar::ONE, &part));
            }
        }
        let fresh = |system: &mut System<C::Scalar>| Value::<C>::of(system.unknown());
        let mut nonce_share = BTreeMap::new();
        let mut mask = BTreeMap::new();
        let mut key_share = BTreeMap::new();
        let mut product_share = BTreeMap::new();
        for party in &honest {
            nonce_share.insert(*party, fresh(&mut self.system));
            mask.insert(*party, fresh(&mut self.system));
            let weight = lagrange_at_zero::<C::Scalar>(*party, signers).unwrap();
            let zeros = corrupt.iter().map(|peer| -memory.held[peer].zero_parts[party]);
            let zeros = zeros.fold(zero[party].clone(), |sum, part| sum.add(&known::<C>(part)));
            key_share.insert(*party, zeros.plus(weight, &self.share(*party)));
            for peer in signers.peers_of(*party) {
                product_share.insert((*party, peer), fresh(&mut self.system));
            }
        }
        self.compare_choices(memory, &product_share);

        // psi: seen towards corrupt parties, unknown between honest ones.
        let difference = |from: &PartyIndex, to: &PartyIndex| match product_share.get(&(*from, *to)) {
            Some(chi) => mask[from].clone().plus(-C::Scalar::ONE, chi),
            None => known::<C>(memory.mask_differences[&(*from, *to)]),
        };
        for (party, peer) in honest.iter().flat_map(|h| corrupt.iter().map(move |c| (h, c))) {
            if let Some(seen) = memory.mask_differences.get(&(*party, *peer)) {
                self.system.equal(&difference(party, peer), &known::<C>(*seen));
            }
        }
        // c + d = a b for each input between honest parties; else from the corrupt side's state.
        let mut outputs: BTreeMap<PartyIndex, [Value<C>; 2]> = honest
            .iter()
            .map(|party| (*party, [known::<C>(C::Scalar::ZERO), known::<C>(C::Scalar::ZERO)]))
            .collect();
        for party in &honest {
            for peer in signers.peers_of(*party) {
                let inputs = [&nonce_share[party], &key_share[party]];
                for input in 0..2 {
                    let (as_alice, as_bob) = if let Some(held) = memory.held.get(&peer) {
                        let (b, d) = (held.product_shares[party], held.as_bob[party][input]);
                        let a = [held.nonce_share, held.key_share][input];
                        let chi = &product_share[&(*party, peer)];
                        let c = held.as_alice[party][input];
                        (
                            inputs[input].clone().scaled(b).add(&known::<C>(-d)),
                            chi.clone().scaled(a).add(&known::<C>(-c)),
                        )
                    } else {
                        // Mine as Alice; the peer's d is the rest of the product.
                        let c = fresh(&mut self.system);
                        let product = self.system.product(inputs[input], &product_share[&(peer, *party)]);
                        let d = product.plus(-C::Scalar::ONE, &c);
                        let of_peer = outputs[&peer][input].clone().add(&d);
                        outputs.get_mut(&peer).unwrap()[input] = of_peer;
                        (c, known::<C>(C::Scalar::ZERO))
                    };
                    if let Some(opened) = memory.opened.get(&(*party, peer)) {
                        self.system.equal(&as_alice, &known::<C>(opened[input]));
                    }
                    let sum = outputs[party][input].clone().add(&as_alice).add(&as_bob);
                    outputs.get_mut(party).unwrap()[input] = sum;
                }
            }
        }
        let mut values = BTreeMap::new();
        for party in &honest {
            let peers = signers.peers_of(*party);
            let whole = peers.fold(mask[party].clone(), |sum, peer| sum.add(&difference(&peer, party)));
            let [nonce, key] = &outputs[party];
            let masked_nonce = self.system.product(&nonce_share[party], &whole).add(nonce);
            let masked_key = self.system.product(&key_share[party], &whole).add(key);
            values.insert(*party, Honest { mask: mask[party].clone(), masked_nonce, masked_key });
        }
        // Public: R. Only when it is the identity does it say something linear.
        let nonces = nonce_share.values().fold(known::<C>(C::Scalar::ZERO), |sum, nonce| sum.add(nonce));
        let nonces =
            corrupt.iter().fold(nonces, |sum, party| sum.add(&known::<C>(memory.held[party].nonce_share)));
        if memory.nonces_cancel() {
            self.system.equal(&nonces, &known::<C>(C::Scalar::ZERO));
        }
        Seen { signers: signers.clone(), corrupt, honest: values, answer_masks: BTreeMap::new() }
    }

    /// Equal hidden choices under one extension number are equal choices, so chi is equal.
    fn compare_choices(
        &mut self,
        memory: &Memory<C>,
        product_share: &BTreeMap<(PartyIndex, PartyIndex), Value<C>>,
    ) {
        for ((bob, alice), (number, hidden)) in &memory.hidden_choices {
            let Some(chi) = product_share.get(&(*bob, *alice)) else { continue };
            let before = self.choices.entry((*bob, *alice, *number)).or_default();
            if let Some((_, same)) = before.iter().find(|(seen, _)| seen == hidden) {
                self.system.equal(chi, same);
            }
            before.push((hidden.clone(), chi.clone()));
        }
    }

    /// Adds an honest signer's answer to a request.
    pub fn answer(
        &mut self,
        cluster: &Cluster<C>,
        seen: &mut Seen<C>,
        party: PartyIndex,
        (request, answer): (&OnlineRequest<C>, &PartialSignature<C>),
        masks: bool,
    ) {
        let (delta, r) = sim::shift(answer, request);
        let m = C::digest_to_scalar(&request.digest);
        let (u, w) = sim::values(answer);
        let honest = &seen.honest[&party];
        let mut values = [
            honest.masked_nonce.clone().plus(delta, &honest.mask),
            honest.mask.clone().scaled(m).plus(r, &honest.masked_key),
        ];
        for peer in seen.signers.peers_of(party).filter(|_| masks) {
            let parts = if seen.corrupt.contains(&peer) {
                let pairs = &cluster.parties[&peer].pairs;
                let theirs = sim::mask_parts::<C>(pairs, peer, party, &answer.context).unwrap();
                theirs.map(|part| known::<C>(-part))
            } else {
                let key = (party.min(peer), party.max(peer), answer.context);
                let system = &mut self.system;
                let both = seen.answer_masks.entry(key);
                let both = both
                    .or_insert_with(|| [Value::<C>::of(system.unknown()), Value::<C>::of(system.unknown())]);
                let sign = if party < peer { C::Scalar::ONE } else { -C::Scalar::ONE };
                both.clone().map(|part| part.scaled(sign))
            };
            for (value, part) in values.iter_mut().zip(&parts) {
                *value = value.clone().add(part);
            }
        }
        self.system.equal(&values[0], &known::<C>(u));
        self.system.equal(&values[1], &known::<C>(w));
    }
}
