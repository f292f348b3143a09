//! Time limits of a call, and a socket that keeps them however the bytes arrive.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// The moment by which a call has to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// The earlier of this deadline and `limit` from now.
    pub fn at_most(self, limit: Duration) -> Self {
        self.min(Self::after(limit))
    }

    /// The later of this deadline and `limit` from now.
    pub fn at_least(self, limit: Duration) -> Self {
        self.max(Self::after(limit))
    }

    /// What is left; `None` when it is over.
    pub fn remaining(self) -> Option<Duration> {
        self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        self.remaining().is_none()
    }

    /// What is left in whole milliseconds, at least 1: the form in a request.
    pub fn millis(self) -> u32 {
        let millis = self.remaining().unwrap_or_default().as_millis();
        u32::try_from(millis).unwrap_or(u32::MAX).max(1)
    }
}

/// A TCP stream whose every read and write ends by a deadline.
///
/// The socket never blocks; what has to wait waits in `poll` for what is left. (Timeouts of the
/// socket run anew with each byte, so a peer that drips bytes could hold a call forever, and setting
/// them costs a system call each.)
pub(crate) struct TimedTcp {
    tcp: TcpStream,
    deadline: Deadline,
    /// Whether a read waits for bytes; without it one that finds none ends as `WouldBlock`.
    patient: bool,
}

impl TimedTcp {
    pub(crate) fn new(tcp: TcpStream, deadline: Deadline) -> io::Result<Self> {
        tcp.set_nonblocking(true)?;
        Ok(Self { tcp, deadline, patient: true })
    }

    /// From now on reads and writes wait until `deadline`.
    pub(crate) fn wait_until(&mut self, deadline: Deadline) {
        self.deadline = deadline;
        self.patient = true;
    }

    /// From now on reads take what is there.
    pub(crate) fn wait_for_nothing(&mut self) {
        self.patient = false;
    }

    /// Whether the idle stream is open and silent. Bytes that nobody asked for are a close_notify
    /// or a breach of protocol; either way the stream is of no more use.
    pub(crate) fn is_quiet(&self) -> bool {
        let peeked = self.tcp.peek(&mut [0]);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Read for TimedTcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.patient && self.deadline.is_over() {
                return Err(timed_out());
            }
            match self.tcp.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.patient => {
                    poll(&mut [PollFd::new(&self.tcp, PollFlags::IN)], self.deadline)?;
                }
                outcome => return outcome,
            }
        }
    }
}

impl Write for TimedTcp {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            match self.tcp.write(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.tcp, PollFlags::OUT)], self.deadline)?;
                }
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Waits until one of the streams has something to say, or has ended.
///
/// # Errors
/// `TimedOut` at the deadline.
pub(crate) fn wait_for_any<'a>(
    streams: impl Iterator<Item = &'a TimedTcp>,
    deadline: Deadline,
) -> io::Result<()> {
    let mut fds: Vec<PollFd<'a>> = streams.map(|stream| PollFd::new(&stream.tcp, PollFlags::IN)).collect();
    poll(&mut fds, deadline)
}

fn poll(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<()> {
    loop {
        let left = deadline.remaining().ok_or_else(timed_out)?;
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match rustix::event::poll(fds, Some(&left)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer within the deadline")
}
