//! Sets a manager up as the options say.

use http::header::{self, HeaderMap, HeaderValue};
use wayfare::Manager;
use wayfare::event::{Event, What};
use wayfare::options::{
    Bodies, Connections, Decoding, Dns, Headers, Hsts, RedirectPolicy, Redirects, Resolver,
    Timeouts, Versions,
};

use super::{Stop, cookies};
use crate::arguments::transfer::{Asking, Connection, Limits, Patience, Transfer};
use crate::arguments::values::Field;
use crate::proxies;
use crate::trust::tls;
use crate::{exit, memory, output};

/// The manager for all transfers of a command.
pub(super) fn manager(transfer: &Transfer) -> Result<Manager, Stop> {
    let Transfer { output, asking, identity, limits, connection, trust, .. } = transfer;
    let way = proxies::of(&connection.proxy)
        .map_err(|proxies::Unusable { code, why }| Stop { code, why })?;
    let mut builder = memory::of(Manager::builder());
    let says = !output.verbose && (!output.silent || output.show_error);
    if says && memory::is_named() {
        builder = builder.on_event(complain_of_store);
    }
    if let Some(list) = &connection.hsts_list {
        let unusable =
            |why: wayfare::Error| Stop { code: exit::READ, why: why.message().to_owned() };
        builder = builder.strict_hosts_list(list).map_err(unusable)?;
    }
    let manager = builder
        .headers(defaults(asking))
        .redirects(redirects(limits))
        .timeouts(timeouts(&limits.patience))
        .bodies(bodies(asking, limits))
        .connections(connections(connection))
        .dns(dns(connection))
        .tls(tls(trust)?)
        .auth(super::identity::auth(identity)?)
        .proxies(way)
        .cookies(cookies::options(asking))
        .hsts(hsts(connection))
        .delegate(proxies::ByOption::new(&connection.proxy))
        .build();
    cookies::read(asking, &manager)?;
    Ok(manager)
}

fn hsts(connection: &Connection) -> Hsts {
    match (connection.with_hsts, connection.no_hsts) {
        (true, _) => Hsts::On,
        (_, true) => Hsts::Off,
        _ => Hsts::Automatic,
    }
}

/// A profile that cannot be kept is no reason to fail, but one to say so.
fn complain_of_store(event: &Event) {
    if let What::StoreFailed { message } = &event.what {
        output::complain(&output::visible(message));
    }
}

/// The fields that every request carries, without those that are to be left out.
fn defaults(asking: &Asking) -> HeaderMap {
    let mut fields = Headers::default().0;
    if let Some(agent) = &asking.user_agent {
        fields.insert(header::USER_AGENT, agent.clone());
    }
    for field in &asking.headers {
        if let Field::LeaveOut(name) = field {
            fields.remove(name);
        }
    }
    fields
}

/// The fields of each request.
pub(super) fn fields(asking: &Asking) -> HeaderMap {
    let mut fields = HeaderMap::new();
    if let Some(referer) = &asking.referer {
        fields.insert(header::REFERER, referer.clone());
    }
    if let Some(range) = &asking.range {
        let spelled = [b"bytes=", range.as_bytes()].concat();
        if let Ok(value) = HeaderValue::from_bytes(&spelled) {
            fields.insert(header::RANGE, value);
        }
    }
    if let Some(cookies) = cookies::field(asking) {
        fields.insert(header::COOKIE, cookies);
    }
    for field in &asking.headers {
        if let Field::Add(name, value) = field {
            fields.append(name.clone(), value.clone());
        }
    }
    fields
}

fn redirects(limits: &Limits) -> Redirects {
    let policy = match limits.no_location {
        true => RedirectPolicy::Manual,
        false => RedirectPolicy::default(),
    };
    Redirects { policy, limit: limits.max_redirs, ..Redirects::default() }
}

/// How long each phase may take, and all together.
pub(crate) fn timeouts(patience: &Patience) -> Timeouts {
    let mut timeouts = Timeouts::default();
    if let Some(longest) = patience.connect_timeout {
        timeouts.resolve = longest.into();
        timeouts.connect = longest.into();
        timeouts.tls = longest.into();
        timeouts.proxy = longest.into();
    }
    if let Some(longest) = patience.max_time {
        timeouts.whole = longest.into();
    }
    timeouts
}

fn bodies(asking: &Asking, limits: &Limits) -> Bodies {
    let mut bodies = Bodies::default();
    if asking.no_compressed {
        bodies.decoding = Decoding::Off;
    }
    if let Some(rate) = limits.limit_rate {
        // Otherwise a megabyte would be taken from the network at full speed first.
        let quarter = usize::try_from(rate / 4).unwrap_or(usize::MAX);
        bodies.read_buffer = quarter.clamp(8 * 1024, bodies.read_buffer);
    }
    bodies
}

fn dns(connection: &Connection) -> Dns {
    let resolver = match connection.dns.as_slice() {
        [] => Resolver::System,
        servers => Resolver::Own(servers.to_vec()),
    };
    Dns { pins: connection.resolve.clone(), resolver, ..Dns::default() }
}

fn connections(connection: &Connection) -> Connections {
    let binding = connection.interface.clone().unwrap_or_default();
    Connections { versions: versions(connection), binding, ..Connections::default() }
}

fn versions(connection: &Connection) -> Versions {
    if connection.http1 {
        Versions::Http1
    } else if connection.http2_prior_knowledge {
        Versions::Http2
    } else {
        Versions::Any
    }
}
