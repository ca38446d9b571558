//! Questions to bytes and bytes to answers; the only file that names the codec.

use std::fmt;
use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::svcb::{SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType as Kind};
use hickory_proto::serialize::binary::BinEncodable;

use super::record::{Data, Record, RecordType, Service};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    name: String,
    kind: RecordType,
}

/// How a question is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With EDNS (RFC 6891): answers of up to 1232 bytes fit into a datagram.
    Extended,
    /// As in 1987, for servers that do not understand the other (RFC 6891 §7).
    Plain,
}

/// A name that cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadName(Box<str>);

/// What came back, of which nothing but the form is known to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The server's response code, with its upper bits (RFC 6891 §6.1.3).
    pub code: u16,
    /// The server says that the answer is authentic (RFC 4035 §3.2.3).
    pub authentic: bool,
    /// The answer did not fit: ask again over a stream.
    pub truncated: bool,
    /// The question was not understood; written plainly it may be.
    pub puzzled: bool,
    /// The records that answer, at most 1000.
    pub answers: Vec<Record>,
    /// The records about the zone, at most 1000.
    pub authorities: Vec<Record>,
}

/// Why bytes are no answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// They are no DNS message.
    Malformed(String),
    /// They answer something else, maybe because somebody guesses (RFC 5452 §9).
    NotAsked,
}

impl Question {
    /// A question about a name; names outside of ASCII are converted (IDNA), a final dot may be
    /// there.
    ///
    /// # Errors
    /// [`BadName`] for empty and overlong labels and names, and for what IDNA refuses.
    pub fn new(name: &str, kind: RecordType) -> Result<Self, BadName> {
        let bad = || BadName(name.into());
        let bare = name.strip_suffix('.').unwrap_or(name);
        let ascii = match bare.is_ascii() {
            true => bare.to_ascii_lowercase(),
            false => match url::Host::parse(bare) {
                Ok(url::Host::Domain(domain)) => domain,
                _ => return Err(bad()),
            },
        };
        let fits = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        };
        let is_root = name == ".";
        if ascii.len() > 253 || !(is_root || ascii.split('.').all(fits)) {
            return Err(bad());
        }
        Ok(Self { name: ascii, kind })
    }

    /// The question for the names of an address (RFC 1035 §3.5, RFC 3596 §2.5).
    #[must_use]
    pub fn about(address: IpAddr) -> Self {
        let name = match address {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(ip) => {
                let mut name = String::with_capacity(72);
                for byte in ip.octets().iter().rev() {
                    name.push_str(&format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
                }
                name + "ip6.arpa"
            }
        };
        Self { name, kind: RecordType::PTR }
    }

    /// The name in lower case, without a final dot; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is asked for.
    #[must_use]
    pub fn kind(&self) -> RecordType {
        self.kind
    }

    /// The message that asks.
    #[must_use]
    pub fn to_bytes(&self, id: u16, style: Style) -> Vec<u8> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        // Asks for the same bit in the answer (RFC 6840 §5.7).
        message.metadata.authentic_data = true;
        message.add_query(Query::query(self.wire_name(), Kind::from(self.kind.0)));
        if style == Style::Extended {
            let mut edns = Edns::new();
            edns.set_max_payload(MOST_PAYLOAD);
            message.set_edns(edns);
        }
        // A name that was checked and no records: it always fits.
        message.to_vec().unwrap_or_default()
    }

    /// Reads an answer to this question that carries this number.
    ///
    /// # Errors
    /// [`Mismatch`] for what is no answer to it; who asks over datagrams goes on waiting then.
    pub fn read(&self, id: u16, bytes: &[u8]) -> Result<Reply, Mismatch> {
        if bytes.first_chunk() != Some(&id.to_be_bytes()) {
            return Err(Mismatch::NotAsked);
        }
        let malformed = |why: &dyn fmt::Display| Mismatch::Malformed(why.to_string());
        let message = Message::from_vec(bytes).map_err(|why| malformed(&why))?;
        let metadata = &message.metadata;
        let code = u16::from(metadata.response_code);
        let is_ours = match &message.queries[..] {
            [asked] => self.is(asked),
            // Who did not understand the question cannot repeat it.
            [] => code != NO_ERROR && code != NO_SUCH_NAME,
            _ => false,
        };
        if metadata.message_type != MessageType::Response
            || metadata.op_code != OpCode::Query
            || !is_ours
        {
            return Err(Mismatch::NotAsked);
        }
        let (authentic, truncated) = (metadata.authentic_data, metadata.truncation);
        let read = |records: &[_]| records.iter().filter_map(record).take(MOST_RECORDS).collect();
        let (answers, authorities) = (read(&message.answers), read(&message.authorities));
        let puzzled = matches!(code, FORMAT_ERROR | NOT_IMPLEMENTED);
        Ok(Reply { code, authentic, truncated, puzzled, answers, authorities })
    }

    fn wire_name(&self) -> Name {
        let labels = self.name.split('.').filter(|label| !label.is_empty());
        // Labels were checked when the question was made.
        Name::from_labels(labels.map(str::as_bytes)).unwrap_or_else(|_| Name::root())
    }

    fn is(&self, asked: &Query) -> bool {
        asked.query_class() == DNSClass::IN
            && u16::from(asked.query_type()) == self.kind.0
            && text(asked.name()) == text(&self.wire_name())
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" cannot be asked for: a name has parts of 1 to 63 characters between dots, and \
             253 characters in all",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadName {}

/// A record of the Internet class in our own terms.
fn record(record: &hickory_proto::rr::Record) -> Option<Record> {
    if record.dns_class != DNSClass::IN {
        return None;
    }
    // RFC 2181 §8: a time with its highest bit set is no time.
    let ttl = if record.ttl > i32::MAX.cast_unsigned() { 0 } else { record.ttl.min(MOST_TTL) };
    Some(Record { name: text(&record.name), ttl, data: data(&record.data)? })
}

fn data(data: &RData) -> Option<Data> {
    Some(match data {
        RData::A(ip) => Data::A(ip.0),
        RData::AAAA(ip) => Data::Aaaa(ip.0),
        RData::CAA(caa) => Data::Caa {
            critical: caa.issuer_critical,
            tag: caa.tag.clone(),
            value: caa.value.clone(),
        },
        RData::CNAME(name) => Data::Cname(text(&name.0)),
        RData::HTTPS(https) => Data::Https(service(&https.0)),
        RData::MX(mx) => Data::Mx { preference: mx.preference, exchange: text(&mx.exchange) },
        RData::NAPTR(naptr) => Data::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: naptr.flags.to_vec(),
            services: naptr.services.to_vec(),
            regexp: naptr.regexp.to_vec(),
            replacement: text(&naptr.replacement),
        },
        RData::NS(name) => Data::Ns(text(&name.0)),
        RData::PTR(name) => Data::Ptr(text(&name.0)),
        RData::SOA(soa) => Data::Soa {
            server: text(&soa.mname),
            responsible: text(&soa.rname),
            serial: soa.serial,
            minimum: soa.minimum,
        },
        RData::SRV(srv) => Data::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: text(&srv.target),
        },
        RData::SVCB(svcb) => Data::Svcb(service(svcb)),
        RData::TLSA(tlsa) => Data::Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        },
        RData::TXT(txt) => Data::Txt(txt.txt_data.iter().map(|piece| piece.to_vec()).collect()),
        other => {
            let kind = RecordType(other.record_type().into());
            Data::Other { kind, data: other.to_bytes().ok()? }
        }
    })
}

