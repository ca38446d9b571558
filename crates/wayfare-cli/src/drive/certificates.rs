//! Certificates judged without a connection.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use wayfare::options::Tls;
use wayfare::rules::date;
use wayfare::tls::{Certificate, Problem};

use super::wire::Refusal;

/// Says whether a chain is in order for a host at a moment.
pub(super) fn verify(asked: &Value) -> Result<Value, Refusal> {
    let roots = texts(asked, "roots")?.join("\n");
    let others = texts(asked, "intermediates")?;
    let leaf = asked["leaf"].as_str().ok_or_else(|| Refusal::adapter("leaf is missing"))?;
    let invalid = |why: String| Ok(json!({"valid": false, "why": why}));
    let tls = match Tls::default().with_only_authority_pem(roots) {
        Ok(tls) => tls,
        Err(why) => return invalid(why.message().to_owned()),
    };
    let mut chain = Vec::new();
    for pem in std::iter::once(leaf).chain(others) {
        match Certificate::from_pem(pem) {
            Ok(certificate) => chain.push(certificate),
            Err(why) => return invalid(why.to_string()),
        }
    }
    match tls.verify(&chain, asked["host"].as_str(), moment(&asked["time"])?) {
        Ok(problems) if problems.is_empty() => Ok(json!({"valid": true})),
        Ok(problems) => {
            invalid(problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))
        }
        Err(why) => invalid(why.message().to_owned()),
    }
}

fn texts<'a>(asked: &'a Value, name: &str) -> Result<Vec<&'a str>, Refusal> {
    let missing = || Refusal::adapter(format!("{name} is not a list of texts"));
    let list = match &asked[name] {
        Value::Null => return Ok(Vec::new()),
        other => other.as_array().ok_or_else(missing)?,
    };
    list.iter().map(|one| one.as_str().ok_or_else(missing)).collect()
}

/// Seconds since 1970, or a text like `2026-11-20T15:09:45Z`; nothing is now.
fn moment(time: &Value) -> Result<SystemTime, Refusal> {
    let wrong = || Refusal::adapter(format!("time: neither seconds nor a date: {time}"));
    let seconds = match time {
        Value::Null => return Ok(SystemTime::now()),
        Value::Number(number) => number.as_i64().ok_or_else(wrong)?,
        Value::String(text) => seconds_of(text).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moved = match seconds < 0 {
        true => UNIX_EPOCH.checked_sub(distance),
        false => UNIX_EPOCH.checked_add(distance),
    };
    moved.ok_or_else(wrong)
}

/// Of the forms of RFC 3339 the one in UTC without fractions.
fn seconds_of(text: &str) -> Option<i64> {
    let (day, clock) = text.split_once(['T', ' '])?;
    let clock = clock.trim_end_matches('Z').trim_end_matches("+00:00");
    let [year, month, day] = day.split('-').collect::<Vec<_>>()[..] else { return None };
    let name = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    // The weekday of a date is not looked at.
    date::parse(format!("Mon, {day} {name} {year} {clock} GMT").as_bytes(), 0)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_both_forms() {
        assert_eq!(seconds_of("1970-01-02T00:00:01Z"), Some(86_401));
        assert_eq!(seconds_of("2026-11-20 00:00:00+00:00"), Some(1_795_132_800));
        assert_eq!(seconds_of("soon"), None);
        let at = moment(&json!(60)).unwrap();
        assert_eq!(at, UNIX_EPOCH + Duration::from_secs(60));
        assert!(moment(&json!([])).is_err());
    }

    #[test]
    fn a_chain_is_good_for_its_own_host_and_time_only() {
        let authority = wayfare_testkit::Authority::new();
        let server = authority.issue(&["a.test"]);
        let expired = authority.issue_expired(&["a.test"]);
        let asked = |leaf: &str, host: &str| {
            let asked = json!({
                "roots": [authority.pem()], "intermediates": [], "leaf": leaf, "host": host,
                "time": null,
            });
            verify(&asked).unwrap()
        };
        assert_eq!(asked(server.chain_pem(), "a.test"), json!({"valid": true}));
        let other = asked(server.chain_pem(), "b.test");
        assert!(other["valid"] == false && other["why"].to_string().contains("another name"));
        let late = asked(expired.chain_pem(), "a.test");
        assert!(late["valid"] == false && late["why"].to_string().contains("expired"), "{late}");
        assert_eq!(asked("nothing", "a.test")["valid"], false);
    }
}
