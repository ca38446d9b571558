//! Who is asking: schemes, sources of credentials, and who never learns of them.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use it::{Ask, FACES, Face, fetch, fetch_awaited, free_port, identity, manager, runtime};
use wayfare::delegate::{Credentials, CredentialsQuestion, Delegate, Login};
use wayfare::options::{Auth, AuthenticationReuse, Netrc, Scheme, Schemes, Tls};
use wayfare::{Body, ErrorKind, Manager};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{FaultServer, Server};

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn right() -> Credentials {
    Credentials::new("user", "passwd")
}

/// What each request said, in order; `-` for nothing.
fn said(server: &Server) -> Vec<String> {
    let field = |record: &wayfare_testkit::server::RequestRecord| {
        let value = record.headers.get("authorization")?.to_str().ok()?;
        Some(value.split(' ').next()?.to_owned())
    };
    server.requests().iter().map(|record| field(record).unwrap_or_else(|| "-".into())).collect()
}

fn knowing(server: &Server, credentials: Credentials) -> Manager {
    let manager = manager();
    manager.set_credentials(&server.url("/"), None, Some(credentials)).unwrap();
    manager
}

#[test]
fn a_password_is_said_when_asked_and_unasked_from_then_on() {
    for face in FACES {
        for path in ["/auth-basic", "/auth-digest", "/auth-digest?algorithm=SHA-256"] {
            let server = serve();
            let scheme = if path.contains("basic") { "Basic" } else { "Digest" };
            let manager = knowing(&server, right());
            for _ in 0..3 {
                let got = fetch(face, &manager, Ask::get(server.url(path))).unwrap();
                assert_eq!(got.status, 200, "{face:?} {path}");
            }
            assert_eq!(said(&server), ["-", scheme, scheme, scheme], "{face:?} {path}");
        }
    }
}

#[test]
fn every_kind_of_digest_is_answered() {
    for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256"] {
        for rest in ["", "&qop=auth-int", "&qop=auth,auth-int", "&qop=", "&userhash", "&next"] {
            let server = serve();
            let manager = knowing(&server, right());
            let url = server.url(&format!("/auth-digest?algorithm={algorithm}{rest}"));
            for _ in 0..3 {
                let got = fetch(Face::Waited, &manager, Ask::get(&url)).unwrap();
                assert_eq!(got.status, 200, "{algorithm}{rest}");
            }
            assert_eq!(server.request_count(), 4, "{algorithm}{rest}");
        }
    }
}

#[test]
fn a_digest_goes_along_unasked_to_the_places_that_it_names_as_urls_of_the_same_origin() {
    let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for face in FACES {
        for (other, expected) in [(false, "digest"), (true, "")] {
            let port = free_port();
            let named = if other { port.wrapping_add(1) } else { port };
            let asks = format!(
                "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm=\"r\", \
                 nonce=\"n\", qop=\"auth\", domain=\"http://127.0.0.1:{named}/out\"\r\n\r\n"
            );
            let answers = [asks.as_str(), fine, fine].map(str::to_owned);
            let steps = answers.into_iter().flat_map(|said| [Step::head(), Step::send(said)]);
            let script = FaultServer::script(Script::once(vec![steps.collect()]));
            let server = script.bind_on_thread(format!("127.0.0.1:{port}")).unwrap();
            let manager = manager();
            manager.set_credentials(&server.url("/"), None, Some(right())).unwrap();
            for path in ["/in/one", "/out/two"] {
                let got = fetch(face, &manager, Ask::get(server.url(path))).unwrap();
                assert_eq!(got.status, 200, "{face:?} {path}");
            }
            let heard = String::from_utf8(server.heard()[0].bytes.to_ascii_lowercase()).unwrap();
            let (_, last) = heard.rsplit_once("get /out/two").unwrap();
            let mut fields = last.lines().filter_map(|line| line.strip_prefix("authorization: "));
            let said = fields.next().and_then(|said| said.split(' ').next()).unwrap_or_default();
            assert_eq!(said, expected, "{face:?}");
        }
    }
}

#[test]
fn a_nonce_that_is_used_up_costs_a_round_and_no_question() {
    let server = serve();
    let manager = knowing(&server, right());
    for _ in 0..4 {
        let ask = Ask::get(server.url("/auth-digest?uses=2"));
        assert_eq!(fetch(Face::Waited, &manager, ask).unwrap().status, 200);
    }
    // Asked once; then two uses, a stale one, and two of the next nonce.
    assert_eq!(server.request_count(), 6);
}

