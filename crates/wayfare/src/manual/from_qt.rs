//! For those who come from Qt Network.
//!
//! | Qt | Wayfare |
//! |---|---|
//! | `QNetworkAccessManager` | [`Manager`](crate::Manager); any thread may use it |
//! | `get`, `head`, `post`, `put`, `deleteResource`, `sendCustomRequest` | [`get`](crate::Manager::get), `head`, `post`, `put`, `patch`, `delete`, [`request`](crate::Manager::request) |
//! | `QNetworkRequest` | [`Request`](crate::Request), [`Options`](crate::options::Options) |
//! | `QNetworkReply` | [`Reply`](crate::Reply); its signals are [events](crate::event::What) |
//! | `finished(QNetworkReply*)` | [`Builder::on_finished`](crate::Builder::on_finished), [`Request::on_finished`](crate::Request::on_finished), or just `.await` |
//! | `readyRead`, `read`, `readAll` | [`Request::on_data`](crate::Request::on_data), [`Reply::chunk`](crate::Reply::chunk), [`Reply::bytes`](crate::Reply::bytes) |
//! | `errorOccurred`, `error()` | [`Request::on_error`](crate::Request::on_error), [`Error::kind`](crate::Error::kind); the number by [`Error::qt_code`](crate::Error::qt_code) |
//! | `sslErrors` | [`Request::on_tls_error`](crate::Request::on_tls_error), [`Delegate::certificate`](crate::delegate::Delegate::certificate) |
//! | `QSslError` | [`Problem`](crate::tls::Problem) |
//! | `QSslCertificate`, `QSslKey` | [`Certificate`](crate::tls::Certificate), [`Key`](crate::tls::Key) |
//! | `QSslConfiguration` | [`Tls`](crate::options::Tls) |
//! | `ignoreSslErrors` | [`Exceptions`](crate::options::Exceptions) |
//! | `metaDataChanged` | event `Head` |
//! | `downloadProgress`, `uploadProgress` | events `DownloadProgress`, `UploadProgress`, at most every 100 ms too |
//! | `redirected`, `redirectAllowed` | event `Redirected`, [`Delegate::redirect`](crate::delegate::Delegate::redirect) |
//! | `setRedirectPolicy`, `maximumRedirectsAllowed` (50) | [`Redirects`](crate::options::Redirects) (20); the same four policies |
//! | `setTransferTimeout` | [`Timeouts`](crate::options::Timeouts), one for each phase |
//! | `setPriority` | [`Request::priority`](crate::Request::priority), and live by [`Handle::set_priority`](crate::Handle::set_priority) |
//! | `setReadBufferSize` | [`Bodies::read_buffer`](crate::options::Bodies) |
//! | `setDecompressedSafetyCheckThreshold` | [`BombGuard`](crate::options::BombGuard) |
//! | `QHttpMultiPart`, `QFormDataBuilder` | [`Multipart`](crate::Multipart) |
//! | `abort()` | [`Handle::abort`](crate::Handle::abort), or dropping |
//! | `connectToHost(Encrypted)` | [`Manager::preconnect`](crate::Manager::preconnect) |
//! | `QHostInfo::lookupHost`, `fromName` | [`Manager::addresses_of`](crate::Manager::addresses_of), [`Manager::names_of`](crate::Manager::names_of) |
//! | `QDnsLookup` | [`Manager::lookup`](crate::Manager::lookup); the number by [`LookupFault::qt_code`](crate::dns::LookupFault::qt_code) |
//! | `QHostAddress`, `parseSubnet` | [`Address`](crate::address::Address), [`Subnet`](crate::address::Subnet) |
//! | `QNetworkInterface::allInterfaces` | [`interfaces`](crate::interface::interfaces) |
//! | `QNetworkProxy`, `QNetworkProxyFactory` | [`Proxy`](crate::proxy::Proxy), [`Proxies`](crate::options::Proxies), [`ProxyFactory`](crate::proxy::ProxyFactory) |
//! | `QTcpServer`, `QUdpSocket` with a proxy | [`Manager::bind_for`](crate::Manager::bind_for), [`Manager::relay_for`](crate::Manager::relay_for) |
//! | `cookieJar`, `cookiesForUrl`, `setCookiesFromUrl` | [`Manager::cookies`](crate::Manager::cookies): `list`, `header_for`, `store` |
//! | `QNetworkCookieJar` overridden | [`CookieStore`](crate::cookies::CookieStore) |
//! | `CookieLoadControlAttribute`, `CookieSaveControlAttribute` | [`Cookies`](crate::options::Cookies) |
//! | `setStrictTransportSecurityEnabled` | [`Hsts`](crate::options::Hsts) |
//! | `strictTransportSecurityHosts`, `addStrictTransportSecurityHosts` | [`strict_transport_security_hosts`](crate::Manager::strict_transport_security_hosts): `list`, `add` |
//! | `authenticationRequired`, `QAuthenticator` | [`Delegate::credentials`](crate::delegate::Delegate::credentials), [`Request::credentials`](crate::Request::credentials), [`Manager::set_credentials`](crate::Manager::set_credentials) |
//! | `AuthenticationReuseAttribute` | [`AuthenticationReuse`](crate::options::AuthenticationReuse) |
//! | `clearAccessCache` | [`Manager::clear_access_cache`](crate::Manager::clear_access_cache) |
//! | `enableStrictTransportSecurityStore` | [`Builder::profile`](crate::Builder::profile) |
//! | `supportedSchemes` | [`Manager::supported_schemes`](crate::Manager::supported_schemes) |
//! | `createRequest` overridden | [`Protocol`](crate::protocol::Protocol) for a scheme |
//!
//! What differs on purpose:
//!
//! * A body that was cut off is always an error (`RemoteHostClosedError`), and an answer that began is
//!   never asked for again.
//! * Secrets do not follow a redirect to another origin. A fragment is carried over.
//! * A POST without a body has no body: a query stays in the URL.
//! * An HTTP error status is not an error of the transfer until you ask:
//!   [`Reply::error_for_status`](crate::Reply::error_for_status).
//! * Normal and low priority are two queues, not one.
//!
//! * A `Cookie` field of your own is sent as it is; the jar does not replace it. Cookies have limits,
//!   an order, prefixes and `SameSite`.
//!
//! * Digest takes SHA-256 and SHA-512-256, too; names and passwords are UTF-8; only version 2 of NTLM is
//!   spoken, and never over HTTP/2.
//!
//! What is not there yet: a cache, resuming, HTTP/3, FTP.
