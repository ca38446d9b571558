//! Heads, good and bad: the tables of framing, limits and grammar.

use bytes::{BufMut, BytesMut};
use http::{Method, Version};

use super::super::limits::HeadLimits;
use super::super::response::{Framing, Head, HeadReader};
use super::super::violation::{Part, Violation};
use super::{head_for, head_of};

#[test]
fn a_head_is_read_and_the_body_is_left() {
    let mut reader = HeadReader::new(&Method::GET, HeadLimits::default());
    let mut input = BytesMut::from(
        "HTTP/1.1 404 Not \u{e9} Found\r\nContent-Length:  3 \r\nSet-Cookie: a\r\nset-cookie: b\r\nEmpty:\r\n\r\nabc",
    );
    let Some(Head::Final(head)) = reader.read(&mut input).unwrap() else { panic!() };
    assert_eq!((head.status.as_u16(), head.version), (404, Version::HTTP_11));
    assert_eq!(head.reason, "Not \u{e9} Found");
    assert_eq!(head.framing, Framing::Sized(3));
    assert!(head.keep_alive);
    let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a", "b"]);
    assert_eq!(head.headers["content-length"], "3");
    assert_eq!(head.headers["empty"], "");
    assert_eq!(input, "abc");
}

#[test]
fn a_status_line_may_lack_its_reason() {
    for line in ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200"] {
        let head = head_of(format!("{line}\r\n\r\n")).unwrap();
        assert_eq!((head.status.as_u16(), &head.reason[..]), (200, &b""[..]));
    }
}

#[test]
fn the_framing_follows_the_fields() {
    let cases: &[(&str, Framing)] = &[
        ("Content-Length: 5\r\n", Framing::Sized(5)),
        ("Content-Length: 0\r\n", Framing::Empty),
        ("Content-Length: 5, 5\r\n", Framing::Sized(5)),
        ("Content-Length: 5\r\nContent-Length: 05\r\n", Framing::Sized(5)),
        ("Content-Length: 18446744073709551615\r\n", Framing::Sized(u64::MAX)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("transfer-encoding:CHUNKED \r\n", Framing::Chunked),
        ("", Framing::UntilClose),
        ("Content-Type: text/plain\r\n", Framing::UntilClose),
    ];
    for (fields, framing) in cases {
        let head = head_of(format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.framing, *framing, "{fields:?}");
        assert_eq!(head.keep_alive, *framing != Framing::UntilClose, "{fields:?}");
    }
}

#[test]
fn answers_without_a_body_have_none_whatever_the_fields_say() {
    for fields in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        for status in ["204 No Content", "304 Not Modified"] {
            let head = head_of(format!("HTTP/1.1 {status}\r\n{fields}\r\n")).unwrap();
            assert_eq!(head.framing, Framing::Empty, "{status} {fields:?}");
        }
        let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let head = head_for(&Method::HEAD, bytes).unwrap();
        assert_eq!(head.framing, Framing::Empty);
        assert!(head.keep_alive);
    }
}

