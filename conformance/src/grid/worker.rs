//! The process that makes the calls: one line to standard output for each cell, in order. If the library takes it down,
//! the cell after the last line did it.

use std::collections::HashSet;
use std::io::Write;

use cryptoki_sys::*;

use super::arena::Arena;
use super::library::Library;
use super::plan::{Cell, cells};
use super::state::Login;
use super::world::World;
use crate::functions::Answer;

/// What a worker leaves out.
pub struct Skip {
    /// Functions and faults that have taken a worker down.
    pub crashed: HashSet<String>,
    /// The library is only compared: what we do not do is left out, and so are signatures in parts, because CKM_ECDSA,
    /// which every library has, takes none (PKCS#11 3.1 section 6.3.12).
    pub compared: bool,
}

impl Skip {
    fn has(&self, cell: &Cell) -> bool {
        let function = cell.function();
        (self.compared && (function.answer == Answer::NotSupported || IN_PARTS.contains(&function.name)))
            || keys(cell).iter().any(|key| self.crashed.contains(key))
    }
}

/// Runs the cells from `start` on.
///
/// # Panics
/// If the library does not do what every library does.
pub fn run(library: &Library, mut world: World, start: usize, skip: &Skip) {
    let mut out = std::io::stdout().lock();
    let mut initialized = false;
    for (index, cell) in cells().iter().enumerate().skip(start) {
        if !library.has(cell.function) || skip.has(cell) {
            writeln!(out, "{index} -").unwrap();
            continue;
        }
        if cell.state.login != Login::Uninitialized {
            if !initialized {
                world.set_up(library);
                initialized = true;
            }
            world.enter(library, cell.state.login);
            world.session = world.open(library, cell.state.write);
            if !world.start(library, cell.state) {
                close(library, &world);
                writeln!(out, "{index} -").unwrap();
                continue;
            }
        }
        let rv = call(library, &mut world, cell, skip.compared);
        if initialized {
            close(library, &world);
        }
        match rv {
            Some(rv) => writeln!(out, "{index} {rv}").unwrap(),
            None => writeln!(out, "{index} -").unwrap(),
        }
    }
}

/// A cell's function with each thing that is wrong.
pub fn keys(cell: &Cell) -> Vec<String> {
    cell.faults().map(|fault| format!("{}: {}", cell.function().name, fault.name)).collect()
}

/// Makes the call and mends what it changed; none if its mechanism is one that a library need not have.
fn call(library: &Library, world: &mut World, cell: &Cell, compared: bool) -> Option<CK_RV> {
    let mut arena = Arena::new();
    let words: Vec<usize> = cell.values().flat_map(|value| (value.words)(world, &mut arena)).collect();
    if compared && !world.envelopes && WRAPPING.contains(&cell.function().name) {
        let mechanism = words[1];
        if mechanism != 0 && arena.word(mechanism) == CKM_RSA_AES_KEY_WRAP as usize {
            return None;
        }
    }
    let rv = library.call(cell.function, &words);
    if rv != CKR_OK {
        return Some(rv);
    }
    let made = |argument: usize, arena: &Arena| arena.word(words[argument]);
    match cell.function().name {
        "C_Initialize" => {
            library.named("C_Finalize", &[0]);
        }
        "C_OpenSession" => {
            library.named("C_CloseSession", &[made(4, &arena)]);
        }
        "C_GenerateKeyPair" => {
            for argument in [6, 7] {
                library.named("C_DestroyObject", &[world.session, made(argument, &arena)]);
            }
        }
        "C_DestroyObject" => world.data = world.create_data(library),
        "C_CloseAllSessions" => world.keep(library),
        _ => {}
    }
    Some(rv)
}

fn close(library: &Library, world: &World) {
    // Some calls have closed it already.
    library.named("C_CloseSession", &[world.session]);
}

const WRAPPING: [&str; 2] = ["C_WrapKey", "C_UnwrapKey"];
const IN_PARTS: [&str; 4] = ["C_SignUpdate", "C_SignFinal", "C_VerifyUpdate", "C_VerifyFinal"];
