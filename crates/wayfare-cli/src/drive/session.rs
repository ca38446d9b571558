//! A session: one manager with the settings that were asked for.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use serde_json::{Map, Value};
use wayfare::Manager;
use wayfare::dns::{NameServer, NotAServer};
use wayfare::options::{
    Bodies, Connections, Cookies, Decoding, Dns, Hsts, Proxies, RedirectPolicy, Redirects,
    Resolver, Tls, Versions,
};
use wayfare::proxy::{self, Chain};

use super::identity::Who;
use super::wire::Refusal;
use crate::proxies::told;

/// The state that fetches of one session share.
pub(super) struct Session {
    pub(super) manager: Manager,
    pub(super) follow: OnRedirect,
    pub(super) max_redirects: usize,
    pub(super) versions: Wanted,
    pub(super) who: Option<Who>,
}

/// What is done about redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnRedirect {
    Deliver,
    Follow,
    Refuse,
}

/// Which HTTP version was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Any,
    Http1,
    /// HTTP/2 where TLS can agree on it.
    Http2,
    Http2PriorKnowledge,
}

impl Session {
    /// A session with these settings; refused if one of them asks for what does not exist.
    pub(super) fn new(cfg: &Value) -> Result<Self, Refusal> {
        let empty = Map::new();
        let settings = match cfg {
            Value::Null => &empty,
            Value::Object(settings) => settings,
            _ => return Err(Refusal::adapter("cfg must be an object")),
        };
        if let Some((name, _)) = settings.iter().find(|(name, value)| asks_too_much(name, value)) {
            return Err(Refusal::unsupported(name));
        }
        let max_redirects = count(&cfg["max_redirects"])?.unwrap_or(20);
        let decoding =
            if cfg["decode"] == Value::Bool(false) { Decoding::Off } else { Decoding::Automatic };
        let mut builder = Manager::builder();
        if let Some(fixed) = moment(&cfg["now"])? {
            builder = builder.calendar(move || fixed);
        }
        let is_on = |name: &str| cfg[name] == Value::Bool(true);
        let manager = builder
            .cookies(if is_on("cookies") { Cookies::default() } else { Cookies::off() })
            .hsts(if is_on("hsts") { Hsts::On } else { Hsts::Off })
            .headers(HeaderMap::new())
            .bodies(Bodies { decoding, ..Bodies::default() })
            .dns(dns(cfg)?)
            .tls(tls(cfg)?)
            .proxies(proxies(cfg)?)
            .build();
        Ok(Self {
            manager,
            follow: follow(&cfg["redirect"])?.unwrap_or(OnRedirect::Follow),
            max_redirects,
            versions: wanted(&cfg["http"])?,
            who: Who::of(&cfg["auth"])?,
        })
    }

    /// The redirect rules of a fetch.
    pub(super) fn redirects(&self, follow: OnRedirect, limit: usize) -> Redirects {
        let policy = match follow {
            OnRedirect::Follow => RedirectPolicy::default(),
            OnRedirect::Deliver | OnRedirect::Refuse => RedirectPolicy::Manual,
        };
        Redirects { policy, limit, ..Redirects::default() }
    }

    /// The connection rules of a fetch.
    pub(super) fn connections(&self, is_secure: bool) -> Connections {
        let versions = match self.versions {
            Wanted::Any => Versions::Any,
            Wanted::Http1 => Versions::Http1,
            Wanted::Http2PriorKnowledge => Versions::Http2,
            // Without TLS there is nothing to agree on it by, and one falls back.
            Wanted::Http2 if is_secure => Versions::Http2,
            Wanted::Http2 => Versions::Http1,
        };
        Connections { versions, ..Connections::default() }
    }
}

/// True for a setting that asks for a feature that does not exist.
fn asks_too_much(name: &str, value: &Value) -> bool {
    let is_off = value.is_null() || *value == Value::Bool(false) || value == "off";
    match name {
        "redirect" | "max_redirects" | "decode" | "resolve" | "ca_pem" | "client_cert_pem"
        | "insecure" | "now" | "cookies" | "hsts" | "http" | "auth" | "dns" | "proxy"
        | "proxy_auth" => false,
        _ => !is_off,
    }
}

pub(super) fn follow(value: &Value) -> Result<Option<OnRedirect>, Refusal> {
    match value.as_str() {
        None => Ok(None),
        Some("follow") => Ok(Some(OnRedirect::Follow)),
        Some("manual") => Ok(Some(OnRedirect::Deliver)),
        Some("error") => Ok(Some(OnRedirect::Refuse)),
        Some(other) => Err(Refusal::adapter(format!("redirect: {other}"))),
    }
}

