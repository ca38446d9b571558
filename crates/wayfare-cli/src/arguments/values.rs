//! Reads the values of options: seconds, rates, pins, fields and methods.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use wayfare::options::{Ambient, Scheme, Schemes};
use wayfare::proxy::{Chain, ProxyMistake};

/// A number of seconds, with a fraction if need be.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be more than 0 seconds".to_owned()),
    }
}

/// Bytes a second, with K, M or G for 1024 and its powers.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.chars().last() {
        Some('k' | 'K') => (&text[..text.len() - 1], 1 << 10),
        Some('m' | 'M') => (&text[..text.len() - 1], 1 << 20),
        Some('g' | 'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1_u64),
    };
    let number: f64 =
        digits.parse().map_err(|_| "not a rate such as 500, 100K or 2M".to_owned())?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let bytes = (number * unit as f64) as u64; // saturates, as it should
    if bytes == 0 { Err("must be at least 1 byte a second".to_owned()) } else { Ok(bytes) }
}

/// A host and the address to use for it; a port between them, as curl wants one, is passed over.
pub(crate) fn pin(text: &str) -> Result<(String, IpAddr), String> {
    let wrong = || "must be HOST:IP, for example example.org:127.0.0.1".to_owned();
    let (host, rest) = text.split_once(':').ok_or_else(wrong)?;
    let address =
        |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let without_port = || {
        let (port, rest) = rest.split_once(':')?;
        (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
    };
    let ip = address(rest).or_else(|| address(without_port()?)).ok_or_else(wrong)?;
    if host.is_empty() { Err(wrong()) } else { Ok((host.to_owned(), ip)) }
}

/// A field of the request, or the wish that one be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Add(HeaderName, HeaderValue),
    LeaveOut(HeaderName),
}

/// `Name: value`, `Name;` for an empty value, `Name:` to leave a default out.
pub(crate) fn field(text: &str) -> Result<Field, String> {
    let shape = || "must be \"Name: value\", \"Name;\" (empty) or \"Name:\" (left out)".to_owned();
    let named = |name: &str| {
        HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| "the name is no token".to_owned())
    };
    let Some((name, value)) = text.split_once(':') else {
        let name = text.strip_suffix(';').ok_or_else(shape)?;
        return Ok(Field::Add(named(name)?, HeaderValue::from_static("")));
    };
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() {
        return Ok(Field::LeaveOut(named(name)?));
    }
    Ok(Field::Add(named(name)?, self::value(value)?))
}

/// The value of a field.
pub(crate) fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "the value has a line break or another control character".to_owned())
}

/// Parts of a body in bytes: `5-9`, `5-`, `-5`, several with commas between (RFC 9110 §14.1.2).
pub(crate) fn range(text: &str) -> Result<HeaderValue, String> {
    let is_sound = |part: &str| match part.trim().split_once('-') {
        Some(("", last)) => position(last).is_some(),
        Some((first, "")) => position(first).is_some(),
        Some((first, last)) => {
            position(first).zip(position(last)).is_some_and(|(first, last)| first <= last)
        }
        None => false,
    };
    if !text.split(',').all(is_sound) {
        return Err("must be FIRST-LAST, FIRST- or -COUNT, in bytes".to_owned());
    }
    value(text)
}

fn position(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// A method.
pub(crate) fn method(text: &str) -> Result<Method, String> {
    Method::from_bytes(text.as_bytes()).map_err(|_| "not a method: it must be a token".to_owned())
}

/// Reads a proxy, or a chain of them.
pub(crate) fn way(text: &str) -> Result<Chain, ProxyMistake> {
    if text.trim().is_empty() { Ok(Chain::DIRECT) } else { text.parse() }
}

/// Schemes of authentication.
pub(crate) fn schemes(text: &str) -> Result<Schemes, String> {
    text.split(',').map(str::trim).try_fold(Schemes::none(), |schemes, name| match Scheme::by_name(
        name,
    ) {
        Some(Scheme::Bearer) => Err("--oauth2-bearer sends a bearer token".to_owned()),
        Some(scheme) => Ok(schemes.with(scheme)),
        None => Err(format!("\"{name}\" is none of basic, digest, negotiate, ntlm")),
    })
}

/// Servers and proxies that are told who is logged in.
pub(crate) fn ambient(text: &str) -> Result<Ambient, String> {
    match text.trim() {
        "" => Err("must be hosts with commas between them, or *".to_owned()),
        "*" => Ok(Ambient::All),
        places => Ambient::only(places.split(',')).map_err(|why| why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_logged_in_is_told_to_places_that_are_named_rightly() {
        assert_eq!(ambient(" * "), Ok(Ambient::All));
        assert!(ambient("a.test, http://.b.test:*").is_ok());
        for text in ["", "a.test,", "a.test,ftp://b.test", "a.test b.test"] {
            assert!(ambient(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_have_units() {
        assert_eq!(rate("500"), Ok(500));
        assert_eq!(rate("100K"), Ok(102_400));
        assert_eq!(rate("1.5m"), Ok(1_572_864));
        assert!(rate("0").is_err() && rate("fast").is_err() && rate("").is_err());
    }

    #[test]
    fn pins_take_a_port_or_none() {
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        let six: IpAddr = "::1".parse().unwrap();
        assert_eq!(pin("a.test:127.0.0.1"), Ok(("a.test".into(), local)));
        assert_eq!(pin("a.test:443:127.0.0.1"), Ok(("a.test".into(), local)));
        assert_eq!(pin("*:::1"), Ok(("*".into(), six)));
        assert_eq!(pin("a.test:443:[::1]"), Ok(("a.test".into(), six)));
        assert!(pin("a.test").is_err() && pin(":127.0.0.1").is_err());
    }

    #[test]
    fn ranges_have_an_order() {
        for sound in ["0-0", "5-9", "5-", "-5", "0-1,5-6", "0-1, -2"] {
            assert_eq!(range(sound).map(|value| value.len()), Ok(sound.len()), "{sound}");
        }
        for wrong in ["abc", "5-2", "5", "-", "", "1-2-3", "+1-2", "1-b", "0-1,", "--1", "0-1\n"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_cannot_bring_lines_along() {
        assert!(field("A: b\r\nX: y").is_err());
        assert!(field("A\r\nX: y").is_err());
        assert!(field("A: \0").is_err());
        assert!(method("GET / HTTP/1.1\r\nX: y").is_err());
        let name = HeaderName::from_static("a");
        assert_eq!(field("A:"), Ok(Field::LeaveOut(name.clone())));
        assert_eq!(field("A;"), Ok(Field::Add(name, HeaderValue::from_static(""))));
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert!(seconds("0").is_err() && seconds("-1").is_err() && seconds("NaN").is_err());
    }
}
