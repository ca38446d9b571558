//! The jar against the algorithm of RFC 6265bis §5.7 and §5.8 done naively, on one list.

use std::collections::HashMap;

use proptest::prelude::*;
use url::Url;
use wayfare_proto::address::site::PublicSuffixes;
use wayfare_proto::policy::cookie::jar::{Jar, Keeping};
use wayfare_proto::policy::cookie::{
    Caller, Change, Context, Cookie, CookieKey, Limits, Scope, Sessions, SiteContext,
};
use wayfare_proto::syntax::set_cookie::{Lifetime, SameSite, SetCookie};
use wayfare_proto::syntax::stamp::Stamp;

/// A cookie of the naive list.
#[derive(Clone, Debug)]
struct Plain {
    name: String,
    value: String,
    domain: String,
    host_only: bool,
    path: String,
    expiry: Option<i64>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    partition: Option<String>,
}

/// The standard's cookie store: a list, in the order of creation.
#[derive(Clone, Debug, Default)]
struct Model(Vec<Plain>);

struct Asked<'a> {
    url: &'a Url,
    site: SiteContext,
    caller: Caller,
    partition: Option<&'a str>,
}

impl Asked<'_> {
    fn key(&self) -> String {
        let site = PublicSuffixes::default().site(self.url.host_str().unwrap()).to_owned();
        self.partition.map_or_else(|| format!("https://{site}"), str::to_owned)
    }
}

fn domain_match(text: &str, domain: &str) -> bool {
    let is_address =
        text.starts_with('[') || text.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    text == domain || (text.ends_with(&format!(".{domain}")) && !is_address)
}

fn path_match(request: &str, cookie: &str) -> bool {
    request == cookie
        || (request.starts_with(cookie)
            && (cookie.ends_with('/') || request.as_bytes()[cookie.len()] == b'/'))
}

fn default_path(url: &Url) -> String {
    let path = url.path();
    match path.rfind('/') {
        Some(0) | None => "/".into(),
        Some(at) => path[..at].into(),
    }
}

impl Model {
    fn store(&mut self, set: &SetCookie, asked: &Asked<'_>, now: i64) {
        self.expire(now);
        let host = asked.url.host_str().unwrap();
        let is_secure = asked.url.scheme() == "https";
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let expiry = match set.lifetime {
            Some(Lifetime::For(seconds)) if seconds <= 0 => Some(i64::MIN),
            Some(Lifetime::For(seconds)) => Some((now + seconds).min(now + 400 * 86_400)),
            Some(Lifetime::Until(at)) => Some(at.min(now + 400 * 86_400)),
            None => None,
        };
        let mut domain = set.domain.as_deref().map(text).unwrap_or_default();
        if !domain.is_empty() && PublicSuffixes::default().is_public_suffix(&domain) {
            if domain != host {
                return;
            }
            domain.clear();
        }
        if !domain.is_empty() && !domain_match(host, &domain) {
            return;
        }
        // For an address there is nothing below it, so both kinds are one.
        let host_only = domain.is_empty() || host.starts_with(|first: char| first.is_ascii_digit());
        let domain = if domain.is_empty() { host.to_owned() } else { domain };
        let path = set.path.as_deref().map_or_else(|| default_path(asked.url), text);
        if (set.secure && !is_secure) || (set.http_only && asked.caller == Caller::Script) {
            return;
        }
        let overlays = |old: &Plain| {
            old.secure
                && old.name.as_bytes() == set.name
                && (domain_match(&old.domain, &domain) || domain_match(&domain, &old.domain))
                && path_match(&path, &old.path)
        };
        if !set.secure && !is_secure && self.0.iter().any(overlays) {
            return;
        }
        if set.same_site != SameSite::None && asked.site == SiteContext::CrossSite {
            return;
        }
        let (name, value) = (text(&set.name), text(&set.value));
        let lower = name.to_lowercase();
        let is_host_prefixed = lower.starts_with("__host-");
        if (lower.starts_with("__secure-") || is_host_prefixed) && !set.secure {
            return;
        }
        if is_host_prefixed && (!host_only || set.path.as_deref() != Some(b"/")) {
            return;
        }
        if name.is_empty() && value.to_lowercase().starts_with("__host-") {
            return;
        }
        if set.partitioned && !set.secure {
            return;
        }
        let partition = set.partitioned.then(|| asked.key());
        let new = Plain {
            name,
            value,
            domain,
            host_only,
            path,
            expiry,
            secure: set.secure,
            http_only: set.http_only,
            same_site: set.same_site,
            partition,
        };
        let is_same = |old: &&mut Plain| {
            old.name == new.name
                && old.domain == new.domain
                && old.host_only == new.host_only
                && old.path == new.path
                && old.partition == new.partition
        };
        match self.0.iter_mut().find(is_same) {
            Some(old) if old.http_only && asked.caller == Caller::Script => return,
            Some(old) => *old = new,
            None => self.0.push(new),
        }
        self.expire(now);
    }

