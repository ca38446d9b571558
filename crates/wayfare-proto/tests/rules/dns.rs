//! Answers of name servers: good ones read whole, hostile ones refused or passed over.

use std::fs;
use std::path::Path;

use wayfare_proto::wire::dns::answer::{Fault, Verdict, judge};
use wayfare_proto::wire::dns::message::{Mismatch, Question, Style};
use wayfare_proto::wire::dns::record::{Data, RecordType};

/// A message of the fuzzer's corpus, all of which are about `a.test` and have the number 0.
fn message(name: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/dns");
    fs::read(corpus.join(name)).unwrap()
}

fn verdict(kind: RecordType, name: &str) -> Result<Verdict, Mismatch> {
    let question = Question::new("A.test", kind).unwrap();
    question.read(0, &message(name)).map(|reply| judge(&question, &reply))
}

fn found(kind: RecordType, name: &str) -> Vec<String> {
    match verdict(kind, name) {
        Ok(Verdict::Found { records, .. }) => {
            records.iter().map(|record| record.data.to_string()).collect()
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn records_of_every_type_are_read() {
    assert_eq!(found(RecordType::A, "a"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(found(RecordType::A, "cname"), ["192.0.2.1"]);
    let tlsa = format!("3 1 1 {}", "00".repeat(32));
    let any = ["10 mx.a.test.", "1 2 3 s.test.", "\"hello\" \"\"", &tlsa, "0 issue \"ca.test\""];
    assert_eq!(found(RecordType::ANY, "any"), any);
    let any =
        ["1 2 \"u\" \"E2U+sip\" \"!a!b!\" .", "ns.test.", "p\\060script\\062.test.", "\\# 2 0102"];
    assert_eq!(found(RecordType::ANY, "any2"), any);
}

#[test]
fn a_service_record_is_read_with_all_its_parameters() {
    let Ok(Verdict::Found { records, ttl: 60 }) = verdict(RecordType::HTTPS, "https") else {
        panic!("{:?}", verdict(RecordType::HTTPS, "https"));
    };
    let Data::Https(service) = &records[0].data else { panic!("{records:?}") };
    assert_eq!(service.alpn, [b"h2".to_vec(), b"h3".to_vec()]);
    assert_eq!(service.port, Some(8443));
    assert_eq!(service.ipv4_hints, [std::net::Ipv4Addr::new(192, 0, 2, 1)]);
    assert_eq!(service.ipv6_hints, [std::net::Ipv6Addr::LOCALHOST]);
    assert_eq!(service.ech.as_deref(), Some(&b"echo"[..]));
    assert!(service.is_usable());
    let found = verdict(RecordType::HTTPS, "https_mandatory").unwrap();
    let Verdict::Found { records, .. } = found else { panic!("{found:?}") };
    let Data::Https(service) = &records[0].data else { panic!("{records:?}") };
    assert!(!service.is_usable(), "it demands a key that nobody knows");
}

#[test]
fn what_is_damaged_is_refused() {
    let damaged = [
        (RecordType::A, "pointer_to_itself"),
        (RecordType::A, "pointer_loop_in_question"),
        (RecordType::A, "counts_lie"),
        (RecordType::A, "rdlen_lies"),
        (RecordType::HTTPS, "https_lies"),
        (RecordType::HTTPS, "https_alpn_lies"),
    ];
    for (kind, name) in damaged {
        assert!(matches!(verdict(kind, name), Err(Mismatch::Malformed(_))), "{name}");
    }
    assert_eq!(verdict(RecordType::A, "empty"), Err(Mismatch::NotAsked));
    assert_eq!(verdict(RecordType::A, "cname_loop"), Ok(Verdict::Unusable(Fault::AliasLoop)));
    assert_eq!(
        verdict(RecordType::A, "servfail_bare"),
        Ok(Verdict::Unusable(Fault::ServerFailure))
    );
    assert_eq!(verdict(RecordType::A, "nxdomain"), Ok(Verdict::NoSuchName { ttl: 5 }));
}

#[test]
fn a_time_with_its_highest_bit_set_is_none() {
    assert!(matches!(verdict(RecordType::A, "ttl_huge"), Ok(Verdict::Found { ttl: 0, .. })));
}

#[test]
fn an_answer_to_another_question_is_not_believed() {
    let right = message("a");
    let read =
        |name: &str, kind, id, bytes: &[u8]| Question::new(name, kind).unwrap().read(id, bytes);
    assert!(read("a.test", RecordType::A, 0, &right).is_ok());
    for (name, kind, id) in [
        ("a.test", RecordType::A, 1),
        ("b.test", RecordType::A, 0),
        ("a.test", RecordType::AAAA, 0),
    ] {
        assert_eq!(read(name, kind, id, &right), Err(Mismatch::NotAsked));
    }
    let question = Question::new("a.test", RecordType::A).unwrap();
    assert_eq!(
        question.read(7, &question.to_bytes(7, Style::Extended)),
        Err(Mismatch::NotAsked),
        "a mirror"
    );
}

#[test]
fn every_cut_of_an_answer_is_refused_without_harm() {
    for name in ["any", "any2", "https"] {
        let whole = message(name);
        for end in 0..whole.len() {
            let kind = if name == "https" { RecordType::HTTPS } else { RecordType::ANY };
            let question = Question::new("a.test", kind).unwrap();
            assert!(question.read(0, &whole[..end]).is_err(), "{name} {end}");
        }
    }
}
