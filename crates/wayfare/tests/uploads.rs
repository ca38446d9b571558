//! Bodies on their way out: every kind arrives as it was, or not at all.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, header};
use it::{Ask, Directory, FACES, Face, Filler, fetch, identity, manager_for};
use wayfare::event::What;
use wayfare::options::Versions;
use wayfare::{Body, ErrorKind, Manager, Multipart, Part, Source};
use wayfare_testkit::content::{bytes_of, sha256_hex};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::server::RequestRecord;
use wayfare_testkit::{FaultServer, Server};

/// A server for each way a body can go, with a manager that goes it.
fn ways() -> Vec<(Server, Manager)> {
    let plain = || Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let tls = || Server::builder().tls(&identity().1).bind_on_thread("127.0.0.1:0").unwrap();
    vec![
        (plain(), manager_for(Versions::Http1)),
        (tls(), manager_for(Versions::Http1)),
        (plain(), manager_for(Versions::Http2)),
        (tls(), manager_for(Versions::Any)),
    ]
}

/// Sends a body every way and gives what the servers saw.
fn send_everywhere(body: impl Fn() -> Body) -> Vec<(Face, RequestRecord)> {
    let mut seen = Vec::new();
    for (server, manager) in ways() {
        for face in FACES {
            server.clear_requests();
            let got = fetch(face, &manager, Ask::post(server.url("/upload"), body())).unwrap();
            let record = server.requests().remove(0);
            assert_eq!(got.json()["sha256"].as_str(), record.body_sha256.as_deref());
            assert!(got.upload_complete);
            seen.push((face, record));
        }
    }
    seen
}

/// Pieces with pauses between them.
struct Pieces(Vec<io::Result<Bytes>>, bool);

impl Source for Pieces {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.0.is_empty() {
            return Poll::Ready(Ok(None));
        }
        Poll::Ready(self.0.remove(0).map(Some))
    }
}

fn pieces(list: &[&'static str]) -> Pieces {
    Pieces(list.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect(), false)
}

#[test]
fn a_body_of_known_length_announces_it() {
    let directory = Directory::new("uploads");
    let file = directory.join("data.bin");
    let content = bytes_of(700_001, 3);
    std::fs::write(&file, &content).unwrap();
    let read = || io::Cursor::new(content.clone());
    type Make<'a> = Box<dyn Fn() -> Body + 'a>;
    let kinds: Vec<(&str, Make<'_>)> = vec![
        ("bytes", Box::new(|| Body::from(content.clone()))),
        ("file", Box::new(|| Body::file(&file).unwrap())),
        ("async reader", Box::new(|| Body::reader(read(), Some(700_001)))),
        ("blocking reader", Box::new(|| Body::blocking_reader(read(), Some(700_001)))),
        (
            "replayable",
            Box::new(|| {
                let content = content.clone();
                Body::replayable(Some(700_001), move || Ok(Pieces(vec![Ok(content.clone())], true)))
            }),
        ),
    ];
    for (name, body) in kinds {
        for (face, record) in send_everywhere(body) {
            assert_eq!(record.headers["content-length"], "700001", "{name} {face:?}");
            assert!(!record.headers.contains_key("transfer-encoding"));
            assert_eq!(record.body_sha256.unwrap(), sha256_hex(&content), "{name} {face:?}");
        }
    }
}

#[test]
fn a_body_of_unknown_length_is_sent_in_pieces() {
    let content = bytes_of(300_000, 4);
    let read = || io::Cursor::new(content.clone());
    type Make<'a> = Box<dyn Fn() -> Body + 'a>;
    let kinds: Vec<(&str, Make<'_>)> = vec![
        ("async reader", Box::new(|| Body::reader(read(), None))),
        ("blocking reader", Box::new(|| Body::blocking_reader(read(), None))),
        ("stream", Box::new(|| Body::stream(Pieces(vec![Ok(content.clone())], true), None))),
    ];
    for (name, body) in kinds {
        for (face, record) in send_everywhere(body) {
            assert!(!record.headers.contains_key("content-length"), "{name} {face:?}");
            assert_eq!(record.body_sha256.unwrap(), sha256_hex(&content), "{name} {face:?}");
        }
    }
    for (_, record) in send_everywhere(|| Body::stream(pieces(&["a", "", "b", ""]), None)) {
        assert_eq!(record.body, "ab");
    }
}

#[test]
fn an_empty_body_is_a_body() {
    for (_, record) in send_everywhere(|| Body::from("")) {
        assert_eq!(record.headers["content-length"], "0");
    }
    for (_, record) in send_everywhere(Body::empty) {
        assert_eq!(record.headers["content-length"], "0", "a POST says that there is nothing");
    }
    for (_, record) in send_everywhere(|| Body::stream(pieces(&[]), None)) {
        assert_eq!(record.body_length, 0);
    }
    for (_, record) in send_everywhere(|| Body::stream(pieces(&[]), Some(0))) {
        assert_eq!(record.headers["content-length"], "0");
    }
    for (server, manager) in ways() {
        fetch(Face::Waited, &manager, Ask::get(server.url("/get"))).unwrap();
        assert!(!server.requests()[0].headers.contains_key("content-length"), "a GET does not");
    }
}

#[test]
fn json_and_forms_say_what_they_are() {
    let value = serde_json::json!({ "name": "Zoë", "list": [1, 2] });
    for (_, record) in send_everywhere(|| Body::json(&value).unwrap()) {
        assert_eq!(record.headers["content-type"], "application/json");
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&record.body).unwrap(), value);
    }
    for (_, record) in send_everywhere(|| Body::form([("a b", "c&d"), ("e", "ü=")])) {
        assert_eq!(record.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(record.body, "a+b=c%26d&e=%C3%BC%3D");
    }
}

