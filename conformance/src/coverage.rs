//! `README.md`: what the module does, generated from the lists that the tests check it against.

use std::fmt::Write;

use cryptoki_sys::*;

use crate::functions::{Answer, FUNCTIONS, Since};
use crate::mechanisms::MECHANISMS;

/// The whole text of `README.md`.
pub fn readme() -> String {
    let done = FUNCTIONS.iter().filter(|function| matches!(function.answer, Answer::Done(_))).count();
    let mut text = String::from(INTRODUCTION);
    let _ = writeln!(text, "## Functions\n\n{done} of {} do their work.\n", FUNCTIONS.len());
    text.push_str("| function | since | answer | test |\n| --- | --- | --- | --- |\n");
    for function in &FUNCTIONS {
        let since = match function.since {
            Since::V2_40 => "2.40",
            Since::V3_0 => "3.0",
            Since::V3_2 => "3.2",
        };
        let (answer, test) = match function.answer {
            Answer::Done(chapter) => ("done", format!("`tests/pkcs11/{chapter}.rs`")),
            Answer::NotSupported => ("`CKR_FUNCTION_NOT_SUPPORTED`", "`tests/pkcs11/general.rs`".into()),
            Answer::NotParallel => ("`CKR_FUNCTION_NOT_PARALLEL`", "`tests/pkcs11/general.rs`".into()),
        };
        let _ = writeln!(text, "| `{}` | {since} | {answer} | {test} |", function.name);
    }
    text.push_str("\n## Mechanisms\n\n| mechanism | used with | test |\n| --- | --- | --- |\n");
    for mechanism in MECHANISMS {
        let uses: Vec<_> =
            USES.iter().filter(|(flag, _)| mechanism.flags & flag != 0).map(|(_, name)| *name).collect();
        let test = mechanism.test;
        let _ = writeln!(text, "| `{}` | {} | `tests/pkcs11/{test}.rs` |", mechanism.name, uses.join(", "));
    }
    text
}

const USES: [(CK_FLAGS, &str); 4] = [
    (CKF_GENERATE_KEY_PAIR, "generate key pair"),
    (CKF_SIGN, "sign"),
    (CKF_VERIFY, "verify"),
    (CKF_DIGEST, "digest"),
];

const INTRODUCTION: &str = "\
# Conformance

These tests load `libcounterfoil_pkcs11.so` by `dlopen` and use nothing but its C interface.

```
cargo build -p pkcs11-module -p mpc-backend    # the module, the node and the command line
conformance/run                                # starts a lab, runs all tests against it, stops it
```

Tests of the C interface itself need no cluster (`general`, `buffers`, `fork` and some others use a configuration whose
nodes are dead). The rest use the lab that `COUNTERFOIL_TEST_CONFIG`, `COUNTERFOIL_TEST_TOKEN`, `COUNTERFOIL_TEST_SO_PIN`
and `COUNTERFOIL_TEST_PIN` name, or start one for their process. `PKCS11_MODULE` names another module.

What follows is generated: `UPDATE=1 cargo test -p conformance --test pkcs11 readme`. A test fails when it is out of date,
others when the module answers differently.

";
