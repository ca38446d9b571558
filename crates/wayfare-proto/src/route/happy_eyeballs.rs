//! Which of a name's addresses is tried when (RFC 8305, and its successor for HTTPS records).
//!
//! The race is told what the resolver answers, how attempts end and what time it is, and says what
//! to start and when to ask again. Families take turns, an attempt gets a head start over the next
//! one, a failure lets the next one start at once, and every address is tried at most once.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::memory::Advice;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, the answer to an A question.
    V4,
    /// IPv6, the answer to an AAAA question.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

/// The delays of a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    resolution: Duration,
    attempt: Duration,
}

impl Pace {
    /// Attempts so far apart; less than 100 ms and more than 2 s are brought into that range
    /// (RFC 8305 §8).
    #[must_use]
    pub fn with_attempt_delay(delay: Duration) -> Self {
        let attempt = delay.clamp(Duration::from_millis(100), Duration::from_secs(2));
        Self { attempt, ..Self::default() }
    }
}

impl Default for Pace {
    /// 50 ms for the preferred family's answer, 250 ms between attempts.
    fn default() -> Self {
        Self { resolution: Duration::from_millis(50), attempt: Duration::from_millis(250) }
    }
}

/// An answer of the resolver; a failure is one without addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Both families at once, best address first.
    All(Vec<IpAddr>),
    /// One family, best address first.
    Family(Family, Vec<IpAddr>),
    /// The hints of the name's HTTPS records, which count until the families' own answers come.
    Hints(Vec<IpAddr>),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Every address has failed, or there is none.
    GiveUp,
    /// Try this address, and ask again at once.
    Start(IpAddr),
    /// Ask again at this time if nothing happens before; nothing if only an event helps.
    Wait(Option<Instant>),
    /// This address has won; the other attempts are to be closed.
    Won(IpAddr),
}

/// The race for one connection.
#[derive(Clone, Debug)]
pub struct Race {
    pace: Pace,
    advice: Advice,
    /// The questions whose answers have not come.
    open: Open,
    v4: VecDeque<IpAddr>,
    v6: VecDeque<IpAddr>,
    /// Hints stand in for a family until its own answer comes.
    hinted: Vec<IpAddr>,
    /// The family that the resolver put first.
    first: Option<Family>,
    first_positive: Option<Instant>,
    started: Vec<IpAddr>,
    running: Vec<IpAddr>,
    next_start: Option<Instant>,
    last: Option<Family>,
    winner: Option<IpAddr>,
}

/// Which questions are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// The A question.
    pub v4: bool,
    /// The AAAA question.
    pub v6: bool,
    /// The HTTPS question.
    pub https: bool,
}

impl Race {
    /// A race for which these questions were asked.
    #[must_use]
    pub fn new(pace: Pace, advice: Advice, open: Open) -> Self {
        Self {
            pace,
            advice,
            open,
            v4: VecDeque::new(),
            v6: VecDeque::new(),
            hinted: Vec::new(),
            first: None,
            first_positive: None,
            started: Vec::new(),
            running: Vec::new(),
            next_start: None,
            last: None,
            winner: None,
        }
    }

