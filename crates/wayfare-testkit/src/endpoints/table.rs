//! The table of endpoints: the only place that says which path does what.

use super::{Endpoint, Run, bytes, coded, identity, negotiate, paced, plain, raw, text, upload};

/// Finds the endpoint whose pattern the path fits.
pub(super) fn find(path: &[String]) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| fits(endpoint.pattern, path))
}

fn fits(pattern: &str, path: &[String]) -> bool {
    let bare = pattern.split_once('[').map_or(pattern, |(bare, _)| bare);
    let bare = bare.split_once('?').map_or(bare, |(bare, _)| bare);
    let parts: Vec<&str> = bare.split('/').skip(1).collect();
    parts.len() == path.len()
        && parts.iter().zip(path).all(|(part, given)| part.starts_with('{') || part == given)
}

const fn after(
    pattern: &'static str,
    what: &'static str,
    run: fn(&super::Call) -> Result<super::Answer, super::Refusal>,
) -> Endpoint {
    Endpoint { pattern, what, run: Run::After(run) }
}

const fn with(
    pattern: &'static str,
    what: &'static str,
    run: fn(super::Call) -> super::Pending,
) -> Endpoint {
    Endpoint { pattern, what, run: Run::With(run) }
}

pub(super) static ENDPOINTS: &[Endpoint] = &[
    after("/", "this list", plain::help),
    after("/get", "200 with a short text", plain::get),
    after("/json", "a small JSON document", plain::json),
    after("/headers", "the request's header fields as JSON", plain::headers),
    after("/priority", "the `priority` field of the request as text", plain::priority),
    after("/connections", "JSON: this connection's number, opened, open, peak", plain::connections),
    after("/status/{code}", "an answer with this status", plain::status_code),
    after(
        "/response-headers[?name=value&…]",
        "200 with these fields added (Cache-Control, Alt-Svc, Link, …)",
        plain::response_headers,
    ),
    after(
        "/respond/{code}[?name=value&…]",
        "an answer with this status and these fields (Location, Set-Cookie, …)",
        plain::respond,
    ),
    with("/delay/{ms}", "waits before the head", paced::delay),
    after("/delay-body/{ms}", "sends the head, waits, sends the body", paced::delay_body),
    after(
        "/bytes/{n}[?seed=s&cut=k&cuts=c&validator=strong|weak|date|none&ranges=how]",
        "n bytes that depend on the seed only; ranges, If-Range, conditions, ETag and \
         Last-Modified. cut=k ends the first c (1) answers after k bytes. ranges=ok, ignore, \
         wrong-start, wrong-total, no-content-range, multipart or encoded says how Range is \
         answered",
        bytes::bytes,
    ),
    after(
        "/changing/{n}[?cut=k&cuts=c&validator=…&ranges=…]",
        "as /bytes, but every answer is another version with other bytes and validators",
        bytes::changing,
    ),
    after("/stream/{n}/{chunk}", "n bytes in chunks, without a length", paced::stream),
    after("/drip/{n}/{ms}", "n bytes, one at a time, so many ms apart", paced::drip),
    after("/rate/{n}/{bytes-per-second}", "n bytes at this rate", paced::rate),
    after("/redirect/{n}[?code=302]", "n redirects, the last one to /get", plain::redirect),
    after("/redirect-to?url=…[&code=302]", "a redirect to this URL", plain::redirect_to),
    after("/gzip/{n}", "n bytes of text with Content-Encoding: gzip", coded::coded),
    after("/deflate/{n}", "the same in deflate (zlib format)", coded::coded),
    after("/deflate-raw/{n}", "the same in deflate without the zlib wrapper", coded::coded),
    after("/br/{n}", "the same in Brotli", coded::coded),
    after("/zstd/{n}", "the same in Zstandard", coded::coded),
    after("/bomb/{codec}", "50 MiB of zeros in gzip, deflate, br or zstd", coded::bomb),
    with("/echo", "the request as JSON, its body in base64", upload::echo),
    with("/echo-body", "the request's body with its content type", upload::echo_body),
    with("/upload", "reads the body; JSON with its length and SHA-256", upload::upload),
    with(
        "/upload-refused",
        "413 without reading the body, then a close (HTTP/2: 413, then RST_STREAM)",
        upload::refused,
    ),
    with("/continue", "100 Continue where it is expected, then as /upload", upload::upload),
    with(
        "/no-continue/{code}",
        "a final status where 100 Continue is expected; the body is not read",
        upload::no_continue,
    ),
    after("/early-hints", "103 with two Link fields, then 200", raw::early_hints),
    after("/trailers", "a body with the trailer field x-sha256", raw::trailers),
    after(
        "/text[?charset=utf-8|iso-8859-1|windows-1252|utf-16le]",
        "a text with non-ASCII letters in that charset; without one, UTF-8 that does not say so",
        text::text,
    ),
    after("/cookies-set", "two Set-Cookie fields: flavor=oat and size=big", plain::cookies_set),
    after("/cookies", "the request's Cookie field as text", plain::cookies),
    after(
        "/cache/{seconds}",
        "may be kept for so long; has an ETag, answers 304, and its body counts the visits",
        plain::cache,
    ),
    after(
        "/auth-basic",
        "401 until Authorization is Basic with user `user` and password `passwd`",
        plain::auth_basic,
    ),
    after(
        "/auth-digest[?algorithm=MD5&qop=auth&uses={n}&next&userhash]",
        "401 until Authorization is a right Digest for user `user` and password `passwd`; a nonce is \
         good for so many uses, and with next each answer names another one",
        identity::auth_digest,
    ),
    after(
        "/auth-ntlm",
        "401 until the connection is proven by NTLM to be of user `user` with password `passwd`",
        identity::auth_ntlm,
    ),
    after(
        "/auth-negotiate[?legs={n}&each&proof={no|wrong|noise}&also={challenge}]",
        "401 until a ticket comes by Negotiate that is of the tests' own kind, in so many rounds; with \
         each it is wanted with every request and not with every connection",
        negotiate::auth_negotiate,
    ),
    after("/file/{name}", "a download with Content-Disposition for this name", plain::file),
    after("/faults", "the list of faults", raw::faults),
    after("/fault/{name}", "misbehaves by name; see /faults (HTTP/1 only)", raw::fault),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn paths_find_their_endpoint() {
        let pattern = |text| find(&path(text)).map(|endpoint| endpoint.pattern);
        assert_eq!(pattern("/"), Some("/"));
        assert_eq!(pattern("/status/204"), Some("/status/{code}"));
        assert_eq!(pattern("/status"), None);
        assert_eq!(pattern("/stream/5/2"), Some("/stream/{n}/{chunk}"));
        assert_eq!(pattern("/redirect-to"), Some("/redirect-to?url=…[&code=302]"));
    }
}
