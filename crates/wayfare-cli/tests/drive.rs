//! `wayfare drive` against real servers on the loopback.

#![allow(clippy::unwrap_used)]

mod command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use command::{Driver, Scratch, server, tls_server};
use serde_json::{Value, json};
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{Authority, FaultServer, Server};

fn body(answer: &Value) -> Vec<u8> {
    let body = answer["ok"]["body_b64"].as_str();
    STANDARD.decode(body.unwrap_or_else(|| panic!("{answer}"))).unwrap()
}

fn fetch(url: &str) -> Value {
    json!({"op": "fetch", "sid": "s", "method": "GET", "url": url, "headers": []})
}

fn with(mut asked: Value, name: &str, value: impl Into<Value>) -> Value {
    asked[name] = value.into();
    asked
}

/// A driver with a session `s` of these settings.
fn session(cfg: &Value) -> Driver {
    let mut driver = Driver::new();
    let answer = driver.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
    assert_eq!(answer["ok"], json!({}), "{answer}");
    driver
}

#[test]
fn hello_lists_what_exists_and_the_end_of_the_input_is_the_end() {
    let mut driver = Driver::new();
    let answer = driver.ask(json!({"op": "hello", "protocol": 1}));
    assert_eq!(answer["ok"]["name"], "wayfare");
    let ops = answer["ok"]["ops"].as_array().unwrap();
    assert!(ops.contains(&json!("fetch")) && ops.contains(&json!("url_parse")));
    assert_eq!(driver.ask(json!({"op": "ws_open"}))["err"]["kind"], "unsupported");
    assert_eq!(driver.end(), 0);
}

#[test]
fn a_fetch_tells_the_whole_answer() {
    let server = server();
    let mut driver = session(&json!({}));
    let asked = with(fetch(&server.url("/echo#part")), "body_b64", "aGVsbG8=");
    let asked = with(asked, "headers", json!([["X-Odd", "caf\u{e9}"], ["X-Odd", "2"]]));
    let answer = driver.ask(with(asked, "method", "POST"));
    let ok = &answer["ok"];
    assert_eq!((&ok["status"], &ok["version"]), (&json!(200), &json!("1.1")), "{answer}");
    assert!(ok["url"].as_str().unwrap().ends_with("/echo#part"));
    let echo: Value = serde_json::from_slice(&body(&answer)).unwrap();
    assert_eq!(echo["body"], "aGVsbG8=");
    let record = &server.requests()[0];
    let odd: Vec<_> =
        record.headers.get_all("x-odd").iter().map(http::HeaderValue::as_bytes).collect();
    assert_eq!(odd, [&b"caf\xe9"[..], b"2"]);
    assert!(!record.headers.contains_key("user-agent"), "only what must be is added");
}

#[test]
fn many_fetches_are_under_way_at_a_time() {
    let server = server();
    let mut driver = session(&json!({}));
    let slow = driver.send(fetch(&server.url("/delay/700")));
    let mut wanted = vec![slow];
    for n in 0..20 {
        wanted.push(driver.send(fetch(&server.url(&format!("/bytes/{}", n * 1000)))));
    }
    let mut answers: Vec<Value> = wanted.iter().map(|_| driver.next()).collect();
    assert_eq!(answers.last().unwrap()["id"], slow, "the slow one comes last");
    answers.sort_by_key(|answer| answer["id"].as_u64());
    for (n, answer) in answers[1..].iter().enumerate() {
        assert_eq!(body(answer), bytes_of(n as u64 * 1000, 1), "{n}");
    }
}

#[test]
fn http2_is_spoken_with_tls_and_with_prior_knowledge() {
    let scratch = Scratch::new();
    let (tls, pem) = tls_server(&scratch);
    let pem = std::fs::read_to_string(pem).unwrap();
    let mut driver = session(&json!({"ca_pem": pem, "resolve": {"a.test": "127.0.0.1"}}));
    let answer = driver.ask(fetch(&tls.url_at("localhost", "/get")));
    assert_eq!(answer["ok"]["version"], "2", "{answer}");
    let answer = driver.ask(fetch(&tls.url_at("a.test", "/get")));
    assert_eq!(answer["err"]["kind"], "tls", "the certificate is for other names: {answer}");

    let plain = server();
    let cfg = json!({"http": "2pk"});
    driver.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
    assert_eq!(driver.ask(fetch(&plain.url("/get")))["ok"]["version"], "2");
    let cfg = json!({"http": "1.1", "insecure": true});
    driver.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
    assert_eq!(driver.ask(fetch(&tls.url("/get")))["ok"]["version"], "1.1");
}

