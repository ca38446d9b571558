//! Cookies over real connections: what is kept of every answer, and what goes with every request.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod it;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use it::{Ask, FACES, Face, block_on, fetch, identity, runtime, trust};
use wayfare::cookies::{
    Change, Cookie, CookieKey, CookieStore, Refusal, Scope, Sessions, Stored, Storing,
};
use wayfare::event::What;
use wayfare::options::{Connections, CookieControl, Cookies, Dns, Proxies, SiteContext, Versions};
use wayfare::{Builder, Manager};
use wayfare_testkit::proxy::{Proxy, ProxyFault};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{FaultServer, Protocols, Server};

fn plain() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn secure(protocols: Protocols) -> Server {
    let server = Server::builder().tls(&identity().1).protocols(protocols);
    server.bind_on_thread("127.0.0.1:0").unwrap()
}

/// A manager for which every name is here.
fn builder() -> Builder {
    let pins = vec![("*".to_owned(), [127, 0, 0, 1].into())];
    Manager::builder().tls(trust()).dns(Dns { pins, ..Dns::default() })
}

/// The path of an answer with this status and these fields; its cookies are for all paths.
fn respond(status: u16, fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        let path = if *name == "set-cookie" { "; Path=/" } else { "" };
        query.append_pair(name, &format!("{value}{path}"));
    }
    format!("/respond/{status}?{}", query.finish())
}

fn setting(cookie: &str) -> String {
    respond(200, &[("set-cookie", cookie)])
}

fn sent(face: Face, manager: &Manager, url: &str) -> String {
    fetch(face, manager, Ask::get(url)).unwrap().text().to_owned()
}

#[test]
fn what_any_hop_sets_goes_with_the_next_over_every_protocol() {
    let servers = [
        (plain(), Versions::Http1),
        (plain(), Versions::Http2),
        (secure(Protocols::Http1), Versions::Any),
        (secure(Protocols::Http2), Versions::Any),
    ];
    for face in FACES {
        for (server, versions) in &servers {
            let connections = Connections { versions: *versions, ..Connections::default() };
            let manager = builder().connections(connections).build();
            for code in [301, 302, 303, 307, 308] {
                let told = format!("{face:?} {versions:?} {code}");
                let to = server.url_at("a.test", "/cookies");
                let cookie = format!("hop={code}");
                let from = respond(code, &[("location", &to), ("set-cookie", &cookie)]);
                assert_eq!(sent(face, &manager, &server.url_at("a.test", &from)), cookie, "{told}");
                assert_eq!(sent(face, &manager, &to), cookie, "{told}");
                assert_eq!(
                    sent(face, &manager, &server.url_at("b.test", "/cookies")),
                    "",
                    "{told}"
                );
            }
        }
    }
}

#[test]
fn an_answer_of_any_status_teaches() {
    for face in FACES {
        let (server, manager) = (plain(), builder().build());
        let statuses = [200, 204, 302, 304, 400, 401, 404, 407, 500];
        for status in statuses {
            let cookie = format!("c{status}=1");
            let path = respond(status, &[("set-cookie", &cookie)]);
            fetch(face, &manager, Ask::get(server.url(&path))).unwrap();
        }
        let all = sent(face, &manager, &server.url("/cookies"));
        assert_eq!(all, statuses.map(|status| format!("c{status}=1")).join("; "), "{face:?}");
    }
}

#[test]
fn a_cookie_belongs_to_the_host_that_set_it_wherever_it_leads() {
    for face in FACES {
        let (server, manager) = (plain(), builder().build());
        let at = |host: &str, path: &str| server.url_at(host, path);
        let back = respond(302, &[("location", &at("a.test", "/cookies")), ("set-cookie", "b=1")]);
        let there = respond(302, &[("location", &at("b.test", &back)), ("set-cookie", "a=1")]);
        assert_eq!(sent(face, &manager, &at("a.test", &there)), "a=1", "{face:?}");
        let to_b = server
            .requests()
            .into_iter()
            .find(|asked| asked.headers["host"].to_str().unwrap().starts_with("b.test"));
        assert!(!to_b.unwrap().headers.contains_key("cookie"), "{face:?}");
        assert_eq!(sent(face, &manager, &at("b.test", "/cookies")), "b=1");
        // Another port is the same host (RFC 6265 §8.5), a name below it is not.
        let other = plain();
        assert_eq!(sent(face, &manager, &other.url_at("a.test", "/cookies")), "a=1");
        assert_eq!(sent(face, &manager, &other.url_at("x.a.test", "/cookies")), "");
    }
}

