//! Faults in how a body is framed and coded.

use std::time::Duration;

use super::heads::{SHORT, SILENCE, forever};
use super::{GOOD, POISON};
use crate::content::text_of;
use crate::endpoints::Coding;
use crate::script::Step;

pub(super) fn short_length() -> Vec<Step> {
    answer("Content-Length: 10", GOOD)
}

pub(super) fn reset_in_body() -> Vec<Step> {
    let mut steps = answer("Content-Length: 10", GOOD);
    steps.pop();
    steps.extend([Step::Wait(SHORT), Step::Rst]);
    steps
}

pub(super) fn stall_body() -> Vec<Step> {
    let mut steps = answer("Content-Length: 10", GOOD);
    steps.pop();
    steps.push(SILENCE);
    steps
}

pub(super) fn drip_body() -> Vec<Step> {
    let head = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    let body = text_of(1000).into();
    let drip = Step::SendSlowly { bytes: body, every: Duration::from_secs(1) };
    vec![Step::head(), head, drip, Step::Fin]
}

pub(super) fn endless_body() -> Vec<Step> {
    let chunk = format!("1000\r\n{}\r\n", text_of(4096));
    let mut steps = chunked("");
    steps.pop();
    steps.push(forever(chunk.into(), Duration::from_millis(1)));
    steps
}

pub(super) fn no_length() -> Vec<Step> {
    answer("Content-Type: text/plain", GOOD)
}

pub(super) fn drop_after_body() -> Vec<Step> {
    ending_in_drop("Content-Length: 5")
}

pub(super) fn drop_ends_body() -> Vec<Step> {
    ending_in_drop("Content-Type: text/plain")
}

pub(super) fn bad_cl_minus() -> Vec<Step> {
    answer("Content-Length: -5", GOOD)
}

pub(super) fn bad_cl_plus() -> Vec<Step> {
    answer("Content-Length: +5", GOOD)
}

pub(super) fn bad_cl_hex() -> Vec<Step> {
    answer("Content-Length: 0x5", GOOD)
}

pub(super) fn bad_cl_overflow() -> Vec<Step> {
    // 2^64 + 5, which wraps to the right length.
    answer("Content-Length: 18446744073709551621", GOOD)
}

pub(super) fn bad_cl_space() -> Vec<Step> {
    answer("Content-Length: 5 5", GOOD)
}

pub(super) fn bad_cl_word() -> Vec<Step> {
    answer("Content-Length: five", GOOD)
}

pub(super) fn bad_cl_empty() -> Vec<Step> {
    answer("Content-Length:", GOOD)
}

pub(super) fn cl_list() -> Vec<Step> {
    answer("Content-Length: 5, 5", GOOD)
}

pub(super) fn cl_twice() -> Vec<Step> {
    answer("Content-Length: 5\r\nContent-Length: 5", GOOD)
}

pub(super) fn differing_cl() -> Vec<Step> {
    answer("Content-Length: 5\r\nContent-Length: 11", "good\nPOISON")
}

