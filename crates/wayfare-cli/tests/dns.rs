//! `wayfare dns`, `--dns`, and name servers in `wayfare drive`.

#![allow(clippy::unwrap_used)]

mod command;

use std::net::UdpSocket;

use command::{Driver, run, server};
use serde_json::{Value, json};

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
