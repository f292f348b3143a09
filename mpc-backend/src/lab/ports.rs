//! Free ports on loopback, from below the range in which the kernel gives ports to outgoing
//! connections: a node that was killed must find its port free when it starts again.

use std::net::{Ipv4Addr, TcpListener};

use rand_core::{OsRng, RngCore};

use crate::cli::failure::Failure;

/// Finds `count` ports that nobody listens on. They are all held until the last one is found.
///
/// Two labs that start at once begin at random places; should they meet, one node fails to listen
/// and says so.
pub fn free(count: usize) -> Result<Vec<u16>, Failure> {
    let span = u32::from(LAST - FIRST);
    let start = OsRng.next_u32() % span;
    let held: Vec<(u16, TcpListener)> = (0..span)
        .filter_map(|step| u16::try_from((start + step) % span).ok())
        .filter_map(|offset| {
            let port = FIRST + offset;
            Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?))
        })
        .take(count)
        .collect();
    if held.len() < count {
        return Err(Failure::refused(format!(
            "fewer than {count} ports are free between {FIRST} and {LAST}"
        )));
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

/// First port tried.
const FIRST: u16 = 17_000;
/// Linux gives outgoing connections ports from 32,768 on.
const LAST: u16 = 32_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_are_different_and_can_be_listened_on() {
        let mut ports = free(10).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, *ports.first().unwrap()));
        assert!(taken.is_ok());
        ports.dedup();
        assert_eq!(ports.len(), 10);
    }
}
