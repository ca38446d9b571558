//! Races between addresses, whatever happens in whatever order.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use wayfare_proto::route::happy_eyeballs::{Answer, Family, Next, Open, Pace, Race};
use wayfare_proto::route::memory::Advice;

/// How an attempt with an address ends, and after how many milliseconds.
type Fate = (bool, u64);

fn address(number: u8) -> IpAddr {
    match number % 2 {
        0 => Ipv4Addr::new(10, 0, 0, number).into(),
        _ => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

#[derive(Default)]
struct Record {
    starts: Vec<(u64, IpAddr)>,
    failures: Vec<u64>,
    end: Option<Next>,
}

/// Runs a race to its end in steps of a millisecond.
#[allow(clippy::disallowed_methods)] // Some moment to begin with.
fn run(answers: &[(u64, Answer)], fates: &[Fate], advice: Advice) -> Record {
    let open = Open { v4: true, v6: true, https: true };
    let (mut race, begun) = (Race::new(Pace::default(), advice, open), Instant::now());
    let mut record = Record::default();
    let mut ends: HashMap<IpAddr, (u64, bool)> = HashMap::new();
    for time in 0..60_000 {
        let now = begun + Duration::from_millis(time);
        for (_, answer) in answers.iter().filter(|(at, _)| *at == time) {
            race.handle_answer(answer.clone(), now);
        }
        let due: Vec<_> =
            ends.iter().filter(|(_, (at, _))| *at == time).map(|(ip, end)| (*ip, end.1)).collect();
        for (ip, succeeds) in due {
            if succeeds {
                race.handle_connected(ip);
            } else {
                record.failures.push(time);
                race.handle_failed(ip, now);
            }
        }
        loop {
            match race.next(now) {
                Next::Start(ip) => {
                    record.starts.push((time, ip));
                    let (succeeds, takes) = fates[record.starts.len() % fates.len()];
                    ends.insert(ip, (time + 1 + takes, succeeds));
                }
                Next::Wait(until) => {
                    assert!(until.is_none_or(|until| until > now), "a wait that is over");
                    break;
                }
                end => {
                    record.end = Some(end);
                    return record;
                }
            }
        }
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_race_is_paced_tries_everything_once_and_ends(
        v4 in proptest::collection::vec(0_u8..40, 0..6),
        v6 in proptest::collection::vec(0_u8..40, 0..6),
        hints in proptest::collection::vec(0_u8..40, 0..4),
        times in (0_u64..400, 0_u64..400, 0_u64..400),
        fates in proptest::collection::vec((proptest::bool::weighted(0.2), 0_u64..600), 1..8),
        advised in proptest::option::of(0_u8..40),
    ) {
        let v4: Vec<_> = v4.iter().map(|n| address(n * 2)).collect();
        let v6: Vec<_> = v6.iter().map(|n| address(n * 2 + 1)).collect();
        let hints: Vec<_> = hints.iter().map(|n| address(*n)).collect();
        let answers = [
            (times.0, Answer::Family(Family::V4, v4.clone())),
            (times.1, Answer::Family(Family::V6, v6.clone())),
            (times.2, Answer::Hints(hints)),
        ];
        let advice = Advice { address: advised.map(address), suspect: None };
        let record = run(&answers, &fates, advice);

        let mut tried: Vec<_> = record.starts.iter().map(|(_, ip)| *ip).collect();
        let count = tried.len();
        tried.sort();
        tried.dedup();
        prop_assert_eq!(tried.len(), count, "an address was tried twice");
        for pair in record.starts.windows(2) {
            let (one, two) = (pair[0].0, pair[1].0);
            let failed = record.failures.iter().any(|at| (one..=two).contains(at));
            prop_assert!(two - one >= 250 || failed, "{} then {}", one, two);
        }
        match record.end {
            Some(Next::Won(winner)) => prop_assert!(tried.contains(&winner)),
            Some(Next::GiveUp) => {
                for ip in v4.iter().chain(&v6) {
                    prop_assert!(tried.contains(ip), "{} was not tried", ip);
                }
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