#[test]
fn a_domain_cookie_goes_to_every_name_below_it() {
    let (server, manager) = (plain(), builder().build());
    let face = Face::Waited;
    fetch(face, &manager, Ask::get(server.url_at("x.a.test", &setting("d=1; Domain=a.test"))))
        .unwrap();
    fetch(face, &manager, Ask::get(server.url_at("x.a.test", &setting("e=1; Domain=test"))))
        .unwrap();
    fetch(face, &manager, Ask::get(server.url_at("a.test.", &setting("f=1; Domain=test."))))
        .unwrap();
    assert_eq!(sent(face, &manager, &server.url_at("y.a.test", "/cookies")), "d=1");
    assert_eq!(sent(face, &manager, &server.url_at("b.test", "/cookies")), "");
    assert_eq!(sent(face, &manager, &server.url_at("notx.atest", "/cookies")), "");
}

#[test]
fn secure_cookies_stay_off_plain_connections() {
    for face in FACES {
        let (plain, tls, manager) = (plain(), secure(Protocols::Http1), builder().build());
        let set = setting("s=1; Secure");
        fetch(face, &manager, Ask::get(plain.url_at("a.test", &set))).unwrap();
        assert_eq!(sent(face, &manager, &tls.url_at("a.test", "/cookies")), "");
        fetch(face, &manager, Ask::get(tls.url_at("a.test", &set))).unwrap();
        fetch(face, &manager, Ask::get(plain.url_at("a.test", &setting("s=2")))).unwrap();
        assert_eq!(sent(face, &manager, &tls.url_at("a.test", "/cookies")), "s=1");
        assert_eq!(sent(face, &manager, &plain.url_at("a.test", "/cookies")), "");
    }
}

#[test]
fn what_a_proxy_says_in_its_own_name_teaches_nothing() {
    for face in FACES {
        for status in [200, 302, 407, 502] {
            for scheme in ["http", "connect"] {
                let fault = ProxyFault::Status(status);
                let gate = Proxy::builder().fault(fault).bind_on_thread("127.0.0.1:0").unwrap();
                let proxies = Proxies::through(&gate.url(scheme)).unwrap();
                let manager = builder().proxies(proxies).build();
                // Whoever is given a plain request may answer for the origin, except with a 407.
                let url = if scheme == "http" && status != 407 {
                    "https://a.test/"
                } else {
                    "http://a.test/"
                };
                let _ = fetch(face, &manager, Ask::get(url));
                let all = block_on(manager.cookies().list()).unwrap();
                assert!(all.is_empty(), "{face:?} {status} {scheme}: {all:?}");
            }
        }
    }
}

#[test]
fn a_tunnel_is_asked_for_without_cookies() {
    let server = secure(Protocols::Http1);
    let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let manager = builder().proxies(Proxies::through(&gate.url("http")).unwrap()).build();
    for _ in 0..2 {
        fetch(Face::Waited, &manager, Ask::get(server.url_at("a.test", &setting("a=1")))).unwrap();
    }
    assert_eq!(sent(Face::Waited, &manager, &server.url_at("a.test", "/cookies")), "a=1");
    for asked in gate.requests() {
        let text = String::from_utf8_lossy(&asked.bytes).to_ascii_lowercase();
        assert!(text.starts_with("connect ") && !text.contains("cookie"), "{text}");
    }
}

#[test]
fn a_field_of_ones_own_goes_as_it_is_and_stays_with_its_origin() {
    for face in FACES {
        let (server, other, manager) = (plain(), plain(), builder().build());
        let at = |path: &str| server.url_at("a.test", path);
        for host in ["a.test", "b.test"] {
            fetch(face, &manager, Ask::get(server.url_at(host, &setting("jar=1")))).unwrap();
        }
        let own = |url: String| Ask::get(url).header("Cookie", "mine=1");
        assert_eq!(fetch(face, &manager, own(at("/cookies"))).unwrap().text(), "mine=1");
        let within = respond(302, &[("location", &at("/cookies"))]);
        assert_eq!(fetch(face, &manager, own(at(&within))).unwrap().text(), "mine=1");
        // Where it stays behind, the jar's go.
        for to in [server.url_at("b.test", "/cookies"), other.url_at("a.test", "/cookies")] {
            let away = respond(302, &[("location", &to)]);
            assert_eq!(fetch(face, &manager, own(at(&away))).unwrap().text(), "jar=1", "{to}");
        }
        assert_eq!(sent(face, &manager, &at("/cookies")), "jar=1");
    }
}