#[test]
fn redirects_are_followed_delivered_or_refused() {
    let server = server();
    let url = server.url("/redirect/3");
    let mut driver = session(&json!({"max_redirects": 3}));
    let answer = driver.ask(fetch(&url));
    assert_eq!(answer["ok"]["status"], 200, "{answer}");
    let redirects = answer["ok"]["redirects"].as_array().unwrap();
    assert_eq!(redirects.len(), 3);
    assert_eq!(redirects[0], json!({"status": 302, "url": url}));
    let answer = driver.ask(with(fetch(&url), "max_redirects", 2));
    assert_eq!(answer["err"]["kind"], "redirect");
    assert_eq!(driver.ask(with(fetch(&url), "redirect", "manual"))["ok"]["status"], 302);
    assert_eq!(driver.ask(with(fetch(&url), "redirect", "error"))["err"]["kind"], "redirect");
}

#[test]
fn settings_of_a_fetch_are_heeded() {
    let server = server();
    let mut driver = session(&json!({}));
    let answer = driver.ask(with(fetch(&server.url("/bytes/100")), "range", "10-19"));
    assert_eq!(answer["ok"]["status"], 206);
    assert_eq!(body(&answer), bytes_of(100, 1)[10..20]);
    let answer = driver.ask(with(fetch(&server.url("/bytes/100")), "max_bytes", 99));
    assert_eq!(answer["ok"]["body_error"]["kind"], "too_large", "{answer}");
    let answer = driver.ask(with(fetch(&server.url("/delay/5000")), "timeout_ms", 200));
    assert_eq!(answer["err"]["kind"], "timeout");
    let auth = json!({"user": "user", "pass": "passwd", "schemes": ["basic"]});
    let answer = driver.ask(with(fetch(&server.url("/auth-basic")), "auth", auth));
    assert_eq!(answer["ok"]["status"], 200);
    for path in ["/auth-basic", "/auth-digest?algorithm=SHA-256", "/auth-ntlm"] {
        let auth = json!({"user": "user", "pass": "passwd"});
        let answer = driver.ask(with(fetch(&server.url(path)), "auth", auth.clone()));
        assert_eq!(answer["ok"]["status"], 200, "{path}");
        let digest_only = with(auth, "schemes", json!(["digest"]));
        let answer = driver.ask(with(fetch(&server.url(path)), "auth", digest_only));
        assert_eq!(answer["ok"]["status"] == 200, path.contains("digest"), "{path}");
    }
}

#[test]
fn trailers_interim_answers_and_codings_are_told() {
    let server = server();
    let mut driver = session(&json!({}));
    let answer = driver.ask(fetch(&server.url("/trailers")));
    assert_eq!(answer["ok"]["trailers"][0][0], "x-sha256", "{answer}");
    let answer = driver.ask(fetch(&server.url("/early-hints")));
    assert_eq!(answer["ok"]["interim"][0][0], 103, "{answer}");
    let answer = driver.ask(fetch(&server.url("/gzip/1000")));
    assert_eq!(body(&answer).len(), 1000);
    driver.ask(json!({"op": "session", "sid": "s", "cfg": {"decode": false}}));
    let asked =
        with(fetch(&server.url("/gzip/1000")), "headers", json!([["accept-encoding", "gzip"]]));
    assert_eq!(&body(&driver.ask(asked))[..2], b"\x1f\x8b");
}

#[test]
fn failures_have_the_words_of_the_protocol() {
    let mut driver = session(&json!({}));
    let kind = |answer: Value| answer["err"]["kind"].as_str().unwrap_or("none").to_owned();
    assert_eq!(kind(driver.ask(fetch("http://127.0.0.1:1/"))), "connect");
    assert_eq!(kind(driver.ask(fetch("http://none.invalid/"))), "dns");
    assert_eq!(kind(driver.ask(fetch("http://a b/"))), "url");
    assert_eq!(kind(driver.ask(fetch("ftp://127.0.0.1/"))), "unsupported");
    assert_eq!(kind(driver.ask(with(fetch("http://127.0.0.1:1/"), "sid", "other"))), "adapter");
    let cut = FaultServer::named("short-length").bind_on_thread("127.0.0.1:0").unwrap();
    let answer = driver.ask(fetch(&cut.url("/")));
    assert_eq!(answer["ok"]["body_error"]["kind"], "truncated", "{answer}");
    assert_eq!(
        kind(driver.ask(json!({"op": "session", "sid": "t", "cfg": {"http": "3"}}))),
        "unsupported"
    );
    assert_eq!(driver.ask(json!({"op": "drop", "sid": "s"}))["ok"], json!({}));
    assert_eq!(kind(driver.ask(fetch("http://127.0.0.1:1/"))), "adapter");
}

