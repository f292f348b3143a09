//! `make constant-time`: no branch, no address and no time depends on a secret, or the command fails.
//!
//! `constant_time taint`, under valgrind: [`sections`] with their secrets marked; each must have no
//! finding, but each control must. `constant_time taint TEXT` runs those with the text in their names.
//! `constant_time timing`, on the real processor: [`timing`].
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod controls;
mod rsa;
mod sections;
mod timing;

use std::process::ExitCode;

use constant_time::taint;

fn main() -> ExitCode {
    println!("instructions here: {}", instructions().join(" "));
    let good = match std::env::args().nth(1).as_deref() {
        Some("taint") => tainted(),
        Some("timing") => timing::run(),
        _ => {
            println!("constant_time taint (under valgrind) | constant_time timing");
            false
        }
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tainted() -> bool {
    if !taint::is_watched() {
        println!("this half runs under valgrind");
        return false;
    }
    let mut good = true;
    let mut judge = |name: &str, is_control: bool, run: &dyn Fn()| {
        let before = taint::findings();
        run();
        let findings = taint::findings() - before;
        let passed = (findings > 0) == is_control;
        good &= passed;
        let verdict = if passed { "" } else { "  FAILED" };
        let kind = if is_control { "control, must be found" } else { "" };
        println!("{findings:>8} findings  {name}  {kind}{verdict}");
    };
    for (name, run) in controls::ALL {
        judge(name, true, &run);
    }
    let wanted = std::env::args().nth(2).unwrap_or_default();
    let sections: Vec<_> = sections::all().into_iter().filter(|(name, _)| name.contains(&wanted)).collect();
    for (name, run) in &sections {
        judge(name, false, run);
    }
    println!("{} sections", sections.len());
    good && !sections.is_empty()
}

/// What decides which code the libraries choose. Valgrind's processor has less than most real ones.
fn instructions() -> Vec<&'static str> {
    macro_rules! present {
        ($($name:tt)*) => { [$(($name, is_x86_feature_detected!($name))),*] };
    }
    let all = present!("aes" "pclmulqdq" "avx2" "bmi2" "adx" "sha" "avx512ifma" "vaes");
    all.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect()
}
