//! Tests of all codings: round trips, damage at every place, chains and bombs.

use std::io::Write;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use wayfare_proto::fuzzing::coding::{coding, decode};
use wayfare_proto::wire::coding::decoder::{Decoder, Progress, Selection};
use wayfare_proto::wire::coding::fault::Fault;
use wayfare_proto::wire::coding::guard::BombGuard;
use wayfare_proto::wire::coding::link::Coding;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn br(plain: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut &plain[..], &mut coded, &Default::default()).unwrap();
    coded
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Encode); 5] =
    [("gzip", gzip), ("deflate", zlib), ("deflate", raw_deflate), ("br", br), ("zstd", zstd)];

fn text() -> Vec<u8> {
    (0..2000_u32)
        .flat_map(|number| format!("line {}\n", number * 7919 % 1013).into_bytes())
        .collect()
}

fn outcome(chain: &str, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let (plain, result) = decode(chain, bytes, usize::MAX, 1 << 20);
    result.map(|()| plain)
}

fn decoder(chain: &str) -> Decoder {
    let Ok(Selection::Decode(decoder)) = Decoder::for_header([chain.as_bytes()]) else { panic!() };
    decoder
}

#[test]
fn every_coding_is_undone_whatever_the_cuts_and_the_room() {
    let plain = text();
    for (name, encode) in CODINGS {
        let coded = encode(&plain);
        for (cut, room) in
            [(usize::MAX, 1 << 20), (1, 1 << 20), (7, 13), (usize::MAX, 1), (4096, 100)]
        {
            let (decoded, result) = decode(name, &coded, cut, room);
            assert_eq!(result, Ok(()), "{name} {cut} {room}");
            assert!(decoded == plain, "{name} {cut} {room}");
        }
    }
}

#[test]
fn an_empty_text_is_undone_and_an_empty_body_is_empty() {
    for (name, encode) in CODINGS {
        assert_eq!(outcome(name, &encode(b"")), Ok(Vec::new()), "{name}");
        assert_eq!(outcome(name, b""), Ok(Vec::new()), "{name}");
    }
    assert_eq!(outcome("gzip, br", b""), Ok(Vec::new()));
}

#[test]
fn a_body_cut_at_any_byte_is_truncated() {
    let plain = &text()[..700];
    for (name, encode) in CODINGS {
        let coded = encode(plain);
        for length in 1..coded.len() {
            let (_, result) = decode(name, &coded[..length], usize::MAX, 1 << 20);
            assert_eq!(result, Err(Fault::Truncated), "{name} {length} of {}", coded.len());
        }
    }
}

#[test]
fn bytes_behind_the_end_are_an_error() {
    for (name, encode) in CODINGS {
        for junk in [&b"junk!"[..], b"\0\0\0\0\0\0"] {
            let mut coded = encode(b"hello");
            coded.extend_from_slice(junk);
            for cut in [usize::MAX, 1] {
                let fault = decode(name, &coded, cut, 100).1.unwrap_err();
                let expected = match name {
                    "zstd" => Fault::Malformed(Coding::Zstd),
                    _ => Fault::Trailing,
                };
                assert_eq!(fault, expected, "{name}");
            }
        }
    }
}

#[test]
fn members_and_frames_are_joined() {
    for (name, encode) in [("gzip", gzip as Encode), ("zstd", zstd)] {
        let coded = [encode(b"hello "), encode(b""), encode(b"world")].concat();
        for cut in [usize::MAX, 1, 3] {
            let (plain, result) = decode(name, &coded, cut, 100);
            assert_eq!((&plain[..], result), (&b"hello world"[..], Ok(())), "{name} {cut}");
        }
        let cut = &coded[..coded.len() - 1];
        assert_eq!(outcome(name, cut), Err(Fault::Truncated));
    }
}

#[test]
fn a_wrong_checksum_or_length_is_an_error() {
    for (name, encode, at) in
        [("gzip", gzip as Encode, 8), ("gzip", gzip, 1), ("deflate", zlib, 1), ("zstd", zstd, 1)]
    {
        let mut coded = encode(b"hello");
        let place = coded.len() - at;
        coded[place] ^= 1;
        let fault = outcome(name, &coded).unwrap_err();
        let expected = matches!(fault, Fault::Checksum | Fault::Malformed(_));
        assert!(expected, "{name} {at}: {fault:?}");
    }
}