#[test]
fn a_session_that_is_not_named_and_one_that_is_not_there_are_told_apart() {
    let mut driver = session(&json!({}));
    let message = |answer: Value| answer["err"]["msg"].as_str().unwrap_or("none").to_owned();
    let nameless = json!({"op": "fetch", "url": "http://127.0.0.1:1/"});
    assert_eq!(message(driver.ask(nameless.clone())), "sid is missing");
    assert_eq!(message(driver.ask(with(nameless, "sid", 7))), "sid must be a string");
    let other = with(fetch("http://127.0.0.1:1/"), "sid", "other");
    assert_eq!(message(driver.ask(other)), "there is no session of this sid: other");
    assert_eq!(message(driver.ask(json!({"op": "drop"}))), "sid is missing");
}

#[test]
fn the_example_of_the_help_works_as_it_stands() {
    let server = server();
    let help = command::run(&["drive", "--help"]).text();
    let url = server.url("/json");
    let example = help.lines().map(str::trim).filter(|line| line.starts_with(r#"{"id":"#));
    let asked: String = example
        .filter(|line| line.contains("\"op\""))
        .map(|line| line.replace("http://127.0.0.1:8080/json", &url) + "\n")
        .collect();
    assert_eq!(asked.lines().count(), 2, "{help}");
    let ended = command::run_with_input(&["drive"], asked.as_bytes());
    let answers: Vec<Value> =
        ended.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0], json!({"id": 1, "ok": {}}));
    assert_eq!((&answers[1]["id"], &answers[1]["ok"]["status"]), (&json!(2), &json!(200)));
}

