//! The table of named faults: what each does, and what a client should make of it.

use super::Outcome::{Choice, Deadline, Deliver, Error, Retry};
use super::{Fault, GOOD, Outcome, framing, heads, reuse};
use crate::script::Step;

/// All faults that have a name.
#[rustfmt::skip] // A table reads by its columns.
pub const FAULTS: &[Fault] = &[
    // The connection and the head.
    fault("reset-on-accept", Error, heads::reset_on_accept, "resets the connection without reading anything"),
    fault("reset-before-head", Error, heads::reset_before_head, "reads the request, then resets"),
    fault("close-before-head", Error, heads::close_before_head, "reads the request, then closes"),
    fault("cut-head", Error, heads::cut_head, "closes in the middle of the head"),
    fault("reset-in-head", Error, heads::reset_in_head, "resets in the middle of the head"),
    fault("stall-accept", Deadline, heads::stall_accept, "accepts and never reads or says anything"),
    fault("stall-head", Deadline, heads::stall_head, "reads the request and never answers"),
    fault("stall-in-head", Deadline, heads::stall_in_head, "sends half a head and no more"),
    fault("drip-head", Deadline, heads::drip_head, "sends the head at one byte a second"),
    fault("endless-status-line", Error, heads::endless_status_line, "a status line without end"),
    fault("endless-header", Error, heads::endless_header, "a field without end"),
    fault("too-many-fields", Error, heads::too_many_fields, "fields without end"),
    fault("interim-flood", Error, heads::interim_flood, "102 after 102, as fast as it goes"),
    fault("interim-drip", Error, heads::interim_drip, "a 102 every 50 ms"),
    fault("few-interims", Deliver, heads::few_interims, "three times 102, then the answer"),
    fault("interim-with-length", Choice, heads::interim_with_length, "a 102 with Content-Length, then the answer"),
    fault("unasked-101", Error, heads::unasked_101, "switches protocols although nobody asked"),
    fault("http09", Error, heads::http09, "a document without a head"),
    fault("icy", Error, heads::icy, "`ICY 200 OK`"),
    fault("http2-version", Error, heads::http2_version, "`HTTP/2.0 200 OK` in HTTP/1 clothes"),
    fault("long-status", Error, heads::long_status, "`HTTP/1.1 99999`"),
    fault("ssh-banner", Error, heads::ssh_banner, "another protocol's greeting"),
    fault("nul-in-header", Error, heads::nul_in_header, "a NUL in a field value"),
    fault("cr-in-header", Error, heads::cr_in_header, "a lone CR in a field value"),
    fault("space-before-colon", Error, heads::space_before_colon, "`X-Odd : a`"),
    fault("no-colon", Error, heads::no_colon, "a field without a colon"),
    fault("empty-field-name", Error, heads::empty_field_name, "a field without a name"),
    fault("space-before-first-field", Error, heads::space_before_first_field, "a first field line that begins with a space"),
    fault("obs-fold", Choice, heads::obs_fold, "a field folded over two lines"),
    fault("lf-only", Choice, heads::lf_only, "lines that end in LF alone"),
    fault("no-reason", Deliver, heads::no_reason, "a status line without reason phrase and space"),
    // How a body is framed.
    fault("short-length", Error, framing::short_length, "Content-Length 10, but 5 bytes"),
    fault("reset-in-body", Error, framing::reset_in_body, "resets in the middle of the body"),
    fault("stall-body", Deadline, framing::stall_body, "5 of 10 bytes and no more"),
    fault("drip-body", Deadline, framing::drip_body, "the body at one byte a second"),
    fault("endless-body", Deadline, framing::endless_body, "chunks without end"),
    fault("no-length", Deliver, framing::no_length, "no length; the close ends the body"),
    fault("drop-after-body", Deliver, framing::drop_after_body, "a whole body by length, then a close (TLS: without close_notify)"),
    fault("drop-ends-body", Choice, framing::drop_ends_body, "no length, and a close without close_notify: over TLS an error, plain no-length"),
    fault("bad-cl-minus", Error, framing::bad_cl_minus, "Content-Length: -5"),
    fault("bad-cl-plus", Error, framing::bad_cl_plus, "Content-Length: +5"),
    fault("bad-cl-hex", Error, framing::bad_cl_hex, "Content-Length: 0x5"),
    fault("bad-cl-overflow", Error, framing::bad_cl_overflow, "Content-Length: 2^64 + 5"),
    fault("bad-cl-space", Error, framing::bad_cl_space, "Content-Length: 5 5"),
    fault("bad-cl-word", Error, framing::bad_cl_word, "Content-Length: five"),
    fault("bad-cl-empty", Error, framing::bad_cl_empty, "Content-Length without a value"),
    fault("cl-list", Choice, framing::cl_list, "Content-Length: 5, 5"),
    fault("cl-twice", Choice, framing::cl_twice, "the same Content-Length twice"),
    fault("differing-cl", Error, framing::differing_cl, "two Content-Length fields that differ"),
    fault("te-and-cl", Choice, framing::te_and_cl, "Transfer-Encoding and Content-Length"),
    fault("te-not-chunked", Choice, framing::te_not_chunked, "Transfer-Encoding: identity"),
    fault("te-unknown", Error, framing::te_unknown, "Transfer-Encoding: chunked, xchunked"),
    fault("te-twice", Error, framing::te_twice, "Transfer-Encoding: chunked, chunked"),
    fault("te-in-http10", Choice, framing::te_in_http10, "chunked in HTTP/1.0"),
    fault("cut-chunk-size", Error, framing::cut_chunk_size, "closes in a chunk's size"),
    fault("cut-chunk-data", Error, framing::cut_chunk_data, "closes in a chunk's data"),
    fault("cut-chunk-end", Error, framing::cut_chunk_end, "closes between a chunk's data and its CRLF"),
    fault("no-last-chunk", Error, framing::no_last_chunk, "closes before the last chunk"),
    fault("cut-trailers", Error, framing::cut_trailers, "closes in the trailers"),
    fault("unasked-trailers", Deliver, framing::trailers, "trailers that nobody asked for"),
    fault("bad-chunk-size", Error, framing::chunk_word, "a chunk size that is no number"),
    fault("chunk-minus", Error, framing::chunk_minus, "a chunk size of -5"),
    fault("chunk-0x", Error, framing::chunk_0x, "a chunk size of 0x5"),
    fault("chunk-empty-size", Error, framing::chunk_empty_size, "a chunk without a size"),
    fault("chunk-overflow", Error, framing::chunk_overflow, "a chunk size of 2^64 + 5"),
    fault("chunk-huge", Error, framing::chunk_huge, "a chunk size of 2^64 - 1"),
    fault("chunk-wrong-end", Error, framing::chunk_wrong_end, "other bytes where a chunk's CRLF belongs"),
    fault("bare-lf-chunk", Error, framing::bare_lf_chunk, "chunk lines that end in LF alone"),
    fault("chunk-extension", Deliver, framing::chunk_extension, "chunk extensions, one with a quoted semicolon"),
    fault("chunk-endless-extension", Error, framing::chunk_endless_extension, "a chunk extension without end"),
    fault("chunk-long-extensions", Error, framing::chunk_long_extensions, "1-byte chunks with 4 KB extensions, without end"),
    fault("endless-trailers", Error, framing::endless_trailers, "trailers without end"),
    // How a body is coded.
    fault("gzip-cut", Error, framing::gzip_cut, "half of a gzip body, well framed"),
    fault("gzip-cut-in-trailer", Error, framing::gzip_cut_in_trailer, "gzip without its last 3 bytes"),
    fault("gzip-bad-crc", Error, framing::gzip_bad_crc, "gzip with a wrong checksum"),
    fault("gzip-junk", Choice, framing::gzip_junk, "gzip followed by other bytes"),
    fault("gzip-two-members", Deliver, framing::gzip_two_members, "two gzip members in a row"),
    fault("gzip-empty", Choice, framing::gzip_empty, "Content-Encoding: gzip on an empty body").delivering(""),
    fault("gzip-not", Error, framing::gzip_not, "Content-Encoding: gzip on plain text"),
    fault("gzip-sixty-times", Error, framing::gzip_sixty_times, "gzip in gzip, sixty times"),
    fault("deflate-cut", Error, framing::deflate_cut, "half of a deflate body"),
    fault("br-cut", Error, framing::br_cut, "half of a Brotli body"),
    fault("zstd-cut", Error, framing::zstd_cut, "half of a Zstandard body"),
    // Connections that are used again.
    fault("long-length", Retry, reuse::long_length, "more bytes than Content-Length says"),
    fault("second-response", Retry, reuse::second_response, "a second answer right behind the first"),
    fault("late-poison", Retry, reuse::late_poison, "a second answer 50 ms later, on the idle connection"),
    fault("body-on-204", Retry, reuse::body_on_204, "bytes behind a 204").delivering(""),
    fault("body-on-304", Retry, reuse::body_on_304, "bytes behind a 304").delivering(""),
    fault("body-on-head", Retry, reuse::body_on_head, "a body in answer to HEAD").asked_by("HEAD").delivering(""),
    fault("408-then-close", Retry, reuse::timeout_then_close, "408 on the idle connection, then a close"),
    fault("close-after-one", Retry, reuse::close_after_one, "keeps the connection, then closes it while it is idle"),
    fault("reset-after-one", Retry, reuse::reset_after_one, "keeps the connection, then resets it while it is idle"),
    fault("closes-on-second", Retry, reuse::closes_on_second, "reads the connection's second request, then closes"),
    fault("resets-on-second", Retry, reuse::resets_on_second, "reads the connection's second request, then resets"),
    fault("says-close", Retry, reuse::says_close, "`Connection: close`, but stays open for another request"),
    fault("413-then-reset", Choice, reuse::refused_then_reset, "413 without reading the body, then a reset").asked_by("POST"),
];

const fn fault(
    name: &'static str,
    outcome: Outcome,
    steps: fn() -> Vec<Step>,
    what: &'static str,
) -> Fault {
    Fault { name, what, outcome, method: "GET", body: GOOD, steps }
}

impl Fault {
    const fn asked_by(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    const fn delivering(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }
}
