//! What an application passes on unchecked never becomes another request, field or part.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use http::Method;
use it::{Ask, FACES, fetch, manager_for};
use wayfare::options::Versions;
use wayfare::{Body, ErrorKind, Manager, Multipart};
use wayfare_testkit::FaultServer;
use wayfare_testkit::Server;
use wayfare_testkit::script::{Script, Step};

const BAD: [&str; 6] =
    ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\0b", "a\r\n\r\nGET /evil HTTP/1.1", "\n"];

/// What a URL with a line break may come to, where it is not read as one without.
const REFUSED: [ErrorKind; 3] =
    [ErrorKind::InvalidUrl, ErrorKind::NameNotFound, ErrorKind::UnknownScheme];

fn recording() -> FaultServer {
    let ok = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let steps = vec![Step::head(), ok, Step::Drain(std::time::Duration::from_millis(50))];
    FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0").unwrap()
}

/// Whether anything that was heard shows a field or a request of the attacker's.
fn is_clean(server: &FaultServer) -> bool {
    server.heard().iter().all(|heard| {
        let text = String::from_utf8_lossy(&heard.bytes).into_owned();
        let lines: Vec<_> = text.split(['\r', '\n']).collect();
        !lines.iter().any(|line| line.starts_with("X-Evil") || line.starts_with("GET /evil"))
            && !text.contains('\0')
    })
}

#[test]
fn a_field_with_a_line_break_is_an_error_and_is_not_sent() {
    for face in FACES {
        let server = recording();
        for versions in [Versions::Http1, Versions::Http2] {
            let manager = manager_for(versions);
            for bad in BAD {
                for (name, value) in
                    [("X-Good", bad), (bad, "value"), ("Host", bad), ("", "x"), ("a b", "x")]
                {
                    let ask = Ask::get(server.url("/")).header(name, value);
                    let error = fetch(face, &manager, ask).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name:?} {value:?}");
                    assert!(!error.to_string().contains("X-Evil"), "a value may be a secret");
                }
            }
        }
        assert_eq!(server.connections_opened(), 0);
    }
}

#[test]
fn a_method_with_a_line_break_cannot_be_made() {
    for bad in BAD {
        assert!(Method::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
        assert!(Method::from_bytes(format!("GET {bad}").as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn line_breaks_in_a_url_never_reach_the_wire() {
    for face in FACES {
        for versions in [Versions::Http1, Versions::Http2] {
            let plain = recording();
            let h2 = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
            let manager = manager_for(versions);
            let base = if versions == Versions::Http1 { plain.url("") } else { h2.url("") };
            let rest = base.strip_prefix("http://").unwrap();
            for bad in BAD {
                let urls = [
                    format!("{base}/{bad}"),
                    format!("{base}/?q={bad}"),
                    format!("{base}/#{bad}"),
                    format!("http://user{bad}:pass{bad}@{rest}/"),
                    format!("http://{bad}{rest}/"),
                    format!("{bad}{base}/"),
                ];
                for url in urls {
                    match fetch(face, &manager, Ask::get(&url)) {
                        Ok(got) => assert!(matches!(got.status, 200 | 404), "{url:?}"),
                        Err(error) => {
                            assert!(REFUSED.contains(&error.kind()), "{url:?}: {error:?}");
                        }
                    }
                }
            }
            assert!(is_clean(&plain), "{face:?}");
            assert!(h2.requests().iter().all(|r| !r.headers.contains_key("x-evil")));
            assert!(h2.requests().iter().all(|r| !r.target.starts_with("/evil")));
        }
    }
}

#[test]
fn credentials_with_line_breaks_are_encoded() {
    for face in FACES {
        let server = recording();
        let request = Manager::new().get(server.url("/")).basic_auth("a:b", "c");
        let error = it::block_on(request.send()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{face:?}");
        for bad in BAD {
            let request = Manager::new().get(server.url("/")).basic_auth("user", bad);
            assert_eq!(it::runtime().block_on(request.send()).unwrap().status(), 200);
        }
        assert!(is_clean(&server));
    }
}

#[test]
fn names_in_a_form_never_end_their_quotes() {
    let server = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager_for(Versions::Http1);
    for face in FACES {
        for bad in BAD.into_iter().chain(["a\"; filename=\"evil", "a\\", "--", "\r\n--x--\r\n"]) {
            server.clear_requests();
            let form = Multipart::form()
                .text(bad, "value")
                .file_part(bad, bad, Body::from("content"))
                .text("last", "value");
            fetch(face, &manager, Ask::post(server.url("/upload"), form)).unwrap();
            let record = server.requests().remove(0);
            let kind = record.headers["content-type"].to_str().unwrap();
            let boundary = kind.split_once("boundary=").unwrap().1.trim_matches('"').to_owned();
            let body = String::from_utf8(record.body.to_vec()).unwrap();
            let parts: Vec<_> = body.split(&format!("--{boundary}")).collect();
            assert_eq!(parts.len(), 5, "three parts, one end, nothing before: {body}");
            for part in &parts[1..4] {
                let (head, _) = part.split_once("\r\n\r\n").unwrap();
                let lines: Vec<_> = head.trim().split("\r\n").collect();
                assert!(lines.len() <= 2, "{head:?}");
                for line in lines {
                    let name = line.split(':').next().unwrap().to_ascii_lowercase();
                    assert!(name == "content-disposition" || name == "content-type", "{line:?}");
                    assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
                    assert!(line.matches('"').count() % 2 == 0, "{line:?}");
                    assert!(!line.contains("filename=\"evil"), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn fields_that_frame_a_request_are_not_the_applications_to_set() {
    for face in FACES {
        for (name, value) in [("Content-Length", "500"), ("Transfer-Encoding", "chunked")] {
            let server = recording();
            let ask = Ask::post(server.url("/"), "12345").header(name, value);
            let result = fetch(face, &manager_for(Versions::Http1), ask);
            let text =
                server.heard().first().map(|h| String::from_utf8_lossy(&h.bytes).to_lowercase());
            match result {
                Ok(_) => {
                    let text = text.unwrap();
                    assert_eq!(text.matches("content-length: 5\r\n").count(), 1, "{text}");
                    assert_eq!(text.matches("content-length").count(), 1, "{text}");
                    assert!(!text.contains("transfer-encoding"), "{text}");
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:?}"),
            }
        }
    }
}
