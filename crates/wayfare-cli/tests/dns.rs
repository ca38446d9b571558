//! `wayfare dns`, `--dns`, and name servers in `wayfare drive`.

#![allow(clippy::unwrap_used)]

mod command;

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use command::{Driver, Scratch, command, finish, run, server, tls_server};
use serde_json::{Value, json};
use wayfare_testkit::proxy::Proxy;

/// A name server that knows `a.test` to be this machine, and no other name.
fn name_server() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", socket.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let is_known = question[12..].starts_with(b"\x01a\x04test\0");
            let is_a = question[end - 4..end] == [0, 1, 0, 1];
            let count = u8::from(is_known && is_a);
            let code = if is_known { 0x80 } else { 0x83 };
            let mut answer = question[..2].to_vec();
            answer.extend([0x81, code, 0, 1, 0, count, 0, 0, 0, 0]);
            answer.extend(&question[12..end]);
            if count == 1 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            socket.send_to(&answer, from).unwrap();
        }
    });
    address
}

#[test]
fn records_are_printed_for_people_and_for_programs() {
    let server = name_server();
    let lines = run(&["dns", "a.test", "--server", &server]);
    assert_eq!(lines.code, 0, "{}", lines.err);
    assert_eq!(lines.text(), format!("a.test. 60 IN A 127.0.0.1\n; {server} over udp\n"));
    let printed = run(&["dns", "A.test", "A", "--json", "--server", &server]).text();
    let all: Value = serde_json::from_str(&printed).unwrap();
    let record = json!({"name": "a.test", "ttl": 60, "type": "A", "data": "127.0.0.1"});
    assert_eq!(all["records"], json!([record]));
    assert_eq!(all["server"], server);
}

#[test]
fn failures_have_words_and_codes() {
    let server = name_server();
    let missing = run(&["dns", "b.test", "--server", &server]);
    assert_eq!((missing.code, missing.err.contains("there is no name b.test")), (6, true));
    let empty = run(&["dns", "a.test", "MX", "--server", &server]);
    assert_eq!((empty.code, empty.err.contains("a.test has no MX record")), (6, true));
    let wrong = run(&["dns", "a.test", "XM"]);
    assert_eq!((wrong.code, wrong.err.contains("no type of DNS records")), (2, true));
    let wrong = run(&["dns", "a.test", "--server", "http://x/"]);
    assert_eq!((wrong.code, wrong.err.contains("no name server")), (2, true));
}

#[test]
fn requests_ask_the_name_server_that_is_named() {
    let (names, web) = (name_server(), server());
    let url = web.url("/get").replace("127.0.0.1", "a.test");
    let got = run(&["get", "--dns", &names, &url]);
    assert_eq!(got.code, 0, "{}", got.err);
    let mut driver = Driver::new();
    let cfg = json!({"dns": names});
    let answer = driver.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
    assert_eq!(answer["ok"], json!({}), "{answer}");
    let fetch = json!({"op": "fetch", "sid": "s", "method": "GET", "url": url, "headers": []});
    assert_eq!(driver.ask(fetch)["ok"]["status"], 200);
    let mut ask = |name: &str| {
        driver.ask(json!({"op": "dns_query", "server": names, "name": name, "type": "A"}))
    };
    let answer = ask("a.test");
    assert_eq!(
        (&answer["ok"]["answers"], &answer["ok"]["rcode"]),
        (&json!(["127.0.0.1"]), &json!(0))
    );
    assert_eq!(ask("b.test")["ok"], json!({"answers": [], "rcode": 3}));
}

/// The same over TCP, for one connection after another.
fn name_server_of_streams() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut length = [0; 2];
            while stream.read_exact(&mut length).is_ok() {
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
                let mut answer = question[..2].to_vec();
                answer.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
                answer.extend(&question[12..end]);
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
                let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length, &answer[..]].concat()).unwrap();
            }
        }
    });
    address
}

#[test]
fn name_servers_are_asked_through_a_proxy_where_that_is_said() {
    let (server, gate) =
        (name_server_of_streams(), Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap());
    let as_datagrams = server.replace("tcp://", "udp://");
    let mut asked = 0;
    for place in [&server, &as_datagrams] {
        for scheme in ["http", "socks5h"] {
            let way = gate.url(scheme);
            let found = run(&["dns", "-v", "-x", &way, "--server", place, "a.test"]);
            assert_eq!(found.code, 0, "{}", found.err);
            assert!(found.text().contains("IN A 127.0.0.1"), "{}", found.text());
            assert!(
                found.err.contains(&format!("* asking {place} through {way}")),
                "{}",
                found.err
            );
            asked += 1;
            assert_eq!(gate.requests().len(), asked);
        }
    }
    // The environment is for requests.
    let mut line = command(&["dns", "--server", &server, "a.test"]);
    let found = finish(line.env("all_proxy", gate.url("http")));
    assert_eq!((found.code, gate.requests().len()), (0, asked), "{}", found.err);
}

#[test]
fn a_name_server_that_proves_nothing_is_refused_once_in_words_and_taken_with_k() {
    let scratch = Scratch::new();
    let (secure, authority) = tls_server(&scratch);
    let place = secure.url("").replace("https://", "tls://");
    let refused = run(&["dns", "--server", &place, "a.test"]);
    assert_eq!(refused.code, 7, "{}", refused.err);
    let words = "not vouched for by a trusted authority";
    assert_eq!(refused.err.matches(words).count(), 1, "{}", refused.err);
    // What answers is no name server, but it was spoken to.
    for line in [vec!["-k"], vec!["--cacert", &authority]] {
        let taken = run(&[&["dns", "--server", &place], &line[..], &["a.test"]].concat());
        assert!(taken.code != 0 && !taken.err.contains(words), "{}", taken.err);
    }
}

#[test]
fn a_silent_name_server_is_given_up_in_time() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = format!("udp://{}", silent.local_addr().unwrap());
    for line in [["-m", "0.3"], ["--connect-timeout", "0.3"]] {
        let late = run(&[&["dns", "--server", &place], &line[..], &["a.test"]].concat());
        assert_eq!(late.code, 28, "{}", late.err);
        assert!(late.took < Duration::from_secs(5), "{:?}", late.took);
    }
}