#[test]
fn a_204_that_announces_a_body_ends_its_connection() {
    for (fields, keep_alive) in
        [("", true), ("Content-Length: 0\r\n", true), ("Content-Length: 5\r\n", false)]
    {
        let head = head_of(format!("HTTP/1.1 204 No Content\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.keep_alive, keep_alive, "{fields:?}");
    }
}

#[test]
fn a_success_to_connect_is_a_tunnel_whatever_the_fields_say() {
    let bytes =
        "HTTP/1.1 200 Established\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    let head = head_for(&Method::CONNECT, bytes).unwrap();
    assert_eq!((head.framing, head.keep_alive), (Framing::Upgraded, false));
    let refused =
        head_for(&Method::CONNECT, "HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n").unwrap();
    assert_eq!(refused.framing, Framing::Sized(5));
}

#[test]
fn a_bad_content_length_is_refused() {
    let values = [
        "+5",
        "-5",
        "0x5",
        "5;",
        "5 5",
        "1 2",
        "٥",
        "5,",
        ",5",
        "5,6",
        "5, 6",
        "",
        " ",
        "5.0",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999",
        "abc",
        "5\t5",
    ];
    for value in values {
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\n");
        let violation = head_of(bytes).unwrap_err();
        assert!(matches!(violation, Violation::BadContentLength(_)), "{value:?}: {violation:?}");
    }
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
    assert!(matches!(head_of(two), Err(Violation::BadContentLength(_))));
}

#[test]
fn a_transfer_encoding_other_than_one_chunked_is_refused() {
    let fields = [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding:",
    ];
    for field in fields {
        let violation = head_of(format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n")).unwrap_err();
        let expected = matches!(
            violation,
            Violation::BadTransferEncoding(_) | Violation::Malformed(Part::FieldValue)
        );
        assert!(expected, "{field:?}: {violation:?}");
    }
    let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";
    assert!(matches!(head_of(old), Err(Violation::BadTransferEncoding(_))));
}

#[test]
fn two_framings_in_one_message_are_refused() {
    for status in ["200 OK", "204 No", "304 No"] {
        let bytes =
            format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(head_of(bytes).unwrap_err(), Violation::BothFramings);
    }
}

#[test]
fn the_connection_lives_on_as_version_and_tokens_say() {
    let cases: &[(&str, &str, bool)] = &[
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: foo, CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.1", "Connection: \"close\"\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ];
    for (version, fields, keep_alive) in cases {
        let bytes = format!("HTTP/{version} 200 OK\r\nContent-Length: 1\r\n{fields}\r\n");
        assert_eq!(head_of(bytes).unwrap().keep_alive, *keep_alive, "{version} {fields:?}");
    }
    let open_ended = head_of("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").unwrap();
    assert_eq!((open_ended.framing, open_ended.keep_alive), (Framing::UntilClose, false));
}

#[test]
fn broken_heads_are_refused_each_for_its_own_reason() {
    use Violation::*;
    let cases: &[(&[u8], Violation)] = &[
        (b"HTTP/1.1 200 OK\nA: b\r\n\r\n", BareLineFeed),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", BareLineFeed),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\n", BareLineFeed),
        (b"HTTP/1.1 200 OK\r\nA: b\n\n", BareLineFeed),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\rX\r\n\r\n", Malformed(Part::LineEnd)),
        (b"HTTP/1.1 200 OK\r\nA: b\rX: y\r\n\r\n", Malformed(Part::FieldValue)),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", FoldedField),
        (b"HTTP/1.1 200 OK\r\n\tA: b\r\n\r\n", FoldedField),
        (b"HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\n", FoldedField),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", FoldedField),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", Malformed(Part::FieldName)),
        (b"HTTP/1.1 200 OK\r\nContent-Length\t: 5\r\n\r\n", Malformed(Part::FieldName)),
        (b"HTTP/1.1 200 OK\r\n: 5\r\n\r\n", Malformed(Part::FieldName)),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Malformed(Part::FieldName)),
        (b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n", Malformed(Part::FieldName)),
        (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", Malformed(Part::FieldValue)),
        (b"HTTP/1.1 200 OK\r\nA: b\x7fc\r\n\r\n", Malformed(Part::FieldValue)),
        (b"HTTP/1.1 200 OK\0\r\n\r\n", Malformed(Part::StatusLine)),
        (b"HTTP/1.1 20 OK\r\n\r\n", Malformed(Part::StatusLine)),
        (b"HTTP/1.1 2000 OK\r\n\r\n", Malformed(Part::StatusLine)),
        (b"HTTP/1.1 99999\r\n\r\n", Malformed(Part::StatusLine)),
        (b"HTTP/1.1 -20 OK\r\n\r\n", Malformed(Part::StatusLine)),
        (b"HTTP/1.1  200 OK\r\n\r\n", Malformed(Part::StatusLine)),
        (b"HTTP/1.1\r\n\r\n", Malformed(Part::Version)),
        (b"HTTP/1.2 200 OK\r\n\r\n", Malformed(Part::Version)),
        (b"HTTP/2.0 200 OK\r\n\r\n", Malformed(Part::Version)),
        (b"HTTP/3 200 OK\r\n\r\n", Malformed(Part::Version)),
        (b"HTTP/1.10 200 OK\r\n\r\n", Malformed(Part::Version)),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", UnaskedUpgrade),
    ];
    for (bytes, expected) in cases {
        let violation = head_of(bytes).unwrap_err();
        assert_eq!(violation, *expected, "{}", bytes.escape_ascii());
    }
    for code in ["000", "099", "042"] {
        let violation = head_of(format!("HTTP/1.1 {code} X\r\n\r\n")).unwrap_err();
        assert!(matches!(violation, BadStatus(_)), "{violation:?}");
    }
}

#[test]
fn another_protocol_is_turned_away_at_its_first_bytes() {
    for bytes in
        ["ICY 200 OK\r\n\r\n", "<html>", "SSH-2.0-x", "HTTPS", "http/1.1 200", "\n", "\r\r"]
    {
        let violation = head_of(bytes).unwrap_err();
        assert!(matches!(violation, Violation::NotHttp(_)), "{bytes:?}: {violation:?}");
    }
    let shown = head_of(b"\x1b]0;\xffboo\r\n").unwrap_err().to_string();
    assert_eq!(shown, r#"the answer is not HTTP/1: "\x1b]0;\xffboo\r\n""#);
}

#[test]
fn statuses_outside_the_registered_classes_are_answers() {
    for code in [200, 599, 600, 999] {
        let head = head_of(format!("HTTP/1.1 {code}\r\nContent-Length: 1\r\n\r\n")).unwrap();
        assert_eq!((head.status.as_u16(), head.framing), (code, Framing::Sized(1)));
    }
}

#[test]
fn one_empty_line_before_the_status_line_is_skipped() {
    assert!(head_of("\r\nHTTP/1.1 200 OK\r\n\r\n").is_ok());
    let twice = head_of("\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
    assert!(matches!(twice, Err(Violation::NotHttp(_))));
}

#[test]
fn interim_heads_are_passed_on_and_counted() {
    let limit = HeadLimits::default().interim;
    let with = |count: u8| {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n";
        interim.repeat(count.into()) + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    };
    assert_eq!(head_of(with(limit)).unwrap().framing, Framing::Sized(1));
    assert_eq!(head_of(with(limit + 1)).unwrap_err(), Violation::TooManyInterim { limit });
}

#[test]
fn a_101_that_was_asked_for_ends_http() {
    let mut reader = HeadReader::new(&Method::GET, HeadLimits::default());
    reader.expect_upgrade();
    let mut input = BytesMut::from(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x01\x02",
    );
    assert!(matches!(reader.read(&mut input), Ok(Some(Head::Interim { .. }))));
    let Some(Head::Final(head)) = reader.read(&mut input).unwrap() else { panic!() };
    assert_eq!((head.framing, head.keep_alive), (Framing::Upgraded, false));
    assert_eq!(input, "\x01\x02");
}

#[test]
fn the_number_of_fields_is_bounded_at_the_limit() {
    let limits = HeadLimits::default();
    let with = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(head_of(with(limits.fields)).unwrap().headers.len(), limits.fields);
    let limit = limits.fields;
    assert_eq!(head_of(with(limit + 1)).unwrap_err(), Violation::TooManyFields { limit });

    let more = HeadLimits { fields: 3000, ..limits };
    let mut reader = HeadReader::new(&Method::GET, more);
    let read = reader.read(&mut BytesMut::from(with(3000).as_str())).unwrap();
    assert!(matches!(read, Some(Head::Final(head)) if head.headers.len() == 3000));
}

#[test]
fn the_size_of_a_field_is_bounded_at_the_limit() {
    let limit = HeadLimits::default().field_bytes;
    let with = |length: usize| format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(length - 3));
    assert!(head_of(with(limit)).is_ok());
    assert_eq!(head_of(with(limit + 1)).unwrap_err(), Violation::FieldTooLarge { limit });
    let endless = &with(limit + 9)[..limit + 17 + 2];
    assert_eq!(head_of(endless).unwrap_err(), Violation::FieldTooLarge { limit });
}

#[test]
fn the_size_of_a_head_is_bounded_at_the_limit() {
    let limits = HeadLimits { head_bytes: 1000, ..HeadLimits::default() };
    let read = |length: usize| {
        let filler = length - "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len();
        let head = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(filler));
        HeadReader::new(&Method::GET, limits).read(&mut BytesMut::from(head.as_str()))
    };
    assert!(matches!(read(1000), Ok(Some(_))));
    assert_eq!(read(1001).unwrap_err(), Violation::HeadTooLarge { limit: 1000 });
}

#[test]
fn a_status_line_without_end_fails_at_the_limit() {
    let limit = HeadLimits::default().head_bytes;
    let mut reader = HeadReader::new(&Method::GET, HeadLimits::default());
    let mut input = BytesMut::from("HTTP/1.1 200 ");
    let result = loop {
        input.put_bytes(b'a', 1000);
        match reader.read(&mut input) {
            Ok(None) => assert!(input.len() <= limit),
            other => break other,
        }
    };
    assert_eq!(result.unwrap_err(), Violation::HeadTooLarge { limit });
}

#[test]
fn the_reason_is_bounded_at_its_limit() {
    let with = |length| format!("HTTP/1.1 200 {}\r\n\r\n", "a".repeat(length));
    assert_eq!(head_of(with(1024)).unwrap().reason.len(), 1024);
    assert_eq!(head_of(with(1025)).unwrap_err(), Violation::ReasonTooLong);
}

#[test]
fn the_end_of_the_stream_means_what_came_before_it() {
    assert_eq!(head_of("").unwrap_err(), Violation::ClosedBeforeHead);
    assert_eq!(head_of("\r\n").unwrap_err(), Violation::ClosedBeforeHead);
    assert_eq!(head_of("H").unwrap_err(), Violation::CutInHead);
    assert_eq!(head_of("HTTP/1.1 200 OK\r\nA: b\r\n").unwrap_err(), Violation::CutInHead);
    assert_eq!(head_of("HTTP/1.1 100 Continue\r\n\r\n").unwrap_err(), Violation::CutInHead);
}

/// A quadratic search takes minutes here, a linear one milliseconds.
#[test]
fn a_head_of_a_megabyte_that_trickles_in_is_read_in_linear_time() {
    let limits = HeadLimits { head_bytes: 2 << 20, fields: 20_000, ..HeadLimits::default() };
    let mut reader = HeadReader::new(&Method::GET, limits);
    let field = format!("A: {}\r\n", "b".repeat(95));
    let bytes = format!("HTTP/1.1 200 OK\r\n{}\r\n", field.repeat(10_000));
    let mut input = BytesMut::new();
    for &byte in &bytes.as_bytes()[..bytes.len() - 1] {
        input.put_u8(byte);
        assert!(reader.read(&mut input).unwrap().is_none());
    }
    input.put_u8(b'\n');
    assert!(matches!(reader.read(&mut input), Ok(Some(Head::Final(_)))));
}
