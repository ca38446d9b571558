//! Harnesses for answers of name servers and for their list.

use crate::wire::dns::answer::{Verdict, judge};
use crate::wire::dns::message::Question;
use crate::wire::dns::order::sort;
use crate::wire::dns::record::{Data, RecordType};
use crate::wire::resolv_conf::ResolvConf;

/// Reads the bytes as an answer to questions about `a.test`.
pub fn dns(data: &[u8]) {
    let Some((id, _)) = data.split_first_chunk() else { return };
    for kind in [RecordType::A, RecordType::HTTPS, RecordType::ANY] {
        let Ok(question) = Question::new("a.test", kind) else { return };
        let Ok(reply) = question.read(u16::from_be_bytes(*id), data) else { continue };
        if let Verdict::Found { mut records, ttl } = judge(&question, &reply) {
            assert!(!records.is_empty() && records.len() <= 1000);
            sort(&mut records, &mut |below| below / 2);
            for record in records {
                assert!(ttl <= record.ttl && record.ttl <= 86_400);
                assert!(kind == RecordType::ANY || record.data.kind() == kind);
                let line = record.to_string();
                assert!(
                    line.chars().all(|c| c.is_ascii_graphic() || c == ' ' || c == '…'),
                    "{line}"
                );
                if let Data::Https(service) = record.data {
                    let _ = service.is_usable();
                }
            }
        }
    }
}

/// Reads the bytes as a list of name servers.
pub fn resolv_conf(data: &[u8]) {
    let conf = ResolvConf::parse(&String::from_utf8_lossy(data));
    assert!((1..=3).contains(&conf.servers.len()) && conf.search.len() <= 6);
    assert!((1..=5).contains(&conf.attempts) && conf.ndots <= 15);
    assert!((1..=30).contains(&conf.timeout.as_secs()));
    assert_eq!(conf.candidates("a").len(), conf.search.len() + 1);
}
