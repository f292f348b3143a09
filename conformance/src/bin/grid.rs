//! Runs the grid of bad arguments (`conformance::grid`) against any PKCS#11 library:
//! `grid MODULE TOKEN-LABEL PIN SO-PIN [compare]`. The token is there for the grid alone; it must be initialised, with
//! both PINs. `compare` is for a library of 2.40: what we do not do ourselves is left out.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;

use conformance::grid::library::Library;
use conformance::grid::world::World;
use conformance::grid::{Subject, run, worker};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (module, token, pin, so_pin, compared) = match arguments.as_slice() {
        [module, token, pin, so_pin] => (module, token, pin, so_pin, false),
        [module, token, pin, so_pin, word] if word == "compare" => (module, token, pin, so_pin, true),
        _ => {
            eprintln!("usage: grid MODULE TOKEN-LABEL PIN SO-PIN [compare]");
            return ExitCode::FAILURE;
        }
    };
    if let Ok(start) = std::env::var("GRID_START") {
        let skip = std::env::var("GRID_SKIP").unwrap_or_default();
        let crashed: HashSet<String> = skip.lines().map(Into::into).collect();
        let compared = std::env::var("GRID_COMPARED").is_ok_and(|text| !text.is_empty());
        let skip = worker::Skip { crashed, compared };
        let library = Library::open(Path::new(module));
        worker::run(&library, World::new(token, pin, so_pin), start.parse().expect("a cell"), &skip);
        return ExitCode::SUCCESS;
    }
    let subject = Subject {
        module: module.into(),
        token: token.into(),
        pin: pin.into(),
        so_pin: so_pin.into(),
        environment: Vec::new(),
        compared,
    };
    let program = std::env::current_exe().expect("Linux knows the path of its processes");
    let report = run(&program, &subject);
    print!("{report}");
    if report.differences() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