    /// Takes an answer in.
    pub fn handle_answer(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::All(addresses) => {
                (self.open.v4, self.open.v6) = (false, false);
                self.first = addresses.first().map(|first| Family::of(*first));
                self.add(addresses);
            }
            Answer::Family(family, addresses) => {
                match family {
                    Family::V4 => self.open.v4 = false,
                    Family::V6 => self.open.v6 = false,
                }
                // What the servers of the name themselves say replaces the hints (RFC 9460 §7.3).
                if !addresses.is_empty() {
                    let hinted = self.hinted.clone();
                    self.queue_mut(family).retain(|known| !hinted.contains(known));
                }
                self.add(addresses.into_iter().filter(|ip| Family::of(*ip) == family).collect());
            }
            Answer::Hints(addresses) => {
                self.open.https = false;
                let unanswered = |ip: &IpAddr| match Family::of(*ip) {
                    Family::V4 => self.open.v4,
                    Family::V6 => self.open.v6,
                };
                let hints: Vec<_> = addresses.into_iter().filter(unanswered).collect();
                self.hinted.clone_from(&hints);
                self.add(hints);
            }
        }
        if !(self.v4.is_empty() && self.v6.is_empty()) {
            self.first_positive.get_or_insert(now);
        }
    }

    /// Takes in that an attempt has failed.
    pub fn handle_failed(&mut self, address: IpAddr, now: Instant) {
        self.running.retain(|running| *running != address);
        self.next_start = Some(now);
    }

    /// Takes in that an attempt has succeeded.
    pub fn handle_connected(&mut self, address: IpAddr) {
        self.running.retain(|running| *running != address);
        self.winner.get_or_insert(address);
    }

    /// What to do now.
    pub fn next(&mut self, now: Instant) -> Next {
        if let Some(winner) = self.winner {
            return Next::Won(winner);
        }
        if self.started.is_empty()
            && let Some(wait) = self.wait_for_answers(now)
        {
            return wait;
        }
        if self.v4.is_empty() && self.v6.is_empty() {
            let is_over = self.running.is_empty() && !self.is_open();
            return if is_over { Next::GiveUp } else { Next::Wait(None) };
        }
        match self.next_start.filter(|_| !self.running.is_empty()) {
            Some(time) if time > now => Next::Wait(Some(time)),
            _ => self.start(now),
        }
    }

    /// The address that has won, if one has.
    #[must_use]
    pub fn winner(&self) -> Option<IpAddr> {
        self.winner
    }

    /// The addresses that no attempt was made with, in the order in which they would have been.
    #[must_use]
    pub fn untried(&self) -> Vec<IpAddr> {
        let mut rest = self.clone();
        std::iter::from_fn(|| rest.pick()).collect()
    }

    /// Every address known now, in the order in which they were or will be tried.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        [self.started.clone(), self.untried()].concat()
    }

    /// The families of which an attempt was begun before the winner's and has not been heard of:
    /// they cost time that need not be lost again. One that was refused has cost none.
    #[must_use]
    pub fn losers(&self) -> Vec<Family> {
        let Some(winner) = self.winner else { return Vec::new() };
        let before = self.started.iter().take_while(|address| **address != winner);
        let before = before.filter(|address| self.running.contains(address));
        let mut families: Vec<_> = before.map(|address| Family::of(*address)).collect();
        families.retain(|family| *family != Family::of(winner));
        families.dedup();
        families
    }

    /// Whether to wait before the first attempt (RFC 8305 §3): the preferred family's answer and
    /// the HTTPS records may still come a moment later than the first addresses.
    fn wait_for_answers(&self, now: Instant) -> Option<Next> {
        let Some(since) = self.first_positive else {
            return Some(if self.is_open() { Next::Wait(None) } else { Next::GiveUp });
        };
        let preferred_is_open = match self.preferred() {
            Family::V4 => self.open.v4,
            Family::V6 => self.open.v6,
        };
        let until = since + self.pace.resolution;
        let has_all = !preferred_is_open && !self.open.https;
        (!has_all && now < until).then_some(Next::Wait(Some(until)))
    }

    fn is_open(&self) -> bool {
        self.open != Open::default()
    }

    /// The family to begin with.
    fn preferred(&self) -> Family {
        self.advice.family().or(self.first).unwrap_or(Family::V6)
    }

    fn add(&mut self, addresses: Vec<IpAddr>) {
        for address in addresses {
            let is_known = self.started.contains(&address)
                || self.v4.contains(&address)
                || self.v6.contains(&address);
            let count = self.started.len() + self.v4.len() + self.v6.len();
            if !is_known && count < MOST_ADDRESSES {
                self.queue_mut(Family::of(address)).push_back(address);
            }
        }
        // An address that has worked lately goes before its family's others.
        if let Some(known) = self.advice.address {
            let queue = self.queue_mut(Family::of(known));
            if let Some(found) = queue.iter().position(|address| *address == known) {
                queue.remove(found);
                queue.push_front(known);
            }
        }
    }

    fn start(&mut self, now: Instant) -> Next {
        let Some(address) = self.pick() else { return Next::Wait(None) };
        self.started.push(address);
        self.running.push(address);
        self.next_start = Some(now + self.pace.attempt);
        Next::Start(address)
    }

    /// The next address: families take turns (RFC 8305 §4).
    fn pick(&mut self) -> Option<IpAddr> {
        let turn = self.last.map_or_else(|| self.preferred(), Family::other);
        let (family, address) = match self.queue_mut(turn).pop_front() {
            Some(address) => (turn, address),
            None => (turn.other(), self.queue_mut(turn.other()).pop_front()?),
        };
        self.last = Some(family);
        Some(address)
    }

    fn queue_mut(&mut self, family: Family) -> &mut VecDeque<IpAddr> {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// No server has more addresses that are worth trying; at the usual pace they take 25 s.
const MOST_ADDRESSES: usize = 100;

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Some moment to begin with.
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    const BOTH: Open = Open { v4: true, v6: true, https: false };
    const ALL: Open = Open { v4: true, v6: true, https: true };

    fn race(open: Open) -> (Race, Instant) {
        (Race::new(Pace::default(), Advice::default(), open), Instant::now())
    }

    /// The order in which addresses are started when each fails at once.
    fn order(mut race: Race, now: Instant) -> Vec<String> {
        let mut order = Vec::new();
        while let Next::Start(address) = race.next(now) {
            order.push(address.to_string());
            race.handle_failed(address, now);
        }
        assert_eq!(race.next(now), Next::GiveUp);
        order
    }

    #[test]
    fn families_take_turns_from_the_resolver_s_first_one_on() {
        let (mut race, now) = race(BOTH);
        race.handle_answer(Answer::All(ips(&["::1", "::2", "::3", "1.1.1.1", "1.1.1.2"])), now);
        assert_eq!(race.addresses(), ips(&["::1", "1.1.1.1", "::2", "1.1.1.2", "::3"]));
        assert_eq!(order(race, now), ["::1", "1.1.1.1", "::2", "1.1.1.2", "::3"]);
        let (mut race, now) = self::race(BOTH);
        race.handle_answer(Answer::All(ips(&["1.1.1.1", "::1", "::2"])), now);
        assert_eq!(order(race, now), ["1.1.1.1", "::1", "::2"]);
    }

    #[test]
    fn an_early_a_answer_waits_fifty_milliseconds_for_aaaa() {
        let (mut race, now) = race(BOTH);
        assert_eq!(race.next(now), Next::Wait(None));
        race.handle_answer(Answer::Family(Family::V4, ips(&["1.1.1.1"])), now);
        assert_eq!(race.next(now), Next::Wait(Some(now + ms(50))));
        assert_eq!(race.next(now + ms(49)), Next::Wait(Some(now + ms(50))));
        let mut late = race.clone();
        race.handle_answer(Answer::Family(Family::V6, ips(&["::1"])), now + ms(20));
        assert_eq!(race.next(now + ms(20)), Next::Start(ip("::1")));
        assert_eq!(race.next(now + ms(20)), Next::Wait(Some(now + ms(270))));
        assert_eq!(race.next(now + ms(270)), Next::Start(ip("1.1.1.1")));
        // A late answer joins the race as the next one.
        assert_eq!(late.next(now + ms(50)), Next::Start(ip("1.1.1.1")));
        assert_eq!(late.next(now + ms(50)), Next::Wait(None));
        late.handle_answer(Answer::Family(Family::V6, ips(&["::1"])), now + ms(100));
        assert_eq!(late.next(now + ms(100)), Next::Wait(Some(now + ms(300))));
        assert_eq!(late.next(now + ms(300)), Next::Start(ip("::1")));
    }

    #[test]
    fn an_aaaa_answer_without_addresses_lets_a_start_at_once() {
        let (mut race, now) = race(BOTH);
        race.handle_answer(Answer::Family(Family::V6, Vec::new()), now);
        assert_eq!(race.next(now), Next::Wait(None));
        race.handle_answer(Answer::Family(Family::V4, ips(&["1.1.1.1"])), now);
        assert_eq!(race.next(now), Next::Start(ip("1.1.1.1")));
    }

    #[test]
    fn an_aaaa_answer_does_not_wait_for_a_but_for_https_records() {
        let (mut race, now) = race(ALL);
        race.handle_answer(Answer::Family(Family::V6, ips(&["::1"])), now);
        assert_eq!(race.next(now), Next::Wait(Some(now + ms(50))));
        race.handle_answer(Answer::Hints(Vec::new()), now + ms(5));
        assert_eq!(race.next(now + ms(5)), Next::Start(ip("::1")));
    }

    #[test]
    fn hints_stand_in_until_the_answer_comes() {
        let (mut race, now) = race(ALL);
        race.handle_answer(Answer::Hints(ips(&["::9", "1.1.1.9"])), now);
        assert_eq!(race.next(now), Next::Wait(Some(now + ms(50))));
        race.handle_answer(Answer::Family(Family::V6, ips(&["::1"])), now + ms(10));
        assert_eq!(race.addresses(), ips(&["::1", "1.1.1.9"]));
        race.handle_answer(Answer::Family(Family::V4, Vec::new()), now + ms(20));
        assert_eq!(order(race, now + ms(20)), ["::1", "1.1.1.9"]);
    }

    #[test]
    fn no_answer_at_all_is_given_up() {
        let (mut race, now) = race(ALL);
        race.handle_answer(Answer::Family(Family::V6, Vec::new()), now);
        race.handle_answer(Answer::Family(Family::V4, Vec::new()), now);
        assert_eq!(race.next(now), Next::Wait(None));
        race.handle_answer(Answer::Hints(Vec::new()), now);
        assert_eq!(race.next(now), Next::GiveUp);
    }

    #[test]
    fn a_failure_lets_the_next_one_start_at_once_and_a_slow_one_may_still_win() {
        let (mut race, now) = race(BOTH);
        race.handle_answer(Answer::All(ips(&["::1", "1.1.1.1", "::2"])), now);
        assert_eq!(race.next(now), Next::Start(ip("::1")));
        assert_eq!(race.next(now), Next::Wait(Some(now + ms(250))));
        assert_eq!(race.next(now + ms(250)), Next::Start(ip("1.1.1.1")));
        race.handle_failed(ip("1.1.1.1"), now + ms(260));
        assert_eq!(race.next(now + ms(260)), Next::Start(ip("::2")));
        assert_eq!(race.next(now + ms(260)), Next::Wait(None));
        race.handle_connected(ip("::1"));
        assert_eq!(race.next(now + ms(400)), Next::Won(ip("::1")));
        assert!(race.losers().is_empty());
    }

    #[test]
    fn the_family_that_cost_time_is_known_afterwards() {
        let (mut race, now) = race(BOTH);
        race.handle_answer(Answer::All(ips(&["::1", "::2", "1.1.1.1"])), now);
        assert_eq!(race.next(now), Next::Start(ip("::1")));
        assert_eq!(race.next(now + ms(250)), Next::Start(ip("1.1.1.1")));
        race.handle_connected(ip("1.1.1.1"));
        assert_eq!(race.losers(), [Family::V6]);
        assert_eq!(race.untried(), ips(&["::2"]));
    }

    #[test]
    fn what_worked_before_goes_first_without_waiting_for_the_other_family() {
        let advice = Advice { address: Some(ip("1.1.1.3")), suspect: None };
        let now = Instant::now();
        let mut race = Race::new(Pace::default(), advice, BOTH);
        race.handle_answer(
            Answer::Family(Family::V4, ips(&["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"])),
            now,
        );
        let mut known = race.clone();
        assert_eq!(race.next(now), Next::Start(ip("1.1.1.3")));
        known.handle_answer(Answer::Family(Family::V6, ips(&["::1"])), now);
        assert_eq!(order(known, now), ["1.1.1.3", "::1", "1.1.1.1", "1.1.1.2", "1.1.1.4"]);
        let advice = Advice { address: None, suspect: Some(Family::V6) };
        let mut race = Race::new(Pace::default(), advice, BOTH);
        race.handle_answer(Answer::All(ips(&["::1", "1.1.1.1"])), now);
        assert_eq!(order(race, now), ["1.1.1.1", "::1"]);
    }

    #[test]
    fn the_pace_stays_within_its_bounds() {
        let attempt = |delay| Pace::with_attempt_delay(ms(delay)).attempt;
        assert_eq!([attempt(1), attempt(300), attempt(60_000)], [ms(100), ms(300), ms(2_000)]);
    }
}