#[test]
fn a_form_with_files_arrives_part_by_part() {
    let directory = Directory::new("multipart");
    let file = directory.join("na\"me ü.txt");
    std::fs::write(&file, "from a file").unwrap();
    let known = || {
        let json = Body::json(&[1]).unwrap();
        Multipart::form()
            .text("name", "Ada\r\nLovelace")
            .part("note", json)
            .file("upload", &file)
            .unwrap()
            .file_part("other", "../etc/x.png", Body::from("png"))
    };
    let unknown = || known().part("stream", Body::stream(pieces(&["a", "b"]), None));
    let wanted = |boundary: &str, tail: &str| {
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nAda\r\nLovelace\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"note\"\r\n\
             content-type: application/json\r\n\r\n[1]\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"upload\"; \
             filename=\"na%22me ü.txt\"\r\ncontent-type: text/plain\r\n\r\nfrom a file\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"other\"; \
             filename=\"../etc/x.png\"\r\ncontent-type: image/png\r\n\r\npng\r\n\
             {tail}--{boundary}--\r\n"
        )
    };
    let check = |record: &RequestRecord, tail: &dyn Fn(&str) -> String| {
        let kind = record.headers["content-type"].to_str().unwrap();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let boundary = boundary.trim_matches('"');
        // Names of fields are without case, and the order of a part's fields is not told.
        let body = String::from_utf8(record.body.to_vec()).unwrap();
        let body = body
            .replace("Content-Disposition:", "content-disposition:")
            .replace("Content-Type:", "content-type:");
        assert_eq!(body, wanted(boundary, &tail(boundary)));
    };
    for (_, record) in send_everywhere(|| known().into()) {
        assert!(record.headers.contains_key("content-length"));
        check(&record, &|_| String::new());
    }
    for (_, record) in send_everywhere(|| unknown().into()) {
        assert!(!record.headers.contains_key("content-length"));
        check(&record, &|boundary| {
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\nab\r\n")
        });
    }
}

