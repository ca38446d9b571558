//! Request heads: what is written, and what is refused.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::super::request::{
    CHUNK_END, Opening, Refusal, Sending, WrittenFields, write_chunk_header, write_head,
    write_last_chunk,
};

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let parse = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    };
    fields.iter().map(parse).collect()
}

fn head(method: &Method, fields: &[(&str, &str)], sending: Sending) -> Result<String, Refusal> {
    let mut out = BytesMut::new();
    write_head(&mut out, Opening::new(method, "/a?b", "h:8080"), &headers(fields), sending)?;
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

#[test]
fn host_comes_first_and_names_are_in_title_case() {
    let fields = [("x-a-b", "c"), ("accept", "*/*"), ("etag", "\"x\"")];
    assert_eq!(
        head(&Method::GET, &fields, Sending::Nothing).unwrap(),
        "GET /a?b HTTP/1.1\r\nHost: h:8080\r\nX-A-B: c\r\nAccept: */*\r\nEtag: \"x\"\r\n\r\n"
    );
    let own = [("accept", "*/*"), ("host", "other")];
    assert_eq!(
        head(&Method::GET, &own, Sending::Nothing).unwrap(),
        "GET /a?b HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n\r\n"
    );
}

#[test]
fn the_framing_field_follows_the_body() {
    let framing = |method: &Method, sending| {
        let head = head(method, &[], sending).unwrap();
        head.split_once("Host: h:8080\r\n").unwrap().1.to_owned()
    };
    assert_eq!(framing(&Method::GET, Sending::Nothing), "\r\n");
    assert_eq!(framing(&Method::DELETE, Sending::Nothing), "\r\n");
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        assert_eq!(framing(&method, Sending::Nothing), "Content-Length: 0\r\n\r\n");
    }
    assert_eq!(
        framing(&Method::PUT, Sending::Sized(u64::MAX)),
        "Content-Length: 18446744073709551615\r\n\r\n"
    );
    assert_eq!(framing(&Method::POST, Sending::Sized(0)), "Content-Length: 0\r\n\r\n");
    assert_eq!(framing(&Method::GET, Sending::Chunked), "Transfer-Encoding: chunked\r\n\r\n");
}

#[test]
fn a_length_from_the_caller_must_be_that_of_the_body() {
    let given = [("content-length", "5")];
    let written = head(&Method::POST, &given, Sending::Sized(5)).unwrap();
    assert_eq!(written.matches("Content-Length: 5\r\n").count(), 1);
    let twice = [("content-length", "5"), ("content-length", "5")];
    let written = head(&Method::POST, &twice, Sending::Sized(5)).unwrap();
    assert_eq!(written.matches("Content-Length").count(), 1);
    assert!(head(&Method::GET, &[("content-length", "0")], Sending::Nothing).is_ok());
    for (fields, sending) in [
        (&given[..], Sending::Sized(6)),
        (&given, Sending::Nothing),
        (&given, Sending::Chunked),
        (&[("content-length", "5"), ("content-length", "6")], Sending::Sized(5)),
        (&[("content-length", "+5")], Sending::Sized(5)),
        (&[("content-length", "5, 5")], Sending::Sized(5)),
        (&[("content-length", "")], Sending::Sized(0)),
    ] {
        let refusal = head(&Method::POST, fields, sending).unwrap_err();
        assert_eq!(refusal, Refusal::ContentLength, "{fields:?}");
    }
}

#[test]
fn a_framing_from_the_caller_is_refused() {
    let fields = [("transfer-encoding", "chunked")];
    for sending in [Sending::Chunked, Sending::Nothing] {
        let refusal = head(&Method::POST, &fields, sending).unwrap_err();
        assert_eq!(refusal, Refusal::TransferEncoding);
    }
}

#[test]
fn fields_that_were_written_before_stand_where_they_would_have_been() {
    let usual = headers(&[("user-agent", "w"), ("accept", "*/*")]);
    let written = WrittenFields::of(&usual).unwrap();
    let own = headers(&[("host", "own"), ("cookie", "a=b")]);
    let mut out = BytesMut::new();
    let opening = Opening::new(&Method::POST, "/", "h").with(&written);
    write_head(&mut out, opening, &own, Sending::Sized(2)).unwrap();
    assert_eq!(
        out,
        "POST / HTTP/1.1\r\nHost: own\r\nUser-Agent: w\r\nAccept: */*\r\nCookie: a=b\r\n\
         Content-Length: 2\r\n\r\n"
    );
}

#[test]
fn what_must_agree_with_the_request_is_not_written_before() {
    for name in ["host", "content-length", "transfer-encoding"] {
        let fields = headers(&[("accept", "*/*"), (name, "1")]);
        assert!(WrittenFields::of(&fields).is_none(), "{name}");
    }
    assert!(WrittenFields::of(&HeaderMap::new()).is_some());
}

#[test]
fn nothing_can_be_smuggled_into_the_head() {
    let mut out = BytesMut::from("before");
    let mut write = |target: &str, host: &str, headers: &HeaderMap| {
        let result = write_head(
            &mut out,
            Opening::new(&Method::GET, target, host),
            headers,
            Sending::Nothing,
        );
        assert_eq!(out, "before", "a refusal leaves no bytes");
        result.unwrap_err()
    };
    let none = HeaderMap::new();
    for target in ["", "/ a", "/\r\nX: y", "/\n", "/\0", "/\u{10d}\u{10a}", "/é", "/\x7f", "/\t"] {
        assert_eq!(write(target, "h", &none), Refusal::BadTarget, "{target:?}");
    }
    for host in ["", "a\r\nX:y", "a b", "a/b", "u@h", "a\0", "é", "a#", "a?b", "a\\b", "<", "a\"b"]
    {
        assert_eq!(write("/", host, &none), Refusal::BadHost, "{host:?}");
    }
    for host in ["a b", "u@h", "", "a\tb", "h/"] {
        let own = headers(&[("host", host)]);
        assert_eq!(write("/", "h", &own), Refusal::BadHost, "{host:?}");
    }
    let two = headers(&[("host", "a"), ("host", "b")]);
    assert_eq!(write("/", "h", &two), Refusal::SeveralHosts);
}

#[test]
fn hosts_of_every_form_are_written() {
    for host in ["example.org", "[::1]:8080", "[fe80::1%25eth0]", "127.0.0.1:1", "xn--bcher-kva.de"]
    {
        let mut out = BytesMut::new();
        let opening = Opening::new(&Method::GET, "*", host);
        write_head(&mut out, opening, &HeaderMap::new(), Sending::Nothing).unwrap();
        assert_eq!(out, format!("GET * HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
}

#[test]
fn chunks_are_written_as_they_are_read() {
    let mut out = BytesMut::new();
    write_chunk_header(&mut out, 0x1ab);
    out.extend_from_slice(CHUNK_END);
    let fields = [("digest", "x"), ("content-length", "5"), ("host", "h"), ("x-a", "y")];
    write_last_chunk(&mut out, Some(&headers(&fields)));
    assert_eq!(out, "1ab\r\n\r\n0\r\nDigest: x\r\nX-A: y\r\n\r\n");
    out.clear();
    write_last_chunk(&mut out, None);
    assert_eq!(out, "0\r\n\r\n");
    out.clear();
    write_chunk_header(&mut out, usize::MAX);
    assert_eq!(out, format!("{:x}\r\n", usize::MAX));
}