pub(super) fn te_and_cl() -> Vec<Step> {
    answer("Transfer-Encoding: chunked\r\nContent-Length: 3", "5\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn te_not_chunked() -> Vec<Step> {
    answer("Transfer-Encoding: identity", GOOD)
}

pub(super) fn te_unknown() -> Vec<Step> {
    answer("Transfer-Encoding: chunked, xchunked", "5\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn te_twice() -> Vec<Step> {
    answer("Transfer-Encoding: chunked, chunked", "5\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn te_in_http10() -> Vec<Step> {
    let head = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";
    let body = "5\r\ngood\n\r\n0\r\n\r\n";
    vec![Step::head(), Step::send(format!("{head}{body}")), Step::Fin]
}

pub(super) fn cut_chunk_size() -> Vec<Step> {
    chunked("5\r\ngood\n\r\n1")
}

pub(super) fn cut_chunk_data() -> Vec<Step> {
    chunked("A\r\ngood\n")
}

pub(super) fn cut_chunk_end() -> Vec<Step> {
    chunked("5\r\ngood\n")
}

pub(super) fn no_last_chunk() -> Vec<Step> {
    chunked("5\r\ngood\n\r\n")
}

pub(super) fn cut_trailers() -> Vec<Step> {
    chunked("5\r\ngood\n\r\n0\r\nX-Check: a")
}

pub(super) fn trailers() -> Vec<Step> {
    chunked("5\r\ngood\n\r\n0\r\nX-Check: a\r\n\r\n")
}

pub(super) fn chunk_word() -> Vec<Step> {
    chunked("five\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn chunk_minus() -> Vec<Step> {
    chunked("-5\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn chunk_0x() -> Vec<Step> {
    chunked("0x5\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn chunk_empty_size() -> Vec<Step> {
    chunked("\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn chunk_overflow() -> Vec<Step> {
    chunked("10000000000000005\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn chunk_huge() -> Vec<Step> {
    chunked("FFFFFFFFFFFFFFFF\r\ngood\n\r\n0\r\n\r\n")
}

pub(super) fn chunk_wrong_end() -> Vec<Step> {
    chunked("5\r\ngood\nXX0\r\n\r\n")
}

pub(super) fn bare_lf_chunk() -> Vec<Step> {
    chunked("5\ngood\n\n0\n\n")
}

pub(super) fn chunk_extension() -> Vec<Step> {
    chunked("5;name=\"a;b\"\r\ngood\n\r\n0;end\r\n\r\n")
}

pub(super) fn chunk_endless_extension() -> Vec<Step> {
    going_on("5;x=", "a".repeat(4096))
}

pub(super) fn chunk_long_extensions() -> Vec<Step> {
    going_on("", format!("1;x={}\r\ng\r\n", "a".repeat(4096)))
}

pub(super) fn endless_trailers() -> Vec<Step> {
    going_on("5\r\ngood\n\r\n0\r\n", "X-Many: field\r\n".repeat(256))
}

pub(super) fn gzip_cut() -> Vec<Step> {
    coded("gzip", &cut(Coding::Gzip))
}

pub(super) fn gzip_cut_in_trailer() -> Vec<Step> {
    let whole = Coding::Gzip.encode(GOOD.as_bytes());
    coded("gzip", &whole[..whole.len() - 3])
}

pub(super) fn gzip_bad_crc() -> Vec<Step> {
    let mut bytes = Coding::Gzip.encode(GOOD.as_bytes());
    let crc = bytes.len() - 8;
    bytes[crc] ^= 0xff;
    coded("gzip", &bytes)
}

pub(super) fn gzip_junk() -> Vec<Step> {
    let mut bytes = Coding::Gzip.encode(GOOD.as_bytes());
    bytes.extend_from_slice(POISON.as_bytes());
    coded("gzip", &bytes)
}

pub(super) fn gzip_two_members() -> Vec<Step> {
    let bytes = [Coding::Gzip.encode(b"go"), Coding::Gzip.encode(b"od\n")].concat();
    coded("gzip", &bytes)
}

pub(super) fn gzip_empty() -> Vec<Step> {
    coded("gzip", b"")
}

pub(super) fn gzip_not() -> Vec<Step> {
    coded("gzip", GOOD.as_bytes())
}

pub(super) fn gzip_sixty_times() -> Vec<Step> {
    let bytes = (0..60).fold(GOOD.as_bytes().to_vec(), |bytes, _| Coding::Gzip.encode(&bytes));
    coded(&vec!["gzip"; 60].join(", "), &bytes)
}

pub(super) fn deflate_cut() -> Vec<Step> {
    coded("deflate", &cut(Coding::Deflate))
}

pub(super) fn br_cut() -> Vec<Step> {
    coded("br", &cut(Coding::Brotli))
}

pub(super) fn zstd_cut() -> Vec<Step> {
    coded("zstd", &cut(Coding::Zstd))
}

/// A correctly framed body whose coded bytes are these.
fn coded(coding: &str, bytes: &[u8]) -> Vec<Step> {
    let head = format!("Content-Encoding: {coding}\r\nContent-Length: {}", bytes.len());
    let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
    vec![Step::head(), Step::send([head.as_bytes(), bytes].concat()), Step::Fin]
}

fn cut(coding: Coding) -> Vec<u8> {
    let mut bytes = coding.encode(text_of(20_000).as_bytes());
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn answer(fields: &str, body: &str) -> Vec<Step> {
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}");
    vec![Step::head(), Step::send(answer), Step::Fin]
}

fn chunked(body: &str) -> Vec<Step> {
    answer("Transfer-Encoding: chunked", body)
}

fn going_on(begin: &str, again: String) -> Vec<Step> {
    let mut steps = chunked(begin);
    steps.pop();
    steps.push(forever(again.into(), Duration::ZERO));
    steps
}

fn ending_in_drop(fields: &str) -> Vec<Step> {
    let mut steps = answer(fields, GOOD);
    steps.pop();
    steps.push(Step::Drop);
    steps
}