#[test]
fn other_kinds_of_multipart_say_so() {
    let kinds = [
        (Multipart::mixed as fn() -> Multipart, "multipart/mixed; "),
        (Multipart::related, "multipart/related; "),
        (Multipart::alternative, "multipart/alternative; "),
    ];
    for (make, kind) in kinds {
        let body = || {
            let part = Part::new(Body::from("text"))
                .with_header(header::CONTENT_LANGUAGE, HeaderValue::from_static("en"));
            Body::from(make().with_part(part))
        };
        for (_, record) in send_everywhere(body) {
            let said = record.headers["content-type"].to_str().unwrap().to_owned();
            assert!(said.starts_with(kind), "{said}");
            let text = String::from_utf8_lossy(&record.body).to_ascii_lowercase();
            assert!(text.contains("content-language: en\r\n\r\ntext\r\n--"), "{text}");
        }
    }
}

/// A reader that fails in the middle.
struct Broken(u64);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0 {
            0 => Err(io::Error::other("the disk fell out")),
            _ => {
                self.0 -= 1;
                buffer.fill(b'x');
                Ok(buffer.len())
            }
        }
    }
}

#[test]
fn a_source_that_does_not_keep_its_word_never_looks_complete() {
    type Make = fn() -> Body;
    let kinds: [(&str, Make); 7] = [
        ("fewer", || Body::stream(pieces(&["abc"]), Some(5))),
        ("more", || Body::stream(pieces(&["abc", "def"]), Some(5))),
        ("nothing", || Body::stream(pieces(&[]), Some(5))),
        ("fewer, by a reader", || {
            Body::blocking_reader(Filler { fill: 1, left: 9 }, Some(100_000))
        }),
        ("broken, of known length", || Body::blocking_reader(Broken(3), Some(10_000_000))),
        ("broken, of unknown length", || Body::blocking_reader(Broken(3), None)),
        ("broken at once", || Body::blocking_reader(Broken(0), None)),
    ];
    for (server, manager) in ways() {
        for (name, body) in kinds {
            for face in FACES {
                let ask = Ask::put(server.url("/upload"), body());
                let error = fetch(face, &manager, ask).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BodySource, "{name} {face:?}: {error:?}");
                fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(50));
        let whole =
            |record: &&RequestRecord| record.method == "PUT" && record.body_sha256.is_some();
        let requests = server.requests();
        assert!(requests.iter().find(whole).is_none(), "{:?}", requests.iter().find(whole));
    }
}

#[test]
fn with_expect_the_body_waits_for_100_continue() {
    for (server, manager) in ways() {
        for face in FACES {
            let ask = |path: &str| {
                let body = Body::from(bytes_of(100_000, 2));
                Ask::post(server.url(path), body).header("Expect", "100-continue")
            };
            let got = fetch(face, &manager, ask("/continue")).unwrap();
            assert_eq!(got.json()["sha256"], sha256_hex(&bytes_of(100_000, 2)));
            assert!(got.upload_complete);

            let got = fetch(face, &manager, ask("/no-continue/413")).unwrap();
            assert_eq!(got.status, 413, "{face:?}");
            if got.version == http::Version::HTTP_11 {
                assert!(!got.upload_complete);
                let sent = server
                    .requests()
                    .iter()
                    .find(|r| r.target.starts_with("/no-"))
                    .unwrap()
                    .body_length;
                assert_eq!(sent, 0);
            }
            server.clear_requests();
            // The connection of the refused upload serves nobody any more.
            assert_eq!(fetch(face, &manager, Ask::get(server.url("/get"))).unwrap().status, 200);
        }
    }
}

