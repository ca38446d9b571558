//! The harnesses that the fuzz targets and the corpus test share: each takes any bytes and panics
//! if a promise is broken.

pub mod address;
pub mod auth;
pub mod certificate;
pub mod coding;
pub mod dns;
pub mod http1;
pub mod proxy;
pub mod remembered;
pub mod syntax;
pub mod wire;

/// A harness, which panics if the bytes make the code break a promise.
pub type Harness = fn(&[u8]);

/// Every harness by the name of its fuzz target and its corpus folder.
pub const TARGETS: &[(&str, Harness)] = &[
    ("address", address::address),
    ("certificate", certificate::certificate),
    ("challenge", auth::challenge),
    ("coding", coding::coding),
    ("content_disposition", syntax::content_disposition),
    ("cookie_date", remembered::cookie_date),
    ("cookie_file", remembered::cookie_file),
    ("data_url", wire::data_url),
    ("date", syntax::date),
    ("dhcp_lease", proxy::dhcp_lease),
    ("dns", dns::dns),
    ("http1_body", http1::body),
    ("http1_exchange", http1::exchange),
    ("http1_head", http1::head),
    ("machine", proxy::machine),
    ("media_type", syntax::media_type),
    ("multipart_name", wire::multipart_name),
    ("negotiate", auth::negotiate),
    ("netlink", wire::netlink),
    ("netrc", auth::netrc),
    ("ntlm", auth::ntlm),
    ("ocsp", certificate::ocsp),
    ("private_key", certificate::private_key),
    ("proxy_text", proxy::proxy_text),
    ("range", syntax::range),
    ("set_cookie", remembered::set_cookie),
    ("socks", proxy::socks),
    ("strict_list", remembered::strict_list),
    ("strict_transport_security", remembered::strict_transport_security),
    ("tunnel", proxy::tunnel),
    ("resolv_conf", dns::resolv_conf),
    ("url_reader", address::url_reader),
];
