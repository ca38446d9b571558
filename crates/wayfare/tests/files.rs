//! Schemes that need no server: files, data: URLs, and protocols of the application's own.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use it::{Ask, Directory, FACES, Filler, fetch, is_at_rest, manager};
use url::Url;
use wayfare::options::{Timeouts, Wait};
use wayfare::protocol::{Answer, Answering, Around, Outgoing, Protocol};
use wayfare::{Body, ErrorKind, Manager, Stage};
use wayfare_testkit::content::bytes_of;

fn url_of(path: &Path) -> String {
    Url::from_file_path(path).unwrap().into()
}

#[test]
fn a_file_is_delivered_with_what_is_known_of_it() {
    let directory = Directory::new("files");
    let path = directory.join("päge one.html");
    std::fs::write(&path, bytes_of(300_000, 1)).unwrap();
    for face in FACES {
        let got = fetch(face, &manager(), Ask::get(url_of(&path))).unwrap();
        assert_eq!((got.status, got.body.len()), (200, 300_000));
        assert_eq!(got.body, bytes_of(300_000, 1));
        assert_eq!(got.header("content-length"), "300000");
        assert!(got.header("content-type").starts_with("text/html"));
        assert!(got.header("last-modified").ends_with("GMT"));
        let got = fetch(face, &manager(), Ask::new("HEAD", url_of(&path))).unwrap();
        assert_eq!((got.body.len(), got.header("content-length")), (0, "300000"));
        let got = fetch(face, &manager(), Ask::get(url_of(&path) + "?query#fragment")).unwrap();
        assert_eq!(got.body.len(), 300_000, "a query is no part of the name");
    }
}

#[test]
fn a_part_of_a_file_can_be_had() {
    let directory = Directory::new("ranges");
    let path = directory.join("data");
    std::fs::write(&path, "0123456789").unwrap();
    let table = [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=8-", 206, "89", "bytes 8-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=0-0,5-6", 200, "0123456789", ""),
        ("lines=1-2", 200, "0123456789", ""),
        ("bytes=x", 200, "0123456789", ""),
    ];
    for face in FACES {
        for (range, status, body, place) in table {
            let ask = Ask::get(url_of(&path)).header("Range", range);
            let got = fetch(face, &manager(), ask).unwrap();
            let found = (got.status, got.text(), got.header("content-range"));
            assert_eq!(found, (status, body, place), "{range}");
        }
    }
}

#[test]
fn a_file_is_put_whole_or_not_at_all() {
    for face in FACES {
        let directory = Directory::new("put");
        let path = directory.join("new.txt");
        let got = fetch(face, &manager(), Ask::put(url_of(&path), "one")).unwrap();
        assert_eq!(got.status, 201);
        let body = Body::blocking_reader(Filler { fill: b'x', left: 500_000 }, None);
        let got = fetch(face, &manager(), Ask::put(url_of(&path), body)).unwrap();
        assert_eq!(got.status, 204);
        assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 500_000]);

        for left in [1, 3] {
            let wrong = Body::blocking_reader(Filler { fill: b'y', left }, Some(2));
            let error = fetch(face, &manager(), Ask::put(url_of(&path), wrong)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BodySource, "{left}");
        }
        assert_eq!(std::fs::read(&path).unwrap().len(), 500_000, "what was there stays");
        assert_eq!(directory.names(), ["new.txt"]);
        fetch(face, &manager(), Ask::put(url_of(&path), Body::empty())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 0);
        for (url, kind) in [
            (url_of(&directory.0), ErrorKind::FileNotRegular),
            (url_of(&directory.join("no/where")), ErrorKind::FileNotFound),
        ] {
            let error = fetch(face, &manager(), Ask::put(&url, "x")).unwrap_err();
            assert_eq!((error.kind(), error.stage()), (kind, Stage::Store), "{url}");
        }
    }
}