#[test]
fn a_server_that_is_never_content_ends_the_talk_after_a_few_rounds() {
    let answers = [
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", stale=true",
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
        "Basic realm=\"r\"",
    ];
    for answer in answers {
        for face in FACES {
            let answer = format!(
                "HTTP/1.1 401 No\r\nWWW-Authenticate: {answer}\r\nContent-Length: 0\r\n\r\n"
            );
            let steps = vec![Step::head(), Step::send(answer)];
            let server = FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0");
            let server = server.unwrap();
            let manager = manager();
            manager.set_credentials(&server.url("/"), None, Some(right())).unwrap();
            let got = fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
            assert_eq!(got.status, 401);
            let heard = server.heard();
            let gets = |bytes: &[u8]| bytes.windows(5).filter(|bytes| *bytes == b"GET /").count();
            let requests: usize = heard.iter().map(|heard| gets(&heard.bytes)).sum();
            assert!((2..=5).contains(&requests), "{face:?}: {requests} requests");
        }
    }
}

#[test]
fn what_was_refused_is_not_said_again() {
    let server = serve();
    let manager = knowing(&server, Credentials::new("user", "wrong"));
    for _ in 0..2 {
        let got = fetch(Face::Waited, &manager, Ask::get(server.url("/auth-basic"))).unwrap();
        assert_eq!(got.status, 401);
    }
    assert_eq!(said(&server), ["-", "Basic", "-"]);
    manager.set_credentials(&server.url("/"), None, Some(right())).unwrap();
    let got = fetch(Face::Waited, &manager, Ask::get(server.url("/auth-basic"))).unwrap();
    assert_eq!(got.status, 200);
}

#[test]
fn the_strongest_scheme_that_may_be_used_is_taken() {
    let offers = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\
        WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n";
    let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let table = [
        (Schemes::all(), Some("digest")),
        (Schemes::only(Scheme::Basic), Some("basic")),
        (Schemes::only(Scheme::Bearer), None),
    ];
    for (schemes, expected) in table {
        let steps = vec![Step::head(), Step::send(offers), Step::head(), Step::send(fine)];
        let server =
            FaultServer::script(Script::once(vec![steps])).bind_on_thread("127.0.0.1:0").unwrap();
        let auth = Auth { schemes, ..Auth::default() };
        let manager =
            Manager::builder().auth(auth).proxies(wayfare::options::Proxies::off()).build();
        let request = manager.blocking().get(server.url("/")).credentials(right());
        let status = request.send().unwrap().status();
        assert_eq!(status, if expected.is_some() { 200 } else { 401 });
        let heard = String::from_utf8(server.heard()[0].bytes.to_ascii_lowercase()).unwrap();
        let mut lines = heard.lines().filter_map(|line| line.strip_prefix("authorization: "));
        let told = lines.next_back();
        assert_eq!(told.and_then(|told| told.split(' ').next()), expected);
    }
}

#[test]
fn a_requests_own_credentials_are_nobody_elses() {
    let server = serve();
    let manager = manager();
    let url = server.url("/auth-basic");
    let status = |credentials: Option<Credentials>| {
        let request = manager.blocking().get(&url);
        let request = match credentials {
            Some(credentials) => request.credentials(credentials),
            None => request,
        };
        request.send().unwrap().status().as_u16()
    };
    assert_eq!(status(Some(right())), 200);
    assert_eq!(status(None), 401);
    assert_eq!(status(Some(Credentials::new("user", "PASSWD"))), 401);
    assert_eq!(status(Some(right())), 200);
    assert_eq!(said(&server), ["-", "Basic", "-", "-", "Basic", "Basic"]);
}

#[test]
fn credentials_of_a_url_are_said_when_asked_and_never_shown() {
    for face in FACES {
        let server = serve();
        let url = server.url("/auth-basic").replace("http://", "http://user:passw%64@");
        let got = fetch(face, &manager(), Ask::get(&url)).unwrap();
        assert_eq!((got.status, got.url.as_str()), (200, server.url("/auth-basic").as_str()));
    }
}

/// Redirects from a guarded place of `a` to a guarded one of `b`.
fn guarded_hop(a: &Server, b: &Server, code: u16) -> String {
    let to = b.url("/auth-digest");
    let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
    a.url(&format!("/redirect-to?code={code}&url={to}"))
}

