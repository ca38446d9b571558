//! What earlier races have taught about a network: which address worked, which family does not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::happy_eyeballs::Family;

/// What is remembered of one network, for ten minutes each.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    hosts: HashMap<(String, u16), (IpAddr, Instant)>,
    suspect: Option<(Family, Instant)>,
}

/// What a race should know before it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// The address that worked lately.
    pub address: Option<IpAddr>,
    /// The family that lately cost time for nothing.
    pub suspect: Option<Family>,
}

impl Advice {
    /// The family to begin with, if it makes a difference.
    #[must_use]
    pub fn family(self) -> Option<Family> {
        self.address.map(Family::of).or(self.suspect.map(Family::other))
    }
}

impl Memory {
    /// What is known about a host and port.
    #[must_use]
    pub fn advice(&self, host: &str, port: u16, now: Instant) -> Advice {
        let fresh = |since: Instant| now.saturating_duration_since(since) < KEPT;
        // Asked once per connection, where a copy of the name costs nothing in comparison.
        let known = self.hosts.get(&(host.to_owned(), port)).filter(|(_, since)| fresh(*since));
        let suspect = self.suspect.filter(|(_, since)| fresh(*since));
        Advice {
            address: known.map(|(address, _)| *address),
            suspect: suspect.map(|(family, _)| family),
        }
    }

    /// Remembers the winner of a race, and the families that had begun before it in vain.
    pub fn handle_won(&mut self, host: &str, port: u16, race: (IpAddr, &[Family]), now: Instant) {
        let (winner, losers) = race;
        if self.hosts.len() >= MOST_HOSTS {
            self.hosts.retain(|_, (_, since)| now.saturating_duration_since(*since) < KEPT);
        }
        if self.hosts.len() >= MOST_HOSTS {
            self.hosts.clear();
        }
        self.hosts.insert((host.to_owned(), port), (winner, now));
        match losers.first() {
            Some(family) => self.suspect = Some((*family, now)),
            // What has just worked is beyond suspicion.
            None if self.suspect.is_some_and(|(family, _)| family == Family::of(winner)) => {
                self.suspect = None;
            }
            None => {}
        }
    }

    /// Forgets everything; for a machine that has changed its network.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// RFC 8305 §4 wants it forgotten when the network changes; nobody may tell, so it also wears off.
const KEPT: Duration = Duration::from_secs(600);
const MOST_HOSTS: usize = 1000;

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Some moment to begin with.
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn a_winner_is_remembered_for_its_host_and_a_loser_for_all() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.handle_won("a.test", 443, (V4, &[Family::V6]), now);
        let advice = memory.advice("a.test", 443, now);
        assert_eq!(advice, Advice { address: Some(V4), suspect: Some(Family::V6) });
        let other = memory.advice("a.test", 80, now);
        assert_eq!(other, Advice { address: None, suspect: Some(Family::V6) });
        assert_eq!(other.family(), Some(Family::V4));
        assert_eq!(memory.advice("a.test", 443, now + KEPT), Advice::default());
        memory.handle_won("b.test", 80, (V6, &[]), now);
        assert_eq!(memory.advice("c.test", 80, now), Advice::default());
        memory.forget();
        assert_eq!(memory.advice("a.test", 443, now), Advice::default());
    }

    #[test]
    fn it_does_not_grow_without_bounds() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for number in 0..5_000_u32 {
            memory.handle_won(&number.to_string(), 80, (V4, &[]), now);
            assert!(memory.hosts.len() <= MOST_HOSTS);
        }
        assert_eq!(memory.advice("4999", 80, now).address, Some(V4));
    }
}
