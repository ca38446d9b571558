//! Harness for the content codings: no panic, bounded output, no dependence on cuts or room.

use bytes::{Bytes, BytesMut};

use crate::wire::coding::decoder::{Decoder, Progress, Selection};
use crate::wire::coding::fault::Fault;
use crate::wire::coding::guard::BombGuard;

/// Decodes the bytes; the first one chooses the chain, the second the cuts.
pub fn coding(data: &[u8]) {
    let [choice, cut, bytes @ ..] = data else {
        return;
    };
    let chain = CHAINS[usize::from(*choice) % CHAINS.len()];
    let whole = decode(chain, bytes, usize::MAX, 1 << 20);
    let cut = decode(chain, bytes, usize::from(*cut).max(1), usize::from(*cut) * 7 + 1);
    // Of two faults in one body, the cuts decide which one is met first.
    assert_eq!(whole.1.is_ok(), cut.1.is_ok(), "{chain}: {:?} and {:?}", whole.1, cut.1);
    if whole.1.is_ok() {
        assert_eq!(whole.0, cut.0, "the cuts changed what was decoded from {chain}");
    }
}

/// Decodes in pieces of `cut` bytes with `room` for each push, up to the first fault.
pub fn decode(chain: &str, bytes: &[u8], cut: usize, room: usize) -> (Vec<u8>, Result<(), Fault>) {
    let selection = Decoder::for_header([chain.as_bytes()]);
    let Ok(Selection::Decode(decoder)) = selection else { panic!("{chain} is no chain") };
    let mut decoder = decoder.with_guard(BombGuard { most: 1 << 20, ..BombGuard::default() });
    let mut plain = Vec::new();
    let result = feed(&mut decoder, bytes, cut, room, &mut plain);
    (plain, result)
}

fn feed(
    decoder: &mut Decoder,
    bytes: &[u8],
    cut: usize,
    room: usize,
    plain: &mut Vec<u8>,
) -> Result<(), Fault> {
    for piece in bytes.chunks(cut) {
        let mut input = Bytes::copy_from_slice(piece);
        let mut progress = Progress::OutputFull;
        while progress == Progress::OutputFull {
            let mut output = BytesMut::new();
            progress = decoder.push(&mut input, &mut output, room)?;
            assert!(output.len() <= room, "more was given than there was room for");
            assert!(
                progress == Progress::OutputFull || input.is_empty(),
                "input was left though there was room"
            );
            plain.extend_from_slice(&output);
        }
    }
    decoder.finish()
}

const CHAINS: [&str; 6] = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate"];
