//! Properties: what is read does not depend on how the bytes were cut, and never panics.

use proptest::prelude::*;

use wayfare_proto::fuzzing::http1::{body, exchange, head};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_the_codec_panic_or_read_differently_when_cut(
        choice: u8, seed: u8, pieces in prop::collection::vec(piece(), 0..24),
    ) {
        let mut data = vec![choice, seed];
        data.extend_from_slice(b"HTTP/1.1 ");
        data.extend(pieces.concat());
        exchange(&data);
        head(&data);
        body(&data);
    }

    #[test]
    fn chunked_bodies_read_the_same_however_they_are_cut(
        seed: u8, pieces in prop::collection::vec(piece(), 0..24),
    ) {
        let mut data = vec![0, seed];
        data.extend_from_slice(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        data.extend(pieces.concat());
        exchange(&data);
    }
}

/// Bytes that mean something to the codec, so that random sequences go deep.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"200 OK",
        b"101 Switch",
        b"204",
        b"100 Continue",
        b"HTTP/1.1 ",
        b"HTTP/1.0 ",
        b"Content-Length: ",
        b"5",
        b"0",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b": ",
        b";ext=1",
        b" ",
        b"hello",
        b"A: b",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"ffffffffffffffff",
        b",",
        b"\0",
    ];
    prop_oneof![
        8 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..5),
        1 => prop::collection::vec(Just(b'x'), 0..80),
    ]
}
