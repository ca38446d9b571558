//! The jar against the crate `cookie_store`, which goes by RFC 6265 as it was: what both know of must
//! come out alike, and where they differ the difference is written down here.

use cookie_store::CookieStore;
use proptest::prelude::*;
use url::Url;
use wayfare_proto::policy::cookie::Context;
use wayfare_proto::policy::cookie::jar::Jar;
use wayfare_proto::syntax::set_cookie::SetCookie;
use wayfare_proto::syntax::stamp::Stamp;

/// Both, told the same.
#[derive(Default)]
struct Both {
    ours: Jar,
    theirs: CookieStore,
}

impl Both {
    fn store(&mut self, url: &str, set: &str) {
        let url = Url::parse(url).unwrap();
        if let Ok(set) = SetCookie::parse(set.as_bytes()) {
            let _ = self.ours.store(&set, &Context::of(&url), now());
        }
        let _ = self.theirs.parse(set, &url);
    }

    /// What goes along with a request, as each of them says, sorted.
    fn sent(&mut self, url: &str) -> [Vec<String>; 2] {
        let url = Url::parse(url).unwrap();
        let ours = self.ours.header(&Context::of(&url), now());
        let ours = ours.as_ref().map_or("", |value| value.to_str().unwrap());
        let mut ours: Vec<_> =
            ours.split("; ").filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
        let theirs = self.theirs.get_request_values(&url);
        let mut theirs: Vec<_> = theirs.map(|(name, value)| format!("{name}={value}")).collect();
        ours.sort();
        theirs.sort();
        [ours, theirs]
    }
}

/// The crate reads the clock itself.
#[allow(clippy::disallowed_methods)] // The tests of rules are told the time, but for this one.
fn now() -> Stamp {
    Stamp::from(std::time::SystemTime::now())
}

const PLACES: &[&str] = &[
    "http://a.example.org/",
    "https://a.example.org/x/y",
    "https://b.a.example.org/x",
    "https://example.org/x/",
    "https://other.example.net/x/y/z",
    "https://127.0.0.1/x",
    "https://[::1]/x",
];
const DOMAINS: &[&str] = &[
    "",
    "; Domain=example.org",
    "; Domain=.example.org",
    "; Domain=A.Example.Org",
    "; Domain=b.a.example.org",
    "; Domain=ample.org",
    "; Domain=example.net",
    "; Domain=127.0.0.1",
];
const PATHS: &[&str] = &["", "; Path=/", "; Path=/x", "; Path=/x/", "; Path=/x/y", "; Path=x"];
const OTHERS: &[&str] = &["", "; HttpOnly", "; Max-Age=60", "; Max-Age=0", "; Max-Age=-5", "; X=y"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_both_know_of_comes_out_alike(
        sets in prop::collection::vec(
            (
                prop::sample::select(PLACES),
                prop::sample::select(&["one", "two"][..]),
                0..100_u8,
                prop::sample::select(DOMAINS),
                prop::sample::select(PATHS),
                prop::sample::select(OTHERS),
            ),
            0..24,
        )
    ) {
        let mut both = Both::default();
        for (place, name, value, domain, path, other) in &sets {
            // One name is either a host's or a domain's; see below.
            let kind = if domain.is_empty() { "host" } else { "domain" };
            both.store(place, &format!("{name}-{kind}={value}{domain}{path}{other}"));
        }
        for place in PLACES {
            let [ours, theirs] = both.sent(place);
            prop_assert_eq!(ours, theirs, "{}", place);
        }
    }
}

#[test]
fn where_the_crate_differs_is_known() {
    let secure = "https://a.example.org/";
    let plain = "http://a.example.org/";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [&'a str], &'a [&'a str]);
    let table: &[Case<'_>] = &[
        // RFC 6265bis §5.7 item 8: nobody in clear text sets what is for TLS only.
        ("secure from http", &[(plain, "a=1; Secure")], secure, &[], &["a=1"]),
        // Item 9, leave secure cookies alone.
        ("overlay", &[(secure, "a=1; Secure"), (plain, "a=2")], secure, &["a=1"], &["a=2"]),
        // Items 20 to 22, the prefixes.
        ("__Secure-", &[(secure, "__Secure-a=1")], secure, &[], &["__Secure-a=1"]),
        (
            "__Host-",
            &[(secure, "__Host-a=1; Secure; Path=/x")],
            "https://a.example.org/x",
            &[],
            &["__Host-a=1"],
        ),
        // §5.7 item 9 of the domain: the crate has a list of public suffixes only if it is given one.
        ("suffix", &[("https://a.co.uk/", "a=1; Domain=co.uk")], "https://b.co.uk/", &[], &["a=1"]),
        // Item 23: a host's cookie and a domain's of the same name are two.
        (
            "host-only",
            &[(plain, "a=1; Domain=example.org"), ("https://example.org/", "a=2")],
            "https://example.org/",
            &["a=1", "a=2"],
            &["a=2"],
        ),
        // §5.6: more than 4096 bytes of name and value.
        ("long", &[(secure, LONG)], secure, &[], &[LONG]),
    ];
    for (name, sets, asked, ours, theirs) in table {
        let mut both = Both::default();
        for (place, set) in *sets {
            both.store(place, set);
        }
        assert_eq!(both.sent(asked), [ours.to_vec(), theirs.to_vec()], "{name}");
    }
}

const LONG: &str = {
    const BYTES: [u8; 4099] = {
        let mut bytes = [b'v'; 4099];
        bytes[0] = b'a';
        bytes[1] = b'=';
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("it is ASCII"),
    }
};
