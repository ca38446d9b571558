//! The application network access stack: one manager, one line per request.
//!
//! ```no_run
//! # async fn run() -> Result<(), wayfare::Error> {
//! let manager = wayfare::Manager::new();
//! manager.get("https://example.org/").send().await?.save_to("page.html").await?;
//! # Ok(()) }
//! ```
//!
//! Start with [`Manager`]; [`manual`] has the longer stories.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod blocking;
mod body;
pub mod delegate;
#[cfg(all(feature = "dbus", target_os = "linux"))]
mod desktop;
mod error;
mod events;
mod lookups;
mod manager;
pub mod manual;
pub mod options;
mod pool;
pub mod protocol;
mod proxies;
mod queue;
mod remembering;
mod reply;
mod request;
#[cfg(feature = "pac")]
mod scripts;
pub mod sockets;
mod store;
mod transfer;

pub use blocking::Blocking;
pub use body::multipart::{Multipart, Part};
pub use body::{Body, Source};
pub use error::{Error, ErrorKind, Phase, ProxyProblem, Retry, Stage};
pub use manager::Manager;
pub use manager::builder::Builder;
pub use remembering::Forgotten;
pub use reply::{Redirect, Reply};
pub use request::{Awaited, Request, Waited};
#[cfg(feature = "profile")]
pub use store::profile::Profile;
pub use transfer::handle::{Finished, Handle};
pub use {bytes, http, url};

/// IP addresses and subnets as people write them, and what kind of address each one is.
pub mod address {
    pub use wayfare_proto::address::ip::{Address, Class, NotAnAddress, classify};
    pub use wayfare_proto::address::subnet::{NotASubnet, Subnet};
}

/// Cookies, and who keeps them.
///
/// [`Manager::cookies`] shows those of a manager; [`options::Cookies`] says with which requests they
/// go.
pub mod cookies {
    pub use crate::remembering::cookies::{CookieJar, Exported, Imported};
    pub use crate::store::Storing;
    pub use crate::store::cookies::CookieStore;
    pub use wayfare_proto::address::site::{BadRule, PublicSuffixes};
    pub use wayfare_proto::policy::cookie::accept::Refusal;
    pub use wayfare_proto::policy::cookie::jar::Stored;
    pub use wayfare_proto::policy::cookie::{
        Caller, Change, Context, Cookie, CookieKey, Limits, Scope, Sessions, SiteContext,
    };
    pub use wayfare_proto::syntax::set_cookie::{Flaw, SameSite};
    pub use wayfare_proto::syntax::stamp::Stamp;
}

/// DNS records, who is asked for them, and why there may be none.
///
/// [`Manager::lookup`] asks; [`options::Dns`] says whom.
pub mod dns {
    pub use wayfare_net::dns::{LookedUp, LookupFailure, LookupFault, Resolver};
    pub use wayfare_proto::route::name_server::{NameServer, NotAServer, Transport};
    pub use wayfare_proto::wire::dns::record::{Data, Record, RecordType, Service, UnknownType};
}

/// What happens to a transfer, and when.
pub mod event {
    pub use wayfare_proto::trace::event::{Event, What};
    pub use wayfare_proto::trace::timeline::Timings;
}

/// Hosts that are only to be reached over TLS (HTTP Strict Transport Security, RFC 6797).
///
/// [`Manager::strict_transport_security_hosts`] shows those of a manager; [`options::Hsts`] says
/// whether they are obeyed.
pub mod hsts {
    pub use crate::remembering::hosts::{StrictTransportSecurityHosts, compile_list};
    pub use wayfare_proto::policy::hsts::StrictHost;
    pub use wayfare_proto::syntax::strict_transport_security::Reach;
}

/// The network interfaces of this machine.
///
/// ```
/// for interface in wayfare::interface::interfaces()? {
///     println!("{}: {:?}", interface.name, interface.addresses);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub mod interface {
    pub use wayfare_net::interface::{
        AddressOrigin, HardwareAddress, Interface, InterfaceAddress, InterfaceFlags, InterfaceKind,
        Lifetime, interfaces,
    };
}

/// Proxies, ways through them, and who chooses among them.
pub mod proxy {
    pub use wayfare_net::network::Asking;
    #[cfg(all(feature = "dbus", target_os = "linux"))]
    pub use wayfare_net::proxy::desktop::Desktop;
    pub use wayfare_net::proxy::factory::{
        ProxyFactory, ProxyList, ProxyQuery, SocketKind, Undecided,
    };
    #[cfg(feature = "pac")]
    pub use wayfare_net::proxy::pac::{
        Pac,
        engine::{Engine as PacEngine, ScriptFault, World as PacWorld},
    };
    pub use wayfare_net::proxy::system::machine;
    pub use wayfare_proto::route::bypass::{Bypass, NoEntry};
    pub use wayfare_proto::route::machine::Machine;
    pub use wayfare_proto::route::pac::parse as parse_pac_answer;
    pub use wayfare_proto::route::proxy::{Capabilities, Chain, Proxy, ProxyKind, ProxyMistake};
    pub use wayfare_proto::route::settings::{BadVariable, Choice, Settings, Unheard};
    pub use wayfare_proto::syntax::credentials::Credentials;
}

/// How requests wait for their turn.
pub mod queueing {
    pub use wayfare_proto::policy::schedule::{Counts, Priority};
}

/// File names out of URLs, made harmless.
pub mod names {
    pub use wayfare_proto::syntax::url_name::of_path;
}

/// Grammar of HTTP that applications meet too: reading dates and file name suggestions,
/// and which fields hold secrets; texts of others made fit to be shown.
pub mod rules {
    pub use wayfare_proto::policy::auth;
    pub use wayfare_proto::policy::redirect::SECRET_FIELDS;
    pub use wayfare_proto::syntax::visible::visible;
    pub use wayfare_proto::syntax::{challenge, content_disposition, cookie_date, date, netrc};
}

/// The seam to the machine, for tests that replace it.
pub mod network {
    pub use wayfare_net::network::{Asking, Network, Question, System};
    pub use wayfare_net::runtime::Home;
    pub use wayfare_net::socket::{Binding, SocketOptions, Stream};
    pub use wayfare_proto::route::happy_eyeballs::Family;
}

/// What TLS handshakes agree on and fail with.
pub mod tls {
    pub use wayfare_net::tls::ech::EchOutcome;
    pub use wayfare_net::tls::exceptions::{Exception, Kept};
    pub use wayfare_net::tls::facts::{Session, TlsFacts};
    pub use wayfare_net::tls::pins::PinError;
    pub use wayfare_net::tls::suites::UnknownName;
    pub use wayfare_net::tls::{Rejection, StapleState, TlsProblem};
    pub use wayfare_proto::certificate::extension::Extension;
    pub use wayfare_proto::certificate::key::{Algorithm, Form, Key, PublicKey};
    pub use wayfare_proto::certificate::name::{DistinguishedName, Part};
    pub use wayfare_proto::certificate::problem::{Problem, ProblemKind};
    pub use wayfare_proto::certificate::{AlternativeName, Certificate, Damaged};
    pub use wayfare_proto::policy::early_data::EarlyOutcome;
}

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
