//! The dates of cookies, which are read however odd they look (RFC 6265bis §5.1.1).

use super::date::{MONTHS, seconds};

/// Reads a date as seconds since 1970: the first word that looks like each of a time, a day, a
/// month and a year is that; all others are passed over, zones among them.
///
/// ```
/// # use wayfare_proto::syntax::cookie_date;
/// assert_eq!(cookie_date::parse(b"Sun, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
/// assert_eq!(cookie_date::parse(b"1994 nov 6 8:49:37"), Some(784_111_777));
/// assert_eq!(cookie_date::parse(b"tomorrow"), None);
/// ```
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let mut found = Found::default();
    for word in text.split(|&byte| is_delimiter(byte)) {
        found.take(word);
    }
    let year = match found.year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        year => year,
    };
    let (hour, minute, second) = found.time?;
    let is_valid = year >= 1601 && hour <= 23 && minute <= 59 && second <= 59;
    if !is_valid {
        return None;
    }
    // A day that its month does not have makes no date.
    seconds(year, found.month?, found.day?, hour * 3600 + minute * 60 + second)
}

/// The parts of a date that have been met.
#[derive(Default)]
struct Found {
    time: Option<(i64, i64, i64)>,
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
}

impl Found {
    fn take(&mut self, word: &[u8]) {
        if self.time.is_none()
            && let Some(time) = time(word)
        {
            self.time = Some(time);
        } else if self.day.is_none()
            && let Some(day) = number(word, 1, 2)
        {
            self.day = Some(day);
        } else if self.month.is_none()
            && let Some(month) = month(word)
        {
            self.month = Some(month);
        } else if self.year.is_none()
            && let Some(year) = number(word, 2, 4)
        {
            self.year = Some(year);
        }
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// `8:49:37`, with anything but a digit after it.
fn time(word: &[u8]) -> Option<(i64, i64, i64)> {
    let mut parts = word.splitn(3, |&byte| byte == b':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |part: &[u8]| part.iter().all(u8::is_ascii_digit).then(|| number(part, 1, 2))?;
    Some((whole(hour)?, whole(minute)?, number(second, 1, 2)?))
}

fn month(word: &[u8]) -> Option<i64> {
    let name = word.get(..3)?;
    let at = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month.as_bytes()))?;
    Some(at as i64 + 1)
}

/// So many digits, with anything but a digit after them.
fn number(word: &[u8], least: usize, most: usize) -> Option<i64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let read =
        || word[..digits].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (least..=most).contains(&digits).then(read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::syntax::date;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(date::format)
    }

    #[test]
    fn odd_dates_are_read_as_the_algorithm_says() {
        for (text, expected) in [
            ("Mon, 10-Dec-2007 17:02:24 GMT", "Mon, 10 Dec 2007 17:02:24 GMT"),
            ("Wed, 09 Dec 2009 16:27:23 GMT", "Wed, 09 Dec 2009 16:27:23 GMT"),
            ("Thursday, 01-Jan-1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("Mon Dec 10 16:32:30 2007 GMT", "Mon, 10 Dec 2007 16:32:30 GMT"),
            ("Wednesday, 01-Jan-10 00:00:00 GMT", "Fri, 01 Jan 2010 00:00:00 GMT"),
            (", 20-Nov-2008 15:49:37 GMT", "Thu, 20 Nov 2008 15:49:37 GMT"),
            ("1-January-2010x 5:6:7z+0100", "Fri, 01 Jan 2010 05:06:07 GMT"),
            ("decade 3 99 0:0:0", "Fri, 03 Dec 1999 00:00:00 GMT"),
            ("3 dec 69 0:0:0", "Tue, 03 Dec 2069 00:00:00 GMT"),
            ("3 dec 1601 0:0:0", "Mon, 03 Dec 1601 00:00:00 GMT"),
            ("29 feb 2024 0:0:0", "Thu, 29 Feb 2024 00:00:00 GMT"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Mon, 10-Dec-2007 17:02:60 GMT",
            "Mon, 10-Dec-2007 24:02:00 GMT",
            "Mon, 10-Dec-2007 17:60:00 GMT",
            "Mon, 32-Dec-2007 17:02:00 GMT",
            "Mon, 0-Dec-2007 17:02:00 GMT",
            "29 feb 2023 0:0:0",
            "3 dec 1600 0:0:0",
            "3 dec 12345 0:0:0",
            "3 dec 5 0:0:0",
            "3 dec 2007",
            "dec 2007 0:0:0",
            "3 2007 0:0:0",
            "3 dec 2007 0:0:",
            "3 dec 2007 000:0:0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_date_of_http_is_a_date_of_cookies(at in -11_644_473_600_i64..253_402_300_799) {
            prop_assert_eq!(parse(date::format(at).as_bytes()), Some(at));
        }

        #[test]
        fn no_bytes_upset_it(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
        }
    }
}
