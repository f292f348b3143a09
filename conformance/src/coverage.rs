//! `README.md`: what the module does, generated from its own answers and from the list of functions that the tests hold
//! it against.

use std::fmt::Write;

use cryptoki_sys::*;

use crate::attacks::Attack;
use crate::functions::{Answer, FUNCTIONS, Since};
use crate::mechanisms::{Mechanism, TESTED};
use crate::wrapping::{Decision, WRAPPING};

/// The whole text of `README.md`. `mechanisms` is what the library answers, `attacks` what the tests try.
pub fn readme(mechanisms: &[Mechanism], attacks: &[Attack]) -> String {
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
            Answer::Done(test) if function.name == "C_WaitForSlotEvent" => (WITHOUT_WAITING, test),
            Answer::Done(test) => ("done", test),
            Answer::NotSupported => ("`CKR_FUNCTION_NOT_SUPPORTED`", UNSUPPORTED),
            Answer::NotParallel => ("`CKR_FUNCTION_NOT_PARALLEL`", UNSUPPORTED),
        };
        let _ = writeln!(text, "| `{}` | {since} | {answer} | {} |", function.name, link(test));
    }
    text.push_str(
        "\n## Mechanisms\n\n| mechanism | used with | key bits | test |\n| --- | --- | --- | --- |\n",
    );
    for mechanism in mechanisms {
        let CK_MECHANISM_INFO { ulMinKeySize, ulMaxKeySize, flags } = mechanism.info;
        let uses: Vec<_> = USES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect();
        let bits = match (ulMinKeySize, ulMaxKeySize) {
            (0, 0) => "".into(),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let number = match mechanism.id & CKM_VENDOR_DEFINED {
            0 => String::new(),
            _ => {
                format!(" ({:#x}: [what it takes](../mpc-backend/docs/operate.md#14-schnorr))", mechanism.id)
            }
        };
        let _ = writeln!(
            text,
            "| `{}`{number} | {} | {bits} | {} |",
            mechanism.name,
            uses.join(", "),
            link(mechanism.test)
        );
    }
    text.push_str(BY_CONFIGURATION);
    write_wrapping(&mut text);
    write_attacks(&mut text, attacks);
    text
}

/// What of wrapping and unwrapping was decided; mechanisms of one reason together.
fn write_wrapping(text: &mut String) {
    text.push_str("\n## Wrapping and unwrapping\n\nNo private key leaves the token, whole or wrapped.\n\n");
    text.push_str("| mechanism | to wrap and unwrap keys |\n| --- | --- |\n");
    for group in WRAPPING.chunk_by(|one, other| one.decision == other.decision) {
        let names: Vec<_> = group.iter().map(|wrapping| format!("`{}`", wrapping.name)).collect();
        let decision = match group.first().map(|wrapping| wrapping.decision) {
            Some(Decision::Refused(why)) => format!("refused: {why}"),
            Some(Decision::Offered) | None => "offered".into(),
        };
        let _ = writeln!(text, "| {} | {decision} |", names.join(", "));
    }
}

fn write_attacks(text: &mut String, attacks: &[Attack]) {
    let _ = writeln!(text, "\n## Attacks\n\n{} that fail.\n", attacks.len());
    text.push_str("| attack | described by | why it fails | test |\n| --- | --- | --- | --- |\n");
    for Attack { name, source, outcome, test } in attacks {
        let _ = writeln!(text, "| {name} | {source} | {outcome} | {} |", link(test));
    }
}

/// Every test that the tables name, as chapter and function.
pub fn tests() -> impl Iterator<Item = (&'static str, &'static str)> {
    let functions = FUNCTIONS.iter().map(|function| match function.answer {
        Answer::Done(test) => test,
        Answer::NotSupported | Answer::NotParallel => UNSUPPORTED,
    });
    functions.chain(TESTED.iter().map(|(.., test)| *test)).map(parts)
}

fn parts(test: &str) -> (&str, &str) {
    test.split_once("::").expect("a test is named as chapter::function")
}

fn link(test: &str) -> String {
    let (chapter, name) = parts(test);
    format!("[{name}](tests/pkcs11/{chapter}.rs)")
}

/// There is no event to wait for, and no thread that would end the wait.
const WITHOUT_WAITING: &str = "`CKR_NO_EVENT`; where it would wait, `CKR_FUNCTION_NOT_SUPPORTED`";