#[test]
fn no_other_origin_learns_of_credentials_however_it_asks() {
    let (authority, server_identity) = identity();
    let tls = Tls::default().with_only_authority_pem(authority.pem()).unwrap();
    for face in FACES {
        for code in [301, 302, 303, 307, 308] {
            for is_secure in [false, true] {
                let bind = || match is_secure {
                    true => Server::builder().tls(server_identity).bind_on_thread("127.0.0.1:0"),
                    false => Server::builder().bind_on_thread("127.0.0.1:0"),
                };
                let (a, b) = (bind().unwrap(), bind().unwrap());
                let manager = Manager::builder()
                    .tls(tls.clone())
                    .proxies(wayfare::options::Proxies::off())
                    .build();
                manager.set_credentials(&a.url("/"), None, Some(right())).unwrap();
                // So that something is known of A beforehand.
                assert_eq!(
                    fetch(face, &manager, Ask::get(a.url("/auth-digest"))).unwrap().status,
                    200
                );
                let start = guarded_hop(&a, &b, code);
                for url in [start.clone(), start.replacen("://", "://user:passwd@", 1)] {
                    let got = fetch(face, &manager, Ask::get(url)).unwrap();
                    assert_eq!(
                        (got.status, got.url.port()),
                        (
                            401,
                            b.url("/")
                                .rsplit(':')
                                .next()
                                .unwrap()
                                .trim_end_matches('/')
                                .parse()
                                .ok()
                        )
                    );
                }
                let told = said(&b);
                assert!(told.iter().all(|one| one == "-"), "{face:?} {code} {is_secure} {told:?}");
            }
        }
    }
}

#[test]
fn credentials_do_not_come_back_to_their_origin_over_another() {
    let (a, b) = (serve(), serve());
    let manager = manager();
    let back = guarded_hop(&b, &a, 302);
    let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let start = a.url(&format!("/redirect-to?url={back}"));
    let request = manager.blocking().get(start).credentials(right());
    assert_eq!(request.send().unwrap().status(), 401);
    assert!(said(&a).iter().chain(&said(&b)).all(|one| one == "-"));
}

/// Counts how often it is asked.
struct Clerk {
    asked: Arc<AtomicUsize>,
    answer: Option<(&'static str, &'static str)>,
}

impl Delegate for Clerk {
    fn credentials<'a>(&'a self, asked: &'a CredentialsQuestion) -> Login<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(asked.realm.as_deref(), Some("wayfare"));
        Box::pin(async {
            // Time for others to come along.
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.answer.map(|(user, password)| Credentials::new(user, password))
        })
    }
}

fn asking(answer: Option<(&'static str, &'static str)>) -> (Manager, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let clerk = Clerk { asked: asked.clone(), answer };
    let builder = Manager::builder().delegate(clerk);
    (builder.proxies(wayfare::options::Proxies::off()).build(), asked)
}

#[test]
fn the_delegate_is_asked_once_however_many_requests_wait() {
    for (answer, status, most) in
        [(Some(("user", "passwd")), 200, 1), (Some(("user", "wrong")), 401, 1), (None, 401, 1)]
    {
        let server = serve();
        let (manager, asked) = asking(answer);
        runtime().block_on(async {
            let url = server.url("/auth-basic");
            let many = (0..20).map(|_| fetch_awaited(&manager, Ask::get(&url)));
            for got in futures(many).await {
                assert_eq!(got.unwrap().status, status);
            }
        });
        assert_eq!(asked.load(Ordering::Relaxed), most, "{answer:?}");
    }
}

async fn futures<F: Future>(many: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut many: Vec<_> = many.map(|one| Some(Box::pin(one))).collect();
    let mut done: Vec<_> = many.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (one, done) in many.iter_mut().zip(&mut done) {
            if let Some(future) = one
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                (*one, *done) = (None, Some(output));
            }
        }
        match many.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}

#[test]
fn without_reuse_each_request_is_asked_and_only_itself_and_the_delegate_answer() {
    let server = serve();
    let auth = Auth { reuse: AuthenticationReuse::Manual, ..Auth::default() };
    let manager = Manager::builder().auth(auth).proxies(wayfare::options::Proxies::off()).build();
    manager.set_credentials(&server.url("/"), None, Some(right())).unwrap();
    let url = server.url("/auth-digest");
    assert_eq!(manager.blocking().get(&url).send().unwrap().status(), 401);
    for _ in 0..2 {
        let request = manager.blocking().get(&url).credentials(right());
        assert_eq!(request.send().unwrap().status(), 200);
    }
    assert_eq!(said(&server), ["-", "-", "Digest", "-", "Digest"]);
}

