//! Random sequences of calls against the model.

use conformance::grid::library::Library;
use conformance::grid::world::World;
use conformance::lab::Lab;
use conformance::{module, sequences};

use crate::importing_rsa::{known, numbers};

/// `SEQUENCES` of them (100000), from number `SEQUENCE` (0) on; a failure names its number.
#[test]
fn any_order_of_calls_is_answered_as_the_model_says() {
    let number = |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let lab = Lab::shared();
    // Other tests of this process wait; the library is finalised when the turn ends.
    let turn = module::Module::load();
    let library = Library::open(&module::path());
    let mut world = World::new(&lab.token, &lab.pin, &lab.so_pin);
    world.set_up(&library);
    let rsa = numbers(&known());
    let (first, count) = (number("SEQUENCE", 0), number("SEQUENCES", 100_000));
    let done = sequences::run(&library, &mut world, &rsa, first, count);
    println!("{done:?}");
    assert!(done.sequences < 1000 || done.works * 100 > done.sequences, "{done:?}");
    drop(turn);
}
