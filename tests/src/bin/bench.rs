//! `make bench`: what users feel and what it costs, through the built library on labs, with SoftHSM
//! through the same harness in the same run.
//!
//! Before them the protocols alone, in this process, beside other implementations; with the argument
//! `protocols` nothing else, with `signatures` only many signatures, for a profiler.
//!
//! Prints a table and writes `target/bench/report.json`: dotted name with its unit, and a number; and
//! `target/bench/growth.svg`. Then holds the figures against what must be reached; with
//! `BENCH_GATES=1` a missed gate is an error. `BENCH_SECONDS` is the length of one load, 10 without
//! it; shorter runs are for trying out.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::{Result, ensure};
use mimalloc::MiMalloc;
use tests::bench::{Report, protocols, signatures};
use tests::library::{gates, measure};

/// As in a node. The other implementations in `tests/peers` have it too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<()> {
    let seconds = std::env::var("BENCH_SECONDS").map_or(Ok(10), |text| text.parse())?;
    let folder = Path::new("target/bench");
    std::fs::create_dir_all(folder)?;
    let mut report = Report::new();
    match std::env::args().nth(1).as_deref() {
        Some("signatures") => signatures(&mut report)?,
        Some("protocols") => protocols(&mut report, folder)?,
        _ => {
            protocols(&mut report, folder)?;
            measure(seconds, &mut report)?;
        }
    }
    for (name, value) in &report {
        println!("{name:<56} {value:>14.3}");
    }
    std::fs::write(folder.join("report.json"), serde_json::to_string_pretty(&report)?)?;
    let (table, all) = gates::judge(&report);
    println!("\n{table}");
    let judged = std::env::var_os("BENCH_GATES").is_some_and(|value| value == "1");
    ensure!(all || !judged, "a gate is missed");
    Ok(())
}