#[test]
fn a_netrc_is_looked_into_when_asked_and_named_when_it_is_broken() {
    let file = std::env::temp_dir().join(format!("wayfare-netrc-{}", std::process::id()));
    let server = serve();
    let url = server.url("/auth-basic");
    let status = |text: &str, url: &str| {
        std::fs::write(&file, text).unwrap();
        let auth = Auth { netrc: Netrc::File(file.clone()), ..Auth::default() };
        manager().blocking().get(url).auth(auth).send().map(|reply| reply.status().as_u16())
    };
    assert_eq!(status("machine 127.0.0.1 login user password passwd", &url).unwrap(), 200);
    assert_eq!(status("machine a.test login user password passwd", &url).unwrap(), 401);
    assert_eq!(status("default login user password passwd", &url).unwrap(), 200);
    let named = url.replace("http://", "http://user@");
    let others =
        "machine 127.0.0.1 login bob password x\nmachine 127.0.0.1 login user password passwd";
    assert_eq!(status(others, &named).unwrap(), 200);
    let eve = url.replace("http://", "http://eve@");
    assert_eq!(status("machine 127.0.0.1 login user password passwd", &eve).unwrap(), 401);
    let error = status("machine 127.0.0.1 secret", &url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileSystem);
    let text = error.to_string();
    assert!(
        text.contains("line 1: there should be a keyword") && !text.contains("secret"),
        "{text}"
    );
    std::fs::remove_file(&file).unwrap();
    let missing = Auth { netrc: Netrc::File(file.clone()), ..Auth::default() };
    let error = manager().blocking().get(&url).auth(missing).send().unwrap_err();
    assert!(error.to_string().contains(&*file.to_string_lossy()), "{error}");
}

#[test]
fn a_body_that_can_be_sent_once_gets_its_401_and_others_are_sent_again() {
    let server = serve();
    let manager = knowing(&server, right());
    let again = Ask::post(server.url("/auth-digest?qop=auth"), "hello");
    assert_eq!(fetch(Face::Waited, &manager, again).unwrap().status, 200);
    assert_eq!(server.requests()[1].body, "hello");
    manager.clear_access_cache();
    let body = Body::blocking_reader(std::io::Cursor::new("hello"), None);
    let once = Ask::post(server.url("/auth-digest"), body);
    assert_eq!(fetch(Face::Waited, &manager, once).unwrap().status, 401);
}

#[test]
fn what_is_said_by_hand_stays_as_it_is() {
    let server = serve();
    let manager = knowing(&server, right());
    let ask = Ask::get(server.url("/auth-basic")).header("Authorization", "Mine abc");
    assert_eq!(fetch(Face::Waited, &manager, ask).unwrap().status, 401);
    assert_eq!(said(&server), ["Mine"]);
}

#[test]
fn passwords_are_shown_nowhere() {
    let server = serve();
    let shown = Arc::new(std::sync::Mutex::new(String::new()));
    let sink = shown.clone();
    let manager = Manager::builder()
        .on_event(move |event| *sink.lock().unwrap() += &format!("{event:?}\n"))
        .proxies(wayfare::options::Proxies::off())
        .build();
    let url = server.url("/auth-digest").replace("http://", "http://user:passwd@");
    let request = manager.blocking().get(&url);
    *shown.lock().unwrap() += &format!("{request:?} {manager:?}");
    assert_eq!(request.send().unwrap().status(), 200);
    manager.set_credentials(&server.url("/"), None, Some(right())).unwrap();
    let text = shown.lock().unwrap().clone() + &format!("{manager:?}");
    assert!(text.contains("AuthenticationRequired") && text.contains("Sensitive"), "{text}");
    assert!(!text.contains("passwd") && !text.contains("response="), "{text}");
}

#[test]
fn a_connection_is_proven_once_and_then_its_user_s_alone() {
    for face in FACES {
        for is_secure in [false, true] {
            let (authority, server_identity) = identity();
            let server = match is_secure {
                true => Server::builder().tls(server_identity).bind_on_thread("127.0.0.1:0"),
                false => Server::builder().bind_on_thread("127.0.0.1:0"),
            };
            let server = server.unwrap();
            let tls = Tls::default().with_only_authority_pem(authority.pem()).unwrap();
            let off = wayfare::options::Proxies::off();
            let manager = Manager::builder().tls(tls).proxies(off).build();
            let url = server.url("/auth-ntlm");
            manager.set_credentials(&url, None, Some(right())).unwrap();
            for _ in 0..3 {
                let got = fetch(face, &manager, Ask::post(&url, "body")).unwrap();
                assert_eq!((got.status, got.version), (200, http::Version::HTTP_11), "{face:?}");
            }
            // Unasked, the greeting, the proof; then two requests on the proven connection.
            assert_eq!(server.request_count(), 5, "{face:?} {is_secure}");
            let connections: Vec<_> =
                server.requests()[1..].iter().map(|record| record.connection).collect();
            assert!(connections.iter().all(|one| *one == connections[0]), "{connections:?}");

            // Somebody else, or nobody, gets another connection.
            manager.set_credentials(&url, None, None).unwrap();
            let nobody = fetch(face, &manager, Ask::get(&url)).unwrap();
            assert_eq!(nobody.status, 401);
            let other = Credentials::new("user", "PASSWD");
            manager.set_credentials(&url, None, Some(other)).unwrap();
            assert_eq!(fetch(face, &manager, Ask::get(&url)).unwrap().status, 401);
            let last = server.requests()[5..].iter().all(|one| one.connection != connections[0]);
            assert!(last, "{face:?} {is_secure}");
        }
    }
}

