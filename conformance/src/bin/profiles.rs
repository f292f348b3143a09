//! For `conformance/suites/run`: `profiles FOLDER` follows the test cases of the OASIS PKCS #11 Profiles in a folder
//! (`conformance::profiles`), with the token that the environment names as for the tests. Exit code 1 if one fails.

use std::path::PathBuf;
use std::process::ExitCode;

use conformance::profiles::{Outcome, follow};
use conformance::token::Token;

fn main() -> Result<ExitCode, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder] = arguments.as_slice() else { return Err("usage: profiles FOLDER".into()) };
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{folder}: {error}"))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut cases: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "xml")).collect();
    cases.sort();
    if cases.is_empty() {
        return Err(format!("{folder}: no case, a file that ends in .xml"));
    }
    let token = Token::shared();
    let mut failed = false;
    for path in cases {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let xml = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        match follow(&token, &name, &xml) {
            Outcome::Passed => println!("{name}: passed"),
            Outcome::NotClaimed(profile) => println!("{name}: skipped, the token does not claim {profile}"),
            Outcome::Failed(why) => {
                println!("{name}: failed, {why}");
                failed = true;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
