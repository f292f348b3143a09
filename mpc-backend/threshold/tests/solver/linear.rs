//! Linear algebra mod q with products: Gaussian elimination, and linearisation of known products.
//!
//! A system holds unknowns, linear equations among them, and relations z = x y. Elimination keeps
//! every bound unknown as an affine expression of the free ones. Each relation is then expanded over
//! the free unknowns; products of two of them become unknowns of their own, and what results is one
//! more linear equation. This is repeated until nothing new follows.

use std::collections::{BTreeMap, BTreeSet};

use elliptic_curve::ff::Field;

/// An unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown(usize);

/// constant + sum of coefficient x unknown, without zero coefficients.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression<F> {
    terms: BTreeMap<Unknown, F>,
    constant: F,
}

impl<F: Field> Expression<F> {
    pub fn constant(constant: F) -> Self {
        Self { terms: BTreeMap::new(), constant }
    }

    pub fn of(unknown: Unknown) -> Self {
        Self::constant(F::ZERO).plus(F::ONE, &Self::single(unknown))
    }

    fn single(unknown: Unknown) -> Self {
        Self { terms: BTreeMap::from([(unknown, F::ONE)]), constant: F::ZERO }
    }

    /// self + factor x other.
    #[must_use]
    pub fn plus(mut self, factor: F, other: &Self) -> Self {
        self.constant += factor * other.constant;
        for (unknown, coefficient) in &other.terms {
            let sum = *self.terms.get(unknown).unwrap_or(&F::ZERO) + factor * coefficient;
            if bool::from(sum.is_zero()) {
                self.terms.remove(unknown);
            } else {
                self.terms.insert(*unknown, sum);
            }
        }
        self
    }

    #[must_use]
    pub fn scaled(self, factor: F) -> Self {
        Self::constant(F::ZERO).plus(factor, &self)
    }

    #[must_use]
    pub fn add(self, other: &Self) -> Self {
        self.plus(F::ONE, other)
    }
}

/// Equations about unknowns, always in reduced form.
pub struct System<F> {
    unknowns: usize,
    /// Bound unknowns, each as an expression of free ones.
    bound: BTreeMap<Unknown, Expression<F>>,
    /// z, x, y with z = x y.
    products: Vec<(Unknown, Expression<F>, Expression<F>)>,
    monomials: BTreeMap<(Unknown, Unknown), Unknown>,
    contradiction: bool,
}

impl<F: Field> System<F> {
    pub fn new() -> Self {
        Self {
            unknowns: 0,
            bound: BTreeMap::new(),
            products: vec![],
            monomials: BTreeMap::new(),
            contradiction: false,
        }
    }

    pub fn unknown(&mut self) -> Unknown {
        self.unknowns += 1;
        Unknown(self.unknowns - 1)
    }

    /// The product of two expressions, as an unknown.
    pub fn product(&mut self, left: &Expression<F>, right: &Expression<F>) -> Expression<F> {
        let product = self.unknown();
        self.products.push((product, left.clone(), right.clone()));
        Expression::of(product)
    }

    /// Adds `left` = `right`.
    pub fn equal(&mut self, left: &Expression<F>, right: &Expression<F>) {
        let zero = self.reduced(&left.clone().plus(-F::ONE, right));
        // The newest unknown is bound: what was there first stays free and is solved for.
        let Some((unknown, coefficient)) = zero.terms.iter().next_back().map(|(u, c)| (*u, *c)) else {
            self.contradiction |= !bool::from(zero.constant.is_zero());
            return;
        };
        let inverse: F = Option::from(coefficient.invert()).expect("terms have no zero coefficients");
        let value = Expression::single(unknown).plus(-inverse, &zero);
        for expression in self.bound.values_mut() {
            if let Some(factor) = expression.terms.remove(&unknown) {
                *expression = expression.clone().plus(factor, &value);
            }
        }
        self.bound.insert(unknown, value);
    }

    /// `expression` over free unknowns.
    pub fn reduced(&self, expression: &Expression<F>) -> Expression<F> {
        let start = Expression::constant(expression.constant);
        expression.terms.iter().fold(start, |sum, (unknown, coefficient)| match self.bound.get(unknown) {
            Some(value) => sum.plus(*coefficient, value),
            None => sum.plus(*coefficient, &Expression::single(*unknown)),
        })
    }

    /// The one value that the equations leave, if they leave only one.
    pub fn value(&self, expression: &Expression<F>) -> Option<F> {
        let reduced = self.reduced(expression);
        reduced.terms.is_empty().then_some(reduced.constant)
    }

    /// Whether no values satisfy the equations.
    pub fn contradicts(&self) -> bool {
        self.contradiction
    }

    /// Unknowns that the equations leave free, products of others not counted.
    pub fn freedom(&self) -> usize {
        let derived: BTreeSet<_> = self.products.iter().map(|(product, _, _)| *product).collect();
        (0..self.unknowns)
            .map(Unknown)
            .filter(|unknown| !self.bound.contains_key(unknown) && !derived.contains(unknown))
            .count()
    }

    /// Uses the products until nothing new follows.
    pub fn close(&mut self) {
        loop {
            let before = (self.bound.len(), self.unknowns);
            for (product, left, right) in self.products.clone() {
                let (left, right) = (self.reduced(&left), self.reduced(&right));
                let expanded = self.expand(&left, &right);
                self.equal(&Expression::of(product), &expanded);
            }
            if (self.bound.len(), self.unknowns) == before {
                return;
            }
        }
    }

    fn expand(&mut self, left: &Expression<F>, right: &Expression<F>) -> Expression<F> {
        let constant = Expression::constant(-left.constant * right.constant);
        let mut sum = constant.plus(left.constant, right).plus(right.constant, left);
        for (one, factor) in &left.terms {
            for (other, second) in &right.terms {
                let key = (*one.min(other), *one.max(other));
                let monomial = match self.monomials.get(&key) {
                    Some(monomial) => *monomial,
                    None => {
                        let monomial = self.unknown();
                        self.monomials.insert(key, monomial);
                        self.products.push((monomial, Expression::single(key.0), Expression::single(key.1)));
                        monomial
                    }
                };
                // A monomial of unknowns that are free may be bound already.
                sum = sum.plus(*factor * second, &self.reduced(&Expression::single(monomial)));
            }
        }
        sum
    }
}