#[test]
fn cookies_are_chosen_by_the_url_and_not_by_a_host_field() {
    let (server, manager) = (plain(), builder().build());
    fetch(Face::Waited, &manager, Ask::get(server.url_at("a.test", &setting("a=1")))).unwrap();
    let as_b = |path: &str| Ask::get(server.url_at("a.test", path)).header("Host", "b.test");
    assert_eq!(fetch(Face::Waited, &manager, as_b("/cookies")).unwrap().text(), "a=1");
    fetch(Face::Waited, &manager, as_b(&setting("c=1"))).unwrap();
    assert_eq!(sent(Face::Waited, &manager, &server.url_at("b.test", "/cookies")), "");
    assert_eq!(sent(Face::Waited, &manager, &server.url_at("a.test", "/cookies")), "a=1; c=1");
}

#[test]
fn loading_and_saving_are_left_to_the_application_each_by_itself() {
    let server = plain();
    let manager = builder().build();
    let url = |path: &str| server.url_at("a.test", path);
    let ask = |cookies: Cookies, path: &str| {
        let reply = manager.blocking().get(url(path)).cookies(cookies).send().unwrap();
        reply.text().unwrap()
    };
    let manual = CookieControl::Manual;
    ask(Cookies { save: manual, ..Cookies::default() }, &setting("a=1"));
    assert_eq!(ask(Cookies::default(), "/cookies"), "");
    ask(Cookies { load: manual, ..Cookies::default() }, &setting("a=1"));
    assert_eq!(ask(Cookies { load: manual, ..Cookies::default() }, "/cookies"), "");
    assert_eq!(ask(Cookies { save: manual, ..Cookies::default() }, "/cookies"), "a=1");
    assert_eq!(ask(Cookies::off(), "/cookies"), "");
    let off = builder().cookies(Cookies::off()).build();
    sent(Face::Waited, &off, &url(&setting("a=1")));
    assert_eq!(sent(Face::Waited, &off, &url("/cookies")), "");
}

#[test]
fn the_site_a_request_comes_from_decides_what_goes_along() {
    let (server, manager) = (plain(), builder().build());
    let url = |path: &str| server.url_at("a.test", path);
    for cookie in ["s=1; SameSite=Strict", "l=1; SameSite=Lax", "n=1; SameSite=None"] {
        sent(Face::Waited, &manager, &url(&setting(cookie)));
    }
    for (site, expected) in [
        (SiteContext::SameSite, "s=1; l=1; n=1"),
        (SiteContext::Navigation, "l=1; n=1"),
        (SiteContext::CrossSite, "n=1"),
    ] {
        let cookies = Cookies { site, ..Cookies::default() };
        let reply = manager.blocking().get(url("/cookies")).cookies(cookies).send().unwrap();
        assert_eq!(reply.text().unwrap(), expected);
    }
}

#[test]
fn events_say_what_was_sent_and_why_something_was_refused_but_no_value() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let keep = move |event: &wayfare::event::Event| {
        if matches!(event.what, What::CookieRefused { .. } | What::CookiesSent { .. }) {
            listener.lock().unwrap().push(event.what.clone());
        }
    };
    let (server, manager) = (plain(), builder().on_event(keep).build());
    for cookie in
        ["good=secret", "wide=secret; Domain=test", "tls=secret; Secure", "=__Host-secret"]
    {
        sent(Face::Waited, &manager, &server.url_at("a.test", &setting(cookie)));
    }
    let told = told.lock().unwrap();
    let shown = format!("{told:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(matches!(&told[0], What::CookiesSent { names } if names == &["good"]), "{shown}");
    let refused: Vec<_> = told
        .iter()
        .filter_map(|what| match what {
            What::CookieRefused { name, why } => Some((name.as_str(), why.clone())),
            _ => None,
        })
        .collect();
    let expected =
        [("wide", Refusal::PublicSuffix), ("tls", Refusal::Secure), ("", Refusal::Prefix)];
    assert_eq!(refused, expected);
}

#[test]
fn an_answer_that_sets_too_many_is_heard_out_to_a_point() {
    let fields: Vec<String> = (0..60).map(|number| format!("c{number}=1")).collect();
    let fields: Vec<_> = fields.iter().map(|cookie| ("set-cookie", cookie.as_str())).collect();
    let (server, manager) = (plain(), builder().build());
    sent(Face::Waited, &manager, &server.url(&respond(200, &fields)));
    assert_eq!(block_on(manager.cookies().list()).unwrap().len(), 50);
    assert!(sent(Face::Waited, &manager, &server.url("/cookies")).ends_with("c49=1"));
}

