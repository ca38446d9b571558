//! For those who come from reqwest.
//!
//! | reqwest | Wayfare |
//! |---|---|
//! | `Client`, `ClientBuilder` | [`Manager`](crate::Manager), [`Builder`](crate::Builder), whose methods take groups of [options](crate::options) |
//! | `client.get(url).header(..).send().await?` | the same |
//! | `RequestBuilder::json`, `form`, `body` | [`json`](crate::Request::json), [`form`](crate::Request::form), [`body`](crate::Request::body) |
//! | `basic_auth`, `bearer_auth`, `query` | the same |
//! | `cookie_store`, `cookie_provider` | on by default; [`CookieStore`](crate::cookies::CookieStore), [`Builder::profile`](crate::Builder::profile) |
//! | `multipart::Form` | [`Multipart`](crate::Multipart) |
//! | `Response::status`, `headers`, `url`, `version` | the same |
//! | `Response::chunk`, `bytes`, `text`, `json` | the same |
//! | `Response::bytes_stream` | [`chunk`](crate::Reply::chunk), [`poll_chunk`](crate::Reply::poll_chunk), or the reply itself, which is `AsyncRead` |
//! | `error_for_status` | the same |
//! | `blocking::Client` | [`Manager::blocking`](crate::Manager::blocking): no runtime behind it, so it also works inside one |
//! | `redirect::Policy::custom` | [`Delegate::redirect`](crate::delegate::Delegate::redirect) |
//! | `timeout`, `connect_timeout`, `read_timeout` | [`Timeouts`](crate::options::Timeouts) |
//! | `add_root_certificate`, `tls_certs_only` | [`Tls::with_authority_pem`](crate::options::Tls::with_authority_pem), [`Tls::with_only_authority_pem`](crate::options::Tls::with_only_authority_pem) |
//! | `identity` | [`Tls::with_client_certificate`](crate::options::Tls::with_client_certificate) |
//! | `danger_accept_invalid_certs` | [`Tls::dangerous`](crate::options::Tls::dangerous) |
//! | `Proxy`, `no_proxy` | [`Proxies`](crate::options::Proxies): `through`, `off`, `system` |
//! | `resolve` | [`Dns::pins`](crate::options::Dns) |
//! | `http1_only`, `http2_prior_knowledge` | [`Versions`](crate::options::Versions) |
//! | `Error::is_timeout`, `is_connect`, … | [`Error::kind`](crate::Error::kind), [`Error::stage`](crate::Error::stage), [`Error::retry`](crate::Error::retry) |
//!
//! What differs on purpose:
//!
//! * There are timeouts by default, and a queue: six transfers at a time to one origin.
//! * A body decoded from gzip keeps the head's fields as the server sent them.
//! * A mistake in putting a request together never panics: it is told when the request is sent.
//! * Once a secret stayed behind in a chain of redirects it stays behind, also at `A → B → B`.
//!
//! * A user and password in a URL are said when the server asks, in the strongest way it takes; `basic_auth`
//!   says them unasked.
//!
//! What is not there yet: a cache, resuming, HTTP/3, FTP.
