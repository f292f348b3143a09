//! `make bench`: what users feel and what it costs, through the built library on labs, with SoftHSM
//! through the same harness in the same run.
//!
//! Arguments name areas, measured in the order given; without one it is all of them but `signatures`:
//!
//! | area | what |
//! |---|---|
//! | `protocols` | the protocols alone, in this process, beside other implementations |
//! | `library` | what an application sees of EC keys, beside SoftHSM |
//! | `rsa` | RSA without a network |
//! | `rsa-signing` | what an application sees of RSA signatures, beside SoftHSM |
//! | `rsa-2048`, `rsa-3072` | 20 keys of 2048 bits, and 5 of 3072, each made by three nodes |
//! | `rsa-pool` | keys of 2048 bits out of a filled pool |
//! | `rsa-beside` | P-256 signatures while an RSA key is made |
//! | `kms` | one evaluation of a symmetric key of the KMS interface, at a node and at the client |
//! | `kms-agent` | what programs see of the KMS agent, beside moto's server; needs python3-venv and pip |
//! | `signatures` | many signatures, for a profiler |
//!
//! Prints a table and writes `target/bench/report.json`: dotted name with its unit, and a number; and
//! `target/bench/growth.svg`. Then holds the figures against what must be reached; with
//! `BENCH_GATES=1` a missed gate is an error. `BENCH_SECONDS` is the length of one load, 10 without
//! it; shorter runs are for trying out.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::{Result, bail, ensure};
use mimalloc::MiMalloc;
use tests::bench::{Report, protocols, signatures};
use tests::library::{gates, measure, rsa};

/// As in a node. The other implementations in `tests/peers` have it too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<()> {
    let seconds = std::env::var("BENCH_SECONDS").map_or(Ok(10), |text| text.parse())?;
    let folder = Path::new("target/bench");
    std::fs::create_dir_all(folder)?;
    let mut report = Report::new();
    let named: Vec<String> = std::env::args().skip(1).collect();
    let areas: Vec<&str> = named.iter().map(String::as_str).collect();
    for area in if areas.is_empty() { &AREAS } else { areas.as_slice() } {
        match *area {
            "protocols" => protocols(&mut report, folder)?,
            "library" => measure(seconds, &mut report)?,
            "rsa" => tests::bench::rsa(&mut report)?,
            "rsa-signing" => rsa::signing(seconds, &mut report)?,
            "rsa-2048" => rsa::generation(2048, 20, &mut report)?,
            "rsa-3072" => rsa::generation(3072, 5, &mut report)?,
            "rsa-pool" => rsa::pooled(&mut report)?,
            "rsa-beside" => rsa::beside(seconds, &mut report)?,
            "kms" => tests::bench::kms(&mut report)?,
            "kms-agent" => tests::library::kms::agent(seconds, &mut report)?,
            "signatures" => signatures(&mut report)?,
            other => bail!("no area {other:?}; there are {AREAS:?} and \"signatures\""),
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

/// What `make bench` measures.
const AREAS: [&str; 10] = [
    "protocols",
    "library",
    "rsa",
    "rsa-signing",
    "rsa-2048",
    "rsa-3072",
    "rsa-pool",
    "rsa-beside",
    "kms",
    "kms-agent",
];
