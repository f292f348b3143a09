//! Random executions. Each seed is a cluster with a past, clients at work, and either faults of machines and
//! networks or dishonest nodes; then the faults end, and every client must get a signature in time.
//!
//! `SIM_SEEDS=10000` runs more of them, `SIM_SEED=17` one alone with its trace hash printed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::Input;
use proto::peer::v1::Protocol;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use threshold::signing::SigningCurve;

use crate::liars::{Liar, Strategy};
use crate::population::{Worker, work};
use crate::sim::{Delivery, Shape, Sim, THREE_OF_FIVE, TWO_OF_THREE, World, node_key};

/// Time for which faults go on, in ms.
const TROUBLE_MS: u64 = 800;
/// Time in which a cluster recovers once all is well: a failed pair set-up pauses, a lost one times out.
const RECOVERY_MS: u64 = 25_000;
/// The deadline of a call.
const DEADLINE_MS: u64 = 5_000;

/// What one execution came to.
pub struct Report {
    pub trace: String,
    pub violations: Vec<String>,
    pub signatures: u32,
    pub agreements: u32,
    pub retries: u32,
    /// Ends of pair set-ups: what an execution costs.
    pub setups: usize,
}

/// What goes wrong in an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Faults,
    Liars,
    Both,
}

/// One execution.
pub fn execute(shape: Shape, seed: u64) -> Report {
    let mut dice = ChaCha20Rng::seed_from_u64(seed ^ 0x5eed);
    // The dearest curve least often.
    let curve = match dice.next_u32() % 8 {
        0 => SigningCurve::P384,
        1 => SigningCurve::Edwards25519,
        2..=4 => SigningCurve::Secp256k1,
        _ => SigningCurve::P256,
    };
    let world = World::on(shape, curve);
    let mut sim = if dice.next_u32().is_multiple_of(8) { world.cold(seed) } else { world.warm(seed) };
    let trouble = match dice.next_u32() % 10 {
        0 => Trouble::None,
        1..=4 => Trouble::Faults,
        5..=8 => Trouble::Liars,
        _ => Trouble::Both,
    };
    if matches!(trouble, Trouble::Liars | Trouble::Both) {
        let liars = if dice.next_u32().is_multiple_of(3) { 1 } else { shape.needed - 1 };
        let first = dice.next_u32() as u8 % shape.parties;
        for liar in (0..liars).map(|step| 1 + (first + step) % shape.parties) {
            let count = 1 + dice.next_u32() % 3;
            let pick = |_| Strategy::ALL[dice.next_u32() as usize % Strategy::ALL.len()];
            let strategies = (0..count).map(pick).collect();
            let chance = [1000, 300, 80][dice.next_u32() as usize % 3];
            let cluster = sim.manifest.cluster_id();
            sim.liars.insert(liar, Liar::new(strategies, chance, cluster, node_key(liar)));
        }
    }
    sim.limits.presign_pool = dice.next_u32() % 3;
    sim.start_all();
    let clients = 1 + u64::from(dice.next_u32() % 2);
    let mut workers: Vec<Worker> = (1..=clients).map(|number| Worker::new(world, number)).collect();
    work(&mut sim, &mut workers, 300);
    match trouble {
        Trouble::None => work(&mut sim, &mut workers, TROUBLE_MS / 3),
        Trouble::Liars => {
            work(&mut sim, &mut workers, TROUBLE_MS / 3);
            let honest = sim.honest();
            let node = honest[dice.next_u32() as usize % honest.len()];
            if dice.next_u32().is_multiple_of(2) {
                sim.stop(node);
                sim.schedule(100, Delivery::Start { node });
                work(&mut sim, &mut workers, TROUBLE_MS / 3);
            }
        }
        Trouble::Faults | Trouble::Both => {
            sim.delay_max_ms = [3, 10, 80][dice.next_u32() as usize % 3];
            (sim.duplicates, sim.breaks) = (true, [0, 5, 40][dice.next_u32() as usize % 3]);
            let end = sim.now + TROUBLE_MS;
            while sim.now < end {
                fault(&mut sim, &mut dice);
                work(&mut sim, &mut workers, 50 + u64::from(dice.next_u32()) % 400);
            }
        }
    }
    recover(&mut sim, &mut workers, trouble);
    let sum = |count: fn(&Worker) -> u32| workers.iter().map(count).sum();
    Report {
        trace: sim.trace_hash(),
        setups: sim.all().map(|node| sim.logged(node, "PairReady")).sum::<usize>(),
        signatures: sum(|worker| worker.signatures),
        agreements: sum(|worker| worker.agreements),
        retries: sum(|worker| worker.retries),
        violations: std::mem::take(&mut sim.ledger.violations),
    }
}

