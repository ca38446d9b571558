//! No secret reaches a side that it is not for: face × protocol × route × redirect × kind of secret.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;
mod tickets;

use std::net::{IpAddr, Ipv4Addr};

use it::{Ask, FACES, Face, fetch, identity, trust};
use tickets::ticketed;
use wayfare::Manager;
use wayfare::delegate::Credentials;
use wayfare::options::{Connections, Dns, Proxies, Versions};
use wayfare_testkit::proxy::{Asks, Proxy};
use wayfare_testkit::server::RequestRecord;
use wayfare_testkit::{Protocols, Server};

/// What must not be told to others, as a program says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    Basic,
    BasicUnasked,
    Bearer,
    Cookie,
    Digest,
    Jar,
    Negotiate,
    Ntlm,
    OwnField,
}

const SECRETS: [Secret; 9] = [
    Secret::Basic,
    Secret::BasicUnasked,
    Secret::Bearer,
    Secret::Cookie,
    Secret::Digest,
    Secret::Jar,
    Secret::Negotiate,
    Secret::Ntlm,
    Secret::OwnField,
];

/// Where the redirect leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Back,
    OtherHost,
    OtherPort,
    OtherWithUser,
    SameOrigin,
}

const SHAPES: [Shape; 5] =
    [Shape::Back, Shape::OtherHost, Shape::OtherPort, Shape::OtherWithUser, Shape::SameOrigin];

/// What is in a request only if it has one of the secrets in it.
const MARKS: [&str; 6] = ["authorization", "passwd", "dXNlcjp", "t0ken", "own-cookie", "flavor="];

impl Secret {
    /// A place that is guarded in the way of this secret, or one that anybody may see.
    fn place(self) -> &'static str {
        match self {
            Self::Basic | Self::BasicUnasked => "/auth-basic",
            Self::Digest => "/auth-digest",
            Self::Negotiate => "/auth-negotiate",
            Self::Ntlm => "/auth-ntlm",
            Self::Bearer | Self::Cookie | Self::Jar | Self::OwnField => "/get",
        }
    }

    fn is_guarded(self) -> bool {
        self.place() != "/get"
    }

    /// True if it is in the request.
    fn is_in(self, request: &RequestRecord) -> bool {
        let name = match self {
            Self::Cookie | Self::Jar => "cookie",
            _ => "authorization",
        };
        request.headers.contains_key(name)
    }
}

/// One way to two servers, and how they are spoken to.
struct Scene {
    face: Face,
    versions: Versions,
    route: &'static str,
    first: Server,
    other: Server,
    gate: Proxy,
}

impl Scene {
    fn new(face: Face, (scheme, versions): (&str, Versions), route: &'static str) -> Self {
        let bind = || match scheme {
            "https" => {
                let server = Server::builder().tls(&identity().1).protocols(Protocols::Both);
                server.bind_on_thread("127.0.0.1:0").unwrap()
            }
            _ => Server::builder().bind_on_thread("127.0.0.1:0").unwrap(),
        };
        let gate = Proxy::builder().login("ada", "gate").asks(Asks::DigestOrBasic);
        let gate = gate.bind_on_thread("127.0.0.1:0").unwrap();
        Self { face, versions, route, first: bind(), other: bind(), gate }
    }

    fn manager(&self) -> Manager {
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let dns = Dns { pins: vec![("*".to_owned(), here)], ..Dns::default() };
        let proxies = match self.route {
            "direct" => Proxies::off(),
            scheme => {
                let way = self.gate.url(scheme).replace("://", "://ada:gate@");
                Proxies::through(&way).unwrap()
            }
        };
        let connections = Connections { versions: self.versions, ..Connections::default() };
        let builder = Manager::builder().network(ticketed().0).tls(trust()).dns(dns);
        builder.proxies(proxies).connections(connections).build()
    }

    /// The URL of a place at the end of a redirect of this shape, and that of the redirect.
    fn urls(&self, shape: Shape, place: &str) -> (String, String) {
        let to = |from: &Server, host: &str, target: &str| {
            let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            from.url_at(host, &format!("/redirect-to?code=307&url={target}"))
        };
        let end = match shape {
            Shape::SameOrigin | Shape::Back => self.first.url_at("a.test", place),
            Shape::OtherPort => self.other.url_at("a.test", place),
            Shape::OtherHost => self.other.url_at("b.test", place),
            Shape::OtherWithUser => {
                self.other.url_at("b.test", place).replace("://", "://user:passwd@")
            }
        };
        let next = match shape {
            Shape::Back => to(&self.other, "b.test", &end),
            _ => end.clone(),
        };
        (end, to(&self.first, "a.test", &next))
    }