#[test]
fn bytes_are_sent_back_as_they_came() {
    let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\xe9\xff%0d%0a\"x\"; Path=/\r\nContent-Length: 0\r\n\r\n";
    let steps = vec![Step::head(), Step::send(answer), Step::head(), Step::send(answer)];
    for face in FACES {
        let script = Script::always(steps.clone());
        let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
        let manager = builder().build();
        fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
        let field = block_on(manager.cookies().header_for(&server.url("/"))).unwrap().unwrap();
        assert_eq!(field.as_bytes(), b"a=\xe9\xff%0d%0a\"x\"");
        fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
    }
}

#[test]
fn the_face_of_the_jar_does_what_answers_do() {
    let manager = Manager::new();
    let jar = manager.blocking().cookies();
    assert_eq!(jar.store("https://a.test/x/y", "a=1; Secure").unwrap(), Stored::Added);
    let refused = jar.store("https://a.test/", "a=1; Domain=b.test").unwrap_err();
    assert!(refused.to_string().contains("a domain that the host is not in"), "{refused}");
    assert!(jar.store("nonsense", "a=1").is_err());
    let mut wide = Cookie::new(b"w", b"2", "a.test");
    wide.scope = Scope::Domain;
    assert_eq!(jar.set(wide).unwrap(), Stored::Added);
    assert!(jar.set(Cookie::new(b"w", b"2; x", "a.test")).is_err());
    let field =
        |url: &str| jar.header_for(url).unwrap().map(|field| field.to_str().unwrap().to_owned());
    assert_eq!(field("https://a.test/x").as_deref(), Some("a=1; w=2"));
    assert_eq!(field("http://sub.a.test/").as_deref(), Some("w=2"));
    let all = jar.list().unwrap();
    assert_eq!(all.len(), 2);
    // Neither form of file loses whether a cookie is its host's alone.
    for form in ["json", "netscape"] {
        let other = Manager::new().blocking().cookies();
        let imported = match form {
            "json" => other.import_json(&jar.export_json().unwrap()).unwrap(),
            _ => other.import_netscape(jar.export_netscape().unwrap().text).unwrap(),
        };
        assert_eq!((imported.kept, imported.refused.len()), (2, 0), "{form}");
        let keys =
            |cookies: Vec<Cookie>| cookies.iter().map(Cookie::key).collect::<Vec<CookieKey>>();
        assert_eq!(keys(other.list().unwrap()), keys(all.clone()), "{form}");
        assert_eq!(other.header_for("https://sub.a.test/x").unwrap().unwrap(), "w=2", "{form}");
    }
    assert!(jar.remove(&all[0].key()).unwrap() && !jar.remove(&all[0].key()).unwrap());
    jar.clear().unwrap();
    assert!(jar.list().unwrap().is_empty());
    let imported = jar.import_netscape("nonsense\nco.uk\tTRUE\t/\tFALSE\t0\ta\tb\n").unwrap();
    assert_eq!(imported.refused.len(), 2);
    assert!(imported.refused[1].starts_with("line 2: it is for a domain that many owners share"));
}

#[test]
fn a_request_that_is_sent_again_asks_for_its_cookies_again() {
    // 408 on a kept connection: the same request once more, with what the answer set.
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let late = "HTTP/1.1 408 Late\r\nSet-Cookie: again=1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let steps = vec![
        vec![Step::head(), Step::send(ok), Step::head(), Step::send(late)],
        vec![Step::head(), Step::send(ok)],
    ];
    for face in FACES {
        let script = Script::once(steps.clone());
        let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let told = sent.clone();
        let manager = builder()
            .on_event(move |event| {
                if let What::CookiesSent { names } = &event.what {
                    told.lock().unwrap().extend(names.clone());
                }
            })
            .build();
        for _ in 0..2 {
            assert_eq!(fetch(face, &manager, Ask::get(server.url("/"))).unwrap().status, 200);
        }
        assert_eq!(*sent.lock().unwrap(), ["again"], "{face:?}");
    }
}

/// A store that is slow, and can fail.
#[derive(Default)]
struct Shelf {
    kept: Mutex<HashMap<CookieKey, Cookie>>,
    asked: Mutex<Vec<String>>,
    saves: AtomicUsize,
    fails: AtomicBool,
}

impl Shelf {
    async fn pause(&self) -> io::Result<()> {
        // Whoever polls has to come back for the rest.
        for _ in 0..3 {
            let mut came = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                let ready = std::mem::replace(&mut came, true);
                if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        }
        match self.fails.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the disk is full")),
            false => Ok(()),
        }
    }
}

struct Shared(Arc<Shelf>);