/// A server that fails the expectation of the first request and answers what comes next.
fn expects_nothing() -> FaultServer {
    let refused = vec![
        Step::head(),
        Step::send(
            "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
    ];
    let taken = vec![
        Step::head(),
        Step::ReadBody(5),
        Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ];
    let script = Script::once(vec![refused, taken]);
    FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn a_request_that_fails_for_its_expectation_is_made_without_it() {
    let bodies: [fn() -> Body; 2] = [
        || Body::from("hello"),
        // Read only once, but nothing of it had been read.
        || Body::blocking_reader(&b"hello"[..], Some(5)),
    ];
    for face in FACES {
        for body in bodies {
            let server = expects_nothing();
            let manager = manager_for(Versions::Http1);
            let ask = Ask::post(server.url("/"), body()).header("Expect", "100-continue");
            assert_eq!(fetch(face, &manager, ask).unwrap().text(), "ok", "{face:?}");
            let heard: Vec<_> = server
                .heard()
                .iter()
                .map(|one| String::from_utf8_lossy(&one.bytes).to_lowercase())
                .collect();
            assert!(heard[0].contains("expect: 100-continue"), "{heard:?}");
            assert!(!heard[0].ends_with("hello"), "{heard:?}");
            assert!(!heard[1].contains("expect"), "{heard:?}");
            assert!(heard[1].ends_with("hello"), "{heard:?}");
        }
    }
}

#[test]
fn a_second_417_is_the_answer() {
    for (server, manager) in ways() {
        for face in FACES {
            server.clear_requests();
            let ask =
                Ask::post(server.url("/no-continue/417"), "hello").header("Expect", "100-continue");
            assert_eq!(fetch(face, &manager, ask).unwrap().status, 417, "{face:?}");
            assert_eq!(server.requests().len(), 2, "{face:?}");
        }
    }
}

#[test]
fn a_server_that_knows_no_100_continue_gets_the_body_after_a_second() {
    for face in FACES {
        let ok = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let steps = vec![Step::head(), Step::ReadBody(5), ok];
        let server =
            FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0").unwrap();
        let manager = manager_for(Versions::Http1);
        let began = Instant::now();
        let ask = Ask::post(server.url("/"), "hello").header("expect", "100-Continue");
        assert_eq!(fetch(face, &manager, ask).unwrap().text(), "ok");
        let took = began.elapsed();
        assert!((1_000..2_000).contains(&took.as_millis()), "{took:?}");
        assert!(server.heard()[0].bytes.ends_with(b"hello"));
    }
}

#[test]
fn an_answer_that_comes_early_stops_the_upload() {
    for (server, manager) in ways() {
        for face in FACES {
            let body =
                Body::blocking_reader(Filler { fill: b'x', left: 50_000_000 }, Some(50_000_000));
            let began = Instant::now();
            let got =
                fetch(face, &manager, Ask::post(server.url("/upload-refused"), body)).unwrap();
            assert_eq!((got.status, got.text()), (413, "Too much.\n"), "{face:?}");
            assert!(!got.upload_complete, "{face:?} {:?}", got.version);
            assert!(began.elapsed() < Duration::from_secs(10));
            assert_eq!(fetch(face, &manager, Ask::get(server.url("/get"))).unwrap().status, 200);
        }
    }
}

#[test]
fn a_large_upload_arrives_whole() {
    for (server, manager) in ways() {
        for face in FACES {
            server.clear_requests();
            let body = Body::blocking_reader(Filler { fill: b'x', left: 20_000_000 }, None);
            fetch(face, &manager, Ask::put(server.url("/upload"), body)).unwrap();
            assert_eq!(server.requests()[0].body_length, 20_000_000, "{face:?}");
        }
    }
}

#[test]
fn the_last_progress_of_an_upload_is_all_of_it() {
    for (server, manager) in ways() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = seen.clone();
        let request =
            manager.post(server.url("/upload")).body(vec![1; 300_000]).on_event(move |event| {
                if let What::UploadProgress { sent, total } = event.what {
                    notes.lock().unwrap().push((sent, total));
                }
            });
        it::runtime().block_on(request.send()).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.last(), Some(&(300_000, Some(300_000))), "{seen:?}");
        assert!(seen.len() <= 3, "and it is told calmly: {seen:?}");
    }
}
