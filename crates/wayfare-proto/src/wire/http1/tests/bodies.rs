//! Bodies, good and bad: sized, chunked and open-ended.

use bytes::BytesMut;

use super::super::body::{BodyReader, Piece};
use super::super::limits::HeadLimits;
use super::super::response::Framing;
use super::super::violation::{ChunkFault, Violation};
use super::body_of;

#[test]
fn a_sized_body_is_exact_and_leaves_the_surplus() {
    assert_eq!(body_of(Framing::Sized(5), "hello").unwrap(), (b"hello".into(), b"".into()));
    assert_eq!(body_of(Framing::Sized(5), "helloHTTP").unwrap(), (b"hello".into(), b"HTTP".into()));
    assert_eq!(body_of(Framing::Empty, "poison").unwrap(), (b"".into(), b"poison".into()));
    assert_eq!(body_of(Framing::Upgraded, "frames").unwrap(), (b"".into(), b"frames".into()));
}

#[test]
fn a_sized_body_that_ends_early_is_truncated() {
    let cut = Violation::Truncated { received: 3, expected: Some(5) };
    assert_eq!(body_of(Framing::Sized(5), "hel").unwrap_err(), cut);
    assert_eq!(cut.to_string(), "the body ended after 3 of 5 bytes");
}

#[test]
fn an_open_ended_body_ends_with_the_stream() {
    assert_eq!(body_of(Framing::UntilClose, "hello").unwrap().0, b"hello");
    assert_eq!(body_of(Framing::UntilClose, "").unwrap().0, b"");
    let mut reader = BodyReader::new(Framing::UntilClose, HeadLimits::default());
    assert!(!reader.is_ended());
    reader.handle_end().unwrap();
    assert!(reader.is_ended());
    assert_eq!(reader.read(&mut BytesMut::new()), Ok(Piece::End(None)));
}

#[test]
fn a_reader_knows_what_it_gave_and_what_is_left() {
    let mut reader = BodyReader::new(Framing::Sized(5), HeadLimits::default());
    assert_eq!(reader.remaining(), Some(5));
    let mut input = BytesMut::from("hel");
    assert_eq!(reader.read(&mut input), Ok(Piece::Data("hel".into())));
    assert_eq!((reader.received(), reader.remaining()), (3, Some(2)));
    assert_eq!(reader.read(&mut input), Ok(Piece::NeedMore));
    input.extend_from_slice(b"lo");
    assert_eq!(reader.read(&mut input), Ok(Piece::Data("lo".into())));
    assert!(reader.is_ended());
    assert_eq!(reader.remaining(), Some(0));
    assert!(reader.handle_end().is_ok());
    let chunked = BodyReader::new(Framing::Chunked, HeadLimits::default());
    assert_eq!(chunked.remaining(), None);
}

#[test]
fn chunks_are_joined_and_the_next_response_is_left() {
    let cases: &[(&str, &str)] = &[
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", "hello world"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", "hello"),
        ("5 ; a\r\nhello\r\n0  \r\n\r\n", "hello"),
        ("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\n\r\n\r\n\n\r\n0\r\n\r\n", "\r\n\r\n\n"),
        ("5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", "hello"),
    ];
    for (wire, body) in cases {
        let (read, rest) = body_of(Framing::Chunked, format!("{wire}HTTP/1.1 200")).unwrap();
        assert_eq!(read.escape_ascii().to_string(), body.as_bytes().escape_ascii().to_string());
        assert_eq!(rest, b"HTTP/1.1 200", "{wire:?}");
    }
}

#[test]
fn broken_chunks_are_refused_each_for_its_own_reason() {
    use ChunkFault::*;
    let cases: &[(&str, ChunkFault)] = &[
        ("5\nhello\n0\n\n", LineEnd),
        ("5\r\nhello\n0\r\n\r\n", Terminator),
        ("5\r\nhelloXX0\r\n\r\n", Terminator),
        ("5\r\nhello\rX0\r\n\r\n", Terminator),
        ("5\r\nhell\r\n0\r\n\r\n", Terminator),
        ("5\rXhello", LineEnd),
        ("5;a\nhello", LineEnd),
        ("5;a\rhello", LineEnd),
        ("5;a\0b\r\nhello", Extension),
        ("5;a\x7f\r\nhello", Extension),
        ("\r\n", Size),
        (";a\r\n", Size),
        (" 5\r\n", Size),
        ("-5\r\n", Size),
        ("+5\r\n", Size),
        ("0x5\r\n", Size),
        ("5 5\r\n", Size),
        ("5g\r\n", Size),
        ("5,\r\n", Size),
        ("g\r\n", Size),
        ("10000000000000000\r\n", SizeTooLarge),
        ("10000000000000005\r\n", SizeTooLarge),
        ("00000000000000005\r\n", SizeTooLarge),
        ("FFFFFFFFFFFFFFFD\r\n", SizeTooLarge),
        ("FFFFFFFFFFFFFFFF\r\n", SizeTooLarge),
        ("8000000000000000\r\n", SizeTooLarge),
    ];
    for (wire, fault) in cases {
        let violation = body_of(Framing::Chunked, wire).unwrap_err();
        assert_eq!(violation, Violation::BadChunk(*fault), "{wire:?}");
    }
}