fn service(svcb: &SVCB) -> Service {
    let mut service = Service {
        priority: svcb.svc_priority,
        target: text(&svcb.target_name),
        ..Service::default()
    };
    for (key, value) in &svcb.svc_params {
        match value {
            SvcParamValue::Mandatory(keys) => {
                service.mandatory = keys.0.iter().map(|key| u16::from(*key)).collect();
            }
            SvcParamValue::Alpn(names) => {
                service.alpn = names.0.iter().map(|name| name.clone().into_bytes()).collect();
            }
            SvcParamValue::NoDefaultAlpn => service.no_default_alpn = true,
            SvcParamValue::Port(port) => service.port = Some(*port),
            SvcParamValue::Ipv4Hint(hints) => {
                service.ipv4_hints = hints.0.iter().map(|ip| ip.0).collect();
            }
            SvcParamValue::EchConfigList(list) => service.ech = Some(list.0.clone()),
            SvcParamValue::Ipv6Hint(hints) => {
                service.ipv6_hints = hints.0.iter().map(|ip| ip.0).collect();
            }
            SvcParamValue::Unknown(value) => service.other.push((number(*key), value.0.clone())),
        }
    }
    service
}

fn number(key: SvcParamKey) -> u16 {
    key.into()
}

/// A name as text in lower case; whatever could be taken for something else is escaped, because
/// names come from strangers and go into logs, pages and other programs.
fn text(name: &Name) -> String {
    let mut text = String::new();
    for label in name.iter() {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'*' => {
                    text.push(char::from(byte.to_ascii_lowercase()));
                }
                _ => text.push_str(&format!("\\{byte:03}")),
            }
        }
    }
    text
}

/// What survives every path without being split (DNS flag day 2020).
const MOST_PAYLOAD: u16 = 1232;
const MOST_RECORDS: usize = 1000;
/// Nothing is kept for longer than a day, whatever its server says.
const MOST_TTL: u32 = 86_400;
const NO_ERROR: u16 = 0;
const FORMAT_ERROR: u16 = 1;
const NOT_IMPLEMENTED: u16 = 4;
const NO_SUCH_NAME: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_converted_and_checked() {
        let name = |text: &str| Question::new(text, RecordType::A).map(|asked| asked.name);
        assert_eq!(name("A.Test.").as_deref(), Ok("a.test"));
        assert_eq!(name("bücher.example").as_deref(), Ok("xn--bcher-kva.example"));
        assert_eq!(name("_dns-sd._udp.a.test").as_deref(), Ok("_dns-sd._udp.a.test"));
        assert_eq!(name(".").as_deref(), Ok(""));
        let long = "a".repeat(64);
        let too_long = ["abcdefg."; 32].concat() + "a";
        for bad in ["", "..", "a..b", ".a", "a b", "a\u{0}", "a\\b", &long, &too_long, "ü ü"] {
            assert_eq!(name(bad), Err(BadName(bad.into())));
        }
    }

    #[test]
    fn addresses_have_names_of_their_own() {
        let name = |address: &str| Question::about(address.parse().unwrap()).name;
        assert_eq!(name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
        let nibbles = "1.0.0.0.".to_owned() + &"0.".repeat(20) + "8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(name("2001:db8::1"), nibbles);
    }

    #[test]
    fn a_question_is_one_message_that_repeats_its_name() {
        let bytes =
            Question::new("a.test", RecordType::MX).unwrap().to_bytes(0x1234, Style::Extended);
        assert_eq!(&bytes[..12], [0x12, 0x34, 1, 0x20, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(&bytes[12..24], [1, b'a', 4, b't', b'e', b's', b't', 0, 0, 15, 0, 1]);
    }
}