#[test]
fn what_is_no_file_of_this_machine_is_an_error_at_once() {
    let directory = Directory::new("special");
    let fifo = directory.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let root = directory.0.display();
    let table = [
        (format!("file://{root}/missing"), ErrorKind::FileNotFound),
        (format!("file://{root}"), ErrorKind::FileNotRegular),
        (format!("file://{root}/"), ErrorKind::FileNotRegular),
        (url_of(&fifo), ErrorKind::FileNotRegular),
        ("file:///dev/zero".into(), ErrorKind::FileNotRegular),
        ("file://server.test/etc/hostname".into(), ErrorKind::InvalidUrl),
        ("file:////server.test/share".into(), ErrorKind::FileNotFound),
        ("file://localhost//server.test/share".into(), ErrorKind::FileNotFound),
        ("file:///etc/host%00name".into(), ErrorKind::InvalidUrl),
    ];
    for face in FACES {
        let timeouts = Timeouts { whole: Wait::seconds(5), ..Timeouts::default() };
        for (url, kind) in &table {
            let began = Instant::now();
            let error = fetch(face, &manager(), Ask::get(url).timeouts(timeouts)).unwrap_err();
            assert_eq!(error.kind(), *kind, "{url}: {error}");
            assert!(began.elapsed() < Duration::from_secs(1), "{url}");
        }
        let error = fetch(face, &manager(), Ask::new("DELETE", "file:///x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedMethod);
        let missing = fetch(face, &manager(), Ask::get(&table[0].0)).unwrap_err();
        assert_eq!(missing.qt_code(), 203);
    }
}

#[test]
fn a_file_on_localhost_is_one_of_this_machine() {
    let directory = Directory::new("localhost");
    let path = directory.join("a");
    std::fs::write(&path, "here").unwrap();
    for face in FACES {
        let url = url_of(&path).replace("file://", "file://localhost");
        assert_eq!(fetch(face, &manager(), Ask::get(url)).unwrap().text(), "here");
    }
}

#[test]
fn a_data_url_is_its_own_answer() {
    let table = [
        ("data:,Hello%2C%20World", "text/plain;charset=US-ASCII", "Hello, World"),
        ("data:text/html;base64,PGI+aGk8L2I+", "text/html", "<b>hi</b>"),
        ("data:,", "text/plain;charset=US-ASCII", ""),
        ("data:text/plain;charset=utf-8,%C3%BC#fragment", "text/plain;charset=utf-8", "ü"),
    ];
    for face in FACES {
        let manager = manager();
        for (url, kind, body) in table {
            let got = fetch(face, &manager, Ask::get(url)).unwrap();
            assert_eq!((got.status, got.text(), got.header("content-type")), (200, body, kind));
            let length = body.len().to_string();
            assert_eq!(got.header("content-length"), length);
        }
        for url in ["data:", "data:text/plain", "data:;base64,%%%"] {
            let error = fetch(face, &manager, Ask::get(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}");
        }
        let error = fetch(face, &manager, Ask::post("data:,x", "y")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedMethod);
        assert!(is_at_rest(&manager));
    }
}

/// Answers `greet:name` with a greeting.
struct Greet;

impl Protocol for Greet {
    fn schemes(&self) -> &[&str] {
        &["greet", "data"]
    }

    fn attempt<'a>(&'a self, outgoing: Outgoing, _: &'a Around) -> Answering<'a> {
        Box::pin(async move {
            let text = format!("{} {}", outgoing.method, outgoing.url.path());
            let kind = HeaderValue::from_static("text/x-greeting");
            let answer = Answer::new(StatusCode::ACCEPTED).with_header(header::CONTENT_TYPE, kind);
            Ok(answer.with_body(Body::from(Bytes::from(text))))
        })
    }
}

#[test]
fn an_application_can_answer_schemes_of_its_own() {
    let manager = Manager::builder().protocol(Greet).build();
    assert_eq!(manager.supported_schemes(), ["data", "file", "greet", "http", "https"]);
    for face in FACES {
        for url in ["greet:Ada", "GREET:Ada", "data:Ada"] {
            let got = fetch(face, &manager, Ask::get(url)).unwrap();
            assert_eq!((got.status, got.text()), (202, "GET Ada"), "{url}");
            assert_eq!(got.header("content-type"), "text/x-greeting");
        }
    }
}

#[test]
fn an_unknown_scheme_is_told_with_those_that_are_known() {
    for face in FACES {
        for url in ["gopher://a.test/", "mailto:a@b.test", "about:blank"] {
            let error = fetch(face, &manager(), Ask::get(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownScheme);
            assert!(error.message().contains("data, file, http, https"), "{error}");
        }
        for url in
            ["", "a.test", "/path", "http://", "http://a b/", "http://[::1/", "http://a:99999/"]
        {
            let error = fetch(face, &manager(), Ask::get(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url:?}");
        }
    }
}
