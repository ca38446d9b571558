//! A network whose names are looked up as somebody has chosen, with what is kept of answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use wayfare_proto::address::order::{self, Candidate, Source};
use wayfare_proto::route::happy_eyeballs::Family;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::dns::record::{Data, RecordType, Service};
use wayfare_proto::wire::hosts;

use super::{Around, Kept, Key, LookupFailure, Names, Resolver};
use crate::clock::now;
use crate::dial::Memories;
use crate::gss::Tickets;
use crate::network::{Asking, Network, Question};
use crate::runtime::Home;
use crate::socket::udp::Udp;
use crate::socket::{SocketOptions, Stream};
use crate::tls::policy::TlsPolicy;

/// A network whose names are looked up as somebody has chosen.
#[derive(Clone)]
pub struct Resolving {
    /// The machine, or a test's stand-in.
    pub network: Arc<dyn Network>,
    /// What is kept of answers.
    pub names: Arc<Names>,
    /// Who is asked.
    pub resolver: Resolver,
    /// For how long addresses of the system's resolver are kept, which does not say for how long
    /// they are good.
    pub keep: Duration,
    /// How sockets to name servers are set up.
    pub sockets: SocketOptions,
    /// Whom to trust, for name servers that speak TLS.
    pub tls: Arc<TlsPolicy>,
    /// What earlier dials have taught.
    pub memories: Arc<Memories>,
    /// Name servers whose address is given here; `*` stands for every host.
    pub pins: Vec<(String, IpAddr)>,
    /// The proxies through which own name servers are asked; none is the direct way.
    pub way: Chain,
    /// The port whose HTTPS records are asked for, too, where the own resolver is used.
    pub https_port: Option<u16>,
}

impl Resolving {
    /// Forgets what is kept of a name that led nowhere.
    pub fn forget(&self, name: &str) {
        self.names.cache().forget(|key| key.name.eq_ignore_ascii_case(name));
    }

    /// The addresses of a name, best first.
    ///
    /// # Errors
    /// [`LookupFailure`] of whoever was asked.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the lookup at once.
    pub async fn addresses(&self, home: &Home, name: &str) -> Result<Vec<IpAddr>, LookupFailure> {
        self.resolve(home, name).await.map_err(|why| LookupFailure::from(&why))
    }

    /// The names of an address: what the system's resolver says, with the other names that the hosts
    /// file has for it, or else those of its PTR records.
    ///
    /// # Errors
    /// [`LookupFailure`] of whoever was asked.
    ///
    /// # Cancel safety
    /// Dropping the future closes its sockets.
    pub async fn names_of(
        &self,
        home: &Home,
        address: IpAddr,
    ) -> Result<Vec<String>, LookupFailure> {
        let servers = match &self.resolver {
            Resolver::Own(servers) => servers.as_slice(),
            Resolver::System => {
                let read =
                    home.unblock(|| std::fs::read_to_string(HOSTS).unwrap_or_default()).await;
                let mut names = hosts::names_of(&read.unwrap_or_default(), address);
                match self.network.name_of(home, address).await {
                    // The hosts file may have no say, or not the first.
                    Ok(name) if !names.contains(&name) => return Ok(vec![name]),
                    Ok(name) => {
                        names.sort_by_key(|other| *other != name);
                        return Ok(names);
                    }
                    Err(_) if !names.is_empty() => return Ok(names),
                    Err(_) => &[],
                }
            }
        };
        let found = self.names.reverse(&self.around(home), servers, address).await?;
        let names = found.records.into_iter().filter_map(|record| match record.data {
            Data::Ptr(name) => Some(name),
            _ => None,
        });
        Ok(names.collect())
    }

    /// What lookups of this kind need.
    #[must_use]
    pub fn around<'a>(&'a self, home: &'a Home) -> Around<'a> {
        Around {
            network: &*self.network,
            home,
            sockets: &self.sockets,
            tls: &self.tls,
            memories: &self.memories,
            pins: &self.pins,
            way: &self.way,
            lines: &self.names.lines,
        }
    }