/// Something goes wrong with a machine, its disk, its clock or its network.
fn fault(sim: &mut Sim, dice: &mut ChaCha20Rng) {
    let node = 1 + dice.next_u32() as u8 % sim.shape.parties;
    let back = 20 + u64::from(dice.next_u32()) % 1_200;
    match dice.next_u32() % 9 {
        0 => {
            sim.stop(node);
            sim.schedule(back, Delivery::Start { node });
        }
        1 => sim.crash_after = Some((node, dice.next_u32() % 60)),
        2 => {
            let other = 1 + node % sim.shape.parties;
            sim.disconnect(node, other);
            sim.schedule(back, Delivery::Connect { one: node, other });
        }
        3 => {
            sim.isolated.insert(node);
            for other in sim.all().filter(|other| *other != node) {
                sim.disconnect(node, other);
                sim.schedule(back, Delivery::Connect { one: node, other });
            }
        }
        4 => {
            sim.isolated.clear();
            sim.node(node).skew += [500, 20_000, 700_000][dice.next_u32() as usize % 3];
            sim.input(node, Input::Tick);
        }
        5 => sim.node(node).disk_full = true,
        6 => {
            let old = sim.node(node).old_stores.last().cloned().unwrap_or_default();
            sim.stop(node);
            sim.node(node).store = old;
            sim.schedule(back, Delivery::Start { node });
        }
        7 => {
            // A power cut.
            for node in sim.all() {
                sim.stop(node);
                sim.schedule(back, Delivery::Start { node });
            }
        }
        _ => {
            let store = sim.node(node).store.clone();
            sim.node(node).old_stores.push(store);
        }
    }
}

/// All is well again: every client gets a signature within the deadline, and an honest one costs no retry.
fn recover(sim: &mut Sim, workers: &mut [Worker], trouble: Trouble) {
    (sim.delay_max_ms, sim.duplicates, sim.breaks, sim.crash_after) = (3, false, 0, None);
    sim.isolated.clear();
    for node in sim.all() {
        sim.node(node).disk_full = false;
    }
    sim.start_all();
    for one in sim.all() {
        (one + 1..=sim.shape.parties).for_each(|other| sim.schedule(5, Delivery::Connect { one, other }));
    }
    if trouble != Trouble::None {
        // Nobody signs meanwhile: the pools of a cluster that recovers are cold.
        workers.iter_mut().for_each(|worker| worker.leave(sim));
        sim.run(RECOVERY_MS);
    }
    let before: Vec<u32> = workers.iter().map(|worker| worker.signatures).collect();
    let retries: u32 = workers.iter().map(|worker| worker.retries).sum();
    workers.iter_mut().for_each(|worker| worker.start_over(sim.now));
    let end = sim.now + DEADLINE_MS;
    let done =
        |workers: &[Worker]| workers.iter().zip(&before).all(|(worker, before)| worker.signatures > *before);
    while sim.now < end && !done(workers) {
        work(sim, workers, 50);
    }
    if !done(workers) {
        sim.ledger.violation("no signature within the deadline after the faults ended".into());
    }
    if trouble == Trouble::None {
        let failed: u64 =
            sim.nodes.iter().filter_map(|node| Some(node.engine.as_ref()?.counters().failed_checks)).sum();
        if failed != 0 || workers.iter().map(|worker| worker.retries).sum::<u32>() != retries {
            sim.ledger.violation(format!("an honest run had {failed} failed checks, or retries"));
        }
    }
}

