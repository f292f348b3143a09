//! For `conformance/suites/run`: `suites slot MODULE TOKEN-LABEL` prints the slot of a token, and
//! `suites check MODULE TOKEN-LABEL LIST OUTCOMES` holds a suite's outcomes against our list (`conformance::suites`).

use std::path::Path;
use std::process::ExitCode;

use conformance::suites::offered::Offered;
use conformance::suites::{Report, expected, outcome};

fn main() -> Result<ExitCode, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    match arguments.as_slice() {
        ["slot", module, token] => {
            println!("{}", Offered::by(Path::new(module), token).slot);
            Ok(ExitCode::SUCCESS)
        }
        ["check", module, token, list, outcomes] => {
            let offered = Offered::by(Path::new(module), token);
            let (expected, outcomes) = (expected::parse(&read(list)?)?, outcome::parse(&read(outcomes)?)?);
            let report = Report::new(&outcomes, &expected, |name| offered.has(name));
            print!("{report}");
            Ok(if report.is_as_listed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => Err("usage: suites slot MODULE TOKEN | suites check MODULE TOKEN LIST OUTCOMES".into()),
    }
}
