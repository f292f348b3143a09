//! For `conformance/suites/run`: `suites slot MODULE TOKEN-LABEL` prints the slot of a token,
//! `suites check MODULE TOKEN-LABEL LIST OUTCOMES` holds a suite's outcomes against our list (`conformance::suites`), and
//! `suites chapters PROGRAM LIST [FILTER]` runs our own tests, which are in PROGRAM, against SoftHSM2.

use std::path::Path;
use std::process::ExitCode;

use conformance::suites::offered::Offered;
use conformance::suites::{Report, chapters, expected, outcome};

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
        ["chapters", program, list, filter @ ..] if filter.len() < 2 => {
            let filter = filter.first().copied().unwrap_or_default();
            let run = chapters::run(Path::new(program), filter).map_err(|error| error.to_string())?;
            let offered = Offered::by_softhsm().map_err(|error| error.to_string())?;
            let (text, good) = run.held_against(expected::parse(&read(list)?)?, filter.is_empty(), &offered);
            print!("{text}");
            Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => Err("usage: suites slot MODULE TOKEN | suites check MODULE TOKEN LIST OUTCOMES | \
                  suites chapters PROGRAM LIST [FILTER]"
            .into()),
    }
}