pub(super) fn count(value: &Value) -> Result<Option<usize>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.map(Some).ok_or_else(|| Refusal::adapter(format!("not a count: {value}")))
}

/// The moment that a session lives in, if that stands still.
fn moment(now: &Value) -> Result<Option<SystemTime>, Refusal> {
    if now.is_null() {
        return Ok(None);
    }
    let since = now.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let moment = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    moment.map(Some).ok_or_else(|| Refusal::adapter(format!("now: not a moment: {now}")))
}

fn wanted(value: &Value) -> Result<Wanted, Refusal> {
    match value.as_str() {
        None => Ok(Wanted::Any),
        Some("1.1") => Ok(Wanted::Http1),
        Some("2") => Ok(Wanted::Http2),
        Some("2pk") => Ok(Wanted::Http2PriorKnowledge),
        Some(other) => Err(Refusal::unsupported(&format!("http {other}"))),
    }
}

/// How names are looked up: pinned, at a server, or by the system.
pub(super) fn dns(cfg: &Value) -> Result<Dns, Refusal> {
    let resolver = match &cfg["dns"] {
        Value::Null => Resolver::System,
        Value::String(server) => Resolver::Own(vec![server_of(server)?]),
        other => return Err(Refusal::adapter(format!("dns: not a server: {other}"))),
    };
    Ok(Dns { pins: pins(&cfg["resolve"])?, resolver, ..Dns::default() })
}

/// A name server as it is written in a line.
pub(super) fn server_of(text: &str) -> Result<NameServer, Refusal> {
    text.parse().map_err(|why: NotAServer| Refusal::adapter(why.to_string()))
}

fn pins(resolve: &Value) -> Result<Vec<(String, IpAddr)>, Refusal> {
    let Some(resolve) = resolve.as_object() else { return Ok(Vec::new()) };
    let pin = |(host, address): (&String, &Value)| {
        let bare = address.as_str().unwrap_or_default();
        let bare = bare.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(ip) => Ok((host.clone(), ip)),
            Err(_) => Err(Refusal::adapter(format!("resolve: not an address: {address}"))),
        }
    };
    resolve.iter().map(pin).collect()
}

fn proxies(cfg: &Value) -> Result<Proxies, Refusal> {
    let Some(text) = cfg["proxy"].as_str() else { return Ok(Proxies::off()) };
    let way: Chain = text.parse().map_err(|why| Refusal::adapter(format!("proxy: {why}")))?;
    let auth = &cfg["proxy_auth"];
    let credentials = auth["user"]
        .as_str()
        .map(|user| proxy::Credentials::new(user, auth["pass"].as_str().unwrap_or_default()));
    Ok(Proxies::list(vec![told(&way, credentials.as_ref())]))
}

pub(super) fn tls(cfg: &Value) -> Result<Tls, Refusal> {
    let mut tls = Tls::default();
    if let Some(pem) = cfg["ca_pem"].as_str() {
        tls = tls.with_only_authority_pem(pem).map_err(|error| Refusal::from(&error))?;
    }
    if let Some(pem) = cfg["client_cert_pem"].as_str() {
        let changed = tls.with_client_certificate(pem, pem, None);
        tls = changed.map_err(|error| Refusal::from(&error))?;
    }
    if cfg["insecure"] == Value::Bool(true) {
        tls = tls.dangerous().trust_everybody();
    }
    Ok(tls)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_exist_is_refused_and_what_is_off_is_fine() {
        let refused = [
            json!({"cache": "private"}),
            json!({"altsvc": true}),
            json!({"http": "3"}),
            json!({"http": "1.0"}),
            json!({"auth": {"user": "a", "pass": "b", "schemes": ["hoba"]}}),
            json!({"something_new": 1}),
        ];
        for cfg in refused {
            let refusal = Session::new(&cfg).err().unwrap_or_else(|| panic!("{cfg}"));
            assert_eq!(refusal.kind, "unsupported", "{cfg}");
        }
        let off = json!({"cache": "off", "cookies": false, "hsts": false, "altsvc": false,
            "proxy": null, "now": 1, "redirect": "manual", "http": "2pk"});
        assert!(Session::new(&off).is_ok());
        let on = json!({"cookies": true, "hsts": true, "now": 1_790_000_000.5});
        assert!(Session::new(&on).is_ok());
        assert!(Session::new(&json!({"now": "soon"})).is_err());
        let proxied = json!({"proxy": "socks5h://127.0.0.1:1", "proxy_auth": {"user": "a"}});
        assert!(Session::new(&proxied).is_ok());
        assert!(Session::new(&json!({"proxy": "ftp://a"})).is_err());
        assert!(Session::new(&Value::Null).is_ok());
    }
}
