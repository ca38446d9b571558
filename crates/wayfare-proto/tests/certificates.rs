//! Certificates, keys and OCSP answers that OpenSSL made, read as OpenSSL reads them.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use wayfare_proto::certificate::key::{Algorithm, Form, Key};
use wayfare_proto::certificate::ocsp::{self, Answer, Issuer, Reason, Status, Unusable};
use wayfare_proto::certificate::{AlternativeName, Certificate};

const SERVER: &str = include_str!("certificates/server-rsa.pem");
const AUTHORITY: &str = include_str!("certificates/authority.pem");

fn server() -> Certificate {
    Certificate::from_pem(SERVER).unwrap()
}

fn authority() -> Certificate {
    Certificate::from_pem(AUTHORITY).unwrap()
}

fn issuer() -> Issuer {
    Issuer::of(&authority())
}

#[test]
fn the_text_form_is_that_of_openssl() {
    for (certificate, theirs) in [
        (server(), include_str!("certificates/server-rsa.txt")),
        (authority(), include_str!("certificates/authority.txt")),
    ] {
        let ours = certificate.to_text();
        // OpenSSL writes IPv6 addresses without the double colon.
        let theirs = theirs.replace("2001:DB8:0:0:0:0:0:7", "2001:db8::7");
        let (ours, theirs): (Vec<_>, Vec<_>) = (ours.lines().collect(), theirs.lines().collect());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours.trim_end(), theirs.trim_end());
        }
        assert_eq!(ours.len(), theirs.len());
    }
}

#[test]
fn the_parts_of_a_certificate_are_what_was_put_into_it() {
    let server = server();
    assert_eq!(server.subject().common_name(), Some("example.test"));
    assert_eq!(server.subject().values("O").next(), Some("Example, Ltd."));
    assert_eq!(server.issuer().display_name(), "Test Authority");
    assert_eq!(server.serial(), "12:34:AB:CD:56:78");
    assert_eq!(server.version(), 3);
    assert!(!server.is_authority() && !server.is_self_issued());
    assert!(authority().is_authority() && authority().is_self_issued());
    let names = server.alternative_names();
    assert!(names.contains(&AlternativeName::Dns("*.example.test".into())));
    assert!(names.contains(&AlternativeName::Ip("2001:db8::7".parse().unwrap())));
    assert!(names.contains(&AlternativeName::Email("root@example.test".into())));
    assert_eq!(names.len(), 6);
    let key = server.public_key();
    assert_eq!((key.algorithm(), key.bits(), key.exponent()), (&Algorithm::Rsa, 2048, Some(65537)));
    assert_eq!(authority().public_key().algorithm(), &Algorithm::Ec("prime256v1".into()));
    let years = server.not_after().duration_since(server.not_before()).unwrap();
    assert_eq!(years, Duration::from_secs(36_500 * 86_400));
    assert_eq!(ocsp::responders(&server), ["http://ocsp.example.test/"]);
    let ed = Certificate::from_pem(include_str!("certificates/ed25519.pem")).unwrap();
    assert_eq!(ed.public_key().algorithm(), &Algorithm::Ed25519);
}

#[test]
fn pem_goes_there_and_back() {
    assert_eq!(server().to_pem(), SERVER);
    let both = format!("explanation\n{SERVER}\nmore\n{AUTHORITY}");
    assert_eq!(Certificate::all_from_pem(both).unwrap(), [server(), authority()]);
    assert_eq!(Certificate::from_der(server().der()).unwrap(), server());
}

#[test]
fn what_is_no_certificate_is_refused_in_words() {
    let why = |pem: &str| Certificate::all_from_pem(pem).unwrap_err().to_string();
    assert!(why("hello").contains("BEGIN CERTIFICATE"));
    assert!(why(&SERVER[..400]).contains("no end"));
    let half = SERVER.lines().take(10).collect::<Vec<_>>().join("\n");
    assert!(why(&format!("{half}\n-----END CERTIFICATE-----\n")).contains("not a certificate"));
    for length in 0..server().der().len() {
        assert!(Certificate::from_der(&server().der()[..length]).is_err(), "{length}");
    }
}