    fn by_system<'a>(&'a self, home: &'a Home, name: &'a str) -> Vec<Question<'a>> {
        if let Some(addresses) = self.names.kept_addresses(&self.sockets.binding, name) {
            return vec![Question::All(Box::pin(std::future::ready(Ok(addresses))))];
        }
        let key = Key::of_system(&self.sockets.binding, name);
        let keep = |question| match question {
            Question::All(asking) => {
                let key = key.clone();
                Question::All(Box::pin(async move {
                    let found = asking.await?;
                    let kept = Kept::Addresses(found.clone());
                    self.names.cache().keep(key, kept, self.keep, now());
                    Ok(found)
                }) as Asking<'a, _>)
            }
            other => other,
        };
        self.network.questions(home, name).into_iter().map(keep).collect()
    }

    async fn of_family(&self, home: &Home, name: &str, family: Family) -> io::Result<Vec<IpAddr>> {
        let Resolver::Own(servers) = &self.resolver else { return Ok(Vec::new()) };
        let kind = match family {
            Family::V4 => RecordType::A,
            Family::V6 => RecordType::AAAA,
        };
        let found = self.names.lookup(&self.around(home), servers, name, kind).await?;
        let addresses = found.records.iter().filter_map(|record| match record.data {
            Data::A(ip) => Some(IpAddr::V4(ip)),
            Data::Aaaa(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        });
        Ok(self.sorted(addresses.collect()))
    }

    /// Best first (RFC 6724), where this machine's own addresses are known.
    fn sorted(&self, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        if addresses.len() < 2 {
            return addresses;
        }
        let candidate = |destination: IpAddr| {
            let peer = SocketAddr::new(destination, 9);
            let source = self.network.source(peer, &self.sockets).map(Source::new);
            Candidate { destination, source }
        };
        let mut candidates: Vec<_> = addresses.into_iter().map(candidate).collect();
        order::sort(&mut candidates);
        candidates.into_iter().map(|candidate| candidate.destination).collect()
    }

    /// The HTTPS records of the name and port (RFC 9460 §9.1).
    async fn services(&self, home: &Home, name: &str, port: u16) -> io::Result<Vec<Service>> {
        let Resolver::Own(servers) = &self.resolver else { return Ok(Vec::new()) };
        let asked = match port {
            443 => name.to_owned(),
            port => format!("_{port}._https.{name}"),
        };
        let found =
            self.names.lookup(&self.around(home), servers, &asked, RecordType::HTTPS).await?;
        let mut services: Vec<_> = found
            .records
            .into_iter()
            .filter_map(|record| match record.data {
                Data::Https(service) => Some(service),
                _ => None,
            })
            .collect();
        services.sort_by_key(|service| service.priority);
        Ok(services)
    }
}

impl Network for Resolving {
    fn resolve<'a>(&'a self, home: &'a Home, name: &'a str) -> Asking<'a, io::Result<Vec<IpAddr>>> {
        if self.resolver == Resolver::System {
            return match self.by_system(home, name).pop() {
                Some(Question::All(asking)) => asking,
                _ => self.network.resolve(home, name),
            };
        }
        if is_localhost(name) {
            return Box::pin(std::future::ready(Ok(loopback())));
        }
        Box::pin(async move {
            // One after the other: who wants them at once asks the questions.
            let v6 = self.of_family(home, name, Family::V6).await.unwrap_or_default();
            match self.of_family(home, name, Family::V4).await {
                Ok(v4) => Ok([v6, v4].concat()),
                Err(_) if !v6.is_empty() => Ok(v6),
                Err(why) => Err(why),
            }
        })
    }

    fn questions<'a>(&'a self, home: &'a Home, name: &'a str) -> Vec<Question<'a>> {
        if self.resolver == Resolver::System {
            return self.by_system(home, name);
        }
        if is_localhost(name) {
            return vec![Question::All(Box::pin(std::future::ready(Ok(loopback()))))];
        }
        let mut questions = vec![
            Question::Family(Family::V6, Box::pin(self.of_family(home, name, Family::V6))),
            Question::Family(Family::V4, Box::pin(self.of_family(home, name, Family::V4))),
        ];
        if let Some(port) = self.https_port {
            questions.push(Question::Services(Box::pin(self.services(home, name, port))));
        }
        questions
    }

    fn connect<'a>(
        &'a self,
        home: &'a Home,
        address: SocketAddr,
        options: &'a SocketOptions,
    ) -> Asking<'a, io::Result<Box<dyn Stream>>> {
        self.network.connect(home, address, options)
    }

    fn datagrams(&self, home: &Home, peer: SocketAddr, options: &SocketOptions) -> io::Result<Udp> {
        self.network.datagrams(home, peer, options)
    }

    fn tickets(&self) -> Arc<dyn Tickets> {
        self.network.tickets()
    }

    fn source(&self, peer: SocketAddr, options: &SocketOptions) -> Option<IpAddr> {
        self.network.source(peer, options)
    }
}

fn loopback() -> Vec<IpAddr> {
    vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
}

/// RFC 6761 §6.3: such names are this machine's, and no server is asked.
fn is_localhost(name: &str) -> bool {
    let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    bare == "localhost" || bare.ends_with(".localhost")
}

const HOSTS: &str = "/etc/hosts";
