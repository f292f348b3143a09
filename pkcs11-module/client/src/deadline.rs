//! Time limits of a call, and a socket that keeps them however the bytes arrive.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

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
/// The socket's own timeouts run anew with each byte, so a peer that drips bytes could hold a call
/// forever; here each system call is given only what is left.
pub(crate) struct TimedTcp {
    tcp: TcpStream,
    deadline: Deadline,
}

impl TimedTcp {
    pub(crate) fn new(tcp: TcpStream, deadline: Deadline) -> Self {
        Self { tcp, deadline }
    }

    pub(crate) fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Whether the idle stream is open and silent. Bytes that nobody asked for are a close_notify
    /// or a breach of protocol; either way the stream is of no more use.
    pub(crate) fn is_quiet(&self) -> bool {
        if self.tcp.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = self.tcp.peek(&mut [0]);
        let quiet = matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.tcp.set_nonblocking(false).is_ok() && quiet
    }

    fn left(&self) -> io::Result<Duration> {
        self.deadline.remaining().ok_or_else(timed_out)
    }
}

impl Read for TimedTcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.left()?))?;
        self.tcp.read(buffer).map_err(name_timeout)
    }
}

impl Write for TimedTcp {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.left()?))?;
        self.tcp.write(buffer).map_err(name_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// A socket timeout shows itself as `WouldBlock` on Unix.
fn name_timeout(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { timed_out() } else { error }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer within the deadline")
}
