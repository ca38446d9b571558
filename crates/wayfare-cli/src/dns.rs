//! `wayfare dns`: DNS records, for people and for programs.

use std::fmt::Write;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wayfare::dns::{LookedUp, LookupFailure, LookupFault, Record, RecordType};
use wayfare::options::{Dns, Resolver, Tls};
use wayfare::proxy::Chain;
use wayfare::{Blocking, Manager};

use crate::arguments;
use crate::fetch::client;
use crate::{advice, exit, output};

/// Looks records up and prints them.
pub(crate) fn run(asked: &arguments::Dns) -> ExitCode {
    let mut tls = Tls::default();
    if let Some(path) = &asked.cacert {
        tls = match tls.with_only_authority_file(path) {
            Ok(tls) => tls,
            Err(error) => {
                output::complain(&advice::line(&error, &advice::Given::of("--cacert")));
                return exit::with(77); // curl's number for a CA file that cannot be read
            }
        };
    }
    if asked.insecure {
        tls = tls.dangerous().trust_everybody();
    }
    // Without servers those of /etc/resolv.conf are asked, as the system would.
    let resolver = Resolver::Own(asked.server.clone());
    let way = asked.proxy.clone().unwrap_or(Chain::DIRECT);
    let dns = Dns { resolver, way, ..Dns::default() };
    let mut timeouts = client::timeouts(&asked.patience);
    if let Some(longest) = asked.patience.max_time {
        let shorter = asked.patience.connect_timeout.map_or(longest, |other| other.min(longest));
        timeouts.resolve = shorter.into();
    }
    let manager = Manager::builder().dns(dns).tls(tls).timeouts(timeouts).build().blocking();
    let began = Instant::now();
    if asked.verbose {
        announce(asked);
    }
    let found = look_up(&manager, asked);
    if asked.verbose {
        output::note(&format!("* took {} ms", began.elapsed().as_millis()));
    }
    match found {
        Ok(found) => {
            let text = if asked.json { in_json(&found) } else { in_lines(&found) };
            if output::print(&text) { ExitCode::SUCCESS } else { exit::with(exit::WRITE) }
        }
        Err(failure) => {
            output::complain(&failure.to_string());
            exit::with(code(&failure))
        }
    }
}

/// Tells who is going to be asked.
fn announce(asked: &arguments::Dns) {
    let servers: Vec<_> = asked.server.iter().map(ToString::to_string).collect();
    let servers = match servers.is_empty() {
        true => "the servers of /etc/resolv.conf".to_owned(),
        false => servers.join(", "),
    };
    let way = asked.proxy.as_ref().filter(|way| !way.is_direct());
    let through = way.map(|way| format!(" through {way}")).unwrap_or_default();
    output::note(&format!("* asking {servers}{through}"));
}

/// An address is asked for its names, unless it says otherwise.
fn look_up(manager: &Blocking<Manager>, asked: &arguments::Dns) -> Result<LookedUp, LookupFailure> {
    match (asked.name.parse::<IpAddr>(), asked.kind) {
        (Ok(address), None) => manager.pointers_of(address),
        (_, kind) => manager.lookup(&asked.name, kind.unwrap_or(RecordType::A)),
    }
}

fn in_lines(found: &LookedUp) -> String {
    let mut text = String::new();
    for record in &found.records {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{record}");
    }
    let authentic = if found.authentic { ", authentic by its word" } else { "" };
    let _ = writeln!(text, "; {} over {}{authentic}", found.server, found.transport.name());
    text
}

fn in_json(found: &LookedUp) -> String {
    let records: Vec<_> = found.records.iter().map(record).collect();
    let all = json!({
        "name": found.name,
        "records": records,
        "server": found.server.to_string(),
        "transport": found.transport.name(),
        "authentic": found.authentic,
    });
    format!("{all}\n")
}

fn record(record: &Record) -> Value {
    let mut all = json!({
        "name": record.name,
        "ttl": record.ttl,
        "type": record.data.kind().to_string(),
        "data": record.data.to_string(),
    });
    if let wayfare::dns::Data::Txt(pieces) = &record.data {
        // Any bytes may stand in a text.
        let pieces: Vec<_> = pieces.iter().map(|piece| STANDARD.encode(piece)).collect();
        all["pieces_b64"] = pieces.into();
    }
    all
}

/// curl's numbers: no such name, a deadline, cannot connect, a broken answer.
fn code(failure: &LookupFailure) -> u8 {
    match failure.kind {
        LookupFault::InvalidRequest => exit::USAGE,
        LookupFault::Timeout => 28,
        LookupFault::Resolver => 7,
        LookupFault::InvalidReply => 8,
        _ => 6,
    }
}
