//! What came out: every cell held against the rules.

use std::collections::BTreeMap;
use std::fmt;

use cryptoki_sys::*;

use super::plan::Cell;
use super::rules::{GOOD, allowed};

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The library's answer.
    Answer(CK_RV),
    /// It took the process down.
    Crash,
    /// It did not return.
    Hang,
    /// The library has no such function, cannot reach the state, or has crashed on the same call before.
    LeftOut,
}

/// All outcomes, summed up.
#[derive(Debug, Default)]
pub struct Report {
    /// Cells that were called.
    pub called: usize,
    /// Cells that were left out.
    pub left_out: usize,
    /// Cells of functions that the library does, called.
    pub of_done: usize,
    differences: BTreeMap<String, Difference>,
}

#[derive(Debug)]
struct Difference {
    cells: usize,
    allowed: String,
    clauses: String,
}

impl Report {
    /// Adds one cell; `compared` is a library of 2.40.
    pub fn add(&mut self, cell: &Cell, outcome: Outcome, compared: bool) {
        if outcome == Outcome::LeftOut {
            self.left_out += 1;
            return;
        }
        self.called += 1;
        let rules = cell.rules(compared);
        let allowed = allowed(&rules);
        if allowed != [CKR_FUNCTION_NOT_SUPPORTED] {
            self.of_done += 1;
        }
        let answer = match outcome {
            Outcome::Answer(rv) if allowed.contains(&rv) => return,
            Outcome::Answer(rv) => name(rv),
            Outcome::Crash => "crash".into(),
            Outcome::Hang | Outcome::LeftOut => "hang".into(),
        };
        let mut wrong: Vec<_> =
            rules.iter().filter(|rule| rule.codes != [CKR_OK]).map(|rule| rule.clause).collect();
        if wrong.is_empty() {
            wrong.push(GOOD.clause);
        }
        let state = cell.state;
        let line = format!(
            "{}, {}: {answer} ({:?}, {}, {:?})",
            cell.function().name,
            cell.fault(),
            state.login,
            if state.write { "read/write" } else { "read-only" },
            state.operation,
        );
        // One line for what is wrong in the same way; the first of its cells is the example.
        let group = format!("{} {answer} {wrong:?}", cell.function().name);
        let difference = self.differences.entry(group).or_insert_with(|| Difference {
            cells: 0,
            allowed: format!(
                "{line}; right: {}",
                allowed.iter().map(|rv| name(*rv)).collect::<Vec<_>>().join(" or ")
            ),
            clauses: wrong.join("; "),
        });
        difference.cells += 1;
    }

    /// Groups of cells with a wrong answer, a crash or a hang.
    pub fn differences(&self) -> usize {
        self.differences.len()
    }
}

/// A line for each group of differences: an example, how many, and the clauses.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong: usize = self.differences.values().map(|difference| difference.cells).sum();
        writeln!(
            f,
            "{} calls, {} of them of functions that are done here, {} left out; {wrong} wrong in {} ways",
            self.called,
            self.of_done,
            self.left_out,
            self.differences.len()
        )?;
        for Difference { cells, allowed, clauses } in self.differences.values() {
            writeln!(f, "{cells} x {allowed} [{clauses}]")?;
        }
        Ok(())
    }
}

/// The name of a code.
pub fn name(rv: CK_RV) -> String {
    NAMES
        .iter()
        .find(|(known, _)| *known == rv)
        .map_or_else(|| format!("{rv:#x}"), |(_, name)| (*name).into())
}

/// Pairs each code with its name.
macro_rules! names {
    ($($name:ident)*) => { &[$(($name, stringify!($name)),)*] };
}

static NAMES: &[(CK_RV, &str)] = names! {
    CKR_OK CKR_HOST_MEMORY CKR_SLOT_ID_INVALID CKR_GENERAL_ERROR CKR_FUNCTION_FAILED CKR_ARGUMENTS_BAD CKR_NO_EVENT
    CKR_CANT_LOCK CKR_ATTRIBUTE_READ_ONLY CKR_ATTRIBUTE_SENSITIVE CKR_ATTRIBUTE_TYPE_INVALID
    CKR_ATTRIBUTE_VALUE_INVALID CKR_ACTION_PROHIBITED CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_DEVICE_ERROR
    CKR_DEVICE_MEMORY CKR_FUNCTION_NOT_PARALLEL CKR_FUNCTION_NOT_SUPPORTED CKR_FUNCTION_REJECTED
    CKR_KEY_HANDLE_INVALID CKR_KEY_TYPE_INCONSISTENT CKR_KEY_INDIGESTIBLE CKR_KEY_FUNCTION_NOT_PERMITTED
    CKR_MECHANISM_INVALID CKR_MECHANISM_PARAM_INVALID CKR_OBJECT_HANDLE_INVALID CKR_OPERATION_ACTIVE
    CKR_OPERATION_NOT_INITIALIZED CKR_PIN_INCORRECT CKR_PIN_INVALID CKR_PIN_LEN_RANGE CKR_SESSION_CLOSED
    CKR_SESSION_HANDLE_INVALID CKR_SESSION_PARALLEL_NOT_SUPPORTED CKR_SESSION_READ_ONLY CKR_SESSION_EXISTS
    CKR_SESSION_READ_ONLY_EXISTS CKR_SESSION_READ_WRITE_SO_EXISTS CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE
    CKR_TEMPLATE_INCOMPLETE CKR_TEMPLATE_INCONSISTENT CKR_USER_ALREADY_LOGGED_IN CKR_USER_NOT_LOGGED_IN
    CKR_USER_PIN_NOT_INITIALIZED CKR_USER_TYPE_INVALID CKR_USER_ANOTHER_ALREADY_LOGGED_IN
    CKR_DOMAIN_PARAMS_INVALID CKR_CURVE_NOT_SUPPORTED CKR_BUFFER_TOO_SMALL CKR_CRYPTOKI_NOT_INITIALIZED
    CKR_CRYPTOKI_ALREADY_INITIALIZED CKR_OPERATION_CANCEL_FAILED CKR_SESSION_ASYNC_NOT_SUPPORTED CKR_PIN_LOCKED
    CKR_KEY_SIZE_RANGE CKR_KEY_NOT_WRAPPABLE CKR_KEY_UNEXTRACTABLE CKR_PUBLIC_KEY_INVALID CKR_ENCRYPTED_DATA_INVALID
    CKR_ENCRYPTED_DATA_LEN_RANGE CKR_WRAPPED_KEY_INVALID CKR_WRAPPED_KEY_LEN_RANGE CKR_WRAPPING_KEY_HANDLE_INVALID
    CKR_WRAPPING_KEY_TYPE_INCONSISTENT CKR_UNWRAPPING_KEY_HANDLE_INVALID CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT
};