    fn send(&self, manager: &Manager, secret: Secret, url: &str) -> u16 {
        let ask = Ask::get(url);
        let ask = match secret {
            Secret::BasicUnasked => ask.header("Authorization", "Basic dXNlcjpwYXNzd2Q="),
            Secret::Bearer => ask.header("Authorization", "Bearer t0ken"),
            Secret::Cookie => ask.header("Cookie", "own-cookie=1"),
            Secret::OwnField => ask.header("Authorization", "Mine t0ken"),
            Secret::Negotiate => ask.credentials(Credentials::ambient()),
            Secret::Basic | Secret::Digest | Secret::Ntlm => {
                Ask::get(url.replacen("://", "://user:passwd@", 1))
            }
            Secret::Jar => ask,
        };
        fetch(self.face, manager, ask).unwrap().status
    }

    fn check(&self, secret: Secret, shape: Shape) {
        let told =
            format!("{:?} {:?} by {} {secret:?} {shape:?}", self.face, self.versions, self.route);
        let manager = self.manager();
        if secret == Secret::Jar {
            self.send(&manager, secret, &self.first.url_at("a.test", "/cookies-set"));
        }
        // So that it goes along unasked from here on.
        let known = self.first.url_at("a.test", secret.place());
        assert_eq!(self.send(&manager, secret, &known), 200, "{told}");
        self.first.clear_requests();
        self.other.clear_requests();
        let before = self.gate.requests().len();

        let (_, start) = self.urls(shape, secret.place());
        let status = self.send(&manager, secret, &start);
        let stays = shape == Shape::SameOrigin;
        let expected = if stays || !secret.is_guarded() { 200 } else { 401 };
        assert_eq!(status, expected, "{told}");

        let (first, other) = (self.first.requests(), self.other.requests());
        let last = first.last().unwrap();
        // Nothing is said again on a connection that is proven.
        if !matches!(secret, Secret::Negotiate | Secret::Ntlm) {
            assert!(secret.is_in(&first[0]), "{told}: it goes to the one it is for");
            assert_eq!(stays || shape != Shape::Back || secret == Secret::Jar, secret.is_in(last));
        }
        assert_eq!(stays, other.is_empty(), "{told}");
        for request in &other {
            // A cookie is its host's, whatever the port.
            if secret == Secret::Jar && shape == Shape::OtherPort {
                continue;
            }
            let text = format!("{} {:?}", request.target, request.headers);
            let found = MARKS.into_iter().find(|mark| text.contains(mark));
            assert!(found.is_none() && !secret.is_in(request), "{told}: {text}");
        }
        self.check_gate(before, secret, shape, &told);
        for request in first.iter().chain(&other) {
            assert!(!request.headers.contains_key("proxy-authorization"), "{told}");
        }
    }

    /// What the proxy heard, apart from requests that it was given for the first server.
    fn check_gate(&self, before: usize, secret: Secret, shape: Shape, told: &str) {
        for heard in &self.gate.requests()[before..] {
            let is_for_first = heard.target.starts_with(&self.first.url_at("a.test", "/"));
            if is_for_first || (secret == Secret::Jar && shape == Shape::OtherPort) {
                continue;
            }
            let text = String::from_utf8_lossy(&heard.bytes).replace("Proxy-Authorization", "");
            let text = text.replace("proxy-authorization", "");
            // What a SOCKS proxy is asked for has a few bytes and no fields.
            let found = MARKS.into_iter().find(|mark| text.contains(mark));
            assert_eq!(found, None, "{told}: {text}");
        }
    }
}

#[test]
fn no_secret_reaches_a_side_that_it_is_not_for() {
    let plain = ("http", Versions::Http1, ["direct", "http", "connect", "socks5h"].as_slice());
    let secure = ["direct", "http", "socks5h"].as_slice();
    let protocols = [plain, ("https", Versions::Http1, secure), ("https", Versions::Any, secure)];
    let mut checked = 0;
    for face in FACES {
        for (scheme, versions, routes) in protocols {
            for route in routes {
                let scene = Scene::new(face, (scheme, versions), route);
                for secret in SECRETS {
                    for shape in SHAPES {
                        scene.check(secret, shape);
                        checked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked, 3 * 10 * 9 * 5);
}
