//! Who fetches say to be, and operations that compute what is said.

use serde_json::{Value, json};
use wayfare::Request;
use wayfare::delegate::Credentials;
use wayfare::options::{Auth, Scheme, Schemes};
use wayfare::rules::auth::digest::{Challenge, Line, Session};
use wayfare::rules::auth::ntlm;
use wayfare::rules::challenge;

use super::wire::{Refusal, from_base64, to_bytes};

/// The operations that [`answer`] knows.
pub(super) const OPS: &[&str] = &["digest_response", "ntlm"];

/// Answers an operation.
pub(super) fn answer(op: &str, asked: &Value) -> Result<Value, Refusal> {
    match op {
        "digest_response" => digest_response(asked),
        "ntlm" => ntlm_responses(asked),
        other => Err(Refusal::unsupported(other)),
    }
}

/// Who a fetch says to be.
#[derive(Clone)]
pub(super) struct Who {
    credentials: Credentials,
    schemes: Schemes,
}

impl Who {
    /// Who `auth` names; nobody if it is null.
    pub(super) fn of(auth: &Value) -> Result<Option<Self>, Refusal> {
        if auth.is_null() {
            return Ok(None);
        }
        let text = |name: &str| auth[name].as_str().unwrap_or_default();
        let schemes = match auth["schemes"].as_array() {
            None => Schemes::all(),
            Some(names) => names.iter().try_fold(Schemes::none(), |schemes, name| {
                let name = name.as_str().unwrap_or_default();
                match Scheme::by_name(name) {
                    Some(scheme) => Ok(schemes.with(scheme)),
                    None => Err(Refusal::unsupported(&format!("the scheme {name}"))),
                }
            })?,
        };
        let credentials = match (text("user"), text("pass")) {
            ("", "") if schemes.single() == Some(Scheme::Negotiate) => Credentials::ambient(),
            (user, password) => Credentials::new(user, password),
        };
        Ok(Some(Self { credentials, schemes }))
    }

    /// The request as this somebody makes it: unasked if there is nothing to choose, by challenge
    /// else.
    pub(super) fn ask(self, request: Request) -> Request {
        let Self { credentials, schemes } = self;
        match schemes.single() {
            Some(Scheme::Basic) => request.basic_auth(credentials.user(), credentials.password()),
            _ => {
                let auth = Auth { schemes, ..request.options().auth.clone() };
                request.auth(auth).credentials(credentials)
            }
        }
    }
}

fn text<'a>(asked: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    asked[name].as_str().ok_or_else(|| Refusal::adapter(format!("{name} is missing")))
}

fn digest_response(asked: &Value) -> Result<Value, Refusal> {
    let wrong = |why: &str| Refusal::new("auth", why);
    let read = challenge::Challenge::parse(&to_bytes(text(asked, "challenge")?)?);
    let challenge = read.iter().find_map(Challenge::read);
    let challenge = challenge.ok_or_else(|| wrong("there is no Digest that can be answered"))?;
    let credentials = Credentials::new(text(asked, "user")?, text(asked, "pass")?);
    let count = match &asked["nc"] {
        Value::String(hex) => u32::from_str_radix(hex, 16).ok(),
        Value::Null => Some(1),
        number => number.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    let count =
        count.filter(|count| *count > 0).ok_or_else(|| Refusal::adapter("nc is no count"))?;
    let body = asked["body_b64"].as_str().map(from_base64).transpose()?.unwrap_or_default();
    let line =
        Line { method: text(asked, "method")?, target: text(asked, "uri")?, body: Some(&body) };
    let mut session = Session::new(challenge, credentials).used(count - 1);
    let value = session.prove(&line, text(asked, "cnonce")?);
    let value = value.ok_or_else(|| wrong("a part cannot be said in a field"))?;
    let latin: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    Ok(json!({"authorization": latin}))
}

fn ntlm_responses(asked: &Value) -> Result<Value, Refusal> {
    let is_second = match &asked["version"] {
        Value::String(name) => matches!(name.as_str(), "2" | "v2" | "ntlmv2"),
        Value::Null => true,
        number => *number == 2,
    };
    if !is_second {
        return Err(Refusal::unsupported("NTLM version 1"));
    }
    let eight = |name: &str| -> Result<[u8; 8], Refusal> {
        let bytes = from_hex(asked[name].as_str().unwrap_or_default());
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| Refusal::adapter(format!("{name} is no 8 bytes in hexadecimal")))
    };
    let time = match &asked["time"] {
        Value::Null => [0; 8],
        Value::String(_) => eight("time")?,
        number => number.as_u64().unwrap_or_default().to_le_bytes(),
    };
    let target = from_hex(asked["target_info"].as_str().unwrap_or_default())
        .ok_or_else(|| Refusal::adapter("target_info is not hexadecimal"))?;
    let about = ntlm::Asked {
        server: eight("server_challenge")?,
        client: eight("client_challenge")?,
        time,
        target: &target,
        has_timestamp: ntlm::has_timestamp(&target),
    };
    let (domain, user) = (asked["domain"].as_str().unwrap_or_default(), text(asked, "user")?);
    let said = ntlm::responses(domain, user, text(asked, "pass")?, &about)
        .map_err(|fault| Refusal::new("auth", fault.to_string()))?;
    Ok(json!({"nt": to_hex(&said.nt), "lm": to_hex(&said.lm)}))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
