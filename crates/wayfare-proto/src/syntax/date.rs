//! HTTP dates: reads all three forms, writes the one that may be written (RFC 9110 §5.6.7).

/// Reads a date in any of its three forms, as seconds since 1970.
///
/// `now`, in the same seconds, settles the century of the two-digit years of RFC 850: a date that
/// would be more than 50 years ahead is taken as the one a century before. The name of the
/// weekday must be one, but need not fit; days and hours may lack their zero.
///
/// ```
/// # use wayfare_proto::syntax::date;
/// assert_eq!(date::parse(b"Sun, 06 Nov 1994 08:49:37 GMT", 0), Some(784_111_777));
/// assert_eq!(date::format(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
pub fn parse(text: &[u8], now: i64) -> Option<i64> {
    let text = trim(text);
    if let Some(rest) = after_name(text, &SHORT_DAYS) {
        return match rest {
            [b',', rest @ ..] => imf_fixdate(rest),
            _ => asctime(rest),
        };
    }
    rfc_850(after_name(text, &LONG_DAYS)?, now)
}

/// Writes a date as an IMF-fixdate; years outside 0 to 9999 become the nearest one.
pub fn format(seconds: i64) -> String {
    let seconds = seconds.clamp(FIRST, LAST);
    let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday.
    let weekday = LONG_DAYS[(days + 4).rem_euclid(7) as usize];
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        &weekday[..3],
        MONTHS[month as usize - 1],
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// ` 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(rest: &[u8]) -> Option<i64> {
    let (day, rest) = number(spaces(rest)?, 1, 2)?;
    let (month, rest) = month(spaces(rest)?)?;
    let (year, rest) = number(spaces(rest)?, 4, 4)?;
    let (time, rest) = time(spaces(rest)?)?;
    zone(rest)?;
    seconds(year, month, day, time)
}

/// `, 06-Nov-94 08:49:37 GMT`
fn rfc_850(rest: &[u8], now: i64) -> Option<i64> {
    let rest = rest.strip_prefix(b",")?;
    let (day, rest) = number(spaces(rest)?, 1, 2)?;
    let (month, rest) = month(rest.strip_prefix(b"-")?)?;
    let (short, rest) = number(rest.strip_prefix(b"-")?, 2, 2)?;
    let (time, rest) = time(spaces(rest)?)?;
    zone(rest)?;
    let this_year = civil_from_days(now.clamp(FIRST, LAST).div_euclid(DAY)).0;
    // Twelve or thirteen leap days make this exact to a day.
    let limit = now.clamp(FIRST, LAST) + 50 * 365 * DAY + 12 * DAY;
    // The latest year with these digits whose date is at most 50 years ahead.
    let latest = this_year - this_year.rem_euclid(100) + 100 + short;
    let candidates = [latest, latest - 100, latest - 200];
    candidates
        .into_iter()
        .filter_map(|year| seconds(year, month, day, time))
        .find(|&seconds| seconds <= limit)
}

/// ` Nov  6 08:49:37 1994`
fn asctime(rest: &[u8]) -> Option<i64> {
    let (month, rest) = month(spaces(rest)?)?;
    let (day, rest) = number(spaces(rest)?, 1, 2)?;
    let (time, rest) = time(spaces(rest)?)?;
    let (year, rest) = number(spaces(rest)?, 4, 4)?;
    if !rest.is_empty() {
        return None;
    }
    seconds(year, month, day, time)
}

fn after_name<'a>(text: &'a [u8], names: &[&str]) -> Option<&'a [u8]> {
    let name = names.iter().find(|name| {
        let start = text.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            && !text.get(name.len()).is_some_and(u8::is_ascii_alphabetic)
    })?;
    Some(&text[name.len()..])
}

fn month(text: &[u8]) -> Option<(i64, &[u8])> {
    let name = text.get(..3)?;
    let at = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month.as_bytes()))?;
    Some((at as i64 + 1, &text[3..]))
}

