//! What one node that neither answers nor dies costs: each node in turn is stopped by SIGSTOP while
//! an application signs. The worst of the three is reported, since which nodes a client prefers
//! depends on its key.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{Report, check};
use crate::application::{Target, finish_load};
use crate::lab::Lab;
use crate::process::{Signal, signal};

pub(super) fn measure(lab: &Lab, target: &Target, seconds: u64, report: &mut Report) -> Result<()> {
    let point = target.keygen("stopped")?;
    let mut worst = [0.0_f64; 3];
    for node in lab.nodes() {
        let load = target.start_load("stopped", seconds, THREADS)?;
        std::thread::sleep(Duration::from_millis(200 * seconds));
        let stopped = Stopped::new(lab, node)?;
        std::thread::sleep(Duration::from_millis(500 * seconds));
        drop(stopped);
        let load = finish_load(load)?;
        check(&point, &load)?;
        for (worst, us) in worst.iter_mut().zip([load.p50_us, load.p99_us, load.max_us]) {
            *worst = worst.max(us as f64);
        }
    }
    for (name, us) in ["p50_us", "p99_us", "max_us"].into_iter().zip(worst) {
        report.insert(format!("sign.p256.2of3.stopped_node.{name}"), us);
    }
    Ok(())
}

/// A node that is stopped until this is dropped.
pub struct Stopped(u32);

impl Stopped {
    /// Stops a node of the lab.
    pub fn new(lab: &Lab, node: u8) -> Result<Self> {
        let pid = *lab.pids().get(&node).with_context(|| format!("node {node} does not run"))?;
        signal(pid, Signal::STOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // A process that is gone needs no signal.
        let _gone = signal(self.0, Signal::CONT);
    }
}

/// Threads that sign.
const THREADS: usize = 2;
