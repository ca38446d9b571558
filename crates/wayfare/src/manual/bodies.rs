//! What goes out, what comes in, and what counts as complete.
//!
//! # Out
//!
//! A [`Body`](crate::Body) knows its length or not, and whether it can be given a second time.
//!
//! | made of | length | again |
//! |---|---|---|
//! | bytes, text, JSON, a form | known | yes |
//! | a file | known | yes, it is opened again |
//! | a reader, a stream | if you say so | no |
//! | [`Multipart`](crate::Multipart) | if all parts know theirs | if all parts can |
//!
//! With a known length it goes out with `Content-Length`, else chunked. A source that gives more or
//! fewer bytes than announced fails the transfer, and the server never sees a complete request.
//! `Expect: 100-continue` is honoured: the body waits for the server's word, but not longer than a
//! second; a server that answers 417 gets the request once more without it.
//!
//! A redirect that keeps the method (307, 308), and a retry, need a body that can be given again; if
//! it cannot, that is an error and not an empty body.
//!
//! An answer that comes before the upload is done is delivered, and the upload stops there:
//! [`Reply::is_upload_complete`](crate::Reply::is_upload_complete) is then false.
//!
//! # In
//!
//! `gzip`, `deflate` (zlib or raw), `br` and `zstd` are asked for and undone as the body is read; the
//! fields of the head stay as the server sent them. A request with its own `Accept-Encoding`, or
//! with a `Range`, gets the body as it comes.
//!
//! A body ends well only if its framing says so. A short `Content-Length`, a missing last chunk, a
//! coding that ends early or has a wrong checksum, a reset HTTP/2 stream, and over TLS an end
//! without `close_notify` where only the end of the connection marks the end: each is an error.
//!
//! A body that grows suspiciously when decoded (more than 40 times for gzip and deflate, more than
//! 100 times for br and zstd, looked at above 10 MiB) is taken for a bomb; see
//! [`BombGuard`](crate::options::BombGuard).
//!
//! A body that nobody reads stops the server at the read buffer's size, 1 MiB by default.
//! [`Reply::save_to`](crate::Reply::save_to) publishes a file whole or not at all.