const BY_CONFIGURATION: &str = "
Where the nodes and an application are configured for them, and nowhere else, there are also `CKM_RSA_X_509` (sign, verify,
encrypt, decrypt) and decryption with `CKM_RSA_PKCS`: [why, and how](../mpc-backend/docs/operate.md#15-rsa-keys).
";

const UNSUPPORTED: &str = "general::unsupported_functions_say_so_at_once_and_others_never_do";

const USES: [(CK_FLAGS, &str); 14] = [
    (CKF_GENERATE, "generate"),
    (CKF_GENERATE_KEY_PAIR, "generate key pair"),
    (CKF_SIGN, "sign"),
    (CKF_SIGN_RECOVER, "sign recover"),
    (CKF_VERIFY, "verify"),
    (CKF_VERIFY_RECOVER, "verify recover"),
    (CKF_DIGEST, "digest"),
    (CKF_ENCRYPT, "encrypt"),
    (CKF_DECRYPT, "decrypt"),
    (CKF_WRAP, "wrap"),
    (CKF_UNWRAP, "unwrap"),
    (CKF_DERIVE, "derive"),
    (CKF_ENCAPSULATE, "encapsulate"),
    (CKF_DECAPSULATE, "decapsulate"),
];

const INTRODUCTION: &str = "\
# Conformance

These tests load `libcounterfoil_pkcs11.so` by `dlopen` and use nothing but its C interface.

```
cargo build -p pkcs11-module -p mpc-backend    # the module, the node and the command line
conformance/run                                # starts a lab, runs all tests against it, stops it
```

Tests of the C interface itself need no cluster (`general`, `fork` and some others use a configuration whose nodes are
dead). The rest use the lab that `COUNTERFOIL_TEST_CONFIG`, `COUNTERFOIL_TEST_TOKEN`, `COUNTERFOIL_TEST_SO_PIN`
and `COUNTERFOIL_TEST_PIN` name, or start one for their process. `PKCS11_MODULE` names another module.

`tests/pkcs11/grid.rs` calls every function with every class of wrong argument, one and two at a time, in every state, and
holds the answers against rules that name the specification's clauses (`src/grid`).

## Against SoftHSM2

```
conformance/suites/run chapters    # all of it: the chapters, the random sequences and the grid, a line for each difference
```

The same chapters run against any library that `PKCS11_MODULE` names, on its token that `COUNTERFOIL_TEST_TOKEN` and the PINs
name, without `COUNTERFOIL_TEST_CONFIG`. A library of 2.40 is called through its table of 2.40; what came later answers
`CKR_FUNCTION_NOT_SUPPORTED`. Tests of what only a cluster has skip themselves and say so.

[suites/softhsm-chapters.txt](suites/softhsm-chapters.txt) lists each test that SoftHSM2 does not pass, with the clause of
PKCS#11 3.1 that demands what we test, or that the text leaves it open, or the mechanism that SoftHSM2 does not have, or another
reason; `because ours departs` names the clauses that speak against us. A test that fails and is not listed fails the run, and
so does one that is listed and passes. `tests/pkcs11/softhsm.rs` does it in every run of ours. One test stops at its
first difference; those behind it are not seen.

The grid alone, for any library; it may crash, which is reported like a wrong code:

```
target/debug/grid /usr/lib/softhsm/libsofthsm2.so LABEL PIN SO-PIN compare
```

## Other people's tests

`suites/run` (`make suites`) runs other people's tests, those of the crate `cryptoki` and of `python-pkcs11`, against a lab of
its own and against SoftHSM2, and holds what happens against the lists in [suites](suites): each test that does not pass, with
the mechanisms that it needs or another reason. A test that fails and is not listed fails the run, and so does one that is listed
and passes; an entry for a missing mechanism is void once the mechanism is offered. It takes its sources from the registries, so
it is not part of CI. `PKCS11TEST=/path/to/pkcs11test` adds google/pkcs11test, `OASIS_CASES=/path/to/folder`
the mandatory test cases of the OASIS PKCS #11 Profiles, of which a token passes those that it claims (`CKO_PROFILE`): Baseline and
Extended Provider.

All of this text is generated: `UPDATE=1 cargo test -p conformance --test pkcs11 readme`. A test fails when it is out of date,
others when the module answers differently.

";