#[test]
fn gzip_headers_of_every_kind_are_read() {
    let body = &gzip(b"hello")[10..];
    let with = |flags: u8, fields: &[u8]| {
        [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3], fields, body].concat()
    };
    let crc = {
        let header = [0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 3];
        let mut crc = flate2::Crc::new();
        crc.update(&header);
        crc.sum().to_le_bytes()
    };
    let huge = [&[0xff, 0xff][..], &vec![b'x'; 0xffff]].concat();
    let good: &[(u8, &[u8])] = &[
        (0, b""),
        (1, b""),
        (4, b"\x03\x00abc"),
        (4, b"\x00\x00"),
        (4, &huge),
        (8, b"name\0"),
        (8, b"\0"),
        (16, b"comment\0"),
        (28, b"\x01\x00anm\0cm\0"),
        (2, &crc[..2]),
    ];
    for (flags, fields) in good {
        let coded = with(*flags, fields);
        for cut in [usize::MAX, 1] {
            let (plain, result) = decode("gzip", &coded, cut, 100);
            assert_eq!((&plain[..], result), (&b"hello"[..], Ok(())), "{flags}");
        }
    }
    assert_eq!(outcome("gzip", &with(2, b"\0\0")), Err(Fault::Checksum));
    assert_eq!(outcome("gzip", &with(0x20, b"")), Err(Fault::Malformed(Coding::Gzip)));
    let unnamed = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03no end";
    assert_eq!(outcome("gzip", unnamed), Err(Fault::Truncated));
    let endless = with(8, &vec![b'x'; 200 * 1024]);
    assert_eq!(outcome("gzip", &endless), Err(Fault::Malformed(Coding::Gzip)));
    for wrong in [&b"\x1f\x8c"[..], b"\x1f\x8b\x07", b"plain text", b"\x1f\x9d"] {
        assert_eq!(outcome("gzip", wrong), Err(Fault::Malformed(Coding::Gzip)));
    }
}

#[test]
fn a_chain_is_undone_from_its_end() {
    let plain = text();
    let coded = zstd(&br(&zlib(&gzip(&plain))));
    let chain = "gzip, deflate, br, zstd";
    for (cut, room) in [(usize::MAX, 1 << 20), (1, 100), (100, 1)] {
        let (decoded, result) = decode(chain, &coded, cut, room);
        assert_eq!(result, Ok(()));
        assert!(decoded == plain);
    }
    for length in 1..coded.len() {
        let result = decode(chain, &coded[..length], usize::MAX, 1 << 20).1;
        assert_eq!(result, Err(Fault::Truncated), "{length}");
    }
}

#[test]
fn a_header_selects_over_all_its_lines() {
    let select = |lines: &[&str]| Decoder::for_header(lines.iter().map(|line| line.as_bytes()));
    for identity in [&[][..], &[""], &["identity"], &["Identity, identity", ","]] {
        assert!(matches!(select(identity), Ok(Selection::Identity)), "{identity:?}");
    }
    for known in [&["gzip"][..], &["GZIP"], &["x-gzip"], &["br", "zstd"], &["gzip,identity"]] {
        assert!(matches!(select(known), Ok(Selection::Decode(_))), "{known:?}");
    }
    for unknown in [&["compress"][..], &["gzip, aes128gcm"], &["gzip;q=1"], &["\"gzip\""]] {
        assert!(matches!(select(unknown), Ok(Selection::Unknown)), "{unknown:?}");
    }
    assert!(matches!(select(&["gzip, gzip, gzip", "br, br"]), Ok(Selection::Decode(_))));
    for many in [&["gzip, gzip, gzip", "br, br, br"][..], &["x,x,x,x,x,x"], &["gzip"; 60]] {
        assert!(matches!(select(many), Err(Fault::TooManyLinks)), "{many:?}");
    }
}

fn inflate_all(mut decoder: Decoder, coded: Vec<u8>) -> Result<u64, (u64, Fault)> {
    let mut input = Bytes::from(coded);
    let mut total = 0;
    loop {
        let mut output = BytesMut::new();
        let progress = decoder.push(&mut input, &mut output, 1 << 20);
        total += output.len() as u64;
        match progress {
            Ok(Progress::OutputFull) => {}
            Ok(_) => {
                return decoder.finish().map(|()| total).map_err(|fault| (total, fault));
            }
            Err(fault) => return Err((total, fault)),
        }
    }
}

