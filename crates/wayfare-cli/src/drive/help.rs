//! The page that explains the lines, for `wayfare drive --help`.

/// What each operation takes and answers.
pub(crate) const HELP: &str = r#"Example:
  {"id":1,"op":"session","sid":"s","cfg":{"http":"1.1"}}
  {"id":2,"op":"fetch","sid":"s","url":"http://127.0.0.1:8080/json"}
answers, with `wayfare serve --port 8080` running:
  {"id":1,"ok":{}}
  {"id":2,"ok":{"status":200,"headers":[…],"body_b64":"ewog…",…}}

An answer has the id of its line and either "ok" or "err", which has "kind" (a
word) and "msg" (a sentence). "…?" may be left out. Where bytes stand in a text
(fields, reasons, "value"), each character is one byte.

hello
    answers name, version, ops: what can be asked
session  sid, cfg?
    makes a session, or a new one in its place; its fetches share connections.
    cfg: redirect? ("follow", "manual", "error"), max_redirects? (20), decode?
    (true), resolve? ({"host":"address"}), ca_pem?, client_cert_pem?, insecure?, http? ("1.1",
    "2", "2pk": with prior knowledge), auth? ({"user":…, "pass":…,
    "schemes":["basic", "digest", "ntlm", "negotiate"]}: the strongest offered of
    these, or of all; Basic alone is sent unasked; Negotiate alone has a ticket for
    the password, which it has not beside others, and without a user is whoever
    is logged in), dns? ("udp://h:p", "tcp://h:p", "tls://h",
    "https://h/dns-query"), proxy? (a URL as for -x), proxy_auth? ({"user":…,
    "pass":…}), cookies? (false), hsts? (false), now? (seconds since 1970, by
    which both expire); other settings are refused unless they are off.
    answers {}
drop  sid
    forgets a session; answers {}
fetch  sid, url, method?, headers?, body_b64?, range?, auth?, redirect?,
       max_redirects?, max_bytes?, timeout_ms?, credentials? ("omit": no cookies, no auth)
    headers are pairs: [["name","value"],…]; range is "0-499" or "bytes=0-499".
    answers status, reason, version, url, headers, redirects, body_b64, and if
    there are any: trailers, interim, body_error (with what came before it in
    body_b64)
dns_query  server, name, type, ca_pem?, insecure?, resolve?
    answers answers: what each record says, as in a zone file; rcode: a number;
    and server, transport, authentic where there are answers
set_cookie  sid, url, header, http? (true; false: a script does)
    keeps what a Set-Cookie field sets; answers stored, and why not
cookie_header  sid, url, http?
    answers cookie: the Cookie field of a request, or ""
cookie_date  value
    answers unix: seconds since 1970, or null
registrable_domain  host
    answers domain, or null
basic  user, pass
    answers authorization: the field's value
digest_response  challenge, user, pass, method, uri, cnonce, nc?, body_b64?
    answers authorization: the field's value
ntlm  user, domain?, pass, server_challenge, client_challenge, time?, target_info?
    version 2, all in hexadecimal; answers nt, lm: the responses
content_disposition  value
    answers type, params
http_date  value
    answers unix: seconds since 1970, or null
pac_eval  script, url, host, my_ip, my_ips_ex, dns, now?
    asks a script for the way; dns is {"name" or "*":["address"]}, now seconds
    since 1970. answers result: what FindProxyForURL gave
url_parse  input, base?
    answers href, origin, protocol, username, password, host, hostname, port,
    pathname, search, hash; or failure: true
url_set  href, attr, value
    sets one of these parts; answers as url_parse
x509_verify  roots, intermediates, leaf, host?, time?
    answers valid, and why not

Kinds of errors: adapter (the line itself is wrong), auth, cancelled, connect,
decode, denied, dns, network, notfound, pac, protocol, proxy, redirect,
timeout, tls, too_large, truncated, unsupported, url."#;