#[test]
fn the_help_explains_every_operation_and_every_kind_of_error() {
    let help = command::run(&["drive", "--help"]).text();
    let ops = Driver::new().ask(json!({"op": "hello"}))["ok"]["ops"].clone();
    for op in ops.as_array().unwrap() {
        let op = op.as_str().unwrap();
        let explains = |line: &str| line.split_whitespace().next() == Some(op);
        assert!(help.lines().any(explains), "{op}: {help}");
    }
    for source in [include_str!("../src/drive/wire.rs"), include_str!("../src/drive/fetch.rs")] {
        let kinds =
            source.split("Refusal::new(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let (_, list) = help.split_once("Kinds of errors:").unwrap();
        for kind in kinds {
            assert!(list.contains(kind), "{kind}");
        }
    }
}

#[test]
fn lines_cannot_be_smuggled_in() {
    let server = server();
    let mut driver = session(&json!({}));
    let evil = json!([["a", "b\r\nX: y"]]);
    assert!(driver.ask(with(fetch(&server.url("/")), "headers", evil))["err"].is_object());
    let evil = "GET / HTTP/1.1\r\nX: y";
    assert!(driver.ask(with(fetch(&server.url("/")), "method", evil))["err"].is_object());
    let answer = driver.ask(fetch(&server.url("/get?a=1%0d%0aX: y")));
    assert_eq!(answer["ok"]["status"], 200);
    assert!(server.requests().iter().all(|record| !record.headers.contains_key("x")));
}

#[test]
fn tables_answer_without_a_network() {
    let mut driver = Driver::new();
    let ok = |answer: Value| answer["ok"].clone();
    let date = json!({"op": "http_date", "value": "Sun, 06 Nov 1994 08:49:37 GMT"});
    assert_eq!(ok(driver.ask(date)), json!({"unix": 784_111_777}));
    assert_eq!(ok(driver.ask(json!({"op": "http_date", "value": "soon"}))), json!({"unix": null}));
    let parsed = ok(driver
        .ask(json!({"op": "url_parse", "input": "../b?c#d", "base": "http://u@a.test:80/x/y"})));
    assert_eq!(parsed["href"], "http://u@a.test/b?c#d");
    assert_eq!((&parsed["port"], &parsed["search"]), (&json!(""), &json!("?c")));
    let failed = driver.ask(json!({"op": "url_parse", "input": "http://a b/", "base": null}));
    assert_eq!(ok(failed), json!({"failure": true}));
    let set = json!({"op": "url_set", "href": "http://a.test/", "attr": "port", "value": "8080"});
    assert_eq!(ok(driver.ask(set))["href"], "http://a.test:8080/");
    let digest = json!({"op": "digest_response", "user": "Mufasa", "pass": "Circle of Life",
        "challenge": "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
            algorithm=MD5, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
        "method": "GET", "uri": "/dir/index.html", "nc": 1,
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"});
    let answer = driver.ask(digest);
    let said = answer["ok"]["authorization"].as_str().unwrap();
    assert!(said.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{said}");
    let ntlm = json!({"op": "ntlm", "version": 2, "user": "User", "domain": "Domain",
        "pass": "Password", "server_challenge": "0123456789abcdef",
        "client_challenge": "aaaaaaaaaaaaaaaa", "time": 0,
        "target_info": "02000c0044006f006d00610069006e0001000c005300650072007600650072000000\
            0000"});
    let answer = driver.ask(ntlm);
    assert_eq!(answer["ok"]["lm"], "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
    let said = answer["ok"]["nt"].as_str().unwrap();
    assert!(said.starts_with("68cd0ab851e51c96aabc927bebef6a1c"), "{said}");
    let basic = json!({"op": "basic", "user": "Aladdin", "pass": "open sesame"});
    assert_eq!(ok(driver.ask(basic))["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let value = "attachment; filename=\"a.txt\"; filename*=UTF-8''%e2%82%ac.txt";
    let read = ok(driver.ask(json!({"op": "content_disposition", "value": value})));
    assert_eq!(
        (&read["type"], &read["params"]["filename"]),
        (&json!("attachment"), &json!("€.txt"))
    );
}

#[test]
fn a_client_certificate_is_shown_and_a_star_leads_every_host_to_one_address() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let builder = Server::builder().tls_asking_clients(&authority.issue(&["a.test"]), &clients);
    let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
    let client = clients.issue_client("a client");
    let pem = client.chain_pem().to_owned() + client.key_pem();
    let url = format!("https://a.test:{}/get", server.address().port());
    for (shown, is_taken) in [(Some(&pem), true), (None, false)] {
        let resolve = json!({"*": "127.0.0.1"});
        let cfg = json!({"ca_pem": authority.pem(), "client_cert_pem": shown, "resolve": resolve});
        let mut driver = session(&cfg);
        let answer = driver.ask(fetch(&url));
        assert_eq!(answer["ok"]["status"] == 200, is_taken, "{answer}");
        assert_eq!(server.request_count(), 1);
        // The host of an address is led there, too, where it cannot prove that it is meant.
        let literal = url.replace("a.test", "192.0.2.1");
        let answer = driver.ask(fetch(&literal));
        assert_eq!(answer["err"]["kind"], "tls", "{answer}");
    }
}

#[test]
fn chains_are_verified_and_name_servers_asked_with_the_authorities_that_are_named() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let mut driver = Driver::new();
    let mut verify = |host: &str, time: Value| {
        let asked = json!({
            "op": "x509_verify", "roots": [authority.pem()], "intermediates": [],
            "leaf": identity.chain_pem(), "host": host, "time": time,
        });
        driver.ask(asked)["ok"]["valid"].clone()
    };
    assert_eq!(verify("localhost", Value::Null), true);
    assert_eq!(verify("other.test", Value::Null), false);
    assert_eq!(verify("localhost", json!("2001-01-01T00:00:00Z")), false);

    // The question for `a.test` that is posted, and its address.
    let asked = b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
    let body = [&asked[..], b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x09"].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body].concat();
    let steps = vec![Step::head(), Step::ReadBody(35), Step::send(answer)];
    let script = FaultServer::script(Script::always(steps)).tls(&identity);
    let names = script.bind_on_thread("127.0.0.1:0").unwrap();
    let server = format!("https://localhost:{}/dns-query", names.address().port());
    let ask = json!({"op": "dns_query", "server": server, "name": "a.test", "type": "A"});
    let told = driver.ask(with(ask.clone(), "ca_pem", authority.pem()));
    assert_eq!((&told["ok"]["answers"], &told["ok"]["rcode"]), (&json!(["192.0.2.9"]), &json!(0)));
    assert_eq!(driver.ask(ask)["err"]["kind"], "dns");
}
