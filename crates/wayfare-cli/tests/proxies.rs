//! Proxies on the command line: the options, the environment, and what is told about them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::process::Command;

use command::{Driver, Ended, Scratch, command, finish, run_with_input, server, tls_server};
use serde_json::json;
use wayfare_testkit::FaultServer;
use wayfare_testkit::proxy::{Proxy, ProxyFault};

/// The command with these variables and no others that name proxies.
fn with(variables: &[(&str, &str)], line: &[&str]) -> Ended {
    let mut bare: Command = command(line);
    for name in ["http", "https", "all", "no", "ftp"] {
        bare.env_remove(format!("{name}_proxy"));
        bare.env_remove(format!("{}_PROXY", name.to_uppercase()));
    }
    finish(bare.envs(variables.iter().copied()))
}

fn guarded() -> Proxy {
    Proxy::builder().login("ada", "sesame").bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn the_options_go_through_every_kind_of_proxy_and_tell_it_who_is_asking() {
    let (gate, server) = (guarded(), server());
    let url = server.url("/get");
    for scheme in ["http", "connect", "socks4a", "socks5", "socks5h"] {
        let proxy = gate.url(scheme);
        for line in [
            vec!["get", "-x", &proxy, "-U", "ada:sesame", &url],
            vec!["get", "--proxy", &proxy.replace("://", "://ada:sesame@"), &url],
        ] {
            let before = gate.requests().len();
            let ended = with(&[], &line);
            assert_eq!(ended.code, 0, "{scheme}: {}", ended.err);
            // An HTTP proxy asks before it is told who it is.
            let asked = if scheme.starts_with("socks") { 1 } else { 2 };
            assert_eq!(gate.requests().len(), before + asked, "{scheme}");
        }
        let told = with(&[], &["get", "-v", "-x", &proxy, "-U", "ada:sesame", &url]);
        assert!(told.err.contains(&format!("by {proxy}")), "{}", told.err);
        assert!(!told.err.contains("sesame") && !told.err.contains("c2VzYW1l"), "{}", told.err);
    }
    let requests = server.requests();
    assert!(requests.iter().all(|one| !one.headers.contains_key("proxy-authorization")));
}

#[test]
fn the_environment_is_heard_and_this_machine_is_reached_directly() {
    let (gate, server) = (guarded(), server());
    let (proxy, path) = (gate.url("http"), server.url_at("far.test", "/get"));
    let heard = with(&[("http_proxy", &proxy)], &["get", "-U", "ada:sesame", &path]);
    assert_eq!(heard.code, 0, "{}", heard.err);
    assert!(!gate.requests().is_empty());
    let before = gate.requests().len();
    for (variables, line) in [
        (vec![("http_proxy", proxy.as_str())], vec!["get", "URL"]),
        (
            vec![("HTTP_PROXY", proxy.as_str())],
            vec!["get", "--resolve", "far.test:127.0.0.1", &path],
        ),
        (
            vec![("http_proxy", proxy.as_str()), ("no_proxy", ".test")],
            vec!["get", "--resolve", "far.test:127.0.0.1", &path],
        ),
        (
            vec![("http_proxy", proxy.as_str())],
            vec!["get", "--noproxy", "far.test", "--resolve", "far.test:127.0.0.1", &path],
        ),
        (
            vec![("http_proxy", proxy.as_str())],
            vec!["get", "-x", "", "--resolve", "far.test:127.0.0.1", &path],
        ),
    ] {
        let near = server.url("/get");
        let line: Vec<_> =
            line.into_iter().map(|word| if word == "URL" { near.as_str() } else { word }).collect();
        let ended = with(&variables, &line);
        assert_eq!(ended.code, 0, "{line:?}: {}", ended.err);
    }
    assert_eq!(gate.requests().len(), before, "somebody went through the proxy");
}

#[test]
fn failures_at_proxies_have_their_codes_and_advice() {
    let (gate, server) = (guarded(), server());
    let url = server.url("/get");
    let table = [
        (gate.url("http"), 97, "-U USER:PASSWORD"),
        (gate.url("socks5h").replace("://", "://ada:wrong@"), 97, "refused the user name"),
        ("http://127.0.0.1:1".to_owned(), 7, "is the proxy of -x running"),
        ("ftp://127.0.0.1:1".to_owned(), 2, "there are connect, http"),
    ];
    for (proxy, code, words) in table {
        let ended = with(&[], &["get", "-x", &proxy, &url]);
        assert_eq!(ended.code, code, "{}", ended.err);
        assert!(ended.err.contains(words), "{}", ended.err);
        assert!(!ended.err.contains("wrong"), "{}", ended.err);
    }
    let garbled =
        Proxy::builder().fault(ProxyFault::Garbage).bind_on_thread("127.0.0.1:0").unwrap();
    let ended = with(&[], &["get", "-x", &garbled.url("socks5"), &url]);
    assert_eq!(ended.code, 97, "{}", ended.err);
    assert_eq!(server.request_count(), 0);
    let far = server.url_at("far.test", "/get");
    let ended = with(&[("http_proxy", "http://127.0.0.1:1")], &["get", &far]);
    assert!(ended.code == 7 && ended.err.contains("wayfare proxy URL"), "{}", ended.err);
}

#[test]
fn what_fails_behind_a_proxy_names_it() {
    let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let broken = FaultServer::named("close-before-head").bind_on_thread("127.0.0.1:0").unwrap();
    let through = format!("(through {})", gate.url("connect"));
    let ended = with(&[], &["get", "-x", &gate.url("connect"), &broken.url("/")]);
    assert!(ended.code != 0 && ended.err.contains(&through), "{}", ended.err);
    let direct = with(&[], &["get", &broken.url("/")]);
    assert!(direct.code == ended.code && !direct.err.contains("through"), "{}", direct.err);
}

#[test]
fn exceptions_on_the_command_line_take_the_place_of_the_environments() {
    let (gate, server) = (Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap(), server());
    let (proxy, far) = (gate.url("http"), server.url_at("far.test", "/get"));
    let variables = [("http_proxy", proxy.as_str()), ("no_proxy", "far.test")];
    let pinned = ["get", "--resolve", "far.test:127.0.0.1"];
    let asks = |more: &[&str]| {
        let before = gate.requests().len();
        let ended = with(&variables, &[&pinned[..], more, &[&far]].concat());
        assert_eq!(ended.code, 0, "{}", ended.err);
        gate.requests().len() - before
    };
    assert_eq!(asks(&[]), 0);
    assert_eq!(asks(&["--noproxy", ""]), 1);
    assert_eq!(asks(&["--noproxy", "other.test"]), 1);
    assert_eq!(asks(&["--noproxy", "far.test"]), 0);
    for nonsense in ["http://far.test", "10.0.0.0/99"] {
        let ended = with(&variables, &["get", "--noproxy", nonsense, &far]);
        assert!(ended.code == 2 && ended.err.contains(nonsense), "{}", ended.err);
    }
    let told = with(&variables, &["get", "-v", &server.url("/get")]);
    assert!(told.err.contains("this machine is reached without a proxy"), "{}", told.err);
    let quiet = with(&[], &["get", "-v", &server.url("/get")]);
    assert!(!quiet.err.contains("without a proxy"), "{}", quiet.err);
}

#[test]
fn the_time_that_proxies_take_is_told() {
    let (gate, server) = (Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap(), server());
    let proxy_time = |way: &str| {
        let ended = with(&[], &["get", "--timings", "-x", way, &server.url("/get")]);
        let line = ended.err.lines().find(|line| line.trim_start().starts_with("proxy "));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap_or_else(|| panic!("{}", ended.err)).parse::<f64>().unwrap()
    };
    assert!(proxy_time(&gate.url("connect")) > 0.0);
    assert!(proxy_time(&gate.url("socks5")) > 0.0);
    // A proxy that is given the request is not asked for a way on.
    assert_eq!(proxy_time(&gate.url("http")), 0.0);
    assert_eq!(proxy_time("direct"), 0.0);
}

#[test]
fn the_rule_that_names_a_way_is_told() {
    let variables =
        [("https_proxy", "http://ada:sesame@gate.test:3128"), ("no_proxy", "corp.test")];
    let table = [
        (vec!["https://a.test/"], "http://gate.test:3128\n(the variable https_proxy)\n"),
        (vec!["https://a.corp.test/"], "direct\n(the entry corp.test of no_proxy)\n"),
        (vec!["http://a.test/"], "direct\n(no variable names a proxy for it)\n"),
        (vec!["https://127.0.0.1/"], "direct\n(this machine is reached without a proxy)\n"),
        (vec!["https://a.test/", "-x", "socks5://b"], "socks5://b:1080\n(-x)\n"),
        (
            vec!["https://a.test/", "--json"],
            "{\"rule\":\"the variable https_proxy\",\"ways\":[\"http://gate.test:3128\"]}\n",
        ),
    ];
    for (line, expected) in table {
        let ended = with(&variables, &[vec!["proxy"], line].concat());
        assert_eq!(
            (ended.code, String::from_utf8_lossy(&ended.out).as_ref()),
            (0, expected),
            "{}",
            ended.err
        );
    }
    let capitals = with(&[("HTTP_PROXY", "gate.test")], &["proxy", "http://a.test/"]);
    assert!(capitals.text().contains("HTTP_PROXY in capitals is not read"), "{}", capitals.text());
    let bad = with(&[("http_proxy", "ftp://ada:sesame@x")], &["proxy", "http://a.test/"]);
    assert_eq!(bad.code, 97, "{}", bad.err);
    assert!(bad.err.contains("http_proxy") && !bad.err.contains("sesame"), "{}", bad.err);
}

#[test]
fn a_script_is_asked_for_the_way_and_comes_without_a_proxy() {
    let (gate, server, scratch) = (guarded(), server(), Scratch::new());
    let script = |answer: &str| {
        let path = scratch.path("proxy.pac");
        let text = format!("function FindProxyForURL(url, host) {{ return {answer}; }}");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = server.url("/get");
    let path = script(&format!("'PROXY {}'", gate.address()));
    let ended = with(&[], &["get", "--pac", &path, "-U", "ada:sesame", &url]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(gate.requests().len(), 2, "asked, and told");
    let as_url = format!("file://{path}");
    for place in [path.as_str(), &as_url] {
        let told = with(&[], &["proxy", "--pac", place, &url]);
        assert!(told.text().starts_with(&gate.url("http")), "{place}: {}", told.text());
    }
    let text = std::fs::read(&path).unwrap();
    let told = run_with_input(&["proxy", "--pac", "-", &url], &text);
    assert!(told.text().starts_with(&gate.url("http")), "{}", told.text());
    let none = with(&[], &["proxy", "--pac", "file:///no/such/file", &url]);
    assert_eq!(none.code, 26, "{}", none.err);
    for (answer, words) in
        [("'what'", "names no way"), ("u.v", "u is not defined"), ("7", "no text")]
    {
        let ended = with(&[], &["get", "--pac", &script(answer), &url]);
        assert_eq!(ended.code, 97, "{}", ended.err);
        assert!(ended.err.contains(words), "{}", ended.err);
    }
    assert_eq!(with(&[], &["get", "--pac", "/no/such/file", &url]).code, 26);
    let missing = server.url("/status/404");
    let ended = with(&[], &["get", "--pac", &missing, &url]);
    assert!(ended.code == 97 && ended.err.contains(&missing), "{} {}", ended.code, ended.err);
    // This server's own words are no script.
    let proxy = gate.url("http");
    let ended = with(
        &[("http_proxy", &proxy)],
        &["get", "--pac", &server.url_at("localhost", "/get"), &url],
    );
    assert_eq!(ended.code, 97, "{}", ended.err);
    assert_eq!(gate.requests().len(), 2);
}

#[test]
fn drive_goes_through_proxies_and_evaluates_scripts() {
    let (gate, server) = (guarded(), server());
    let mut drive = Driver::new();
    let cfg =
        json!({"proxy": gate.url("socks5h"), "proxy_auth": {"user": "ada", "pass": "sesame"}});
    drive.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
    let got = drive.ask(json!({"op": "fetch", "sid": "s", "url": server.url("/get")}));
    assert_eq!(got["ok"]["status"], 200, "{got}");
    let cfg = json!({"proxy": gate.url("socks5h")});
    drive.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
    let got = drive.ask(json!({"op": "fetch", "sid": "s", "url": server.url("/get")}));
    assert_eq!(got["err"]["kind"], "proxy", "{got}");
    let script =
        "function FindProxyForURL(url, host) { return dnsResolve(host) + ' ' + myIpAddress()
        + ' ' + weekdayRange('WED', 'GMT') + ' ' + myIpAddressEx(); }";
    let asked = json!({"op": "pac_eval", "script": script, "url": "http://a.test/", "host": "a.test",
        "my_ip": "192.0.2.1", "my_ips_ex": "2001:db8::1;192.0.2.1", "dns": {"a.test": ["192.0.2.9"]},
        "now": 1_772_600_767});
    let got = drive.ask(asked);
    assert_eq!(got["ok"]["result"], "192.0.2.9 192.0.2.1 true 192.0.2.1;2001:db8::1", "{got}");
    let got =
        drive.ask(json!({"op": "pac_eval", "script": "(", "url": "", "host": "", "dns": "fail"}));
    assert_eq!(got["err"]["kind"], "pac", "{got}");
    assert_eq!(drive.end(), 0);
}

#[test]
fn the_command_tells_neither_side_what_is_for_the_other() {
    let scratch = Scratch::new();
    let (secure, authority) = tls_server(&scratch);
    let (plain, near, far) = (server(), guarded(), guarded());
    let tell = |proxy: &Proxy, scheme: &str| proxy.url(scheme).replace("://", "://ada:sesame@");
    let chain = format!("{} {}", tell(&near, "socks5h"), tell(&far, "http"));
    for way in [tell(&far, "http"), tell(&far, "connect"), tell(&far, "socks5h"), chain] {
        for (server, version) in
            [(&plain, "--http1.1"), (&secure, "--http1.1"), (&secure, "--http2")]
        {
            let url = server.url("/get");
            let told = ["--basic", "-u", "eve:origin", version, "--cacert", &authority];
            let ended = with(&[], &[&["get", "-x", &way], &told[..], &[&url]].concat());
            assert_eq!(ended.code, 0, "{way} {url} {version}: {}", ended.err);
            let request = server.requests().pop().unwrap();
            assert!(!request.headers.contains_key("proxy-authorization"), "{way} {url}");
            assert_eq!(request.headers["authorization"], "Basic ZXZlOm9yaWdpbg==");
            let heard = far.requests().pop().unwrap();
            assert!(heard.credentials.is_some());
            let is_tunnel = !heard.target.starts_with("http://");
            let heard = String::from_utf8_lossy(&heard.bytes).into_owned();
            assert!(!(is_tunnel && heard.contains("ZXZlOm9yaWdpbg")), "{way} {url}: {heard}");
        }
    }
}