#[test]
fn a_huge_chunk_with_little_data_is_truncated_and_allocates_nothing() {
    for size in ["FFFFFFFE", "7FFFFFFFFFFFFFFF"] {
        let violation = body_of(Framing::Chunked, format!("{size}\r\nhello")).unwrap_err();
        assert_eq!(violation, Violation::Truncated { received: 5, expected: None });
    }
}

#[test]
fn a_chunked_body_cut_anywhere_is_truncated() {
    let wire = "5;ab\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n";
    for length in 0..wire.len() {
        let violation = body_of(Framing::Chunked, &wire[..length]).unwrap_err();
        assert!(matches!(violation, Violation::Truncated { .. }), "{length}: {violation:?}");
    }
}

#[test]
fn trailers_are_given_and_those_that_steer_are_dropped() {
    let mut reader = BodyReader::new(Framing::Chunked, HeadLimits::default());
    let mut input = BytesMut::from(
        "0\r\nDigest: a\r\nContent-Length: 5\r\ndigest: b\r\nSet-Cookie: x\r\nHost: y\r\n\
         Authorization: z\r\nContent-Type: t\r\nTransfer-Encoding: chunked\r\nETag: e\r\n\r\n",
    );
    let Piece::End(Some(trailers)) = reader.read(&mut input).unwrap() else { panic!() };
    let digests: Vec<_> = trailers.get_all("digest").iter().collect();
    assert_eq!(digests, ["a", "b"]);
    assert_eq!((trailers.len(), &trailers["etag"]), (3, &"e".parse().unwrap()));
    assert_eq!(reader.read(&mut input), Ok(Piece::End(None)));
}

#[test]
fn trailers_obey_the_limits_and_the_grammar_of_heads() {
    let limits = HeadLimits::default();
    let with = |trailers: String| body_of(Framing::Chunked, format!("0\r\n{trailers}\r\n"));
    assert!(with("A: b\r\n".repeat(limits.fields)).is_ok());
    let limit = limits.fields;
    let many = with("A: b\r\n".repeat(limit + 1)).unwrap_err();
    assert_eq!(many, Violation::TooManyFields { limit });
    let limit = limits.field_bytes;
    assert!(with(format!("A: {}\r\n", "b".repeat(limit - 3))).is_ok());
    let large = with(format!("A: {}\r\n", "b".repeat(limit - 2))).unwrap_err();
    assert_eq!(large, Violation::FieldTooLarge { limit });
    let endless = "A: bbbbbbbbbbbbbbbbbbbbbbbb\r\n".repeat(90);
    let small = HeadLimits { head_bytes: 1000, ..limits };
    let mut reader = BodyReader::new(Framing::Chunked, small);
    let read = reader.read(&mut BytesMut::from(format!("0\r\n{endless}").as_str()));
    assert_eq!(read, Err(Violation::HeadTooLarge { limit: 1000 }));
    for bad in ["A: b\n", "A : b\r\n", " A: b\r\n", "A\r\n", "A: \0\r\n"] {
        assert!(with(bad.to_owned()).is_err(), "{bad:?}");
    }
}

#[test]
fn chunk_extensions_are_bounded_by_the_data_that_they_come_with() {
    let tiny = format!("1;{}\r\na\r\n", "e".repeat(4096));
    let violation = body_of(Framing::Chunked, tiny.repeat(50)).unwrap_err();
    assert_eq!(violation, Violation::BadChunk(ChunkFault::ExtensionTooLarge));
    let endless = format!("1;{}", "e".repeat(17 * 1024));
    let violation = body_of(Framing::Chunked, endless).unwrap_err();
    assert_eq!(violation, Violation::BadChunk(ChunkFault::ExtensionTooLarge));
    let signed = format!("400;signature={}\r\n{}\r\n", "f".repeat(64), "d".repeat(1024));
    let body = body_of(Framing::Chunked, signed.repeat(1000) + "0\r\n\r\n").unwrap().0;
    assert_eq!(body.len(), 1024 * 1000);
}

#[test]
fn a_piece_is_as_large_as_the_input_allows() {
    let mut reader = BodyReader::new(Framing::Chunked, HeadLimits::default());
    let mut input = BytesMut::from(format!("FFFF\r\n{}", "a".repeat(50_000)).as_str());
    assert!(matches!(reader.read(&mut input), Ok(Piece::Data(data)) if data.len() == 50_000));
    assert_eq!(reader.read(&mut input), Ok(Piece::NeedMore));
}

#[test]
fn bytes_that_go_past_the_reader_are_counted_as_if_they_had_not() {
    for (framing, start, rest) in [
        (Framing::Sized(10), "", ""),
        (Framing::Chunked, "a\r\n", "\r\n0\r\n\r\n"),
        (Framing::UntilClose, "", ""),
    ] {
        let mut reader = BodyReader::new(framing, HeadLimits::default());
        let mut input = BytesMut::from(start);
        assert_eq!(reader.read(&mut input), Ok(Piece::NeedMore), "{framing:?}");
        assert!(reader.direct() >= 10, "{framing:?}");
        reader.handle_direct(4);
        input.extend_from_slice(b"efghij");
        assert_eq!(reader.read(&mut input), Ok(Piece::Data("efghij".into())), "{framing:?}");
        assert_eq!(reader.received(), 10);
        input.extend_from_slice(rest.as_bytes());
        if framing == Framing::UntilClose {
            reader.handle_end().unwrap();
        }
        assert_eq!(reader.read(&mut input), Ok(Piece::End(None)), "{framing:?}");
        assert_eq!(reader.direct(), 0, "{framing:?}");
    }
}