#[test]
fn a_bomb_is_stopped_soon_after_the_free_size() {
    let zeros = vec![0; 12 << 20];
    let free = BombGuard::default().above;
    for (name, encode) in CODINGS {
        let coded = encode(&zeros);
        let (total, fault) = inflate_all(decoder(name), coded.clone()).unwrap_err();
        assert!(matches!(fault, Fault::Bomb { .. }), "{name}: {fault:?}");
        assert!(total <= free + (1 << 20), "{name}: {total}");
        let unguarded = decoder(name).with_guard(BombGuard::off());
        assert_eq!(inflate_all(unguarded, coded), Ok(12 << 20), "{name}");
    }
}

#[test]
fn a_bomb_of_many_links_is_stopped() {
    let zeros = vec![0; 20 << 20];
    let coded = gzip(&gzip(&zeros));
    let (total, fault) = inflate_all(decoder("gzip, gzip"), coded).unwrap_err();
    assert!(matches!(fault, Fault::Bomb { .. }));
    assert!(total <= 11 << 20);
}

#[test]
fn a_body_below_the_free_size_may_grow_as_it_likes() {
    let zeros = vec![0; 10 << 20];
    for (name, encode) in CODINGS {
        assert_eq!(inflate_all(decoder(name), encode(&zeros)), Ok(10 << 20), "{name}");
    }
}

#[test]
fn the_absolute_size_is_bounded_at_the_limit() {
    for (most, expected) in [(5, Ok(5)), (4, Err(Fault::TooLarge { most: 4 }))] {
        let guard = BombGuard { most, ..BombGuard::off() };
        let result = inflate_all(decoder("gzip").with_guard(guard), gzip(b"hello"));
        assert_eq!(result.map_err(|(_, fault)| fault), expected);
    }
}

/// RFC 9659 §3: an encoder must not use, and a decoder need not take, more than 8 MiB.
#[test]
fn a_zstd_window_above_8_mib_is_refused() {
    let frame = |window_log: u32| {
        let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(&vec![b'x'; 9 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let unguarded = |name| decoder(name).with_guard(BombGuard::off());
    assert_eq!(inflate_all(unguarded("zstd"), frame(23)), Ok(9 << 20));
    let refused = inflate_all(unguarded("zstd"), frame(24));
    assert_eq!(refused, Err((0, Fault::Malformed(Coding::Zstd))));
}

#[test]
fn pushing_nothing_again_and_again_is_no_error() {
    for (name, encode) in CODINGS {
        let mut decoder = decoder(name);
        let coded = Bytes::from(encode(b"hello"));
        let mut output = BytesMut::new();
        for at in 0..coded.len() {
            for _ in 0..40 {
                assert!(decoder.push(&mut Bytes::new(), &mut output, 100).is_ok(), "{name}");
            }
            decoder.push(&mut coded.slice(at..at + 1), &mut output, 100).unwrap();
        }
        let progress = decoder.push(&mut Bytes::new(), &mut output, 100);
        assert_eq!((progress, &output[..]), (Ok(Progress::Done), &b"hello"[..]), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_anywhere_is_no_panic(
        which in 0..5_usize, cut: u8, at: prop::sample::Index, flip in 1..=255_u8,
    ) {
        let (name, encode) = CODINGS[which];
        let mut coded = encode(&text()[..3000]);
        let at = at.index(coded.len());
        coded[at] ^= flip;
        let chain = ["gzip", "deflate", "br", "zstd"].iter().position(|&chain| chain == name);
        let mut data = vec![chain.unwrap() as u8, cut];
        data.extend(coded);
        coding(&data);
    }

    #[test]
    fn any_text_is_undone(
        which in 0..5_usize, plain in prop::collection::vec(any::<u8>(), 0..5000), cut in 1..500_usize,
    ) {
        let (name, encode) = CODINGS[which];
        let (decoded, result) = decode(name, &encode(&plain), cut, 977);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(decoded, plain);
    }
}
