//! The cells: every function, in every state that matters to it, with every wrong value of every parameter alone, and of
//! every two parameters together.

use super::rules::{CANCEL, NOT_SUPPORTED, NULL, Rule, STUB, deciding};
use super::state::{self, Login, Operation, State};
use super::values::{Value, values};
use crate::functions::{Answer, FUNCTIONS, Function, Parameter};

/// One call.
pub struct Cell {
    /// Where in [`FUNCTIONS`].
    pub function: usize,
    /// In which state.
    pub state: State,
    /// For each parameter which of its values.
    pub choice: Vec<usize>,
}

impl Cell {
    /// The function.
    pub fn function(&self) -> &'static Function {
        &FUNCTIONS[self.function]
    }

    /// The values of all parameters.
    pub fn values(&self) -> impl Iterator<Item = &'static Value> {
        let parameters = self.function().parameters.iter();
        parameters.zip(&self.choice).map(|(parameter, choice)| &values(*parameter)[*choice])
    }

    /// Those of the values that are wrong, or odd.
    pub fn faults(&self) -> impl Iterator<Item = &'static Value> {
        self.values().zip(&self.choice).filter(|(_, choice)| **choice != 0).map(|(value, _)| value)
    }

    /// What is wrong, in words.
    pub fn fault(&self) -> String {
        let names: Vec<_> = self.faults().map(|value| value.name).collect();
        if names.is_empty() { "right arguments".into() } else { names.join(" and ") }
    }

    /// Whether the function begins or ends the library's life.
    fn is_life(&self) -> bool {
        ["C_Initialize", "C_Finalize"].contains(&self.function().name)
    }

    /// The rules that decide; `compared` is a library of 2.40.
    pub fn rules(&self, compared: bool) -> Vec<&'static Rule> {
        if self.function().answer == Answer::NotSupported && self.state.login != Login::Uninitialized {
            return vec![&NOT_SUPPORTED];
        }
        if compared && self.state.login == Login::Uninitialized && !self.is_life() {
            return vec![&STUB];
        }
        let mut rules = state::rules(self.function(), self.state);
        rules.extend(self.values().map(|value| value.rule));
        if compared {
            rules.iter_mut().filter(|rule| std::ptr::eq(**rule, &CANCEL)).for_each(|rule| *rule = &NULL);
        }
        deciding(&rules)
    }
}

/// All cells in order; the same in every process.
pub fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for state in state::all() {
        for (function, declared) in FUNCTIONS.iter().enumerate() {
            if !meets(declared, state) {
                continue;
            }
            let singles = choices(declared.parameters, 1);
            let mut pairs = Vec::new();
            if in_pairs(declared, state) || declared.name == "C_GenerateKeyPair" {
                pairs = choices(declared.parameters, 2);
            }
            if declared.name == "C_GenerateKeyPair" {
                pairs.retain(|choice| generates_rsa(choice));
            }
            let right = vec![0; declared.parameters.len()];
            let all = std::iter::once(right).chain(singles).chain(pairs);
            let all = all.filter(|choice| declared.name != "C_Finalize" || choice[0] != 0);
            cells.extend(all.map(|choice| Cell { function, state, choice }));
        }
    }
    cells
}

/// Whether a function is called in a state.
fn meets(function: &Function, state: State) -> bool {
    if state.login == Login::Uninitialized {
        return function.name == "C_Initialize" || !ALWAYS.contains(&function.name);
    }
    let has_session = function.parameters.first() == Some(&Parameter::Session);
    let idle = state.operation == Operation::Idle;
    let plain = function.answer == Answer::NotSupported || SLOW.contains(&function.name);
    match (has_session, plain) {
        (true, false) => true,
        (true, true) => idle,
        (false, _) => idle && state.write,
    }
}

/// Whether two wrong values at once are tried.
fn in_pairs(function: &Function, state: State) -> bool {
    let done = function.answer != Answer::NotSupported && !SLOW.contains(&function.name);
    done && state.write && state.login != Login::Uninitialized
}

/// Whether both the mechanism and the public template are of RSA.
fn generates_rsa(choice: &[usize]) -> bool {
    let named = |parameter, choice: usize| values(parameter)[choice].name.contains("RSA");
    named(Parameter::PairMechanism, choice[1]) && named(Parameter::PublicTemplate, choice[2])
}

/// All ways to have exactly `wrong` parameters (one or two) not right.
fn choices(parameters: &[Parameter], wrong: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for (first, parameter) in parameters.iter().enumerate() {
        for value in 1..values(*parameter).len() {
            let mut choice = vec![0; parameters.len()];
            choice[first] = value;
            if wrong == 1 {
                all.push(choice);
                continue;
            }
            for (second, parameter) in parameters.iter().enumerate().skip(first + 1) {
                all.extend((1..values(*parameter).len()).map(|value| {
                    let mut choice = choice.clone();
                    choice[second] = value;
                    choice
                }));
            }
        }
    }
    all
}

/// Work before `C_Initialize` too.
const ALWAYS: [&str; 5] =
    ["C_Initialize", "C_Finalize", "C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface"];
/// Ask the cluster each time that they succeed; what is active in the session is nothing to them.
const SLOW: [&str; 7] = [
    "C_Login",
    "C_LoginUser",
    "C_Logout",
    "C_InitPIN",
    "C_SetPIN",
    "C_GenerateKeyPair",
    "C_GetFunctionStatus",
];