#[test]
fn private_keys_are_read_in_every_form() {
    let read = |pem: &str, passphrase| Key::from_pem(pem, passphrase);
    let pkcs8 = read(include_str!("certificates/rsa-pkcs8.key"), None).unwrap();
    assert_eq!((pkcs8.algorithm(), pkcs8.form()), (&Algorithm::Rsa, Form::Pkcs8));
    let pkcs1 = read(include_str!("certificates/rsa-pkcs1.key"), None).unwrap();
    assert_eq!((pkcs1.algorithm(), pkcs1.form()), (&Algorithm::Rsa, Form::Pkcs1));
    let sec1 = read(include_str!("certificates/ec-sec1.key"), None).unwrap();
    assert_eq!((sec1.algorithm(), sec1.form()), (&Algorithm::Ec("prime256v1".into()), Form::Sec1));
    let ed = read(include_str!("certificates/ed25519.key"), None).unwrap();
    assert_eq!(ed.algorithm(), &Algorithm::Ed25519);
    for key in [&pkcs8, &pkcs1, &sec1, &ed] {
        assert_eq!(&Key::from_der(key.der(), None).unwrap(), key);
        assert!(!format!("{key:?}").contains("der"), "{key:?}");
    }
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase_only() {
    let sealed = include_str!("certificates/ec-encrypted.key");
    let opened = Key::from_pem(sealed, Some("secret")).unwrap();
    assert_eq!(opened.algorithm(), &Algorithm::Ec("prime256v1".into()));
    let why = |passphrase| Key::from_pem(sealed, passphrase).unwrap_err().to_string();
    assert!(why(None).contains("needs its passphrase"));
    assert!(why(Some("wrong")).contains("does not open"));
    let old = Key::from_pem(include_str!("certificates/rsa-old-cipher.key"), Some("secret"));
    assert!(old.unwrap_err().to_string().contains("PKCS#8"));
}

#[test]
fn ocsp_answers_say_what_the_authority_says() {
    let answer = |der: &[u8]| Answer::read(der).unwrap();
    let now = server().not_before() + Duration::from_secs(3_600);
    let status = |der: &[u8]| answer(der).status(&server(), &issuer(), now);
    let good = include_bytes!("certificates/good.ocsp");
    assert!(matches!(status(good), Ok(Status::Good { next_update: Some(_) })));
    let revoked = status(include_bytes!("certificates/revoked.ocsp")).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    assert_eq!(revoked, Status::Revoked { at, reason: Some(Reason::KeyCompromise) });
    assert_eq!(status(include_bytes!("certificates/unknown.ocsp")), Ok(Status::Unknown));
    assert_eq!(answer(good).certificates.len(), 1);
}

#[test]
fn an_ocsp_answer_counts_for_its_certificate_and_time_only() {
    let answer = Answer::read(include_bytes!("certificates/good.ocsp")).unwrap();
    let now = server().not_before() + Duration::from_secs(3_600);
    let other = answer.status(&authority(), &issuer(), now);
    assert_eq!(other, Err(Unusable::ForAnother));
    assert_eq!(answer.status(&server(), &Issuer::of(&server()), now), Err(Unusable::ForAnother));
    let early = server().not_before() - Duration::from_secs(86_400);
    assert_eq!(answer.status(&server(), &issuer(), early), Err(Unusable::OutOfDate));
    let late = server().not_before() + Duration::from_secs(30_001 * 86_400);
    assert_eq!(answer.status(&server(), &issuer(), late), Err(Unusable::OutOfDate));
}

#[test]
fn a_cut_ocsp_answer_is_malformed_and_an_error_keeps_its_number() {
    let good = include_bytes!("certificates/good.ocsp");
    for length in 0..good.len() {
        assert!(Answer::read(&good[..length]).is_err(), "{length}");
    }
    let try_later = [0x30, 0x03, 0x0a, 0x01, 0x03];
    assert_eq!(Answer::read(&try_later).unwrap_err(), Unusable::Refused(3));
}

#[test]
fn the_ocsp_request_is_the_one_openssl_makes() {
    let theirs = include_bytes!("certificates/request.der");
    assert_eq!(ocsp::request(&server(), &issuer()), theirs);
}
