//! Cookies as JSON, with everything that is known of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use wayfare_proto::policy::cookie::{Cookie, Scope};
use wayfare_proto::syntax::set_cookie::SameSite;
use wayfare_proto::syntax::stamp::Stamp;

/// Writes cookies as a list of objects; moments are microseconds since 1970, and bytes that are no
/// text are in base64 under a name that ends in `_base64`.
pub(crate) fn write(cookies: &[Cookie]) -> String {
    let list: Vec<Value> = cookies.iter().map(object).collect();
    // Values made of texts and numbers can always be written.
    serde_json::to_string_pretty(&list).unwrap_or_default()
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// What is wrong, and with which object.
pub(crate) fn read(text: &str) -> Result<Vec<Cookie>, String> {
    let parsed: Value = serde_json::from_str(text).map_err(|why| format!("not JSON: {why}"))?;
    let list = parsed.as_array().ok_or("not a list of cookies")?;
    let numbered = list.iter().enumerate();
    let read = |(at, value)| cookie(value).map_err(|why| format!("cookie {}: {why}", at + 1));
    numbered.map(read).collect()
}

fn object(cookie: &Cookie) -> Value {
    let mut object = Map::new();
    for (name, bytes) in [("name", &cookie.name), ("value", &cookie.value), ("path", &cookie.path)]
    {
        match std::str::from_utf8(bytes) {
            Ok(text) => object.insert(name.to_owned(), text.into()),
            Err(_) => object.insert(format!("{name}_base64"), STANDARD.encode(bytes).into()),
        };
    }
    let rest = json!({
        "domain": cookie.domain,
        "host_only": cookie.scope == Scope::Host,
        "expires": cookie.expiry.map(Stamp::micros),
        "created": cookie.creation.micros(),
        "used": cookie.last_access.micros(),
        "secure": cookie.secure,
        "http_only": cookie.http_only,
        "same_site": cookie.same_site.to_string(),
        "partition": cookie.partition,
    });
    if let Value::Object(rest) = rest {
        object.extend(rest);
    }
    object.into()
}

fn cookie(value: &Value) -> Result<Cookie, String> {
    let missing = |name: &str, what: &str| format!("\"{name}\" is not {what}");
    let bytes = |name: &str| match (&value[name], &value[format!("{name}_base64")]) {
        (Value::String(text), _) => Ok(text.clone().into_bytes()),
        (_, Value::String(coded)) => STANDARD.decode(coded).map_err(|_| missing(name, "base64")),
        _ => Err(missing(name, "a text")),
    };
    let truth = |name: &str| match &value[name] {
        Value::Null => Ok(false),
        Value::Bool(truth) => Ok(*truth),
        _ => Err(missing(name, "true or false")),
    };
    let moment = |name: &str| match &value[name] {
        Value::Null => Ok::<_, String>(None),
        number => {
            let micros =
                number.as_i64().ok_or_else(|| missing(name, "a number of microseconds"))?;
            Ok(Some(Stamp::from_micros(micros)))
        }
    };
    let domain = value["domain"].as_str().ok_or_else(|| missing("domain", "a text"))?;
    let same_site = match value["same_site"].as_str() {
        None | Some("Default") => SameSite::Default,
        Some("Lax") => SameSite::Lax,
        Some("None") => SameSite::None,
        Some("Strict") => SameSite::Strict,
        Some(_) => return Err(missing("same_site", "Default, Lax, None or Strict")),
    };
    let mut cookie = Cookie::new(&bytes("name")?, &bytes("value")?, domain);
    cookie.path = bytes("path")?;
    cookie.scope = if truth("host_only")? { Scope::Host } else { Scope::Domain };
    cookie.expiry = moment("expires")?;
    cookie.creation = moment("created")?.unwrap_or_default();
    cookie.last_access = moment("used")?.unwrap_or_default();
    cookie.secure = truth("secure")?;
    cookie.http_only = truth("http_only")?;
    cookie.same_site = same_site;
    cookie.partition = value["partition"].as_str().map(str::to_owned);
    Ok(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_comes_back_as_it_was() {
        let mut cookie = Cookie::new(b"\xff\x80", b"a\t\"b\"", "www.example.org");
        cookie.scope = Scope::Domain;
        cookie.path = b"/x\xfe".to_vec();
        cookie.expiry = Some(Stamp::from_micros(1_790_000_000_000_001));
        cookie.creation = Stamp::from_micros(1_780_000_000_000_007);
        cookie.last_access = Stamp::from_micros(1_780_000_000_000_009);
        (cookie.secure, cookie.http_only) = (true, true);
        cookie.same_site = SameSite::Strict;
        cookie.partition = Some("https://page.test".into());
        let all = [cookie, Cookie::new(b"", b"", "127.0.0.1")];
        assert_eq!(read(&write(&all)).unwrap(), all);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let good = write(&[Cookie::new(b"a", b"b", "a.test")]);
        for (from, to, part) in [
            ("\"value\": \"b\"", "\"value\": 5", "cookie 1: \"value\" is not a text"),
            ("\"same_site\": \"Default\"", "\"same_site\": \"LaxNone\"", "\"same_site\" is not"),
            ("\"secure\": false", "\"secure\": 1", "\"secure\" is not true or false"),
        ] {
            let why = read(&good.replace(from, to)).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
        assert!(read("{}").is_err() && read("[").is_err());
    }
}
