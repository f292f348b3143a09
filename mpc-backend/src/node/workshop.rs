//! The thread for steps that compute for long: a generation of an RSA key takes seconds of it. It runs below
//! everything else of the process in priority, so that signing goes on beside it.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use engine::{Input, Work};
use rand_core::OsRng;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// The queue to the thread. Unbounded: the engine bounds its sessions, and each has one step under way.
pub struct Workshop(Sender<Work>);

impl Workshop {
    /// Starts the thread; it ends when this queue is dropped, after the step that it is at. A fault of it is
    /// told through `failed`.
    pub fn start(
        reports: UnboundedSender<Input>,
        failed: watch::Sender<Option<String>>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, steps) = mpsc::channel();
        let work = move || {
            let _watched = Watched(failed);
            run(&steps, &reports);
        };
        let thread = std::thread::Builder::new().name("workshop".into()).spawn(work)?;
        Ok((Self(queue), thread))
    }

    /// Queues one step; [`Input::Worked`] follows.
    pub fn run(&self, work: Work) {
        // The thread is gone only when the node stops.
        let _gone = self.0.send(work);
    }
}

/// Stops the node when the thread ends by a fault: nobody would take its steps any more.
struct Watched(watch::Sender<Option<String>>);

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_replace(Some("the thread for key generation ended by a fault".into()));
        }
    }
}

fn run(steps: &Receiver<Work>, reports: &UnboundedSender<Input>) {
    // On Linux a thread has a niceness of its own. Without it the node serves all the same, only slower
    // while a key is made.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::warn!(%error, "the priority of key generation cannot be lowered");
    }
    while let Ok(work) = steps.recv() {
        let worked = work.run(&mut OsRng);
        // The engine is gone only when the node stops.
        let _gone = reports.send(Input::Worked(worked));
    }
}

/// A thread of niceness 0 beside it gets three times its share of a core (sched(7)).
const NICENESS: i32 = 5;