impl CookieStore for Shared {
    fn load<'a>(&'a self, site: &'a str) -> Storing<'a, Vec<Cookie>> {
        Box::pin(async move {
            self.0.asked.lock().unwrap().push(site.to_owned());
            self.0.pause().await?;
            let all = self.0.kept.lock().unwrap().values().cloned().collect::<Vec<_>>();
            Ok(all.into_iter().filter(|cookie| cookie.domain.ends_with(site)).collect())
        })
    }

    fn load_all(&self) -> Storing<'_, Vec<Cookie>> {
        Box::pin(async move {
            self.0.pause().await?;
            Ok(self.0.kept.lock().unwrap().values().cloned().collect())
        })
    }

    fn save(&self, changes: Vec<Change>) -> Storing<'_, ()> {
        Box::pin(async move {
            self.0.saves.fetch_add(1, Ordering::Relaxed);
            self.0.pause().await?;
            let mut kept = self.0.kept.lock().unwrap();
            for change in changes {
                match change {
                    Change::Dropped(key) => drop(kept.remove(&key)),
                    Change::Kept(cookie) => drop(kept.insert(cookie.key(), cookie)),
                    Change::Used(key, at) => {
                        if let Some(cookie) = kept.get_mut(&key) {
                            cookie.last_access = at;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    fn sessions(&self) -> Sessions {
        Sessions::Forget
    }
}

#[test]
fn a_store_of_ones_own_is_asked_once_for_a_site_and_told_every_change() {
    for face in FACES {
        let (server, shelf) = (plain(), Arc::new(Shelf::default()));
        let manager = builder().cookie_store(Shared(shelf.clone())).build();
        let at = |host: &str, path: &str| server.url_at(host, path);
        sent(face, &manager, &at("x.a.test", &setting("long=1; Max-Age=60; Domain=a.test")));
        sent(face, &manager, &at("x.a.test", &setting("short=1")));
        assert_eq!(sent(face, &manager, &at("x.a.test", "/cookies")), "long=1; short=1");
        assert_eq!(*shelf.asked.lock().unwrap(), ["a.test"], "{face:?}");
        assert_eq!((shelf.kept.lock().unwrap().len(), shelf.saves.load(Ordering::Relaxed)), (1, 1));
        // Another manager finds what the first one left.
        let second = builder().cookie_store(Shared(shelf.clone())).build();
        assert_eq!(sent(face, &second, &at("y.a.test", "/cookies")), "long=1", "{face:?}");
        assert_eq!(block_on(second.cookies().list()).unwrap().len(), 1);
        block_on(second.cookies().clear()).unwrap();
        assert!(shelf.kept.lock().unwrap().is_empty());
    }
}

#[test]
fn where_a_store_fails_the_memory_goes_on() {
    for face in FACES {
        let (server, shelf) = (plain(), Arc::new(Shelf::default()));
        shelf.fails.store(true, Ordering::Relaxed);
        let failures = Arc::new(Mutex::new(Vec::new()));
        let told = failures.clone();
        let manager = builder()
            .cookie_store(Shared(shelf.clone()))
            .on_event(move |event| {
                if let What::StoreFailed { message } = &event.what {
                    told.lock().unwrap().push(message.clone());
                }
            })
            .build();
        sent(face, &manager, &server.url(&setting("a=1; Max-Age=60")));
        assert_eq!(sent(face, &manager, &server.url("/cookies")), "a=1", "{face:?}");
        let failures = failures.lock().unwrap();
        let read = "what is remembered could not be read: the disk is full";
        let written = "what is remembered could not be written: the disk is full";
        assert_eq!(*failures, [read, written], "{face:?}");
        assert!(block_on(manager.cookies().list()).is_err());
    }
}

#[test]
fn a_save_that_was_abandoned_is_made_up_for_by_the_next() {
    let (server, shelf) = (plain(), Arc::new(Shelf::default()));
    let manager = builder().cookie_store(Shared(shelf.clone())).build();
    let jar = manager.cookies();
    runtime().block_on(async {
        let url = server.url("/");
        let mut abandoned = Box::pin(jar.store(&url, "a=1; Max-Age=60"));
        std::future::poll_fn(|cx| {
            while shelf.saves.load(Ordering::Relaxed) == 0 {
                assert!(abandoned.as_mut().poll(cx).is_pending());
            }
            std::task::Poll::Ready(())
        })
        .await;
        drop(abandoned);
        assert!(shelf.kept.lock().unwrap().is_empty());
        jar.store(&url, "b=1; Max-Age=60").await.unwrap();
    });
    assert_eq!(shelf.kept.lock().unwrap().len(), 2);
}
