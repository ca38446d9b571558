//! The order in which the servers of MX and SRV records are to be tried.

use super::record::{Data, Record};

/// Sorts MX records by preference and SRV records by priority and weight, best first; `random`
/// gives numbers below its argument. Other records stay where they are.
///
/// Mail servers of one preference are shuffled (RFC 5321 §5.1); services of one priority are drawn
/// with chances by their weight (RFC 2782).
pub fn sort(records: &mut [Record], random: &mut dyn FnMut(u64) -> u64) {
    let rank = |record: &Record| match record.data {
        Data::Mx { preference, .. } => preference,
        Data::Srv { priority, .. } => priority,
        _ => 0,
    };
    records.sort_by_key(rank);
    let is_drawn = |record: &Record| matches!(record.data, Data::Mx { .. } | Data::Srv { .. });
    for group in records.chunk_by_mut(|one, other| rank(one) == rank(other)) {
        if group.iter().all(is_drawn) {
            draw(group, random);
        }
    }
}

/// Draws one after the other, each with its weight's chance among those left.
fn draw(group: &mut [Record], random: &mut dyn FnMut(u64) -> u64) {
    let weight = |record: &Record| match record.data {
        Data::Srv { weight, .. } => u64::from(weight),
        _ => 1,
    };
    // Those without weight come first in the line, so that they have a small chance (RFC 2782).
    group.sort_by_key(weight);
    for first in 0..group.len() {
        let rest = &mut group[first..];
        let total: u64 = rest.iter().map(weight).sum();
        let drawn = random(total + 1);
        let mut sum = 0;
        let chosen = rest.iter().position(|record| {
            sum += weight(record);
            sum >= drawn
        });
        // The sum reaches the total, which is the largest number that can be drawn.
        rest[..=chosen.unwrap_or(0)].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, port: u16) -> Record {
        let data = Data::Srv { priority, weight, port, target: "a.test".into() };
        Record { name: "_x._tcp.a.test".into(), ttl: 1, data }
    }

    fn ports(records: &[Record]) -> Vec<u16> {
        let port = |record: &Record| match record.data {
            Data::Srv { port, .. } => port,
            Data::Mx { preference, .. } => preference,
            _ => 0,
        };
        records.iter().map(port).collect()
    }

    #[test]
    fn services_are_drawn_by_weight_within_their_priority() {
        let mut first = [0_u32; 3];
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..4_000 {
            let mut records = vec![srv(2, 9, 9), srv(1, 30, 1), srv(1, 10, 0), srv(1, 0, 2)];
            sort(&mut records, &mut random);
            let order = ports(&records);
            assert_eq!(order[3], 9);
            first[usize::from(order[0])] += 1;
        }
        let [ten, thirty, none] = first;
        assert!((2_700..3_200).contains(&thirty) && (850..1_150).contains(&ten), "{first:?}");
        assert!((1..250).contains(&none), "{first:?}");
    }

    #[test]
    fn mail_servers_are_sorted_and_those_of_one_preference_shuffled() {
        let mx = |preference, exchange: &str| Record {
            name: "a.test".into(),
            ttl: 1,
            data: Data::Mx { preference, exchange: exchange.into() },
        };
        let mut records = vec![mx(20, "c"), mx(10, "a"), mx(10, "b")];
        sort(&mut records, &mut |below| below - 1);
        assert_eq!(records, [mx(10, "b"), mx(10, "a"), mx(20, "c")]);
        sort(&mut records, &mut |_| 0);
        assert_eq!(ports(&records), [10, 10, 20]);
    }
}