    fn expire(&mut self, now: i64) {
        self.0.retain(|cookie| cookie.expiry.is_none_or(|expiry| expiry > now));
    }

    fn header(&mut self, asked: &Asked<'_>, now: i64) -> String {
        self.expire(now);
        let host = asked.url.host_str().unwrap();
        let goes = |cookie: &&Plain| {
            let domain = if cookie.host_only {
                host == cookie.domain
            } else {
                domain_match(host, &cookie.domain)
            };
            domain
                && path_match(asked.url.path(), &cookie.path)
                && (!cookie.secure || asked.url.scheme() == "https")
                && (!cookie.http_only || asked.caller == Caller::Http)
                && match asked.site {
                    SiteContext::SameSite => true,
                    SiteContext::Navigation => cookie.same_site != SameSite::Strict,
                    SiteContext::CrossSite => cookie.same_site == SameSite::None,
                }
                && cookie.partition.as_ref().is_none_or(|own| *own == asked.key())
        };
        let mut sent: Vec<_> = self.0.iter().filter(goes).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pair = |cookie: &&Plain| match cookie.name.is_empty() {
            true => cookie.value.clone(),
            false => format!("{}={}", cookie.name, cookie.value),
        };
        sent.iter().map(pair).collect::<Vec<_>>().join("; ")
    }
}

/// Who keeps cookies elsewhere, done naively.
#[derive(Default)]
struct Elsewhere(HashMap<CookieKey, Cookie>);

