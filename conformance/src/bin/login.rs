//! One client process that tries a PIN: `login MODULE TOKEN-LABEL PIN` prints the number that `C_Login` answers.

use std::path::Path;
use std::process::ExitCode;

use conformance::grid::arena::Arena;
use conformance::grid::library::Library;
use conformance::grid::world::find_slot;
use cryptoki_sys::*;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, token, pin] = arguments.as_slice() else {
        eprintln!("usage: login MODULE TOKEN-LABEL PIN");
        return ExitCode::FAILURE;
    };
    let library = Library::open(Path::new(module));
    let mut arena = Arena::new();
    assert_eq!(library.named("C_Initialize", &[0]), CKR_OK, "C_Initialize");
    let slot = find_slot(&library, &mut arena, token);
    let session = arena.room(8, 0);
    let words = [slot, CKF_SERIAL_SESSION as usize, 0, 0, session];
    assert_eq!(library.named("C_OpenSession", &words), CKR_OK, "C_OpenSession");
    let words = [arena.word(session), CKU_USER as usize, arena.put(pin.as_bytes(), 0), pin.len()];
    println!("{}", library.named("C_Login", &words));
    assert_eq!(library.named("C_Finalize", &[0]), CKR_OK, "C_Finalize");
    ExitCode::SUCCESS
}