fn number(text: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits < least || digits > most {
        return None;
    }
    let value = text[..digits].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some((value, &text[digits..]))
}

/// `08:49:37`, as seconds of the day; a leap second counts as the first one of the next minute.
fn time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = number(text, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2, 2)?;
    let is_valid = hour < 24 && minute < 60 && second <= 60;
    is_valid.then_some((hour * 3600 + minute * 60 + second, rest))
}

fn zone(text: &[u8]) -> Option<()> {
    let name = spaces(text)?;
    (name.eq_ignore_ascii_case(b"GMT") || name.eq_ignore_ascii_case(b"UTC")).then_some(())
}

fn spaces(text: &[u8]) -> Option<&[u8]> {
    let after = trim_start(text);
    (after.len() < text.len()).then_some(after)
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

/// A moment of the calendar, `time` seconds into its day; nothing for a day that does not exist.
pub(super) fn seconds(year: i64, month: i64, day: i64, time: i64) -> Option<i64> {
    if day < 1 || day > days_in(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day) * DAY + time)
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, counting years from March so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`]: year, month and day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const DAY: i64 = 86_400;
/// The first second of year 0 and the last one of year 9999.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;
pub(super) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LONG_DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const SHORT_DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const NOW: i64 = 1_790_000_000; // 2026-09

    #[test]
    fn the_three_forms_name_the_same_second() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sun, 6 nov 1994 8:49:37 utc",
            "  Mon, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(parse(text.as_bytes(), NOW), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_nothing() {
        for text in [
            "",
            "0",
            "-1",
            "now",
            "Sun",
            "Sun,",
            "Sun, 06 Nov 1994",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT+1",
            "Sun, 32 Oct 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, -6 Nov 1994 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:3\u{663} GMT",
            "Sund, 06 Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(parse(text.as_bytes(), NOW), None, "{text}");
        }
    }

    #[test]
    fn a_two_digit_year_is_at_most_fifty_years_ahead() {
        let year = |text: &str, now| {
            let seconds = parse(text.as_bytes(), now).unwrap();
            format(seconds)[12..16].to_owned()
        };
        assert_eq!(year("Friday, 06-Nov-26 08:49:37 GMT", NOW), "2026");
        assert_eq!(year("Friday, 06-Nov-75 08:49:37 GMT", NOW), "2075");
        assert_eq!(year("Friday, 06-Jan-76 08:49:37 GMT", NOW), "2076");
        assert_eq!(year("Friday, 06-Nov-77 08:49:37 GMT", NOW), "1977");
        assert_eq!(year("Friday, 06-Nov-99 08:49:37 GMT", NOW), "1999");
        assert_eq!(year("Friday, 06-Nov-10 08:49:37 GMT", 4_000_000_000), "2110");
        assert_eq!(year("Friday, 06-Nov-99 08:49:37 GMT", 0), "1999");
        for now in [i64::MIN, i64::MAX] {
            assert!(parse(b"Friday, 06-Nov-99 08:49:37 GMT", now).is_some());
        }
    }

    #[test]
    fn dates_at_the_edges_are_written_and_read() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (FIRST, "Sat, 01 Jan 0000 00:00:00 GMT"),
        ] {
            assert_eq!(format(seconds), text);
            assert_eq!(parse(text.as_bytes(), NOW), Some(seconds));
        }
        assert_eq!(format(i64::MAX), format(LAST));
        assert_eq!(format(i64::MIN), format(FIRST));
    }

    proptest! {
        #[test]
        fn every_second_is_written_as_httpdate_writes_it(seconds in 0..=LAST) {
            let text = format(seconds);
            let theirs = UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
            prop_assert_eq!(&text, &httpdate::fmt_http_date(theirs));
            prop_assert_eq!(parse(text.as_bytes(), NOW), Some(seconds));
        }

        #[test]
        fn every_second_is_read_back(seconds in FIRST..=LAST) {
            prop_assert_eq!(parse(format(seconds).as_bytes(), NOW), Some(seconds));
        }
    }
}
