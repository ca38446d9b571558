//! Cookies of a session, one at a time, and what belongs to them.

use serde_json::{Value, json};
use url::Url;
use wayfare::cookies::{Caller, Context, PublicSuffixes, Stored};
use wayfare::rules::cookie_date;
use wayfare::{Error, ErrorKind};

use super::session::Session;
use super::wire::{Refusal, to_bytes, to_text};

/// The operations on the cookies of a session.
pub(super) const SESSION_OPS: &[&str] = &["cookie_header", "set_cookie"];

/// The operations that need no session.
pub(super) const OPS: &[&str] = &["cookie_date", "registrable_domain"];

/// Answers an operation on the cookies of a session.
pub(super) fn of_session(op: &str, session: &Session, asked: &Value) -> Result<Value, Refusal> {
    let url =
        Url::parse(text(asked, "url")?).map_err(|why| Refusal::new("url", why.to_string()))?;
    let mut context = Context::of(&url);
    if asked["http"] == Value::Bool(false) {
        context.caller = Caller::Script;
    }
    let jar = session.manager.blocking().cookies();
    if op == "cookie_header" {
        let field = jar.header(&context).map_err(|error| Refusal::from(&error))?;
        let field = field.map(|field| to_text(field.as_bytes())).unwrap_or_default();
        return Ok(json!({"cookie": field}));
    }
    let refused = |error: &Error| error.kind() == ErrorKind::InvalidRequest;
    match jar.store_in(&context, to_bytes(text(asked, "header")?)?) {
        Ok(stored) => Ok(json!({"stored": stored != Stored::Dropped})),
        Err(error) if refused(&error) => Ok(json!({"stored": false, "why": error.message()})),
        Err(error) => Err(Refusal::from(&error)),
    }
}

/// Answers an operation that needs no session.
pub(super) fn answer(op: &str, asked: &Value) -> Result<Value, Refusal> {
    if op == "cookie_date" {
        return Ok(json!({"unix": cookie_date::parse(&to_bytes(text(asked, "value")?)?)}));
    }
    let host = text(asked, "host")?.to_lowercase();
    Ok(json!({"domain": PublicSuffixes::default().registrable(&host)}))
}

fn text<'a>(asked: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    asked[name].as_str().ok_or_else(|| Refusal::adapter(format!("{name} is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_set_and_asked_for_as_bytes() {
        let session = Session::new(&json!({"cookies": true, "now": 1_790_000_000})).unwrap();
        let ask = |op: &str, asked: Value| of_session(op, &session, &asked).unwrap();
        let at = "https://www.example.org/x";
        let set = |header: &str| {
            ask("set_cookie", json!({"url": at, "header": header}))["stored"] == true
        };
        assert!(set("a=\u{e9}; HttpOnly") && set("b=1; Max-Age=60"));
        assert!(
            !set("c=1; Domain=org")
                && !set("d=\u{1}")
                && !set("b=1; Domain=example.org; Max-Age=0")
        );
        assert_eq!(ask("cookie_header", json!({"url": at}))["cookie"], "a=\u{e9}; b=1");
        let script = json!({"url": at, "http": false});
        assert_eq!(ask("cookie_header", script)["cookie"], "b=1");
        assert_eq!(ask("cookie_header", json!({"url": "http://other.org/"}))["cookie"], "");
        assert_eq!(
            of_session("set_cookie", &session, &json!({"url": "x"})).unwrap_err().kind,
            "url"
        );
    }

    #[test]
    fn dates_and_domains_need_no_session() {
        let date =
            |value: &str| answer("cookie_date", &json!({"value": value})).unwrap()["unix"].clone();
        assert_eq!(date("1994 nov 6 8:49:37"), 784_111_777);
        assert_eq!(date("soon"), Value::Null);
        let domain = |host: &str| {
            answer("registrable_domain", &json!({"host": host})).unwrap()["domain"].clone()
        };
        assert_eq!(domain("WwW.Example.CO.uk"), "example.co.uk");
        assert_eq!(domain("www.食狮.公司.cn"), "食狮.公司.cn");
        assert_eq!(domain("com"), Value::Null);
    }
}
