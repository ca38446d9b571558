//! What -v and --timings tell: the events of a transfer in words, with secrets hidden.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use url::{Position, Url};
use wayfare::event::{Event, Timings, What};
use wayfare::rules::SECRET_FIELDS;
use wayfare::rules::challenge::Challenge;
use wayfare::tls::EarlyOutcome;

use crate::advice::shown as shown_url;
use crate::output::{note, size, visible};

/// Tells the events of one transfer.
pub(crate) struct Talk {
    /// Which transfer it is, where there are several.
    mark: String,
    /// The request that goes out next, told once it has gone.
    planned: Mutex<Option<Asked>>,
}

/// A request.
struct Asked {
    method: Method,
    url: Url,
    fields: HeaderMap,
}

impl Talk {
    pub(crate) fn new(mark: String) -> Self {
        Self { mark, planned: Mutex::default() }
    }

    /// Tells an event.
    pub(crate) fn tell(&self, event: &Event) {
        match &event.what {
            What::Sending { method, url, headers } => {
                let asked = Asked {
                    method: method.clone(),
                    url: (**url).clone(),
                    fields: (**headers).clone(),
                };
                *self.planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
            }
            What::Sent => {
                let asked = self.planned.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(asked) = asked {
                    self.request(&asked);
                }
            }
            What::Head { status, version, headers } => self.head(*status, *version, headers),
            What::Interim { status, headers } => self.head(*status, Version::HTTP_11, headers),
            What::Trailers { headers } => self.fields('<', headers),
            What::Redirected { status, from, to } => {
                let (from, to) = (shown_url(from.as_str()), shown_url(to.as_str()));
                self.say('*', &format!("{status} leads from {from} to {to}"));
            }
            other => {
                if let Some(line) = in_words(other) {
                    self.say('*', &line);
                }
            }
        }
    }

    fn request(&self, asked: &Asked) {
        let url = &asked.url;
        let path = &url[Position::BeforePath..Position::AfterQuery];
        self.say('>', &format!("{} {path}", asked.method));
        if !asked.fields.contains_key(header::HOST) {
            self.say('>', &format!("host: {}", &url[Position::BeforeHost..Position::AfterPort]));
        }
        self.fields('>', &asked.fields);
    }

    fn head(&self, status: StatusCode, version: Version, headers: &HeaderMap) {
        self.say('<', &format!("{version:?} {status}"));
        self.fields('<', headers);
    }

    fn fields(&self, sign: char, headers: &HeaderMap) {
        for (name, value) in headers {
            self.say(sign, &format!("{name}: {}", shown(name, value)));
        }
    }

    fn say(&self, sign: char, line: &str) {
        note(&format!("{sign} {}{}", self.mark, visible(line)));
    }
}

fn in_words(what: &What) -> Option<String> {
    Some(match what {
        What::AskingProxy { proxy, target } => format!("asking {proxy} for {target}"),
        What::ProxyGranted { proxy } => format!("{proxy} opened the way"),
        What::Routed { route, rule } => format!("by {route} ({rule})"),
        What::WayFailed { message } => format!("another way, because of {message}"),
        What::Queued => "waiting for a turn".to_owned(),
        What::Resolving { host } => format!("looking up {host}"),
        What::Resolved { addresses } => {
            let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            format!("found {}", all.join(", "))
        }
        What::Connecting { address } => format!("trying {address}"),
        What::Connected { address } => format!("connected to {address}"),
        What::Securing { name } => format!("TLS handshake with {name}"),
        What::Secured { version, cipher_suite, key_exchange, protocol } => {
            let protocol = protocol.as_deref().unwrap_or("no protocol agreed on");
            format!("secured by {version}, {cipher_suite}, {key_exchange}; {protocol}")
        }
        What::SentEarly { outcome: EarlyOutcome::Rejected } => {
            "sent as early data, which the server threw away; sent again".to_owned()
        }
        What::SentEarly { outcome: EarlyOutcome::Unknown } => {
            "sent as early data, and the handshake failed".to_owned()
        }
        What::SentEarly { .. } => "sent as early data, which the server took".to_owned(),
        What::Reused => "using a kept connection".to_owned(),
        What::CertificateAccepted { host } => format!("the certificate of {host} is accepted"),
        What::CookiesSent { names } => {
            let named: Vec<_> = names
                .iter()
                .map(|name| if name.is_empty() { "one without a name" } else { name })
                .collect();
            format!("cookies for it: {}", named.join(", "))
        }
        What::CookieRefused { name, why } => format!("the cookie {name} is not kept: {why}"),
        What::Upgraded { to, .. } => {
            format!("the host is reached over TLS only: {}", shown_url(to.as_str()))
        }
        What::StoreFailed { message } => message.clone(),
        What::SchemePassedOver { scheme, why } => format!("not {scheme}: {why}"),
        What::Retried { why } => format!("once more: {why}"),
        What::UploadStopped { sent, .. } => {
            format!("the answer came before the upload was done; stopped after {}", size(*sent))
        }
        What::Finished { received } => format!("done: {}", size(*received)),
        What::Failed { message } => format!("failed: {message}"),
        _ => return None,
    })
}

/// A field's value, unless it is a secret.
fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if *name == header::WWW_AUTHENTICATE || *name == header::PROXY_AUTHENTICATE {
        return schemes(value);
    }
    // Naming the host is no secret, though it does not follow a redirect either.
    let is_secret = name != header::HOST && SECRET_FIELDS.contains(&name.as_str());
    if value.is_sensitive() || is_secret || name == header::SET_COOKIE {
        return "[hidden]".to_owned();
    }
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// The schemes of challenges with their realms: what else there is may be a secret.
fn schemes(value: &HeaderValue) -> String {
    let one = |challenge: &Challenge| match challenge.realm() {
        Some(realm) => format!("{} realm=\"{}\"", challenge.scheme, realm.escape_debug()),
        None => challenge.scheme.clone(),
    };
    let read = Challenge::parse(value.as_bytes());
    read.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The phases of a transfer as a table.
pub(super) fn timings(label: &str, timings: &Timings) -> String {
    let ms = |duration: Duration| format!("{:.3}", duration.as_secs_f64() * 1000.0);
    let rows = [
        ("queued", timings.queued),
        ("resolve", timings.resolve),
        ("connect", timings.connect),
        ("proxy", timings.proxy),
        ("tls", timings.tls),
        ("send", timings.send),
        ("wait", timings.wait),
        ("receive", timings.receive),
        ("total", timings.total),
    ];
    let mut table = format!("{} (ms)", visible(label));
    for (name, duration) in rows {
        table.push_str(&format!("\n  {name:<8}{:>12}", ms(duration)));
    }
    table
}