/// Runs seeds, each by itself, and names those that failed.
fn run(shape: Shape, first: u64, count: u64) {
    let alone = std::env::var("SIM_SEED").ok().map(|seed| seed.parse().unwrap());
    let wanted = std::env::var("SIM_SEEDS").ok().map(|seeds| seeds.parse::<u64>().unwrap());
    // CI's are spread over the tests below; more keep the same parts.
    let count = wanted.map_or(count, |wanted| (wanted * count).div_ceil(CI_SEEDS));
    let seeds = alone.map_or(first..first + count, |seed: u64| seed..seed + 1);
    let (mut signatures, mut agreements, mut retries, mut setups, mut failed) =
        (0u64, 0u64, 0u64, 0, Vec::new());
    for seed in seeds {
        if wanted.is_some() && seed.is_multiple_of(100) {
            println!("{shape:?}: seed {seed}");
        }
        let report = catch_unwind(AssertUnwindSafe(|| execute(shape, seed)));
        let violations = match report {
            Ok(report) => {
                signatures += u64::from(report.signatures);
                agreements += u64::from(report.agreements);
                retries += u64::from(report.retries);
                setups += report.setups;
                if alone.is_some() {
                    println!("seed {seed}: trace {}", report.trace);
                }
                report.violations
            }
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                vec![panic.downcast_ref::<String>().cloned().or(text).unwrap_or_else(|| "panic".into())]
            }
        };
        if !violations.is_empty() {
            println!("seed {seed} failed: {violations:?}");
            failed.push(seed);
        }
    }
    println!(
        "{shape:?}: {count} seeds from {first}, {signatures} signatures, {agreements} key agreements, {retries} retries, {} pair set-ups",
        setups / 2
    );
    assert!(
        failed.is_empty(),
        "{failed:?} failed; one alone: SIM_SEED={} cargo test --workspace --locked --test cluster -- --nocapture {}_of_{}",
        failed[0],
        if shape == TWO_OF_THREE { "two" } else { "three" },
        if shape == TWO_OF_THREE { "three" } else { "five" },
    );
}

/// Seeds of CI, over all tests here.
const CI_SEEDS: u64 = 500;

#[test]
fn seeds_two_of_three_one() {
    run(TWO_OF_THREE, 1_000_000, 242);
}

#[test]
fn seeds_two_of_three_two() {
    run(TWO_OF_THREE, 2_000_000, 242);
}

#[test]
fn seeds_three_of_five() {
    run(THREE_OF_FIVE, 3_000_000, 16);
}

/// One liar with one strategy, always at it; every node restarts once meanwhile.
#[test]
fn each_strategy_alone_stops_nobody() {
    let world = World::of(TWO_OF_THREE);
    for (seed, strategy) in (1..).zip(Strategy::ALL) {
        let in_setup = matches!(
            strategy,
            Strategy::WrongBit(Protocol::PairSetup) | Strategy::Silent(Protocol::PairSetup)
        );
        let mut sim = if in_setup { world.cold(seed) } else { world.warm(seed) };
        let liar = 1 + seed as u8 % 3;
        let cluster = sim.manifest.cluster_id();
        sim.liars.insert(liar, Liar::new(vec![strategy], 1000, cluster, node_key(liar)));
        sim.start_all();
        let mut workers = vec![Worker::new(world, 1)];
        work(&mut sim, &mut workers, 600);
        let honest = sim.honest()[0];
        sim.stop(honest);
        sim.start(honest);
        work(&mut sim, &mut workers, 300);
        recover(&mut sim, &mut workers, Trouble::Liars);
        assert_eq!(sim.ledger.violations, Vec::<String>::new(), "node {liar}: {strategy:?}");
    }
}

#[test]
fn a_seed_is_one_execution() {
    for (shape, seed) in [(TWO_OF_THREE, 1), (TWO_OF_THREE, 4), (THREE_OF_FIVE, 2)] {
        assert_eq!(execute(shape, seed).trace, execute(shape, seed).trace, "seed {seed}");
    }
}
