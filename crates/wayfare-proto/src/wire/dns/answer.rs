//! What is believed of a reply: the records that answer the question, or why there are none.

use super::message::{Question, Reply};
use super::record::{Data, Record, RecordType};

/// What a reply says about a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These records; for all of them together the shortest time.
    Found {
        /// The records that were asked for.
        records: Vec<Record>,
        /// For how many seconds they may be kept, the names on the way included.
        ttl: u32,
    },
    /// The name exists, but nothing of this type.
    NoData {
        /// For how many seconds that may be kept; 0 if the server does not say.
        ttl: u32,
    },
    /// There is no such name.
    NoSuchName {
        /// For how many seconds that may be kept; 0 if the server does not say.
        ttl: u32,
    },
    /// Another server may know better.
    Unusable(Fault),
}

/// Why a reply is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The names on the way go in circles, or there are too many.
    AliasLoop,
    /// The server did not understand the question or does not answer such ones.
    Misunderstood(u16),
    /// The server does not want to.
    Refused,
    /// The server could not.
    ServerFailure,
}

/// Judges a reply: only records of the name that was asked for, and of those that it stands for,
/// count; everything else in it is somebody else's (RFC 5452 §6).
#[must_use]
pub fn judge(question: &Question, reply: &Reply) -> Verdict {
    match reply.code {
        0 | 3 => {}
        2 => return Verdict::Unusable(Fault::ServerFailure),
        5 => return Verdict::Unusable(Fault::Refused),
        code => return Verdict::Unusable(Fault::Misunderstood(code)),
    }
    let Some(Way { name, ttl }) = follow(question, &reply.answers) else {
        return Verdict::Unusable(Fault::AliasLoop);
    };
    let is_wanted = |record: &&Record| {
        record.name == name
            && (record.data.kind() == question.kind() || question.kind() == RecordType::ANY)
    };
    let records: Vec<_> = reply.answers.iter().filter(is_wanted).cloned().collect();
    if let Some(shortest) = records.iter().map(|record| record.ttl).min() {
        return Verdict::Found { records, ttl: ttl.min(shortest) };
    }
    let ttl = negative_ttl(&name, &reply.authorities).min(ttl);
    match reply.code {
        3 => Verdict::NoSuchName { ttl },
        _ => Verdict::NoData { ttl },
    }
}

/// The name at the end of the aliases, and the shortest time of those.
struct Way {
    name: String,
    ttl: u32,
}

fn follow(question: &Question, answers: &[Record]) -> Option<Way> {
    let mut way = Way { name: question.name().to_owned(), ttl: u32::MAX };
    if matches!(question.kind(), RecordType::CNAME | RecordType::ANY) {
        return Some(way);
    }
    for _ in 0..MOST_ALIASES {
        let alias = answers.iter().find_map(|record| match &record.data {
            Data::Cname(target) if record.name == way.name => Some((target, record.ttl)),
            _ => None,
        });
        let Some((target, ttl)) = alias else { return Some(way) };
        way = Way { name: target.clone(), ttl: way.ttl.min(ttl) };
    }
    None
}

/// RFC 2308 §5: the smaller of the start-of-zone record's time and its minimum, if it is that of a
/// zone the name is in.
fn negative_ttl(name: &str, authorities: &[Record]) -> u32 {
    let times = authorities.iter().filter_map(|record| match &record.data {
        Data::Soa { minimum, .. } if is_within(name, &record.name) => {
            Some(record.ttl.min(*minimum).min(MOST_NEGATIVE_TTL))
        }
        _ => None,
    });
    times.min().unwrap_or(0)
}

fn is_within(name: &str, zone: &str) -> bool {
    match name.strip_suffix(zone) {
        Some("") => true,
        Some(rest) => zone.is_empty() || rest.ends_with('.'),
        None => false,
    }
}

/// Longer chains are a mistake or an attack.
const MOST_ALIASES: usize = 16;
/// A name that is just being set up should not stay unknown for long.
const MOST_NEGATIVE_TTL: u32 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, ttl: u32, data: Data) -> Record {
        Record { name: name.into(), ttl, data }
    }

    fn a(name: &str, last: u8) -> Record {
        record(name, 60, Data::A([192, 0, 2, last].into()))
    }

    fn alias(name: &str, target: &str) -> Record {
        record(name, 30, Data::Cname(target.into()))
    }

    fn soa(zone: &str) -> Record {
        let (server, responsible) = ("ns".to_owned(), "root".to_owned());
        record(zone, 3600, Data::Soa { server, responsible, serial: 1, minimum: 120 })
    }

    fn reply(code: u16, answers: Vec<Record>, authorities: Vec<Record>) -> Reply {
        Reply { code, authentic: false, truncated: false, puzzled: false, answers, authorities }
    }

    fn asked() -> Question {
        Question::new("www.a.test", RecordType::A).unwrap()
    }

    #[test]
    fn records_of_the_name_and_its_aliases_count_and_no_others() {
        let answers = vec![
            a("evil.test", 66),
            alias("www.a.test", "b.test"),
            a("c.test", 1),
            alias("b.test", "c.test"),
            a("www.a.test.evil.test", 67),
        ];
        let verdict = judge(&asked(), &reply(0, answers, Vec::new()));
        assert_eq!(verdict, Verdict::Found { records: vec![a("c.test", 1)], ttl: 30 });
        let foreign = judge(&asked(), &reply(0, vec![a("evil.test", 66)], Vec::new()));
        assert_eq!(foreign, Verdict::NoData { ttl: 0 });
    }

    #[test]
    fn aliases_in_a_circle_and_long_chains_are_given_up() {
        let circle = vec![alias("www.a.test", "b.test"), alias("b.test", "www.a.test")];
        let verdict = judge(&asked(), &reply(0, circle, Vec::new()));
        assert_eq!(verdict, Verdict::Unusable(Fault::AliasLoop));
        let chain = |length: usize| {
            let mut chain = vec![alias("www.a.test", "0.test")];
            for number in 1..length {
                chain.push(alias(&format!("{}.test", number - 1), &format!("{number}.test")));
            }
            chain.push(a(&format!("{}.test", length - 1), 1));
            judge(&asked(), &reply(0, chain, Vec::new()))
        };
        assert!(matches!(chain(15), Verdict::Found { .. }));
        assert_eq!(chain(100), Verdict::Unusable(Fault::AliasLoop));
    }

    #[test]
    fn that_there_is_nothing_is_kept_as_its_own_zone_says() {
        let zones = |zones: &[&str]| zones.iter().map(|zone| soa(zone)).collect();
        let table = [
            (3, zones(&["a.test"]), Verdict::NoSuchName { ttl: 120 }),
            (0, zones(&[""]), Verdict::NoData { ttl: 120 }),
            (0, zones(&["evil.test"]), Verdict::NoData { ttl: 0 }),
            (0, zones(&["w.a.test"]), Verdict::NoData { ttl: 0 }),
            (0, zones(&["t"]), Verdict::NoData { ttl: 0 }),
            (2, zones(&["a.test"]), Verdict::Unusable(Fault::ServerFailure)),
            (5, Vec::new(), Verdict::Unusable(Fault::Refused)),
            (4, Vec::new(), Verdict::Unusable(Fault::Misunderstood(4))),
        ];
        for (code, authorities, expected) in table {
            let found = judge(&asked(), &reply(code, Vec::new(), authorities));
            assert_eq!(found, expected, "{code}");
        }
    }
}