impl Elsewhere {
    fn take(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Dropped(key) => drop(self.0.remove(&key)),
                Change::Kept(cookie) => drop(self.0.insert(cookie.key(), cookie)),
                Change::Used(key, at) => {
                    if let Some(cookie) = self.0.get_mut(&key) {
                        cookie.last_access = cookie.last_access.max(at);
                    }
                }
            }
        }
    }

    fn bring(&self, jar: &mut Jar, url: &Url) {
        let site = jar.site_of(url.host_str().unwrap()).to_owned();
        if !jar.is_loaded(&site) {
            let suffixes = PublicSuffixes::default();
            let of_site = |cookie: &&Cookie| suffixes.site(&cookie.domain) == site;
            let cookies = self.0.values().filter(of_site).cloned().collect();
            jar.load(&site, cookies);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(usize, SiteContext, Caller, Option<usize>),
    Forget,
    Set(usize, String, SiteContext, Caller, Option<usize>),
    Wait(i64),
}

const URLS: [&str; 14] = [
    "https://www.example.org/",
    "http://www.example.org/x/y",
    "https://example.org/x/y/z",
    "http://example.org/",
    "https://a.www.example.org/x",
    "https://notexample.org/",
    "http://127.0.0.1/x",
    "https://127.0.0.1/",
    "https://a.co.uk/x/",
    "https://co.uk/",
    "https://b.a.co.uk/xy",
    "https://localhost/",
    "https://www.example.org./x",
    "https://b.github.io/",
];
const DOMAINS: [&str; 9] = [
    "example.org",
    ".www.example.org",
    "org",
    "co.uk",
    "a.co.uk",
    "127.0.0.1",
    "localhost",
    "",
    "github.io",
];
const PAGES: [&str; 2] = ["https://page.test", "https://example.org"];

fn fields() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "", "__Secure-a", "__Host-a", "__host-b"]);
    let value = prop::sample::select(vec!["1", "2", "x=y", "__Host-x"]);
    let domain = prop::option::of(prop::sample::select(DOMAINS.to_vec()));
    let path = prop::option::of(prop::sample::select(vec!["/", "/x", "/x/", "/x/y", "x", "/xy"]));
    let life = prop::sample::select(vec![
        "",
        "; max-age=0",
        "; max-age=5",
        "; max-age=100000000",
        "; expires=Thu, 01 Jan 1970 00:00:10 GMT",
        "; expires=Fri, 01 Jan 2060 00:00:10 GMT",
    ]);
    let flags = prop::sample::subsequence(
        vec![
            "secure",
            "httponly",
            "partitioned",
            "samesite=none",
            "samesite=lax",
            "samesite=strict",
        ],
        0..4,
    );
    (name, value, domain, path, life, flags).prop_map(|(name, value, domain, path, life, flags)| {
        let mut field = format!("{name}={value}{life}");
        for (attribute, value) in [("domain", domain), ("path", path)] {
            if let Some(value) = value {
                field += &format!("; {attribute}={value}");
            }
        }
        flags.iter().fold(field, |field, flag| format!("{field}; {flag}"))
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let site = || {
        prop::sample::select(vec![
            SiteContext::SameSite,
            SiteContext::SameSite,
            SiteContext::Navigation,
            SiteContext::CrossSite,
        ])
    };
    let caller = || prop::sample::select(vec![Caller::Http, Caller::Http, Caller::Script]);
    let page = || prop::option::of(0..PAGES.len());
    let step = prop_oneof![
        6 => (0..URLS.len(), fields(), site(), caller(), page())
            .prop_map(|(at, field, site, caller, page)| Step::Set(at, field, site, caller, page)),
        6 => (0..URLS.len(), site(), caller(), page())
            .prop_map(|(at, site, caller, page)| Step::Ask(at, site, caller, page)),
        1 => (0_i64..8).prop_map(Step::Wait),
        1 => Just(Step::Forget),
    ];
    prop::collection::vec(step, 1..60)
}

fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let urls = URLS.map(|url| url.parse::<Url>().unwrap());
    let (mut jar, mut model) = (Jar::default(), Model::default());
    let keeping = Keeping::Elsewhere(Sessions::Keep);
    let mut lazy = Jar::new(Limits::default(), PublicSuffixes::default(), keeping);
    let mut elsewhere = Elsewhere::default();
    let mut now = 1_790_000_000;
    for step in steps {
        match step {
            Step::Wait(seconds) => now += seconds,
            Step::Forget => lazy.unload(),
            Step::Set(at, field, site, caller, page) => {
                let partition = page.map(|page| PAGES[page]);
                let Ok(set) = SetCookie::parse(field.as_bytes()) else { continue };
                model.store(&set, &Asked { url: &urls[at], site, caller, partition }, now);
                let mut context = Context::of(&urls[at]);
                (context.site, context.caller, context.partition) = (site, caller, partition);
                let _ = jar.store(&set, &context, Stamp::from_seconds(now));
                elsewhere.bring(&mut lazy, &urls[at]);
                let _ = lazy.store(&set, &context, Stamp::from_seconds(now));
            }
            Step::Ask(at, site, caller, page) => {
                let partition = page.map(|page| PAGES[page]);
                let asked = Asked { url: &urls[at], site, caller, partition };
                let expected = model.header(&asked, now);
                let mut context = Context::of(&urls[at]);
                (context.site, context.caller, context.partition) = (site, caller, partition);
                // The second answer is remembered from the first.
                for _ in 0..2 {
                    let header = jar.header(&context, Stamp::from_seconds(now));
                    let header = header.as_ref().map_or(&b""[..], |header| header.as_bytes());
                    prop_assert_eq!(header, expected.as_bytes());
                }
                elsewhere.bring(&mut lazy, &urls[at]);
                // The second answer is remembered from the first.
                for _ in 0..2 {
                    let header = lazy.header(&context, Stamp::from_seconds(now));
                    let header = header.as_ref().map_or(&b""[..], |header| header.as_bytes());
                    prop_assert_eq!(header, expected.as_bytes());
                }
            }
        }
        elsewhere.take(lazy.take_changes());
    }
    prop_assert!(jar.iter().all(|cookie| cookie.scope == Scope::Host || !cookie.domain.is_empty()));
    prop_assert_eq!(jar.iter().count(), jar.len());
    prop_assert_eq!(lazy.iter().count(), lazy.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_jar_answers_as_the_standards_algorithm_done_naively(steps in steps()) {
        check(steps)?;
    }
}