#[test]
fn requests_at_once_are_proven_each_on_its_own_connection() {
    let server = serve();
    let manager = knowing(&server, right());
    runtime().block_on(async {
        let url = server.url("/auth-ntlm");
        let many = (0..30).map(|_| fetch_awaited(&manager, Ask::get(&url)));
        for got in futures(many).await {
            assert_eq!(got.unwrap().status, 200);
        }
    });
}

#[test]
fn a_talk_whose_connection_ends_in_the_middle_begins_again_once_and_not_for_ever() {
    let greeting = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
    let question = format!(
        "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "TlRMTVNTUAACAAAAAAAAADAAAAAFgomgASNFZ4mrze8AAAAAAAAAABAAEAAwAAAABwAIAAAAAAAAAAAAAAAAAA=="
    );
    let first = vec![Step::head(), Step::send(greeting)];
    let again = vec![Step::head(), Step::send(&question)];
    let script = Script { connections: vec![first, again], ..Script::default() };
    let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager();
    let request = manager.blocking().get(server.url("/")).credentials(right());
    assert_eq!(request.send().unwrap().status(), 401);
    assert!((2..=4).contains(&server.connections_opened()), "{}", server.connections_opened());
}

#[test]
fn a_message_that_is_none_is_an_error_that_says_so() {
    for token in ["YWJj", "TlRMTVNTUAACAAAA/////w=="] {
        let ask = |challenge: &str| {
            format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n")
        };
        // What is to be proven is asked on a connection of its own.
        let greeting = vec![Step::head(), Step::send(ask("NTLM"))];
        let question = vec![Step::head(), Step::send(ask(&format!("NTLM {token}")))];
        let script = Script { connections: vec![greeting, question], ..Script::default() };
        let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
        let request = manager().blocking().get(server.url("/")).credentials(right());
        let error = request.send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("NTLM message is none"), "{error}");
    }
}

#[test]
fn a_request_that_names_a_user_takes_nobody_else_s_password() {
    for path in ["/auth-basic", "/auth-digest", "/auth-ntlm"] {
        let server = serve();
        let manager = knowing(&server, right());
        let url = server.url(path);
        assert_eq!(fetch(Face::Waited, &manager, Ask::get(&url)).unwrap().status, 200);
        let before = server.request_count();
        let eve = url.replace("http://", "http://eve@");
        assert_eq!(fetch(Face::Waited, &manager, Ask::get(eve)).unwrap().status, 401, "{path}");
        for seen in &server.requests()[usize::try_from(before).unwrap()..] {
            let said = seen.headers.get("authorization").map(|said| said.to_str().unwrap());
            let is_ada = said.is_some_and(|said| {
                said.contains("dXNlcjpw") || said.contains("username=\"user\"")
            });
            assert!(!is_ada, "{path}: {said:?}");
        }
        let user = url.replace("http://", "http://user@");
        assert_eq!(fetch(Face::Waited, &manager, Ask::get(user)).unwrap().status, 200, "{path}");
    }
}

#[test]
fn an_origin_that_took_a_proof_is_not_told_the_password_without_tls() {
    let digest = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    let ask = |challenge: &str| {
        format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n")
    };
    let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let steps = vec![
        Step::head(),
        Step::send(ask(digest)),
        Step::head(),
        Step::send(fine),
        Step::head(),
        Step::send(ask("Basic realm=\"r\"")),
    ];
    let server =
        FaultServer::script(Script::once(vec![steps])).bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager();
    manager.set_credentials(&server.url("/"), None, Some(right())).unwrap();
    assert_eq!(fetch(Face::Waited, &manager, Ask::get(server.url("/"))).unwrap().status, 200);
    assert_eq!(fetch(Face::Waited, &manager, Ask::get(server.url("/"))).unwrap().status, 401);
    let heard = String::from_utf8(server.heard()[0].bytes.clone()).unwrap();
    assert!(!heard.to_ascii_lowercase().contains("authorization: basic"), "{heard}");
}
